"""How often are people fooled? Statistics of the colorization Turing test (turing)."""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import NormalDist

import torch

COVERAGE, RESAMPLES, SEED = 0.95, 2000, 0


def rate_interval(successes: int, trials: int) -> tuple[float, float, float]:
    """Give a rate with its 95 % interval, for trials that know nothing of each other.

    Parameters
    ----------
    successes : int
        Of the trials.
    trials : int
        At least 1.

    Returns
    -------
    value, low, high : float
        In 0..1. Book chapter: evaluate.

    Raises
    ------
    ValueError
        If there are no trials, or more successes than trials.

    Notes
    -----
    The score interval of Wilson 1927: all rates from which the one seen is at most
    1.96 standard errors away, as that rate has them. Unlike the rate plus and minus
    1.96 standard errors, it stays in 0..1, and is no point where all or none succeed.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(
            "successes must be in 0..trials, and trials at least 1; "
            f"got {successes} of {trials}"
        )
    z = NormalDist().inv_cdf((1 + COVERAGE) / 2)  # 1.96
    rate, share = successes / trials, z**2 / trials
    middle = (rate + share / 2) / (1 + share)
    half = z * sqrt((rate * (1 - rate) + share / 4) / trials) / (1 + share)
    return rate, min(rate, middle - half), max(rate, middle + half)


def fooling_rate(answers: Mapping[str, Sequence[bool]]) -> tuple[float, float, float]:
    """Give the share of trials in which people took the painted photo for the real.

    Parameters
    ----------
    answers : mapping of str to sequence of bool
        Of each person, for each trial, whether she was fooled.

    Returns
    -------
    value, low, high : float
        In 0..1; 0.5 would be no better than guessing. The 95 % interval resamples
        people, each with all her answers: some people are fooled more easily, so that
        answers of one person are alike. Book chapter: evaluate.

    Raises
    ------
    ValueError
        If nobody answered, or somebody no trial.

    Notes
    -----
    The measure of Zhang et al. 2016, section 3.1, who find 32 % for their network.
    """
    if not answers or not all(map(len, answers.values())):
        raise ValueError(
            "answers must hold a person or more, each with a trial or more"
        )
    fooled = torch.tensor([sum(map(bool, given)) for given in answers.values()])
    trials = torch.tensor([len(given) for given in answers.values()])
    chance = torch.Generator().manual_seed(SEED)
    drawn = torch.randint(len(answers), (RESAMPLES, len(answers)), generator=chance)
    rates = fooled[drawn].sum(dim=1) / trials[drawn].sum(dim=1)
    low, high = rates.quantile(torch.tensor([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]))
    return (fooled.sum() / trials.sum()).item(), low.item(), high.item()
