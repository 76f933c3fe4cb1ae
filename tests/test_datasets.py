"""Finding images, opening every kind, and batches that chance cannot change."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab.datasets import (
    Photos,
    epoch_batches,
    find_images,
    open_rgb,
    square,
    to_rgb,
    training_batches,
)

ORIENTATION = 0x0112  # the EXIF tag
TURNED = 6  # its value for a picture to be turned 90 degrees clockwise


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root, split):
    return [path.relative_to(root).as_posix() for path in find_images(root, split)]


def colored(height=4, width=6, mode="RGB"):
    """A small picture whose pixels all differ."""
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def test_find_images_takes_the_split(tmp_path):
    touch(tmp_path, "train/b.jpg", "train/deep/er/a.PNG", "val/c.jpeg", "other/d.jpg")
    touch(tmp_path, "train/notes.txt", "train/list.csv")
    assert found(tmp_path, "train") == ["train/b.jpg", "train/deep/er/a.PNG"]
    assert found(tmp_path, "val") == ["val/c.jpeg"]


def test_find_images_takes_a_flat_folder_whole(tmp_path):
    touch(tmp_path, "b.png", "a.webp", "cats/c.jpg")
    assert found(tmp_path, "train") == found(tmp_path, "val")
    assert found(tmp_path, "train") == ["a.webp", "b.png", "cats/c.jpg"]


def test_find_images_keeps_every_tenth_of_tiny_imagenet(tmp_path):
    touch(tmp_path, "wnids.txt", "val/images/val_1.JPEG", "val/images/val_9.JPEG")
    touch(tmp_path, *(f"train/n01/images/n01_{n}.JPEG" for n in range(30)))
    train, val = (found(tmp_path, split) for split in ("train", "val"))
    assert val == [f"train/n01/images/n01_{n}.JPEG" for n in (19, 29, 9)]
    assert len(train) == 27
    assert not set(train) & set(val)


@pytest.mark.parametrize("folder", ["absent", "file.jpg", "empty"])
def test_find_images_refuses_what_holds_none(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    touch(tmp_path, "file.jpg")
    with pytest.raises(ValueError, match="root must"):
        find_images(tmp_path / folder)


def test_find_images_refuses_another_split(tmp_path):
    with pytest.raises(ValueError, match="split must be 'train' or 'val'"):
        find_images(tmp_path, "test")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_open_rgb_converts(tmp_path, mode):
    image = colored(mode=mode)
    image.save(tmp_path / "image.png")
    opened = open_rgb(tmp_path / "image.png")
    assert opened.mode == "RGB"
    assert np.array_equal(opened, image.convert("RGB"))


def test_open_rgb_converts_cmyk(tmp_path):
    image = colored(mode="CMYK")
    image.save(tmp_path / "image.tif")
    assert np.array_equal(open_rgb(tmp_path / "image.tif"), image.convert("RGB"))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_open_rgb_scales_16_bit_gray(tmp_path, suffix):
    gray = np.array([[0, 257, 32640, 65535]], dtype=np.uint16)
    Image.fromarray(gray).save(tmp_path / f"image{suffix}")
    pixels = np.array(open_rgb(tmp_path / f"image{suffix}"))
    assert pixels.tolist() == [[[0] * 3, [1] * 3, [127] * 3, [255] * 3]]


def test_to_rgb_rounds_and_clips_floats():
    image = Image.fromarray(np.array([[-5.0, 99.6, 300.0]], dtype=np.float32))
    assert np.array(to_rgb(image))[..., 0].tolist() == [[0, 100, 255]]


def test_open_rgb_turns_as_exif_says(tmp_path):
    image = colored()
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    image.save(tmp_path / "image.png", exif=exif)
    upright = np.rot90(np.array(image), k=-1)
    assert np.array_equal(open_rgb(tmp_path / "image.png"), upright)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif"])
def test_open_rgb_refuses_truncated_files(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    colored(64, 64).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="path must be a whole image file"):
        open_rgb(path)


@pytest.mark.parametrize("name", ["text.jpg", "empty.png", "absent.png", "folder"])
def test_open_rgb_refuses_what_is_no_image(tmp_path, name):
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="path must be a whole image file"):
        open_rgb(tmp_path / name)


def test_square_takes_the_middle():
    image = colored(4, 8)
    assert np.array_equal(square(image, 4), np.array(image)[:, 2:6])


def test_square_averages():
    stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    pixels = np.array(square(Image.fromarray(stripes), 4)).astype(int)
    # A nearest or plain bilinear pixel would be 0, 100 by luck, or 200; the averaging
    # triangle is 16 wide, and cut at the rim.
    assert abs(pixels - 100).max() <= 10


@pytest.fixture
def sources(save_photos, tmp_path):
    """Ten photos to be shown at 16 pixels, and six at 32."""
    return [
        (save_photos(tmp_path / "small", 10), 16),
        (save_photos(tmp_path / "large", 6, size=48), 32),
    ]


def test_photos_without_seed_show_the_middle(sources):
    photos = Photos(sources, seed=None)
    assert len(photos) == 16
    first = torch.from_numpy(np.array(Image.open(sources[0][0][0]))).permute(2, 0, 1)
    assert photos[0].dtype == torch.uint8
    assert torch.equal(photos[0], first)
    assert photos[10].shape == (3, 32, 32)


def test_crops_depend_on_seed_epoch_and_number_alone(sources):
    indices = [(epoch, number) for epoch in (0, 1) for number in (10, 11)]
    crops = [Photos(sources, seed=3)[index] for index in indices]
    again = Photos(sources, seed=3)
    for index, crop in reversed([*zip(indices, crops, strict=True)]):
        assert torch.equal(again[index], crop)
    assert not torch.equal(crops[0], crops[2])  # the same photo in another epoch
    assert not torch.equal(crops[0], Photos(sources, seed=4)[indices[0]])


def test_crops_are_mirrored_half_the_time(save_photos, tmp_path):
    ramp = np.linspace(0, 255, 32, dtype=np.uint8)[None, :, None].repeat(32, 0)
    Image.fromarray(ramp.repeat(3, 2)).save(tmp_path / "ramp.png")
    photos = Photos([([tmp_path / "ramp.png"], 16)], seed=0)
    crops = [photos[epoch, 0].float() for epoch in range(40)]
    mirrored = sum((crop[0, 0, 0] > crop[0, 0, -1]).item() for crop in crops)
    assert 8 <= mirrored <= 32  # 20 expected; this far off once in 10,000 seeds


def test_epoch_shows_every_photo_once():
    batches = epoch_batches([12, 6], [4, 3], seed=0, epoch=5)
    shown = [index for batch in batches for index in batch]
    assert sorted(shown) == [(5, number) for number in range(18)]
    assert sorted(map(len, batches)) == [3, 3, 4, 4, 4]


def test_epoch_leaves_the_remainder_out():
    batches = epoch_batches([11, 5], [4, 3], seed=0, epoch=0)
    shown = Counter(index for batch in batches for index in batch)
    assert set(shown.values()) == {1}
    assert sorted(map(len, batches)) == [3, 4, 4]


def test_each_batch_is_of_one_source():
    for batch in epoch_batches([12, 6], [4, 3], seed=0, epoch=0):
        assert len({number < 12 for _, number in batch}) == 1


def test_epoch_is_a_function_of_seed_and_epoch():
    def plan(seed, epoch):
        batches = epoch_batches([20, 10], [4, 2], seed, epoch)
        return [[number for _, number in batch] for batch in batches]

    torch.manual_seed(0)
    first = plan(1, 2)
    torch.manual_seed(1)
    assert plan(1, 2) == first
    assert plan(1, 3) != first
    assert plan(2, 2) != first
    # Sources alternate by chance, not one after the other.
    assert {tuple(n < 20 for n, *_ in plan(1, e)) for e in range(3)} != {
        (True,) * 5 + (False,) * 5
    }


def test_training_batches_shape(sources):
    batches = training_batches(sources, batch_size=4, seed=0)
    epochs, shapes = zip(
        *((e, tuple(b.shape)) for e, b in islice(batches, 16)), strict=True
    )
    # 10 photos of 16 pixels give 2 batches of 4; a 32-pixel photo costs four times as
    # much, so the other 6 come one by one: 8 batches an epoch.
    assert epochs == (0,) * 8 + (1,) * 8
    expected = Counter({(4, 3, 16, 16): 4, (1, 3, 32, 32): 12})
    assert Counter(shapes) == expected


@pytest.mark.parametrize("first_step", [1, 7, 8, 11])
def test_training_batches_from_any_step(sources, first_step):
    whole = islice(training_batches(sources, 4, seed=0), first_step, first_step + 4)
    late = islice(training_batches(sources, 4, seed=0, first_step=first_step), 4)
    for (epoch, batch), (late_epoch, late_batch) in zip(whole, late, strict=True):
        assert epoch == late_epoch
        assert torch.equal(batch, late_batch)


def test_workers_change_nothing(sources):
    alone = islice(training_batches(sources, 4, seed=0), 3)
    helped = islice(training_batches(sources, 4, seed=0, workers=1), 3)
    for (_, batch), (_, other) in zip(alone, helped, strict=True):
        assert torch.equal(batch, other)


def test_too_few_photos_are_refused(sources):
    with pytest.raises(ValueError, match="batch_size must not exceed the 10 photos"):
        next(training_batches(sources[:1], batch_size=11, seed=0))


def test_a_folder_with_one_split_is_not_read_for_the_other(save_photos, tmp_path):
    save_photos(tmp_path / "train", 2)
    assert len(find_images(tmp_path, "train")) == 2
    with pytest.raises(ValueError, match="'val'"):
        find_images(tmp_path, "val")
