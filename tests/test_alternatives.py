"""Alternatives: likely, far apart, and the same again with the same seed."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab import bin_centers, draw, nearest_bin
from colorlab.alternatives import (
    CANDIDATES,
    T_SAMPLES,
    alternatives,
    contact_sheet,
    farthest_first,
    mean_distance,
)

TWO = torch.tensor([[60.0, 40.0], [0.0, -50.0]])


def ask(logits, centers, count, seed=0):
    answer = torch.zeros(1, 2, *logits.shape[2:])
    rng = torch.Generator().manual_seed(seed)
    return alternatives(logits, centers, answer, count, rng)


def objects(size=12):
    """Left and right half, each of one of two colors, red left the likelier."""
    logits = torch.zeros(1, 2, size, size)
    logits[:, 0, :, : size // 2] = 0.3
    return logits


def test_two_alternatives_of_two_colors_are_both():
    found = ask(objects(), TWO, 2)
    hues = nearest_bin(found.ab, TWO).flatten(1).float().mean(dim=1)
    assert (hues[0] - hues[1]).abs() == 1  # one all red, one all blue
    assert found.apart > 100  # of 108


def test_each_is_a_whole_draw():
    """What is chosen on a thinned grid is drawn again on the whole one."""
    logits = torch.randn(1, 313, 60, 40, generator=torch.Generator().manual_seed(1))
    centers = bin_centers()
    found = ask(logits, centers, 3)
    rng = torch.Generator().manual_seed(0)
    draws = [draw(logits, centers, rng, T=T_SAMPLES) for _ in range(CANDIDATES)]
    for one in found.ab:
        assert any(torch.equal(one, whole[0]) for whole in draws)


def test_chosen_are_likelier_and_farther_apart_than_draws():
    rng = torch.Generator().manual_seed(2)
    objects = 3 * torch.randn(1, 313, 1, 2, generator=rng)  # two, each of one color
    logits = objects.repeat_interleave(8, dim=3).expand(1, 313, 16, 16)
    found = ask(logits, bin_centers(), 4)
    assert found.apart > 1.15 * found.all_apart
    assert found.nats.max() < found.all_nats


def test_nats_are_those_of_the_nearest_bins():
    logits, centers = objects(), TWO
    found = ask(logits, centers, 2)
    log_p = logits.log_softmax(dim=1)[0]
    for ab, nats in zip(found.ab, found.nats, strict=True):
        bins = nearest_bin(ab[None], centers)
        by_hand = -log_p.gather(0, bins).mean()
        assert nats.item() == pytest.approx(by_hand.item(), abs=1e-5)


def test_a_seed_repeats_and_another_differs():
    rng = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 313, 8, 8, generator=rng)
    one, again, other = (ask(logits, bin_centers(), 3, seed) for seed in (0, 0, 1))
    assert torch.equal(one.ab, again.ab)
    assert not torch.equal(one.ab, other.ab)


def test_farthest_first_equals_brute_force():
    rng = torch.Generator().manual_seed(4)
    images = torch.randn(9, 2, 3, 3, generator=rng)
    start = torch.zeros(1, 2, 3, 3)
    taken, left = [start[0]], list(range(9))
    expected = []
    for _ in range(4):
        far = {
            n: min((images[n] - t).norm(dim=0).mean().item() for t in taken)
            for n in left
        }
        best = max(far, key=far.get)
        expected.append(best)
        left.remove(best)
        taken.append(images[best])
    assert farthest_first(images, start, 4).tolist() == expected


def test_equal_images_are_chosen_once_each():
    places = farthest_first(torch.zeros(3, 2, 1, 1), torch.zeros(1, 2, 1, 1), 3)
    assert sorted(places.tolist()) == [0, 1, 2]


def test_mean_distance_of_one_is_none():
    assert math.isnan(mean_distance(torch.zeros(1, 2, 1, 1)))


@pytest.mark.parametrize("count", [0, 25])
def test_impossible_count(count):
    with pytest.raises(ValueError, match=f"count must be in 1..24, got {count}"):
        ask(objects(), TWO, count)


def test_a_sheet_shows_every_panel_and_its_caption():
    colors = {"a": (200, 0, 0), "b": (0, 200, 0), "c": (0, 0, 200)}
    sheet = contact_sheet({n: Image.new("RGB", (60, 60), c) for n, c in colors.items()})
    found = {pixel for _, pixel in sheet.getcolors(10_000)}
    assert set(colors.values()) <= found
    assert (0, 0, 0) in found  # letters


def test_captions_of_narrow_images_do_not_overlap():
    captions = ["the answer", "1: 2.50 nats a cell", "2: 2.61 nats a cell"]
    sheet = contact_sheet({text: Image.new("RGB", (1, 1)) for text in captions})
    alone = contact_sheet({captions[1]: Image.new("RGB", (1, 1))})
    assert sheet.width > 2 * (alone.width - 8)
    letters = (np.asarray(sheet.convert("L")) < 128).any(axis=0)
    gap = np.flatnonzero(letters)
    assert np.diff(gap).max() >= 8  # a column is free between two captions


def test_the_next_call_draws_others():
    rng, gray = torch.Generator().manual_seed(0), torch.zeros(1, 2, 4, 4)
    logits = torch.randn(1, 20, 4, 4, generator=rng)
    centers = 50 * torch.randn(20, 2, generator=rng)
    found = [alternatives(logits, centers, gray, 3, rng).ab for _ in range(6)]
    assert len(torch.cat(found).flatten(1).unique(dim=0)) == 18
