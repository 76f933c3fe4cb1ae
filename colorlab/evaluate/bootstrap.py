"""How sure a measure is: the bootstrap over images (book chapter: evaluate)."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from colorlab.evaluate.metrics import auc

RESAMPLES, COVERAGE = 1000, 0.95
FEW = 30  # images; a bootstrap of fewer gives intervals that are too narrow

Interval = tuple[float, float, float]  # value, low, high


def resample(images: int, rng: torch.Generator) -> Tensor:
    """Return Poisson bootstrap weights for the next images (book chapter: evaluate).

    Parameters
    ----------
    images : int
        N, the next images of a data set of any length.
    rng : torch.Generator
        Its next numbers are used.

    Returns
    -------
    Tensor of float64, shape (1001, N)
        How often each image is in the data (once, the first row), and in each of
        1,000 resamples.

    Notes
    -----
    A resample draws n times from n images. Each image is then in it about as often as
    a Poisson variable of mean 1 says. Drawn so, image by image, it needs to know
    neither n nor the other images (Chamandy et al. 2012).

    Examples
    --------
    >>> resample(2, torch.Generator().manual_seed(0)).shape
    torch.Size([1001, 2])
    """
    ones = torch.ones(1 + RESAMPLES, images, dtype=torch.float64, device=rng.device)
    drawn = torch.poisson(ones[1:].T.contiguous(), rng).T
    return torch.cat([ones[:1], drawn])


def read_sums(sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn sums over images into the measures (book chapter: evaluate).

    Parameters
    ----------
    sums : mapping of str to Tensor, shape (R, 152) or (R,)
        Of what `measure_images` returns.

    Returns
    -------
    dict of str to Tensor, shape (R,)
        The measures.
    """
    return {
        name: auc(total) if total.ndim == 2 else total / sums["images"]
        for name, total in sums.items()
        if name != "images"
    }


def intervals(values: Mapping[str, Tensor]) -> dict[str, Interval]:
    """Return each measure as (value, low, high) (book chapter: evaluate).

    Parameters
    ----------
    values : mapping of str to Tensor, shape (1 + R,)
        Of all images, and of R resamples.

    Returns
    -------
    dict of str to (float, float, float)
        The value, and the ends of the middle 95 % of the resamples, but for those in
        which no image is (nan); both are nan without resamples.
    """
    tails = torch.tensor([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).double()
    found = {}
    for name, column in values.items():
        ends = [math.nan, math.nan]
        if len(column) > 1:
            drawn = column[1:].double()
            ends = drawn.nanquantile(tails, interpolation="nearest").tolist()
        found[name] = (column[0].item(), ends[0], ends[1])
    return found


def interval_text(interval: Interval, separator: str = " ") -> str:
    """Write a value and its interval, which is left out where it has no width.

    Parameters
    ----------
    interval : (float, float, float)
        Value, low and high.
    separator : str
        What stands between value and interval.

    Examples
    --------
    >>> interval_text((71.913, 70.2, 73.006))
    '71.91 (70.20..73.01)'
    >>> interval_text((71.913, math.nan, math.nan))
    '71.91'
    >>> interval_text((math.nan, math.nan, math.nan))
    '-'
    """
    value, low, high = interval
    if math.isnan(value):
        return "-"
    ends = f"{low:.2f}", f"{high:.2f}"
    told = f"{separator}({ends[0]}..{ends[1]})" if len({*ends}) > 1 else ""
    return f"{value:.2f}{told}"


def interval_note(images: int) -> str:
    """Return a sentence on how far the intervals of so many images can be trusted.

    Examples
    --------
    >>> interval_note(1000)
    'In brackets: 95 % intervals, by resampling the images.'
    >>> interval_note(1)
    'No interval: there is only one image.'
    """
    if images < 2:
        return "No interval: there is only one image."
    few = f" From only {images} images they are too narrow." if images < FEW else ""
    return f"In brackets: 95 % intervals, by resampling the images.{few}"
