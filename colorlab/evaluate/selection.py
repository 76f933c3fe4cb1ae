"""Which images are measured: those of a list, those with a picture (evaluate)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath

import torch
from PIL import Image
from torch import Tensor

from colorlab.datasets.download import Progress
from colorlab.datasets.images import center_crop, open_rgb, to_tensor
from colorlab.datasets.sources import ImageSource, find_splits

SAME_SHAPE = 0.02  # two pictures' sides may differ in proportion by 2 %


def find_all(data: str | Path, progress: Progress = iter) -> ImageSource:
    """Find all images of a data set, of whatever split (book chapter: evaluate).

    Parameters
    ----------
    data, progress
        As for `colorlab.datasets.find_splits`.

    Returns
    -------
    ImageSource
        Sorted by name.

    Raises
    ------
    ValueError
        If there is no image.
    """
    images = find_splits(data, progress, hold_out=None)["val"]
    if not len(images):
        raise ValueError(f"data must hold images; {images.describe()}")
    return images


def find_listed(
    data: str | Path, listing: str | Path, progress: Progress = iter
) -> ImageSource:
    """Find the images of a data set that a list names (book chapter: evaluate).

    Parameters
    ----------
    data, progress
        As for `find_all`.
    listing : str or Path
        A text file, one name a line: the end of an image's path, folder by folder.

    Returns
    -------
    ImageSource
        Sorted by name, of whatever split.

    Raises
    ------
    ValueError
        If the list is empty or cannot be read, or a name fits no image of `data`, or
        two.
    """
    try:
        lines = Path(listing).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"list must be a text file; {listing}: {error}") from error
    wanted = {line.strip() for line in lines} - {""}
    if not wanted:
        raise ValueError(f"list must name images; {listing} names none")
    images = find_all(data, progress)
    depths = {name.count("/") + 1 for name in wanted}
    rows: dict[str, int] = {}
    for row in range(len(images)):
        parts = images.name(row).split("/")
        for name in wanted & {"/".join(parts[-depth:]) for depth in depths}:
            if rows.setdefault(name, row) != row:
                raise ValueError(
                    f"list must name one image a line; {name} fits two of {data}"
                )
    if lost := sorted(wanted - rows.keys()):
        raise ValueError(
            f"list must name images of {data}; {len(lost)} of its {len(wanted)} are "
            f"not there, as {lost[0]}"
        )
    return replace(
        images,
        place=images.place[sorted({*rows.values()})],
        data=f"{data}, those of {Path(listing).name}",
    )


def match_pictures(
    images: ImageSource, pictures: ImageSource
) -> tuple[ImageSource, ImageSource, list[str], list[str]]:
    """Find for each image the picture that another system made of it.

    Parameters
    ----------
    images : ImageSource
        The true photos.
    pictures : ImageSource
        The colored ones. A picture has the path of its photo, or only the name of its
        file; the suffix does not matter.

    Returns
    -------
    images, pictures : ImageSource
        Those that belong together, in the same order.
    missing, extra : list of str
        Names of images without a picture, and of pictures without an image.

    Raises
    ------
    ValueError
        If nothing belongs together, or two have the same name.
    """
    for way in (_path, _file_name):
        rows, others = _rows(images, way), _rows(pictures, way)
        if both := [key for key in rows if key in others]:
            break
    else:
        raise ValueError(
            "pictures must be named as the images, but for the suffix; "
            f"{pictures.name(0)} is of none, {images.name(0)} has none"
        )
    for kind, source, keys in (
        ("images", images, rows),
        ("pictures", pictures, others),
    ):
        if len(keys) < len(source):
            raise ValueError(
                f"{kind} must have different names; {len(source)} have {len(keys)}"
            )
    return (
        replace(images, place=images.place[[rows[key] for key in both]]),
        replace(pictures, place=pictures.place[[others[key] for key in both]]),
        [images.name(row) for key, row in rows.items() if key not in others],
        [pictures.name(row) for key, row in others.items() if key not in rows],
    )


def _path(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _file_name(name: str) -> str:
    return PurePosixPath(name).stem


def _rows(source: ImageSource, way: Callable[[str], str]) -> dict[str, int]:
    return {way(source.name(row)): row for row in range(len(source))}


def paired_batches(
    images: ImageSource,
    pictures: ImageSource,
    size: int,
    batch_size: int,
    skipped: dict[str, str],
    progress: Progress = iter,
) -> Iterator[Tensor]:
    """Yield photos and the pictures that another system made of them.

    Parameters
    ----------
    images, pictures : ImageSource
        As `match_pictures` returns them.
    size, batch_size, skipped, progress
        As for `colorlab.datasets.batches.image_batches`. A picture whose sides have
        another proportion than the photo's is skipped, too; any scale will do.

    Yields
    ------
    Tensor of uint8, shape (2, N, 3, size, size)
        The middle squares of photos, then of pictures.

    Raises
    ------
    ValueError
        If no pair can be read.
    """
    pairs = _pairs(images, pictures, size, skipped, progress)
    given = 0
    while batch := [*islice(pairs, batch_size)]:
        yield torch.stack(batch, dim=1)
        given += len(batch)
    if not given:
        told = next(iter(skipped.values()))
        raise ValueError(f"pictures must be readable, of {len(images)} none is: {told}")


def _pairs(
    images: ImageSource,
    pictures: ImageSource,
    size: int,
    skipped: dict[str, str],
    progress: Progress,
) -> Iterator[Tensor]:
    """Give photo and picture, (2, 3, size, size), where both can be read."""
    for number in progress(range(len(images))):
        try:
            photo, picture = (open_rgb(s.open(number)) for s in (images, pictures))
            stretch = picture.width * photo.height / (picture.height * photo.width)
            if abs(stretch - 1) > SAME_SHAPE + 1 / min(picture.size):
                raise ValueError(
                    f"its picture has {_sides(picture)} pixels, the photo "
                    f"{_sides(photo)}"
                )
        except ValueError as error:
            skipped[images.name(number)] = str(error)
            continue
        yield torch.stack([to_tensor(center_crop(x, size)) for x in (photo, picture)])


def _sides(image: Image.Image) -> str:
    return f"{image.width} x {image.height}"
