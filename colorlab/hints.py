"""A person's dots of color on any network (book chapter: hints)."""

import math

import numpy as np
import torch
from torch import Tensor

from colorlab.classics.scribbles import neighbor_weights, solve
from colorlab.colorize import output_to_ab
from colorlab.decode import upsample
from colorlab.siggraph import HintReader, SiggraphNet
from colorlab.transfer import Network

GIVE_UP = 3e-5  # at each step: a dot reaches what looks alike, not the whole photo
RADIUS = 1  # pixels: a dot is a square of 3 x 3
NOT_SAID = 0.5  # the sureness of a network that answers one color
OFFERED, APART = 6, 25.0  # colors to choose from; ab units that each stands for
READERS = (HintReader, SiggraphNet)  # networks that have dots as inputs
MOST_PIXELS = 600_000  # of the system that is solved: about 2 GB


@torch.no_grad()
def apply(
    model: Network,
    L: Tensor,
    dots: Tensor,
    T: float | None = None,
    give_up: float = GIVE_UP,
) -> Tensor:
    """Color lightness by a network and a person's dots (book chapter: hints).

    Parameters
    ----------
    model : Network
        In eval mode. One that was trained to read dots is given them, too; what it
        misses of them is spread.
    L : Tensor, shape (1, 1, H, W)
        Lightness in Lab units, on the device of `model`; H and W multiples of 8.
    dots : Tensor, shape (n, 4)
        y, x, a, b: a pixel, counted from 0 at the upper left, and its color in Lab
        units. It covers 3 x 3 pixels; where dots overlap, their mean counts.
    T : float, optional
        As for `colorlab.colorize.predict_ab`.
    give_up : float
        As for `blend`.

    Returns
    -------
    Tensor, shape (1, 2, H, W)
        ab in Lab units; at the dots, their own. Without dots, exactly the answer of
        `predict_ab`.

    Raises
    ------
    ValueError
        If `dots` has another shape or lies outside, `L` holds more than one image or
        600,000 pixels, or as the `forward` of `model`, and `annealed_mean`.

    Examples
    --------
    >>> from colorlab import load_pretrained
    >>> dot = torch.tensor([[8.0, 12.0, 60.0, -20.0]])
    >>> with torch.inference_mode():
    ...     ab = apply(load_pretrained("tiny"), torch.full((1, 1, 16, 24), 50.0), dot)
    >>> ab[0, :, 8, 12]
    tensor([ 60., -20.])
    """
    size = L.shape[-2], L.shape[-1]
    if len(L) != 1 or math.prod(size) > MOST_PIXELS:
        raise ValueError(
            f"L must hold one image, of at most {MOST_PIXELS} pixels where there are "
            f"hints, got {tuple(L.shape)}; take a smaller size"
        )
    heard = as_inputs(dots, L) if len(dots) and isinstance(model, READERS) else ()
    output = model(L, *heard)
    ab = upsample(output_to_ab(model, output, T), size)
    if not len(dots):
        return ab
    sure = torch.full_like(ab[:, 0], NOT_SAID)
    if model.head == "bins":
        sure = upsample(sureness(output).expand(-1, 2, -1, -1), size)[:, 0]
    gray = (L[0, 0] / 100).clamp(0, 1)
    parts = [part.double().cpu().numpy() for part in (gray, ab[0], sure[0], dots)]
    blended = blend(parts[0], parts[1], parts[2], parts[3], give_up)
    return torch.from_numpy(blended).to(ab)[None]


def blend(
    gray: np.ndarray,
    ab: np.ndarray,
    sure: np.ndarray,
    dots: np.ndarray,
    give_up: float = GIVE_UP,
) -> np.ndarray:
    """Spread dots of color, and keep of the network's answer what they do not say.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1.
    ab : ndarray, shape (2, H, W)
        The network's answer.
    sure : ndarray, shape (H, W)
        Its sureness, in 0..1.
    dots : ndarray, shape (n, 4)
        As for `apply`; at least one.
    give_up : float
        Probability, in 0..1, that the walker gives up at a step. 0: each dot reaches
        the whole photo.

    Returns
    -------
    ndarray, shape (2, H, W)
        ab in Lab units.

    Raises
    ------
    ValueError
        As `apply`, or if `give_up` is not in 0..1.

    Notes
    -----
    From each pixel sets out the random walker of `colorlab.classics.scribbles`, who
    gives up now and then. If he does, the pixel keeps the network's color. If he meets
    a dot, it gets the dot's color, and of what the network says of the pixel and not of
    the dot, the share `sure`. With `give_up` 0 and sureness 0, this is Levin et al.
    2004; with 0 and 1, the difference between person and network is spread and added
    to the network. The blend is ours.

    Examples
    --------
    A row of gray pixels. The network says that a is 0 on the left, 20 on the right; a
    dot in the first pixel says 30:

    >>> row, dots = np.full((1, 8), 0.5), np.array([[0, 0, 30, 0]])
    >>> ab = np.stack([row * 0, row * 0])
    >>> ab[0, 0, 4:] = 20
    >>> for sure in (0, 0.5, 1):
    ...     print(blend(row, ab, sure + 0 * row, dots, give_up=0)[0].round())
    [[30. 30. 30. 30. 30. 30. 30. 30.]]
    [[30. 30. 30. 30. 40. 40. 40. 40.]]
    [[30. 30. 30. 30. 50. 50. 50. 50.]]
    """
    if not 0 <= give_up <= 1:
        raise ValueError(f"give_up must be in 0..1, got {give_up}")
    mask, given = stamp(dots, gray.shape)
    weights = (1 - give_up) * neighbor_weights(gray)
    spread = solve(weights, np.stack([*given, *ab, mask]), mask)
    said, own, met = spread[:2], spread[2:4], spread[4]
    return said + (1 - met) * ab + sure * (met * ab - own)


def sureness(logits: Tensor) -> Tensor:
    """Return how sure a network is of its colors (book chapter: hints).

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        The network's output, before softmax.

    Returns
    -------
    Tensor, shape (N, 1, h, w)
        1 minus the entropy in shares of the largest possible, that of Q bins with
        equal probabilities: 0 there, and 1 where one bin holds all.

    Examples
    --------
    >>> sureness(torch.tensor([[0.0, 0, 0, 0], [99, 0, 0, 0]]).view(2, 4, 1, 1)).ravel()
    tensor([0., 1.])
    """
    entropy = torch.special.entr(logits.float().softmax(dim=1)).sum(dim=1, keepdim=True)
    return 1 - entropy / math.log(logits.shape[1])


def likely_colors(
    p: Tensor, centers: Tensor, count: int = OFFERED
) -> tuple[Tensor, Tensor]:
    """Return a few different colors that a distribution holds likely.

    Parameters
    ----------
    p : Tensor, shape (Q,)
        Probabilities of the bins.
    centers : Tensor, shape (Q, 2)
        Bin centers, in ab units.
    count : int
        How many at most.

    Returns
    -------
    colors : Tensor, shape (m, 2)
        The likeliest first.
    shares : Tensor, shape (m,)
        What each stands for; their sum is at most 1.

    Notes
    -----
    The likeliest bin is taken, together with all bins within 25 units; then the
    likeliest that is left, and so on. A color is the mean of its bins, its share what
    they hold together; a later one may hold more than an earlier one.

    Examples
    --------
    >>> centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [40.0, 0.0]])
    >>> likely_colors(torch.tensor([0.4, 0.2, 0.4]), centers)[1]
    tensor([0.6000, 0.4000])
    """
    left = p.clone()
    colors: list[Tensor] = []
    shares: list[Tensor] = []
    while len(colors) < count and left.max() > 0:
        near = (centers - centers[left.argmax()]).norm(dim=1) <= APART
        held = left * near
        shares.append(held.sum())
        colors.append(held @ centers.to(held.dtype) / held.sum())
        left[near] = 0
    order = torch.stack(shares).argsort(descending=True, stable=True)
    return torch.stack(colors)[order], torch.stack(shares)[order]


def as_inputs(dots: Tensor, L: Tensor) -> tuple[Tensor, Tensor]:
    """Return dots as a network that reads them takes them.

    Parameters
    ----------
    dots : Tensor of shape (n, 4)
        Rows of y, x, a, b: pixels of `L`, and Lab units.
    L : Tensor of shape (1, 1, H, W)
        The photo; device and dtype of the results.

    Returns
    -------
    ab : Tensor of shape (1, 2, H, W)
        In Lab units; 0 where there is no dot.
    mask : Tensor of shape (1, 1, H, W)
        1 where there is a dot, else 0.
    """
    mask, given = stamp(dots.double().cpu().numpy(), (L.shape[-2], L.shape[-1]))
    return torch.from_numpy(given).to(L)[None], torch.from_numpy(mask).to(L)[None, None]


def stamp(dots: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw dots as small squares.

    Parameters
    ----------
    dots : ndarray of shape (n, 4)
        Rows of y, x, a, b: pixels of a photo, and Lab units.
    size : tuple of int
        Height and width of the photo.

    Returns
    -------
    mask : ndarray of bool, shape (H, W)
        Where there is a dot.
    given : ndarray of shape (2, H, W)
        Their ab there, in Lab units: the mean where dots overlap, 0 elsewhere.

    Raises
    ------
    ValueError
        If dots are not finite rows of four, or not in the photo.
    """
    if dots.ndim != 2 or dots.shape[1] != 4 or not np.isfinite(dots).all():
        raise ValueError(f"dots must have shape (n, 4) and be finite, got {dots.shape}")
    places = np.floor(dots[:, :2]).astype(int)
    if not ((places >= 0) & (places < size)).all():
        raise ValueError(f"dots must lie in {size[0]} x {size[1]} pixels, y first")
    count, sums = np.zeros(size), np.zeros((2, *size))
    for (y, x), color in zip(places, dots[:, 2:], strict=True):
        rows = slice(max(0, y - RADIUS), y + RADIUS + 1)
        columns = slice(max(0, x - RADIUS), x + RADIUS + 1)
        count[rows, columns] += 1
        sums[:, rows, columns] += color[:, None, None]
    return count > 0, sums / np.maximum(count, 1)
