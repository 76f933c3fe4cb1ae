"""A photo in, the same photo in color out (book chapter: colorize)."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from colorlab.decode import T_PAPER, output_to_ab, upsample
from colorlab.images import IMAGE_ERRORS, to_rgb
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import STRIDE, ColorNet, load_pretrained
from colorlab.quantize import bin_centers

DEFAULT_SIZE = 128  # pixels, for networks whose card does not say
LONGEST = 8  # times `size`: a longer picture is squeezed, to bound memory
BAND = 512  # rows joined at once, to bound memory


@torch.inference_mode()
def colorize(
    image: Image.Image | np.ndarray | str | Path,
    model: ColorNet | None = None,
    T: float | None = None,
    size: int | tuple[int, int] | None = None,
) -> Image.Image:
    """Color a photo, keeping its size and its lightness (book chapter: colorize).

    Parameters
    ----------
    image : PIL image, array or path
        Gray, color (its colors are not looked at), palette, 16-bit or CMYK. Arrays
        have shape (H, W), (H, W, 3) or (H, W, 4) and dtype uint8.
    model : ColorNet, optional
        In eval mode; None takes the network that ships with the package.
    T : float, optional
        Temperature: low is vivid, 1 is cautious. None takes the card's, else 0.38.
    size : int or (height, width), optional
        What the network looks at: the picture with its shorter side scaled to `size`
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
    """
    picture = _open(image)
    if 0 in picture.size:
        raise ValueError(f"image must have pixels, got size {picture.size}")
    model = load_pretrained() if model is None else model
    T = model.card.get("T", T_PAPER) if T is None else T
    size = model.card.get("size", DEFAULT_SIZE) if size is None else size
    rgb = to_rgb(picture)
    height, width = _network_size(rgb.height, rgb.width, size)
    small = rgb.resize((width, height), Image.Resampling.BILINEAR)  # averages
    device = next(model.parameters()).device
    L = rgb_to_lab(_to_tensor(small).to(device))[:, :1]
    ab = output_to_ab(model(L), bin_centers().to(device), T).cpu()
    colored = _join(_to_tensor(rgb), ab)
    if picture.has_transparency_data:
        colored.putalpha(picture.convert("RGBA").getchannel("A"))
    return colored


def _open(image: Image.Image | np.ndarray | str | Path) -> Image.Image:
    try:
        if isinstance(image, str | Path):
            with Image.open(image) as opened:
                opened.load()
                return ImageOps.exif_transpose(opened)
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8:
                raise TypeError(f"arrays must be uint8, got {image.dtype}")
            return Image.fromarray(image)
        image.load()
        return ImageOps.exif_transpose(image)
    except (*IMAGE_ERRORS, AttributeError, TypeError) as error:
        shown = image if isinstance(image, str | Path) else type(image).__name__
        raise ValueError(f"image must be a whole picture; {shown}: {error}") from error


def _network_size(
    height: int, width: int, size: int | tuple[int, int]
) -> tuple[int, int]:
    """Give the height and width at which the network looks at a picture."""
    if isinstance(size, tuple | list):
        wanted = size
    else:
        scale = size / min(height, width)
        wanted = [min(side * scale, LONGEST * size) for side in (height, width)]
    if min(wanted) <= 0:
        raise ValueError(f"size must be positive, got {size}")
    return tuple(max(1, round(side / STRIDE)) * STRIDE for side in wanted)


def _join(rgb: Tensor, ab: Tensor) -> Image.Image:
    """Put ab, enlarged, under the full-size lightness of rgb, (1, 3, H, W)."""
    ab = upsample(ab, rgb.shape[-2:])
    bands = []
    for colors, chroma in zip(rgb.split(BAND, 2), ab.split(BAND, 2), strict=True):
        lab = torch.cat([rgb_to_lab(colors)[:, :1], chroma], dim=1)
        bands.append((lab_to_rgb(lab) * 255).round().byte())
    return Image.fromarray(torch.cat(bands, dim=2)[0].permute(1, 2, 0).numpy())


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]  # (1, 3, H, W)
