"""Edit a kernel and watch it slide over a photo (book chapter: network)."""

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor

from colorlab.lab import rgb_to_lab
from colorlab.network import L_MIDDLE, ColorNet
from colorlab.widgets.front import front

SIDE = 48  # pixels of a photo: few, so that one can point at each
RIGHT_MINUS_LEFT = (-1.0, 0.0, 1.0) * 3


class Microscope(anywidget.AnyWidget):
    """A small photo, a 3 by 3 kernel, and the nine products behind each output.

    What travels is the photos' pixels, as the network reads them, and the kernels of
    its first layer. `convolve` in `convolution.js` is the twin of
    `torch.nn.functional.conv2d`.

    Parameters
    ----------
    model : ColorNet
        Its first layer is among the kernels that can be chosen.
    photos : dict of str to PIL.Image.Image
        Names and pictures, RGB or gray; each is shown as a square of 48 by 48 pixels.
    kernel : tuple of 9 floats
        Row by row, at first.
    x, y : float
        Where the window is at first, in 0..1.

    Raises
    ------
    ValueError
        If there is no photo, not nine finite weights, or the place is outside.
    """

    _esm, _css = front("microscope")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    side = traitlets.Int(SIDE).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    kernels = traitlets.Bytes().tag(sync=True)
    biases = traitlets.Bytes().tag(sync=True)
    photo = traitlets.Int(0, min=0).tag(sync=True)
    kernel = traitlets.List(traitlets.Float(), minlen=9, maxlen=9).tag(sync=True)
    bias = traitlets.Float(0.0).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=3).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=3).tag(sync=True)
    padding = traitlets.Int(1, min=0, max=3).tag(sync=True)
    relu = traitlets.Bool(False).tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0], 2, 2).tag(sync=True)  # column, row

    def __init__(
        self,
        model: ColorNet,
        photos: dict[str, Image.Image],
        kernel: tuple[float, ...] = RIGHT_MINUS_LEFT,
        x: float = 0.5,
        y: float = 0.5,
    ) -> None:
        if not photos:
            raise ValueError("photos must hold at least one picture, got none")
        if len(kernel) != 9 or not np.isfinite(kernel).all():
            raise ValueError(f"kernel must be 9 finite weights, got {kernel}")
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"x and y must be in 0..1, got {x} and {y}")
        weight, bias, *_ = model.conv1.parameters()  # of its first layer
        super().__init__(
            names=list(photos),
            pixels=b"".join(
                read_pixels(image).numpy().tobytes() for image in photos.values()
            ),
            kernels=weight.detach().cpu().numpy().tobytes(),
            biases=bias.detach().cpu().numpy().tobytes(),
            kernel=[float(weight) for weight in kernel],
            cell=[int(share * (SIDE - 1) + 0.5) for share in (x, y)],
        )


def read_pixels(image: Image.Image, side: int = SIDE) -> Tensor:
    """Return the middle of a photo as small integers around middle gray.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB or gray.
    side : int
        Pixels, each way, of the result.

    Returns
    -------
    Tensor of int8, shape (side, side)
        Lightness minus 50, rounded, from -50 to 50: hundredths of what the network
        reads. Book chapter: network.

    Examples
    --------
    >>> read_pixels(Image.new("L", (80, 60), 255), side=2).tolist()
    [[50, 50], [50, 50]]
    """
    least = min(image.size)
    left, top = ((length - least) / 2 for length in image.size)
    box = (left, top, left + least, top + least)
    small = image.convert("RGB").resize((side, side), Image.Resampling.BOX, box=box)
    rgb = torch.from_numpy(np.array(small)).permute(2, 0, 1)
    return (rgb_to_lab(rgb)[0] - L_MIDDLE).round().to(torch.int8)
