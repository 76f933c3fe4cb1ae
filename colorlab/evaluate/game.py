"""Ten chips instead of 313 probabilities: the page's game (book page: game)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from colorlab.evaluate.turing import read_class
from colorlab.prior import smooth_prior
from colorlab.quantize import N_BINS, SIGMA

N_CHIPS = 10
PRIOR_SHARE = 0.2  # of the distribution that chips stand for
GAME_KIND, GAME_FORMAT = "colorlab network game", 1


def share_chips(p: Tensor, n: int = N_CHIPS) -> Tensor:
    """Share whole chips among bins as a distribution asks, by largest remainders.

    Parameters
    ----------
    p : Tensor, shape (Q,)
        Probabilities, of sum 1.
    n : int
        Number of chips.

    Returns
    -------
    Tensor of int64, shape (Q,)
        Chips on each bin, of sum `n`: first what n p has before the point, then one
        more each for the largest rests; of equal ones, the lower bin's comes first.

    Notes
    -----
    The method of Hamilton, by which seats of a parliament are given to parties. A bin
    of less than a tenth may get a chip, and many small ones get none.

    Examples
    --------
    >>> share_chips(torch.tensor([0.55, 0.27, 0.18]))
    tensor([5, 3, 2])
    """
    wanted = n * p.double()
    chips = wanted.floor()
    left = n - int(chips.sum())
    rests = (wanted - chips).argsort(descending=True, stable=True)
    chips[rests[:left]] += 1
    return chips.long()


def spread_chips(
    chips: Tensor,
    prior: Tensor,
    centers: Tensor,
    sigma: float = SIGMA,
    prior_share: float = PRIOR_SHARE,
) -> Tensor:
    """Return the distribution that chips stand for, in which no bin is empty.

    Parameters
    ----------
    chips : Tensor, shape (Q,)
        Chips on each bin, at least one in all.
    prior : Tensor, shape (Q,)
        The smoothed prior, of sum 1.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    sigma : float
        Width of the Gaussian by which a chip is shared with near bins, in ab units.
    prior_share : float
        How much of the prior is mixed in, in 0..1: what one says without looking.

    Returns
    -------
    Tensor of float64, shape (Q,)
        Of sum 1. Each chip is blurred as `smooth_prior` blurs the prior, so that a
        near miss counts; where no chip is near, the prior is left, so that no loss
        is infinite. Book page: game.

    Raises
    ------
    ValueError
        If there is no chip, or a count is negative.

    Examples
    --------
    >>> from colorlab import bin_centers, load_prior
    >>> centers = bin_centers()
    >>> prior = smooth_prior(load_prior(), centers)
    >>> chips = torch.zeros(313)
    >>> chips[120] = 10
    >>> p = spread_chips(chips, prior, centers)
    >>> round(p[120].item(), 2), round(p.sum().item(), 6), (p > 0).all().item()
    (0.53, 1.0, True)
    """
    own = smooth_prior(chips, centers, sigma)
    return (1 - prior_share) * own + prior_share * prior.cpu().double()


def read_games(
    folder: str | Path, rounds: str | None = None
) -> dict[str, dict[str, list[Tensor]]]:
    """Read the result files of a class, as the page of the game writes them.

    Parameters
    ----------
    folder : str or Path
        All its `.json` files are read.
    rounds : str, optional
        Version of the rounds that is wanted; None takes that of the first file.

    Returns
    -------
    dict of str to dict of str to list of Tensor of int64, shape (313,)
        Of each file, by its name, and for each photo, the chips on each bin: one
        tensor a window, the smallest first.

    Raises
    ------
    ValueError
        If there is no file; or one is no result, is damaged, was written by another
        version of the page or for other rounds than the first, is a second try, or is
        there twice. Book page: game.

    Examples
    --------
    >>> read_games("nowhere")
    Traceback (most recent call last):
    ValueError: folder must hold .json files, got nowhere
    """
    kind = (GAME_KIND, GAME_FORMAT)
    found = read_class(folder, kind, "rounds", _find_fault, rounds)
    return {
        name: {
            answer["photo"]: [_count(bins) for bins in answer["chips"]]
            for answer in result["answers"]
        }
        for name, result in found.items()
    }


def pool_chips(games: Mapping[str, Mapping[str, list[Tensor]]]) -> dict[str, Tensor]:
    """Put the last chips of all people on one plane, photo by photo.

    Parameters
    ----------
    games : mapping
        As `read_games` returns them.

    Returns
    -------
    dict of str to Tensor of int64, shape (313,)
        Of each photo, the chips on each bin, of all people. Book page: game.

    Examples
    --------
    >>> one, other = torch.tensor([10, 0]), torch.tensor([4, 6])
    >>> pool_chips({"ann": {"sky": [other, one]}, "ben": {"sky": [other]}})
    {'sky': tensor([14,  6])}
    """
    photos = next(iter(games.values()))
    return {
        photo: torch.stack([given[photo][-1] for given in games.values()]).sum(dim=0)
        for photo in photos
    }


def _count(bins: list[int]) -> Tensor:
    return torch.bincount(torch.tensor(bins, dtype=torch.int64), minlength=N_BINS)


def _find_fault(answer: dict) -> str | None:
    """Return what is wrong with an answer's chips, if anything."""
    windows = answer.get("chips")
    if not isinstance(windows, list) or not windows:
        return "chips must be a list for each window"
    for bins in windows:
        if not isinstance(bins, list) or any(type(q) is not int for q in bins):
            return "chips must be bins"
        if not all(0 <= q < N_BINS for q in bins):
            return f"chips must be in 0..{N_BINS - 1}"
    if len(windows[-1]) != N_CHIPS:
        return f"the last window must have {N_CHIPS} chips"
    return None
