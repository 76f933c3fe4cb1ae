"""Patches and DAISY against plain and outside answers; the perceptron learns."""

import numpy as np
import pytest
import torch
from skimage.feature import daisy as reference_daisy

from colorlab.classics.descriptors import (
    color_pixels,
    daisy,
    fit_perceptron,
    patches,
    principal_axes,
)


def noise(height=21, width=26, seed=0):
    return np.random.default_rng(seed).random((height, width))


def test_a_patch_is_what_lies_around_the_pixel():
    gray = noise()
    found = patches(gray)
    assert found.shape == (49, 21, 26)
    assert np.array_equal(found[:, 8, 11].reshape(7, 7), gray[5:12, 8:15])
    mirrored = gray[[3, 2, 1, 0, 1, 2, 3]][:, [3, 2, 1, 0, 1, 2, 3]]
    assert np.array_equal(found[:, 0, 0].reshape(7, 7), mirrored)


@pytest.mark.parametrize("gray", [noise(), np.full((12, 9), 0.5), noise(40, 10)])
def test_daisy_is_scikit_images(gray):
    padded = np.pad(gray, 8, mode="reflect")
    wanted = reference_daisy(
        padded, step=1, radius=8, rings=1, histograms=3, orientations=8
    )
    found = daisy(gray)
    assert found.shape == (32, *gray.shape)
    assert np.allclose(found, wanted.transpose(2, 0, 1), atol=1e-12)
    assert np.allclose(found.sum(axis=0), 1)


def test_daisy_tells_directions_not_contrast():
    gray = noise()
    assert np.allclose(daisy(0.5 * gray + 0.2), daisy(gray), atol=1e-6)
    turned = daisy(1 - gray)[:8]  # each gradient points the other way
    assert np.allclose(turned, np.roll(daisy(gray)[:8], 4, axis=0), atol=1e-6)
    assert not np.allclose(turned, daisy(gray)[:8], atol=1e-3)


def test_axes_are_those_of_largest_variance():
    vectors = np.random.default_rng(1).normal(size=(200, 5)) * [9, 1, 5, 0.1, 2] + 3
    mean, axes = principal_axes(vectors, count=3)
    values, columns = np.linalg.eigh(np.cov(vectors.T))
    assert np.allclose(mean, vectors.mean(axis=0))
    assert np.allclose(axes @ axes.T, np.eye(3))
    assert np.allclose(np.abs(axes), np.abs(columns.T[::-1][:3]))
    assert values.argmax() == 4  # eigh goes up: the oracle was turned rightly


def test_the_perceptron_learns_what_can_be_learned():
    features = np.random.default_rng(2).normal(3, 2, size=(5000, 24))
    colors = np.stack([10 * np.abs(features[:, 0] - 3), 5 * features[:, 1]], axis=1)
    network = fit_perceptron(features, colors, steps=2000)
    with torch.inference_mode():
        found = network(torch.from_numpy(features).float()).numpy()
    left = ((found - colors) ** 2).sum() / ((colors - colors.mean(axis=0)) ** 2).sum()
    assert left < 0.1  # the best linear answer leaves 0.60
    widths = [layer.out_features for layer in network if hasattr(layer, "out_features")]
    assert widths == [12, 12, 12, 2]


def test_with_nothing_to_go_by_it_says_the_mean():
    colors = np.random.default_rng(3).normal([20, -10], 15, size=(4000, 2))
    network = fit_perceptron(np.zeros((4000, 24)), colors)
    said = network(torch.zeros(1, 24))[0].detach().numpy()
    assert np.abs(said - colors.mean(axis=0)).max() < 2


def test_the_same_seed_gives_the_same_network():
    features, colors = noise(300, 4), noise(300, 2, seed=1)
    one, again, other = (
        fit_perceptron(features, colors, steps=20, seed=s)[0].weight for s in (5, 5, 6)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_each_pixel_is_asked_by_its_own_features():
    network = fit_perceptron(noise(300, 4), 30 * noise(300, 2, seed=1), steps=20)
    features = np.random.default_rng(4).random((4, 5, 6))
    colors = color_pixels(network, features)
    assert colors.shape == (2, 5, 6)
    alone = network(torch.from_numpy(features[:, 3, 2][None]).float())[0]
    assert np.allclose(colors[:, 3, 2], alone.detach().numpy(), atol=1e-4)


@pytest.mark.parametrize("describe", [patches, daisy])
def test_a_picture_of_two_levels_may_be_of_bytes(describe):
    """Differences of bytes must not wrap around."""
    stamp = noise() > 0.5
    wanted = describe(stamp.astype(float))
    for kind in (np.uint8, bool):
        assert np.array_equal(describe(stamp.astype(kind)), wanted)
    assert np.array_equal(describe(stamp.tolist()), wanted)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: patches(noise(3, 9)), r"gray must .* above 3, got \(3, 9\)"),
        (lambda: patches(noise() + 1), r"gray must lie in 0\.\.1, got 1"),
        (lambda: daisy(noise(8, 9)), r"gray must .* above 8, got \(8, 9\)"),
        (lambda: daisy(np.full((20, 20), np.nan)), "gray must lie in"),
        (lambda: principal_axes(noise(9, 60)), r"vectors must be 47 .* \(9, 60\)"),
        (lambda: fit_perceptron(noise(9, 4), noise(9, 3)), r"\(9, 4\) and \(9, 3\)"),
        (lambda: fit_perceptron(noise(9, 4) / 0, noise(9, 2)), "must be finite"),
        (lambda: fit_perceptron(noise(1, 4), noise(1, 2)), r"n and F 2 or .* \(1, 4"),
        (lambda: fit_perceptron(noise(9, 1), noise(9, 2)), r"n and F 2 or .* \(9, 1"),
        (lambda: fit_perceptron(noise(9, 4), noise(9, 2), 0), "steps must .* got 0"),
        (lambda: principal_axes(noise(9, 6), 0), "count must be 1 or more, got 0"),
        (lambda: principal_axes(noise(9, 6) * np.nan, 2), "vectors must be finite"),
        (
            lambda: color_pixels(torch.nn.Sequential(torch.nn.Linear(3, 2)), noise()),
            r"features must have shape \(3, H, W\), got \(21, 26\)",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
