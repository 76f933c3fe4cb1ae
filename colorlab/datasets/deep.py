"""Images of 16 bits a channel, with all their levels (book chapter: colorize)."""

import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin

from colorlab.datasets.formats import File, open_checked
from colorlab.datasets.images import save_options, within_tiff
from colorlab.datasets.metadata import as_read
from colorlab.datasets.profiles import (
    WHITE,
    gray16,
    png_profile,
    srgb_profile,
    way_to_srgb,
)

# Pillow reads 16 bits of color as 8: of each two bytes, the one that its raw mode
# names. Read again with the other, they give all 16.
OTHER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
EXACT = ("RGB", "RGBA", "RGBX")  # raw modes of which both bytes can be had
BAND = 64  # rows converted at once, to bound memory
PNG_SIGNATURE, RGB_TYPE, RGBA_TYPE = b"\x89PNG\r\n\x1a\n", 2, 6
EXIF_IFDS = (0x8769, 0x8825)
PARAMETERS = (1, 3, 4, 5, 7)  # of ICC's curves of kind 0 to 4
Curve = Callable[[np.ndarray], np.ndarray]


class Levels(NamedTuple):
    """The numbers of an image, and what could not be had of them."""

    values: np.ndarray | None  # uint16, sRGB, upright: (H, W) or (H, W, 3)
    notes: list[str]


def read_levels(path: File, max_pixels: int | None = None, page: int = 0) -> Levels:
    """Read the numbers of an image that has more than 8 bits.

    Parameters
    ----------
    path : str, Path or open binary file
        A gray image of 16 bits, of integers or floats; or a PNG or TIFF of color.
    max_pixels : int, optional
        As for `open_checked`.
    page : int
        Which page of a TIFF, from 0.

    Returns
    -------
    Levels
        In sRGB, by its profile, which must have curves and a matrix. `values` is None
        if the file has 8 bits, or none other can be had: then `notes` says why.

    Raises
    ------
    ValueError
        As `open_checked`.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Image.fromarray(np.array([[0, 513]], np.uint16)).save(file, "PNG")
    >>> read_levels(file).values
    array([[  0, 513]], dtype=uint16)
    """
    with open_checked(path, max_pixels) as opened:
        opened.seek(page)
        if opened.mode == "F" or opened.mode.startswith("I"):
            opened.load()
            gray = gray16(opened)
            return _follow_profile(gray, np.asarray(_turned(opened, gray)))
        raw = _raw_mode(opened)
        if not raw:
            return Levels(None, [])
        if raw.split(";")[0] not in EXACT:
            return Levels(None, [f"it is read with 8 bits: 16 of {raw} are not"])
        opened.load()
        high = np.asarray(_turned(opened, opened))[..., :3]
        with open_checked(path, max_pixels) as again:
            again.seek(page)
            _take_other_bytes(again, raw)
            again.load()
            low = np.asarray(_turned(again, again))[..., :3]
        values = high.astype(np.uint16) << 8
        values |= low
        return _follow_profile(opened, values)


def join_bytes(image: Image.Image) -> np.ndarray:
    """Return an image of 8 bits as 16 (book chapter: colorize).

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB or RGBA.

    Returns
    -------
    ndarray of uint16, shape (H, W, 3)
        255 becomes 65535.
    """
    return np.asarray(image.convert("RGB")).astype(np.uint16) * 257


def save_deep(
    rows: Iterable[np.ndarray], image: Image.Image, file: BinaryIO, kind: str
) -> None:
    """Write an image of 16 bits a channel.

    Parameters
    ----------
    rows : iterable of ndarray of uint16, shape (h, W, 3)
        Bands of the image in sRGB, from top to bottom.
    image : PIL.Image.Image
        The same with 8 bits: its size, its transparency, and its `info`, of which
        `save_image` tells.
    file : open binary file
        Where to.
    kind : str
        PNG or TIFF.

    Raises
    ------
    ValueError
        If the format is another.

    Examples
    --------
    >>> file, image = io.BytesIO(), Image.new("RGB", (2, 1))
    >>> save_deep([np.full((1, 2, 3), 770, np.uint16)], image, file, "PNG")
    >>> read_levels(file).values[0, 0]
    array([770, 770, 770], dtype=uint16)
    """
    if kind not in ("PNG", "TIFF"):
        raise ValueError(f"16 bits must be written as PNG or TIFF, not as {kind}")
    one = io.BytesIO()  # one pixel, with all that the file says besides
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    Image.new(mode, (1, 1)).save(one, kind, **save_options(kind, image.info))
    write = _write_png if kind == "PNG" else _write_tiff
    write(_with_alpha(rows, image), image, file, one)


def save_deep_pages(
    pages: Iterable[tuple[Iterable[np.ndarray], Image.Image]], file: BinaryIO
) -> None:
    """Write a TIFF of several pages with 16 bits a channel, one after the other.

    Parameters
    ----------
    pages : iterable of (rows, image)
        Of each page, what `save_deep` takes.
    file : open binary file
        Where to.

    Examples
    --------
    >>> file, page = io.BytesIO(), Image.new("RGB", (2, 1))
    >>> rows = (np.full((1, 2, 3), level, np.uint16) for level in (7, 770))
    >>> save_deep_pages((([band], page) for band in rows), file)
    >>> read_levels(file, page=1).values[0, 0]
    array([770, 770, 770], dtype=uint16)
    """
    with within_tiff(), TiffImagePlugin.AppendingTiffWriter(file) as writer:
        for rows, image in pages:
            save_deep(rows, image, writer, "TIFF")
            writer.newFrame()


def _raw_mode(opened: Image.Image) -> str:
    """Return how Pillow would unpack 16 bits of color; "" if there are none."""
    for tile in getattr(opened, "tile", []):
        given = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        raw = next((each for each in given if isinstance(each, str)), "")
        if ";16" in raw:
            return raw
    return ""


def _take_other_bytes(opened: Any, raw: str) -> None:
    other = raw[:-1] + OTHER[raw[-1]]
    for place, tile in enumerate(opened.tile):
        given = tile[3]
        if isinstance(given, tuple):
            given = tuple(other if each == raw else each for each in given)
        else:
            given = other
        opened.tile[place] = tile._replace(args=given)


def _turned(opened: Image.Image, image: Image.Image) -> Image.Image:
    """Return an image upright, by the EXIF of the file."""
    if image is not opened and "exif" in opened.info:
        image.info["exif"] = opened.info["exif"]
    return ImageOps.exif_transpose(image)


def _follow_profile(image: Image.Image, values: np.ndarray) -> Levels:
    """Convert numbers to sRGB, by the curves and the matrix of the profile."""
    try:
        transform = way_to_srgb(image)[1]
    except (OSError, ImageCms.PyCMSError, ArithmeticError, ValueError):
        return Levels(values, [])  # sRGB is assumed, as for 8 bits, which say so
    profile = image.info.get("icc_profile") or png_profile(image.info)
    if not profile or not transform:
        return Levels(values, [])
    try:
        curves, matrix = _numbers(profile, values.ndim == 3)
    except (ValueError, LookupError, struct.error) as error:
        return Levels(None, [f"it is read with 8 bits, as its profile {error}"])
    steps = np.linspace(0, 1, WHITE + 1)
    tables = [curve(steps).astype(np.float32) for curve in curves]
    converted = np.empty_like(values)
    for top in range(0, len(values), BAND):
        band = values[top : top + BAND]
        if values.ndim == 2:
            light = tables[0][band]
        else:
            light = np.stack([t[band[..., n]] for n, t in enumerate(tables)], axis=-1)
            light = light @ matrix.T.astype(np.float32)
        converted[top : top + BAND] = (_encode(light) * WHITE).round()
    return Levels(converted, [])


def _encode(light: np.ndarray) -> np.ndarray:
    """Return linear light as sRGB (IEC 61966-2-1), clipped."""
    light = light.clip(0, 1)
    return np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )


def _numbers(profile: bytes, color: bool) -> tuple[list[Curve], np.ndarray]:
    """Return the curves of a profile, and the matrix from its primaries to sRGB's."""
    tags = _tags(profile)
    space, connection = profile[16:20], profile[20:24]
    if space != (b"RGB " if color else b"GRAY"):
        raise ValueError(f"is one of {space.decode('latin-1').strip()}")
    if b"A2B0" in tags or connection != b"XYZ ":
        raise ValueError("is a table, not a matrix")
    names = (b"rTRC", b"gTRC", b"bTRC") if color else (b"kTRC",)
    curves = [_curve(tags[name]) for name in names]
    if not color:
        return curves, np.eye(1)
    srgb = _columns(_tags(srgb_profile()))
    return curves, np.linalg.solve(srgb, _columns(tags))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for n in range(min(count, 100)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * n)
        tags[name] = profile[start : start + size]
    return tags


def _columns(tags: dict[bytes, bytes]) -> np.ndarray:
    columns = [struct.unpack_from(">3i", tags[name], 8) for name in _XYZ]
    return np.array(columns).T / 65536


_XYZ = (b"rXYZ", b"gXYZ", b"bXYZ")


def _curve(tag: bytes) -> Curve:
    """Return a curve of ICC.1, 10.6 and 10.18: from a number in 0..1 to light."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        points = np.array(struct.unpack_from(f">{count}H", tag, 12))
        if count == 0:
            return lambda x: x
        if count == 1:
            return lambda x: x ** (points[0] / 256)
        places = np.linspace(0, 1, count)
        return lambda x: np.interp(x, places, points / WHITE)
    if tag[:4] != b"para":
        raise ValueError(f"has a curve of kind {tag[:4]!r}")
    (kind,) = struct.unpack_from(">H", tag, 8)
    given = np.array(struct.unpack_from(f">{PARAMETERS[kind]}i", tag, 12)) / 65536
    g, a, b, c, d, e, f = np.pad(given, (0, 7 - len(given)))
    if kind == 0:
        return lambda x: x**g
    if kind in (1, 2):  # below d, c alone
        c, d, e, f = 0.0, -b / a, c, c
    return lambda x: np.where(x >= d, (a * x + b).clip(0) ** g + e, c * x + f)


def _with_alpha(rows: Iterable[np.ndarray], image: Image.Image) -> Iterator[np.ndarray]:
    top = 0
    for band in rows:
        if image.mode == "RGBA":
            box = (0, top, image.width, top + len(band))
            alpha = np.asarray(image.crop(box).getchannel("A"))
            band = np.dstack([band, alpha.astype(np.uint16) * 257])
        top += len(band)
        yield band


def _write_png(
    rows: Iterable[np.ndarray], image: Image.Image, file: BinaryIO, one: io.BytesIO
) -> None:
    """Write the chunks of a PNG of one pixel, with other pixels."""
    content, place = one.getvalue(), len(PNG_SIGNATURE)
    kind = RGBA_TYPE if image.mode == "RGBA" else RGB_TYPE
    file.write(PNG_SIGNATURE)
    while place < len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        data = content[place + 8 : place + 8 + length]
        if name == b"IHDR":
            data = struct.pack(">IIBBBBB", *image.size, 16, kind, 0, 0, 0)
        parts = _compressed(rows) if name == b"IDAT" else [data]
        for part in parts:
            check = zlib.crc32(name + part)
            file.write(struct.pack(">I4s", len(part), name) + part)
            file.write(struct.pack(">I", check))
        place += length + 12


def _compressed(rows: Iterable[np.ndarray]) -> Iterator[bytes]:
    """Filter rows by what stands left (kind 1 of the PNG standard), and deflate."""
    packer = zlib.compressobj()
    for band in rows:
        height, _, channels = band.shape
        raw = np.ascontiguousarray(band, ">u2").view(np.uint8).reshape(height, -1)
        filtered = np.ones((height, raw.shape[1] + 1), np.uint8)
        filtered[:, 1:] = raw
        filtered[:, 1 + 2 * channels :] -= raw[:, : -2 * channels]
        if part := packer.compress(filtered.tobytes()):
            yield part
    yield packer.flush()


def _write_tiff(
    rows: Iterable[np.ndarray], image: Image.Image, file: BinaryIO, one: io.BytesIO
) -> None:
    """Write the tags of a TIFF of one pixel, with other pixels, in one strip."""
    channels = 4 if image.mode == "RGBA" else 3
    with Image.open(one, formats=["TIFF"]) as opened:
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in getattr(opened, "tag_v2", {}).items():
            tags[tag] = as_read(value)
        exif = opened.getexif()
        for ifd in EXIF_IFDS:
            if told := exif.get_ifd(ifd):
                tags[ifd] = {tag: as_read(value) for tag, value in told.items()}
    tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH] = image.size
    tags[TiffImagePlugin.BITSPERSAMPLE] = (16,) * channels
    tags[TiffImagePlugin.ROWSPERSTRIP] = image.height
    tags[TiffImagePlugin.STRIPOFFSETS] = 0
    tags[TiffImagePlugin.STRIPBYTECOUNTS] = image.width * image.height * channels * 2
    file.seek(tags.save(file))
    for band in rows:
        file.write(band.astype("<u2").tobytes())
