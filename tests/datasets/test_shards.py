"""Packing photos into tars: what went in comes out, in an order of chance."""

import io
import json
import shutil
import tarfile
from pathlib import PurePosixPath

import numpy as np
import pytest
from PIL import Image

from colorlab.datasets.images import open_rgb
from colorlab.datasets.shards import write_shards
from colorlab.datasets.sources import INDEX, find_images, find_splits

TURNED, ORIENTATION = 6, 0x0112  # EXIF: to be turned 90 degrees clockwise


def every(data):
    """All images of data that is not divided, or of its train split."""
    return find_images(data, hold_out=False)


@pytest.fixture
def photos(save_photos, tmp_path):
    """Seven small PNG files."""
    save_photos(tmp_path / "photos", 7)
    return every(tmp_path / "photos")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def contents(photos):
    """The bytes of all photos, in order."""
    shown = []
    for number in range(len(photos)):
        with photos.open(number) as file:
            shown.append(file.read())
    return shown


def test_what_goes_in_comes_out(photos, out):
    assert write_shards({"train": photos}, out, per_shard=3) == {}
    packed = contents(every(out))
    assert packed != contents(photos)
    assert sorted(packed) == sorted(contents(photos))


@pytest.mark.parametrize(("per_shard", "counts"), [(3, [3, 3, 1]), (7, [7]), (9, [7])])
def test_each_shard_holds_per_shard_photos(photos, out, per_shard, counts):
    write_shards({"train": photos}, out, per_shard)
    shards = json.loads((out / INDEX).read_text())["shards"]
    assert [len(shard["photos"]) for shard in shards] == counts
    expected = [shard["file"] for shard in shards] + [INDEX]
    assert sorted(path.name for path in out.iterdir()) == sorted(expected)


def test_order_is_a_function_of_the_seed(photos, tmp_path):
    files = {}
    for name, seed in [("first", 1), ("again", 1), ("other", 2)]:
        write_shards({"train": photos}, tmp_path / name, 3, seed=seed)
        files[name] = [p.read_bytes() for p in sorted((tmp_path / name).iterdir())]
    assert files["first"] == files["again"]  # tars and index, byte by byte
    orders = [contents(every(tmp_path / name)) for name in ("first", "other")]
    assert orders[0] != orders[1]


def test_tarfile_and_webdataset_can_read_them(photos, out):
    write_shards({"train": photos}, out, per_shard=4)
    members = []
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                members.append((member.name, tar.extractfile(member).read()))
    names, files = zip(*members, strict=True)
    assert list(files) == contents(every(out))
    # webdataset: what is before the first dot of a name tells samples apart.
    keys, suffixes = zip(*(name.split(".") for name in names), strict=True)
    assert list(keys) == sorted(set(keys))
    assert set(suffixes) == {"png"}
    # And a shard alone is a tar as any other.
    assert contents(every(out / "shard-000000.tar")) == list(files[:4])


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("JPEG", ".jpg"), ("MPO", ".jpg"), ("TIFF", ".tiff"), ("WEBP", ".webp")],
)
def test_suffix_is_that_of_the_content(tmp_path, out, kind, suffix):
    (tmp_path / "in").mkdir()
    pictures = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    # MPO is what some cameras write: a JPEG with a second picture behind.
    second = {"save_all": True, "append_images": pictures[1:]} if kind == "MPO" else {}
    pictures[0].save(tmp_path / "in/photo.png", kind, **second)
    write_shards({"train": every(tmp_path / "in")}, out)
    with tarfile.open(out / "shard-000000.tar") as tar:
        assert [PurePosixPath(name).suffix for name in tar.getnames()] == [suffix]


def test_only_larger_photos_are_made_smaller(tmp_path, out):
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for width, height in [(40, 30), (20, 90), (60, 21), (100, 50), (99, 33)]:
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"in/{width}.png")
    photos = every(tmp_path / "in")
    write_shards({"train": photos}, out, shorter=21)
    packed = contents(every(out))
    assert len(set(packed) & set(contents(photos))) == 2  # byte by byte
    sizes = [open_rgb(io.BytesIO(content)).size for content in packed]
    assert sorted(sizes) == [(20, 90), (28, 21), (42, 21), (60, 21), (63, 21)]


def test_a_smaller_photo_is_the_same_picture_and_upright(tmp_path, out):
    (tmp_path / "in").mkdir()
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack([np.broadcast_to(ramp, (48, 64))] * 3, axis=-1)
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    Image.fromarray(pixels).save(tmp_path / "in/photo.png", exif=exif)
    write_shards({"train": every(tmp_path / "in")}, out, shorter=24)
    packed = np.array(open_rgb(every(out).open(0))).astype(int)
    assert packed.shape == (32, 24, 3)
    expected = pixels[0].reshape(32, 2, 3).mean(axis=1)[:, None]  # grows downward
    assert abs(packed - expected).max() <= 4  # JPEG at quality 95, and rounding


def test_unreadable_photos_are_left_out_and_told(photos, out, tmp_path):
    whole = contents(photos)
    (tmp_path / "photos/photo_2.png").write_text("no image")
    (tmp_path / "photos/photo_4.png").unlink()
    (tmp_path / "photos/photo_5.png").write_bytes(whole[5][:-30])
    skipped = write_shards({"train": photos}, out, per_shard=2)
    assert sorted(skipped) == ["photo_2.png", "photo_4.png", "photo_5.png"]
    assert "no format that is known" in skipped["photo_2.png"]
    assert "No such file" in skipped["photo_4.png"]
    packed = every(out)
    assert sorted(contents(packed)) == sorted(whole[n] for n in (0, 1, 3, 6))
    assert packed.place[:, 0].tolist() == [0, 0, 1, 1]  # none is half empty


def test_no_readable_photo_is_refused(tmp_path, out):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jpg").write_text("no image")
    with pytest.raises(ValueError, match="splits must hold an image .* read, of 1"):
        write_shards({"train": every(tmp_path / "in")}, out)
    assert [*tmp_path.iterdir()] == [tmp_path / "in"]


def test_a_run_that_is_stopped_leaves_nothing(photos, out, tmp_path):
    def stop_at_5(numbers):
        for place, number in enumerate(numbers):
            if place == 5:
                raise KeyboardInterrupt
            yield number

    with pytest.raises(KeyboardInterrupt):
        write_shards({"train": photos}, out, per_shard=1, progress=stop_at_5)
    assert [*tmp_path.iterdir()] == [tmp_path / "photos"]


def test_what_a_killed_run_left_is_removed(photos, out, tmp_path):
    (tmp_path / ".unpack-out").mkdir()
    (tmp_path / ".unpack-out/shard-000009.tar").touch()
    write_shards({"train": photos}, out)
    assert sorted(tmp_path.iterdir()) == [out, tmp_path / "photos"]
    assert not (out / "shard-000009.tar").exists()


def test_a_passing_error_stops_it(photos, out, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(type(photos), "open", fail)
    with pytest.raises(OSError, match="Too many"):
        write_shards({"train": photos}, out)
    assert not out.exists()


@pytest.mark.parametrize("name", ["index.json", "mine.txt", ".hidden"])
def test_nothing_is_written_over(photos, out, name):
    out.mkdir()
    (out / name).write_text("mine")
    with pytest.raises(ValueError, match="out must be a new folder"):
        write_shards({"train": photos}, out)
    assert [path.read_text() for path in out.iterdir()] == ["mine"]
    (out / name).unlink()
    write_shards({"train": photos}, out)  # an empty folder is nobody's
    assert len(every(out)) == 7


def test_a_file_is_not_written_over(photos, out):
    out.write_text("mine")
    with pytest.raises(ValueError, match="out must be a new folder"):
        write_shards({"train": photos}, out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize("inside", ["", "new", "deep/er"])
def test_the_data_is_not_written_into(photos, tmp_path, inside):
    with pytest.raises(ValueError, match="new folder outside of the data"):
        write_shards({"train": photos}, tmp_path / "photos" / inside)
    assert len([*(tmp_path / "photos").iterdir()]) == 7


def test_shards_beside_an_archive(photos, tmp_path):
    shutil.make_archive(tmp_path / "all", "tar", tmp_path / "photos")
    write_shards({"train": every(tmp_path / "all.tar")}, tmp_path / "shards")
    assert sorted(contents(every(tmp_path / "shards"))) == sorted(contents(photos))


def test_both_splits_are_packed_and_stay_apart(save_photos, tmp_path, out):
    save_photos(tmp_path / "many", 40)
    splits = find_splits(tmp_path / "many")
    assert write_shards(splits, out, per_shard=7) == {}
    packed = find_splits(out)
    for split, number in [("train", 24), ("val", 16)]:
        assert len(packed[split]) == number
        assert sorted(contents(packed[split])) == sorted(contents(splits[split]))
    shards = json.loads((out / INDEX).read_text())["shards"]
    assert [shard["split"] for shard in shards] == ["train"] * 4 + ["val"] * 3


@pytest.mark.parametrize(("per_shard", "shorter"), [(0, 0), (-1, 0), (1, -1)])
def test_numbers_out_of_range_are_refused(photos, out, per_shard, shorter):
    with pytest.raises(ValueError, match=f"got {per_shard} and {shorter}"):
        write_shards({"train": photos}, out, per_shard, shorter)
    assert not out.exists()
