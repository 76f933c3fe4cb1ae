"""Where the photos of a data set lie: folders, archives, shards (chapter: datasets)."""

import hashlib
import io
import json
import os
import tarfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

import numpy as np

from colorlab.datasets.download import data_folder, fetch_file, unpack_once
from colorlab.datasets.images import is_image

INDEX = "index.json"  # lists the shards of a folder
SPLITS = ("train", "val")
REMOTE = ("http://", "https://")
TIMEOUT = 60  # seconds, for a server that does not answer
INDEX_ERRORS = (OSError, HTTPException, ValueError, TypeError, KeyError, OverflowError)


@dataclass(frozen=True)
class ImageSource:
    """The photos of one data set: a file each, or a stretch of a tar file each.

    A million photos must not cost a million Python objects, and loader processes
    must be able to share them: so names and places are arrays. Chapter: datasets.
    """

    root: str  # a folder, or the address of one
    files: np.ndarray  # of bytes, shape (F,): names below root
    place: np.ndarray  # int64, shape (n, 3): file, first byte, bytes (0: all)
    hashes: tuple[str, ...] = ()  # of files that are to be downloaded

    def __len__(self) -> int:
        """Give the number of photos."""
        return len(self.place)

    def name(self, number: int) -> str:
        """Say where a photo lies."""
        file, start, length = self.place[number]
        name = os.fsdecode(self.files[file])
        return f"{name}, bytes {start}..{start + length}" if length else name

    def open(self, number: int) -> BinaryIO:
        """Open a photo as a binary file.

        Raises
        ------
        ValueError
            If its file is gone.
        """
        file, start, length = self.place[number].tolist()
        try:
            if not length:
                return open(self.path(file), "rb")
            with open(self.path(file), "rb") as tar:
                tar.seek(start)
                return io.BytesIO(tar.read(length))
        except OSError as error:
            raise ValueError(f"photo {self.name(number)}: {error}") from error

    def path(self, file: int) -> Path:
        """Give the path of a file; a remote one is downloaded first, once."""
        name = os.fsdecode(self.files[file])
        if not self.root.startswith(REMOTE):
            return Path(self.root, name)
        folder = data_folder() / "shards"
        return fetch_file(f"{self.root}/{name}", self.hashes[file], folder)

    def fingerprint(self) -> str:
        """Give a hash of names and places: another if a photo was added or lost."""
        content = self.files.tobytes() + self.place.tobytes()
        return hashlib.sha256(content).hexdigest()[:16]


def find_images(
    data: str | Path,
    split: str = "train",
    progress: Callable[[Iterable], Iterable] = iter,
) -> ImageSource:
    """Find the photos of a data set, in a fixed order (book chapter: datasets).

    Parameters
    ----------
    data : str or Path
        A folder, searched with all below it; a tar file, also one of tar files, as
        ImageNet comes, which is read in place; a .tgz or .zip, which is unpacked
        once, into `data_folder`; or shards: a folder with an `index.json`, or the
        address of such an index.
    split : str
        "train" or "val". Where there is a folder `train` or `val`, only the one asked
        for is used; where there is none, all is.
    progress : callable, optional
        Wraps the members of an archive, for a progress bar.

    Returns
    -------
    PhotoSet
        Sorted by name.

    Raises
    ------
    ValueError
        If there is nothing, no image in it, or `split` is unknown.

    Notes
    -----
    Tiny ImageNet (known by its `wnids.txt`) keeps photos of its training folder for
    measuring: those whose number ends in 9 are "val", and never trained on.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be 'train' or 'val', got {split!r}")
    if str(data).startswith(REMOTE):
        photos = _read_index(str(data))
    elif (path := Path(data)).is_dir():
        shards = [path / INDEX, path / split / INDEX]
        index = next((file for file in shards if file.is_file()), None)
        photos = _read_index(str(index)) if index else _of_folder(path, split)
    elif not path.is_file():
        raise ValueError(f"data must be a folder, archive or index; {data} is none")
    elif path.name == INDEX:
        photos = _read_index(str(path))
    else:
        photos = _of_archive(path, split, progress)
    if not len(photos):
        raise ValueError(f"data must hold images; none of split {split!r} in {data}")
    return photos


def list_files(root: str | Path) -> Iterator[str]:
    """List all files below a folder, hidden ones left out (book chapter: datasets).

    Parameters
    ----------
    root : str or Path
        A folder; links to folders are followed, each folder is entered once.

    Yields
    ------
    str
        Names below root, with slashes.
    """
    seen = set()
    for folder, below, files in os.walk(root, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            below.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        below[:] = sorted(name for name in below if not name.startswith("."))
        inside = Path(folder).relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        yield from (prefix + name for name in files if not name.startswith("."))


def _in_split(names: list[str], split: str) -> list[int]:
    """Choose the images of a split: places in the list, in the order of names."""
    depth = _shared_depth([name for name in names if is_image(name)])
    parts = [name.split("/")[depth:] for name in names]
    tiny = ["wnids.txt"] in parts
    divided = any(len(part) > 1 and part[0] in SPLITS for part in parts)
    wanted = "train" if tiny else split

    def belongs(place: int) -> bool:
        if not is_image(names[place]) or (divided and parts[place][0] != wanted):
            return False
        ends_in_9 = os.path.splitext(names[place])[0].endswith("9")
        return not tiny or ends_in_9 == (split == "val")

    chosen = [place for place in range(len(names)) if belongs(place)]
    return sorted(chosen, key=names.__getitem__)


def _shared_depth(names: list[str]) -> int:
    """Count the folders that all names share, down to `train` or `val` at most."""
    first, last = (end(names, default="").split("/")[:-1] for end in (min, max))
    depth = len(os.path.commonprefix([first, last]))
    return next((n for n in range(depth) if first[n] in SPLITS), depth)


def _of_folder(root: Path, split: str) -> ImageSource:
    names = list(list_files(root))
    files = np.array([os.fsencode(names[n]) for n in _in_split(names, split)], "S")
    place = np.zeros((len(files), 3), dtype=np.int64)
    place[:, 0] = np.arange(len(files))
    return ImageSource(str(root), files, place)


def _of_archive(path: Path, split: str, progress: Callable) -> ImageSource:
    if not _is_plain_tar(path):  # compressed: has no places to jump to
        return _of_folder(unpack_once(path, progress), split)
    try:
        with open(path, "rb") as file:
            members = [*progress(_tar_members(file))]
    except (tarfile.TarError, OSError) as error:
        raise ValueError(f"data must be a whole archive; {path}: {error}") from error
    chosen = _in_split([name for name, *_ in members], split)
    place = [(0, *members[n][1:]) for n in chosen]
    files = np.array([os.fsencode(path.name)])
    return ImageSource(
        str(path.parent), files, np.array(place, dtype=np.int64).reshape(-1, 3)
    )


def _is_plain_tar(path: Path) -> bool:
    try:
        tarfile.open(path, "r:").close()
    except (tarfile.TarError, OSError):
        return False
    return True


def _tar_members(
    file: BinaryIO, base: int = 0, prefix: str = ""
) -> Iterator[tuple[str, int, int]]:
    """Give name, first byte and length of each file in a tar, also in tars in it."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            tar.members = []  # else it keeps them all
            name = member.name.removeprefix("./")
            hidden = any(part.startswith(".") for part in name.split("/"))
            if hidden or not member.isreg() or not member.size:
                continue
            start, name = base + member.offset_data, prefix + name
            if name.endswith(".tar"):
                inner = tar.extractfile(member)
                yield from _tar_members(inner, start, f"{name[:-4]}/")
            else:
                yield name, start, member.size
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("cut short or damaged")  # tarfile lets this pass


def _open(address: str) -> IO:
    if address.startswith(REMOTE):
        return urllib.request.urlopen(address, timeout=TIMEOUT)
    return open(address)


def _read_index(address: str) -> ImageSource:
    """Read the list of shards that `write_shards` made."""
    root = address.rpartition("/")[0] or "."
    remote = address.startswith(REMOTE)
    try:
        with _open(address) as file:
            shards = json.load(file)["shards"]
        files = np.array([os.fsencode(PurePosixPath(s["file"]).name) for s in shards])
        hashes = tuple(f"sha256:{shard['sha256']}" for shard in shards)
        place = np.array(
            [
                (n, start, length)
                for n, shard in enumerate(shards)
                for start, length in shard["photos"]
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        if (place[:, 1:] < (0, 1)).any():
            raise ValueError("a photo's place is negative, or its length not positive")
    except INDEX_ERRORS as error:
        raise ValueError(
            f"data must be a whole index of shards; {address}: {error!r}"
        ) from error
    photos = ImageSource(root, files, place, hashes)
    if not remote:
        _check_lengths(photos)
    return photos


def _check_lengths(photos: ImageSource) -> None:
    """Find local shards that are missing or cut short before any work."""
    ends = np.zeros(len(photos.files), dtype=np.int64)
    np.maximum.at(ends, photos.place[:, 0], photos.place[:, 1] + photos.place[:, 2])
    for file, end in enumerate(ends.tolist()):
        path = photos.path(file)
        length = path.stat().st_size if path.is_file() else 0
        if length < end:
            raise ValueError(f"{path} must have {end} bytes or more, it has {length}")
