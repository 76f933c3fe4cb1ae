"""Guided filters: against plain loops, outside answers and what must hold."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from colorlab.classics.filters import guided_filter, joint_bilateral


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def plain_joint_bilateral(values, guide, radius, sigma_space, sigma_guide):
    """Pixel by pixel, value by value, by the formula."""
    factor = len(guide) // values.shape[1]
    result = np.zeros((len(values), *guide.shape))
    for y, x in np.ndindex(guide.shape):
        total = 0.0
        for v, u in np.ndindex(values.shape[1:]):
            if max(abs(v - y // factor), abs(u - x // factor)) > radius:
                continue
            corner = guide[v * factor :, u * factor :][:factor, :factor]
            apart = np.hypot(v + 0.5 - (y + 0.5) / factor, u + 0.5 - (x + 0.5) / factor)
            weight = np.exp(-((apart / sigma_space) ** 2) / 2)
            weight *= np.exp(-(((guide[y, x] - corner.mean()) / sigma_guide) ** 2) / 2)
            result[:, y, x] += weight * values[:, v, u]
            total += weight
        result[:, y, x] /= total
    return result


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_joint_bilateral_is_the_formula(factor):
    values, guide = noise(2, 5, 6), noise(5 * factor, 6 * factor, seed=1)
    found = joint_bilateral(values, guide, 2, 1.5, 0.2)
    assert np.allclose(found, plain_joint_bilateral(values, guide, 2, 1.5, 0.2))


@pytest.mark.parametrize("factor", [1, 4])
def test_joint_bilateral_stays_in_the_values_range(factor):
    values, guide = noise(1, 6, 5), noise(6 * factor, 5 * factor, seed=2)
    for sigma_guide in (1e-6, 0.1, 1e6):
        found = joint_bilateral(values, guide, sigma_guide=sigma_guide)
        assert values.min() - 1e-12 <= found.min()
        assert found.max() <= values.max() + 1e-12


def test_joint_bilateral_keeps_what_the_guide_tells_apart():
    guide = np.repeat([[0.2] * 8 + [0.7] * 8], 16, axis=0)
    clean = np.where(guide > 0.5, 30.0, -30.0)[None]
    noisy = clean + np.random.default_rng(3).normal(0, 9, clean.shape)
    kept = joint_bilateral(noisy, guide) - clean
    blurred = joint_bilateral(noisy, guide, sigma_guide=1e6) - clean
    assert np.abs(kept).mean() < 0.3 * np.abs(noisy - clean).mean()
    assert np.abs(blurred[:, :, 7:9]).mean() > 20  # both sides run together


def test_joint_bilateral_enlarges_to_the_guides_edge():
    guide = np.repeat([[0.2] * 6 + [0.8] * 10], 16, axis=0)  # at 6, not a multiple of 4
    cells = np.repeat([[[-40.0, 10, 40, 40]]], 4, axis=1)  # the second one is mixed
    found = joint_bilateral(cells, guide)
    bilinear = interpolate(torch.tensor(cells)[None], (16, 16), mode="bilinear")[0]
    true = np.where(guide < 0.5, -40.0, 40)
    error = np.abs(found - true).mean()
    assert error < 0.7 * np.abs(bilinear.numpy() - true).mean()


def plain_guided_filter(values, guide, radius, eps):
    """By the formula: a line in each window, and each pixel's mean over windows."""
    height, width = guide.shape
    lines = np.zeros((2, len(values), height, width))

    def window(x, y, z):
        rows = slice(max(0, y - radius), y + radius + 1)
        return x[..., rows, max(0, z - radius) : z + radius + 1]

    for y, x in np.ndindex(guide.shape):
        grays = window(guide, y, x)
        for channel, value in enumerate(values):
            inside = window(value, y, x)
            slope = np.mean((grays - grays.mean()) * inside) / (grays.var() + eps)
            lines[:, channel, y, x] = slope, inside.mean() - slope * grays.mean()
    result = np.zeros_like(values)
    for y, x in np.ndindex(guide.shape):
        slope, level = window(lines, y, x).mean(axis=(2, 3))
        result[:, y, x] = slope * guide[y, x] + level
    return result


def test_guided_filter_is_the_formula():
    values, guide = noise(2, 9, 12), noise(9, 12, seed=1)
    found = guided_filter(values, guide, 2, 0.01)
    assert np.allclose(found, plain_guided_filter(values, guide, 2, 0.01))


@pytest.mark.parametrize("factor", [1, 4])
def test_guided_filter_follows_a_guide_that_explains_all(factor):
    rows = np.linspace(0, 1, 12 * factor)
    guide = rows[:, None] * np.linspace(0.2, 1, 16 * factor)
    small = guide.reshape(12, factor, 16, factor).mean(axis=(1, 3))
    found = guided_filter(30 * small[None] - 5, guide, eps=1e-9)
    assert np.allclose(found, 30 * guide - 5, atol=0.01)


def test_a_flat_value_stays():
    flat = np.full((2, 5, 7), 13.0)
    for factor in (1, 3):
        guide = noise(5 * factor, 7 * factor)
        assert np.allclose(joint_bilateral(flat, guide), 13)
        assert np.allclose(guided_filter(flat, guide), 13)


def test_as_opencv_does():
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2, "ximgproc"):
        pytest.skip("opencv without its contributed modules")
    guide, values = noise(30, 40, seed=1), noise(2, 30, 40)
    inner = (slice(None), slice(12, -12), slice(12, -12))  # borders differ
    both = values.transpose(1, 2, 0).astype(np.float32)
    theirs = cv2.ximgproc.guidedFilter(guide.astype(np.float32), both, 4, 1e-3)
    ours = guided_filter(values, guide, 4, 1e-3)
    assert np.allclose(ours[inner], theirs.transpose(2, 0, 1)[inner], atol=1e-4)
    three = np.concatenate([both, both[..., :1]], axis=2)  # it takes 1 or 3 channels
    wide = np.stack([guide] * 3, axis=2).astype(np.float32)
    # It sums the differences over three channels, and its window is round.
    theirs = cv2.ximgproc.jointBilateralFilter(wide, three, 9, 0.3, 1.0)
    ours = joint_bilateral(values, guide, 4, 1.0, 0.1)
    # Outside the circle lie weights below exp(-4 ** 2 / 2).
    close = np.abs(ours[inner] - theirs.transpose(2, 0, 1)[:2][inner])
    assert close.max() < 5e-3


@pytest.mark.parametrize("smooth", [joint_bilateral, guided_filter])
@pytest.mark.parametrize("shape", [(5, 6), (4, 12), (10, 13), (0, 0)])
def test_shapes_that_do_not_fit_are_refused(smooth, shape):
    if shape == (5, 6):
        values, guide = noise(5, 6), noise(5, 6)  # no channels
    else:
        values, guide = noise(2, 5, 6), noise(*shape)
    with pytest.raises(ValueError, match="guide must have shape"):
        smooth(values, guide)


@pytest.mark.parametrize("smooth", [joint_bilateral, guided_filter])
def test_bytes_are_filtered_as_floats_are(smooth):
    values, guide = (255 * noise(2, 5, 6)).astype(np.uint8), noise(5, 6) > 0.5
    wanted = smooth(values.astype(float), guide.astype(float), 1)
    assert np.allclose(smooth(values, guide.astype(np.uint8), 1), wanted)
    assert np.allclose(smooth(values.tolist(), guide.tolist(), 1), wanted)


@pytest.mark.parametrize("smooth", [joint_bilateral, guided_filter])
def test_filters_refuse_what_is_no_number_and_no_window(smooth):
    values, guide = noise(1, 5, 6), noise(5, 6)
    with pytest.raises(ValueError, match="radius must be .* got -1"):
        smooth(values, guide, -1)
    with pytest.raises(ValueError, match="guide must be finite"):
        smooth(values, guide * np.nan)
    with pytest.raises(ValueError, match="values must be finite"):
        smooth(values * np.nan, guide)


def test_numbers_out_of_range_are_refused():
    values, guide = noise(1, 5, 6), noise(5, 6)
    with pytest.raises(ValueError, match="sigmas must be positive, got nan"):
        joint_bilateral(values, guide, 2, np.nan)
    with pytest.raises(ValueError, match="eps must be positive, got nan"):
        guided_filter(values, guide, 2, np.nan)
    with pytest.raises(ValueError, match="sigmas must be positive, got 1 and 0"):
        joint_bilateral(values, guide, 2, 1, 0)
    with pytest.raises(ValueError, match="eps must be positive, got 0"):
        guided_filter(values, guide, 2, 0)
