"""Lists of images, and pictures beside their photos."""

import pytest
from PIL import Image

from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import find_images
from colorlab.evaluate.measure import evaluate_images
from colorlab.evaluate.selection import (
    central_pair,
    find_all,
    find_listed,
    match_pictures,
)


def save(folder, *names, size=(16, 16), color=(200, 30, 30)):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, color).save(folder / name)
    return folder


def names(images):
    return [images.name(n) for n in range(len(images))]


@pytest.fixture(name="divided")
def fixture_divided(tmp_path):
    return save(
        tmp_path / "data",
        "train/a/1.png",
        "train/b/2.png",
        "val/a/1.png",
        "val/b/3.png",
    )


def write_list(tmp_path, *lines):
    (tmp_path / "list.txt").write_text("\n".join([*lines, ""]))
    return tmp_path / "list.txt"


def test_all_images_are_of_any_split(divided):
    save(divided, "test/a/4.png")  # which is of neither, as there is a val
    assert names(find_all(divided)) == [
        *("test/a/4.png", "train/a/1.png", "train/b/2.png"),
        *("val/a/1.png", "val/b/3.png"),
    ]


def test_all_images_of_undivided_data_come_once(tmp_path):
    folder = save(tmp_path / "flat", "1.png", "2.png")
    assert names(find_all(folder)) == ["1.png", "2.png"]


def test_a_list_takes_its_images_wherever_the_data_begins(divided, tmp_path):
    listing = write_list(tmp_path, "val/b/3.png", "", "train/a/1.png")
    for root in (divided, divided.parent):
        images = find_listed(root, listing)
        found = [name.removeprefix("data/") for name in names(images)]
        assert found == ["train/a/1.png", "val/b/3.png"]
        assert all(images.open(n).read() for n in range(2))
        assert "2 images of" in images.describe()
        assert "list.txt" in images.describe()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["a/1.png"], "a/1.png fits two"),
        (["val/b/9.png", "val/b/3.png"], "1 of its 2 are not there, as val/b/9.png"),
        ([], "names none"),
    ],
)
def test_a_list_that_does_not_fit_is_told(divided, tmp_path, lines, told):
    with pytest.raises(ValueError, match=told):
        find_listed(divided, write_list(tmp_path, *lines))


def test_a_list_that_is_not_there_is_told(divided, tmp_path):
    with pytest.raises(ValueError, match=r"list must be a text file; .*none\.txt"):
        find_listed(divided, tmp_path / "none.txt")


@pytest.mark.parametrize("flat", [False, True])
def test_pictures_are_found_by_path_or_by_name(divided, tmp_path, flat):
    made = ("3.jpg", "x.jpg") if flat else ("val/b/3.jpg", "val/b/x.jpg")
    pictures = find_all(save(tmp_path / "made", *made))
    images, found, missing, extra = match_pictures(
        find_images(divided, "val"), pictures
    )
    assert names(images) == ["val/b/3.png"]
    assert names(found) == [made[0]]
    assert missing == ["val/a/1.png"]
    assert extra == [made[1]]


def test_pictures_of_other_photos_are_told(divided, tmp_path):
    pictures = find_all(save(tmp_path / "made", "x.png"))
    with pytest.raises(ValueError, match=r"x\.png is of none, val/a/1\.png has none"):
        match_pictures(find_images(divided, "val"), pictures)


def test_two_pictures_of_one_name_are_told(divided, tmp_path):
    pictures = find_all(save(tmp_path / "made", "val/a/1.png", "val/a/1.jpg"))
    with pytest.raises(
        ValueError, match="pictures must have different names; 2 have 1"
    ):
        match_pictures(find_images(divided, "val"), pictures)


def test_pictures_may_be_of_another_scale_but_not_of_another_shape(tmp_path):
    photos = save(tmp_path / "photos", "a.png", "b.png", size=(60, 40))
    made = save(tmp_path / "made", "a.png", size=(30, 20))
    save(made, "b.png", size=(40, 40))
    matched = match_pictures(find_all(photos), find_all(made))
    skipped = {}
    photos, pictures = matched[:2]
    [pairs] = image_batches(photos, 16, 4, skipped, iter, central_pair, pictures)
    assert pairs.shape == (1, 2, 3, 16, 16)
    assert skipped == {"b.png": "its picture has 40 x 40 pixels, the photo 60 x 40"}


def test_damaged_pictures_are_told(tmp_path):
    photos = save(tmp_path / "photos", "a.png")
    made = save(tmp_path / "made", "a.png")
    (made / "a.png").write_text("no image")
    matched = match_pictures(find_all(photos), find_all(made))
    with pytest.raises(ValueError, match="one that can be read, of 1: .*a whole image"):
        evaluate_images(matched[1], matched[0], size=16)
