"""Get the public data sets: download, check, unpack (not taught in the book)."""

import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pooch

from colorlab.datasets import find_images

DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)
CHECKOUT = Path(__file__).parents[1]


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
    watch: Callable[[Iterable], Iterable] = iter,
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
    watch : callable, optional
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
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as unpacked:
        _unpack(Path(archive), Path(unpacked), watch)
        os.replace(_data_root(Path(unpacked), source.needed, archive), folder)
    return folder


def _unpack(archive: Path, folder: Path, watch: Callable) -> None:
    """Unpack into an empty folder; members that would land outside are refused."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                for member in watch(opened.infolist()):
                    _check_inside(member.filename)
                    opened.extract(member, folder)
        else:
            with tarfile.open(archive) as opened:
                for member in watch(opened):
                    _check_inside(member.name)
                    opened.extract(member, folder, filter="data")
                while opened.fileobj.read(1 << 20):
                    pass  # to the end, where the checksum stands
    except DAMAGE as error:
        raise ValueError(
            f"archive must be a whole .tgz or .zip; {archive}: {error}"
        ) from error


def _check_inside(name: str) -> None:
    """Refuse what the libraries would quietly rename."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"archive must stay in its folder; it holds {name!r}")


def _data_root(unpacked: Path, needed: tuple[str, ...], archive: str | Path) -> Path:
    """Find the folder that holds what a data set must."""
    for folder in (unpacked, *(f for f in unpacked.iterdir() if f.is_dir())):
        if all((folder / part).exists() for part in needed):
            find_images(folder)
            return folder
    raise ValueError(f"archive must hold {', '.join(needed)}; {archive} does not")
