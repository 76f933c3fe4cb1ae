"""Rates and their intervals, against numbers known by hand and by simulation."""

import pytest
import torch

from colorlab.turing import fooling_rate, rate_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # from the quadratic (seen - rate)^2 = 1.96^2 rate (1 - rate) / trials
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 2, 0.0945, 0.9055),
        (32, 100, 0.2367, 0.4166),
    ],
)
def test_rate_interval_by_hand(successes, trials, low, high):
    expected = (successes / trials, low, high)
    assert rate_interval(successes, trials) == pytest.approx(expected, abs=1e-4)


def test_ends_of_the_interval_are_just_plausible():
    rate, low, high = rate_interval(13, 40)
    for end in (low, high):
        assert abs(rate - end) == pytest.approx(
            1.959964 * (end * (1 - end) / 40) ** 0.5, rel=1e-6
        )


def test_interval_holds_the_rate_as_often_as_it_says():
    chance = torch.Generator().manual_seed(0)
    rate, trials = 0.3, 40
    drawn = (torch.rand(4000, trials, generator=chance) < rate).sum(dim=1)
    intervals = [rate_interval(n, trials) for n in drawn.tolist()]
    held = sum(low <= rate <= high for _, low, high in intervals) / len(intervals)
    assert held == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(ValueError, match=r"successes must be in 0\.\.trials"):
        rate_interval(successes, trials)


def people(spread, number=60, trials=40):
    """Answers of people whose own rates spread around 0.3."""
    chance = torch.Generator().manual_seed(1)
    own = 0.3 + spread * (torch.rand(number, 1, generator=chance) - 0.5)
    fooled = torch.rand(number, trials, generator=chance) < own
    return {f"person {n}": row.tolist() for n, row in enumerate(fooled)}


def test_fooling_rate_is_that_of_all_trials():
    answers = {"a": [True, False, False], "b": [True]}
    assert fooling_rate(answers)[0] == pytest.approx(2 / 4)


def test_people_alike_give_the_binomial_interval():
    answers = people(spread=0)
    value, low, high = fooling_rate(answers)
    fooled, trials = sum(sum(row) for row in answers.values()), 60 * 40
    _, low_2, high_2 = rate_interval(fooled, trials)
    assert high - low == pytest.approx(high_2 - low_2, rel=0.25)
    assert low < value < high


def test_people_unlike_give_a_wider_one():
    value, low, high = fooling_rate(people(spread=0.6))
    _, low_2, high_2 = rate_interval(round(value * 2400), 2400)
    assert high - low > 1.5 * (high_2 - low_2)


def test_one_person_has_no_spread():
    assert fooling_rate({"a": [True, False]}) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("answers", [{}, {"a": []}, {"a": [True], "b": []}])
def test_no_answers_are_refused(answers):
    with pytest.raises(ValueError, match="answers must hold a person or more"):
        fooling_rate(answers)
