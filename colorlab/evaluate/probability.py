"""How good a network's probabilities are (book chapters: evaluate, colorize)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from colorlab.losses import logit_adjustment, soft_cross_entropy, trained_prior
from colorlab.transfer import Network

BANDS = 20  # of confidence, equally wide
RESAMPLES = 1000  # of the error of a calibrated network
HALVINGS, COLDEST, HOTTEST = 40, 0.05, 20.0  # of the search for a temperature
EDGES = 10 ** torch.linspace(-5, 0, 21)  # of the bands of probability: four a decade


def training_adjustment(model: Network) -> Tensor:
    """Return what the weights of the training added to a network's logits.

    Parameters
    ----------
    model : Network
        Its card tells lambda, if it was trained with weights.

    Returns
    -------
    Tensor, shape (Q,)
        Log weights; subtracted from the logits, they leave what the network takes
        for the frequencies of the colors. 0 for a network trained without weights.

    Examples
    --------
    >>> from colorlab import ColorNet
    >>> training_adjustment(ColorNet(width=2)).abs().max().item()
    0.0
    """
    config = model.card.get("config", {})
    trained = config.get("lam", 1.0) if config.get("loss") == "rebal" else 1.0
    adjustment = logit_adjustment(trained_prior(model), model.card.get("lam", trained))
    return adjustment.float().to(model.centers.device)


def image_nats(logits: Tensor, bins: Tensor, weights: Tensor) -> Tensor:
    """Return the cross-entropy of each image (book chapter: evaluate).

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        Of the network, or (1, Q, 1, 1) of one distribution for all pixels.
    bins, weights : Tensor, shape (N, k, h, w)
        The soft targets.

    Returns
    -------
    Tensor, shape (N,)
        In nats, mean over the pixels of each image.

    Examples
    --------
    >>> bins = torch.zeros(1, 1, 2, 2, dtype=torch.int64)
    >>> image_nats(torch.zeros(1, 2, 2, 2), bins, torch.ones(1, 1, 2, 2)).exp()
    tensor([2.])
    """
    logits = logits.expand(len(bins), -1, *bins.shape[2:])
    parts = zip(logits.split(1), bins.split(1), weights.split(1), strict=True)
    return torch.stack([soft_cross_entropy(*part) for part in parts])


def target_entropy(weights: Tensor) -> Tensor:
    """Return the entropy of each image's soft targets: no network gets below it.

    Parameters
    ----------
    weights : Tensor, shape (N, k, h, w)
        Of the soft targets.

    Returns
    -------
    Tensor, shape (N,)
        In nats, mean over the pixels of each image.

    Examples
    --------
    >>> target_entropy(torch.full((1, 2, 1, 1), 0.5)).exp()
    tensor([2.])
    """
    return -torch.xlogy(weights, weights).sum(dim=1).mean(dim=(1, 2))


def reliability(logits: Tensor, bins: Tensor, weights: Tensor) -> Tensor:
    """Compare probabilities with how often it comes so, band by band.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        Of a network.
    bins, weights : Tensor, shape (N, k, h, w)
        The soft targets.

    Returns
    -------
    Tensor of float64, shape (22, 3)
        Of each band of probability between two `EDGES`, and of those below and above
        all: how many probabilities of pixels and bins lie in it; their sum; and the
        sum of the targets there. Sums over images add up. A network whose 9 % come
        true in 9 % of the cases has the last two alike. Book chapter: evaluate.

    Examples
    --------
    >>> bins = torch.zeros(1, 1, 1, 1, dtype=torch.int64)
    >>> table = reliability(torch.zeros(1, 2, 1, 1), bins, torch.ones(1, 1, 1, 1))
    >>> table[table[:, 0] > 0]  # twice 50 %, and one of the two came true
    tensor([[2., 1., 1.]], dtype=torch.float64)
    """
    Z_hat = logits.softmax(dim=1).cpu()
    band = torch.bucketize(Z_hat, EDGES)
    Z = torch.zeros_like(Z_hat).scatter_(1, bins.cpu(), weights.cpu().to(Z_hat))
    rows = len(EDGES) + 1
    columns = (torch.ones_like(Z_hat), Z_hat, Z)
    counts = [band.flatten().bincount(x.flatten().double(), rows) for x in columns]
    return torch.stack(counts, dim=1)


def confidence(logits: Tensor, bins: Tensor, weights: Tensor) -> Tensor:
    """Compare how sure a network is of its likeliest bin with how often it is right.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        Of a network.
    bins, weights : Tensor, shape (N, k, h, w)
        The targets: one bin of weight 1, or soft ones, which are right in part.

    Returns
    -------
    Tensor of float64, shape (N, 20, 3)
        Of each image and each twentieth of confidence: how many pixels' likeliest
        bins have a probability there; the sum of these; the sum of their targets.
        Book chapter: colorize.

    Examples
    --------
    >>> bins = torch.zeros(1, 1, 1, 1, dtype=torch.int64)
    >>> logits = torch.tensor([0.72, 0.28]).log().view(1, 2, 1, 1)
    >>> confidence(logits, bins, torch.ones(1, 1, 1, 1))[0, 14].round(decimals=2)
    tensor([1.0000, 0.7200, 1.0000], dtype=torch.float64)
    """
    top = logits.softmax(dim=1).max(dim=1)
    band = (top.values * BANDS).long().clamp(max=BANDS - 1)
    right = (weights * (bins == top.indices[:, None])).sum(dim=1)
    columns = (torch.ones_like(right), top.values, right)
    table = torch.zeros(len(logits), BANDS, len(columns), dtype=torch.float64)
    for number, column in enumerate(columns):
        flat = column.flatten(1).double().cpu()
        table[:, :, number].scatter_add_(1, band.flatten(1).cpu(), flat)
    return table


class CalibrationError(NamedTuple):
    """How far confidence and being right lie apart; and what chance alone makes."""

    found: float
    chance: float  # the mean of a calibrated network, on as many images like these
    chance_high: float  # what it exceeds in one of twenty cases


def calibration_error(tables: Tensor, rng: torch.Generator) -> CalibrationError:
    """Return the expected calibration error, beside what chance alone makes of it.

    Parameters
    ----------
    tables : Tensor, shape (N, 20, 3)
        As `confidence` returns them.
    rng : torch.Generator
        Of the resamples.

    Returns
    -------
    CalibrationError
        In shares: the mean over pixels of |confidence - share that was right| of their
        band. It is never 0, as a band's share is off by chance, and an absolute value
        does not cancel: it is biased upward.

    Notes
    -----
    Guo et al. 2017. For the bias: pixels of an image err together, so the image is the
    unit. From each image's gap in a band, the gap of the whole band is taken out; with
    signs drawn by coin, one an image, the rest are the gaps of a calibrated network (a
    wild bootstrap). Book chapter: colorize.

    Examples
    --------
    >>> table = torch.zeros(2, 20, 3)
    >>> table[:, 14] = torch.tensor([10.0, 7.2, 5.0])
    >>> round(calibration_error(table, torch.Generator().manual_seed(0)).found, 3)
    0.22
    """
    count, said, right = tables.double().unbind(dim=2)
    total, gaps = count.sum(), said - right  # gaps: (N, bands)
    shared = gaps.sum(dim=0) / count.sum(dim=0).clamp(min=1)
    images = count.sum(dim=0).square() / count.square().sum(dim=0).clamp(min=1)
    lost = (images / (images - 1).clamp(min=0.5)).sqrt()  # by the gap taken out
    rest = lost * (gaps - count * shared)
    signs = torch.randint(0, 2, (RESAMPLES, len(gaps)), generator=rng) * 2.0 - 1
    by_chance = (signs.double() @ rest).abs().sum(dim=1) / total
    return CalibrationError(
        (gaps.sum(dim=0).abs().sum() / total).item(),
        by_chance.mean().item(),
        by_chance.quantile(0.95).item(),
    )


def fit_temperature(logits: Tensor, bins: Tensor, weights: Tensor) -> float:
    """Return the temperature at which a network's probabilities fit best.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        Of a network, on images on which nothing else is measured.
    bins, weights : Tensor, shape (N, k, h, w)
        Their targets.

    Returns
    -------
    float
        Divides the logits: above 1 if the network was too sure. Between 0.05 and 20.

    Notes
    -----
    Temperature scaling, Guo et al. 2017. The cross-entropy is least where the mean
    logit, by the network's own probabilities, is that of the targets; the former falls
    as T rises, so halving finds it. Book chapter: colorize.

    Examples
    --------
    Four times in five the first of two bins: its logit should be log 4 = 1.39 higher.

    >>> bins = torch.tensor([0, 0, 0, 0, 1]).view(1, 1, 1, 5)
    >>> logits = torch.tensor([2.77, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 5)
    >>> round(fit_temperature(logits, bins, torch.ones(1, 1, 1, 5)), 2)
    2.0
    """
    true = (logits.gather(1, bins) * weights).sum(dim=1).mean()
    low, high = COLDEST, HOTTEST
    for _ in range(HALVINGS):
        T = math.sqrt(low * high)
        expected = ((logits / T).softmax(dim=1) * logits).sum(dim=1).mean()
        low, high = (T, high) if expected > true else (low, T)
    return math.sqrt(low * high)
