"""Where the images of a data set lie: folders, archives, shards (chapter: datasets)."""

import hashlib
import io
import os
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, TypeVar

import numpy as np

from colorlab.datasets.download import Progress, retry, unpack_once
from colorlab.datasets.formats import ADDRESS, is_image, printable
from colorlab.datasets.index import INDEX, download_shards, plain_size, read_index
from colorlab.datasets.names import Names
from colorlab.datasets.splits import SPLITS, split_of_each

TAR, AT = b"ustar", 257  # what a tar says, and where; others are unpacked
DEEPEST = 4  # tars in tars
DATA = "data must be a folder, a whole .tar, .tgz or .zip, or an index of shards"
# What is wrong with one file; all else that a system says may pass.
LOST = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)

Read = TypeVar("Read")
Place = tuple[str, int, int]  # a name, the first byte, the number of bytes


@dataclass(frozen=True)
class ImageSource:
    """The images of one data set: a file each, or a stretch of a tar file each.

    Arrays, as loader processes share them, and not a million objects.
    Chapter: datasets.
    """

    root: str  # a folder
    files: Names  # below root, shape (F,)
    place: np.ndarray  # int64, shape (n, 3): file, first byte (0: all of it), bytes
    data: str = ""  # as it was asked for
    left_out: dict[str, int] = field(default_factory=dict)  # why, and how many

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.place)

    def name(self, number: int) -> str:
        """Return where an image lies, to be shown."""
        file, start, length = self.place[number].tolist()
        name = printable(self.files[file])
        return f"{name}, bytes {start}..{start + length}" if start else name

    def path(self, file: int) -> Path:
        """Return the path of a file."""
        return Path(self.root, self.files[file])

    def open(self, number: int) -> BinaryIO:
        """Return all bytes of an image, as a file.

        Raises
        ------
        ValueError
            If this file is gone or may not be read.
        OSError
            If files cannot be read, after some attempts: a disk that is away, too
            many open files. That is no fault of the image.
        """
        file, start, length = self.place[number].tolist()

        def attempt() -> bytes:
            try:
                with open(self.path(file), "rb") as opened:
                    opened.seek(start)
                    return opened.read(length if start else -1)
            except LOST as error:
                if start or not os.path.isdir(self.root):
                    raise
                why = f"image {self.name(number)}: {error.strerror}"
                raise ValueError(why) from error

        content = io.BytesIO(retry(attempt, OSError))
        content.name = self.name(number)
        return content

    def read_each(
        self,
        numbers: Iterable[int],
        read: Callable[..., Read],
        skipped: dict[str, str],
        *beside: "ImageSource",
    ) -> Iterator[Read]:
        """Yield what `read` returns for each image's file.

        Parameters
        ----------
        numbers : iterable of int
            Of the images.
        read : callable
            Takes an open file; raises ValueError if it cannot read it.
        skipped : dict
            Takes up the names of images that cannot be read, and why.
        *beside : ImageSource
            `read` takes their files of the same number, too.
        """
        for number in numbers:
            try:
                yield read(*(images.open(number) for images in (self, *beside)))
            except ValueError as error:
                skipped[self.name(number)] = str(error)

    def fingerprint(self) -> str:
        """Return a hash of names, places and sizes: other images give another."""
        content = self.files.tobytes() + self.place.tobytes()
        return hashlib.sha256(content).hexdigest()[:16]

    def describe(self) -> str:
        """Return in one line how many images were taken, and what was left out."""
        told = ", ".join(f"{number} {what}" for what, number in self.left_out.items())
        left_out = f"; left out: {told}" if told else ""
        return f"{len(self)} images of {printable(self.data)}{left_out}"


class _Listing(NamedTuple):
    """All files of a data set, images or not."""

    root: str
    names: list[str]
    place: list[tuple[int, int, int]]  # of each name, as in `ImageSource`
    archives: list[str]  # the files; none: each name is a file
    left_out: Counter[str]


def find_images(
    data: str | Path,
    split: str = "train",
    progress: Progress = iter,
    hold_out: bool = True,
) -> ImageSource:
    """Find the images of one split of a data set (book chapter: datasets).

    Parameters
    ----------
    data, progress, hold_out
        As for `find_splits`.
    split : str
        "train" or "val".

    Returns
    -------
    ImageSource
        Sorted by name.

    Raises
    ------
    ValueError
        If there is no image of that split, or `split` is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("one.png", "two.png"):
    ...         Image.new("RGB", (8, 8)).save(f"{folder}/{name}")
    ...     [len(find_images(folder, split)) for split in ("train", "val")]
    [1, 1]
    """
    if split not in SPLITS:
        raise ValueError(f"split must be 'train' or 'val', got {split!r}")
    images = find_splits(data, progress, hold_out)[split]
    if not len(images):
        raise ValueError(f"data must hold images to take; {images.describe()}")
    return images


def find_splits(
    data: str | Path, progress: Progress = iter, hold_out: bool | None = True
) -> dict[str, ImageSource]:
    """Find the images of a data set, those to learn from and those to measure on.

    Parameters
    ----------
    data : str or Path
        A folder, searched with all below it; a tar file, also one of tar files, as
        ImageNet comes, which is read in place; a .tgz or .zip, which is unpacked
        once, into `data_folder`; or shards: a folder with an `index.json`, or the
        address of such an index, whose shards are then downloaded once.
    progress : callable, optional
        Wraps the members of an archive, or the shards, for a progress bar.
    hold_out : bool or None
        Hold out some of data that is not divided; else all is of either split. None:
        so is all of any data, also what is of no split.

    Returns
    -------
    dict of str to ImageSource
        "train" and "val": `split_of_each` tells how. No image is in both, unless
        `hold_out` is False.

    Raises
    ------
    ValueError
        If data cannot be read.
    """
    listing = _listed(data, progress)
    labels = split_of_each(listing.names, hold_out)
    return {split: _source(listing, labels, split, str(data)) for split in SPLITS}


def data_and_size(text: str) -> tuple[str, int | None]:
    """Take DATA@SIZE apart, unless something of that name is there.

    Parameters
    ----------
    text : str
        As given on the command line.

    Returns
    -------
    data : str
        For `find_images`.
    size : int or None
        Pixels at which to show the images.

    Examples
    --------
    >>> data_and_size("photos@128"), data_and_size("photos")
    (('photos', 128), ('photos', None))
    """
    name, at, size = text.rpartition("@")
    if at and re.fullmatch("[0-9]{1,9}", size) and not os.path.lexists(text):
        return name, int(size)
    return text, None


def list_files(root: str | Path, left_out: Counter[str] | None = None) -> Iterator[str]:
    """List all files below a folder (book chapter: datasets).

    Parameters
    ----------
    root : str or Path
        A folder; links to folders are followed, each folder is entered once. Hidden
        files and the folders of training runs are left out.
    left_out : Counter, optional
        Takes up what was left out, and how often.

    Yields
    ------
    str
        Names below root, with slashes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "class").mkdir()
    ...     Path(folder, "class", "one.png").touch()
    ...     list(list_files(folder))
    ['class/one.png']
    """
    left_out = Counter() if left_out is None else left_out
    seen = set()

    def unread(_: OSError) -> None:
        left_out["folders that cannot be read"] += 1

    for folder, below, files in os.walk(root, followlinks=True, onerror=unread):
        state = os.stat(folder)
        again = (state.st_dev, state.st_ino) in seen
        run = folder != str(root) and "config.json" in files and "checkpoints" in below
        if again or run:
            left_out["folders of runs" if run else "folders met again"] += 1
            below.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        shown = [name for name in files if not name.startswith(".")]
        left_out["hidden"] += len(files) - len(shown)
        below[:] = sorted(name for name in below if not name.startswith("."))
        inside = Path(folder).relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        yield from (prefix + name for name in shown)


def _source(listing: _Listing, labels: list[str], split: str, data: str) -> ImageSource:
    """Choose the images of a split, in the order of names."""
    names, taken = listing.names, (split, "both")
    chosen = sorted(
        (n for n, label in enumerate(labels) if label in taken), key=names.__getitem__
    )
    left_out = listing.left_out + Counter(
        f"of split '{label}'" if label in SPLITS else label
        for label in labels
        if label not in taken
    )
    place = np.array([listing.place[n] for n in chosen], np.int64).reshape(-1, 3)
    files = listing.archives
    if not files:
        files, place[:, 0] = [names[n] for n in chosen], np.arange(len(chosen))
    told = dict(left_out.most_common())
    return ImageSource(listing.root, Names.of(files), place, data, told)


def _named(data: str | Path) -> Path:
    if not str(data):
        raise ValueError("data must be a folder, archive or index, got an empty name")
    return Path(data)


def _listed(data: str | Path, progress: Progress) -> _Listing:
    """List a data set of any kind."""
    path = _named(data)
    if ADDRESS.match(str(data)):
        path = download_shards(str(data), progress)
    if (path / INDEX).is_file():
        path /= INDEX
    if path.name == INDEX and path.is_file():
        return _of_shards(path)
    if path.is_dir():
        return _of_folder(path)
    try:
        with open(path, "rb") as file:
            if file.read(AT + len(TAR)).endswith(TAR):
                return _of_tar(path, file, progress)
    except Exception as error:  # bytes of strangers make tarfile raise anything
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{DATA}; {printable(path)}: {reason}") from error
    if is_image(path.name):
        raise ValueError(f"{DATA}; {printable(path)} is an image: give its folder")
    return _of_folder(unpack_once(path, progress))  # it has no places to go to


def _of_folder(root: Path) -> _Listing:
    names, place, left_out = [], [], Counter[str]()
    for name in list_files(root, left_out):
        if size := plain_size(root / name) if is_image(name) else 1:
            names.append(name)
            place.append((0, 0, size))
        else:
            left_out["empty or unreadable"] += 1
    return _Listing(str(root), names, place, [], left_out)


def _of_tar(path: Path, file: BinaryIO, progress: Progress) -> _Listing:
    left_out = Counter[str]()
    names, place = [], []
    for name, start, length in progress(_tar_members(file, left_out)):
        names.append(name)
        place.append((0, start, length))
    return _Listing(str(path.parent), names, place, [path.name], left_out)


def _tar_members(
    file: IO[bytes],
    left_out: Counter[str],
    base: int = 0,
    prefix: str = "",
    depth: int = 0,
) -> Iterator[Place]:
    """Yield the place of each file in a tar, also in tars in it."""
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps them all
            name = member.name.removeprefix("./")
            if member.size < 0 or depth > DEEPEST:
                raise tarfile.ReadError(
                    f"{name} has {member.size} bytes, {depth} tars deep"
                )
            if why := _passed_over(member, name):
                left_out[why] += not member.isdir()
                continue
            start, name = base + member.offset_data, prefix + name
            if name.endswith(".tar"):
                inner = tar.extractfile(member) or io.BytesIO()
                below = f"{name[:-4]}/"
                yield from _tar_members(inner, left_out, start, below, depth + 1)
            else:
                yield name, start, member.size
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("cut short or damaged")  # tarfile lets this pass


def _passed_over(member: tarfile.TarInfo, name: str) -> str:
    """Return why a member of a tar cannot be an image; "" if it can."""
    if any(part.startswith(".") for part in name.split("/")):
        return "hidden"
    if not member.isreg() or member.issparse():
        return "links or devices"
    return "" if member.size else "empty or unreadable"


def _of_shards(index: Path) -> _Listing:
    """List images in shards, under names that tell their split, if the index does."""
    names, place, shards = [], [], read_index(index)
    for number, shard in enumerate(shards):
        below = f"{shard.get('split', '')}/{shard['file']}"
        for start, length in shard["photos"]:
            names.append(f"{below}/{start:015d}.jpg")
            place.append((number, start, length))
    files = [shard["file"] for shard in shards]
    return _Listing(str(index.parent), names, place, files, Counter())
