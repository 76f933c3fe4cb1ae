"""Distributions from like places; labels chosen together by graph cut."""

import itertools

import numpy as np
import pytest
import torch

from colorlab import bin_centers, mode
from colorlab.classics.multimodal import (
    FLOOR,
    coherent,
    describe,
    energy,
    label_changes,
    predict,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def noise_logits(Q=4, height=3, width=3, seed=0):
    return rng(seed).normal(size=(Q, height, width)), 30 * rng(seed + 1).random((Q, 2))


def test_what_is_seen_is_lightness_deviation_and_edges():
    gray = rng().random((12, 14))
    seen = describe(gray)
    assert seen.shape == (34, 12, 14)
    assert np.array_equal(seen[0], gray)
    assert np.allclose(seen[2:].sum(axis=0), 1)


@pytest.mark.parametrize("k", [1, 5, 30])
def test_prediction_is_a_parzen_window_over_the_nearest(k):
    known, looks = rng(1).normal(size=(30, 3)) * [1, 5, 0.1], rng(2).normal(size=(6, 3))
    bins = rng(3).integers(0, 8, 30)
    p = predict(looks, known, bins, Q=8, k=k)
    assert p.shape == (6, 8)
    assert (p >= FLOOR / 8).all()
    assert np.allclose(p.sum(axis=1), 1)
    scale = known.std(axis=0)  # axes at right angles leave distances as they are
    far = np.linalg.norm((looks[:, None] - known) / scale, axis=-1)
    for row, distances in zip(p, far, strict=True):
        near = distances.argsort()[:k]
        weight = np.exp(-(distances[near] ** 2) / 2 / distances[near].mean() ** 2)
        wanted = np.bincount(bins[near], weight, 8) / weight.sum()
        assert np.allclose(row, (1 - FLOOR) * wanted + FLOOR / 8)


def by_hand(labels, logits, centers, smoothness):
    p = np.exp(logits) / np.exp(logits).sum(axis=0)
    cost = 0.0
    for y, x in np.ndindex(labels.shape):
        cost -= np.log(p[labels[y, x], y, x])
        for v, u in ((y + 1, x), (y, x + 1)):
            if v < labels.shape[0] and u < labels.shape[1]:
                step = np.hypot(*(centers[labels[y, x]] - centers[labels[v, u]]))
                cost += smoothness * min(step, 40)
    return cost


@pytest.mark.parametrize("seed", range(4))
def test_energy_is_likelihood_and_steps(seed):
    logits, centers = noise_logits(seed=seed)
    centers[0] += 100  # farther than 40: the cost of a step ends
    labels = rng(seed).integers(0, 4, (3, 3))
    found = energy(labels, logits, centers, 0.2)
    assert found == pytest.approx(by_hand(labels, logits, centers, 0.2))
    moved = energy(labels, logits + rng().normal(size=(1, 3, 3)), centers, 0.2)
    assert found == pytest.approx(moved)  # a constant added to all logits of a cell


@pytest.mark.parametrize("seed", range(6))
def test_no_expansion_lowers_the_energy(seed):
    """Of all 512 sets of cells that could change to a bin, none is better."""
    logits, centers = noise_logits(seed=seed)
    smoothness = 0.05
    labels = coherent(logits, centers, smoothness)
    reached = energy(labels, logits, centers, smoothness)
    for bin in range(4):
        for change in itertools.product([False, True], repeat=9):
            other = np.where(np.reshape(change, (3, 3)), bin, labels)
            # Flows are rounded to thousandths: nine cells and twelve pairs.
            assert energy(other, logits, centers, smoothness) > reached - 0.021


@pytest.mark.parametrize("seed", range(6))
def test_the_energy_is_near_the_least_of_all(seed):
    logits, centers = noise_logits(Q=3, seed=seed)
    labels = coherent(logits, centers, 0.05)
    every = itertools.product(range(3), repeat=9)
    least = min(
        energy(np.reshape(choice, (3, 3)), logits, centers, 0.05) for choice in every
    )
    reached = energy(labels, logits, centers, 0.05)
    assert least - 1e-9 <= reached <= 1.05 * least  # at most twice, in theory
    assert reached <= energy(logits.argmax(axis=0), logits, centers, 0.05)


def test_smoothness_leads_from_the_mode_to_one_color():
    centers = bin_centers()
    logits = 2 * torch.randn(1, 313, 8, 9, generator=torch.Generator().manual_seed(0))
    numbers = logits[0].numpy()
    bins = coherent(numbers, centers.numpy(), 0)
    assert torch.equal(centers[bins].permute(2, 0, 1)[None], mode(logits, centers))
    changes = [
        label_changes(coherent(numbers, centers.numpy(), smoothness))
        for smoothness in (0, 0.02, 0.05, 10)
    ]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 100
    assert changes[-1] == 0


def test_labels_are_likely_somewhere():
    logits, centers = noise_logits(Q=30, height=5, width=5)
    likely = np.argsort(-logits, axis=0)[:3]
    assert set(coherent(logits, centers, 0.1).ravel()) <= set(likely.ravel())


def test_changes_are_counted_over_pairs():
    assert label_changes(np.zeros((4, 5), int)) == 0
    assert label_changes(np.indices((4, 5)).sum(axis=0) % 2) == 4 * 4 + 3 * 5


@pytest.mark.parametrize("low", [-np.inf, -1e7])
def test_an_impossible_bin_is_not_chosen(low):
    logits = np.array([[[0.0, low, 0.0]], [[low, 0.0, low]]])
    centers = np.array([[0.0, 0.0], [90.0, 0.0]])
    assert coherent(logits, centers, 10).tolist() == [[0, 1, 0]]


LOGITS, CENTERS = noise_logits()
TWO = np.array([[0.0], [1.0]]), np.array([0, 1])


def predict_bins(bins):
    return predict(np.ones((1, 1)), TWO[0], np.array(bins), 3, k=2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: coherent(LOGITS, CENTERS[:2], 1), r"logits must have shape \(2, h, w"),
        (lambda: coherent(LOGITS[0], CENTERS, 1), r"got \(3, 3\)"),
        (lambda: coherent(LOGITS, CENTERS, -1), "smoothness must be .* got -1"),
        (lambda: coherent(LOGITS, CENTERS, np.nan), "smoothness must be .* got nan"),
        (
            lambda: predict(np.ones((2, 3)), np.ones((4, 2)), np.ones(4, int), 9),
            r"features, got \(2, 3\), \(4, 2\)",
        ),
        (
            lambda: predict(np.ones((2, 2)), np.ones((4, 2)), np.ones(4, int), 9, k=5),
            r"bins must be 4, with k .*, k 5",
        ),
        (
            lambda: predict(np.ones((2, 2)), np.ones((4, 2)), np.ones(3, int), 9, k=1),
            r"bins must be 4, .*got \(3,\)",
        ),
        (lambda: predict_bins([0, 9]), r"bins must be whole numbers in 0\.\.2, got 0"),
        (lambda: predict_bins([0, -1]), r"bins must be whole .* got -1\.\.0"),
        (lambda: predict_bins([0.0, 1.0]), "bins must be whole .* float64"),
        (lambda: predict(np.full((1, 1), np.nan), *TWO, 3, k=2), "looks must be fin"),
        (
            lambda: predict(np.ones((1, 1)), TWO[0] * np.nan, TWO[1], 3, k=2),
            "known must be finite",
        ),
        (lambda: coherent(LOGITS * np.nan, CENTERS, 1), "logits must not hold NaN"),
        (lambda: coherent(LOGITS * np.inf, CENTERS, 1), "logits must not hold NaN"),
        (
            lambda: coherent(np.full((4, 2, 2), -np.inf), CENTERS, 1),
            "logits must .* a possible bin in each cell",
        ),
        (
            lambda: energy(np.zeros((1, 1), int), LOGITS, CENTERS, 1),
            r"labels must have shape \(3, 3\), got \(1, 1\)",
        ),
        (
            lambda: energy(np.full((3, 3), 4), LOGITS, CENTERS, 1),
            r"labels must be whole numbers in 0\.\.3, got 4\.\.4",
        ),
        (
            lambda: energy(np.zeros((3, 3)), LOGITS, CENTERS, 1),
            "labels must be whole numbers .* float64",
        ),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
