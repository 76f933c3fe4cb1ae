"""colorlab/probe/table.py and `colorlab probe`: from classes to a table."""

import json

import pytest
import torch
from cli_fixtures import (  # noqa: F401 (fixtures are used by name)
    fixture_network,
    run,
)
from PIL import Image

from colorlab import ColorNet
from colorlab.datasets import find_images
from colorlab.probe import class_names, class_splits, probe_network


@pytest.fixture
def two_classes(tmp_path):
    """Dark and bright pictures, a folder each, with a split."""
    for split, count in (("train", 12), ("val", 4)):
        for name, gray in (("dark", 40), ("bright", 200)):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for n in range(count):
                color = (gray + n, gray, gray)
                Image.new("RGB", (40, 40), color).save(folder / f"{n}.png")
    return tmp_path / "data"


def test_classes_are_folders(two_classes, tmp_path):
    names = class_names(find_images(two_classes, "val"))
    assert sorted(set(names)) == ["bright", "dark"]
    inner = tmp_path / "tiny" / "val"
    for name in ("a", "b"):
        (inner / name / "images").mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(inner / name / "images" / "0.png")
    images = find_images(tmp_path / "tiny", "val")
    assert class_names(images) == ["a", "b"]


def test_one_folder_has_no_classes(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    images = find_images(tmp_path, "val", hold_out=False)
    with pytest.raises(ValueError, match="folder of classes"):
        class_names(images)


@pytest.fixture
def undivided(tmp_path):
    """A folder of two classes of 15 and 10 pictures, without a split."""
    for name, gray, count in (("dark", 40, 15), ("bright", 200, 10)):
        folder = tmp_path / "set" / name
        folder.mkdir(parents=True)
        for n in range(count):
            color = (gray + n, gray, gray)
            Image.new("RGB", (40, 40), color).save(folder / f"{n}.png")
    return tmp_path / "set"


def names_of(images):
    return {images.name(n) for n in range(len(images))}


def test_a_fifth_of_each_class_is_asked_about(undivided):
    known, asked = class_splits(undivided)
    assert sorted(class_names(asked)) == ["bright"] * 2 + ["dark"] * 3
    assert len(known) == 20
    assert not names_of(known) & names_of(asked)
    assert names_of(class_splits(undivided)[1]) == names_of(asked)
    assert len(class_splits(undivided, share=0.01)[1]) == 2  # one of each at least


def test_data_that_is_divided_keeps_its_split(two_classes):
    known, asked = class_splits(two_classes)
    assert (len(known), len(asked)) == (24, 8)
    assert all(name.startswith("val/") for name in names_of(asked))
    with pytest.raises(ValueError, match="share must be between 0 and 1, got 1"):
        class_splits(two_classes, share=1)


def test_the_command_takes_any_folder_of_classes(
    undivided, network, monkeypatch, capsys
):
    words = ("probe", network, undivided, "--per-class", 8, "--size", 32)
    assert run(monkeypatch, *words, "--no-random") == 0
    told = capsys.readouterr().out
    assert "set: 2 classes, 8 labels of each" in told
    assert "5 images asked" in told


def test_dark_and_bright_are_told_apart(two_classes):
    splits = [find_images(two_classes, split) for split in ("train", "val")]
    torch.manual_seed(0)
    model = ColorNet(width=2)
    scores = probe_network(model, *splits, per_class=10, size=32)
    assert scores["conv1"].accuracy[0] == 1


def test_a_photo_that_cannot_be_read_is_left_out(two_classes):
    (two_classes / "val" / "dark" / "0.png").write_bytes(b"no picture")
    splits, skipped = [find_images(two_classes, s) for s in ("train", "val")], {}
    probe_network(ColorNet(width=2), *splits, 10, [0], 32, skipped)
    assert [*skipped] == ["val/dark/0.png"]


def test_other_classes_in_the_other_split(two_classes):
    (two_classes / "val" / "dark").rename(two_classes / "val" / "gray")
    splits = [find_images(two_classes, split) for split in ("train", "val")]
    with pytest.raises(ValueError, match="no class that known lacks, got gray"):
        probe_network(ColorNet(width=2), *splits, 10)


def test_the_command_counts_the_images_asked(two_classes, network, monkeypatch, capsys):
    (two_classes / "train" / "dark" / "0.png").write_bytes(b"no picture")
    words = ("probe", network, two_classes, "--per-class", 20, "--size", 32)
    assert run(monkeypatch, *words, "--no-random") == 0
    told = capsys.readouterr()
    assert "8 images asked" in told.out
    assert "train/dark/0.png" in told.out + told.err


def test_the_command_prints_and_writes_a_table(
    two_classes, network, tmp_path, monkeypatch, capsys
):
    words = ("probe", network, two_classes, "--per-class", 10, "--size", 32)
    words += ("-o", tmp_path / "table.json")
    assert run(monkeypatch, *words) == 0
    told = capsys.readouterr().out
    assert "2 classes, 10 labels of each" in told
    assert "chance is 50.0 %" in told
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["images"] == 8
    assert [*table["scores"]] == ["network", "random weights"]
    assert table["scores"]["network"]["conv1"]["accuracy"][0] == 1
    assert run(monkeypatch, *words) == 2
    assert "exists" in capsys.readouterr().err
