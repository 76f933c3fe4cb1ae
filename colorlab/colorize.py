"""The arrow: lightness, logits, ab, the image in color (book chapter: colorize)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorlab.datasets.images import open_image, to_rgb, to_tensor
from colorlab.decode import T_PAPER, annealed_mean, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import STRIDE, ColorNet
from colorlab.weights import load_pretrained

DEFAULT_SIZE = 128  # pixels, for networks whose card does not say
LONGEST = 8  # times `size`: a longer image is squeezed, to bound memory
BAND = 512  # rows joined at once, to bound memory


def predict_ab(
    model: ColorNet,
    L: Tensor,
    T: float | None = None,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Color lightness: the whole way from L to ab (book chapter: colorize).

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    L : Tensor, shape (N, 1, H, W)
        Lightness in Lab units, on the device of `model`; H and W multiples of 8.
    T : float, optional
        Temperature of the annealed mean; None takes the card's, else 0.38. It has no
        effect on a network whose head is "ab".
    size : (int, int), optional
        Height and width of the result; None takes those of `L`.

    Returns
    -------
    Tensor, shape (N, 2, *size)
        ab in Lab units, enlarged bilinearly.

    Raises
    ------
    ValueError
        As `ColorNet.forward` and `annealed_mean`.

    Examples
    --------
    >>> L = torch.full((1, 1, 16, 24), 50.0)
    >>> with torch.inference_mode():
    ...     predict_ab(ColorNet(width=2).eval(), L).shape
    torch.Size([1, 2, 16, 24])
    """
    return upsample(output_to_ab(model, model(L), T), size or L.shape[-2:])


def output_to_ab(model: ColorNet, output: Tensor, T: float | None = None) -> Tensor:
    """Read what a network returned as ab, by its head (book chapter: colorize).

    Parameters
    ----------
    model : ColorNet
        The network.
    output : Tensor, shape (N, Q, h, w) or (N, 2, h, w)
        What it returned.
    T : float, optional
        As for `predict_ab`.

    Returns
    -------
    Tensor, shape (N, 2, h, w)
        ab in Lab units.
    """
    if model.head == "ab":
        return output
    T = model.card.get("T", T_PAPER) if T is None else T
    return annealed_mean(output, model.centers, T)


@torch.inference_mode()
def colorize(
    image: Image.Image | np.ndarray | str | Path,
    model: ColorNet | None = None,
    T: float | None = None,
    size: int | tuple[int, int] | None = None,
) -> Image.Image:
    """Color an image, keeping its size and its lightness (book chapter: colorize).

    Parameters
    ----------
    image : PIL image, array or path
        Gray, color (its colors are not looked at), palette, 16-bit or CMYK. Arrays
        have shape (H, W), (H, W, 3) or (H, W, 4) and dtype uint8.
    model : ColorNet, optional
        None takes the network that ships with the package. It is used in eval mode,
        whatever mode it is in, and left as it was.
    T : float, optional
        Temperature: low is vivid, 1 is cautious. None takes the card's, else 0.38.
    size : int or (height, width), optional
        What the network looks at: the image with its shorter side scaled to `size`
        and its aspect kept, or stretched to (height, width), as the authors' demo
        does. Rounded to multiples of 8. None takes the card's, else 128.

    Returns
    -------
    PIL.Image.Image
        Upright (an EXIF orientation is applied and dropped), of the input's size,
        mode RGB, or RGBA where the input has transparency, which is kept.

    Raises
    ------
    ValueError
        If `image` is no image, is cut short or empty, or a number is not positive.

    Notes
    -----
    L is the input's, at full resolution; only ab comes from the network. Where both
    together lie outside the sRGB gamut, the color is clipped, and L shifts there.

    Examples
    --------
    >>> gray = np.full((30, 40), 128, dtype=np.uint8)
    >>> colorize(gray, model=load_pretrained("tiny")).size
    (40, 30)
    """
    opened = open_image(image)
    model = load_pretrained() if model is None else model
    size = model.card.get("size", DEFAULT_SIZE) if size is None else size
    rgb = to_rgb(opened)
    height, width = network_size(rgb.height, rgb.width, size)
    small = rgb.resize((width, height), Image.Resampling.BILINEAR)  # averages
    L = rgb_to_lab(to_tensor(small)[None].to(model.centers.device))[:, :1]
    training = model.training
    ab = predict_ab(model.eval(), L, T, (rgb.height, rgb.width)).cpu()
    model.train(training)
    colored = _join(to_tensor(rgb)[None], ab)
    if opened.has_transparency_data:
        colored.putalpha(opened.convert("RGBA").getchannel("A"))
    return colored


def network_size(height: int, width: int, size: int | Sequence[int]) -> tuple[int, int]:
    """Choose the height and width at which a network looks at an image.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    size : int or (int, int)
        The shorter side wanted, with the aspect kept; or (height, width).

    Returns
    -------
    height, width : int
        Multiples of 8. The longer side is at most 8 times `size`: a longer image is
        squeezed, to bound memory.

    Raises
    ------
    ValueError
        If `size` is not positive.

    Examples
    --------
    >>> network_size(600, 800, 128)
    (128, 168)
    """
    if isinstance(size, Sequence):
        wanted = [*size]
    else:
        scale = size / min(height, width)
        wanted = [min(side * scale, LONGEST * size) for side in (height, width)]
    if not min(wanted) > 0:
        raise ValueError(f"size must be positive, got {size}")
    height, width = (max(1, round(side / STRIDE)) * STRIDE for side in wanted)
    return height, width


def read_image(path: str | Path, size: int) -> tuple[Tensor, Tensor]:
    """Read one image as lightness and chroma (book chapter: colorize).

    Parameters
    ----------
    path : str or Path
        An image file.
    size : int
        The shorter side wanted, in pixels; both sides are rounded to multiples of 8,
        as the network needs.

    Returns
    -------
    L : Tensor, shape (1, 1, H, W)
        In Lab units.
    ab : Tensor, shape (1, 2, H, W)
        In Lab units.

    Raises
    ------
    ValueError
        If the file is no whole image.
    """
    image = to_rgb(open_image(path))
    height, width = network_size(image.height, image.width, size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    L, ab = rgb_to_lab(to_tensor(image)[None]).split([1, 2], dim=1)
    return L, ab


def to_image(rgb: Tensor) -> Image.Image:
    """Turn a tensor into an 8-bit image (book chapter: colorize).

    Parameters
    ----------
    rgb : Tensor of floats, shape (3, H, W)
        sRGB in 0..1; values outside are clipped.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Examples
    --------
    >>> to_image(torch.ones(3, 2, 4)).getpixel((0, 0))
    (255, 255, 255)
    """
    pixels = (rgb.clamp(0, 1) * 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())


def _join(rgb: Tensor, ab: Tensor) -> Image.Image:
    """Put ab, (1, 2, H, W), under the lightness of rgb, (1, 3, H, W)."""
    joined = Image.new("RGB", (rgb.shape[3], rgb.shape[2]))
    for top in range(0, rgb.shape[2], BAND):
        band = slice(top, top + BAND)
        L = rgb_to_lab(rgb[:, :, band])[:, :1]
        colors = lab_to_rgb(torch.cat([L, ab[:, :, band]], dim=1))
        joined.paste(to_image(colors[0]), (0, top))
    return joined
