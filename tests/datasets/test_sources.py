"""Photos in folders, archives and shards; what is refused; what a photo costs."""

import contextlib
import errno
import gc
import io
import os
import pickle
import shutil
import tarfile
import zipfile

import numpy as np
import pytest

from colorlab.datasets import sources
from colorlab.datasets.download import PAUSES
from colorlab.datasets.shards import write_shards
from colorlab.datasets.sources import (
    INDEX,
    data_and_size,
    find_images,
    find_splits,
    list_files,
)

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def write(root, *names):
    """Make files that hold their own names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def every(data):
    """All images of data that is not divided."""
    return find_images(data, hold_out=False)


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
    "others": (["Training/a.jpg", "Val/b.jpg"], ["Training/a.jpg"], ["Val/b.jpg"]),
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
            photos = find_images(data, split, hold_out=False)
            assert contents(photos) == [top + name for name in wanted]
            assert len(photos) == len(wanted)
        else:
            with pytest.raises(
                ValueError, match=r"data must hold .* 0 images of .*root"
            ):
                find_images(str(data), split, hold_out=False)


@pytest.mark.parametrize("form", [as_folder, as_tar, as_dotted_tar, as_tgz, as_zip])
def test_the_same_are_held_out_of_every_form(root, form):
    files = [f"{n // 20}/{n}.jpg" for n in range(100)]
    splits = find_splits(form(root, [f"top/{name}" for name in files]))
    held = [name.removeprefix("top/") for name in contents(splits["val"])]
    expected = contents(find_images(as_folder(root.with_name("plain"), files), "val"))
    assert held == expected
    assert len(held) == 16
    assert not set(contents(splits["train"])) & set(contents(splits["val"]))
    assert len(splits["train"]) == 84


def test_photos_of_a_folder_are_named_by_their_files(root):
    write(root, "b/c.jpg", "a.jpg")
    photos = every(root)
    assert names(photos) == ["a.jpg", "b/c.jpg"]
    assert photos.path(1) == root / "b/c.jpg"


def test_names_of_any_script(root):
    write(root, "été/猫.jpg", "a b.jpg")
    assert names(every(root)) == contents(every(root))


@pytest.mark.parametrize("form", [as_folder, as_tar, as_tgz])
def test_names_that_are_no_text(root, form):  # as old archives have them, in Latin-1
    files = [f"caf\udce9/{n}.jpg" for n in range(3)]
    if form is as_folder:
        (root / "caf\udce9").mkdir(parents=True)
        for name in files:
            (root / name).write_text("x")
        data = root
    else:
        data = form(root, [])
        with tarfile.open(data, "w" if form is as_tar else "w:gz") as tar:
            for name in files:
                member = tarfile.TarInfo(name)
                member.size = 1
                tar.addfile(member, io.BytesIO(b"x"))
    photos = every(data)
    assert contents(photos) == ["x"] * 3
    shown = photos.name(1) + photos.describe()
    assert shown.encode("utf-8")
    if form is not as_tar:
        assert photos.name(1) == r"caf\xe9/1.jpg"
    photos.fingerprint()


def test_data_whose_own_name_is_no_text(tmp_path):
    write(tmp_path / "caf\udce9", "a.jpg")
    photos = every(tmp_path / "caf\udce9")
    assert photos.describe().endswith(r"caf\xe9")
    assert contents(photos) == ["a.jpg"]
    with pytest.raises(ValueError, match=r"caf\\xe9"):
        find_images(tmp_path / "caf\udce9", "val")


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
    assert names(every(root)) == ["b/c.jpg", "class/a.jpg"]


def test_each_folder_is_entered_once(root):
    write(root, "b/c.jpg")
    (root / "b/back").symlink_to(root)  # a cycle
    (root / "z").symlink_to(root / "b")
    (root / "a").symlink_to(root / "b")
    # By which of its names must not hang on the order in which a disk lists them.
    assert [*list_files(root)] == ["a/c.jpg"]


def test_what_is_left_out_is_told(root):
    write(root, "a.jpg", "b.jpg", "c.RAF", "d.raf", "e.txt", ".hidden", "f/g.jpg")
    (root / "empty.jpg").touch()
    (root / "broken.jpg").symlink_to(root / "nothing")
    (root / "again").symlink_to(root / "f")
    os.mkfifo(root / "pipe.jpg")  # reading it would wait for ever
    splits = find_splits(root)
    assert splits["train"].left_out == {
        "empty or unreadable": 3, ".raf": 2, "hidden": 1, "folders met again": 1,
        ".txt": 1, "of split 'val'": 1,
    }  # fmt: skip
    told = splits["val"].describe()
    assert told.startswith(f"1 images of {root}; left out: 3 empty or unreadable, 2 ")
    assert "2 of split 'train'" in told


@pytest.mark.parametrize("form", [as_folder, as_tar])
def test_a_folder_of_raw_files_says_so(root, form):
    data = form(root, ["a.RAF", "b.raf", "c.mov"])
    with pytest.raises(ValueError, match="0 images of .*; left out: 2 .raf, 1 .mov"):
        find_images(data)


def test_a_run_in_the_data_is_no_data(root):
    write(root, "a.jpg", "run/config.json", "run/samples/step-1.png", "config.json")
    (root / "run/checkpoints").mkdir()
    assert names(every(root)) == ["a.jpg"]
    assert every(root).left_out == {"folders of runs": 1, ".json": 1}
    # But who asks for a run's pictures gets them.
    assert names(every(root / "run")) == ["samples/step-1.png"]


def test_open_says_which_photo_is_gone(root, pauses):
    photos = every(write(root, "a.jpg", "b.jpg"))
    (root / "b.jpg").unlink()
    with pytest.raises(ValueError, match=r"image b\.jpg: No such file"):
        photos.open(1)
    assert pauses == []


def test_open_knows_its_name(root):
    with every(write(root, "a.jpg")).open(0) as file:
        assert file.name == "a.jpg"


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.EIO, errno.ENOMEM, errno.ESTALE]
)
def test_what_may_pass_is_tried_again(root, monkeypatch, pauses, number):
    def fail_twice(*args):
        if len(pauses) < 2:
            raise OSError(number, os.strerror(number))
        return open(*args)

    photos = every(write(root, "a.jpg"))
    monkeypatch.setattr(sources, "open", fail_twice, raising=False)
    assert contents(photos) == ["a.jpg"]
    assert pauses == [*PAUSES[:2]]


def test_what_does_not_pass_is_no_fault_of_the_photo(root, monkeypatch, pauses):
    photos = every(write(root, "a.jpg"))

    def fail(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(sources, "open", fail, raising=False)
    with pytest.raises(OSError, match="Too many open files"):
        photos.open(0)
    assert len(pauses) == len(PAUSES)


@pytest.mark.parametrize("form", [as_folder, as_tar])
def test_a_disk_that_is_away_is_no_fault_of_the_photo(root, form, pauses):
    photos = every(form(root, ["a.jpg"]))
    shutil.rmtree(root) if form is as_folder else root.with_suffix(".tar").unlink()
    with pytest.raises(FileNotFoundError):
        photos.open(0)
    assert len(pauses) == len(PAUSES)


@pytest.mark.parametrize("name", ["photos@2024", "a@b@64"])
def test_what_exists_is_not_taken_apart(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert data_and_size(name) == (name, None)
    assert data_and_size(f"{name}@32") == (name, 32)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("absent@64", ("absent", 64)),
        ("absent@", ("absent@", None)),
        ("absent@x", ("absent@x", None)),
        ("absent@-8", ("absent@-8", None)),
        ("absent@²", ("absent@²", None)),
        ("https://a.b/index.json@64", ("https://a.b/index.json", 64)),
        ("https://me@a.b/index.json", ("https://me@a.b/index.json", None)),
    ],
)
def test_data_and_size(text, expected):
    assert data_and_size(text) == expected


def test_tar_is_read_in_place(tmp_path, cache):
    tar = pack(tmp_path / "a.tar", "b.jpg", "c/a.jpg")
    photos = every(tar)
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
    assert contents(every(tar)) == [
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
    photos = every(tar)
    assert contents(photos) == ["a.jpg"]
    assert photos.left_out == {"empty or unreadable": 1, "links or devices": 1}


def test_negative_sizes_in_a_tar_are_refused(tmp_path):
    tar = pack(tmp_path / "a.tar", "a.jpg", "b.jpg")
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as more:
        info = tarfile.TarInfo("c.jpg")
        info.pax_headers = {"size": "-512"}
        more.addfile(info)
    with pytest.raises(ValueError, match="data must be a"):
        find_images(tar)


def test_tars_that_nest_without_end_are_refused(tmp_path):
    content = tar_of("a.jpg")
    for _ in range(3):
        content = tar_of(("n.tar", content))
    (tmp_path / "a.tar").write_bytes(content)
    assert contents(every(tmp_path / "a.tar")) == ["a.jpg"]
    for _ in range(1500):
        content = tar_of(("n.tar", content))
        if len(content) > 10**6:
            break
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(
        ValueError, match="whole .tar.*a.tar: n.tar has .* bytes, 5 tars deep"
    ):
        find_images(tmp_path / "a.tar")


def test_headers_that_nest_without_end_are_refused(tmp_path):
    link = tarfile.TarInfo("././@LongLink")
    link.type, link.size = tarfile.GNUTYPE_LONGNAME, 4
    block = link.tobuf(tarfile.GNU_FORMAT) + b"a.jp".ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(block * 3000 + tar_of("a.jpg"))
    with contextlib.suppress(ValueError):  # Python may have mended it
        assert len(every(tmp_path / "a.tar")) == 1


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
    assert len(find_images(tar, progress=count, hold_out=False)) == 100
    assert kept[1] - kept[0] < 10


# Headers and contents take a block of 512 bytes each here.
@pytest.mark.parametrize("keep", [0, 100, 512, 700, 1024, 1100, 2048])
def test_truncated_tars_are_refused_without_unpacking(tmp_path, cache, keep):
    tar = pack(tmp_path / "a.tar", "a.jpg", "b.jpg")
    tar.write_bytes(tar.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"must be a .*whole .*a\.tar"):
        find_images(tar)
    assert keep < 512 or not cache.exists()


def test_damaged_headers_are_refused(tmp_path):
    tar = pack(tmp_path / "a.tar", "a.jpg", "b.jpg")
    damaged = bytearray(tar.read_bytes())
    damaged[1024 + 10] ^= 255  # in the second header
    tar.write_bytes(damaged)
    with pytest.raises(ValueError, match="data must be a .*whole .tar"):
        find_images(tar)


def test_damaged_inner_tars_are_refused(tmp_path):
    for inner in (tar_of("a.jpg")[:700], b"no tar" * 200):
        tar = pack(tmp_path / "a.tar", ("n1.tar", inner), "b.jpg")
        with pytest.raises(ValueError, match="data must be a .*whole .tar"):
            find_images(tar)


@pytest.mark.parametrize("name", ["a.tgz", "a.zip"])
def test_compressed_archives_are_unpacked_once(tmp_path, cache, name):
    archive = compressed(tmp_path / name, "b.jpg", "a.jpg")
    assert contents(every(archive)) == ["a.jpg", "b.jpg"]
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    (folder / "b.jpg").write_text("mine")
    assert contents(every(archive)) == ["a.jpg", "mine"]
    # Another archive of that name is another data set.
    os.utime(compressed(archive, "c.jpg"), (0, 0))
    assert contents(every(archive)) == ["c.jpg"]
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize("name", ["a.tgz", "a.zip"])
def test_hostile_archives_are_refused(tmp_path, cache, name):
    archive = compressed(tmp_path / name, "a.jpg", "../escaped.jpg")
    with pytest.raises(ValueError, match="escaped.jpg' of 14 bytes has no place in it"):
        find_images(archive)
    assert not [path for path in cache.iterdir() if path.is_dir()]
    assert not [*tmp_path.rglob("escaped*")]


@pytest.mark.parametrize("suffix", [".7z", ".rar", ".parquet", ".npy", ".txt", ".json"])
def test_what_is_no_archive_is_refused_in_one_line(root, suffix):
    write(root, f"data{suffix}", "photo.jpg")
    with pytest.raises(
        ValueError, match=rf"archive must be a whole .*{suffix}: it is none of these$"
    ):
        find_images(root / f"data{suffix}")
    with pytest.raises(ValueError, match="photo.jpg is an image: give its folder$"):
        find_images(root / "photo.jpg")


@pytest.fixture
def shards(tmp_path, save_photos):
    """Shards of two photos each: of 20 photos, 10 are held out."""
    save_photos(tmp_path / "photos", 20)
    write_shards(find_splits(tmp_path / "photos"), tmp_path / "shards", per_shard=2)
    return tmp_path / "shards"


def bytes_of(photos):
    return {photos.open(number).read() for number in range(len(photos))}


def test_shards_are_found_and_keep_their_splits(tmp_path, shards):
    for split, images in find_splits(tmp_path / "photos").items():
        for data in (shards, shards / INDEX, str(shards)):
            photos = find_images(data, split)
            assert len(photos) == 10
            assert bytes_of(photos) == bytes_of(images)
            assert photos.left_out == {
                f"of split '{'val' if split == 'train' else 'train'}'": 10
            }
    assert names(find_images(shards))[4].startswith("shard-000002.tar, bytes 512..")


def test_shards_of_old_hold_some_out(tmp_path, shards):
    index = shards / INDEX  # of a version that knew no splits
    index.write_text(index.read_text().replace(', "split": "train"', ""))
    index.write_text(index.read_text().replace(', "split": "val"', ""))
    splits = find_splits(shards)
    assert [len(splits[split]) for split in ("train", "val")] == [10, 10]
    assert not bytes_of(splits["train"]) & bytes_of(splits["val"])
    assert len(every(shards)) == 20


def test_shards_are_downloaded_once(server, shards, cache):
    address = f"{server.address}/shards/{INDEX}"
    here, photos = find_images(shards), find_images(address)
    assert bytes_of(photos) == bytes_of(here)
    assert photos.fingerprint() == here.fingerprint()
    assert bytes_of(find_images(address, "val")) == bytes_of(find_images(shards, "val"))
    tars = [path for path in server.asked if path.endswith(".tar")]
    assert sorted(tars) == [f"/shards/shard-{n:06d}.tar" for n in range(10)]
    assert photos.describe().startswith(f"10 images of {address};")


@pytest.mark.parametrize("form", [as_folder, as_tar])
def test_fingerprint_is_of_the_photos_alone(root, form):
    def fingerprint(*files):
        shutil.rmtree(root, ignore_errors=True)
        return every(form(root, files)).fingerprint()

    first = fingerprint("a.jpg", "b.jpg")
    assert fingerprint("b.jpg", "a.jpg") == first or form is as_tar  # places
    assert fingerprint("a.jpg", "b.jpg") == first
    assert fingerprint("a.jpg", "b.jpg", "c.txt") == first
    assert fingerprint("a.jpg", "b.jpg", "c.jpg") != first
    assert fingerprint("a.jpg") != first
    assert fingerprint("a.jpg", "renamed.jpg") != first
    assert fingerprint("a.jp", "b.jpg") != first


def test_other_images_of_the_same_names_have_another_fingerprint(root):
    before = every(write(root, "a.jpg", "b.jpg")).fingerprint()
    (root / "b.jpg").write_text("another")
    assert every(root).fingerprint() != before


def test_fingerprint_stays_when_all_is_moved(root, tmp_path):
    before = every(write(root, "a.jpg", "c/b.jpg")).fingerprint()
    (tmp_path / "deep").mkdir()
    root.rename(tmp_path / "deep/other")
    assert every(tmp_path / "deep/other").fingerprint() == before


def test_a_photo_costs_no_object(root, monkeypatch):
    number = 200_000
    listed = [f"train/n{n % 1000:08d}/n{n % 1000:08d}_{n}.JPEG" for n in range(number)]
    monkeypatch.setattr(sources, "list_files", lambda *_: listed)
    monkeypatch.setattr(sources, "plain_size", lambda _: 9)
    root.mkdir()
    photos = every(root)
    assert len(photos) == number
    arrays = (photos.files.letters, photos.files.ends, photos.place)
    assert sum(array.nbytes for array in arrays) / number < 70  # bytes a photo
    assert not any(array.dtype.hasobject for array in arrays)
    # Nor is there one for a loader process: what is sent is arrays, out of band.
    buffers = []
    rest = pickle.dumps(photos, protocol=5, buffer_callback=buffers.append)
    assert len(rest) < 1000
    assert len(buffers) == 3
    again = pickle.loads(rest, buffers=buffers)
    assert again.name(number - 1) == photos.name(number - 1) == max(listed)
    assert np.shares_memory(again.place, photos.place)


def test_split_lies_below_several_folders(tmp_path):  # as in Kaggle's ImageNet
    deep = tmp_path / "ILSVRC" / "Data" / "CLS-LOC"
    for name in ("train/n1/a.png", "train/n2/b.png", "val/c.png", "test/d.png"):
        (deep / name).parent.mkdir(parents=True, exist_ok=True)
        (deep / name).write_text("x")
    (tmp_path / "ILSVRC" / "ImageSets.txt").touch()
    names = {
        split: [photos.name(n) for n in range(len(photos))]
        for split in ("train", "val")
        for photos in [find_images(tmp_path, split)]
    }
    root = "ILSVRC/Data/CLS-LOC"
    assert names["train"] == [f"{root}/train/n1/a.png", f"{root}/train/n2/b.png"]
    assert names["val"] == [f"{root}/val/c.png"]
