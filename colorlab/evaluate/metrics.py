"""How close to the truth, by several measures (book chapter: evaluate)."""

import torch
from torch import Tensor

from colorlab.quantize import nearest_bin

MAX_ERROR = 150  # ab units: the last threshold; Zhang et al. 2016, section 3.1
SLOTS = MAX_ERROR + 2  # of a histogram: exact, each unit up to the last, beyond
MAX_PSNR = 100.0  # dB


def error_histogram(ab_hat: Tensor, ab: Tensor, pixel_weight: Tensor) -> Tensor:
    """Return how much weight has which error, image by image (chapter: evaluate).

    Parameters
    ----------
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.
    pixel_weight : Tensor, shape (N, H, W)
        What each pixel counts.

    Returns
    -------
    Tensor of float64, shape (N, 152)
        On the CPU, as not every device has float64. For each image the weight of
        pixels with an error of 0, in (0, 1], (1, 2], ... (149, 150], and beyond.

    Examples
    --------
    >>> ab = torch.zeros(1, 2, 1, 2)
    >>> error_histogram(ab + 0.5, ab, torch.ones(1, 1, 2))[0, :3]
    tensor([0., 2., 0.], dtype=torch.float64)
    """
    distance = torch.hypot(*(ab_hat - ab).unbind(dim=1))  # norm(dim=1) is far slower
    slot = distance.ceil().clamp(max=MAX_ERROR + 1).long().flatten(1)  # (N, H * W)
    histogram = torch.zeros(len(ab), SLOTS, dtype=torch.float64)
    weight = pixel_weight.cpu().double().flatten(1)
    return histogram.scatter_add_(1, slot.cpu(), weight)


def auc(histogram: Tensor) -> Tensor:
    """Area under the curve of pixels within t of the truth, for t = 0..150.

    Parameters
    ----------
    histogram : Tensor, shape (..., 152)
        As `error_histogram` returns it; summed over images first, to pool them.

    Returns
    -------
    Tensor, shape (...)
        Percent: 100 where every pixel is exact.

    Notes
    -----
    Zhang et al. 2016, section 3.1, who do not say how the area is summed. Here: the
    mean over the 151 whole thresholds. Book chapter: evaluate.

    Examples
    --------
    >>> histogram = torch.zeros(152)
    >>> histogram[0] = 1  # every pixel is exact
    >>> auc(histogram).item()
    100.0
    """
    within = histogram.cumsum(-1)[..., : MAX_ERROR + 1]
    return 100 * within.mean(-1) / histogram.sum(-1)


def rebalancing_weight(ab: Tensor, centers: Tensor, p: Tensor) -> Tensor:
    """Weight each pixel by 1/p of its true bin, for the rebalanced AuC.

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        True chroma, in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers.
    p : Tensor, shape (Q,)
        The prior; the measuring protocol floors it at 1e-4.

    Returns
    -------
    Tensor, shape (N, H, W)
        Weights. Zhang et al. 2016, section 3.1: equation 4 with lambda = 0.
        Book chapter: evaluate.

    Examples
    --------
    >>> centers = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    >>> p = torch.tensor([0.8, 0.2])
    >>> rebalancing_weight(torch.zeros(1, 2, 1, 1), centers, p).item()
    1.25
    """
    return (1 / p)[nearest_bin(ab, centers)]


def psnr(rgb_hat: Tensor, rgb: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image (book chapter: evaluate).

    Parameters
    ----------
    rgb_hat, rgb : Tensor, shape (N, 3, H, W)
        Predicted and true colors in [0, 1].

    Returns
    -------
    Tensor, shape (N,)
        In dB; 100 where both are (nearly) the same and it would be infinite.

    Examples
    --------
    >>> half = torch.full((1, 3, 2, 2), 0.5)
    >>> round(psnr(half - 0.1, half).item(), 2)
    20.0
    """
    error = (rgb_hat - rgb).square().mean(dim=(1, 2, 3))
    return -10 * error.clamp(min=10 ** (-MAX_PSNR / 10)).log10()


def colorfulness(rgb: Tensor) -> Tensor:
    """How colorful people find each image (book chapter: evaluate).

    Parameters
    ----------
    rgb : Tensor, shape (N, 3, H, W)
        Colors in [0, 1].

    Returns
    -------
    Tensor, shape (N,)
        On the scale of the source: 0 is gray, 15 slightly, 33 moderately, 59 quite,
        109 extremely colorful.

    Notes
    -----
    Hasler and Suesstrunk 2003: with rg = R - G and yb = (R + G) / 2 - B in units of
    0..255, the joint standard deviation plus 0.3 times the distance of the mean from
    gray. Some later code takes rg and yb without their signs, which gives other
    numbers.

    Examples
    --------
    >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    >>> round(colorfulness(red).item(), 1)
    85.5
    """
    R, G, B = (255 * rgb).unbind(dim=1)
    opponents = torch.stack([R - G, (R + G) / 2 - B], dim=1).flatten(2)  # (N, 2, H*W)
    spread = opponents.var(dim=2, correction=0).sum(dim=1).sqrt()
    return spread + 0.3 * opponents.mean(dim=2).norm(dim=1)


def mean_chroma(ab: Tensor) -> Tensor:
    """Mean distance from gray of each image (book chapter: evaluate).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        Chroma in Lab units.

    Returns
    -------
    Tensor, shape (N,)
        In ab units.

    Examples
    --------
    >>> mean_chroma(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1))
    tensor([5.])
    """
    return torch.hypot(*ab.unbind(dim=1)).mean(dim=(1, 2))
