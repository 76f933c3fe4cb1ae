"""The table of all systems: what each may know, and that the file holds them all."""

import json
import sys

import numpy as np
import pytest
import torch
from book_pages import ROOT

from colorlab.decode import T_PAPER
from colorlab.hints import apply

sys.path.insert(0, str(ROOT / "benchmarks"))
import dots as dotted
import same_photos
import systems

FOLDER = ROOT / "data" / "evaluations"


@pytest.fixture(scope="module")
def photo():
    return same_photos.photos()[4]


def test_all_photos_are_measured_once():
    names = [photo.name for photo in same_photos.photos()]
    files = {path.stem for path in (ROOT / "data/photos").glob("*.jpg")}
    assert sorted(names) == sorted(files)
    assert len(names) == 18


@pytest.mark.parametrize("name", ["multimodal", "descriptors", "flagship"])
def test_who_is_given_nothing_sees_no_true_color(photo, name, monkeypatch):
    """Of this photo: with other colors as its truth, the answer is the same."""
    monkeypatch.setattr(systems, "SMOOTHNESS", 0)  # cuts take long, and see p alone
    (system,) = [each for each in systems.SYSTEMS if each.name == name]
    turned = photo._replace(ab=photo.ab.flip(1))
    found = [system.color(each) for each in (photo, turned)]
    assert found[0].shape == (1, 2, 128, 128)
    assert found[0].std() > 1
    assert torch.equal(*found)


def test_who_remembers_leaves_the_photo_out(photo):
    assert photo.name not in [other.name for other in same_photos.others(photo.name)]
    looks, bins = systems.remembered(photo.name)
    pixels = -(-(128**2) // systems.EVERY)
    assert looks.shape == (17 * pixels, 34)
    assert bins.shape == (17 * pixels,)


def test_dots_are_the_same_for_all(photo):
    """Without overlaps: places and colors of labels and of the list."""
    labels, dots = dotted.place_dots(5, 3), dotted.list_dots(photo, 5, 3)
    ab = dotted.dot_colors(photo.ab[0].double().numpy(), labels)
    assert (labels > 0).sum() == 45
    for n, (y, x, *color) in enumerate(dots, start=1):
        assert labels[int(y), int(x)] == n
        assert np.argwhere(labels == n).mean(axis=0).tolist() == [y, x]
        assert np.allclose(ab[:, int(y), int(x)], color)
    assert np.array_equal(dotted.list_dots(photo, 9, 3)[:5], dots)  # the first stay


def test_hints_are_those_of_the_library(photo):
    dots = dotted.list_dots(photo, 4, 0)
    found = dotted.hinted(photo, same_photos.ask("borrowed", photo), dots)
    with torch.inference_mode():
        wanted = apply(
            same_photos.network("borrowed"), photo.L, torch.from_numpy(dots), T_PAPER
        )
    assert (found - wanted).abs().max() < 1e-2


def test_the_table_holds_all_systems():
    stored = json.loads((FOLDER / "systems.json").read_text())
    assert [*stored["systems"]] == [system.name for system in systems.SYSTEMS]
    for system in systems.SYSTEMS:
        row = stored["systems"][system.name]
        assert (row["gives"], row["seen"]) == (system.gives, system.seen)
        assert row["seconds"] >= 0
        assert {*systems.TABLE} <= {*row}
    about = stored["about"]
    assert (about["photos"], about["size"]) == (18, 128)
    assert about["machine"]["threads"] == 1
    assert about["machine"]["processor"]


def test_the_plot_holds_all_lines():
    stored = json.loads((FOLDER / "dots.json").read_text())
    lines = {"levin", *same_photos.NETWORKS, dotted.HINTS}
    assert len(stored["photos"]) == 18
    for row in stored["photos"].values():
        assert lines <= {*row}
        for name in lines:
            counts = {count: len(draws) for count, draws in row[name].items()}
            wanted = {str(count): dotted.DRAWS for count in dotted.COUNTS}
            assert counts == {"0": 1, **wanted}
        # Without dots, hints leave the network's answer alone.
        assert row[dotted.HINTS]["0"] == row["borrowed"]["0"]
