"""Photos in folders, archives and shards; what is refused; what a photo costs."""

import functools
import gc
import http.server
import io
import json
import os
import pickle
import shutil
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from colorlab.datasets import sources
from colorlab.datasets.shards import write_shards
from colorlab.datasets.sources import INDEX, find_images, list_files


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder of the test's own, for what is unpacked and downloaded."""
    monkeypatch.setenv("COLORLAB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def write(root, *names):
    """Make files that hold their own names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(photos):
    return [photos.name(number) for number in range(len(photos))]


def contents(photos):
    """What each photo's file holds: its name, as `write` and `pack` made it."""
    shown = []
    for number in range(len(photos)):
        with photos.open(number) as file:
            shown.append(file.read().decode())
    return shown


def tar_of(*members, mode="w"):
    """Give a tar of (name, content), or of names, which hold themselves."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for member in members:
            name, content = (member, member) if isinstance(member, str) else member
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def pack(path, *members, mode="w"):
    path.write_bytes(tar_of(*members, mode=mode))
    return path


def compressed(path, *members):
    """Make a .zip or .tgz of names, which hold themselves."""
    if path.suffix == ".tgz":
        return pack(path, *members, mode="w:gz")
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, name)
    return path


# What a data set's files are called, and the photos of its splits. Each is tried as a
# folder, in a folder of its own, and in every kind of archive.
LAYOUTS = {
    "flat": (["b.png", "a.webp", "notes.txt"],) + (["a.webp", "b.png"],) * 2,
    "classes": (["dog/b.JPG", "cat/deep/er/a.gif"],)
    + (["cat/deep/er/a.gif", "dog/b.JPG"],) * 2,
    "splits": (
        ["val/c.jpeg", "train/b.jpg", "train/n1/a.PNG", "other/d.jpg", "train/n.txt"],
        ["train/b.jpg", "train/n1/a.PNG"],
        ["val/c.jpeg"],
    ),
    "train only": (["train/b.jpg", "train/a.jpg"], ["train/a.jpg", "train/b.jpg"], []),
    "val only": (["val/a.jpg", "list.csv"], [], ["val/a.jpg"]),
    "tiny": (
        ["wnids.txt", "val/images/val_1.JPEG", "val/images/val_9.JPEG"]
        + [f"train/n01/images/n01_{number}.JPEG" for number in range(30)],
        [f"train/n01/images/n01_{n}.JPEG" for n in sorted(map(str, range(30)))
         if n[-1] != "9"],
        [f"train/n01/images/n01_{n}.JPEG" for n in (19, 29, 9)],
    ),
    "hidden": (
        [".a.jpg", ".git/b.jpg", "._c.jpg", "d/._c.jpg", "d/.e/f.jpg", "d/g.jpg"],
        ["d/g.jpg"],
        ["d/g.jpg"],
    ),
}  # fmt: skip


def as_folder(root, files):
    return write(root, *files)


def as_tar(root, files):
    return pack(root.with_suffix(".tar"), *files)


def as_dotted_tar(root, files):  # as `tar -c .` names them
    return pack(root.with_suffix(".tar"), *((f"./{name}", name) for name in files))


def as_tgz(root, files):
    return compressed(root.with_suffix(".tgz"), *files)


def as_zip(root, files):
    return compressed(root.with_suffix(".zip"), *files)


@pytest.mark.parametrize("top", ["", "top/"])
@pytest.mark.parametrize("form", [as_folder, as_tar, as_dotted_tar, as_tgz, as_zip])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_in_every_form(root, layout, form, top):
    files, *expected = LAYOUTS[layout]
    data = form(root, [top + name for name in files])
    for split, wanted in zip(("train", "val"), expected, strict=True):
        if wanted:
            photos = find_images(data, split)
            assert contents(photos) == [top + name for name in wanted]
            assert len(photos) == len(wanted)
        else:
            with pytest.raises(ValueError, match=f"none of split '{split}' in .*root"):
                find_images(str(data), split)


def test_photos_of_a_folder_are_named_by_their_files(root):
    write(root, "b/c.jpg", "a.jpg")
    photos = find_images(root)
    assert names(photos) == ["a.jpg", "b/c.jpg"]
    assert photos.path(1) == root / "b/c.jpg"


def test_names_of_any_script(root):
    write(root, "été/猫.jpg", "a b.jpg")
    assert names(find_images(root)) == contents(find_images(root))


@pytest.mark.parametrize("name", ["absent", "empty", "texts"])
def test_a_folder_without_images_is_refused(root, name):
    (root / "empty").mkdir(parents=True)
    write(root, "texts/a.txt", "texts/.b.jpg")
    with pytest.raises(ValueError, match=f"data must .*{name}"):
        find_images(root / name)


def test_an_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match="split must be 'train' or 'val', got 'test'"):
        find_images(root, "test")


def test_linked_folders_are_followed(root, tmp_path):
    write(tmp_path / "elsewhere", "a.jpg")
    write(root, "b/c.jpg")
    (root / "class").symlink_to(tmp_path / "elsewhere")
    assert names(find_images(root)) == ["b/c.jpg", "class/a.jpg"]


def test_each_folder_is_entered_once(root):
    write(root, "b/c.jpg")
    (root / "b/back").symlink_to(root)  # a cycle
    (root / "z").symlink_to(root / "b")
    (root / "a").symlink_to(root / "b")
    # By which of its names must not hang on the order in which a disk lists them.
    assert [*list_files(root)] == ["a/c.jpg"]


def test_open_says_which_photo_is_gone(root):
    photos = find_images(write(root, "a.jpg", "b.jpg"))
    (root / "b.jpg").unlink()
    with pytest.raises(ValueError, match=r"photo b\.jpg: .*No such file"):
        photos.open(1)


def test_tar_is_read_in_place(tmp_path, cache):
    tar = pack(tmp_path / "a.tar", "b.jpg", "c/a.jpg")
    photos = find_images(tar)
    assert contents(photos) == ["b.jpg", "c/a.jpg"]
    assert names(photos)[0] == "a.tar, bytes 512..517"
    assert tar.read_bytes()[512:517] == b"b.jpg"
    assert [*tmp_path.iterdir()] == [tar]  # nothing is unpacked


def test_tar_of_tars_is_read_in_place(tmp_path, cache):
    inner = [
        (f"n{number}.tar", tar_of(f"n{number}_1.JPEG", f"n{number}_0.JPEG"))
        for number in (2, 1)
    ]
    # A name of 200 letters takes blocks of its own; all places behind it shift.
    long = "long/" + 200 * "x" + ".jpg"
    tar = pack(tmp_path / "imagenet.tar", long, *inner)
    assert contents(find_images(tar)) == [
        long, "n1_0.JPEG", "n1_1.JPEG", "n2_0.JPEG", "n2_1.JPEG"
    ]  # fmt: skip
    assert [*tmp_path.iterdir()] == [tar]
    parts = pack(
        tmp_path / "parts.tar",
        ("train/n1.tar", inner[1][1]),
        ("val/n2.tar", inner[0][1]),
    )
    assert contents(find_images(parts, "val")) == ["n2_0.JPEG", "n2_1.JPEG"]


def test_only_files_of_a_tar_that_hold_something_count(tmp_path):
    tar = pack(tmp_path / "a.tar", ("empty.jpg", ""), "a.jpg")
    with tarfile.open(tar, "a") as more:
        for name, kind in [("dir.jpg", tarfile.DIRTYPE), ("x.jpg", tarfile.LNKTYPE)]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "a.jpg"
            info.size = 9  # some writers give a link the size of its target
            more.addfile(info)
    assert contents(find_images(tar)) == ["a.jpg"]


def test_members_can_be_watched(tmp_path):
    seen = []

    def progress(members):
        for member in members:
            seen.append(member)
            yield member

    find_images(pack(tmp_path / "a.tar", "b.jpg", "a.txt"), progress=progress)
    assert len(seen) == 2
    find_images(compressed(tmp_path / "a.zip", "b.jpg"), progress=progress)
    assert len(seen) == 3


def test_members_are_not_kept(tmp_path):
    def count(members):
        for place, member in enumerate(members):
            if place in (10, 99):
                kept.append(sum(type(o) is tarfile.TarInfo for o in gc.get_objects()))
            yield member

    kept = []
    tar = pack(tmp_path / "a.tar", *(f"{number}.jpg" for number in range(100)))
    assert len(find_images(tar, progress=count)) == 100
    assert kept[1] - kept[0] < 10


# Headers and contents take a block of 512 bytes each here.
@pytest.mark.parametrize("keep", [0, 100, 512, 700, 1024, 1100, 2048])
def test_truncated_tars_are_refused_without_unpacking(tmp_path, cache, keep):
    tar = pack(tmp_path / "a.tar", "a.jpg", "b.jpg")
    tar.write_bytes(tar.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"must be a whole .*a\.tar"):
        find_images(tar)
    assert keep < 512 or not cache.exists()


def test_damaged_headers_are_refused(tmp_path):
    tar = pack(tmp_path / "a.tar", "a.jpg", "b.jpg")
    damaged = bytearray(tar.read_bytes())
    damaged[1024 + 10] ^= 255  # in the second header
    tar.write_bytes(damaged)
    with pytest.raises(ValueError, match="data must be a whole archive"):
        find_images(tar)


def test_damaged_inner_tars_are_refused(tmp_path):
    for inner in (tar_of("a.jpg")[:700], b"no tar" * 200):
        tar = pack(tmp_path / "a.tar", ("n1.tar", inner), "b.jpg")
        with pytest.raises(ValueError, match="data must be a whole archive"):
            find_images(tar)


@pytest.mark.parametrize("name", ["a.tgz", "a.zip"])
def test_compressed_archives_are_unpacked_once(tmp_path, cache, name):
    archive = compressed(tmp_path / name, "b.jpg", "a.jpg")
    photos = find_images(archive)
    assert contents(photos) == ["a.jpg", "b.jpg"]
    (folder,) = cache.iterdir()
    (folder / "b.jpg").write_text("mine")
    assert contents(find_images(archive)) == ["a.jpg", "mine"]
    # Another archive of that name is another data set.
    os.utime(compressed(archive, "c.jpg"), (0, 0))
    assert contents(find_images(archive)) == ["c.jpg"]
    assert len([*cache.iterdir()]) == 2


@pytest.mark.parametrize("name", ["a.tgz", "a.zip"])
def test_hostile_archives_are_refused(tmp_path, cache, name):
    archive = compressed(tmp_path / name, "a.jpg", "../escaped.jpg")
    with pytest.raises(ValueError, match="archive must stay in its folder"):
        find_images(archive)
    assert [*cache.iterdir()] == []
    assert not [*tmp_path.rglob("escaped*")]


def test_what_is_no_archive_is_refused(root):
    write(root, "photo.jpg")
    with pytest.raises(ValueError, match="archive must be a whole .tgz, .tar or .zip"):
        find_images(root / "photo.jpg")


@pytest.fixture
def shards(tmp_path, save_photos):
    """Three shards, of two photos each but the last."""
    save_photos(tmp_path / "photos", 5)
    write_shards(find_images(tmp_path / "photos"), tmp_path / "shards", per_shard=2)
    return tmp_path / "shards"


def bytes_of(photos):
    return {photos.open(number).read() for number in range(len(photos))}


def test_index_is_found(tmp_path, shards):
    expected = {path.read_bytes() for path in (tmp_path / "photos").iterdir()}
    for data in (shards, shards / INDEX, str(shards)):
        photos = find_images(data)
        assert bytes_of(photos) == expected
        assert names(photos)[4].startswith("shard-000002.tar, bytes 512..")
    assert len(find_images(shards, "val")) == 5  # it is not divided


def test_index_of_a_split_is_found(tmp_path, shards):
    shards.rename(tmp_path / "val")
    (tmp_path / "both").mkdir()
    (tmp_path / "val").rename(tmp_path / "both/val")
    assert len(find_images(tmp_path / "both", "val")) == 5
    with pytest.raises(ValueError, match="none of split 'train'"):
        find_images(tmp_path / "both", "train")


def test_missing_shards_are_refused(shards):
    (shards / "shard-000001.tar").unlink()
    with pytest.raises(
        ValueError, match=r"shard-000001\.tar must have \d+ .* it has 0"
    ):
        find_images(shards)


def test_shards_cut_short_are_refused(shards):
    path = shards / "shard-000002.tar"
    end = find_images(shards).place[-1, 1:].sum()
    path.write_bytes(path.read_bytes()[:end])
    assert len(find_images(shards)) == 5  # only the tar's padding is gone
    path.write_bytes(path.read_bytes()[: end - 1])
    with pytest.raises(ValueError, match=rf"shard-000002.tar must have {end} bytes"):
        find_images(shards)


SHARD = {"file": "a.tar", "sha256": "0", "photos": [[512, 5]]}


@pytest.mark.parametrize(
    "index",
    [
        "no JSON",
        "",
        "[]",
        "{}",
        {"shards": 3},
        {"shards": [3]},
        {"shards": [{"file": "a.tar"}]},
        {"shards": [SHARD | {"file": 3}]},
        {"shards": [SHARD | {"photos": [3]}]},
        {"shards": [SHARD | {"photos": [[3]]}]},
        {"shards": [SHARD | {"photos": [[1, 2, 3, 4, 5]]}]},  # fills two rows of three
        {"shards": [SHARD | {"photos": [["a", "b"]]}]},
        {"shards": [SHARD | {"photos": [[-1, 5]]}]},
        {"shards": [SHARD | {"photos": [[512, -5]]}]},
        {"shards": [SHARD | {"photos": [[512, 0]]}]},  # 0 would mean the whole tar
        {"shards": [SHARD | {"photos": [[10**30, 5]]}]},
    ],
)
def test_garbage_in_place_of_an_index_is_refused(root, index):
    write(root, "a.jpg", INDEX)
    pack(root / "a.tar", "b.jpg")
    (root / INDEX).write_text(index if isinstance(index, str) else json.dumps(index))
    with pytest.raises(ValueError, match=r"data must be a whole index .*index\.json: "):
        find_images(root)


def test_empty_index_is_refused(root):
    write(root, INDEX)
    (root / INDEX).write_text('{"shards": []}')
    with pytest.raises(ValueError, match="data must hold images"):
        find_images(root)


@pytest.mark.parametrize("name", ["../a.tar", "/{}/a.tar", "b/../../a.tar", "..", ""])
def test_index_cannot_leave_its_folder(root, tmp_path, name):
    pack(tmp_path / "a.tar", "secret.jpg")
    write(root, INDEX)
    shard = SHARD | {"file": name.format(tmp_path)}
    (root / INDEX).write_text(json.dumps({"shards": [shard]}))
    with pytest.raises(ValueError, match="must have 517 bytes or more, it has 0"):
        find_images(root)
    if name.endswith("a.tar"):
        pack(root / "a.tar", "inside.jpg")
        assert names(find_images(root)) == ["a.tar, bytes 512..517"]
        assert contents(find_images(root)) == ["insid"]


@pytest.fixture
def served(tmp_path):
    """The test's folder over HTTP: its address, and the paths asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    serve = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_shards_are_downloaded_when_needed_and_once(served, shards, cache):
    address, asked = served
    photos = find_images(f"{address}/shards/{INDEX}")
    assert asked == [f"/shards/{INDEX}"]
    assert len(photos) == 5
    photos.open(0).close()
    assert asked[1:] == ["/shards/shard-000000.tar"]
    assert bytes_of(photos) == bytes_of(find_images(shards))
    assert bytes_of(find_images(f"{address}/shards/{INDEX}")) == bytes_of(photos)
    tars = [path for path in asked if path.endswith(".tar")]
    assert sorted(tars) == [f"/shards/shard-{n:06d}.tar" for n in range(3)]
    assert len([*(cache / "shards").iterdir()]) == 3


def test_another_file_than_the_index_names_is_refused(served, shards, cache):
    photos = find_images(f"{served[0]}/shards/{INDEX}")
    with open(shards / "shard-000000.tar", "ab") as tar:
        tar.write(b"x")
    with pytest.raises(ValueError, match=r"url must give .*shard-000000\.tar.*hash"):
        photos.open(0)
    (shards / "shard-000002.tar").unlink()
    with pytest.raises(ValueError, match=r"url must give .*shard-000002\.tar.*404"):
        photos.open(4)
    assert [*(cache / "shards").iterdir()] == []


def test_addresses_that_give_no_index_are_refused(served, shards):
    for name in ("absent.json", "photos/photo_0.png"):
        with pytest.raises(ValueError, match=f"data must be a whole index .*{name}"):
            find_images(f"{served[0]}/{name}")
    with pytest.raises(ValueError, match="data must be a whole index of shards"):
        find_images("http://127.0.0.1:1/index.json")  # nobody listens


def test_an_index_that_breaks_off_is_refused(served, shards, monkeypatch):
    monkeypatch.setattr(  # as if the file were longer than what comes
        http.server.SimpleHTTPRequestHandler,
        "send_header",
        lambda self, key, value: http.server.BaseHTTPRequestHandler.send_header(
            self, key, "9999" if key == "Content-Length" else value
        ),
    )
    with pytest.raises(ValueError, match="whole index of shards; .*IncompleteRead"):
        find_images(f"{served[0]}/shards/{INDEX}")


@pytest.mark.parametrize("form", [as_folder, as_tar])
def test_fingerprint_is_of_the_photos_alone(root, form):
    def fingerprint(*files):
        shutil.rmtree(root, ignore_errors=True)
        return find_images(form(root, files)).fingerprint()

    first = fingerprint("a.jpg", "b.jpg")
    assert fingerprint("b.jpg", "a.jpg") == first or form is as_tar  # places
    assert fingerprint("a.jpg", "b.jpg") == first
    assert fingerprint("a.jpg", "b.jpg", "c.txt") == first
    assert fingerprint("a.jpg", "b.jpg", "c.jpg") != first
    assert fingerprint("a.jpg") != first
    assert fingerprint("a.jpg", "renamed.jpg") != first
    assert fingerprint("a.jp", "b.jpg") != first


def test_fingerprint_stays_when_all_is_moved(root, tmp_path):
    before = find_images(write(root, "a.jpg", "c/b.jpg")).fingerprint()
    (tmp_path / "deep").mkdir()
    root.rename(tmp_path / "deep/other")
    assert find_images(tmp_path / "deep/other").fingerprint() == before


def test_a_photo_costs_no_object(root, monkeypatch):
    number = 200_000
    listed = [f"train/n{n % 1000:08d}/n{n % 1000:08d}_{n}.JPEG" for n in range(number)]
    monkeypatch.setattr(sources, "list_files", lambda _: listed)
    root.mkdir()
    photos = find_images(root)
    assert len(photos) == number
    assert (photos.files.nbytes + photos.place.nbytes) / number < 100  # bytes a photo
    assert not any(array.dtype.hasobject for array in (photos.files, photos.place))
    # Nor is there one for a loader process: what is sent is arrays, out of band.
    buffers = []
    rest = pickle.dumps(photos, protocol=5, buffer_callback=buffers.append)
    assert len(rest) < 1000
    assert len(buffers) == 2
    again = pickle.loads(rest, buffers=buffers)
    assert again.name(number - 1) == photos.name(number - 1) == max(listed)
    assert np.shares_memory(again.place, photos.place)


def test_split_lies_below_several_folders(tmp_path):  # as in Kaggle's ImageNet
    deep = tmp_path / "ILSVRC" / "Data" / "CLS-LOC"
    for name in ("train/n1/a.png", "train/n2/b.png", "val/c.png", "test/d.png"):
        (deep / name).parent.mkdir(parents=True, exist_ok=True)
        (deep / name).touch()
    (tmp_path / "ILSVRC" / "ImageSets.txt").touch()
    names = {
        split: [photos.name(n) for n in range(len(photos))]
        for split in ("train", "val")
        for photos in [find_images(tmp_path, split)]
    }
    root = "ILSVRC/Data/CLS-LOC"
    assert names["train"] == [f"{root}/train/n1/a.png", f"{root}/train/n2/b.png"]
    assert names["val"] == [f"{root}/val/c.png"]
