"""sRGB and CIELAB, both ways, on tensors (book chapter: lab).

A screen color is three gamma-coded numbers, R, G and B. CIELAB splits the same
color into lightness L and two color axes: a (green to red) and b (blue to yellow).
The way there has three steps, each undone on the way back:

    sRGB --undo gamma--> linear RGB --matrix--> XYZ --cube root--> Lab

Constants are those of IEC 61966-2-1 (sRGB) and CIE 15 (Lab, white point D65, 2
degree observer), rounded as scikit-image rounds them, so that both agree.
"""

import torch
from torch import Tensor

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
    go on, as lines below 0 and as powers above 1.
    """
    _check_channels(rgb, "rgb")
    if rgb.dtype == torch.uint8:
        rgb = rgb.float() / 255
    if not rgb.is_floating_point():
        raise ValueError(f"rgb must be floats or uint8, got {rgb.dtype}")
    exact = _at_least_float32(rgb)
    xyz = _mix(XYZ_FROM_RGB, _undo_gamma(exact))
    white = xyz.new_tensor(WHITE)[:, None, None]
    fx, fy, fz = _lab_root(xyz / white).unbind(-3)
    lab = torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=-3)
    return lab.to(rgb.dtype)


def lab_to_rgb(lab: Tensor, clip: bool = True) -> Tensor:
    """Convert CIELAB to sRGB (book chapter: lab).

    Parameters
    ----------
    lab : Tensor of floats, shape (..., 3, H, W)
        L in 0..100, a and b in Lab units.
    clip : bool
        Clip colors that no sRGB screen can show: each of R, G and B is cut to
        [0, 1] on its own. That keeps the size of the error small, but shifts the
        lightness and hue of such colors a little. With False, they stay outside
        [0, 1].

    Returns
    -------
    Tensor, shape (..., 3, H, W)
        sRGB, dtype and device of `lab`.

    Raises
    ------
    ValueError
        If the third dimension from the end is not 3, or `lab` holds integers.
    """
    _check_channels(lab, "lab")
    if not lab.is_floating_point():
        raise ValueError(f"lab must be floats, got {lab.dtype}")
    L, a, b = _at_least_float32(lab).unbind(-3)
    fy = (L + 16) / 116
    roots = torch.stack([fy + a / 500, fy, fy - b / 200], dim=-3)
    white = roots.new_tensor(WHITE)[:, None, None]
    rgb_from_xyz = torch.linalg.inv(torch.tensor(XYZ_FROM_RGB, dtype=torch.float64))
    rgb = _redo_gamma(_mix(rgb_from_xyz.tolist(), _lab_cube(roots) * white))
    return (rgb.clamp(0, 1) if clip else rgb).to(lab.dtype)


def _check_channels(image: Tensor, name: str) -> None:
    if image.ndim < 3 or image.shape[-3] != 3:
        raise ValueError(
            f"{name} must have shape (..., 3, H, W), got {tuple(image.shape)}"
        )


def _at_least_float32(image: Tensor) -> Tensor:
    return image.float() if image.dtype.itemsize < 4 else image


def _mix(matrix: list | tuple, image: Tensor) -> Tensor:
    """Apply a 3x3 matrix to the channels."""
    return torch.einsum("ij,...jhw->...ihw", image.new_tensor(matrix), image)


# Each curve below is a power with a straight foot. The power's argument is clamped
# to its own range first: torch.where hides the unused branch's value, but not its
# gradient, which is infinite for a root at 0.


def _undo_gamma(rgb: Tensor) -> Tensor:
    power = ((rgb.clamp(min=GAMMA_KNEE) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb > GAMMA_KNEE, power, rgb / 12.92)


def _redo_gamma(linear: Tensor) -> Tensor:
    power = 1.055 * linear.clamp(min=LINEAR_KNEE) ** (1 / 2.4) - 0.055
    return torch.where(linear > LINEAR_KNEE, power, linear * 12.92)


def _lab_root(ratio: Tensor) -> Tensor:
    root = ratio.clamp(min=CUBE_KNEE) ** (1 / 3)
    return torch.where(ratio > CUBE_KNEE, root, LINE_SLOPE * ratio + LINE_OFFSET)


def _lab_cube(root: Tensor) -> Tensor:
    line = (root - LINE_OFFSET) / LINE_SLOPE
    return torch.where(root > ROOT_KNEE, root**3, line)
