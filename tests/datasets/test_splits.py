"""Which images are learned from and which are kept for measuring."""

import pytest

from colorlab.datasets.splits import (
    HELD_OUT,
    LEAST_HELD_OUT,
    split_of_each,
)


def many(number, folder=""):
    return [f"{folder}{n}.jpg" for n in range(number)]


def held_out(names):
    labels = split_of_each(names)
    assert set(labels) <= {"train", "val"}
    return {name for name, label in zip(names, labels, strict=True) if label == "val"}


@pytest.mark.parametrize("val", ["val", "valid", "validation", "test", "Val", "VALID"])
@pytest.mark.parametrize("train", ["train", "training", "Train"])
@pytest.mark.parametrize("top", ["", "a/b/"])
def test_folders_are_splits(train, val, top):
    names = [f"{top}{train}/cat/1.jpg", f"{top}{val}/2.png", f"{top}list.csv"]
    assert split_of_each(names) == ["train", "val", ".csv"]
    assert split_of_each(names, hold_out=False) == ["train", "val", ".csv"]


def test_of_several_folders_to_measure_on_the_first_counts():
    names = ["test/a.jpg", "train/b.jpg", "valid/c.jpg"]
    assert split_of_each(names) == ["in test", "train", "val"]


def test_a_third_folder_is_left_out_where_there_are_two_splits():
    names = ["unlabeled/a.jpg", "train/b.jpg", "val/c.jpg", "cover.jpg"]
    assert split_of_each(names) == ["in unlabeled", "train", "val", "in no folder"]


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_a_class_called_train_is_no_split(name):
    folders = ["bus", "car", name, "truck"]
    names = [image for folder in folders for image in many(40, f"{folder}/")]
    assert len(held_out(names)) == LEAST_HELD_OUT
    loose = [*many(100), *many(40, f"{name}/")]  # a folder beside loose images
    assert len(held_out(loose)) == LEAST_HELD_OUT


def test_train_alone_holds_some_out():
    names = many(100, "train/")
    assert len(held_out(names)) == LEAST_HELD_OUT
    assert set(split_of_each(names, hold_out=False)) == {"train"}


def test_val_alone_is_for_measuring():
    assert split_of_each(many(3, "val/")) == ["val"] * 3


def test_without_a_split_all_are_both_if_none_is_to_be_held_out():
    names = [*many(3), "a.txt"]
    assert split_of_each(names, hold_out=False) == ["both", "both", "both", ".txt"]


@pytest.mark.parametrize(
    ("number", "held"), [(0, 0), (1, 0), (2, 1), (3, 1), (31, 15), (32, 16), (999, 16)]
)
def test_how_many_are_held_out(number, held):
    assert len(held_out(many(number))) == held


def test_one_percent_of_many():
    # Binomial: 200 of 20,000, with a standard deviation of 14; five of these.
    assert abs(len(held_out(many(20_000))) - 20_000 * HELD_OUT) < 70


def test_which_is_a_function_of_the_name():
    names = many(5000, "c/")
    first = held_out([*names, "d/x.jpg"])
    assert held_out([*reversed(names), "d/x.jpg"]) == first  # not of the order
    more = held_out([*names, *many(2000, "d/")])  # nor of the others
    assert {name for name in more if name[0] == "c"} == first
    deeper = held_out([f"top/{name}" for name in [*names, "d/x.jpg"]])  # nor of the top
    assert deeper == {f"top/{name}" for name in first}


def test_which_images_does_not_change_with_the_version():
    # A run of today must not measure on what another day's run was trained on.
    assert sorted(held_out(many(6))) == ["0.jpg", "1.jpg", "5.jpg"]


def test_names_of_any_bytes():
    names = [f"caf\udce9/{n}.jpg" for n in range(40)]
    assert len(held_out(names)) == LEAST_HELD_OUT


def test_tiny_imagenet():
    names = ["wnids.txt", "val/images/val_9.JPEG", "train/n/images/n_19.JPEG"]
    names += ["train/n/images/n_91.JPEG", "test/images/test_9.JPEG"]
    expected = [".txt", "in val", "val", "train", "in test"]
    assert split_of_each(names) == expected
    assert split_of_each([f"tiny/{name}" for name in names]) == expected


def test_files_without_a_suffix_are_counted_together():
    assert split_of_each(["README", "a.RAF"]) == ["no suffix", ".raf"]
