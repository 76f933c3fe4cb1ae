"""The index of shards, in which nothing is believed (not taught in the book)."""

import hashlib
import io
import json
import os
import re
from pathlib import Path
from urllib.parse import urljoin

from filelock import FileLock

from colorlab.datasets.download import MEGABYTE, Progress, data_folder, fetch
from colorlab.datasets.formats import printable
from colorlab.files import whole_file

INDEX = "index.json"  # lists the shards of a folder
MOST_INDEX = 128 * MEGABYTE  # some six million images
MOST = 1 << 40  # bytes of a shard
NAME, DIGEST = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", "[0-9a-f]{64}"


def read_index(path: Path) -> list[dict]:
    """Read and check the list of shards that `write_shards` made.

    Parameters
    ----------
    path : Path
        The index; the shards lie beside it.

    Returns
    -------
    list of dict
        Of each shard its "file", "sha256", maybe its "split", and in "photos" the
        first byte and the number of bytes of each image.

    Raises
    ------
    ValueError
        If it is damaged or hostile, or a shard is missing or cut short.
    """
    with open(path, "rb") as file:
        shards = _checked(file.read(MOST_INDEX + 1), str(path))
    for shard in shards:
        file, end = path.parent / shard["file"], _end(shard)
        if (size := plain_size(file)) < end:
            raise ValueError(f"{file} must have {end} bytes or more, it has {size}")
    return shards


def download_shards(address: str, progress: Progress = iter) -> Path:
    """Download shards, once, into `data_folder`.

    Parameters
    ----------
    address : str
        Of their index.
    progress : callable, optional
        Wraps the shards that are missing, for a progress bar.

    Returns
    -------
    Path
        A folder of shards like any other. It is named after the index, so that
        other shards have another.

    Raises
    ------
    ValueError
        If the index is damaged or hostile, or a file cannot be had.
    """
    received = io.BytesIO()
    fetch(address, received, MOST_INDEX)
    shards = _checked(received.getvalue(), address)
    digest = hashlib.sha256(received.getvalue()).hexdigest()
    folder = data_folder() / "shards" / digest
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # one process does it, the others wait
        for left in folder.glob(".partial-*"):
            left.unlink()  # of a process that was killed
        missing = [s for s in shards if not (folder / s["file"]).is_file()]
        for shard in progress(missing):
            url, most = urljoin(address, shard["file"]), _end(shard) + MEGABYTE
            with whole_file(folder / shard["file"]) as file:
                fetch(url, file, most, f"sha256:{shard['sha256']}")
        with whole_file(folder / INDEX) as file:
            file.write(received.getvalue())
    return folder


def plain_size(path: Path) -> int:
    """Return the bytes of a file; 0 for what is none, as a pipe would wait for ever.

    Parameters
    ----------
    path : Path
        It need not exist.

    Returns
    -------
    int
        Its size.

    Examples
    --------
    >>> plain_size(Path(__file__)) > 1000, plain_size(Path("absent"))
    (True, 0)
    """
    return os.path.getsize(path) if os.path.isfile(path) else 0


def _end(shard: dict) -> int:
    return max((sum(photo) for photo in shard["photos"]), default=0)


def _checked(content: bytes, where: str) -> list[dict]:
    try:
        if len(content) > MOST_INDEX:
            raise ValueError(f"it is larger than {MOST_INDEX} bytes")
        shards = json.loads(content)["shards"]
        for shard in shards:
            named = re.fullmatch(NAME, shard["file"])
            hashed = re.fullmatch(DIGEST, shard["sha256"])
            split = shard.get("split", "train") in ("train", "val")
            if not (
                named and hashed and split and all(map(_is_place, shard["photos"]))
            ):
                raise ValueError(
                    "a shard has a plain name as file, 64 hex digits as sha256, train "
                    "or val, if any, as split, and pairs of positive integers as photos"
                )
        if len({shard["file"] for shard in shards}) < len(shards):
            raise ValueError("a file is named twice")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        told = error if type(error) is ValueError else repr(error)
        raise ValueError(
            f"data must be a whole index of shards; {printable(where)}: {told}"
        ) from error
    return shards


def _is_place(photo: list) -> bool:
    start, length = photo
    return all(type(n) is int and 0 < n <= MOST for n in (start, length))
