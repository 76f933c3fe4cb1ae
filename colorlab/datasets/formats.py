"""Which files are images: an allow-list, bounds, refusals (book chapter: colorize)."""

import io
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
    suppress,
)
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

File = str | Path | BinaryIO

# What is read, and how its names end. Pillow knows more; some of it runs programs.
FORMATS = {
    "JPEG": ".jpg .jpeg .jpe .jfif",
    "MPO": ".mpo",
    "PNG": ".png .apng",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif .tiff",
    "WEBP": ".webp",
    "AVIF": ".avif .avifs",
    "JPEG2000": ".jp2 .j2k .jpc .jpf .jpx .j2c",
    "PPM": ".pbm .pgm .ppm .pnm .pfm",
    "TGA": ".tga .icb .vda .vst",
    "PSD": ".psd",
    "PCX": ".pcx",
    "HEIF": ".heic .heics .heif .heifs .hif",  # by the package pillow-heif
}
IMAGE_SUFFIXES = frozenset(" ".join(FORMATS.values()).split())
MOST_PIXELS = 300_000_000
SMALL = 2**24  # pixels that any file may claim
PIXELS_PER_BYTE = 200  # that a larger image may claim; photos have 1 to 20
MOST_WORK = 4e9  # pixels times scans of a progressive JPEG; an ordinary one has 10
MARKER_BY_CHANCE = 2**15  # bytes; half of what random data take to look like a scan
DNG_VERSION, SUBFILE_TYPE, SUB_IFDS = 50706, 254, 330  # tags of TIFF
START_OF_JPEG, END_OF_JPEG, SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
CUT = "it is cut short: what is missing at its end is gray"
ADDRESS = re.compile("https?:/")
HEAD = 512  # bytes by which a file is recognized
HEIC = rb"....ftyp(hei|hev|mif1|msf1)"
# How files begin that are no images, or none of ours: what they are, what to do.
FOREIGN = {
    rb"$": "an empty file",
    HEIC: "a HEIC photo: install the package pillow-heif, or convert it to JPEG",
    rb"....ftypcrx|FUJIFILM|II(RO|RS|U\0)|MMOR": "a camera's raw file: develop it",
    rb"....ftypavi[fs]|\xff\xd8\xff|\x89PNG|GIF8": "a damaged image",
    rb"....(ftyp|moov|mdat)|RIFF....AVI|\x1aE\xdf\xa3|\0\0\x01[\xb3\xba]": "a video: "
    "save its frames as images, for example with ffmpeg",
    rb"%!PS|\xc5\xd0\xd3\xc6": "a PostScript file, which is a program: convert it",
    rb"%PDF": "a PDF: save its pages as images",
    rb"(?i)\s*<(!doctype|html|\?xml|svg|head)": "a web page or a drawing (HTML, SVG): "
    "download the image itself",
    rb"II[*+]\0|MM\0[*+]": "a TIFF of a kind that is not read, as of colors in floats: "
    "save it with 8 or 16 bits a channel, without alpha",
    rb"PK\x03\x04|\x80[\x02-\x05]|Rar!|7z\xbc\xaf|\x1f\x8b": "an archive, or weights "
    "of a network",
}
_OPENING = threading.Lock()
_readers: list[None] = []
_changed = ExitStack()  # by the first reader, undone after the last one
_SILENCE = logging.NullHandler()


class Refusal(ValueError):
    """Why a file is not read, in words that need no other."""


def is_image(name: str) -> bool:
    """Return whether a file should be an image, by its name.

    Parameters
    ----------
    name : str
        Of a file.

    Returns
    -------
    bool
        True for the suffixes of `FORMATS`, in any case.

    Examples
    --------
    >>> [is_image(name) for name in ("a.JPG", "a.jp2", "a.txt")]
    [True, True, False]
    """
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def printable(name: str | Path) -> str:
    r"""Return a name as text: file systems hold names that no encoding has.

    Parameters
    ----------
    name : str or Path
        Of a file.

    Returns
    -------
    str
        Bytes that are no UTF-8 are shown by their numbers.

    Examples
    --------
    >>> print(printable("caf\udce9.jpg"))
    caf\xe9.jpg
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@contextmanager
def open_checked(
    source: object, max_pixels: int | None = None, allow_truncated: bool = False
) -> Iterator[Image.Image]:
    """Open an image file of an allowed format; its pixels are not decoded yet.

    Parameters
    ----------
    source : path, open binary file, PIL image or array
        An array has shape (H, W), (H, W, 3) or (H, W, 4) and holds uint8, uint16 or
        floats in 0..1.
    max_pixels : int, optional
        The largest image that is read. None: 16.8 megapixels, or 200 for each byte
        of the file, and 300 megapixels at most.
    allow_truncated : bool
        Take a JPEG whose end is missing, and add a note to `info["notes"]`.

    Yields
    ------
    PIL.Image.Image
        It can be used inside the block only.

    Raises
    ------
    ValueError
        If the file is missing, no image, or too large, or if anything at all goes
        wrong inside the block, where it is decoded: the message gives file and reason.

    Examples
    --------
    >>> with open_checked(np.zeros((2, 3), np.uint8)) as image:
    ...     image.size
    (3, 2)
    """
    head = b""
    try:
        if isinstance(source, Image.Image | np.ndarray):
            yield source if isinstance(source, Image.Image) else _from_array(source)
            return
        with _binary(source) as file, _undisturbed():
            file.seek(0)
            head, notes = file.read(HEAD), []
            if allow_truncated and head.startswith(START_OF_JPEG):
                content = head + file.read()
                notes = [CUT] * (content.rfind(END_OF_JPEG) < content.rfind(SCAN))
                file = io.BytesIO(content + END_OF_JPEG)
            with _identified(file, head) as image:
                _check_claims(image, file, max_pixels)
                image.info["notes"] = notes
                yield image
    except Exception as error:  # a decoder may raise anything
        raise _refusal(source, error, head) from error


def _binary(source: Any) -> AbstractContextManager[BinaryIO]:
    """Open a path; a file that is open stays so."""
    if isinstance(source, str | Path):
        if ADDRESS.match(str(source)):
            raise Refusal("an address: download the image, and give the file")
        return open(source, "rb")
    if not hasattr(source, "read"):
        raise Refusal("it must be a path, an image or an array")
    return nullcontext(source)


def _from_array(array: np.ndarray) -> Image.Image:
    """Return an image of 8 bits of an array of integers or floats."""
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise Refusal(
            f"an array must be (H, W), (H, W, 3) or (H, W, 4), got {array.shape}"
        )
    if array.dtype == np.uint16:
        array = array / 65535
    if array.dtype.kind == "f" and ((array >= 0) & (array <= 1)).all():
        array = (array * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise Refusal(
            "an array must hold uint8, uint16, or floats in 0..1, where 1 is white; "
            f"got {array.dtype}, {array.min()}..{array.max()}"
        )
    return Image.fromarray(array)


def _refusal(source: object, error: Exception, head: bytes) -> Refusal:
    """Return one line on which image was not read, and why."""
    named = getattr(source, "name", "") or getattr(source, "filename", "")
    name = source if isinstance(source, str | Path) else named or type(source).__name__
    why = str(error)
    if isinstance(error, UnidentifiedImageError):
        kinds = (FOREIGN[k] for k in FOREIGN if re.match(k, head, re.DOTALL))
        why = next(kinds, "no format that is known")
    elif isinstance(error, MemoryError):
        why = "there is too little memory for its pixels"
    elif isinstance(error, OSError) and error.strerror:
        why = error.strerror
    elif not isinstance(error, Refusal):
        why = f"damaged or cut short ({error or type(error).__name__})"
        if head.startswith(START_OF_JPEG) and "truncated" in str(error):
            why += "; allow_truncated (--allow-truncated) takes what is there"
    return Refusal(f"image must be a whole image file; {printable(name)}: {why}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Lift Pillow's limit, and keep its warnings, while any thread reads."""
    with _OPENING:
        if not _readers:
            _changed.enter_context(warnings.catch_warnings(action="ignore"))
            limit = Image.MAX_IMAGE_PIXELS
            _changed.callback(setattr, Image, "MAX_IMAGE_PIXELS", limit)
            Image.MAX_IMAGE_PIXELS = None
        _readers.append(None)
    try:
        yield
    finally:
        with _OPENING:
            _readers.pop()
            if not _readers:
                _changed.close()


def _identified(file: BinaryIO, head: bytes) -> Image.Image:
    """Call `Image.open` with the allow-list."""
    Image.init()
    logging.getLogger("PIL").addHandler(_SILENCE)  # else it would print
    if re.match(HEIC, head, re.DOTALL):
        with suppress(ImportError):
            from pillow_heif import register_heif_opener

            register_heif_opener()
    file.seek(0)
    image = Image.open(file, formats=[f for f in FORMATS if f in Image.OPEN])
    tags = getattr(image, "tag_v2", {})
    if DNG_VERSION in tags or (tags.get(SUBFILE_TYPE) == 1 and SUB_IFDS in tags):
        raise Refusal("a camera's raw file: develop it")  # Pillow sees its thumbnail
    return image


def _check_claims(image: Image.Image, file: BinaryIO, max_pixels: int | None) -> None:
    """Refuse what would take more memory or time than its bytes can be worth."""
    place, length = file.tell(), file.seek(0, os.SEEK_END)
    pixels = image.width * image.height
    allowed = min(MOST_PIXELS, max(SMALL, PIXELS_PER_BYTE * length))
    if pixels > (limit := allowed if max_pixels is None else max_pixels):
        raise Refusal(
            f"{pixels / 1e6:.0f} megapixels in {length} bytes are more than the limit "
            f"of {limit / 1e6:.0f}; max_pixels (--max-pixels) raises it"
        )
    if image.info.get("progressive"):
        file.seek(0)
        scans = file.read().count(SCAN) - length // MARKER_BY_CHANCE
        if scans * pixels > MOST_WORK:
            raise Refusal(f"a JPEG of {scans} scans, which would take minutes")
    file.seek(place)
