"""For other programs: 16 bits a channel, and color as a layer (chapter: colorize)."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorlab.colorize import (
    Predict,
    Size,
    colorize,
    network_size,
    output_to_ab,
    upsample_rows,
)
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.transfer import Network

BAND = 64  # rows at once, to bound memory
WHITE = 65535


def predict_cells(
    image: Image.Image,
    model: Network,
    T: float,
    size: Size,
    predict: Predict | None = None,
) -> Tensor:
    """Return the ab that `colorize` joins with an image's lightness.

    Parameters
    ----------
    image : PIL.Image.Image
        As `open_image` returns it.
    model, T, size, predict
        As for `colorize`.

    Returns
    -------
    Tensor, shape (1, 2, h, w)
        In Lab units, before the strength.

    Raises
    ------
    ValueError
        As `colorize`.

    Examples
    --------
    >>> from colorlab import load_pretrained
    >>> image = Image.new("RGB", (640, 480))
    >>> predict_cells(image, load_pretrained("tiny"), 0.38, 64).shape
    torch.Size([1, 2, 16, 22])
    """
    kept = []

    def keep(model: Network, L: Tensor, T: float) -> Tensor:
        ab = predict(model, L, T) if predict else output_to_ab(model, model(L), T)
        kept.append(ab.float().cpu())
        return ab

    seen = network_size(image.height, image.width, size)
    small = image.convert("RGB").resize(seen[::-1], Image.Resampling.BILINEAR)
    colorize(small, model, T, seen, predict=keep)
    return kept[0]


def join_levels(values: np.ndarray, ab: Tensor) -> Iterator[np.ndarray]:
    """Put ab under lightness of 16 bits, band after band (book chapter: colorize).

    Parameters
    ----------
    values : ndarray of uint16, shape (H, W) or (H, W, 3)
        sRGB, as `read_levels` returns it.
    ab : Tensor, shape (1, 2, h, w)
        In Lab units; it is enlarged as `colorize` does it.

    Yields
    ------
    ndarray of uint16, shape (64 or less, W, 3)
        sRGB in color, with the lightness of `values`.

    Examples
    --------
    >>> values = np.arange(0, 40000, 1000, dtype=np.uint16).reshape(1, 40)
    >>> (gray,) = join_levels(values, torch.zeros(1, 2, 1, 1))
    >>> bool((abs(gray[..., 1].astype(int) - values) <= 3).all())
    True
    """
    height, width = values.shape[:2]
    for top in range(0, height, BAND):
        band = values[top : top + BAND].astype(np.float32) / WHITE
        rgb = torch.from_numpy(band if band.ndim == 3 else np.stack([band] * 3, -1))
        L = rgb_to_lab(rgb.permute(2, 0, 1)[None])[:, :1]
        wide = upsample_rows(ab, (width, height), top, top + len(band))
        colored = lab_to_rgb(torch.cat([L, wide], dim=1))[0].permute(1, 2, 0)
        yield (colored.numpy() * WHITE).round().astype(np.uint16)


def color_layer(image: np.ndarray, colored: np.ndarray) -> np.ndarray:
    """Return color alone, as a layer for the blend mode Linear Light.

    Parameters
    ----------
    image, colored : ndarray of uint8 or uint16, of one shape
        sRGB, before and after.

    Returns
    -------
    ndarray of the same kind
        Middle gray where nothing changes.

    Notes
    -----
    Photoshop, GIMP and Krita have this mode, with one formula, that of `blend`. Their
    mode Color has three, and keeps a luma that is not Lab's lightness.

    Examples
    --------
    >>> gray, red = np.full((1, 1, 3), 99, np.uint8), np.uint8([[[150, 80, 90]]])
    >>> color_layer(gray, red)
    array([[[153, 118, 123]]], dtype=uint8)
    """
    white = np.iinfo(image.dtype).max
    change = colored.astype(np.int64) - image
    return ((change + white + 1) // 2).astype(image.dtype)


def layer_image(image: Image.Image, colored: Image.Image) -> Image.Image:
    """Return `color_layer` of two images (book chapter: colorize).

    Parameters
    ----------
    image, colored : PIL.Image.Image
        Of one size.

    Returns
    -------
    PIL.Image.Image
        Mode RGB or RGBA, as `colored`, with its transparency and `info`.

    Examples
    --------
    >>> layer_image(Image.new("L", (1, 1)), Image.new("RGB", (1, 1))).getpixel((0, 0))
    (128, 128, 128)
    """
    before, after = (np.asarray(each.convert("RGB")) for each in (image, colored))
    layer = Image.fromarray(color_layer(before, after))
    if colored.mode == "RGBA":
        layer.putalpha(colored.getchannel("A"))
    layer.info = colored.info
    return layer


def layer_rows(values: np.ndarray, rows: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Return `color_layer` of bands of 16 bits (book chapter: colorize).

    Parameters
    ----------
    values : ndarray of uint16, shape (H, W) or (H, W, 3)
        sRGB, before.
    rows : iterable of ndarray of uint16, shape (h, W, 3)
        Bands of the same in color, from top to bottom.

    Yields
    ------
    ndarray of uint16, shape (h, W, 3)
        Bands of the layer.

    Examples
    --------
    >>> values = np.zeros((1, 1), np.uint16)
    >>> [band.tolist() for band in layer_rows(values, [np.zeros((1, 1, 3), np.uint16)])]
    [[[[32768, 32768, 32768]]]]
    """
    color, top = values.reshape(*values.shape[:2], -1), 0
    for band in rows:
        before = np.broadcast_to(color[top : top + len(band)], band.shape)
        yield color_layer(before, band)
        top += len(band)


def blend(image: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Lay a layer over an image in the blend mode Linear Light.

    Parameters
    ----------
    image, layer : ndarray of uint8 or uint16, of one shape
        sRGB.

    Returns
    -------
    ndarray of the same kind
        image + 2 layer - white, clipped.

    Examples
    --------
    >>> blend(np.full((1, 1, 3), 99, np.uint8), np.uint8([[[153, 118, 123]]]))
    array([[[150,  80,  90]]], dtype=uint8)
    """
    white = np.iinfo(image.dtype).max
    blended = image.astype(np.int64) + 2 * layer.astype(np.int64) - white
    return blended.clip(0, white).astype(image.dtype)
