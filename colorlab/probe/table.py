"""From a network and a folder of classes to a table (book chapter: probe)."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from colorlab.datasets.sources import ImageSource, find_splits
from colorlab.probe.features import SIZE, read_features
from colorlab.probe.linear import Score, choose_images, probe_features
from colorlab.transfer import Network

ASKED = 0.2  # of the images of each class, where data is not divided


def class_names(images: ImageSource) -> list[str]:
    """Return the class of each image: the name of the folder that it lies in.

    Parameters
    ----------
    images : ImageSource
        A folder of classes. A folder called "images" is passed over, as Tiny ImageNet
        has one in each class.

    Returns
    -------
    list of str
        A name for each image.

    Raises
    ------
    ValueError
        If there are not two classes at least.
    """
    paths = [PurePosixPath(images.name(n)).parts[:-1] for n in range(len(images))]
    folders = [[part for part in path if part != "images"] for path in paths]
    names = [folder[-1] if folder else "" for folder in folders]
    if len(set(names)) < 2:  # noqa: PLR2004
        raise ValueError(
            f"data must be a folder of classes, a folder each; {images.data} has "
            f"{', '.join(sorted(set(names))) or 'none'}"
        )
    return names


def class_splits(
    data: str | Path,
    share: float = ASKED,
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[ImageSource, ImageSource]:
    """Find images to learn from and others to be asked about, of each class.

    Parameters
    ----------
    data : str or Path
        A folder of classes, or with such folders for training and validation.
    share : float
        Of the images of a class that are asked about, one at least, if the data is
        not divided: those whose names have the least hash.
    progress : callable, optional
        As for `find_splits`.

    Returns
    -------
    known, asked : ImageSource
        Those to learn from, and those to be asked about.

    Raises
    ------
    ValueError
        If there are not two classes at least, or `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, got {share}")
    splits = find_splits(data, progress, hold_out=False)
    known, asked = splits["train"], splits["val"]
    if len(asked) and not np.array_equal(known.place, asked.place):
        return known, asked
    of_class = defaultdict(list)
    for number, name in enumerate(class_names(known)):
        of_class[name].append(number)
    held = np.zeros(len(known), dtype=bool)
    for numbers in of_class.values():
        numbers.sort(key=lambda n: _hash(known.name(n)))
        held[numbers[: max(1, round(share * len(numbers)))]] = True
    rest, part = (replace(known, place=known.place[chosen]) for chosen in (~held, held))
    return rest, part


def _hash(name: str) -> bytes:
    return hashlib.blake2b(os.fsencode(name), digest_size=8).digest()


def probe_network(  # noqa: PLR0913  two data sets, and how
    model: Network,
    known: ImageSource,
    asked: ImageSource,
    per_class: int = 200,
    seeds: Sequence[int] = (0, 1),
    size: int = SIZE,
    skipped: dict[str, str] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, Score]:
    """Probe each block of a network with the classes of a data set.

    Parameters
    ----------
    model, size, skipped, progress
        As for `read_features`.
    known, asked : ImageSource
        Folders of classes: images to learn from, and others to be asked about.
    per_class, seeds
        As for `probe_features`; only the images of `known` that are chosen are read.

    Returns
    -------
    dict of str to Score
        For each block.

    Raises
    ------
    ValueError
        If `asked` has a class that `known` has not.
    """
    names = [class_names(images) for images in (known, asked)]
    classes = sorted(set(names[0]))
    if odd := set(names[1]) - set(classes):
        raise ValueError(f"asked must have no class that known lacks, got {min(odd)}")
    every = torch.tensor([classes.index(name) for name in names[0]])
    few = torch.cat([choose_images(every, per_class, seed) for seed in seeds]).unique()
    known = replace(known, place=known.place[few.numpy()])
    lost: dict[str, str] = {} if skipped is None else skipped
    found, labels = [], []
    for images in (known, asked):
        found.append(read_features(model, images, size, lost, progress))
        whole = [n for n in range(len(images)) if images.name(n) not in lost]
        these = class_names(images)
        labels.append(torch.tensor([classes.index(these[n]) for n in whole]))
    return probe_features(found[0], labels[0], found[1], labels[1], per_class, seeds)
