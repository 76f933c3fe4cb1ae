"""Filters that clean or enlarge a picture, guided by another (chapter: descriptors)."""

import numpy as np
import torch
from scipy import ndimage

from colorlab.decode import upsample

FARTHEST = 600.0  # of an exponent, so that weights stay above 0


def joint_bilateral(
    values: np.ndarray,
    guide: np.ndarray,
    radius: int = 4,
    sigma_space: float = 2.0,
    sigma_guide: float = 0.05,
) -> np.ndarray:
    """Average each pixel with those near it that look alike in another picture.

    Parameters
    ----------
    values : ndarray, shape (C, h, w)
        Such as ab: at each pixel of `guide`, or one for f x f of them; then they are
        enlarged as well.
    guide : ndarray, shape (H, W)
        Lightness in 0..1; H = f h and W = f w for a whole f.
    radius : int
        The window has 2 radius + 1 values on a side.
    sigma_space, sigma_guide : float
        Standard deviations of the two weights: by distance, in values, and by the
        difference in `guide`.

    Returns
    -------
    ndarray, shape (C, H, W)
        Weighted means of `values`, so within their range.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or a sigma is not positive.

    Notes
    -----
    Petschnigg et al. 2004 for f = 1; enlarging: Kopf et al. 2007. A value for f x f
    pixels lies at their middle and is compared by their mean gray. At the border the
    window is cut.

    Examples
    --------
    >>> guide = np.repeat([[0.0, 0, 0, 1, 1, 1]], 3, axis=0)
    >>> noisy = np.array([[[4.0, 8, 6, -4, -8, -6]] * 3])
    >>> joint_bilateral(noisy, guide, sigma_space=99)[0, 0].round(2)
    array([ 6.,  6.,  6., -6., -6., -6.])
    """
    values, guide = np.asarray(values, float), np.asarray(guide, float)
    factor = _factor(values, guide, radius)
    if not (sigma_space > 0 and sigma_guide > 0):
        raise ValueError(
            f"sigmas must be positive, got {sigma_space} and {sigma_guide}"
        )
    _, rows, columns = values.shape
    cells = guide.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    y, x = (np.arange(side) for side in guide.shape)
    total, weights = np.zeros((len(values), *guide.shape)), np.zeros(guide.shape)
    for row in range(-radius, radius + 1):
        for column in range(-radius, radius + 1):
            v, u = y // factor + row, x // factor + column
            inside = ((v >= 0) & (v < rows))[:, None] & ((u >= 0) & (u < columns))
            v, u = v.clip(0, rows - 1), u.clip(0, columns - 1)
            down = (y // factor + row + 0.5) - (y + 0.5) / factor
            right = (x // factor + column + 0.5) - (x + 0.5) / factor
            distance = (down[:, None] ** 2 + right**2) / (2 * sigma_space**2)
            change = (guide - cells[np.ix_(v, u)]) ** 2 / (2 * sigma_guide**2)
            weight = inside * np.exp(-np.minimum(distance + change, FARTHEST))
            total += weight * values[:, v[:, None], u]
            weights += weight
    return total / weights


def guided_filter(
    values: np.ndarray, guide: np.ndarray, radius: int = 4, eps: float = 1e-3
) -> np.ndarray:
    """Say values, in each window, as a straight line over another picture's grays.

    Parameters
    ----------
    values : ndarray, shape (C, h, w)
        As for `joint_bilateral`.
    guide : ndarray, shape (H, W)
        As there.
    radius : int
        The window has 2 radius + 1 values on a side.
    eps : float
        Windows whose grays vary much less than this are averaged; those that vary much
        more keep their edges.

    Returns
    -------
    ndarray, shape (C, H, W)
        May leave the range of `values`, unlike `joint_bilateral`.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or `eps` is not positive.

    Notes
    -----
    He, Sun and Tang 2013; enlarging: the lines are found on the small picture and
    enlarged bilinearly (He and Sun 2015). At the border the window is cut.

    Examples
    --------
    >>> ramp = np.tile(np.linspace(0, 1, 9), (9, 1))
    >>> np.abs(guided_filter(50 * ramp[None], ramp, eps=1e-9) - 50 * ramp).max() < 1e-3
    np.True_
    """
    values, guide = np.asarray(values, float), np.asarray(guide, float)
    factor = _factor(values, guide, radius)
    if not eps > 0:
        raise ValueError(f"eps must be positive, got {eps}")
    rows, columns = values.shape[1:]
    cells = guide.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    side = 2 * radius + 1
    inside = ndimage.uniform_filter(np.ones_like(cells), side, mode="constant")

    def average(x: np.ndarray) -> np.ndarray:
        size = (1,) * (x.ndim - 2) + (side, side)
        return ndimage.uniform_filter(x, size, mode="constant") / inside

    middle, level = average(cells), average(values)
    variance = average(cells**2) - middle**2
    slope = (average(cells * values) - middle * level) / (variance + eps)
    lines = np.concatenate([average(slope), average(level - slope * middle)])
    if factor > 1:
        height, width = guide.shape
        lines = upsample(torch.from_numpy(lines)[None], (height, width))[0].numpy()
    slope, level = np.split(lines, 2)
    return slope * guide + level


def _factor(values: np.ndarray, guide: np.ndarray, radius: int) -> int:
    """Return how many pixels of the guide one value covers, each way."""
    if radius != int(radius) or radius < 0:
        raise ValueError(f"radius must be a whole number, 0 or more, got {radius}")
    for name, numbers in (("values", values), ("guide", guide)):
        if not np.isfinite(numbers).all():
            raise ValueError(f"{name} must be finite")
    if values.ndim == 3 and guide.ndim == 2 and values.size:
        factor = guide.shape[0] // values.shape[1]
        if factor and guide.shape == tuple(factor * n for n in values.shape[1:]):
            return factor
    raise ValueError(
        "guide must have shape (f h, f w) for values of shape (C, h, w), "
        f"got {guide.shape} and {values.shape}"
    )
