"""Picture files of every kind, as upright 8-bit RGB (book chapter: datasets)."""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
# What PIL raises on damaged files; the last four, on damaged EXIF.
IMAGE_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
IMAGE_ERRORS += (TypeError, LookupError, ArithmeticError, struct.error)
ZOOM = 1.5  # a training crop shows at least 1/1.5 of the photo's shorter side


def open_rgb(path: str | Path | BinaryIO) -> Image.Image:
    """Open an image file of any kind as upright 8-bit RGB (book chapter: datasets).

    Parameters
    ----------
    path : str, Path or open binary file
        Gray, palette, 16-bit, CMYK and transparent files are converted.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, turned as its EXIF orientation says.

    Raises
    ------
    ValueError
        If the file is missing, is no image, or is cut short.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return to_rgb(ImageOps.exif_transpose(image))
    except IMAGE_ERRORS as error:
        raise _refusal(path, error) from error


def open_image(image: Image.Image | np.ndarray | str | Path) -> Image.Image:
    """Open a file, or take an image or array, upright and whole.

    Parameters
    ----------
    image : PIL image, array or path
        Arrays have shape (H, W), (H, W, 3) or (H, W, 4) and dtype uint8.

    Returns
    -------
    PIL.Image.Image
        In its own mode, turned as its EXIF orientation says.

    Raises
    ------
    ValueError
        If it is no image, is cut short, or has no pixels.
    """
    try:
        if isinstance(image, str | Path):
            with Image.open(image) as opened:
                opened.load()
                image = opened
        elif isinstance(image, np.ndarray):
            if image.dtype != np.uint8:
                raise TypeError(f"arrays must be uint8, got {image.dtype}")
            image = Image.fromarray(image)
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (*IMAGE_ERRORS, AttributeError) as error:
        shown = image if isinstance(image, str | Path) else type(image).__name__
        raise ValueError(f"image must be a whole image; {shown}: {error}") from error
    if 0 in upright.size:
        raise ValueError(f"image must have pixels, got size {upright.size}")
    return upright


def _refusal(path: str | Path | BinaryIO, error: Exception) -> ValueError:
    """Name the file if it has a name: the bytes of an archive have none."""
    if not isinstance(path, str | Path):
        path = getattr(path, "name", "these bytes")
    if isinstance(error, UnidentifiedImageError):
        error = "no format that is known"
    return ValueError(f"path must be a whole image file; {path}: {error}")


def is_image(name: str) -> bool:
    """Tell by its name whether a file should be an image (book chapter: datasets).

    Parameters
    ----------
    name : str
        Of a file.

    Returns
    -------
    bool
        True for the suffixes of the formats that are read.
    """
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to 8-bit RGB (book chapter: datasets).

    Parameters
    ----------
    image : PIL.Image.Image
        Any mode; 16-bit gray is scaled by 255 / 65535, which PIL alone would clip.

    Returns
    -------
    PIL.Image.Image
        Mode RGB; transparency is dropped, EXIF (which way is up) kept.
    """
    if image.mode.startswith("I") or image.mode == "F":
        unit = 1 if image.mode == "F" else 255 / 65535
        gray = (np.asarray(image, dtype=np.float64) * unit).round().clip(0, 255)
        info = {key: image.info[key] for key in image.info if key == "exif"}
        image = Image.fromarray(gray.astype(np.uint8))
        image.info = info
    return image.convert("RGB")


def center_crop(image: Image.Image, size: int) -> Image.Image:
    """Cut the middle square and resize it: how photos are measured.

    Parameters
    ----------
    image : PIL.Image.Image
        Any size.
    size : int
        Height and width wanted.

    Returns
    -------
    PIL.Image.Image
        size x size; each new pixel averages what it covers. Chapter: datasets.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box)


def random_crop(
    path: str | Path | BinaryIO,
    size: int,
    rng: np.random.Generator,
    stretch: int = 0,
) -> Image.Image:
    """Open a photo and cut a training picture from it (book chapter: datasets).

    Parameters
    ----------
    path : str, Path or open binary file
        As `open_rgb` takes it.
    size : int
        Height and width wanted, in pixels.
    rng : numpy.random.Generator
        Decides place and mirroring.
    stretch : int
        0: a square of at least 1/1.5 of the shorter side, but none to be enlarged
        if that can be had. Else as the authors did: the photo is stretched to a
        square of this many pixels, and a square of `size` is cut from it.

    Returns
    -------
    PIL.Image.Image
        size x size, mode RGB; each new pixel averages what it covers.

    Raises
    ------
    ValueError
        If the file is missing, is no image, or is cut short; or if `stretch` is
        less than `size`.

    Notes
    -----
    A JPEG is a grid of 8x8 cosine transforms, and libjpeg can undo these at 1/2, 1/4
    or 1/8 of the size. Where the crop still has enough pixels, that is used: it
    costs a fraction of the whole, and averages over the pixels it leaves out.
    """
    if 0 < stretch < size:
        raise ValueError(f"stretch must be size or more, {size}; got {stretch}")
    try:
        with Image.open(path) as image:
            sides = _crop_sides(image.size, size, rng, stretch)
            left, top = (
                rng.uniform(0, whole - side)
                for whole, side in zip(image.size, sides, strict=True)
            )
            box = np.array([left, top, left + sides[0], top + sides[1]])
            full = image.size
            wanted = [-(-w * size // s) for w, s in zip(full, sides, strict=True)]
            image.draft("RGB", tuple(int(w) for w in wanted))
            box *= np.tile(np.divide(image.size, full), 2)
            image = to_rgb(image).resize(
                (size, size),
                Image.Resampling.BILINEAR,
                box=(*box[:2], *np.minimum(box[2:], image.size)),  # rounding
            )
            image = ImageOps.exif_transpose(image)
    except IMAGE_ERRORS as error:
        raise _refusal(path, error) from error
    return ImageOps.mirror(image) if rng.random() < 0.5 else image


def _crop_sides(
    whole: tuple[int, int], size: int, rng: np.random.Generator, stretch: int
) -> tuple[float, float]:
    """Width and height of the crop, in the photo's own pixels."""
    if stretch:
        return whole[0] * size / stretch, whole[1] * size / stretch
    shorter = min(whole)
    least = max(shorter / ZOOM, min(shorter, size))  # do not enlarge
    side = rng.uniform(least, shorter)
    return side, side


def to_tensor(image: Image.Image) -> Tensor:
    """Give an RGB image as uint8, shape (3, H, W) (book chapter: datasets).

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB.

    Returns
    -------
    Tensor of uint8, shape (3, H, W)
        A copy.
    """
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
