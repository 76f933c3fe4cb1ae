"""From images to training batches, in an order that is known (chapter: datasets)."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, count, islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from colorlab.datasets.download import Progress
from colorlab.datasets.images import (
    File,
    center_crop,
    open_rgb,
    random_crop,
    to_tensor,
)
from colorlab.datasets.sources import ImageSource

TRIES = 100  # unreadable images in a row, before the data set is given up
WINDOW = 16  # shards that are shuffled together
BLOCK = 1000  # batches whose sources are drawn at once

Sources = list[tuple[ImageSource, int]]  # and the size at which each is shown


class Batch(NamedTuple):
    """What one process gets for one step (book chapter: datasets)."""

    rgb: Tensor  # uint8, shape (N, 3, size, size)
    epoch: int  # the least of the images'
    photos: int  # images in the whole batch, over all processes
    skipped: dict[str, str]  # images that could not be read, and why


class ImageDataset(Dataset):
    """Random crops of the images of several data sets (book chapter: datasets).

    Parameters
    ----------
    sources : list of (ImageSource, int)
        Data sets, and the size in pixels at which they are shown.
    seed : int
        An index is (epoch, source, number), and the crop a function of the seed and
        these alone. An image that cannot be read gives way to the next one.
    stretch : int
        For `random_crop`.
    """

    def __init__(self, sources: Sources, seed: int, stretch: int = 0) -> None:
        self.sources, self.seed, self.stretch = sources, seed, stretch

    def __getitem__(self, index: tuple[int, int, int]) -> tuple | Exception:
        """Return a crop, its epoch and source, and what was skipped; or an error.

        An error that is raised would come from a loader process as a page of text.
        """
        epoch, source, number = index
        images, size = self.sources[source]
        skipped: dict[str, str] = {}
        for place in range(number, number + TRIES):
            rng = np.random.default_rng((self.seed, epoch, source, number))
            name = images.name(place % len(images))
            try:
                with images.open(place % len(images)) as file:
                    rgb = to_tensor(random_crop(file, size, rng, self.stretch))
                return rgb, epoch, source, skipped
            except ValueError as error:
                skipped[name] = str(error)
            except OSError as error:  # not the image's fault: the run should stop
                return OSError(f"{name}: {error}")
        told = f"{TRIES} in a row are not, the last is {name}: {skipped[name]}"
        return ValueError(f"data must hold readable images; {told}")


def central_image(file: File, size: int) -> Tensor:
    """Read the middle square of an image, as it is measured.

    Parameters
    ----------
    file : str, Path or open binary file
        The image.
    size : int
        The square is resized to this.

    Returns
    -------
    Tensor of uint8, shape (3, size, size)
        Book chapter: datasets.

    Raises
    ------
    ValueError
        If the image cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryFile() as file:
    ...     Image.new("RGB", (40, 30)).save(file, "PNG")
    ...     central_image(file, 8).shape
    torch.Size([3, 8, 8])
    """
    return to_tensor(center_crop(open_rgb(file), size))


def image_batches(
    images: ImageSource,
    size: int,
    batch_size: int,
    skipped: dict[str, str],
    progress: Progress = iter,
    read: Callable[..., Tensor] = central_image,
    *beside: ImageSource,
) -> Iterator[Tensor]:
    """Yield all images of a data set once, in order, as they are measured.

    Parameters
    ----------
    images : ImageSource
        A data set.
    size : int
        The middle square of each image is resized to this.
    batch_size : int
        Images in a batch; the last may hold fewer.
    skipped : dict
        Takes up the images that cannot be read, and why.
    progress : callable, optional
        Wraps the numbers of the images, for a progress bar.
    read : callable
        Takes an image's file, those of the same number of `beside`, and size.
    *beside : ImageSource
        Other data sets of as many images.

    Yields
    ------
    Tensor of uint8, shape (N, 3, size, size)
        What `read` returns for N images. Book chapter: datasets.

    Raises
    ------
    ValueError
        If no image can be read.
    """
    read, given = partial(read, size=size), 0
    squares = images.read_each(progress(range(len(images))), read, skipped, *beside)
    while batch := [*islice(squares, batch_size)]:
        yield torch.stack(batch)
        given += len(batch)
    if not given:
        told = f"images must hold one that can be read, of {len(images)}"
        raise ValueError(f"{told}: {next(iter(skipped.values()), None)}")


def image_order(images: ImageSource, seed: tuple[int, ...]) -> np.ndarray:
    """Shuffle a data set (book chapter: datasets).

    Parameters
    ----------
    images : ImageSource
        Of n images.
    seed : tuple of int
        The order is a function of these alone.

    Returns
    -------
    ndarray of int64, shape (n,)
        Numbers of images. Those in files of their own come in any order. Those in
        many shards come shard by shard, 16 shards mixed at a time, so that what is
        read lies together.
    """
    rng = np.random.default_rng(seed)
    shards = len(images.files) if images.place[:, 1].any() else 1
    block = rng.permutation(shards) // WINDOW
    within = rng.permutation(len(images))
    shard = images.place[within, 0] if shards > 1 else np.zeros(len(images), int)
    return within[np.argsort(block[shard], kind="stable")]


def epoch_batches(
    sources: Sources, batch_sizes: list[int], seed: int, epoch: int
) -> Iterator[list[tuple[int, int, int]]]:
    """Plan one epoch: every image once, each batch from one source, all shuffled.

    Parameters
    ----------
    sources : list of (ImageSource, int)
        Data sets, and the size at which each is shown.
    batch_sizes : list of int
        Images in a batch of each source; what does not fill a batch is left out.
    seed, epoch : int
        The plan is a function of these alone, so a run can start again anywhere.

    Yields
    ------
    list of (int, int, int)
        Indices for `ImageDataset`: epoch, source, number. Book chapter: datasets.
    """
    turns = np.repeat(range(len(sources)), _batches_of_each(sources, batch_sizes))
    orders = [
        iter(image_order(images, (seed, epoch, source)))
        for source, (images, _) in enumerate(sources)
    ]
    for source in np.random.default_rng((seed, epoch)).permutation(turns).tolist():
        batch = islice(orders[source], batch_sizes[source])
        yield [(epoch, source, int(number)) for number in batch]


def _batches_of_each(sources: Sources, batch_sizes: list[int]) -> list[int]:
    """Return the batches of an epoch, source by source."""
    both = zip(sources, batch_sizes, strict=True)
    return [len(images) // size for (images, _), size in both]


def weighted_batches(
    sources: Sources,
    shares: Sequence[float],
    batch_size: int,
    seed: int,
    first: int = 0,
) -> Iterator[list[tuple[int, int, int]]]:
    """Plan batches without end, whose images are of each source by its share.

    Parameters
    ----------
    sources : list of (ImageSource, int)
        Data sets, all shown at the same size.
    shares : sequence of float
        How frequent the images of each source are, in any unit. Each source goes
        through its own epochs.
    batch_size : int
        Images in a batch.
    seed : int
        The plan is a function of it alone, so a run can start again anywhere.
    first : int
        Batches to leave out.

    Yields
    ------
    list of (int, int, int)
        Indices for `ImageDataset`: epoch, source, number. Book chapter: datasets.
    """
    p = np.array(shares) / sum(shares)
    shown = np.zeros(len(sources), dtype=np.int64)  # images of each source so far
    orders: dict[int, tuple[int, np.ndarray]] = {}  # of each source, and its epoch
    for block in count():
        rng = np.random.default_rng((seed, block))
        drawn = rng.choice(len(sources), (BLOCK, batch_size), p=p)
        passed = min(max(first - block * BLOCK, 0), BLOCK)
        shown += np.bincount(drawn[:passed].ravel(), minlength=len(sources))
        for batch in drawn[passed:].tolist():
            indices = []
            for source in batch:
                images = sources[source][0]
                epoch, place = divmod(int(shown[source]), len(images))
                if source not in orders or orders[source][0] != epoch:
                    orders[source] = epoch, image_order(images, (seed, epoch, source))
                indices.append((epoch, source, int(orders[source][1][place])))
                shown[source] += 1
            yield indices


def batch_sizes_per_source(
    sources: Sources, batch_size: int, mixed: bool = False
) -> list[int]:
    """Return each source's batch size: larger pictures, fewer of them.

    Parameters
    ----------
    sources : list of (ImageSource, int)
        Data sets, and the size at which each is shown.
    batch_size : int
        Images in a batch of the first source.
    mixed : bool
        A batch takes images of all sources; a small one begins again.

    Returns
    -------
    list of int
        Such that all batches hold about the same number of pixels. Book chapter:
        datasets.

    Raises
    ------
    ValueError
        If a source has too few images for one batch, or none at all.

    Examples
    --------
    >>> small, large = [range(1000), 64], [range(500), 128]  # what has a length
    >>> batch_sizes_per_source([small, large], 40)
    [40, 10]
    """
    pixels = batch_size * sources[0][1] ** 2
    batch_sizes = [max(1, round(pixels / size**2)) for _, size in sources]
    for (images, _), needed in zip(sources, batch_sizes, strict=True):
        if len(images) < (1 if mixed else needed):
            raise ValueError(
                f"batch_size must not exceed the images of a source: a batch takes "
                f"{needed}, there are {images.describe()}"
            )
    return batch_sizes


def training_batches(  # noqa: PLR0913  what a run chooses, each by itself
    sources: Sources,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    workers: int = 0,
    stretch: int = 0,
    share: tuple[int, int] = (0, 1),
    shares: Sequence[float] = (),
) -> Iterator[Batch]:
    """Yield training batches without end, from any step on (book chapter: datasets).

    Parameters
    ----------
    sources : list of (ImageSource, int)
        Data sets, and the size at which each is shown.
    batch_size : int
        Images in a batch of the first source, over all processes.
    seed : int
        Decides order, crops and mirrors.
    first_step : int
        Steps to leave out; nothing is read for them.
    workers : int
        Processes that read ahead.
    stretch : int
        For `random_crop`.
    share : (int, int)
        Which process of how many asks: it gets every how-many-th image of a batch.
    shares : sequence of float, optional
        As for `weighted_batches`; else as for `epoch_batches`.

    Yields
    ------
    Batch
        This process's share.

    Raises
    ------
    ValueError
        If a source has too few images for a batch, or 100 in a row cannot be read.
    OSError
        If files cannot be read at all, after some attempts.
    """
    batch_sizes = batch_sizes_per_source(sources, batch_size, bool(shares))
    rank, ranks = share
    plan = (
        weighted_batches(sources, shares, batch_size, seed, first_step)
        if shares
        else _all_epochs(sources, batch_sizes, seed, first_step)
    )
    loader = DataLoader(
        ImageDataset(sources, seed, stretch),
        batch_sampler=(indices[rank::ranks] for indices in plan),
        num_workers=workers,
        collate_fn=partial(_collate, batch_sizes),
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_go_quietly,
    )
    for batch in loader:
        if isinstance(batch, Exception):
            raise batch
        yield batch


def _all_epochs(
    sources: Sources, batch_sizes: list[int], seed: int, first_step: int
) -> Iterator[list[tuple[int, int, int]]]:
    """Return the batches of one epoch after the other, from a step on."""
    steps = sum(_batches_of_each(sources, batch_sizes))
    epochs = (
        epoch_batches(sources, batch_sizes, seed, epoch)
        for epoch in count(first_step // steps)
    )
    return islice(chain.from_iterable(epochs), first_step % steps, None)


def _collate(batch_sizes: list[int], items: list) -> Batch | Exception:
    if errors := [item for item in items if isinstance(item, Exception)]:
        return errors[0]
    rgb, epochs, places, skipped = zip(*items, strict=True)
    together = {name: reason for part in skipped for name, reason in part.items()}
    return Batch(torch.stack(rgb), min(epochs), batch_sizes[places[0]], together)


def _go_quietly(worker: int) -> None:
    """Leave Ctrl-C to the main process, which saves; when told to end, say nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
