"""colorlab/probe/linear.py: a linear classifier, and how often it is right."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from colorlab.probe import (
    choose_images,
    fit_probe,
    probe_features,
    share_interval,
)


def clusters(count, far, seed=0):
    """Three classes on a line of channel 0; channel 1 tells left from right."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    maps = torch.randn(count, 2, 4, 4, generator=rng)
    maps[:, 0] += far * labels[:, None, None]
    return maps, labels


def test_the_probe_is_at_the_minimum():
    maps, labels = clusters(60, far=1)
    x, decay = maps.flatten(1), 1e-3
    probe = fit_probe(x, labels, 3, decay)
    weight = probe.weight.clone().requires_grad_()
    inputs = (x - probe.mean) / probe.scale
    loss = cross_entropy(inputs @ weight + probe.bias, labels)
    (loss + decay / 2 * weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-3


def test_scale_and_offset_of_features_do_not_matter():
    maps, labels = clusters(60, far=1)
    x = maps.flatten(1)
    one, other = (fit_probe(y, labels, 3, 1e-3) for y in (x, 1000 * x - 7))
    answers = one.logits(x), other.logits(1000 * x - 7)
    torch.testing.assert_close(*answers, atol=0.02, rtol=0.02)


def test_a_dead_channel_is_no_trouble():
    maps, labels = clusters(30, far=4)
    maps[:, 1] = 0
    probe = fit_probe(maps.flatten(1), labels, 3, 1e-3)
    assert probe.logits(maps.flatten(1)).isfinite().all()
    nothing = fit_probe(torch.zeros(6, 4), torch.arange(6) % 2, 2, 1e-3)
    assert nothing.logits(torch.zeros(1, 4)).isfinite().all()


@pytest.mark.parametrize(
    ("x", "labels", "decay"),
    [((4, 2), 3, 1.0), ((4, 2, 2), 4, 1.0), ((4, 2), 4, 0.0)],
)
def test_bad_shapes_are_named(x, labels, decay):
    with pytest.raises(ValueError, match="x must have shape"):
        fit_probe(torch.zeros(x), torch.zeros(labels, dtype=torch.int64), 2, decay)


def test_as_many_images_of_each_class():
    labels = torch.tensor([0] * 10 + [1] * 3 + [2] * 5)
    few = choose_images(labels, 4, seed=0)
    assert labels[few].bincount().tolist() == [4, 3, 4]
    assert len(few.unique()) == len(few)
    assert not torch.equal(few, choose_images(labels, 4, seed=1))


def test_what_can_be_read_is_read_and_noise_is_chance():
    maps, labels = clusters(300, far=3)
    asked, truth = clusters(300, far=3, seed=1)
    noise = {"noise": torch.randn_like(maps), "there": maps}
    other = {"noise": torch.randn_like(asked), "there": asked}
    scores = probe_features(noise, labels, other, truth, per_class=50)
    assert scores["there"].accuracy[0] > 0.95
    value, low, high = scores["noise"].accuracy
    assert low < value < high
    assert 0.2 < value < 0.47


def test_the_interval_is_that_of_the_mean():
    """For many images, 1.96 standard errors of a share (1,000 resamples: 5 %)."""
    answers = (torch.arange(2000) % 10 < 3)[None]
    value, low, high = share_interval(answers)
    assert value == pytest.approx(0.3)
    expected = 2 * 1.96 * (0.3 * 0.7 / 2000) ** 0.5
    assert high - low == pytest.approx(expected, rel=0.1)


def test_a_pair_is_surer_than_its_parts():
    """Both are asked about the same images, of which half are hard for both."""
    hard = torch.arange(400) % 2
    one, other = (1 - hard).float()[None], (1 - hard).float()[None].clone()
    other[0, :40:2] = 0
    value, low, high = share_interval(one - other)
    assert value == pytest.approx(0.05)
    assert 0 < low < value < high < 0.08
    parts = [share_interval(each) for each in (one, other)]
    assert parts[0][1] < parts[1][2], "apart, the intervals overlap"


def test_scores_tell_which_answers_are_right():
    maps, labels = clusters(60, far=9)
    scores = probe_features({"a": maps}, labels, {"a": maps}, labels, 20, [0, 1])
    right = scores["a"].right
    assert right.shape == (2, 60)
    assert right.float().mean().item() == pytest.approx(scores["a"].accuracy[0])


def test_the_grid_is_chosen_where_the_place_tells():
    """The mean of the map says nothing here; where it is bright says all."""
    labels = torch.arange(200) % 2
    maps = 0.1 * torch.randn(200, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    maps[labels == 0, :, :2] += 1
    maps[labels == 1, :, 2:] += 1
    scores = probe_features({"a": maps}, labels, {"a": maps}, labels, 80, [0])
    assert scores["a"].grids == (4,)
    assert scores["a"].accuracy[0] == 1


@pytest.mark.parametrize("per_class", [1, 2, 4])
def test_few_labels_are_enough_to_run(per_class):
    maps, labels = clusters(60, far=9)
    maps = maps[:, :1]
    scores = probe_features({"a": maps}, labels, {"a": maps}, labels, per_class)
    assert scores["a"].accuracy[0] > 0.9


@pytest.mark.parametrize(("per_class", "seeds"), [(0, [0]), (5, [])])
def test_nothing_to_learn_from(per_class, seeds):
    maps, labels = clusters(9, far=1)
    with pytest.raises(ValueError, match="at least 1, got"):
        probe_features({"a": maps}, labels, {"a": maps}, labels, per_class, seeds)
