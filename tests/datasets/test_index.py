"""The index of shards: what is believed, what is refused, what is downloaded."""

import hashlib
import json
import multiprocessing
import os
import re
import shutil

import pytest

from colorlab.datasets import index as index_module
from colorlab.datasets.index import INDEX, download_shards, plain_size, read_index
from colorlab.datasets.shards import write_shards
from colorlab.datasets.sources import find_splits

SHARD = {"file": "a.tar", "sha256": 64 * "0", "photos": [[512, 5]]}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a.tar").write_bytes(bytes(1024))
    return tmp_path / "root"


def write(root, index):
    path = root / INDEX
    path.write_text(index if isinstance(index, str) else json.dumps(index))
    return path


def test_a_whole_index_is_read(root):
    shard = SHARD | {"split": "val"}
    assert read_index(write(root, {"shards": [SHARD]})) == [SHARD]
    assert read_index(write(root, {"shards": [shard]})) == [shard]
    assert read_index(write(root, {"shards": []})) == []


@pytest.mark.parametrize(
    "index",
    [
        "no JSON",
        "",
        "[]",
        "{}",
        "[" * 200_000,
        '{"shards": ' * 200_000,
        '{"shards": [{"file": "a.tar", "photos": [[1%s, 1]]}]}' % ("0" * 5000),
        {"shards": 3},
        {"shards": [3]},
        {"shards": [{"file": "a.tar"}]},
        {"shards": [SHARD, SHARD]},
    ],
)
def test_garbage_in_place_of_an_index_is_refused(root, index):
    with pytest.raises(ValueError, match=r"data must be a whole index .*index\.json: "):
        read_index(write(root, index))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("file", f) for f in (3, None, "../a.tar", "/a.tar", "b/../a.tar", "..", "")),
        *(("file", f) for f in (".a", "a\0.tar", "a.tar\n", "b\\a.tar", 300 * "a", [])),
        ("sha256", "0"),
        ("sha256", 64 * "G"),
        ("sha256", 0),
        ("sha256", "../../outside/p/:" + 64 * "0"),  # as an attack had it
        ("sha256", "0123456789abcdef:" + 64 * "0"),
        ("sha256", 64 * "0" + "\n"),
        ("split", "../x"),
        ("split", 3),
        ("split", ["train"]),
        ("photos", 3),
        ("photos", [3]),
        ("photos", [[3]]),
        ("photos", [[1, 2, 3, 4, 5]]),  # fills two rows of three
        *(("photos", [[start, 5]]) for start in (-1, 0, "5", True, 512.7, None, 2**62)),
        *(("photos", [[512, length]]) for length in (-5, 0, "5", True, 5.0, 10**30)),
        ("photos", ["ab"]),
        ("photos", {"ab": 1}),
    ],
)
def test_what_a_shard_may_not_be(root, key, value):
    with pytest.raises(ValueError, match=r"data must be a whole index .*index\.json: "):
        read_index(write(root, {"shards": [SHARD | {key: value}]}))


def test_too_large_an_index_is_refused(root, monkeypatch):
    path = write(root, {"shards": [SHARD]})
    monkeypatch.setattr(index_module, "MOST_INDEX", path.stat().st_size)
    assert len(read_index(path)) == 1
    monkeypatch.setattr(index_module, "MOST_INDEX", path.stat().st_size - 1)
    with pytest.raises(ValueError, match="it is larger than"):
        read_index(path)


def test_shards_that_are_missing_or_cut_short_are_refused(root):
    path = write(root, {"shards": [SHARD]})
    (root / "a.tar").write_bytes(bytes(517))
    assert read_index(path) == [SHARD]
    (root / "a.tar").write_bytes(bytes(516))
    with pytest.raises(ValueError, match=r"a.tar must have 517 bytes or .* it has 516"):
        read_index(path)
    (root / "a.tar").unlink()
    with pytest.raises(ValueError, match="it has 0"):
        read_index(path)


def test_plain_size(tmp_path):
    (tmp_path / "a").write_text("abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    names = ("a", "link", "pipe", "absent", ".")
    assert [plain_size(tmp_path / name) for name in names] == [3, 3, 0, 0, 0]


@pytest.fixture
def shards(tmp_path, save_photos):
    save_photos(tmp_path / "photos", 8)
    write_shards(find_splits(tmp_path / "photos"), tmp_path / "shards", per_shard=2)
    return tmp_path / "shards"


@pytest.fixture
def address(server):
    return f"{server.address}/shards/{INDEX}"


def same(one, other):
    files = {path.name for path in one.iterdir()} - {".lock"}
    assert files == {path.name for path in other.iterdir()} - {".lock"}
    return all((one / f).read_bytes() == (other / f).read_bytes() for f in files)


def test_mirror(server, shards, cache, address):
    seen = []
    folder = download_shards(address, lambda missing: seen.extend(missing) or missing)
    assert same(folder, shards)
    digest = hashlib.sha256((shards / INDEX).read_bytes()).hexdigest()
    assert folder == cache / "shards" / digest
    assert len(seen) == 4
    del server.asked[:]
    assert download_shards(address) == folder
    assert server.asked == [f"/shards/{INDEX}"]


def test_one_error_is_no_damage(server, shards, cache, address):
    for number in range(4):
        server.moods[f"/shards/shard-{number:06d}.tar"] = [503]
    server.moods[f"/shards/{INDEX}"] = ["cut short"]
    assert same(download_shards(address), shards)


def test_a_mirror_that_was_interrupted_goes_on(server, shards, cache, address):
    server.moods["/shards/shard-000002.tar"] = [404]
    with pytest.raises(ValueError, match=r"shard-000002\.tar cannot be .*404"):
        download_shards(address)
    assert same(download_shards(address), shards)
    assert server.asked.count("/shards/shard-000001.tar") == 1
    assert server.asked.count("/shards/shard-000002.tar") == 2


def test_what_a_killed_process_left_is_removed(server, shards, cache, address):
    folder = download_shards(address)
    (folder / INDEX).unlink()
    (folder / ".partial-dead").write_bytes(bytes(100))
    assert same(download_shards(address), shards)


def test_a_shard_of_another_hash_is_told_at_once(server, shards, cache, address):
    damaged = bytearray((shards / "shard-000001.tar").read_bytes())
    damaged[600] ^= 1
    (shards / "shard-000001.tar").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"shard-000001\.tar cannot .* its sha256 is"):
        download_shards(address)
    assert server.asked.count("/shards/shard-000001.tar") == 1
    assert not [*cache.rglob("shard-000001.tar")]
    assert not [*cache.rglob(INDEX)]


def test_a_shard_cannot_fill_the_disk(server, shards, cache, address, monkeypatch):
    monkeypatch.setattr(index_module, "MEGABYTE", 100)
    with open(shards / "shard-000001.tar", "ab") as tar:
        tar.write(bytes(100_000))
    with pytest.raises(ValueError, match="it is larger than"):
        download_shards(address)


def test_an_index_cannot_write_elsewhere(server, tmp_path, cache):
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/a.tar").write_bytes(b"evil" * 500)
    digest = hashlib.sha256(b"evil" * 500).hexdigest()
    for sha256 in (f"../../outside/p/:{digest}", f"{tmp_path}/x:{digest}"):
        write(tmp_path / "evil", {"shards": [SHARD | {"sha256": sha256}]})
        with pytest.raises(ValueError, match="64 hex digits as sha256"):
            download_shards(f"{server.address}/evil/{INDEX}")
    assert not cache.exists()


def test_an_index_cannot_poison_that_of_another(server, shards, cache, address):
    good = download_shards(address)
    shutil.copytree(shards, shards.with_name("evil"))
    evil = shards.with_name("evil")
    (evil / "shard-000000.tar").write_bytes(bytes(20_000))
    digest = hashlib.sha256(bytes(20_000)).hexdigest()
    index = json.loads((evil / INDEX).read_text())
    index["shards"][0]["sha256"] = digest
    write(evil, index)
    assert download_shards(f"{server.address}/evil/{INDEX}") != good
    assert same(download_shards(address), shards)


@pytest.mark.parametrize("name", ["absent.json", "photos/photo_0.png"])
def test_addresses_that_give_no_index_are_refused(server, shards, cache, name):
    with pytest.raises(ValueError, match=f"{re.escape(name)}"):
        download_shards(f"{server.address}/{name}")


def mirror_and_report(address, queue):
    queue.put(download_shards(address))


def test_several_processes_fetch_each_shard_once(server, shards, cache, address):
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    processes = [
        fork.Process(target=mirror_and_report, args=(address, queue)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    assert len({queue.get(timeout=30) for _ in processes}) == 1
    for process in processes:
        process.join(20)
    tars = [path for path in server.asked if path.endswith(".tar")]
    assert sorted(tars) == [f"/shards/shard-{number:06d}.tar" for number in range(4)]
