"""Counting, smoothing and weighting bins, against numbers worked out by hand."""

import math

import pytest
import torch

from colorlab.losses import logit_adjustment
from colorlab.prior import (
    count_bins,
    load_prior,
    merge_counts,
    rebalance_weights,
    save_counts,
    smooth_prior,
)
from colorlab.quantize import N_BINS, STEP, bin_centers

GRAY = 120
SIGMA = 5.0


def random_ab(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 30


def bin_at(centers, a, b):
    return centers.tolist().index([a, b])


def test_count_bins_by_hand(centers):
    gray = torch.zeros(1, 2, 2, 3)  # 6 pixels
    orange = torch.tensor([31.0, 58.0]).view(1, 2, 1, 1)  # nearest: (30, 60)
    counts = count_bins([gray, orange, orange], centers)
    assert counts.shape == (N_BINS,)
    assert counts.dtype == torch.int64
    expected = {GRAY: 6, bin_at(centers, 30, 60): 2}
    assert {n: c for n, c in enumerate(counts.tolist()) if c} == expected


def test_no_batches_count_nothing(centers):
    assert count_bins([], centers).tolist() == [0] * N_BINS


def test_merged_shards_equal_the_whole(centers):
    ab = random_ab((6, 2, 8, 8))
    shards = [count_bins([part], centers) for part in ab.split([1, 3, 2])]
    assert torch.equal(merge_counts(*shards), count_bins([ab], centers))


@pytest.mark.parametrize("lengths", [(), (3, 4)])
def test_merge_of_none_or_unequal_is_refused(lengths):
    with pytest.raises(ValueError, match="counts must be given, all of one shape"):
        merge_counts(*(torch.ones(n, dtype=torch.int64) for n in lengths))


def test_smoothing_conserves_mass(centers):
    counts = torch.arange(N_BINS)
    smooth = smooth_prior(counts, centers)
    assert smooth.shape == (N_BINS,)
    assert smooth.dtype == torch.float64
    assert smooth.sum().item() == pytest.approx(1, abs=1e-12)  # rounding of float64


def test_smoothing_conserves_mass_at_the_rim(centers):
    spike = torch.zeros(N_BINS)
    spike[0] = 1
    assert smooth_prior(spike, centers).sum().item() == pytest.approx(1, abs=1e-12)


def test_smoothing_is_two_dimensional(centers):
    spike = torch.zeros(N_BINS)
    spike[GRAY] = 1
    smooth = smooth_prior(spike, centers)
    around = [bin_at(centers, *ab) for ab in ((0, 10), (0, -10), (10, 0), (-10, 0))]
    assert around == [121, 119, 139, 102]  # indices far apart, one distance
    expected = smooth[GRAY].item() * math.exp(-(STEP**2) / (2 * SIGMA**2))
    assert smooth[around].tolist() == pytest.approx([expected] * 4)


def test_smoothing_fills_empty_bins(centers):
    spike = torch.zeros(N_BINS)
    spike[GRAY] = 1
    assert (smooth_prior(spike, centers, sigma=20) > 0).all()


@pytest.mark.parametrize("normalize", [rebalance_weights, None])
@pytest.mark.parametrize(
    "p", [torch.zeros(N_BINS), torch.arange(N_BINS) - 1, torch.ones(N_BINS, 1)]
)
def test_what_is_no_prior_is_refused(centers, normalize, p):
    with pytest.raises(ValueError, match="p must hold 313 numbers"):
        normalize(p) if normalize else smooth_prior(p, centers)


def test_smoothing_another_number_of_bins_is_refused(centers):
    with pytest.raises(ValueError, match="p must hold 313 numbers"):
        smooth_prior(torch.ones(N_BINS - 1), centers)


@pytest.mark.parametrize(
    ("lam", "expected"),
    # p = (1/4, 3/4), Q = 2. lam 0: 1/p = (4, 4/3), whose mean under p is 2.
    # lam 1/2: mix = (3/8, 5/8), 1/mix = (8/3, 8/5), mean under p 28/15.
    [(0.0, [2, 2 / 3]), (0.5, [10 / 7, 6 / 7]), (1.0, [1, 1])],
)
def test_rebalance_weights_by_hand(lam, expected):
    w = rebalance_weights(torch.tensor([0.25, 0.75]), lam)
    assert w.tolist() == pytest.approx(expected, rel=1e-12)  # rounding of float64


@pytest.mark.parametrize("lam", [0.1, 0.5, 0.9, 1.0])
def test_mean_weight_is_one(lam):
    p = load_prior()
    w = rebalance_weights(p, lam)
    assert w.shape == p.shape
    assert (p * w).sum().item() == pytest.approx(1, abs=1e-12)


def test_rarer_is_heavier():
    p = load_prior().sort().values
    assert (rebalance_weights(p).diff() <= 0).all()
    assert rebalance_weights(p)[0] > 10 * rebalance_weights(p)[-1]


def test_counts_and_shares_give_the_same_weights():
    counts = torch.tensor([1, 2, 5])
    assert torch.equal(rebalance_weights(counts), rebalance_weights(counts / 8))


def test_lam_0_with_an_empty_bin_is_refused():
    with pytest.raises(ValueError, match="lam must be above 0, as 1 bins"):
        rebalance_weights(torch.tensor([0.0, 1.0]), lam=0)


@pytest.mark.parametrize("lam", [-0.1, 1.1, float("nan")])
def test_lam_outside_is_refused(lam):
    with pytest.raises(ValueError, match=r"lam must be in 0\.\.1"):
        rebalance_weights(torch.ones(3), lam)


def test_logit_adjustment_turns_the_best_answer_without_weights_into_that_with_them():
    p = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    w = rebalance_weights(p, 0.5)
    torch.testing.assert_close((p.log() + logit_adjustment(p, 0.5)).softmax(0), p * w)
    torch.testing.assert_close(
        logit_adjustment(p, 0.3, 0.5) + logit_adjustment(p, 0.5),
        logit_adjustment(p, 0.3),
    )


def test_saved_counts_come_back_as_prior(centers, tmp_path):
    counts = count_bins([random_ab((1, 2, 32, 32))], centers)
    path = tmp_path / "counts.csv"
    save_counts(counts, centers, path, note="drawn by chance\nfor a test")
    assert torch.equal(load_prior(path), counts.double() / 1024)
    lines = path.read_text().splitlines()
    assert lines[:3] == ["# drawn by chance", "# for a test", "a,b,count"]
    assert lines[3].startswith("-90,50,")


def test_shipped_prior():
    p = load_prior()
    assert p.shape == (N_BINS,)
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    assert p.argmax() == GRAY
    assert torch.equal(p, load_prior("tiny-imagenet"))


def test_unknown_prior_is_refused():
    with pytest.raises(ValueError, match="'no-such-prior'") as refusal:
        load_prior("no-such-prior")
    assert "tiny-imagenet" in str(refusal.value)


@pytest.mark.parametrize(
    "content", ["", "a,b,count\n", "not,a\ntable\n", "a,b,count\n0,0,many\n"]
)
def test_file_that_holds_no_prior_is_refused(tmp_path, content):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match="name must be a table of a,b,count"):
        load_prior(path)


def test_load_prior_refuses_other_bins(centers, tmp_path):
    path = tmp_path / "shuffled.csv"
    save_counts(torch.ones(len(centers), dtype=torch.int64), centers.flip(0), path, "x")
    with pytest.raises(ValueError, match="bin centers"):
        load_prior(path)


def test_a_note_may_be_in_any_letters(tmp_path):
    path = tmp_path / "counts.csv"
    counts = torch.ones(313, dtype=torch.int64)
    save_counts(counts, bin_centers(), path, "photos of Ábel")
    text = path.read_text(encoding="utf-8")
    for encoding in ("utf-8", "latin-1"):
        path.write_bytes(text.encode(encoding))
        assert load_prior(path).unique().item() == pytest.approx(1 / 313)


@pytest.mark.parametrize("sigma", [0, -1, math.nan, math.inf])
def test_smoothing_needs_a_width(sigma):
    with pytest.raises(ValueError, match="sigma must be positive"):
        smooth_prior(torch.ones(313), bin_centers(), sigma)


def test_a_prior_in_half_precision_still_sums_to_one():
    p = smooth_prior(load_prior().bfloat16(), bin_centers())
    assert abs(p.sum() - 1) < 1e-12
