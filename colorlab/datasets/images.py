"""Image files of every kind, as upright 8-bit sRGB (book chapter: colorize)."""

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from colorlab.datasets.formats import FORMATS as FORMATS
from colorlab.datasets.formats import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from colorlab.datasets.formats import File as File
from colorlab.datasets.formats import Refusal as Refusal
from colorlab.datasets.formats import count_frames, opened, refusal
from colorlab.datasets.formats import frames as frames
from colorlab.datasets.formats import is_image as is_image
from colorlab.datasets.profiles import srgb_profile
from colorlab.datasets.profiles import to_rgb as to_rgb
from colorlab.files import whole_file

ZOOM = 1.5  # a training crop shows at least 1/1.5 of the photo's shorter side
ORIENTATION, RESOLUTION = 0x0112, {0x011A, 0x011B, 0x0128}  # tags of EXIF
LYING = (5, 6, 7, 8)  # orientations that exchange width and height
WRITTEN = "JPEG PNG TIFF WEBP AVIF JPEG2000 GIF BMP PPM".split()
OPAQUE = ("JPEG", "BMP", "PPM")  # these hold no transparency
SIGNED = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF")  # these name the program
SOFTWARE = 0x0131  # the tag of EXIF for it
LOSSY, QUALITY = ("JPEG", "WEBP", "AVIF"), 95  # of 100


def open_rgb(path: File) -> Image.Image:
    """Open an image file of any kind as upright 8-bit sRGB.

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
        If the file is missing, is no image, is cut short, or claims too much.
    """
    with opened(path) as image:
        image.load()
        rgb = to_rgb(image)
        ImageOps.exif_transpose(rgb, in_place=True)
        return rgb


def open_image(
    image: Image.Image | np.ndarray | File,
    allow_truncated: bool = False,
    max_pixels: int | None = None,
    frame: int = 0,
) -> Image.Image:
    """Open a file, or take an image or array, as upright 8-bit sRGB.

    Parameters
    ----------
    image : path, open binary file, PIL image or array
        Arrays have shape (H, W), (H, W, 3) or (H, W, 4) and hold uint8, uint16, or
        floats in 0..1.
    allow_truncated : bool
        Take a JPEG whose end is missing; the rows that it lacks are gray.
    max_pixels : int, optional
        As for `opened`.
    frame : int
        Which frame or page of a file, from 0 on; `frames` counts them.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, or RGBA if it has transparency. Its `info` holds "dpi", if the file
        does, and "notes": sentences (list of str) on what was left out.

    Raises
    ------
    ValueError
        If it is no image, is cut short, has no pixels, or claims too much.

    Examples
    --------
    >>> open_image(np.full((2, 3), 0.2)).getpixel((0, 0))
    (51, 51, 51)
    """
    if isinstance(image, Image.Image | np.ndarray):
        try:
            made = _from_array(image) if isinstance(image, np.ndarray) else image
            return _upright(made)
        except Exception as error:  # a decoder may raise anything
            name = getattr(image, "filename", "") or type(image).__name__
            raise refusal(name, error) from error
    with opened(image, max_pixels, allow_truncated) as file:
        file.seek(frame)
        return _upright(file)


def _from_array(array: np.ndarray) -> Image.Image:
    """Make an image of 8 bits of an array of integers or floats."""
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise Refusal(
            f"an array must be (H, W), (H, W, 3) or (H, W, 4), got {array.shape}"
        )
    if array.dtype == np.uint16:
        array = array / 65535
    if array.dtype.kind == "f":
        if not ((array >= 0) & (array <= 1)).all():
            raise Refusal("an array of floats must lie in 0..1, where 1 is white")
        array = (array * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise Refusal(
            f"an array must hold uint8, uint16 or floats in 0..1, got {array.dtype}"
        )
    return Image.fromarray(array)


def _upright(image: Image.Image) -> Image.Image:
    """Decode an image: RGB or RGBA, turned, with what there is to say of it."""
    count, place = count_frames(image), image.tell()
    image.load()
    if 0 in image.size:
        raise Refusal(f"it must have pixels, its size is {image.size}")
    rgb = to_rgb(image)
    if image.has_transparency_data:
        rgb.putalpha(image.convert("RGBA").getchannel("A"))
    exif, notes = rgb.getexif(), [*rgb.info.get("notes", [])]
    if count > 1:
        notes.append(f"frame or page {place + 1} of {count}; the rest is left")
    if set(exif) - {ORIENTATION, SOFTWARE} - RESOLUTION:
        notes.append("its EXIF (such as date, place, camera) is not kept")
    turned = exif.get(ORIENTATION) in LYING
    ImageOps.exif_transpose(rgb, in_place=True)
    dpi = [float(number) for number in rgb.info.get("dpi", ())]
    rgb.info = {"notes": notes}
    if len(dpi) == 2 and all(1 < number < 1e5 for number in dpi):  # 1: none is known
        rgb.info["dpi"] = (dpi[turned], dpi[not turned])
    return rgb


def save_format(path: str | Path) -> str:
    """Tell by its name as what an image file is to be written.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        Pillow's name of the format.

    Raises
    ------
    ValueError
        If the suffix is of none that is written.

    Examples
    --------
    >>> save_format("a.JPG")
    'JPEG'
    """
    suffix = Path(path).suffix.lower()
    for name in WRITTEN:
        if suffix in FORMATS[name].split():
            return name
    known = " ".join(FORMATS[name].split()[0] for name in WRITTEN)
    raise ValueError(f"an image file to write must end in one of {known}; got {path}")


def save_image(
    image: Image.Image, target: str | Path | BinaryIO, format: str | None = None
) -> list[str]:
    """Write an image, tagged as sRGB, at its resolution; whole or not at all.

    Parameters
    ----------
    image : PIL.Image.Image
        As `open_image` or `colorlab.colorize.colorize` gives it. If its `info` holds
        "software", the file names this program, where its format has a place for it.
    target : str, Path or open binary file
        Where to. A path is written by `colorlab.files.whole_file`.
    format : str, optional
        Pillow's name; None takes `save_format` of the path. JPEG, WEBP and AVIF are
        of quality 95. JPEG, BMP and PPM hold no transparency: it becomes white.

    Returns
    -------
    list of str
        The image's notes, and what else was lost.

    Raises
    ------
    ValueError
        If the format is unknown, or cannot hold the image.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> save_image(Image.new("RGBA", (2, 2)), file, "JPEG")
    ['JPEG holds no transparency: white lies under it']
    """
    kind = format or save_format(target if isinstance(target, str | Path) else "")
    notes, info = [*image.info.get("notes", [])], image.info
    if kind in OPAQUE and image.has_transparency_data:
        notes.append(f"{kind} holds no transparency: white lies under it")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    options: dict[str, Any] = {"icc_profile": srgb_profile()}
    options |= {"dpi": info["dpi"]} if "dpi" in info else {}
    options |= {"quality": QUALITY} if kind in LOSSY else {}
    options |= _signature(kind, info["software"]) if "software" in info else {}
    encoded = io.BytesIO()
    try:
        image.save(encoded, kind, **options)
    except Exception as error:  # an encoder may raise anything
        size = f"{image.width} x {image.height} pixels"
        raise ValueError(f"{size} cannot be written as {kind}: {error}") from error
    if isinstance(target, str | Path):
        with whole_file(target) as file:
            file.write(encoded.getvalue())
    else:
        target.write(encoded.getvalue())
    return notes


def _signature(kind: str, software: str) -> dict[str, Any]:
    """Name the program that made an image: options of Pillow."""
    if kind == "PNG":
        text = PngInfo()
        text.add_text("Software", software)
        return {"pnginfo": text}
    exif = Image.Exif()
    exif[SOFTWARE] = software
    return {"exif": exif} if kind in SIGNED else {}


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
    path: File,
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
    with opened(path) as image:
        sides = _crop_sides(image.size, size, rng, stretch)
        left, top = (
            rng.uniform(0, whole - side)
            for whole, side in zip(image.size, sides, strict=True)
        )
        box = np.array([left, top, left + sides[0], top + sides[1]])
        full = image.size
        wanted = [int(-(-w * size // s)) for w, s in zip(full, sides, strict=True)]
        image.draft("RGB", (wanted[0], wanted[1]))
        box *= np.tile(np.divide(image.size, full), 2)
        crop = to_rgb(image).resize(
            (size, size),
            Image.Resampling.BILINEAR,
            box=(*box[:2], *np.minimum(box[2:], image.size)),  # rounding
        )
        crop = ImageOps.exif_transpose(crop)
    return ImageOps.mirror(crop) if rng.random() < 0.5 else crop


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
