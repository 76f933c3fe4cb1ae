"""Get files from elsewhere: download, check, unpack (not taught in the book)."""

import hashlib
import logging
import os
import shutil
import stat
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from filelock import FileLock, Timeout

from colorlab.datasets.images import is_image

Progress = Callable[[Iterable], Iterable]

CHECKOUT = Path(__file__).parents[2]
MEGABYTE = 1 << 20
PAUSES = (1, 3, 10, 30)  # seconds, before what failed is tried again
TIMEOUT = 30  # seconds without a byte
SLOWEST = 1000  # bytes a second, on average, after as many seconds
HOPELESS = {400, 401, 403, 404, 405, 410}  # a server's answers that will not change
MOST = 2000 * MEGABYTE  # of a data set's archive
GROWTH = 100  # images are compressed: what unpacks to more than this is a bomb
BLOCK = 4096  # bytes that the smallest file takes on a disk


class _Source(NamedTuple):
    url: str
    known_hash: str
    needed: tuple[str, ...]  # what the unpacked folder must hold


SOURCES = {
    "imagenette": _Source(
        "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz",
        "sha256:5020a9130cea0348272823cb12d2db7e981c6f2afa3dce71ccd5b8013005c55e",
        ("train", "val"),
    ),
    "tiny-imagenet": _Source(
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        "md5:90528d7ca1a48142e341f4ef8d21d0de",
        ("train", "wnids.txt"),
    ),
}


class PassingError(Exception):
    """What may go better a little later: a server that is busy, or away."""


def patiently(attempt: Callable[[], Any], passing: type[Exception]) -> Any:
    """Call a function again, after growing pauses, while it fails in passing.

    Parameters
    ----------
    attempt : callable
        Called without arguments, at most five times.
    passing : type of exception
        What is worth another attempt; the last one is raised.

    Returns
    -------
    object
        What `attempt` returns.

    Examples
    --------
    >>> patiently(lambda: "here", PassingError)
    'here'
    """
    for pause in PAUSES:
        try:
            return attempt()
        except passing:
            time.sleep(pause)
    return attempt()


def data_folder() -> Path:
    """Return the folder for data sets: COLORLAB_DATA, the checkout's, or the user's.

    Returns
    -------
    Path
        It need not exist yet.
    """
    if chosen := os.environ.get("COLORLAB_DATA"):
        return Path(chosen)
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / "data" / "cache"
    caches = os.environ.get("XDG_CACHE_HOME")
    return Path(caches or Path.home() / ".cache") / "colorlab"


def get_data(
    name: str,
    archive: str | Path | None = None,
    to: str | Path | None = None,
    progress: Progress = iter,
) -> Path:
    """Download a data set, or take a local archive of it, and unpack it.

    Parameters
    ----------
    name : str
        "imagenette" (320 pixels) or "tiny-imagenet".
    archive : str or Path, optional
        A local .tgz, .tar or .zip: nothing is downloaded and no hash is checked, but
        its structure is.
    to : str or Path, optional
        Where the data set's folder is made; None takes `data_folder`.
    progress : callable, optional
        Wraps the megabytes of the download, then the archive's members, for a
        progress bar.

    Returns
    -------
    Path
        The data set's folder. If it was there before, nothing is done.

    Raises
    ------
    ValueError
        If the name is unknown, the folder holds something else, or the archive is
        missing, damaged, hostile, too large or of another structure. No
        half-unpacked folder is left.
    """
    if name not in SOURCES:
        raise ValueError(f"name must be one of {[*SOURCES]}, got {name!r}")
    source, folder = SOURCES[name], Path(to or data_folder()) / name
    if folder.is_dir() and any(folder.iterdir()) and not _holds(folder, source.needed):
        raise ValueError(
            f"to must not hold another {name}; {folder} is there without "
            f"{_told(source.needed)}: move it away"
        )
    return _made(folder, archive, source, progress)


def unpack_once(archive: str | Path, progress: Progress = iter) -> Path:
    """Unpack any archive of images into `data_folder`, unless it was before.

    Parameters
    ----------
    archive : str or Path
        A .tgz, .tar or .zip.
    progress : callable, optional
        Wraps the archive's members, for a progress bar.

    Returns
    -------
    Path
        The folder with its files; named after the archive, its size and its date.

    Raises
    ------
    ValueError
        If the archive is damaged, hostile, too large or holds no image.
    """
    archive = Path(archive).resolve()
    state = f"{archive} {archive.stat().st_size} {archive.stat().st_mtime_ns}"
    mark = hashlib.sha256(os.fsencode(state)).hexdigest()[:8]
    folder = data_folder() / f"{archive.name.partition('.')[0][:99]}-{mark}"
    return _made(folder, archive, _Source("", "", ()), progress)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Make an empty folder beside `folder`, to be filled and renamed to it.

    Parameters
    ----------
    folder : Path
        Only one process at a time works for it; the others wait.

    Yields
    ------
    Path
        Removed at the end, if it is still there. Those that killed processes left
        are removed first.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = folder.with_name(f".unpack-{folder.name}")
    with _locked(staged):
        for left in folder.parent.glob(".unpack-*/"):
            with suppress(Timeout), _locked(left, timeout=0):
                shutil.rmtree(left)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def _locked(folder: Path, timeout: float = -1) -> Iterator[None]:
    lock = Path(f"{folder}.lock")
    with FileLock(lock, timeout=timeout):
        try:
            yield
        finally:
            with suppress(OSError):  # no litter; who waits for it makes it anew
                lock.unlink()


def fetch(
    url: str, file: BinaryIO, most: int, known_hash: str = "", progress: Progress = iter
) -> None:
    """Download a file, with patience, and check it.

    Parameters
    ----------
    url : str
        Its address: http or https.
    file : open binary file
        Takes the bytes.
    most : int
        Bytes that there may be.
    known_hash : str
        As in "sha256:..."; none is checked by default.
    progress : callable, optional
        Wraps the megabytes, for a progress bar.

    Raises
    ------
    ValueError
        If it cannot be had, after some attempts, or is larger, or is another twice.
    """
    kind, _, known = (known_hash or "sha256:").partition(":")
    others: list[str] = []

    def attempt() -> None:
        digest = hashlib.new(kind)
        file.seek(0)
        file.truncate()
        for megabyte in progress(_megabytes(url, most)):
            digest.update(megabyte)
            file.write(megabyte)
        if known and digest.hexdigest() != known:
            others.append(f"its {kind} is {digest.hexdigest()}, not {known}")
            raise (ValueError if others[1:] else PassingError)(others[-1])

    try:
        patiently(attempt, PassingError)
    except (PassingError, ValueError) as error:
        raise ValueError(f"{url} cannot be downloaded: {error}") from error


def _megabytes(url: str, most: int) -> Iterator[bytes]:
    """Download a file part by part; says by its error if another try may help."""
    started, got, part = time.monotonic(), 0, b""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            while some := response.read1(MEGABYTE):
                got, part = got + len(some), part + some
                if got > most:
                    raise ValueError(f"it is larger than {most} bytes")
                if got < SLOWEST * (time.monotonic() - started - TIMEOUT):
                    raise TimeoutError(f"only {got} bytes came in {TIMEOUT} s")
                if len(part) >= MEGABYTE:
                    yield part
                    part = b""
            if getattr(response, "length", None):  # ftp, to which one may be sent on
                raise IncompleteRead(part, response.length)
    except (OSError, HTTPException) as error:
        if getattr(error, "code", 500) in HOPELESS:
            raise ValueError(str(error)) from error
        raise PassingError(str(error) or repr(error)) from error
    yield part


def _made(
    folder: Path, archive: str | Path | None, source: _Source, progress: Progress
) -> Path:
    """Unpack beside the folder and rename, so that it appears whole; once."""
    if _holds(folder, source.needed):
        return folder
    with staging(folder) as staged:
        if _holds(folder, source.needed):
            return folder  # another process was first
        if archive is None:
            archive = staged / "download"
            with open(archive, "wb") as file:
                fetch(source.url, file, MOST, source.known_hash, progress)
        (staged / "unpacked").mkdir()
        _unpack(Path(archive), staged / "unpacked", progress)
        for root in (staged / "unpacked", *(staged / "unpacked").iterdir()):
            if _holds(root, source.needed):
                os.replace(root, folder)
                return folder
    raise ValueError(f"archive must hold {_told(source.needed)}; {archive} does not")


def _told(needed: tuple[str, ...]) -> str:
    return ", ".join([*needed, "images"])


def _unpack(archive: Path, folder: Path, progress: Progress) -> None:
    """Unpack files into an empty folder; nothing else, as a link may lead anywhere."""
    others = 0
    try:
        room = GROWTH * archive.stat().st_size + 64 * MEGABYTE
        room = min(room, shutil.disk_usage(folder).free)
        for name, size, content in progress(_members(archive)):
            path = Path(name)
            if path.anchor or ".." in path.parts or size < 0:
                raise ValueError(f"{name!r} of {size} bytes has no place in it")
            room -= max(size, BLOCK)
            if room < 0:
                raise ValueError(
                    f"it unpacks to more than {GROWTH} times its size, or than the "
                    "disk has room for"
                )
            if content is None:
                others += 1
                continue
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with content, open(folder / path, "wb") as file:
                shutil.copyfileobj(content, file, MEGABYTE)
    except Exception as error:  # bytes of strangers make the libraries raise anything
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise ValueError(
            f"archive must be a whole .tgz, .tar or .zip; {archive}: "
            f"{reason or repr(error)}"
        ) from error
    if others:
        logger = logging.getLogger(__name__)
        logger.warning("%s: %d links or devices left out", archive, others)


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Give name, size and content of each member, folders left out; links have none."""
    if zipfile.is_zipfile(archive):
        yield from _of_zip(archive)
    elif tarfile.is_tarfile(archive):
        yield from _of_tar(archive)
    else:
        raise tarfile.ReadError("it is none of these")


def _of_zip(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as pack:
        for info in pack.infolist():
            if not info.is_dir():
                link = stat.S_ISLNK(info.external_attr >> 16)
                content = None if link else pack.open(info)
                yield info.filename, info.file_size, content


def _of_tar(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps them all
            if not member.isdir():
                content = tar.extractfile(member) if member.isreg() else None
                yield member.name, member.size, content
        for _ in range(64):  # to the end, where the checksum stands
            if not tar.fileobj.read(MEGABYTE):
                return
        raise tarfile.ReadError("too much behind its end")


def _holds(folder: Path, needed: tuple[str, ...]) -> bool:
    """Tell whether a data set is there: its parts, and images in the first of them."""
    first = folder.joinpath(*needed[:1])
    there = all((folder / part).exists() for part in needed)
    return there and any(is_image(path.name) for path in first.rglob("*"))
