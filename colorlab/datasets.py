"""Folders of photographs, as batches to train on (book chapter: datasets)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from colorlab.lab import rgb_to_lab

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
IMAGE_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
ZOOM = 1.5  # a training crop shows at least 1/1.5 of the photo's shorter side


def find_images(root: str | Path, split: str = "train") -> list[Path]:
    """List the images of a data set, in a fixed order (book chapter: datasets).

    Parameters
    ----------
    root : str or Path
        A folder, searched with all below it. If it has a folder `train` or `val`,
        only the one asked for is read; a folder without them is used whole.
    split : str
        "train" or "val".

    Returns
    -------
    list of Path
        Sorted by name.

    Raises
    ------
    ValueError
        If the folder is missing or holds no image, or `split` is unknown.

    Notes
    -----
    Tiny ImageNet (known by its `wnids.txt`) keeps photos of its training folder for
    measuring: those whose number ends in 9 are "val", and never trained on.
    """
    root = Path(root)
    if split not in ("train", "val"):
        raise ValueError(f"split must be 'train' or 'val', got {split!r}")
    if not root.is_dir():
        raise ValueError(f"root must be a folder of images; {root} is none")
    tiny = (root / "wnids.txt").is_file()
    divided = (root / "train").is_dir() or (root / "val").is_dir()
    folder = root / ("train" if tiny else split) if divided else root
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if tiny:
        paths = [p for p in paths if p.stem.endswith("9") == (split == "val")]
    if not paths:
        raise ValueError(f"root must hold images; none of split {split!r} in {root}")
    return paths


def open_rgb(path: str | Path) -> Image.Image:
    """Open an image file of any kind as upright 8-bit RGB (book chapter: datasets).

    Parameters
    ----------
    path : str or Path
        Gray, palette, 16-bit, CMYK and transparent files are converted.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, turned as its EXIF orientation says.

    Raises
    ------
    ValueError
        If the file is missing, is no image, or is cut short.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return to_rgb(ImageOps.exif_transpose(image))
    except IMAGE_ERRORS as error:
        raise ValueError(f"path must be a whole image file; {path}: {error}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to 8-bit RGB (book chapter: datasets).

    Parameters
    ----------
    image : PIL.Image.Image
        Any mode; 16-bit gray is scaled by 255 / 65535, which PIL alone would clip.

    Returns
    -------
    PIL.Image.Image
        Mode RGB; transparency is dropped.
    """
    if image.mode.startswith("I"):
        gray = np.asarray(image, dtype=np.float64) * (255 / 65535)
        image = Image.fromarray(gray.round().clip(0, 255).astype(np.uint8))
    elif image.mode == "F":
        gray = np.asarray(image)
        image = Image.fromarray(gray.round().clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


def square(image: Image.Image, size: int) -> Image.Image:
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


def read_photo(path: str | Path, size: int) -> tuple[Tensor, Tensor]:
    """Read one photo as lightness and chroma (book chapter: datasets).

    Parameters
    ----------
    path : str or Path
        An image file.
    size : int
        The shorter side wanted, in pixels; both sides are rounded to multiples of 8,
        as the network needs.

    Returns
    -------
    L : Tensor, shape (1, 1, H, W)
        In Lab units.
    ab : Tensor, shape (1, 2, H, W)
        In Lab units.

    Raises
    ------
    ValueError
        If the file is no whole image.
    """
    image = open_rgb(path)
    scale = size / min(image.size)
    sides = [max(8, round(side * scale / 8) * 8) for side in image.size]
    image = image.resize(sides, Image.Resampling.BILINEAR)
    L, ab = rgb_to_lab(_to_tensor(image)[None]).split([1, 2], dim=1)
    return L, ab


class Photos(Dataset):
    """The photos of several data sets, as uint8 tensors (book chapter: datasets).

    Parameters
    ----------
    sources : list of (list of Path, int)
        Image files, and the size in pixels at which they are shown.
    seed : int or None
        With a seed, an index is (epoch, number), and the photo is cropped and
        mirrored by chance: a function of seed, epoch and number alone. Without, an
        index is a number, and the photo's middle square is taken.
    """

    def __init__(self, sources: list[tuple[list[Path], int]], seed: int | None) -> None:
        self.items = [(path, size) for paths, size in sources for path in paths]
        self.seed = seed

    def __len__(self) -> int:
        """Give the number of photos."""
        return len(self.items)

    def __getitem__(self, index: int | tuple[int, int]) -> Tensor:
        """Give one photo, uint8, shape (3, size, size)."""
        if self.seed is None:
            path, size = self.items[index]
            return _to_tensor(square(open_rgb(path), size))
        epoch, number = index
        path, size = self.items[number]
        chance = np.random.default_rng((self.seed, epoch, number))
        return _to_tensor(_random_crop(open_rgb(path), size, chance))


def epoch_batches(
    lengths: list[int], batch_sizes: list[int], seed: int, epoch: int
) -> list[list[tuple[int, int]]]:
    """Plan one epoch: every photo once, each batch from one source, all shuffled.

    Parameters
    ----------
    lengths : list of int
        Photos in each source.
    batch_sizes : list of int
        Photos in a batch of each source; what does not fill a batch is left out.
    seed, epoch : int
        The plan is a function of these alone, so a run can start again anywhere.

    Returns
    -------
    list of list of (int, int)
        Batches of indices for `Photos`. Book chapter: datasets.
    """
    chance = np.random.default_rng((seed, epoch))
    batches, start = [], 0
    for length, batch_size in zip(lengths, batch_sizes, strict=True):
        order = (start + chance.permutation(length)).tolist()
        full = length - length % batch_size
        for first in range(0, full, batch_size):
            batches.append([(epoch, n) for n in order[first : first + batch_size]])
        start += length
    return [batches[place] for place in chance.permutation(len(batches))]


def training_batches(
    sources: list[tuple[list[Path], int]],
    batch_size: int,
    seed: int,
    first_step: int = 0,
    workers: int = 0,
) -> Iterator[tuple[int, Tensor]]:
    """Give training batches without end, from any step on (book chapter: datasets).

    Parameters
    ----------
    sources : list of (list of Path, int)
        Image files, and the size at which they are shown. Batches of a larger size
        hold fewer photos, so that each costs about the same.
    batch_size : int
        Photos in a batch of the first source.
    seed : int
        Decides order, crops and mirrors.
    first_step : int
        Steps to leave out; nothing is read for them.
    workers : int
        Processes that read ahead.

    Yields
    ------
    (int, Tensor)
        Epoch, and a batch: uint8, shape (N, 3, size, size).

    Raises
    ------
    ValueError
        If there are too few photos for one batch.
    """
    pixels = batch_size * sources[0][1] ** 2
    batch_sizes = [max(1, round(pixels / size**2)) for _, size in sources]
    lengths = [len(paths) for paths, _ in sources]
    per_epoch = sum(n // b for n, b in zip(lengths, batch_sizes, strict=True))
    if per_epoch == 0:
        raise ValueError(
            f"batch_size must not exceed the {sum(lengths)} photos, got {batch_size}"
        )
    photos = Photos(sources, seed)
    epoch, skip = divmod(first_step, per_epoch)
    while True:
        plan = epoch_batches(lengths, batch_sizes, seed, epoch)[skip:]
        for rgb in DataLoader(photos, batch_sampler=plan, num_workers=workers):
            yield epoch, rgb
        epoch, skip = epoch + 1, 0


def _random_crop(
    image: Image.Image, size: int, chance: np.random.Generator
) -> Image.Image:
    """Cut a square of at least 1/ZOOM of the shorter side, maybe mirror, resize."""
    shorter = min(image.size)
    least = max(shorter / ZOOM, min(shorter, size))  # do not enlarge
    side = chance.uniform(least, shorter)
    left, top = (chance.uniform(0, length - side) for length in image.size)
    box = (left, top, left + side, top + side)
    image = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return ImageOps.mirror(image) if chance.random() < 0.5 else image


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)  # (3, H, W)
