"""Probabilities against what is known by construction."""

import math

import pytest
import torch

from colorlab import (
    ColorNet,
    bin_centers,
    load_pretrained,
    load_prior,
    logit_adjustment,
    rebalance_weights,
    smooth_prior,
    soft_encode,
    to_dense,
)
from colorlab.evaluate.probability import (
    BANDS,
    EDGES,
    calibration_error,
    confidence,
    fit_temperature,
    image_nats,
    reliability,
    target_entropy,
    training_adjustment,
)
from colorlab.quantize import N_BINS


@pytest.fixture(name="targets")
def fixture_targets(centers):
    rng = torch.Generator().manual_seed(0)
    return soft_encode(torch.randn(3, 2, 4, 5, generator=rng) * 25, centers)


def test_nats_are_those_of_the_dense_target(targets):
    logits = torch.randn(3, N_BINS, 4, 5, generator=torch.Generator().manual_seed(1))
    Z = to_dense(*targets, N_BINS)
    expected = -(Z * logits.log_softmax(dim=1)).sum(dim=1).mean(dim=(1, 2))
    assert image_nats(logits, *targets).tolist() == pytest.approx(expected.tolist())


def test_knowing_nothing_costs_the_logarithm_of_the_bins(targets):
    blank = torch.zeros(1, N_BINS, 1, 1)
    assert image_nats(blank, *targets).tolist() == pytest.approx([math.log(313)] * 3)


def test_nobody_gets_below_the_entropy_of_the_targets(targets):
    perfect = to_dense(*targets, N_BINS).clamp(min=1e-30).log()
    found = image_nats(perfect, *targets)
    assert target_entropy(targets[1]).tolist() == pytest.approx(found.tolist())


def test_weights_are_undone_by_what_the_card_tells(centers):
    p = smooth_prior(load_prior(), centers)
    for name, lam in {"rebal": 0.5, "class": 1.0}.items():
        expected = logit_adjustment(p, lam).float()
        assert torch.equal(training_adjustment(load_pretrained(name)), expected)
    flagship = load_pretrained("flagship")  # its last layer was adjusted afterwards
    expected = logit_adjustment(p, flagship.card["lam"]).float()
    assert torch.equal(training_adjustment(flagship), expected)
    assert not training_adjustment(ColorNet(width=2)).any()


def test_a_distribution_that_is_right_is_reliable(targets, centers):
    """Draw targets from the probabilities themselves: they come true as often."""
    rng = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(1, N_BINS, 60, 60, generator=rng)
    Z_hat = logits.softmax(dim=1)
    drawn = Z_hat.flatten(2)[0].T.multinomial(1, generator=rng).T.view(1, 1, 60, 60)
    table = reliability(logits, drawn, torch.ones(1, 1, 60, 60))
    assert table.shape == (len(EDGES) + 1, 3)
    assert table.sum(dim=0).tolist() == pytest.approx([313 * 3600, 3600, 3600])
    many = table[table[:, 1] > 100]
    assert len(many) > 5
    assert (many[:, 2] / many[:, 1] - 1).abs().max() < 0.3  # sqrt(1 / 100), thrice
    sharper = reliability(2 * logits, drawn, torch.ones(1, 1, 60, 60))
    top = sharper[sharper[:, 1] > 100][-1]
    assert top[2] < 0.8 * top[1]  # overconfident


def correlated(photos, cells, sharper, seed=0):
    """Draw photos whose cells are all drawn alike: logits, and what came true."""
    rng = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(photos, 5, 1, 1, generator=rng)
    bins = logits.softmax(dim=1).flatten(1).multinomial(1, generator=rng)
    bins = bins.view(photos, 1, 1, 1).expand(-1, -1, 1, cells)
    logits = sharper * logits.expand(-1, -1, 1, cells)
    return logits, bins, torch.ones_like(bins, dtype=torch.float32)


def test_confidence_is_that_of_the_likeliest_bin(targets):
    logits = 3 * torch.randn(
        3, N_BINS, 4, 5, generator=torch.Generator().manual_seed(2)
    )
    table = confidence(logits, *targets)
    assert table.shape == (3, BANDS, 3)
    p, Z = logits.softmax(dim=1), to_dense(*targets, N_BINS)
    for image in range(3):
        rows = {}
        for h in range(4):
            for w in range(5):
                top = p[image, :, h, w].argmax()
                said = p[image, top, h, w].item()
                row = rows.setdefault(int(said * BANDS), [0, 0.0, 0.0])
                row[0] += 1
                row[1] += said
                row[2] += Z[image, top, h, w].item()
        for band, row in rows.items():
            assert table[image, band].tolist() == pytest.approx(row, abs=1e-5)
    assert table[..., 0].sum() == 60


def test_the_error_of_a_calibrated_network_is_what_chance_makes():
    """Over many sets of photos; with cells that all err together."""
    rng = torch.Generator().manual_seed(0)
    found = [
        calibration_error(confidence(*correlated(200, 8, 1.0, seed)), rng)
        for seed in range(40)
    ]
    mean = sum(one.found for one in found) / len(found)
    chance = sum(one.chance for one in found) / len(found)
    assert mean > 0.03  # the bias: a calibrated network does not have 0
    assert chance == pytest.approx(mean, rel=0.2)
    above = sum(one.found > one.chance_high for one in found)
    assert above <= 8  # about one of twenty; bands of few photos are rough


def test_an_overconfident_network_is_found():
    found = calibration_error(
        confidence(*correlated(300, 8, 3.0)), torch.Generator().manual_seed(0)
    )
    assert found.found > 2 * found.chance_high


@pytest.mark.parametrize("sharper", [0.5, 1.0, 2.0])
def test_the_temperature_that_was_is_found(sharper):
    found = fit_temperature(*correlated(6000, 1, sharper))
    assert found == pytest.approx(sharper, rel=0.1)  # 6000 draws


def test_the_temperature_is_where_the_nats_are_least(targets):
    logits = 2 * torch.randn(
        3, N_BINS, 4, 5, generator=torch.Generator().manual_seed(3)
    )
    logits += 9 * to_dense(*targets, N_BINS)  # it has seen something
    T = fit_temperature(logits, *targets)
    least, *others = (
        image_nats(logits / t, *targets).mean() for t in (T, T * 0.97, T * 1.03)
    )
    assert all(least <= other for other in others)


def test_the_weights_of_ones_own_prior_are_taken_out():
    p = smooth_prior(torch.ones(313), bin_centers())
    model = ColorNet(2)
    model.card = {"config": {"loss": "rebal", "lam": 0.5, "prior": "mine.csv"}}
    model.card["prior"] = p.tolist()
    truth = torch.randn(1, 313, 4, 4, generator=torch.Generator().manual_seed(0))
    truth = truth.softmax(dim=1)
    weights = rebalance_weights(p).float().view(1, -1, 1, 1)
    undone = (truth * weights).log() - training_adjustment(model).view(1, -1, 1, 1)
    assert (undone.softmax(dim=1) - truth).abs().max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_reliability_of_any_precision(dtype):
    bins, weights = torch.zeros(1, 1, 1, 1, dtype=torch.int64), torch.ones(1, 1, 1, 1)
    table = reliability(torch.zeros(1, 2, 1, 1, dtype=dtype), bins, weights)
    assert table[table[:, 0] > 0].tolist() == [[2, 1, 1]]
