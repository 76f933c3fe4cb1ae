"""The network: lightness in, a distribution over colors out (chapter: network).

Eight blocks of convolutions, in the style of VGG but without pooling: strides bring
the picture down to an eighth, dilation widens the view without losing more, and one
transposed convolution brings it back to a quarter. The layers are the table of Zhang
et al. 2016; `layer_table` computes that table from the module itself.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from colorlab.quantize import N_BINS

ASSETS = Path(__file__).parent / "assets"
LOAD_ERRORS = (
    OSError,
    SafetensorError,
    LookupError,
    TypeError,
    ValueError,
    RuntimeError,
)
INT8_MOST = 127  # -128 is left out, so that signs are alike
STRIDE = 8  # height and width must be multiples of it
AB_REACH = 110.0  # ab units; the two-channel head counts in these
L_MIDDLE, L_RANGE = 50.0, 100.0  # the authors' PyTorch code scales L so

# Channels of conv7 and conv8, in units of the width. The paper's table has 256 and
# 128 at width 64; the network the authors released has 512 and 256.
LAST_BLOCKS = {"paper": (4, 2), "released": (8, 4)}


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

    Raises
    ------
    ValueError
        If the variant is unknown, or a number is not positive.

    Notes
    -----
    Zhang et al. 2016, table 4 (the course paper's figure 4). Each convolution is
    followed by a ReLU; the last of blocks 1 to 7 then by batch norm, which is affine
    here and was not in the authors' Caffe code.
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
        self.card: dict = {}  # what a saved file says about itself
        seven, eight = (width * times for times in LAST_BLOCKS[variant])
        self.conv1 = _block(1, width, layers=2, stride=2)
        self.conv2 = _block(width, 2 * width, layers=2, stride=2)
        self.conv3 = _block(2 * width, 4 * width, layers=3, stride=2)
        self.conv4 = _block(4 * width, 8 * width, layers=3)
        self.conv5 = _block(8 * width, 8 * width, layers=3, dilation=2)
        self.conv6 = _block(8 * width, 8 * width, layers=3, dilation=2)
        self.conv7 = _block(8 * width, seven, layers=3)
        self.conv8 = nn.Sequential(
            nn.ConvTranspose2d(seven, eight, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            *_convolutions(eight, eight, layers=2),
        )
        self.head = nn.Conv2d(eight, out_channels, kernel_size=1)

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
        if L.ndim != 4 or L.shape[1] != 1 or L.shape[2] % STRIDE or L.shape[3] % STRIDE:
            raise ValueError(
                f"L must have shape (N, 1, H, W), H and W multiples of {STRIDE}, "
                f"got {tuple(L.shape)}"
            )
        x = (L - L_MIDDLE) / L_RANGE
        x = self.conv3(self.conv2(self.conv1(x)))  # down to H/8
        x = self.conv7(self.conv6(self.conv5(self.conv4(x))))
        x = self.head(self.conv8(x))  # up to H/4
        return x * AB_REACH if self.out_channels == 2 else x


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


def _block(inputs: int, channels: int, **options: int) -> nn.Sequential:
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
        One row a convolution, the 1x1 head last.

    Notes
    -----
    Zhang et al. 2016, table 4. A stride above 1 acts while its convolution reads, so
    it counts from the next row on; the transposed convolution enlarges first, so its
    0.5 counts in its own row.
    """
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


def _layers(model: ColorNet) -> list[tuple[str, nn.Module, nn.Module | None]]:
    """Name each convolution conv1_1 .. conv8_3, head, with the norm that follows."""
    layers = []
    for block, modules in model.named_children():
        if block == "head":
            layers.append((block, modules, None))
            continue
        convolutions = [m for m in modules if hasattr(m, "kernel_size")]
        norm = modules[-1] if isinstance(modules[-1], nn.BatchNorm2d) else None
        for place, layer in enumerate(convolutions, start=1):
            last = place == len(convolutions)
            layers.append((f"{block}_{place}", layer, norm if last else None))
    return layers


def _count(module: nn.Module | None) -> int:
    return sum(p.numel() for p in module.parameters()) if module else 0


def halve(model: ColorNet) -> ColorNet:
    """Round a network's weights to float16, in place (book chapter: network).

    Parameters
    ----------
    model : ColorNet
        In any precision.

    Returns
    -------
    ColorNet
        The same, to be saved in half the space. The statistics of batch norm stay in
        float32: variances reach 1e9 in our networks, and float16 ends at 65504.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.half()
    return model


@torch.no_grad()
def calibrate(model: ColorNet, batches: Iterable[Tensor]) -> ColorNet:
    """Measure the means and variances of batch norm anew, in place.

    Parameters
    ----------
    model : ColorNet
        Its weights stay as they are.
    batches : iterable of Tensor of shape (N, 1, H, W)
        Lightness of photos, of the kind and size that the network is to color.

    Returns
    -------
    ColorNet
        The same, in eval mode. Its statistics are the mean of those of the batches.

    Notes
    -----
    A network trained on small pictures scales its channels by their statistics, which
    larger ones do not have; on them it is too vivid. The same is done after averaging
    weights (Izmailov et al. 2018). Book chapter: evaluate.
    """
    update_bn(batches, model)
    return model.eval()


def save_model(
    model: ColorNet, path: str | Path, *, int8: bool = False, **metadata: object
) -> None:
    """Write a network and what is to be known about it (book chapter: network).

    Parameters
    ----------
    model : ColorNet
        Saved in the precision it has.
    path : str or Path
        A safetensors file; replaced in one step, so that a crash cannot leave half.
    int8 : bool
        Round each output channel's kernels to -127..127 times a scale of its own: a
        quarter of the space, for the page that colors a reader's photo.
    **metadata
        The card: anything JSON can hold. "T" and "size" become the defaults of
        `colorlab.colorize.colorize`. Added to the card the model came with.

    Raises
    ------
    ValueError
        If a number in it is not finite: such a network answers nothing.
    OSError
        If the file cannot be written, as on a full disk.
    """
    shape = {
        "width": model.width,
        "variant": model.variant,
        "out_channels": model.out_channels,
    }
    card = json.dumps({**model.card, **metadata, **shape})
    tensors = {name: t.contiguous().cpu() for name, t in model.state_dict().items()}
    broken = [name for name, t in tensors.items() if not t.isfinite().all()]
    if broken:
        raise ValueError(f"model must hold finite numbers; {broken[0]} does not")
    tensors |= _as_int8(model) if int8 else {}
    partial = Path(f"{path}.partial")
    try:
        save_file(tensors, partial, metadata={"colorlab": card})
    except SafetensorError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written: {error}") from error
    os.replace(partial, path)


def _as_int8(model: ColorNet) -> dict[str, Tensor]:
    """Give the kernels as integers, and what to multiply each channel's by."""
    tensors = {}
    for name, layer in model.named_modules():
        if not hasattr(layer, "kernel_size"):
            continue
        weight = layer.weight.detach().float().cpu()
        inputs = 0 if isinstance(layer, nn.ConvTranspose2d) else 1
        scale = weight.abs().amax((inputs, 2, 3), keepdim=True) / INT8_MOST
        scale = scale.clamp(min=torch.finfo(torch.float32).tiny)  # of a dead channel
        tensors[f"{name}.weight"] = (weight / scale).round().to(torch.int8)
        tensors[f"{name}.weight_scale"] = scale
    return tensors


def _from_int8(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Multiply kernels stored as integers by their scales."""
    for name in [name for name, t in tensors.items() if t.dtype == torch.int8]:
        kernels, scale = tensors[name], tensors.pop(f"{name}_scale")
        # The product must not outgrow the file.
        if torch.broadcast_shapes(kernels.shape, scale.shape) != kernels.shape:
            raise ValueError(f"{name}_scale must fit {name}")
        tensors[name] = kernels * scale
    return tensors


def load_model(path: str | Path) -> ColorNet:
    """Read a network that `save_model` wrote (book chapter: network).

    Parameters
    ----------
    path : str or Path
        A safetensors file. The format holds numbers only: nothing in it is run.

    Returns
    -------
    ColorNet
        In float32, in eval mode, on the CPU; its `card` is the file's.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or not of a ColorNet.
    """
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})["colorlab"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        # On "meta" the network has no memory yet: a false width costs nothing.
        with torch.device("meta"):
            model = ColorNet(card["width"], card["variant"], card["out_channels"])
        model.load_state_dict(_from_int8(tensors), assign=True)
    except LOAD_ERRORS as error:
        raise ValueError(f"path must be a colorlab network; {path}: {error}") from error
    model.card = card
    return model.float().eval()


def load_pretrained(name: str = "flagship") -> ColorNet:
    """Load a network that ships with the package (book chapter: network).

    Parameters
    ----------
    name : str
        "flagship" is the one to color photos with; "tiny" is small enough for a page.

    Returns
    -------
    ColorNet
        In float32, in eval mode; how it was trained stands in its `card`.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    path = ASSETS / f"{name}.safetensors"
    if not path.is_file():
        known = sorted(file.stem for file in ASSETS.glob("*.safetensors"))
        raise ValueError(f"name must be one of {known}, got {name!r}")
    return load_model(path)
