"""The network: lightness in, a distribution over colors out (chapter: network).

Eight blocks of convolutions, in the style of VGG but without pooling: strides bring
the picture down to an eighth, dilation widens the view without losing more, and one
transposed convolution brings it back to a quarter. The layers are the table of Zhang
et al. 2016; `layer_table` computes that table from the module itself.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from colorlab.quantize import N_BINS, bin_centers

STRIDE = 8  # height and width must be multiples of it
AB_REACH = 110.0  # ab units; a network of two channels counts in these
L_MIDDLE, L_RANGE = 50.0, 100.0  # the authors' PyTorch code scales L so

Convolution = nn.Conv2d | nn.ConvTranspose2d

# Channels of conv7 and conv8, in units of the width. The paper's table has 256 and
# 128 at width 64; the network the authors released has 512 and 256.
LAST_BLOCKS = {"paper": (4, 2), "released": (8, 4)}


def best_device() -> torch.device:
    """Return the accelerator that this machine has, else the CPU.

    Returns
    -------
    torch.device
        For a network and all that it is given: `load_pretrained(device=...)`,
        `L.to(device)`.

    Examples
    --------
    >>> model = ColorNet(width=2).to(best_device())
    """
    found = torch.accelerator.is_available() and torch.accelerator.current_accelerator()
    return found or torch.device("cpu")


def check_lightness(L: Tensor) -> None:
    """Refuse what a network cannot take.

    Parameters
    ----------
    L : Tensor, shape (N, 1, H, W)
        Lightness; H and W multiples of 8.

    Raises
    ------
    ValueError
        If the shape is another.

    Examples
    --------
    >>> check_lightness(torch.zeros(1, 1, 24, 40))
    """
    if L.ndim != 4 or L.shape[1] != 1 or L.shape[2] % STRIDE or L.shape[3] % STRIDE:
        raise ValueError(
            f"L must have shape (N, 1, H, W), H and W multiples of {STRIDE}, "
            f"got {tuple(L.shape)}"
        )


def register_centers(model: nn.Module) -> None:
    """Give a network the bin centers, which then move with it.

    Parameters
    ----------
    model : nn.Module
        Gets the buffer `centers`, which is not saved with the weights.

    Examples
    --------
    >>> layer = nn.Identity()
    >>> register_centers(layer)
    >>> layer.centers.shape
    torch.Size([313, 2])
    """
    with torch.device("cpu"):  # also while `load_model` builds on "meta"
        model.register_buffer("centers", bin_centers(), persistent=False)


class ColorNet(nn.Module):
    """The colorization network (book chapter: network).

    Parameters
    ----------
    width : int
        Channels of the first block; all others are multiples. The paper has 64.
    variant : str
        "paper": conv7 and conv8 as in the paper's table (4 and 2 times the width).
        "released": as in the authors' weights (8 and 4 times).
    out_channels : int
        One logit a bin, or 2 for a network trained with `l2_loss`, whose output is
        ab itself, in Lab units.

    Attributes
    ----------
    head : str
        What `forward` returns: "bins" (logits) or "ab" (Lab units).
    centers
        The bin centers: Tensor, shape (313, 2), on the network's device.
    card : dict
        From the file it was loaded from: how it was trained, default T and size.

    Raises
    ------
    ValueError
        If the variant is unknown, or a number is not positive.

    Notes
    -----
    Zhang et al. 2016, table 4 (the course paper's figure 4). Each convolution is
    followed by a ReLU; the last of blocks 1 to 7 then by batch norm, which is affine
    here and was not in the authors' Caffe code.

    Examples
    --------
    >>> ColorNet(width=2)(torch.full((1, 1, 24, 40), 50.0)).shape
    torch.Size([1, 313, 6, 10])
    """

    def __init__(
        self, width: int = 64, variant: str = "paper", out_channels: int = N_BINS
    ) -> None:
        super().__init__()
        if variant not in LAST_BLOCKS:
            raise ValueError(f"variant must be in {[*LAST_BLOCKS]}, got {variant!r}")
        if width < 1 or out_channels < 1:
            raise ValueError(
                "width and out_channels must be at least 1, "
                f"got {width} and {out_channels}"
            )
        self.width, self.variant, self.out_channels = width, variant, out_channels
        self.head = "ab" if out_channels == 2 else "bins"
        self.card: dict = {}
        self.centers: Tensor
        register_centers(self)
        seven, eight = (width * times for times in LAST_BLOCKS[variant])
        self.conv1 = block(1, width, layers=2, stride=2)
        self.conv2 = block(width, 2 * width, layers=2, stride=2)
        self.conv3 = block(2 * width, 4 * width, layers=3, stride=2)
        self.conv4 = block(4 * width, 8 * width, layers=3)
        self.conv5 = block(8 * width, 8 * width, layers=3, dilation=2)
        self.conv6 = block(8 * width, 8 * width, layers=3, dilation=2)
        self.conv7 = block(8 * width, seven, layers=3)
        self.conv8 = nn.Sequential(
            nn.ConvTranspose2d(seven, eight, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            *_convolutions(eight, eight, layers=2),
        )
        self.output = nn.Conv2d(eight, out_channels, kernel_size=1)
        self.register_load_state_dict_pre_hook(_rename_old_keys)

    def forward(self, L: Tensor) -> Tensor:
        """Predict colors from lightness.

        Parameters
        ----------
        L : Tensor, shape (N, 1, H, W)
            Lightness in Lab units, 0..100; H and W multiples of 8.

        Returns
        -------
        Tensor, shape (N, out_channels, H/4, W/4)
            Logits, or ab for a two-channel network.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        check_lightness(L)
        x = (L - L_MIDDLE) / L_RANGE
        x = self.conv3(self.conv2(self.conv1(x)))  # down to H/8
        x = self.conv7(self.conv6(self.conv5(self.conv4(x))))
        x = self.output(self.conv8(x))  # up to H/4
        return x * AB_REACH if self.head == "ab" else x


def _rename_old_keys(_: nn.Module, state: dict, prefix: str, *__: object) -> None:
    """Load files and checkpoints of version 0.1, which called the last layer head."""
    for key in [key for key in state if key.startswith(f"{prefix}head.")]:
        state[key.replace("head.", "output.")] = state.pop(key)


def _convolutions(
    inputs: int, channels: int, layers: int, stride: int = 1, dilation: int = 1
) -> list[nn.Module]:
    """3x3 convolutions with ReLU, which keep the size but for the last one's stride."""
    modules: list[nn.Module] = []
    for layer in range(1, layers + 1):
        modules += [
            nn.Conv2d(
                inputs if layer == 1 else channels,
                channels,
                kernel_size=3,
                stride=stride if layer == layers else 1,
                padding=dilation,
                dilation=dilation,
            ),
            nn.ReLU(inplace=True),
        ]
    return modules


def block(inputs: int, channels: int, **options: int) -> nn.Sequential:
    """Return convolutions with ReLU, and batch norm (book chapter: network).

    Parameters
    ----------
    inputs, channels : int
        Channels of the input and the output.
    **options
        layers: how many 3x3 convolutions; stride of the last one; dilation of all.

    Returns
    -------
    nn.Sequential
        A block as `ColorNet` has seven of.

    Examples
    --------
    >>> [type(layer).__name__ for layer in block(1, 8, layers=1)]
    ['Conv2d', 'ReLU', 'BatchNorm2d']
    """
    return nn.Sequential(
        *_convolutions(inputs, channels, **options), nn.BatchNorm2d(channels)
    )


@dataclass(frozen=True)
class LayerRow:
    """One line of the layer table, in the paper's letters (book chapter: network)."""

    name: str
    X: int  # height and width of the output, for a square picture
    C: int  # output channels
    S: float  # stride; 0.5 is a transposed convolution of stride 2
    D: int  # dilation of the kernel
    Sa: float  # accumulated stride: input pixels from one grid point to the next
    De: float  # effective dilation: Sa times D
    BN: bool  # followed by batch norm
    L: bool  # followed by the 1x1 convolution under the loss
    parameters: int  # with those of its batch norm
    macs: int  # multiply-adds for one picture
    receptive_field: int  # input pixels, each way, that one output can see


def layer_table(model: ColorNet, size: int = 224) -> list[LayerRow]:
    """Compute the paper's layer table from the module (book chapter: network).

    Parameters
    ----------
    model : ColorNet
        Any width and variant; its weights do not matter.
    size : int
        Height and width of the input picture.

    Returns
    -------
    list of LayerRow
        One row a convolution, the 1x1 output layer last.

    Raises
    ------
    ValueError
        If the network has other layers than the paper's.

    Notes
    -----
    Zhang et al. 2016, table 4. A stride above 1 acts while its convolution reads, so
    it counts from the next row on; the transposed convolution enlarges first, so its
    0.5 counts in its own row.

    Examples
    --------
    >>> row = layer_table(ColorNet(width=64))[15]
    >>> row.name, row.X, row.C, row.De, row.receptive_field
    ('conv6_3', 28, 512, 16.0, 277)
    """
    if not isinstance(model, ColorNet):
        raise ValueError(f"model must be a ColorNet, got {type(model).__name__}")
    rows: list[LayerRow] = []
    layers = _layers(model)
    X, Sa, field = size, 1.0, 1
    for place, (name, layer, norm) in enumerate(layers, start=1):
        kernel, stride, dilation = layer.kernel_size[0], layer.stride[0], layer.dilation
        if isinstance(layer, nn.ConvTranspose2d):
            S, reads = 1 / stride, X  # each input pixel is spread by the kernel
            taps = kernel // stride  # what of the kernel meets one output
            field += int((taps - 1) * Sa)
            Sa *= S
        else:
            S, reads = float(stride), X // stride
            field += int((kernel - 1) * dilation[0] * Sa)
        X = int(X / S)
        rows.append(
            LayerRow(
                name=name,
                X=X,
                C=layer.out_channels,
                S=S,
                D=dilation[0],
                Sa=Sa,
                De=Sa * dilation[0],
                BN=norm is not None,
                L=place == len(layers) - 1,
                parameters=_count(layer) + _count(norm),
                macs=layer.weight.numel() * reads**2,
                receptive_field=field,
            )
        )
        Sa *= max(S, 1)
    return rows


def _layers(model: ColorNet) -> list[tuple[str, Convolution, nn.Module | None]]:
    """Name each convolution conv1_1 .. conv8_3, output, with the norm that follows."""
    layers: list[tuple[str, Convolution, nn.Module | None]] = []
    for block, child in model.named_children():
        modules = [*child] if isinstance(child, nn.Sequential) else [child]
        found = [m for m in modules if isinstance(m, Convolution)]
        for place, layer in enumerate(found, start=1):
            name = block if len(modules) == 1 else f"{block}_{place}"
            layers.append((name, layer, None))
        if isinstance(modules[-1], nn.BatchNorm2d):
            layers[-1] = (*layers[-1][:2], modules[-1])
    return layers


def _count(module: nn.Module | None) -> int:
    return sum(p.numel() for p in module.parameters()) if module else 0
