"""Image files of every kind, as upright 8-bit sRGB (book chapter: colorize)."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from colorlab.datasets.formats import FORMATS, Refusal, open_checked
from colorlab.datasets.formats import is_image as is_image
from colorlab.datasets.metadata import (
    EXIF_IFD,
    GPS_IFD,
    ORIENTATION,
    SOFTWARE,
    XMP,
    as_read,
    read_metadata,
)
from colorlab.datasets.profiles import srgb_profile
from colorlab.datasets.profiles import to_rgb as to_rgb
from colorlab.files import whole_file

File = str | Path | BinaryIO
ZOOM = 1.5  # a training crop shows at least 1/1.5 of the photo's shorter side
RESOLUTION = (0x011A, 0x011B)  # tags of EXIF: pixels an inch, across and down
LYING = (5, 6, 7, 8)  # orientations that exchange width and height
WRITTEN = "JPEG PNG TIFF WEBP AVIF JPEG2000 GIF BMP PPM".split()
KIND_OF = {suffix: kind for kind in WRITTEN for suffix in FORMATS[kind].split()}
OPAQUE = ("JPEG", "BMP", "PPM")  # these hold no transparency
MOVING = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")  # may hold several frames or pages
TOLD = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF")  # these hold EXIF and XMP
MEASURED = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP")  # and these a size in print
NAMELESS = ("BMP", "PPM")  # nothing can be said in these
COMMENTED = ("GIF", "JPEG2000")  # these hold a comment
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
    return open_image(path).convert("RGB")


def open_image(
    image: Image.Image | np.ndarray | File,
    allow_truncated: bool = False,
    max_pixels: int | None = None,
) -> Image.Image:
    """Open a file, or take an image or array, as upright 8-bit sRGB.

    Parameters
    ----------
    image : path, open binary file, PIL image or array
        As for `open_checked`. Of several frames or pages the first is taken.
    allow_truncated : bool
        Take a JPEG whose end is missing; the rows that it lacks are gray.
    max_pixels : int, optional
        As for `open_checked`.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, or RGBA if it has transparency. Its `info` holds "dpi", "exif" and
        "xmp", if the file does (as `read_metadata` returns them), and "notes":
        sentences (list of str) on what was left out.

    Raises
    ------
    ValueError
        If it is no image, is cut short, has no pixels, or claims too much.

    Examples
    --------
    >>> open_image(np.full((2, 3), 0.2)).getpixel((0, 0))
    (51, 51, 51)
    """
    with open_checked(image, max_pixels, allow_truncated) as opened:
        count = getattr(opened, "n_frames", 1) if opened.format in MOVING else 1
        rgb = take_image(opened)
        if count > 1:
            rest = f"frame or page {opened.tell() + 1} of {count}; the rest is left"
            rgb.info["notes"].append(rest)
    return rgb


def take_image(opened: Image.Image) -> Image.Image:
    """Return the current page of an opened file, as `open_image` does.

    Parameters
    ----------
    opened : PIL.Image.Image
        As `open_checked` yields it.

    Returns
    -------
    PIL.Image.Image
        Upright, in sRGB; its `info` as that of `open_image`.

    Raises
    ------
    ValueError
        If it has no pixels, or as `to_rgb`.

    Examples
    --------
    >>> take_image(Image.new("LA", (2, 3))).mode
    'RGBA'
    """
    if 0 in opened.size:
        raise Refusal(f"it must have pixels, its size is {opened.size}")
    rgb = to_rgb(opened)
    if opened.has_transparency_data:
        held = "A" in opened.getbands()
        rgb.putalpha((opened if held else opened.convert("RGBA")).getchannel("A"))
    exif, notes = rgb.getexif(), [*rgb.info.get("notes", [])]
    kept, left = read_metadata(opened)
    turned = exif.get(ORIENTATION) in LYING
    ImageOps.exif_transpose(rgb, in_place=True)
    dpi = [float(number) for number in rgb.info.get("dpi", ())]
    rgb.info = {"notes": notes + left}
    rgb.info.update(kept.items())
    if len(dpi) == 2 and all(1 < number < 1e5 for number in dpi):  # 1: none is known
        rgb.info["dpi"] = (dpi[turned], dpi[not turned])
    return rgb


def save_format(path: str | Path) -> str:
    """Return the format in which to write an image file, by its name.

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
    if suffix not in KIND_OF:
        known = " ".join(FORMATS[kind].split()[0] for kind in WRITTEN)
        raise ValueError(
            f"an image file to write must end in one of {known}; got {path}"
        )
    return KIND_OF[suffix]


def save_image(
    image: Image.Image, target: str | Path | BinaryIO, format: str | None = None
) -> list[str]:
    """Write an image, tagged as sRGB, at its resolution; whole or not at all.

    Parameters
    ----------
    image : PIL.Image.Image
        If its `info` holds "exif", "xmp" (a packet), "dpi", "software" (the name of a
        program) or "statement" (a sentence), the file has them, where its format has a
        place: JPEG, PNG, TIFF, WebP and AVIF for the first four; GIF and JPEG 2000 for
        the last two, as a comment.
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
    info = image.info
    notes = [*info.get("notes", []), *_homeless(kind, info)]
    if kind in OPAQUE and image.has_transparency_data:
        notes.append(f"{kind} holds no transparency: white lies under it")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    if kind == "GIF":
        image, lost = to_palette(image)
        notes += lost
    encoded = io.BytesIO()
    try:
        image.save(encoded, kind, **save_options(kind, info))
    except Exception as error:  # an encoder may raise anything
        size = f"{image.width} x {image.height} pixels"
        raise ValueError(f"{size} cannot be written as {kind}: {error}") from error
    if isinstance(target, str | Path):
        with whole_file(target) as file:
            file.write(encoded.getbuffer())
    else:
        target.write(encoded.getbuffer())
    return notes


def to_palette(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Make an image one that a GIF can hold.

    Parameters
    ----------
    image : PIL.Image.Image
        Any mode.

    Returns
    -------
    image : PIL.Image.Image
        Each pixel is either there or not: from half on, it is there. Its colors are
        left to the writer, which chooses 256.
    notes : list of str
        What is lost.

    Examples
    --------
    >>> clear, notes = to_palette(Image.new("RGBA", (1, 1), (9, 9, 9, 127)))
    >>> clear.getpixel((0, 0)), notes[1:]
    ((0, 0, 0, 0), ['a GIF has no half-transparent pixels: they are there or not'])
    """
    notes = ["a GIF has 256 colors a frame: lightness moves a little, too"]
    if not image.has_transparency_data:
        return image, notes
    full = image.convert("RGBA")
    alpha = full.getchannel("A")
    if any(alpha.histogram()[1:255]):
        notes.append("a GIF has no half-transparent pixels: they are there or not")
    there = alpha.point(lambda value: 255 * (value > 127))
    made = Image.composite(full, Image.new("RGBA", full.size), there)
    made.putalpha(there)
    made.info = image.info
    return made, notes


def save_options(kind: str, info: dict) -> dict[str, Any]:
    """Return how Pillow is to write an image.

    Parameters
    ----------
    kind : str
        Pillow's name of the format.
    info : dict
        As for `save_image`.

    Returns
    -------
    dict
        Arguments of `PIL.Image.Image.save`.

    Examples
    --------
    >>> sorted(save_options("JPEG", {"dpi": (300, 300)}))
    ['dpi', 'icc_profile', 'quality']
    """
    options: dict[str, Any] = {"icc_profile": srgb_profile()}
    options |= {"dpi": info["dpi"]} if "dpi" in info else {}
    options |= {"quality": QUALITY} if kind in LOSSY else {}
    return options | _signature(kind, info)


@contextmanager
def within_tiff() -> Iterator[None]:
    """Say in one sentence that a TIFF has become too large, whose places have 32 bits.

    Raises
    ------
    ValueError
        If what is done inside goes beyond.
    """
    try:
        yield
    except struct.error as error:
        raise ValueError(
            "a TIFF holds 4 GiB at most, and its pages are more: color it in parts"
        ) from error


def _homeless(kind: str, info: dict) -> list[str]:
    """Return what a format has no place for."""
    told = ["exif"] if info.get("no_xmp_of_its_own") else ["exif", "xmp"]
    lost = [name for name in told if name in info and kind not in TOLD]
    lost += ["dpi"] if "dpi" in info and kind not in MEASURED else []
    return [f"{kind} has no place for {', '.join(lost)}"] if lost else []


def _signature(kind: str, info: dict) -> dict[str, Any]:
    """Name the program, and keep what is told of the picture: options of Pillow."""
    if kind in COMMENTED:
        told = [info[name] for name in ("software", "statement") if name in info]
        return {"comment": "\n".join(told)} if told else {}
    exif, xmp = Image.Exif(), info.get("xmp", b"")
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    if "exif" in info:
        exif.load(info["exif"])
        for part in (exif, *map(exif.get_ifd, (EXIF_IFD, GPS_IFD))):
            part.update({tag: as_read(value) for tag, value in part.items()})
    if "software" in info:
        exif[SOFTWARE] = info["software"]
    if kind in ("WEBP", "AVIF") and "dpi" in info:
        exif.update(zip(RESOLUTION, info["dpi"], strict=True))
    if kind == "TIFF" and xmp:
        exif[XMP] = xmp
    options: dict[str, Any] = {"exif": exif} if exif else {}
    if kind == "PNG" and xmp:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp)
    return options | ({"xmp": xmp} if kind in LOSSY and xmp else {})


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
    with open_checked(path) as image:
        whole = np.array(image.size)
        sides = np.array(_crop_sides(image.size, size, rng, stretch))
        start = rng.uniform(0, whole - sides)
        needed = np.ceil(whole * size / sides).astype(int)
        image.draft("RGB", (needed[0], needed[1]))
        box = np.stack([start, start + sides]) * (image.size / whole)
        crop = to_rgb(image).resize(
            (size, size),
            Image.Resampling.BILINEAR,
            box=tuple(np.minimum(box, image.size).ravel()),  # rounding
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
    """Return an RGB image as a tensor (book chapter: datasets).

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
