"""The annealed mean between mode and mean; finite always; upsampling."""

import math

import pytest
import torch
from scipy.optimize import minimize

from colorlab.decode import (
    annealed_mean,
    draw,
    expected_distance,
    geometric_median,
    mode,
    upsample,
)
from colorlab.quantize import N_BINS, bin_centers

SMALLEST_T = 1e-30
HALVES = [torch.float16, torch.bfloat16]


@pytest.fixture
def logits():
    chance = torch.Generator().manual_seed(0)
    return torch.randn(2, N_BINS, 3, 4, generator=chance) * 3


def two_bins(p):
    """Logits of one pixel that gives a first bin p, a second 1 - p."""
    return torch.tensor([p, 1 - p], dtype=torch.float64).log().view(1, 2, 1, 1)


DECODERS = [annealed_mean, mode, geometric_median]
PAIR = torch.tensor([[0.0, 50.0], [100.0, -50.0]])


@pytest.mark.parametrize("T", [0.38, 1])
def test_annealed_mean_shape(logits, centers, T):
    assert annealed_mean(logits, centers, T).shape == (2, 2, 3, 4)


def test_at_1_it_is_the_mean(logits, centers):
    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    mean = (p[:, :, None] * centers[None, :, :, None, None]).sum(dim=1)
    # Sums of 313 terms of up to 110, in float32.
    assert (annealed_mean(logits, centers, T=1) - mean).abs().max() < 1e-4


@pytest.mark.parametrize("T", [1e-3, SMALLEST_T])
def test_toward_0_it_is_the_mode(logits, centers, T):
    # The winner leads by 1, so that e^(-1 / T) is 0 in float32.
    sure = torch.where(logits == logits.amax(1, True), logits + 1, logits)
    assert torch.equal(annealed_mean(sure, centers, T), mode(sure, centers))


def test_it_equals_the_papers_formula(logits, centers):
    T = 0.38
    z = logits.double().softmax(dim=1)
    f = (z.log() / T).exp() / (z.log() / T).exp().sum(dim=1, keepdim=True)
    expected = torch.einsum("nqhw,qc->nchw", f, centers.double())
    assert (annealed_mean(logits.double(), centers, T) - expected).abs().max() < 1e-9


def test_default_temperature_is_the_papers(logits, centers):
    assert torch.equal(
        annealed_mean(logits, centers), annealed_mean(logits, centers, 0.38)
    )


@pytest.mark.parametrize("T", [0.38, 1])
def test_two_bins_by_hand(T):
    share = 0.8 ** (1 / T) / (0.8 ** (1 / T) + 0.2 ** (1 / T))
    a, b = annealed_mean(two_bins(0.8), PAIR, T).flatten().tolist()
    assert a == pytest.approx(100 * (1 - share))
    assert b == pytest.approx(100 * share - 50)


def test_lower_temperature_is_sharper():
    temperatures = [2, 1, 0.7, 0.38, 0.1, 0.01]
    b = [annealed_mean(two_bins(0.6), PAIR, T)[0, 1].item() for T in temperatures]
    assert b == sorted(b)
    assert b[0] < b[-1] - 30
    assert math.isclose(b[-1], 50, abs_tol=1e-9)  # (2/3)^100 is left of the other


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALVES])
@pytest.mark.parametrize("T", [0.01, SMALLEST_T, 1e-300, 1e30])
def test_finite_for_large_logits(centers, dtype, T):
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(1, N_BINS, 4, 4, generator=chance) * 1e4
    ab = annealed_mean(logits.to(dtype), centers, T)
    assert ab.isfinite().all()
    assert ab.dtype == dtype


def test_equal_logits_are_finite_at_any_temperature():
    for T in (SMALLEST_T, 1.0):
        ab = annealed_mean(torch.full((1, 2, 1, 1), 1e4), PAIR, T)
        assert ab.flatten().tolist() == [50, 0]


def test_a_constant_changes_nothing(logits, centers):
    # 1e-3: adding 100 costs the logits two digits, which T = 0.38 triples.
    shifted = annealed_mean(logits + 100, centers)
    assert (shifted - annealed_mean(logits, centers)).abs().max() < 1e-3


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_computed_in_float32(logits, centers, dtype):
    exact = annealed_mean(logits.to(dtype).float(), centers)
    assert torch.equal(annealed_mean(logits.to(dtype), centers), exact.to(dtype))


def test_device_is_kept(logits, centers, device):
    moved = logits.to(device)
    centers = centers.to(device)
    for decode in DECODERS:
        assert decode(moved, centers).device.type == device.type


@pytest.mark.parametrize("T", [0, -1, float("nan")])
def test_impossible_temperature_is_refused(logits, centers, T):
    with pytest.raises(ValueError, match="T must be positive"):
        annealed_mean(logits, centers, T)


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("shape", [(1, 312, 2, 2), (313, 2, 2)])
def test_another_number_of_bins_is_refused(centers, decode, shape):
    with pytest.raises(ValueError, match=r"logits must have shape \(N, 313, h, w\)"):
        decode(torch.zeros(shape), centers)


def test_mode_by_hand(centers):
    logits = torch.zeros(1, N_BINS, 1, 2)
    logits[0, 120, 0, 0] = 1
    logits[0, 0, 0, 1] = 1
    ab = mode(logits, centers)
    assert ab.shape == (1, 2, 1, 2)
    assert ab[0, :, 0].T.tolist() == [[0, 0], [-90, 50]]


@pytest.mark.parametrize("size", [(8, 12), (7, 5), (2, 3), (1, 1)])
def test_upsampled_constant_is_constant(size):
    ab = torch.tensor([20.0, -30.0]).view(1, 2, 1, 1).expand(1, 2, 2, 3)
    large = upsample(ab, size)
    assert large.shape == (1, 2, *size)
    assert (large - torch.tensor([20.0, -30.0]).view(1, 2, 1, 1)).abs().max() < 1e-5


def test_upsample_by_hand():
    # Pixel areas correspond: new centers lie at -1/4, 1/4, 3/4 and 5/4.
    row = torch.tensor([0.0, 4.0]).view(1, 1, 1, 2)
    assert upsample(row, (1, 4)).flatten().tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers_are_refused(centers, dtype):
    logits = torch.zeros(1, N_BINS, 2, 2, dtype=dtype)
    for decode in DECODERS:
        with pytest.raises(ValueError, match=f"logits must be floats, got {dtype}"):
            decode(logits, centers)
    with pytest.raises(ValueError, match=f"ab must be floats, got {dtype}"):
        upsample(logits, (4, 4))


def test_centers_elsewhere_are_refused(logits, centers):
    for decode in DECODERS:
        with pytest.raises(ValueError, match="on the device of logits, cpu, got meta"):
            decode(logits, centers.to("meta"))


@pytest.mark.parametrize("decode", [annealed_mean, geometric_median])
def test_autocast_takes_no_digits(decode, logits, centers):
    expected = decode(logits, centers)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(decode(logits, centers), expected)


def mean_distance(ab, p, centers):
    """Expected distance of one guess (2,) to the truth, whose bins have p (Q,)."""
    return (p @ (centers - torch.as_tensor(ab)).norm(dim=1)).item()


def test_median_is_the_minimum_that_scipy_finds(logits, centers):
    # A minimum on a bin is reached slowly, hence the many steps.
    found = geometric_median(logits.double(), centers, steps=1000)[0].flatten(1).T
    few = geometric_median(logits, centers)[0].flatten(1).T.double()  # (12, 2)
    p, points = logits.double().softmax(dim=1)[0].flatten(1).T, centers.double()
    for guess, early, share in zip(found, few, p, strict=True):
        start = (share @ points).numpy()
        options = {"xatol": 1e-4, "fatol": 1e-9}
        best = minimize(
            mean_distance, start, (share, points), "Nelder-Mead", options=options
        )
        # What is nearer than 0.1 counts as 0.1.
        assert (guess - torch.as_tensor(best.x)).norm() < 0.1
        assert mean_distance(early, share, points) < best.fun + 0.05  # of about 55


@pytest.mark.parametrize("p", [0.7, 0.6])
def test_median_of_two_is_the_likelier(p):
    found = geometric_median(two_bins(p), PAIR, steps=300)
    assert found.flatten().tolist() == pytest.approx([0, 50], abs=0.05)


def test_median_of_a_right_angle_is_its_fermat_point():
    # Equal shares at (0, 0), (60, 0) and (0, 60): all sides are seen under 120 degrees.
    corners = torch.tensor([[0.0, 0.0], [60.0, 0.0], [0.0, 60.0]])
    found = geometric_median(torch.zeros(1, 3, 1, 1), corners).flatten()
    side = 60 * (3 - math.sqrt(3)) / 6
    assert found.tolist() == pytest.approx([side, side], abs=0.01)


def test_median_of_one_certain_bin_is_that_bin(centers):
    logits = torch.full((1, N_BINS, 1, 1), -1e4)
    logits[0, 7] = 0
    assert geometric_median(logits, centers).flatten().tolist() == [-80, 40]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALVES])
def test_median_is_finite_and_keeps_its_dtype(centers, dtype):
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(1, N_BINS, 4, 4, generator=chance) * 1e4
    ab = geometric_median(logits.to(dtype), centers)
    assert ab.isfinite().all()
    assert ab.dtype == dtype


@pytest.mark.parametrize("patches", [0, 1, 3])
def test_each_pixel_is_drawn_from_its_own_distribution(patches):
    """However the pixels hang together, each has its own frequencies."""
    centers = torch.tensor([[40.0, 60.0], [0.0, -40.0], [0.0, 0.0]])
    wanted = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]).T  # (Q, pixels)
    logits = wanted.log().view(1, 3, 1, 2).repeat(1, 1, 2, 2)
    rng, times = torch.Generator().manual_seed(0), 4000
    ab = draw(logits.expand(times, -1, -1, -1), centers, rng, patches, T=1e-6)
    for q, center in enumerate(centers):
        drawn = (ab == center[:, None, None]).all(dim=1).float().mean(dim=0)
        off = (drawn - wanted[q].repeat(2)).abs().max()
        assert off < 0.035, f"bin {q}: {drawn} for {wanted[q]}"


def test_one_number_for_all_makes_equal_pixels_equal():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 313, 1, 1, generator=rng).expand(1, 313, 6, 8)
    centers = bin_centers()
    for _ in range(5):
        ab = draw(logits, centers, rng)
        assert (ab == ab[:, :, :1, :1]).all()
    own = draw(logits, centers, rng, patches=0)
    assert (own != own[:, :, :1, :1]).any()


def test_neighbors_agree_the_more_the_larger_the_patches():
    logits, centers = torch.zeros(1, 313, 24, 32), bin_centers()

    def changes(patches):
        ab = draw(logits, centers, torch.Generator().manual_seed(0), patches)
        return (ab[..., 1:] - ab[..., :-1]).norm(dim=1).mean()

    assert 0 == changes(1) < changes(2) < changes(6) < changes(0)


def test_a_draw_repeats_with_its_seed(device):
    logits = torch.randn(1, 313, 4, 4, generator=torch.Generator().manual_seed(1))
    each = [
        draw(
            logits.to(where), bin_centers().to(where), torch.Generator().manual_seed(7)
        )
        for where in ("cpu", device)
    ]
    assert each[1].device.type == device.type
    torch.testing.assert_close(each[0], each[1].cpu(), atol=1e-3, rtol=1e-3)


def test_negative_patches():
    with pytest.raises(ValueError, match="patches must not be negative, got -1"):
        draw(torch.zeros(1, 313, 2, 2), bin_centers(), patches=-1)


def test_expected_distance_is_least_at_the_median():
    logits = 3 * torch.randn(1, 313, 3, 4, generator=torch.Generator().manual_seed(2))
    centers = bin_centers()
    answers = [f(logits, centers) for f in (geometric_median, mode, annealed_mean)]
    far = [expected_distance(logits, centers, ab) for ab in answers]
    assert (far[0] <= far[1] + 0.02).all()
    assert (far[0] <= far[2] + 0.02).all()
    p = logits.softmax(1)[0, :, 1, 2]
    by_hand = (p * (centers - answers[1][0, :, 1, 2]).norm(dim=1)).sum()
    torch.testing.assert_close(far[1][0, 1, 2], by_hand)
    with pytest.raises(ValueError, match=r"ab must have shape \(1, 2, 3, 4\), got"):
        expected_distance(logits, centers, answers[0][:, :, :2])
