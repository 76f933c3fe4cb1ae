"""Pure metrics against scikit-image, brute force and numbers known by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorlab.evaluate.metrics import (
    auc,
    ciede2000,
    colorfulness,
    error_histogram,
    mean_chroma,
    psnr,
    rebalancing_weight,
    ssim,
)
from colorlab.prior import load_prior, smooth_prior
from colorlab.quantize import N_BINS


def random_ab(seed, number=3):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(number, 2, 6, 5, generator=rng) * 40


def constant_error(error):
    """Photos whose every pixel is off by `error`."""
    ab = random_ab(0).double()
    off = torch.tensor([0.6, 0.8], dtype=torch.float64)[:, None, None] * error
    return error_histogram(ab + off, ab, torch.ones(3, 6, 5))


def test_error_histogram_shape():
    ab = random_ab(0)
    assert error_histogram(ab, ab, torch.ones(3, 6, 5)).shape == (3, 152)


def test_error_histogram_equals_brute_force():
    ab_hat, ab = random_ab(0), random_ab(1)
    weight = torch.rand(3, 6, 5, generator=torch.Generator().manual_seed(2))
    within = error_histogram(ab_hat, ab, weight).cumsum(dim=1)
    distance = ((ab_hat - ab) ** 2).sum(dim=1).sqrt()
    assert distance.max() > 150  # the last slot is used
    for t in range(151):
        expected = (weight.double() * (distance <= t)).sum(dim=(1, 2))
        assert (within[:, t] - expected).abs().max() < 1e-9  # order of the sum
    assert (within[:, -1] - weight.double().sum(dim=(1, 2))).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("error", "percent"),
    [
        (0, 100),
        (0.5, 100 * 150 / 151),  # within 1, 2, ... 150, but not within 0
        (9.5, 100 * 141 / 151),
        (149.5, 100 * 1 / 151),
        (200, 0),
    ],
)
def test_auc_of_a_constant_error(error, percent):
    assert auc(constant_error(error)).tolist() == pytest.approx([percent] * 3)


def test_auc_pools_summed_photos():
    none, all_beyond = constant_error(0)[:1], constant_error(200)[:2]
    pooled = auc(torch.cat([none, all_beyond]).sum(dim=0))
    assert pooled.item() == pytest.approx(100 / 3)


def test_auc_counts_pixels_by_weight():
    ab = torch.zeros(1, 2, 1, 2)
    ab_hat = torch.tensor([0.0, 200.0]).view(1, 1, 1, 2).expand(1, 2, 1, 2)
    weight = torch.tensor([3.0, 1.0]).view(1, 1, 2)
    assert auc(error_histogram(ab_hat, ab, weight)).item() == pytest.approx(75)


def test_rebalancing_weight_is_one_over_p(centers):
    p = torch.full((N_BINS,), 0.01)
    p[120], p[121] = 0.5, 1e-7
    ab = torch.tensor([[0.0, 0.0, 40.0], [0.0, 10.0, 0.0]]).view(1, 2, 1, 3)
    expected = [2, 1e7, 100]
    assert rebalancing_weight(ab, centers, p).flatten().tolist() == pytest.approx(
        expected
    )


def gray_from(p, weight, centers):
    """The AuC of gray on a picture of all bins, each as frequent as p says."""
    ab = centers.T[None, :, None].double()
    pixels = (p * weight)[None, None]
    return auc(error_histogram(0 * ab, ab, pixels)).item()


def test_gray_without_a_floor_is_a_matter_of_geometry(centers):
    """1 / p makes all bins count alike, whatever the prior: it cancels."""
    expected = np.mean(
        [(centers.double().norm(dim=1) <= t).double().mean() for t in range(151)]
    )
    for p in (smooth_prior(load_prior(), centers), torch.ones(N_BINS).double()):
        assert gray_from(p, 1 / p, centers) == pytest.approx(100 * expected)
    # The same figure from the prior in the authors' code, which is another one.
    assert 100 * expected == pytest.approx(52.2, abs=0.05)


def test_gray_by_the_prior_alone_is_near_the_published(centers):
    """Zhang et al. 2016, table 1: gray 89.1; from colors, without any photo."""
    p = load_prior()
    assert gray_from(p, torch.ones(N_BINS), centers) == pytest.approx(89.1, abs=1)


def test_ciede2000_equals_skimage():
    """On a grid of pairs: grays, the blues where it turns, hues across 0 and 180."""
    axis = np.array([-105, -60, -20, -3, 0, 1, 15, 55, 95.0])
    plane = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    one, other = (x.reshape(-1, 2) for x in np.broadcast_arrays(plane[:, None], plane))
    L = np.full((len(one), 1), 50.0)
    expected = deltaE_ciede2000(np.hstack([L, one]), np.hstack([L, other]))
    pair = (torch.from_numpy(x).T[None, :, None] for x in (one, other))
    result = ciede2000(*pair).flatten().numpy()
    # Opposite hues have two middles; sources differ in which one they take.
    angles = [np.arctan2(x[:, 1], x[:, 0]) for x in (one, other)]
    opposite = np.abs(np.abs(angles[0] - angles[1]) - np.pi) < 1e-6
    assert opposite.mean() < 0.1
    assert np.abs(result - expected)[~opposite].max() < 1e-3


def test_ssim_equals_skimage():
    rng = np.random.default_rng(0)
    rgb = rng.random((3, 12, 15))
    rgb_hat = (rgb + rng.normal(0, 0.1, rgb.shape)).clip(0, 1)
    expected = structural_similarity(rgb, rgb_hat, data_range=1, channel_axis=0)
    pair = (torch.from_numpy(x)[None].float() for x in (rgb_hat, rgb))
    assert ssim(*pair).item() == pytest.approx(expected, abs=1e-4)  # float32


def test_psnr_equals_skimage():
    rng = np.random.default_rng(0)
    rgb_hat, rgb = rng.random((2, 3, 3, 8, 9))
    expected = [
        peak_signal_noise_ratio(t, h, data_range=1)
        for h, t in zip(rgb_hat, rgb, strict=True)
    ]
    result = psnr(torch.from_numpy(rgb_hat), torch.from_numpy(rgb))
    assert result.tolist() == pytest.approx(expected)


def test_psnr_by_hand():
    half = torch.full((1, 3, 2, 2), 0.5)
    assert psnr(half - 0.1, half).item() == pytest.approx(20, abs=1e-4)
    assert psnr(half, half).item() == pytest.approx(100)  # it would be infinite


def test_colorfulness_by_hand():
    # R - G and (R + G) / 2 - B, in 0..255, of two pixels: (100, 0) and (0, -60).
    pixels = torch.tensor([[150, 50, 100], [90, 90, 150]]) / 255
    rgb = pixels.T.reshape(1, 3, 1, 2)
    spread = math.sqrt(50**2 + 30**2)  # half the differences, as there are two
    expected = spread + 0.3 * math.sqrt(50**2 + 30**2)
    assert colorfulness(rgb).item() == pytest.approx(expected, rel=1e-5)


def test_colorfulness_of_gray_and_of_one_color():
    gray = torch.linspace(0, 1, 12).view(1, 1, 3, 4).expand(1, 3, 3, 4)
    assert colorfulness(gray).item() == pytest.approx(0, abs=1e-4)  # float32
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(2, 3, 3, 4)
    expected = 0.3 * math.hypot(255, 127.5)  # no spread
    assert colorfulness(red).tolist() == pytest.approx([expected] * 2, rel=1e-5)


def test_colorfulness_equals_numpy():
    R, G, B = 255 * np.random.default_rng(0).random((3, 7, 9))
    rg, yb = R - G, 0.5 * (R + G) - B
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    rgb = torch.from_numpy(np.stack([R, G, B]) / 255)[None]
    assert colorfulness(rgb).item() == pytest.approx(expected)


def test_mean_chroma_by_hand():
    ab = torch.tensor([[3.0, 0.0], [4.0, 1.0]]).view(1, 2, 1, 2)  # (3, 4), (0, 1)
    assert mean_chroma(ab).tolist() == [3]


def test_metrics_take_tensors_of_any_device(device, centers):
    ab = random_ab(0).to(device)
    weight = rebalancing_weight(ab, centers.to(device), load_prior().float().to(device))
    histogram = error_histogram(ab + 1, ab, weight)
    assert histogram.device == torch.device("cpu")
    expected = error_histogram(ab.cpu() + 1, ab.cpu(), weight.cpu())
    assert torch.allclose(histogram, expected)
    rgb = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    for metric in (colorfulness, lambda x: psnr(x, 1 - x)):
        there, here = metric(rgb.to(device)).cpu(), metric(rgb)
        assert torch.allclose(there, here, rtol=1e-4)
    assert torch.allclose(mean_chroma(ab).cpu(), mean_chroma(ab.cpu()))


@pytest.mark.parametrize("pair", [(60, 0, -60, 0), (60, 40, -60, -40), (0, 9, 0, -9)])
def test_opposite_hues_are_as_far_either_way(pair):
    ab = torch.tensor(pair).double().view(2, 1, 2, 1, 1)
    wanted = deltaE_ciede2000([50, *pair[:2]], [50, *pair[2:]])
    for found in (ciede2000(*ab), ciede2000(*ab.flip(0))):
        assert found.item() == pytest.approx(wanted, abs=1e-6)
