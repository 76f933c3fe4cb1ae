"""Unpacking archives, once, and what is refused; downloads, patient and checked."""

import contextlib
import gzip
import hashlib
import io
import itertools
import logging
import multiprocessing
import os
import shutil
import stat
import tarfile
import threading
import time
import zipfile
from collections import namedtuple
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest

from colorlab.datasets import download
from colorlab.datasets.download import (
    PAUSES,
    SOURCES,
    TransientError,
    data_folder,
    fetch,
    get_data,
    retry,
    staging,
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
    """Make a whole data set that also holds one link, before all else."""
    with tarfile.open(pack(path, MEMBERS["imagenette"])) as archive:
        members = [(m, archive.extractfile(m).read()) for m in archive]
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("top/train/link.JPEG")
        link.type, link.linkname = kind, target
        archive.addfile(link)
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
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
            seen.append(member[0])
            yield member

    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    get_data("imagenette", archive, to, progress)
    assert seen == ["top/" + name for name in MEMBERS["imagenette"]]


@pytest.mark.parametrize("name", SOURCES)
def test_download_is_checked_by_hash(tmp_path, to, monkeypatch, name):
    archive = pack(tmp_path / "archive.tgz", MEMBERS[name])
    asked = {}

    def fake(url, file, most, known_hash, progress):
        asked.update(url=url, known_hash=known_hash)
        file.write(archive.read_bytes())

    monkeypatch.setattr(download, "fetch", fake)
    assert get_data(name, to=to) == to / name
    assert asked == {"url": SOURCES[name].url, "known_hash": SOURCES[name].known_hash}
    assert len(asked["known_hash"].split(":")[1]) in (32, 64)  # md5 or sha256
    assert [*to.iterdir()] == [to / name]  # the archive is not kept


@pytest.mark.parametrize("lacking", [["train/n01/a.JPEG"], [], ["val/n01/c.JPEG"]])
def test_an_incomplete_folder_is_not_taken_for_the_data(tmp_path, to, lacking):
    for name in lacking:
        (to / "imagenette" / name).parent.mkdir(parents=True, exist_ok=True)
        (to / "imagenette" / name).write_text("mine")
    (to / "imagenette").mkdir(parents=True, exist_ok=True)
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    if lacking:  # it may be anything: it is not written over
        with pytest.raises(ValueError, match="without train, val and images: move"):
            get_data("imagenette", archive, to)
        assert (to / "imagenette" / lacking[0]).read_text() == "mine"
    else:
        folder = get_data("imagenette", archive, to)
        assert (folder / "val/n01/c.JPEG").read_bytes() == CONTENT


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
@pytest.mark.parametrize(
    "hostile", ["/escaped.JPEG", "../escaped.JPEG", "top/../../escaped.JPEG"]
)
def test_names_that_lead_out_are_refused(tmp_path, to, suffix, hostile):
    if hostile[0] == "/":
        hostile = str(tmp_path / "escaped.JPEG")
    names = ["top/" + name for name in MEMBERS["imagenette"]] + [hostile]
    archive = pack(tmp_path / f"archive{suffix}", names, top="")
    assert_refused(
        archive, to, "archive must be a whole .*escaped.JPEG' .* has no place in it"
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("target", ["/etc/hostname", "../../../x", "n01/a.JPEG"])
def test_links_are_left_out_and_told(tmp_path, to, kind, target, caplog):
    folder = get_data("imagenette", pack_link(tmp_path / "a.tgz", kind, target), to)
    assert not os.path.lexists(folder / "train/link.JPEG")
    assert len([*folder.rglob("*.JPEG")]) == 3
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert "a.tgz: 1 links or devices left out" in told.getMessage()


def test_links_in_a_zip_are_left_out(tmp_path, to, caplog):
    archive = pack(tmp_path / "a.zip", MEMBERS["imagenette"])
    with zipfile.ZipFile(archive, "a") as more:
        link = zipfile.ZipInfo("top/train/link.JPEG")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        more.writestr(link, "/etc/hostname")
    folder = get_data("imagenette", archive, to)
    assert not os.path.lexists(folder / "train/link.JPEG")
    assert "1 links" in caplog.text


def test_a_chain_of_links_leads_nowhere(tmp_path, to):  # as CVE-2025-4517 has it
    archive = pack(tmp_path / "a.tgz", MEMBERS["imagenette"])
    with tarfile.open(archive) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(archive, "w:gz") as tar:
        deep = "top/" + "/".join(letter * 247 for letter in "abcdefghijklmnop")
        for name, target in [(deep, "../" * 16), ("top/escape", f"{deep}/../../../..")]:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        through = tarfile.TarInfo("top/escape/escaped.JPEG")
        through.size = len(CONTENT)
        tar.addfile(through, io.BytesIO(CONTENT))
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    folder = get_data("imagenette", archive, to)
    assert (folder / "escape/escaped.JPEG").is_file()  # in a folder like any other
    assert [*tmp_path.rglob("escaped.JPEG")] == [folder / "escape/escaped.JPEG"]


def test_a_hard_link_to_nothing_is_no_error(tmp_path, to):
    archive = pack_link(tmp_path / "a.tgz", tarfile.LNKTYPE, "absent.JPEG")
    assert get_data("imagenette", archive, to) == to / "imagenette"


def zeros(path, size, number=1):
    """Make an archive of a few kilobytes that unpacks to much more."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in range(number):
            archive.writestr(f"train/{name}.JPEG", bytes(size))
    return path


def test_bombs_are_refused(tmp_path, to, monkeypatch):
    bomb = zeros(tmp_path / "bomb.zip", 100 * download.MEGABYTE)
    assert bomb.stat().st_size < 200_000
    assert_refused(bomb, to, "must be a whole .*bomb.zip: it unpacks to more than 100")
    with tarfile.open(tmp_path / "bomb.tgz", "w:gz") as tar:
        member = tarfile.TarInfo("train/a.JPEG")
        member.size = 100 * download.MEGABYTE
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    assert_refused(tmp_path / "bomb.tgz", to, "it unpacks to more than 100")
    # Files that are empty take room, too.
    monkeypatch.setattr(download, "MEGABYTE", 1000)
    monkeypatch.setattr(download, "GROWTH", 1)
    many = zeros(tmp_path / "many.zip", 1, number=30)
    assert_refused(many, to, "it unpacks to more than 1 times its size")


def test_an_archive_that_does_not_fit_the_disk_is_refused(tmp_path, to, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 9, 9000))
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    assert_refused(archive, to, "than the disk has room for")


def test_a_full_disk_is_no_damage(tmp_path, to, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    assert_refused(archive, to, "must be a whole .*archive.tgz: No space left on dev")


@pytest.mark.parametrize("names", [["a" * 300 + ".JPEG"], ["x.JPEG", "x.JPEG/y.JPEG"]])
def test_names_that_no_disk_takes_are_refused(tmp_path, to, names):
    archive = pack(tmp_path / "archive.tgz", [*MEMBERS["imagenette"], *names])
    assert_refused(archive, to, "archive must be a whole .tgz")


def test_negative_sizes_are_refused(tmp_path, to):
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("train/a.JPEG")
        member.pax_headers = {"size": "-512"}
        tar.addfile(member)
    assert_refused(archive, to, "archive must be a whole .tgz")


def test_a_tail_without_end_is_refused(tmp_path, to):
    archive = pack(tmp_path / "archive.tgz", MEMBERS["imagenette"])
    with gzip.open(archive, "ab") as tail:
        for _ in range(70):
            tail.write(bytes(download.MEGABYTE))
    assert_refused(archive, to, "too much behind its end")


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
    monkeypatch.setattr(download, "CHECKOUT", tmp_path)  # an installed package
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert data_folder() == Path.home() / ".cache" / "colorlab"
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert data_folder() == Path("/some/where/colorlab")


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


def unpack_slowly(archive, started):
    def progress(members):
        started.set()
        for member in members:
            time.sleep(0.3)
            yield member

    assert (unpack_once(archive, progress) / "top/a.JPEG").read_bytes() == CONTENT


def test_two_processes_unpack_one_archive_once(tmp_path, cache, monkeypatch):
    archive = pack(tmp_path / "archive.tgz", ["a.JPEG"])
    fork = multiprocessing.get_context("fork")
    started = fork.Event()
    other = fork.Process(target=unpack_slowly, args=(archive, started))
    other.start()
    assert started.wait(20)
    folder = unpack_once(archive, progress=refuse)  # it waits for the other
    other.join(20)
    assert other.exitcode == 0
    assert (folder / "top/a.JPEG").read_bytes() == CONTENT
    assert [*cache.iterdir()] == [folder]


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".unpack-again").mkdir()
    (tmp_path / ".unpack-again/half.jpg").touch()
    (tmp_path / ".unpack-again.lock").touch()
    with staging(tmp_path / "again") as staged:
        assert [*staged.iterdir()] == []
    assert [*tmp_path.iterdir()] == []


def test_no_lock_is_left(tmp_path):
    with staging(tmp_path / "folder"):
        pass
    with pytest.raises(KeyboardInterrupt), staging(tmp_path / "folder"):
        raise KeyboardInterrupt
    assert [*tmp_path.iterdir()] == []


def count_up(folder, path):
    for _ in range(20):
        with staging(folder):
            number = int(path.read_text())
            time.sleep(0.001)
            path.write_text(str(number + 1))


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "number"
    path.write_text("0")
    fork = multiprocessing.get_context("fork")
    arguments = (tmp_path / "folder", path)
    processes = [fork.Process(target=count_up, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert path.read_text() == "80"


def test_patience_ends(pauses):
    calls = []

    def attempt():
        calls.append(0)
        raise TransientError(str(len(calls)))

    with pytest.raises(TransientError, match="5"):
        retry(attempt, TransientError)
    assert pauses == list(PAUSES)
    assert list(PAUSES) == sorted(PAUSES)


def test_only_what_may_pass_is_tried_again(pauses):
    def attempt():
        raise ValueError("for good")

    with pytest.raises(ValueError, match="for good"):
        retry(attempt, TransientError)
    assert pauses == []


DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def url(tmp_path, server):
    (tmp_path / "file.bin").write_bytes(CONTENT)
    return f"{server.address}/file.bin"


def fetched(url, digest="", most=10**6):
    file = io.BytesIO()
    fetch(url, file, most, digest and f"sha256:{digest}")
    return file.getvalue()


def test_fetch(url):
    assert fetched(url) == fetched(url, DIGEST) == CONTENT


def test_megabytes_can_be_watched(tmp_path, server):
    seen = []
    (tmp_path / "large.bin").write_bytes(os.urandom(5 * download.MEGABYTE))
    file = io.BytesIO()
    watch = lambda parts: (seen.append(len(part)) or part for part in parts)  # noqa: E731
    fetch(f"{server.address}/large.bin", file, 10**7, progress=watch)
    assert file.getvalue() == (tmp_path / "large.bin").read_bytes()
    assert 2 <= len(seen) <= 6
    assert sum(seen) == 5 * download.MEGABYTE


@pytest.mark.parametrize(
    "moods", [[503], [500, 502, 504], [429], ["cut short"], ["cut short", 503, 408]]
)
def test_a_busy_server_is_asked_again(url, server, moods, pauses):
    server.moods["/file.bin"] = list(moods)
    assert fetched(url, DIGEST) == CONTENT
    assert pauses == list(PAUSES[: len(moods)])


def test_a_server_that_stays_busy_is_given_up(url, server, pauses):
    server.moods["/file.bin"] = [503] * 9
    with pytest.raises(ValueError, match=r"file\.bin cannot be downloaded: .*503"):
        fetched(url)
    assert len(server.asked) == 5
    with pytest.raises(ValueError, match="cannot be downloaded: .*refused"):
        fetched("http://127.0.0.1:1/file.bin")  # nobody listens


@pytest.mark.parametrize("code", [404, 403, 410])
def test_what_is_not_there_is_told_at_once(url, server, pauses, code):
    server.moods["/file.bin"] = [code]
    with pytest.raises(ValueError, match=f"cannot be downloaded: .*{code}"):
        fetched(url)
    assert pauses == []


def test_another_file_is_told_at_once(url, server):
    with pytest.raises(ValueError, match=f"its sha256 is {DIGEST}, not 0000"):
        fetched(url, 64 * "0")
    assert len(server.asked) == 1


def test_too_large_a_file_is_refused(url):
    with pytest.raises(ValueError, match="it is larger than 5119 bytes"):
        fetched(url, most=len(CONTENT) - 1)
    assert fetched(url, most=len(CONTENT)) == CONTENT


def test_a_slow_server_is_given_up(url, server, pauses, monkeypatch):
    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):  # the other side has left
            for _ in range(40):
                handler.wfile.write(b"x")
                handler.wfile.flush()

    hours = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: 3600 * next(hours), sleep=pauses.append)
    monkeypatch.setattr(download, "time", clock)
    server.moods["/file.bin"] = [drip] * 5
    with pytest.raises(ValueError, match=f"bytes came in {download.TIMEOUT} s"):
        fetched(url)
    assert len(server.asked) == 5


def test_a_silent_server_is_given_up(url, server, monkeypatch):
    event = threading.Event()
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    server.moods["/file.bin"] = [lambda handler: event.wait(1)] * 5
    with pytest.raises(ValueError, match="cannot be downloaded: .*timed out"):
        fetched(url)
    event.set()


@pytest.mark.parametrize("name", [r"..\..\evil", "C:", r"\\host\evil", r"a\..\..\b"])
def test_nothing_leaves_the_folder_on_windows(tmp_path, to, name, monkeypatch):
    archive = pack(tmp_path / "a.tgz", MEMBERS["imagenette"], top=name + "/")
    monkeypatch.setattr("colorlab.datasets.download.PurePath", PureWindowsPath)
    with pytest.raises(ValueError, match="has no place in it"):
        get_data("imagenette", archive, to)
