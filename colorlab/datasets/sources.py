"""Where the images of a data set lie: folders, archives, shards (chapter: datasets)."""

import errno
import hashlib
import io
import os
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np

from colorlab.datasets.download import Progress, patiently, unpack_once
from colorlab.datasets.images import is_image
from colorlab.datasets.index import INDEX, mirror, plain_size, read_index
from colorlab.datasets.splits import SPLITS, split_of_each

REMOTE = ("http://", "https://")
COMPRESSED = (b"\x1f\x8b\x08", b"BZh", b"\xfd7z")  # how .gz, .bz2 and .xz begin
DEEPEST = 4  # tars in tars
# What is wrong with one file; all else that a system says may pass.
LOST = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR}
LOST |= {errno.ELOOP, errno.ENAMETOOLONG}


@dataclass(frozen=True)
class ImageSource:
    """The images of one data set: a file each, or a stretch of a tar file each.

    Names and places are arrays, as a million images must not cost a million Python
    objects, and loader processes must be able to share them. Chapter: datasets.
    """

    root: str  # a folder
    names: np.ndarray  # uint8: the names of all files below root, end to end
    ends: np.ndarray  # int64, shape (F,): where each name ends
    place: np.ndarray  # int64, shape (n, 3): file, first byte (0: all of it), bytes
    data: str = ""  # as it was asked for
    left_out: dict[str, int] = field(default_factory=dict)  # why, and how many

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.place)

    def name(self, number: int) -> str:
        """Return where an image lies, to be shown."""
        file, start, length = self.place[number].tolist()
        name = _shown(self._file(file))
        return f"{name}, bytes {start}..{start + length}" if start else name

    def _file(self, file: int) -> str:
        start = self.ends[file - 1] if file else 0
        return os.fsdecode(self.names[start : self.ends[file]].tobytes())

    def path(self, file: int) -> Path:
        """Return the path of a file."""
        return Path(self.root, self._file(file))

    def open(self, number: int) -> BinaryIO:
        """Read an image's file.

        Parameters
        ----------
        number : int
            Of the image.

        Returns
        -------
        BytesIO
            All of its bytes.

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
            except OSError as error:
                if error.errno in LOST and not start and os.path.isdir(self.root):
                    told = f"image {self.name(number)}: {error.strerror}"
                    raise ValueError(told) from error
                raise

        content = io.BytesIO(patiently(attempt, OSError))
        content.name = self.name(number)
        return content

    def fingerprint(self) -> str:
        """Return a hash of names, places and sizes: other images give another."""
        arrays = (self.names, self.ends, self.place)
        content = b"".join(array.tobytes() for array in arrays)
        return hashlib.sha256(content).hexdigest()[:16]

    def describe(self) -> str:
        """Return in one line how many images were taken, and what was left out."""
        told = [f"{number} {what}" for what, number in self.left_out.items()]
        left_out = f"; left out: {', '.join(told)}" if told else ""
        return f"{len(self)} images of {_shown(self.data)}{left_out}"


class _Listing(NamedTuple):
    """All files of a data set, images or not."""

    root: str
    names: list[str]
    place: np.ndarray  # of each name, as in `ImageSource`
    archives: list[str] | None  # the files; None: each name is a file
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
    data: str | Path, progress: Progress = iter, hold_out: bool = True
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
    hold_out : bool
        Hold out some of data that is not divided; else all is of either split.

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


def _shown(name: str) -> str:
    """Make any name printable: file systems know names that no encoding does."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _source(listing: _Listing, labels: list[str], split: str, data: str) -> ImageSource:
    """Choose the images of a split, in the order of names."""
    names, left_out = listing.names, Counter(listing.left_out)
    chosen = [n for n, label in enumerate(labels) if label in (split, "both")]
    left_out.update(label for label in labels if label not in (split, "both"))
    for other in set(SPLITS) & left_out.keys():
        left_out[f"of split '{other}'"] = left_out.pop(other)
    chosen.sort(key=names.__getitem__)
    place, files = listing.place[chosen], listing.archives
    if files is None:
        files, place[:, 0] = [names[n] for n in chosen], np.arange(len(chosen))
    encoded = [os.fsencode(name) for name in files]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    blob = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    told = {what: number for what, number in left_out.most_common() if number}
    return ImageSource(listing.root, blob, ends, place, data, told)


def _listed(data: str | Path, progress: Progress) -> _Listing:
    """List a data set of any kind."""
    path = Path(data)
    if str(data).startswith(REMOTE):
        path = mirror(str(data), progress)
    if (path / INDEX).is_file():
        path /= INDEX
    if path.name == INDEX and path.is_file():
        return _of_shards(path)
    if path.is_dir():
        return _of_folder(path)
    try:
        with open(path, "rb") as file:
            compressed = file.read(3) in COMPRESSED or zipfile.is_zipfile(path)
            if not compressed:
                if not tarfile.is_tarfile(path):
                    raise tarfile.ReadError("it is none of these")
                file.seek(0)
                return _of_tar(path, file, progress)
    except Exception as error:  # bytes of strangers make tarfile raise anything
        what = getattr(error, "strerror", None) or error
        what = "it is an image: give its folder" if is_image(path.name) else what
        raise ValueError(
            "data must be a folder, a whole .tar, .tgz or .zip, or an index of "
            f"shards; {_shown(str(data))}: {what}"
        ) from error
    return _of_folder(unpack_once(path, progress))  # it has no places to go to


def _of_folder(root: Path) -> _Listing:
    names, sizes, left_out = [], [], Counter[str]()
    for name in list_files(root, left_out):
        if size := plain_size(root / name) if is_image(name) else 1:
            names.append(name)
            sizes.append(size)
        else:
            left_out["empty or unreadable"] += 1
    place = np.zeros((len(names), 3), dtype=np.int64)
    place[:, 2] = sizes
    return _Listing(str(root), names, place, None, left_out)


def _of_tar(path: Path, file: BinaryIO, progress: Progress) -> _Listing:
    left_out = Counter[str]()
    members = [*progress(_tar_members(file, left_out))]
    names, place = [m[0] for m in members], _array([(0, *m[1:]) for m in members])
    return _Listing(str(path.parent), names, place, [path.name], left_out)


def _tar_members(
    file: IO[bytes],
    left_out: Counter[str],
    base: int = 0,
    prefix: str = "",
    depth: int = 0,
) -> Iterator[tuple[str, int, int]]:
    """Give name, first byte and length of each file in a tar, also in tars in it."""
    if depth > DEEPEST:
        raise tarfile.ReadError(f"tars in tars, more than {DEEPEST} deep")
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps them all
            name = member.name.removeprefix("./")
            if member.size < 0:
                raise tarfile.ReadError(f"{name} has {member.size} bytes")
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
    """Say why a member of a tar cannot be an image, if so."""
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
    return _Listing(str(index.parent), names, _array(place), files, Counter())


def _array(place: list[tuple[int, int, int]]) -> np.ndarray:
    return np.array(place, dtype=np.int64).reshape(-1, 3)
