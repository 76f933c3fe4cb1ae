"""How close to the truth, by several measures (book chapter: evaluate)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from colorlab.quantize import nearest_bin

MAX_ERROR = 150  # ab units: the last threshold; Zhang et al. 2016, section 3.1
SLOTS = MAX_ERROR + 2  # of a histogram: exact, each unit up to the last, beyond
MAX_PSNR = 100.0  # dB
WINDOW, K1, K2 = 7, 0.01, 0.03  # of SSIM: scikit-image's window, the source's constants


def ab_distance(ab_hat: Tensor, ab: Tensor) -> Tensor:
    """Return the distance of colors on the ab plane (book chapter: evaluate).

    Parameters
    ----------
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.

    Returns
    -------
    Tensor, shape (N, H, W)
        In ab units.

    Examples
    --------
    >>> ab = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    >>> ab_distance(ab, 0 * ab).item()
    5.0
    """
    return torch.hypot(*(ab_hat - ab).unbind(dim=1))  # norm(dim=1) is far slower


def ciede2000(ab_hat: Tensor, ab: Tensor) -> Tensor:
    """Return the difference that people see between colors of one lightness.

    Parameters
    ----------
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.

    Returns
    -------
    Tensor, shape (N, H, W)
        CIEDE2000, of which 1 is about what a trained eye just sees.

    Notes
    -----
    Luo, Cui and Rigg 2001, after the notes of Sharma, Wu and Dalal 2005, without the
    term of lightness, which is 0 here: a colored picture keeps that of the photo.
    Book chapter: evaluate.

    Examples
    --------
    Two units of a near gray, and in a vivid green:

    >>> gray = torch.zeros(1, 2, 1, 1)
    >>> green = torch.tensor([-70.0, 70.0]).view(1, 2, 1, 1)
    >>> [round(ciede2000(ab + 2, ab).item(), 1) for ab in (gray, green)]
    [3.3, 1.0]
    """
    a, b = torch.stack([ab_hat, ab]).unbind(dim=2)  # each (2, N, H, W)
    seventh = torch.hypot(a, b).mean(dim=0) ** 7
    a = a * (1.5 - 0.5 * (seventh / (seventh + 25**7)).sqrt())  # grays lie apart
    chroma, hue = torch.hypot(a, b), torch.atan2(b, a)
    middle = chroma.mean(dim=0)
    hue = torch.remainder(hue, 2 * torch.pi)
    turn = hue[0] - hue[1]  # the short way; of opposite hues, as it is
    turn = torch.where(turn.abs() > torch.pi, turn - 2 * torch.pi * turn.sign(), turn)
    between = torch.where(chroma.amin(dim=0) > 0, hue[1] + turn / 2, hue.sum(dim=0))
    across = 2 * chroma.prod(dim=0).sqrt() * (turn / 2).sin()
    uneven = (
        1
        - 0.17 * (between - torch.pi / 6).cos()
        + 0.24 * (2 * between).cos()
        + 0.32 * (3 * between + torch.pi / 30).cos()
        - 0.20 * (4 * between - 0.35 * torch.pi).cos()
    )
    along = (chroma[0] - chroma[1]) / (1 + 0.045 * middle)
    across = across / (1 + 0.015 * middle * uneven)
    degrees = torch.remainder(between, 2 * torch.pi).rad2deg()
    blue = (torch.pi / 3 * (-(((degrees - 275) / 25) ** 2)).exp()).sin()
    seventh = middle**7
    twist = -2 * (seventh / (seventh + 25**7)).sqrt() * blue
    total = along**2 + across**2 + twist * along * across
    return total.clamp(min=0).sqrt()


def error_histogram(
    ab_hat: Tensor,
    ab: Tensor,
    pixel_weight: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor] = ab_distance,
) -> Tensor:
    """Return how much weight has which error, image by image (chapter: evaluate).

    Parameters
    ----------
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.
    pixel_weight : Tensor, shape (N, H, W)
        What each pixel counts.
    distance : callable
        What the error is: `ab_distance` or `ciede2000`.

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
    error = distance(ab_hat, ab)
    slot = error.ceil().clamp(max=MAX_ERROR + 1).long().flatten(1)  # (N, H * W)
    histogram = torch.zeros(len(error), SLOTS, dtype=torch.float64)
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


def ssim(rgb_hat: Tensor, rgb: Tensor) -> Tensor:
    """Structural similarity of each image (book chapter: evaluate).

    Parameters
    ----------
    rgb_hat, rgb : Tensor, shape (N, 3, H, W)
        Predicted and true colors in [0, 1]; H and W at least 7.

    Returns
    -------
    Tensor, shape (N,)
        At most 1, where both are the same.

    Notes
    -----
    Wang et al. 2004, with scikit-image's windows of 7 x 7 pixels that count alike;
    the mean over windows and colors. Papers differ in the window.

    Examples
    --------
    >>> ssim(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))
    tensor([1.])
    """
    x, y = rgb_hat, rgb
    means = [avg_pool2d(z, WINDOW, stride=1) for z in (x, y, x * x, y * y, x * y)]
    mean_x, mean_y, xx, yy, xy = means
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    spread = unbiased * (xx - mean_x**2 + yy - mean_y**2)
    shared = unbiased * (xy - mean_x * mean_y)
    alike = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    alike *= (2 * shared + K2**2) / (spread + K2**2)
    return alike.mean(dim=(1, 2, 3))


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
    return ab_distance(ab, torch.zeros_like(ab)).mean(dim=(1, 2))
