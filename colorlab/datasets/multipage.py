"""Images of several pages or frames, one after the other (book chapter: colorize)."""

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin

from colorlab.datasets.formats import MOST_PIXELS, File, Refusal, open_checked
from colorlab.datasets.images import (
    MOVING,
    save_format,
    save_options,
    take_image,
    to_palette,
    within_tiff,
)
from colorlab.files import whole_file

Progress = Callable[[Iterable], Iterable]
TIMES = ("duration", "loop", "default_image")  # of what moves
SUFFIX_OF = {"GIF": ".gif", "PNG": ".png", "WEBP": ".webp", "AVIF": ".avif"}
SUFFIX_OF |= {"TIFF": ".tif"}
TO_BACKGROUND = 2  # of a GIF: each frame starts from nothing


def paged_format(path: File) -> str:
    """Return the format of a file that has several pages or frames.

    Parameters
    ----------
    path : str, Path or open binary file
        An image file.

    Returns
    -------
    str
        Pillow's name: TIFF, GIF, PNG, WEBP or AVIF; "" for other files, also those
        that are no image.

    Examples
    --------
    >>> paged_format("data/before-after.jpg")
    ''
    """
    try:
        with open_checked(path, MOST_PIXELS) as opened:
            several = opened.format in MOVING and getattr(opened, "is_animated", False)
            return str(opened.format) if several else ""
    except ValueError:
        return ""


def can_hold(kind: str, path: File) -> bool:
    """Return whether a format can hold the pages or frames of a file.

    Parameters
    ----------
    kind : str
        Pillow's name of a format to write.
    path : str, Path or open binary file
        The image file.

    Returns
    -------
    bool
        True if the file has several, and both are TIFF, or both move.

    Examples
    --------
    >>> can_hold("TIFF", "data/before-after.jpg")
    False
    """
    source = paged_format(path)
    return bool(source) and kind in MOVING and (kind == "TIFF") == (source == "TIFF")


def open_pages(
    path: File,
    allow_truncated: bool = False,
    max_pixels: int | None = None,
    progress: Progress = iter,
) -> Iterator[Image.Image]:
    """Open the pages or frames of an image file, one at a time.

    Parameters
    ----------
    path : str, Path or open binary file
        The image file.
    allow_truncated, max_pixels
        As for `open_image`; all frames of what moves count together, as they are
        held in memory when they are written. Pages of a TIFF count each.
    progress : callable, optional
        Wraps the numbers of the pages, for a progress bar.

    Yields
    ------
    PIL.Image.Image
        As `open_image` returns it. The `info` of a frame also holds "duration", in
        milliseconds, and where the file does "loop" and "default_image".

    Raises
    ------
    ValueError
        As `open_image`; also for a page.
    """
    with open_checked(path, max_pixels, allow_truncated) as opened:
        count, limit = max(1, getattr(opened, "n_frames", 1)), max_pixels or MOST_PIXELS
        moving = opened.format != "TIFF"
        for number in progress(range(count)):
            opened.seek(number)
            pixels = opened.width * opened.height * (count if moving else 1)
            if pixels > limit:
                raise Refusal(
                    f"{pixels / 1e6:.0f} megapixels, {count} pages or frames, are more "
                    f"than the limit of {limit / 1e6:.0f}; color it as a film, or "
                    "page by page"
                )
            page = take_image(opened)
            page.info |= {key: opened.info[key] for key in TIMES if key in opened.info}
            yield page


def save_pages(pages: Iterable[Image.Image], target: str | Path) -> list[str]:
    """Write pages or frames to one file, which appears whole or not at all.

    Parameters
    ----------
    pages : iterable of PIL.Image.Image
        As `open_pages` yields them. A TIFF is written page by page; other formats
        hold all frames in memory.
    target : str or Path
        Its suffix names the format: TIFF, GIF, PNG, WebP or AVIF.

    Returns
    -------
    list of str
        Notes of the first page, and what was lost.

    Raises
    ------
    ValueError
        If the format cannot hold them.
    OSError
        If the file cannot be written.
    """
    kind = save_format(target)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    if kind == "TIFF":
        with whole_file(target) as file:
            return _save_tiff(pages, file)
    lost: dict[str, None] = {}  # each once, in order
    frames = []
    for page in pages:
        if kind == "GIF":
            page, notes = to_palette(page)
            lost |= dict.fromkeys(notes)
        frames.append(page)
    first, *rest = frames
    options = save_options(kind, first.info) | _times(kind, frames)
    encoded = io.BytesIO()
    try:
        first.save(encoded, kind, save_all=True, append_images=rest, **options)
    except Exception as error:  # an encoder may raise anything
        raise ValueError(f"frames cannot be written as {kind}: {error}") from error
    with whole_file(target) as file:
        file.write(encoded.getbuffer())
    return [*first.info.get("notes", []), *lost]


def _save_tiff(pages: Iterable[Image.Image], file: BinaryIO) -> list[str]:
    """Write page after page, each with its own EXIF, XMP and resolution."""
    notes: dict[str, None] = {}  # each once, in order
    with within_tiff(), TiffImagePlugin.AppendingTiffWriter(file) as writer:
        for page in pages:
            page.save(writer, "TIFF", **save_options("TIFF", page.info))
            writer.newFrame()
            notes |= dict.fromkeys(page.info.get("notes", []))
    return [*notes]


def _times(kind: str, frames: list[Image.Image]) -> dict[str, Any]:
    """Return how long each frame is shown, and how often all are: for Pillow."""
    held = frames[0].info
    shown = frames[1:] if held.get("default_image") and kind == "PNG" else frames
    options: dict[str, Any] = {
        "duration": [round(frame.info.get("duration", 0)) for frame in shown],
    }
    options |= {"loop": held["loop"]} if "loop" in held else {}
    if kind == "PNG":
        options["default_image"] = held.get("default_image", False)
    if kind == "GIF":
        options["disposal"] = TO_BACKGROUND
    return options
