"""How good a network's probabilities are (book chapter: evaluate)."""

import torch
from torch import Tensor

from colorlab.losses import logit_adjustment, soft_cross_entropy
from colorlab.prior import load_prior, smooth_prior
from colorlab.transfer import Network

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
    p = smooth_prior(load_prior(), model.centers)
    adjustment = logit_adjustment(p, model.card.get("lam", trained))
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
    Z = torch.zeros_like(Z_hat).scatter_(1, bins.cpu(), weights.cpu().float())
    rows = len(EDGES) + 1
    columns = (torch.ones_like(Z_hat), Z_hat, Z)
    counts = [band.flatten().bincount(x.flatten().double(), rows) for x in columns]
    return torch.stack(counts, dim=1)
