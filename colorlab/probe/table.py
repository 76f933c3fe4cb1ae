"""From a network and a folder of classes to a table (book chapter: probe)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import torch

from colorlab.datasets.sources import ImageSource
from colorlab.probe.features import SIZE, read_features
from colorlab.probe.linear import Score, choose_images, probe_features
from colorlab.transfer import Network


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
