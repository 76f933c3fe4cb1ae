"""Networks that were trained to follow a person's dots (chapter: hints).

They read lightness, colors at some pixels, and a mask that says at which; without dots
they color by themselves. `SiggraphNet` is the network of Zhang et al. 2017: three
shortcuts carry what it saw at full, half and quarter size past the coarse middle, so
that its answer has an ab for each pixel. `HintReader` is `ColorNet` with three inputs
more.
"""

import torch
from torch import Tensor, nn

from colorlab.network import (
    AB_REACH,
    L_MIDDLE,
    L_RANGE,
    ColorNet,
    block,
    check_lightness,
    register_centers,
)

WIDTH = 64  # channels of the first block; there is no other network of this kind
READER = "hints"  # the variant of `HintReader`
USUAL_AB = 20.0  # ab units; counted in these, dots of usual colors are near 1
LEAK = 0.2  # slope of the last block's ReLU, below 0


class SiggraphNet(nn.Module):
    """The network of Zhang et al. 2017, for the authors' weights.

    Attributes
    ----------
    head : str
        "ab": `forward` returns Lab units.
    centers
        The bin centers, which it does not use: Tensor, shape (313, 2).
    card : dict
        What the file it came from says about it.

    Notes
    -----
    Their file also has a layer that gives a distribution over 529 bins, for training
    alone; it is left out here. Blocks 1 to 7 are those of `ColorNet`, but each other
    row and column is dropped between blocks where that has strides. Chapter: hints.

    Examples
    --------
    >>> SiggraphNet()(torch.full((1, 1, 16, 24), 50.0)).shape
    torch.Size([1, 2, 16, 24])
    """

    head = "ab"
    width, variant, out_channels = WIDTH, "siggraph17", 2

    def __init__(self) -> None:
        super().__init__()
        self.card: dict = {}
        self.centers: Tensor
        register_centers(self)
        self.conv1 = block(4, WIDTH, layers=2)
        self.conv2 = block(WIDTH, 2 * WIDTH, layers=2)
        self.conv3 = block(2 * WIDTH, 4 * WIDTH, layers=3)
        self.conv4 = block(4 * WIDTH, 8 * WIDTH, layers=3)
        self.conv5 = block(8 * WIDTH, 8 * WIDTH, layers=3, dilation=2)
        self.conv6 = block(8 * WIDTH, 8 * WIDTH, layers=3, dilation=2)
        self.conv7 = block(8 * WIDTH, 8 * WIDTH, layers=3)
        self.up8, self.short8 = _joined(8 * WIDTH, 4 * WIDTH, 4 * WIDTH)
        self.conv8 = nn.Sequential(nn.ReLU(), *block(4 * WIDTH, 4 * WIDTH, layers=2))
        self.up9, self.short9 = _joined(4 * WIDTH, 2 * WIDTH, 2 * WIDTH)
        self.conv9 = nn.Sequential(nn.ReLU(), *block(2 * WIDTH, 2 * WIDTH, layers=1))
        self.up10, self.short10 = _joined(2 * WIDTH, WIDTH, 2 * WIDTH)
        last = nn.Conv2d(2 * WIDTH, 2 * WIDTH, kernel_size=3, padding=1)
        self.conv10 = nn.Sequential(nn.ReLU(), last, nn.LeakyReLU(LEAK))
        self.output = nn.Conv2d(2 * WIDTH, 2, kernel_size=1)

    def forward(
        self, L: Tensor, ab: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Predict colors from lightness, and from dots where there are some.

        Parameters
        ----------
        L : Tensor, shape (N, 1, H, W)
            Lightness in Lab units, 0..100; H and W multiples of 8.
        ab : Tensor, shape (N, 2, H, W), optional
            In Lab units: the color of each dot, 0 elsewhere. None: no dots.
        mask : Tensor, shape (N, 1, H, W), optional
            1 at the dots, 0 elsewhere; given with `ab`.

        Returns
        -------
        Tensor, shape (N, 2, H, W)
            ab in Lab units.

        Raises
        ------
        ValueError
            If a shape is another, or one of `ab` and `mask` comes without the other.
        """
        full = self.conv1(_four_channels(L, ab, mask, AB_REACH))
        half = self.conv2(full[..., ::2, ::2])
        quarter = self.conv3(half[..., ::2, ::2])
        x = self.conv5(self.conv4(quarter[..., ::2, ::2]))
        x = self.conv7(self.conv6(x))
        x = self.conv8(self.up8(x) + self.short8(quarter))
        x = self.conv9(self.up9(x) + self.short9(half))
        x = self.conv10(self.up10(x) + self.short10(full))
        return self.output(x).tanh() * AB_REACH


class HintReader(ColorNet):
    """`ColorNet` with three more inputs: the dots' a and b, and where they are.

    Parameters
    ----------
    width : int
        As for `ColorNet`, whose other layers it has.
    base : ColorNet, optional
        Its weights and card are taken over. As the weights of the new inputs are 0,
        it answers as `base` does, until it is trained.

    Examples
    --------
    >>> HintReader(2)(torch.full((1, 1, 24, 40), 50.0)).shape
    torch.Size([1, 313, 6, 10])
    """

    def __init__(self, width: int, base: ColorNet | None = None) -> None:
        super().__init__(width)
        self.variant = READER
        self.conv1 = block(4, width, layers=2, stride=2)
        with torch.no_grad():
            self.get_parameter("conv1.0.weight")[:, 1:] = 0
        if base is not None:
            self.card = dict(base.card)
            state = base.state_dict()
            new = torch.zeros(width, 3, 3, 3)
            state["conv1.0.weight"] = torch.cat([state["conv1.0.weight"], new], dim=1)
            self.load_state_dict(state)

    def forward(
        self, L: Tensor, ab: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Predict a distribution over colors, from lightness and from dots.

        Parameters
        ----------
        L, ab, mask
            As for `SiggraphNet`.

        Returns
        -------
        Tensor, shape (N, 313, H/4, W/4)
            Logits.

        Raises
        ------
        ValueError
            As for `SiggraphNet`.
        """
        x = _four_channels(L, ab, mask, USUAL_AB)
        for part in self.children():  # conv1 to conv8, output
            x = part(x)
        return x


def _four_channels(
    L: Tensor, ab: Tensor | None, mask: Tensor | None, unit: float
) -> Tensor:
    """Join lightness and dots, if there are any; refuse other shapes."""
    check_lightness(L)
    if ab is None and mask is None:
        ab, mask = torch.zeros_like(L).expand(-1, 2, -1, -1), torch.zeros_like(L)
    shape = (L.shape[0], 2, *L.shape[2:])
    if ab is None or mask is None or ab.shape != shape or mask.shape != L.shape:
        got = [None if part is None else tuple(part.shape) for part in (ab, mask)]
        raise ValueError(
            f"ab and mask must have shapes {shape} and {tuple(L.shape)}, got {got}"
        )
    return torch.cat([(L - L_MIDDLE) / L_RANGE, ab / unit, mask], dim=1)


def _joined(
    coarse: int, fine: int, channels: int
) -> tuple[nn.ConvTranspose2d, nn.Conv2d]:
    """Return what enlarges the coarse map, and what the fine one passes through."""
    return (
        nn.ConvTranspose2d(coarse, channels, kernel_size=4, stride=2, padding=1),
        nn.Conv2d(fine, channels, kernel_size=3, padding=1),
    )
