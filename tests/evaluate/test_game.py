"""Ten chips: shared by largest remainders, spread to a distribution, and pooled."""

import json

import pytest
import torch

from colorlab import bin_centers, load_prior, nearest_bin, smooth_prior, soft_encode
from colorlab.evaluate.game import (
    GAME_FORMAT,
    GAME_KIND,
    pool_chips,
    read_games,
    share_chips,
    spread_chips,
)
from colorlab.losses import soft_cross_entropy

CENTERS = bin_centers()
PRIOR = smooth_prior(load_prior(), CENTERS)


@pytest.mark.parametrize(
    ("p", "chips"),
    [
        ([0.55, 0.27, 0.18], [5, 3, 2]),  # rests 0.5, 0.7 and 0.8
        ([1.0, 0.0, 0.0], [10, 0, 0]),
        ([0.25, 0.25, 0.5], [3, 2, 5]),  # a tie: the lower bin's first
        ([0.34, 0.33, 0.33], [4, 3, 3]),
    ],
)
def test_chips_by_hand(p, chips):
    assert share_chips(torch.tensor(p)).tolist() == chips


def test_chips_are_within_one_of_what_is_asked():
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        p = (3 * torch.randn(313, generator=rng)).softmax(0)
        chips = share_chips(p)
        assert chips.sum() == 10
        assert ((chips - 10 * p).abs() < 1).all()


def one_color(*ab):
    """Ten chips on the bin of a color, and the color's soft target."""
    color = torch.tensor(ab, dtype=torch.float64).view(1, 2, 1, 1)
    chips = torch.zeros(313)
    chips[nearest_bin(color.float(), CENTERS).flatten()] = 10
    return chips, soft_encode(color.float(), CENTERS)


def loss(p, target):
    return soft_cross_entropy(p.log().view(1, -1, 1, 1), *target).item()


def test_spread_chips_are_a_distribution_without_zeros():
    for ab in [(0, 0), (60, 40), (90, -100)]:
        p = spread_chips(one_color(*ab)[0], PRIOR, CENTERS)
        assert p.sum().item() == pytest.approx(1)
        assert p.min() >= 0.2 * PRIOR.min() > 0


def test_a_near_miss_costs_less_than_a_far_one():
    sky, target = one_color(0, -30)
    near, far = one_color(0, -40)[0], one_color(60, 40)[0]
    losses = [
        loss(spread_chips(chips, PRIOR, CENTERS), target) for chips in (sky, near, far)
    ]
    assert losses == sorted(losses)
    assert losses[2] < 25  # nats: the prior alone is finite
    floor = torch.special.entr(target[1]).sum().item()
    assert floor < losses[0]


def test_two_hills_beat_their_middle():
    red, target = one_color(60, 40)
    green = one_color(-50, 50)[0]
    both = spread_chips(red + green, PRIOR, CENTERS)
    middle = spread_chips(one_color(0, 50)[0], PRIOR, CENTERS)
    assert loss(both, target) < loss(middle, target)


def test_no_chip_is_refused():
    with pytest.raises(ValueError, match="p must"):
        spread_chips(torch.zeros(313), PRIOR, CENTERS)


# Files of a class


def result(run, **changed):
    chips = [[], [0, 0], [5] * 10]
    answers = [{"photo": name, "chips": chips} for name in "ab"]
    whole = {"kind": GAME_KIND, "format": GAME_FORMAT, "rounds": "r1", "run": run}
    return whole | {"round": 1, "answers": answers} | changed


def write(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_games_of_a_class(tmp_path):
    write(tmp_path, ann=result("1"), bob=result("2"))
    games = read_games(tmp_path)
    assert [*games] == ["ann", "bob"]
    windows = games["ann"]["a"]
    assert [int(chips.sum()) for chips in windows] == [0, 2, 10]
    assert windows[1][0] == 2
    pooled = pool_chips(games)
    assert pooled["b"][5] == pooled["b"].sum() == 20


def answer(chips):
    return [{"photo": "a", "chips": chips}]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"kind": "colorlab turing test"}, "no result of the network game"),
        ({"rounds": "r2"}, "one version of the rounds, r1; this is of r2"),
        ({"run": "1"}, "the same result as .*ann.json"),
        ({"round": 2}, "try number 2"),
        ({"answers": answer([[1] * 10])}, "'b' is not in all"),
        ({"answers": answer([])}, "chips must be a list for each window for a"),
        ({"answers": answer([[1.5] * 10])}, "chips must be bins"),
        ({"answers": answer([[True] * 10])}, "chips must be bins"),
        ({"answers": answer([[313] * 10])}, r"chips must be in 0..312"),
        ({"answers": answer([[1] * 9])}, "the last window must have 10 chips"),
    ],
)
def test_games_that_cannot_be_pooled(tmp_path, changed, told):
    write(tmp_path, ann=result("1"), bob=result("2") | changed)
    with pytest.raises(ValueError, match=told) as refusal:
        read_games(tmp_path)
    assert "bob.json" in str(refusal.value)
