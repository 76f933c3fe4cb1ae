"""Get the public data sets: download, check, unpack (not taught in the book)."""

import hashlib
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pooch

from colorlab.datasets.images import is_image

DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)
DAMAGE += (RuntimeError,)  # a .zip with a password
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class _Source:
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


def data_folder() -> Path:
    """Give the folder for data sets: COLORLAB_DATA, the checkout's, or the user's.

    Returns
    -------
    Path
        It need not exist yet.
    """
    if chosen := os.environ.get("COLORLAB_DATA"):
        return Path(chosen)
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / "data" / "cache"
    return Path(pooch.os_cache("colorlab"))


def get_data(
    name: str,
    archive: str | Path | None = None,
    to: str | Path | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
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
        Wraps the archive's members, for a progress bar.

    Returns
    -------
    Path
        The data set's folder. If it was there before, nothing is done.

    Raises
    ------
    ValueError
        If the name is unknown, or the archive is missing, damaged, hostile or of
        another structure. No half-unpacked folder is left.
    """
    if name not in SOURCES:
        raise ValueError(f"name must be one of {[*SOURCES]}, got {name!r}")
    source = SOURCES[name]
    folder = Path(to or data_folder()) / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    if archive is None:
        archive = pooch.retrieve(
            source.url, source.known_hash, path=folder.parent, progressbar=True
        )
    return _unpack_to(folder, archive, source.needed, progress)


def unpack_once(
    archive: str | Path, progress: Callable[[Iterable], Iterable] = iter
) -> Path:
    """Unpack any archive of photos into `data_folder`, unless it was before.

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
        If the archive is missing, damaged, hostile or holds no image.
    """
    archive = Path(archive).resolve()
    if not archive.is_file():
        raise ValueError(f"archive must be a .tgz, .tar or .zip; {archive} is no file")
    state = f"{archive} {archive.stat().st_size} {archive.stat().st_mtime_ns}"
    mark = hashlib.sha256(state.encode()).hexdigest()[:8]
    folder = data_folder() / f"{archive.name.partition('.')[0]}-{mark}"
    return folder if folder.is_dir() else _unpack_to(folder, archive, (), progress)


def fetch_file(url: str, known_hash: str, folder: Path) -> Path:
    """Download a file once, and check it.

    Parameters
    ----------
    url : str
        Its address.
    known_hash : str
        As in "sha256:...".
    folder : Path
        Where it is kept; made if absent.

    Returns
    -------
    Path
        The file, which appears whole or not at all.

    Raises
    ------
    ValueError
        If it cannot be had, or is another.
    """
    kind, _, digest = known_hash.partition(":")
    name = f"{digest[:16]}-{url.rpartition('/')[2]}"
    if (folder / name).is_file():  # was checked when it came
        return folder / name
    try:
        return Path(pooch.retrieve(url, f"{kind}:{digest}", name, folder))
    except (ValueError, OSError) as error:
        raise ValueError(f"url must give the file it names; {url}: {error}") from error


def _unpack_to(
    folder: Path, archive: str | Path, needed: tuple[str, ...], progress: Callable
) -> Path:
    """Unpack beside the folder and rename, so that it appears whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as unpacked:
        _unpack(Path(archive), Path(unpacked), progress)
        root = _data_root(Path(unpacked), needed, archive)
        root.chmod(0o755)  # a temporary folder is for its maker alone
        try:
            os.replace(root, folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
    return folder


def _unpack(archive: Path, folder: Path, progress: Callable) -> None:
    """Unpack into an empty folder; members that would land outside are refused."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                for member in progress(opened.infolist()):
                    _check_inside(member.filename)
                    opened.extract(member, folder)
        else:
            with tarfile.open(archive) as opened:
                for member in progress(opened):
                    _check_inside(member.name)
                    opened.extract(member, folder, filter="data")
                while opened.fileobj.read(1 << 20):
                    pass  # to the end, where the checksum stands
    except DAMAGE as error:
        raise ValueError(
            f"archive must be a whole .tgz, .tar or .zip; {archive}: {error}"
        ) from error


def _check_inside(name: str) -> None:
    """Refuse what the libraries would quietly rename."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"archive must stay in its folder; it holds {name!r}")


def _data_root(unpacked: Path, needed: tuple[str, ...], archive: str | Path) -> Path:
    """Find the folder that holds what a data set must: images, in the first part."""
    for folder in (unpacked, *(f for f in unpacked.iterdir() if f.is_dir())):
        there = all((folder / part).exists() for part in needed)
        if there and _has_image(folder.joinpath(*needed[:1])):
            return folder
    told = ", ".join([*needed, "images"])
    raise ValueError(f"archive must hold {told}; {archive} does not")


def _has_image(folder: Path) -> bool:
    return any(is_image(path.name) for path in folder.rglob("*"))
