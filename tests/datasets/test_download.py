"""Unpacking archives, once, and what is refused; downloads, once, and checked."""

import functools
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pooch
import pytest

from colorlab.datasets import download as fetch
from colorlab.datasets.download import (
    SOURCES,
    data_folder,
    fetch_file,
    get_data,
    unpack_once,
)

MEMBERS = {
    "imagenette": ["train/n01/a.JPEG", "train/n02/b.JPEG", "val/n01/c.JPEG"],
    "tiny-imagenet": ["wnids.txt", "train/n01/images/n01_0.JPEG"],
}
CONTENT = bytes(range(256)) * 20  # what each member holds


def pack(path, names, top="top/"):
    """Make an archive by its suffix; each name holds CONTENT."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(top + name, CONTENT)
        return path
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(top + name)
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
    return path


def pack_link(path, kind, target):
    """Make a whole data set that also holds one link."""
    with tarfile.open(pack(path, MEMBERS["imagenette"])) as archive:
        members = [(m, archive.extractfile(m).read()) for m in archive]
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("top/train/link.JPEG")
        link.type, link.linkname = kind, target
        archive.addfile(link)
    return path


@pytest.fixture
def to(tmp_path):
    """Where data sets are put; apart from where the archives are."""
    return tmp_path / "to"


def assert_refused(archive, to, match="archive must", name="imagenette"):
    with pytest.raises(ValueError, match=match):
        get_data(name, archive, to)
    assert [*to.iterdir()] == []  # no half folder, no temporary one
    assert not (to.parent / "escaped.JPEG").exists()


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
@pytest.mark.parametrize("top", ["top/", "", "./top/"])
@pytest.mark.parametrize("name", SOURCES)
def test_archive_is_unpacked(tmp_path, to, name, suffix, top):
    archive = pack(tmp_path / f"archive{suffix}", MEMBERS[name], top)
    folder = get_data(name, archive, to)
    assert folder == to / name
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(p.relative_to(folder).as_posix() for p in files) == sorted(
        MEMBERS[name]
    )
    assert all(path.read_bytes() == CONTENT for path in files)
    assert [*to.iterdir()] == [folder]  # nothing temporary is left
    assert archive.exists()


def test_second_call_returns_at_once(tmp_path, to):
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    folder = get_data("imagenette", archive, to)
    archive.unlink()
    (folder / "mine.txt").touch()
    assert get_data("imagenette", archive, to) == folder
    assert (folder / "mine.txt").exists()


def test_members_can_be_watched(tmp_path, to):
    seen = []

    def progress(members):
        for member in members:
            seen.append(member.name)
            yield member

    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    get_data("imagenette", archive, to, progress)
    assert seen == ["top/" + name for name in MEMBERS["imagenette"]]


@pytest.mark.parametrize("name", SOURCES)
def test_download_is_checked_by_hash(tmp_path, to, monkeypatch, name):
    archive = pack(tmp_path / "archive.tgz", MEMBERS[name])
    asked = {}

    def retrieve(url, known_hash, **rest):
        asked.update(url=url, known_hash=known_hash)
        return str(archive)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert get_data(name, to=to) == to / name
    assert asked == {"url": SOURCES[name].url, "known_hash": SOURCES[name].known_hash}
    assert len(asked["known_hash"].split(":")[1]) in (32, 64)  # md5 or sha256


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
@pytest.mark.parametrize(
    "hostile", ["/escaped.JPEG", "../escaped.JPEG", "top/../../escaped.JPEG"]
)
def test_names_that_lead_out_are_refused(tmp_path, to, suffix, hostile):
    if hostile[0] == "/":
        hostile = str(tmp_path / "escaped.JPEG")
    names = ["top/" + name for name in MEMBERS["imagenette"]] + [hostile]
    archive = pack(tmp_path / f"archive{suffix}", names, top="")
    assert_refused(archive, to, "archive must stay in its folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/hostname", "../../../../escaped.JPEG"])
def test_links_that_lead_out_are_refused(tmp_path, to, kind, target):
    assert_refused(pack_link(tmp_path / "archive.tgz", kind, target), to)


def test_link_inside_is_accepted(tmp_path, to):
    archive = pack_link(tmp_path / "archive.tgz", tarfile.SYMTYPE, "n01/a.JPEG")
    folder = get_data("imagenette", archive, to)
    assert (folder / "train/link.JPEG").read_bytes() == CONTENT


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
@pytest.mark.parametrize(
    "names",
    [
        ["train/a.JPEG"],  # no val
        ["train/notes.txt", "val/a.JPEG"],  # no image to train on
        ["deep/er/train/a.JPEG", "deep/er/val/a.JPEG"],
        [],
    ],
)
def test_another_structure_is_refused(tmp_path, to, suffix, names):
    assert_refused(pack(tmp_path / f"archive{suffix}", names), to, "must hold")


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
def test_the_other_data_set_is_refused(tmp_path, to, suffix):
    archive = pack(tmp_path / f"archive{suffix}", MEMBERS["imagenette"])
    assert_refused(archive, to, "archive must hold train, wnids.txt", "tiny-imagenet")


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_truncated_archives_are_refused(tmp_path, to, suffix, keep):
    archive = pack(tmp_path / f"archive{suffix}", MEMBERS["imagenette"])
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(keep * len(whole))])
    assert_refused(archive, to, "archive must be a whole")


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_damaged_archives_are_refused(tmp_path, to, suffix, place):
    archive = pack(tmp_path / f"archive{suffix}", MEMBERS["imagenette"])
    damaged = bytearray(archive.read_bytes())
    start = int(place * len(damaged))
    for n in range(start, start + 4):
        damaged[n] ^= 0xFF
    archive.write_bytes(damaged)
    assert_refused(archive, to, "archive must")


def test_damage_that_only_the_checksum_shows_is_refused(tmp_path, to):
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    damaged = bytearray(archive.read_bytes())
    damaged[-8] ^= 0xFF  # gzip ends with the checksum and the length
    archive.write_bytes(damaged)
    assert_refused(archive, to, "archive must be a whole")


@pytest.mark.parametrize("name", ["absent.tgz", "text.zip", "folder"])
def test_what_is_no_archive_is_refused(tmp_path, to, name):
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "folder").mkdir()
    assert_refused(tmp_path / name, to, "archive must be a whole")


def test_zip_with_a_password_is_refused(tmp_path, to):
    archive = pack(tmp_path / "archive.zip", MEMBERS["imagenette"])
    locked = bytearray(archive.read_bytes())
    for mark, flags in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)]:
        for header in range(len(locked)):
            if locked.startswith(mark, header):
                locked[header + flags] |= 1  # "encrypted"
    archive.write_bytes(locked)
    assert_refused(archive, to, "archive must be a whole .*password")


def test_unknown_name_is_refused(to):
    with pytest.raises(ValueError, match="name must be one of"):
        get_data("imagenet", to=to)
    assert not to.exists()


def test_data_folder_is_the_one_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("COLORLAB_DATA", str(tmp_path / "mine"))
    assert data_folder() == tmp_path / "mine"
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    assert get_data("imagenette", archive) == tmp_path / "mine" / "imagenette"


@pytest.mark.parametrize("chosen", [None, ""])
def test_data_folder_of_a_checkout(monkeypatch, chosen):
    monkeypatch.delenv("COLORLAB_DATA", raising=False)
    if chosen is not None:
        monkeypatch.setenv("COLORLAB_DATA", chosen)
    assert data_folder() == Path(__file__).parents[2] / "data" / "cache"


def test_data_folder_elsewhere_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("COLORLAB_DATA", raising=False)
    monkeypatch.setattr(fetch, "CHECKOUT", tmp_path)  # an installed package
    assert data_folder().name == "colorlab"
    assert tmp_path not in data_folder().parents


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """The test's own data folder."""
    monkeypatch.setenv("COLORLAB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refuse(*_, **__):
    raise AssertionError("nothing was to be done")


@pytest.mark.parametrize("suffix", [".tgz", ".tar", ".zip"])
def test_unpack_once(tmp_path, cache, suffix):
    archive = pack(tmp_path / f"my.photos{suffix}", ["a.JPEG", "n01/b.JPEG"])
    folder = unpack_once(archive)
    assert folder.parent == cache
    assert folder.name.startswith("my-")
    assert (folder / "top/n01/b.JPEG").read_bytes() == CONTENT
    assert [*cache.iterdir()] == [folder]
    assert unpack_once(archive, progress=refuse) == folder
    os.utime(archive, (0, 0))  # another archive, for all that is known
    assert unpack_once(archive) != folder


@pytest.mark.parametrize("names", [[], ["notes.txt"]])
def test_unpack_once_needs_an_image(tmp_path, cache, names):
    archive = pack(tmp_path / "archive.tgz", names)
    with pytest.raises(ValueError, match="archive must hold images; .*archive.tgz"):
        unpack_once(archive)
    assert [*cache.iterdir()] == []


def test_unpack_once_needs_an_archive(tmp_path, cache):
    for path in (tmp_path, tmp_path / "absent.tgz"):
        with pytest.raises(ValueError, match=f"archive must be .*{path.name} is no fi"):
            unpack_once(path)


def test_two_processes_may_unpack_at_once(tmp_path, cache):
    archive = pack(tmp_path / "archive.tgz", ["a.JPEG"])

    def overtake(members):
        yield from members
        unpack_once(archive)  # as another process would, before this one is done

    folder = unpack_once(archive, overtake)
    assert (folder / "top/a.JPEG").read_bytes() == CONTENT
    assert [*cache.iterdir()] == [folder]


DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def address(tmp_path, monkeypatch):
    """The address of a file, which is copied where a download would be made."""
    (tmp_path / "file.bin").write_bytes(CONTENT)

    def copy(url, output_file, pooch):
        Path(output_file).write_bytes((tmp_path / Path(url).name).read_bytes())

    retrieve = functools.partial(pooch.retrieve, downloader=copy)
    monkeypatch.setattr("pooch.retrieve", retrieve)
    return "https://some.where/deep/file.bin"


def test_fetch_file_once(tmp_path, monkeypatch, address):
    path = fetch_file(address, f"sha256:{DIGEST}", tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert [*path.parent.iterdir()] == [path]
    monkeypatch.setattr("pooch.retrieve", refuse)
    assert fetch_file(address, f"sha256:{DIGEST}", tmp_path / "new") == path


@pytest.mark.parametrize("name", ["file.bin", "absent.bin"])
def test_fetch_file_refuses_another(tmp_path, address, name):
    address = address.replace("file.bin", name)
    with pytest.raises(ValueError, match=f"url must give the file it names; .*{name}"):
        fetch_file(address, f"sha256:{64 * '0'}", tmp_path / "new")
    assert [*(tmp_path / "new").iterdir()] == []


def test_files_of_one_name_do_not_meet(tmp_path, address):
    first = fetch_file(address, f"sha256:{DIGEST}", tmp_path)
    (tmp_path / "file.bin").write_bytes(b"other")
    other = hashlib.sha256(b"other").hexdigest()
    assert fetch_file(address, f"sha256:{other}", tmp_path).read_bytes() == b"other"
    assert first.read_bytes() == CONTENT
