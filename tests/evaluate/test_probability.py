"""Probabilities against what is known by construction."""

import math

import pytest
import torch

from colorlab import (
    ColorNet,
    load_pretrained,
    load_prior,
    logit_adjustment,
    smooth_prior,
    soft_encode,
    to_dense,
)
from colorlab.evaluate.probability import (
    EDGES,
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
