"""sRGB and CIELAB, both ways, on tensors (book chapter: lab).

A screen color is three gamma-coded numbers, R, G and B. CIELAB splits the same
color into lightness L and two color axes: a (green to red) and b (blue to yellow).
The way there has three steps, each undone on the way back:

    sRGB --undo gamma--> linear RGB --matrix--> XYZ --cube root--> Lab

Constants are those of IEC 61966-2-1 (sRGB) and CIE 15 (Lab, white point D65, 2
degree observer). The matrix has six digits, as in scikit-image, so that both agree;
it is within 0.0003 of IEC's four-digit one.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from colorlab._tiles import each_tile, in_memory

XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)  # XYZ of D65, the white of an sRGB screen

GAMMA_KNEE = 0.04045  # below it the sRGB curve is a line
LINEAR_KNEE = 0.0031308  # the same point after the gamma is undone
CUBE_KNEE = 0.008856  # below it the Lab cube root is a line
ROOT_KNEE = 0.2068966  # the same point after the root
LINE_SLOPE, LINE_OFFSET = 7.787, 16 / 116

TILE = 2**16  # pixels: 800 kB in float32, so that all steps stay in the cache


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to CIELAB (book chapter: lab).

    Parameters
    ----------
    rgb : Tensor, shape (..., 3, H, W)
        Floats in [0, 1], or uint8 in 0..255.

    Returns
    -------
    Tensor, shape (..., 3, H, W)
        L in 0..100; for sRGB colors a lies in -86.2..98.3 and b in -107.9..94.5.
        Floats keep their dtype (half precision is computed in float32), uint8
        gives float32. The device is kept.

    Raises
    ------
    ValueError
        If the third dimension from the end is not 3, or the dtype is another
        integer.

    Notes
    -----
    Grays are not exactly neutral: the rounded matrix and white point disagree in
    the sixth digit, which leaves |a| and |b| below 0.01. Gradients are finite
    everywhere, black included. Values outside [0, 1] are not clipped: the curves
    go on, as lines below 0 and as powers above 1. Works under `torch.func.vmap`.

    Examples
    --------
    Pure red, as an image of one pixel:

    >>> red = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    >>> rgb_to_lab(red).flatten().round(decimals=1)
    tensor([53.2000, 80.1000, 67.2000])
    """
    _check_channels(rgb, "rgb")
    if not (rgb.is_floating_point() or rgb.dtype == torch.uint8):
        raise ValueError(f"rgb must be floats or uint8, got {rgb.dtype}")
    return _tile_by_tile(_lab_of, rgb)


def lab_to_rgb(lab: Tensor, clip: bool = True) -> Tensor:
    """Convert CIELAB to sRGB (book chapter: lab).

    Parameters
    ----------
    lab : Tensor of floats, shape (..., 3, H, W)
        L in 0..100, a and b in Lab units.
    clip : bool
        **Lossy for colors that no sRGB screen can show.** With True, these are cut
        twice, as scikit-image and kornia do. A dark color with large b has a negative
        fz (the cube root of Z, the share of blue light); fz is set to 0. Then each of
        R, G and B is cut to [0, 1] on its own. Both shift lightness and hue a little;
        without the first, dark warm colors would turn redder. With False, nothing is
        cut: such colors stay outside [0, 1], and `rgb_to_lab` gives them back.

    Returns
    -------
    Tensor, shape (..., 3, H, W)
        sRGB, dtype and device of `lab`.

    Raises
    ------
    ValueError
        If the third dimension from the end is not 3, or `lab` holds integers.

    Examples
    --------
    No screen shows a black that is blue and orange at once; without clipping, the
    numbers say so:

    >>> lab = torch.tensor([0.0, -10.0, 100.0]).view(3, 1, 1)
    >>> (255 * lab_to_rgb(lab)).round().flatten()
    tensor([6., 5., 0.])
    >>> (255 * lab_to_rgb(lab, clip=False)).round().flatten()
    tensor([  46.,   -2., -244.])
    """
    _check_channels(lab, "lab")
    if not lab.is_floating_point():
        raise ValueError(f"lab must be floats, got {lab.dtype}")
    return _tile_by_tile(_rgb_of_clipped if clip else _rgb_of, lab)


def _check_channels(image: Tensor, name: str) -> None:
    if image.ndim < 3 or image.shape[-3] != 3:
        raise ValueError(
            f"{name} must have shape (..., 3, H, W), got {tuple(image.shape)}"
        )


def _tile_by_tile(convert: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Convert (..., 3, H, W) in parts that stay in the cache between the steps."""
    dtype = image.dtype if image.is_floating_point() else torch.float32
    pixels = image[None].flatten(0, -4).flatten(2)  # (N, 3, H * W)
    if (image.requires_grad and torch.is_grad_enabled()) or not in_memory(image):
        return convert(pixels).to(dtype).view(image.shape)
    result = torch.empty(pixels.shape, dtype=dtype, device=image.device)

    def work(images: slice, part: slice) -> None:
        result[images, :, part] = convert(pixels[images, :, part])

    each_tile(work, len(pixels), pixels.shape[2], TILE)
    return result.view(image.shape)


def _lab_of(rgb: Tensor) -> Tensor:
    """Apply the three steps; rgb is (N, 3, pixels)."""
    if rgb.dtype == torch.uint8:
        level = torch.arange(256, device=rgb.device) / 255
        linear = _undo_gamma(level).take(rgb.long())  # the same 256 values: look up
    else:
        linear = _undo_gamma(_at_least_float32(rgb))
    to_white = [
        [part / white for part in row]
        for row, white in zip(XYZ_FROM_RGB, WHITE, strict=True)
    ]
    fx, fy, fz = _lab_root(_mix(to_white, linear)).unbind(-2)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=-2)


def _rgb_of(lab: Tensor, least_fz: float = -math.inf) -> Tensor:
    """Undo the three steps; lab is (N, 3, pixels)."""
    L, a, b = _at_least_float32(lab).unbind(-2)
    fy = (L + 16) / 116
    fz = (fy - b / 200).clamp(min=least_fz)
    roots = torch.stack([fy + a / 500, fy, fz], dim=-2)
    from_white = [
        [part * white for part, white in zip(row, WHITE, strict=True)]
        for row in _rgb_from_xyz()
    ]
    return _redo_gamma(_mix(from_white, _lab_cube(roots)))


def _rgb_of_clipped(lab: Tensor) -> Tensor:
    """Cut off what no screen can show: first fz below 0, as scikit-image does."""
    return _rgb_of(lab, least_fz=0).clamp(0, 1)


def _at_least_float32(image: Tensor) -> Tensor:
    return image.float() if image.dtype.itemsize < 4 else image


@cache
def _rgb_from_xyz() -> list[list[float]]:
    matrix = torch.tensor(XYZ_FROM_RGB, dtype=torch.float64, device="cpu")
    return torch.linalg.inv(matrix).tolist()


def _mix(matrix: list[list[float]], image: Tensor) -> Tensor:
    """Apply a 3x3 matrix to the channels.

    Not by `@`, which loses digits under autocast; and number by number, as a tensor of
    them would have to be copied to the device, and waited for.
    """
    one, two, three = image.unbind(-2)
    rows = [
        torch.add(torch.add(one * x, two, alpha=y), three, alpha=z)
        for x, y, z in matrix
    ]
    return torch.stack(rows, dim=-2)


# Each curve below is a power with a straight foot. The power's argument is clamped
# to its own range first: torch.where hides the unused branch's value, but not its
# gradient, which is infinite for a root at 0.


def _power(base: Tensor, exponent: float) -> Tensor:
    """Return base**exponent, base > 0: on a CPU in a third of the time of `pow`."""
    return torch.exp2(exponent * torch.log2(base))


def _undo_gamma(rgb: Tensor) -> Tensor:
    power = _power((rgb.clamp(min=GAMMA_KNEE) + 0.055) / 1.055, 2.4)
    return torch.where(rgb > GAMMA_KNEE, power, rgb / 12.92)


def _redo_gamma(linear: Tensor) -> Tensor:
    power = 1.055 * _power(linear.clamp(min=LINEAR_KNEE), 1 / 2.4) - 0.055
    return torch.where(linear > LINEAR_KNEE, power, linear * 12.92)


def _lab_root(ratio: Tensor) -> Tensor:
    root = _power(ratio.clamp(min=CUBE_KNEE), 1 / 3)
    return torch.where(ratio > CUBE_KNEE, root, LINE_SLOPE * ratio + LINE_OFFSET)


def _lab_cube(root: Tensor) -> Tensor:
    line = (root - LINE_OFFSET) / LINE_SLOPE
    return torch.where(root > ROOT_KNEE, root**3, line)
