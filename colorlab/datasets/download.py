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
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, BinaryIO, NamedTuple

from filelock import FileLock

from colorlab.datasets.images import is_image

Progress = Callable[[Iterable], Iterable]

CHECKOUT = Path(__file__).parents[2]
MEGABYTE = 1 << 20
PAUSES = (1, 3, 10, 30)  # seconds, before what failed is tried again
TIMEOUT = 30  # seconds without a byte
SLOWEST = 1000  # bytes a second, on average, after as many seconds
PERMANENT = {400, 401, 403, 404, 405, 410}  # a server's answers that will not change
MOST = 2000 * MEGABYTE  # of a data set's archive
GROWTH = 100  # images are compressed: what unpacks to more than this is a bomb
BOUND = "times its size, or than the disk has room for"
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


class TransientError(Exception):
    """What may go better a little later: a server that is busy, or away."""


def retry(attempt: Callable[[], Any], transient: type[Exception]) -> Any:
    """Call a function again, after growing pauses, while it fails for a moment.

    Parameters
    ----------
    attempt : callable
        Called without arguments, at most five times.
    transient : type of exception
        What is worth another attempt; the last one is raised.

    Returns
    -------
    object
        What `attempt` returns.

    Examples
    --------
    >>> retry(lambda: "here", TransientError)
    'here'
    """
    for pause in PAUSES:
        try:
            return attempt()
        except transient:
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
            f"{', '.join(source.needed)} and images: move it away"
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
        Removed at the end, if it is still there; what a killed process left in it, at
        the beginning.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with staging(Path(parent, "new")) as staged:
    ...         _ = Path(staged, "a.txt").write_text("done")
    ...         _ = staged.rename(Path(parent, "new"))
    ...     Path(parent, "new/a.txt").read_text()
    'done'
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = folder.with_name(f".unpack-{folder.name}")
    with FileLock(f"{staged}.lock") as lock:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            with suppress(OSError):  # no litter; filelock tells those who wait
                os.unlink(lock.lock_file)


def fetch(
    url: str, file: BinaryIO, most: int, known_hash: str = "", progress: Progress = iter
) -> None:
    """Download a file, after some attempts if need be, and check it.

    Parameters
    ----------
    url : str
        Its address: http or https.
    file : open binary file
        Takes the bytes.
    most : int
        Bytes that there may be.
    known_hash : str
        As in "sha256:...", or how it begins; none is checked by default.
    progress : callable, optional
        Wraps the megabytes, for a progress bar.

    Raises
    ------
    ValueError
        If it cannot be had, after some attempts, or is larger, or is another.
    """
    kind, _, known = (known_hash or "sha256:").partition(":")

    def attempt() -> None:
        digest = hashlib.new(kind)
        file.seek(0)
        file.truncate()
        for megabyte in progress(_megabytes(url, most)):
            digest.update(megabyte)
            file.write(megabyte)
        if not digest.hexdigest().startswith(known):
            raise ValueError(f"its {kind} is {digest.hexdigest()}, not {known}")

    try:
        retry(attempt, TransientError)
    except (TransientError, ValueError) as error:
        raise ValueError(f"{url} cannot be downloaded: {error}") from error


def _megabytes(url: str, most: int) -> Iterator[bytes]:
    """Download a file part by part; TransientError if another try may help."""
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
        if getattr(error, "code", 500) in PERMANENT:
            raise ValueError(str(error)) from error
        raise TransientError(str(error) or repr(error)) from error
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
    told = ", ".join([*source.needed, "images"])
    raise ValueError(f"archive must hold {told}; {archive} does not")


def _unpack(archive: Path, folder: Path, progress: Progress) -> None:
    """Unpack files into an empty folder; nothing else, as a link may lead anywhere."""
    others = 0
    try:
        room = GROWTH * archive.stat().st_size + 64 * MEGABYTE
        room = min(room, shutil.disk_usage(folder).free)
        for name, size, content in progress(_members(archive)):
            path, here = PurePosixPath(name), PurePath(name)  # on Windows they differ
            if any(p.anchor or ".." in p.parts for p in (path, here)) or size < 0:
                raise ValueError(f"{name!r} of {size} bytes has no place in it")
            room -= max(size, BLOCK)
            if room < 0:
                raise ValueError(f"it unpacks to more than {GROWTH} {BOUND}")
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
    """Yield name, size and content of each member but folders; links have none."""
    if not zipfile.is_zipfile(archive):
        yield from _tar_members(archive)
        return
    with zipfile.ZipFile(archive) as pack:
        for info in pack.infolist():
            if not info.is_dir():
                link = stat.S_ISLNK(info.external_attr >> 16)
                yield info.filename, info.file_size, None if link else pack.open(info)


def _tar_members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    if not tarfile.is_tarfile(archive):
        raise tarfile.ReadError("it is none of these")
    with tarfile.open(archive) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps them all
            if not member.isdir():
                content = tar.extractfile(member) if member.isreg() else None
                yield member.name, member.size, content
        # To the end, where the checksum stands.
        if all(tar.fileobj.read(MEGABYTE) for _ in range(64)):
            raise tarfile.ReadError("too much behind its end")


def _holds(folder: Path, needed: tuple[str, ...]) -> bool:
    """Return whether a data set is there: its parts, and images in the first."""
    first = folder.joinpath(*needed[:1])
    there = all((folder / part).exists() for part in needed)
    return there and any(is_image(path.name) for path in first.rglob("*"))
