"""Which images are measured: those of a list, those with a picture (evaluate)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from colorlab.datasets.download import Progress
from colorlab.datasets.images import File, center_crop, open_rgb, to_tensor
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


def central_pair(photo: File, picture: File, size: int) -> Tensor:
    """Read the middle squares of a photo and of the picture made of it.

    Parameters
    ----------
    photo, picture : str, Path or open binary file
        Their scales may differ.
    size : int
        The squares are resized to this.

    Returns
    -------
    Tensor of uint8, shape (2, 3, size, size)
        Book chapter: evaluate.

    Raises
    ------
    ValueError
        If one cannot be read, or their sides have different proportions.
    """
    true, made = open_rgb(photo), open_rgb(picture)
    stretch = made.width * true.height / (made.height * true.width)
    if abs(stretch - 1) > SAME_SHAPE + 1 / min(made.size):
        sides = [f"{image.width} x {image.height}" for image in (made, true)]
        raise ValueError(f"its picture has {sides[0]} pixels, the photo {sides[1]}")
    return torch.stack([to_tensor(center_crop(image, size)) for image in (true, made)])
