"""A network measured on images, with intervals (book chapter: evaluate)."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor

from colorlab.colorize import predict_ab
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource
from colorlab.decode import T_PAPER
from colorlab.evaluate.metrics import (
    SLOTS,
    auc,
    colorfulness,
    error_histogram,
    mean_chroma,
    psnr,
    rebalancing_weight,
)
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.prior import load_prior, smooth_prior
from colorlab.transfer import Network

P_FLOOR = 1e-4  # without it, a few pixels of nearly impossible color decide
SIZE = 128  # pixels: images are measured at this size
AT_ONCE = 16  # images
RESAMPLES, COVERAGE, SEED = 1000, 0.95, 0  # of the bootstrap
FEW = 30  # images; a bootstrap of fewer gives intervals that are too narrow
MEASURE_NAMES = {
    "auc": "AuC %",  # of all pixels of all images
    "auc_rebalanced": "rebalanced AuC %",  # rare colors count more
    "auc_rebalanced_raw": "... no floor under p",
    "auc_rebalanced_by_photo": "... photo by photo",  # mean over images
    "psnr": "PSNR dB",
    "colorfulness": "colorfulness",
    "chroma": "mean chroma",
}
MEASURES = tuple(MEASURE_NAMES)

Interval = tuple[float, float, float]  # value, low, high
Scores = dict[str, dict[str, Interval]]


def measure_images(L: Tensor, ab_hat: Tensor, ab: Tensor, weights: Tensor) -> Tensor:
    """Return what can be summed over images, for each image (chapter: evaluate).

    Parameters
    ----------
    L : Tensor, shape (N, 1, H, W)
        Lightness.
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.
    weights : Tensor, shape (2, N, H, W)
        What each pixel counts, by two weightings.

    Returns
    -------
    Tensor of float64, shape (N, 3 * 152 + 5)
        On the CPU. Three error histograms (all pixels alike; then by the two
        weightings); the first rebalanced AuC of each image alone; PSNR; colorfulness;
        mean chroma; and a 1, which counts the images.

    Examples
    --------
    >>> L, ab = torch.full((1, 1, 4, 4), 50.0), torch.zeros(1, 2, 4, 4)
    >>> measure_images(L, ab, ab, torch.ones(2, 1, 4, 4)).shape
    torch.Size([1, 461])
    """
    weightings = (torch.ones_like(weights[0]), *weights)
    histograms = [error_histogram(ab_hat, ab, weight) for weight in weightings]
    rgb_hat, rgb = (lab_to_rgb(torch.cat([L, c], dim=1)) for c in (ab_hat, ab))
    alone = [
        auc(histograms[1]),
        psnr(rgb_hat, rgb),
        colorfulness(rgb_hat),
        mean_chroma(ab_hat),
        torch.ones(len(ab)),
    ]
    columns = torch.stack([column.cpu().double() for column in alone], dim=1)
    return torch.cat([*histograms, columns], dim=1)


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
    drawn = torch.poisson(torch.ones(images, RESAMPLES).double(), rng).T
    return torch.cat([torch.ones(1, images).double(), drawn])


def read_sums(sums: Tensor) -> Tensor:
    """Turn sums over images into the measures (book chapter: evaluate).

    Parameters
    ----------
    sums : Tensor, shape (R, 3 * 152 + 5)
        Of what `measure_images` returns.

    Returns
    -------
    Tensor, shape (R, len(MEASURES))
        The measures of each row.
    """
    histograms = sums[:, : 3 * SLOTS].unflatten(1, (3, SLOTS))
    means = sums[:, 3 * SLOTS : -1] / sums[:, -1:]
    return torch.cat([auc(histograms), means], dim=1)


def intervals(values: Tensor) -> dict[str, Interval]:
    """Return each measure as (value, low, high) (book chapter: evaluate).

    Parameters
    ----------
    values : Tensor, shape (1 + R, len(MEASURES))
        Of all images, and of R resamples.

    Returns
    -------
    dict of str to (float, float, float)
        The value, and the ends of the middle 95 % of the resamples; both are nan
        without resamples.
    """
    tails = torch.tensor([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).double()
    low = high = torch.full_like(values[0], math.nan)
    if len(values) > 1:
        low, high = values[1:].quantile(tails, dim=0, interpolation="nearest")
    rows = zip(values[0].tolist(), low.tolist(), high.tolist(), strict=True)
    return dict(zip(MEASURES, rows, strict=True))


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
    """
    value, low, high = interval
    told = f"{separator}({low:.2f}..{high:.2f})" if low < high else ""
    return f"{value:.2f}{told}"


def interval_note(images: int) -> str:
    """Say what the intervals of so many images are worth.

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


def colorized_batches(
    models: Mapping[str, Network],
    batches: Iterable[Tensor],
    T: float | None = None,
) -> Iterator[tuple[Tensor, Tensor, dict[str, Tensor]]]:
    """Yield lightness, true chroma and what networks predict, batch by batch.

    Parameters
    ----------
    models : mapping of str to Network
        In eval mode, one or more, on one device.
    batches : iterable of Tensor of uint8, shape (N, 3, H, W)
        sRGB; H and W multiples of 8.
    T : float, optional
        As for `colorlab.colorize.predict_ab`.

    Yields
    ------
    L : Tensor, shape (N, 1, H, W)
        In Lab units, on the networks' device, as all of these.
    ab : Tensor, shape (N, 2, H, W)
        In Lab units.
    guesses : dict of str to Tensor, shape (N, 2, H, W)
        Of each network, by its name.
    """
    device = next(iter(models.values())).centers.device
    for rgb in batches:
        L, ab = rgb_to_lab(rgb.to(device)).split([1, 2], dim=1)
        yield L, ab, {name: predict_ab(model, L, T) for name, model in models.items()}


@torch.inference_mode()
def evaluate_images(
    model: Network,
    images: ImageSource,
    T: float = T_PAPER,
    size: int = SIZE,
    progress: Callable[[Iterable], Iterable] = iter,
    skipped: dict[str, str] | None = None,
    against: Network | None = None,
) -> Scores:
    """Measure a network on images, beside leaving them gray (chapter: evaluate).

    Parameters
    ----------
    model : Network
        In eval mode, on any device.
    images : ImageSource
        Each image's middle square is resized to `size`.
    T : float
        Temperature of the annealed mean.
    size : int
        Height and width in pixels, a multiple of 8.
    progress : callable, optional
        Wrapper around the image indices, e.g. `tqdm`.
    skipped : dict, optional
        Is filled with the names of images that cannot be read, and why.
    against : Network, optional
        Another network, to compare with on the same images and resamples.

    Returns
    -------
    dict
        "network", "gray" (ab = 0), "truth", and "gain" (network minus gray); with
        `against`, also "other" and "lead" (network minus other): for each of
        `MEASURES`, (value, low, high), as `intervals` returns them. Of one image
        there is no interval: low and high are nan.

    Raises
    ------
    ValueError
        If no image can be read.

    Notes
    -----
    ab is enlarged bilinearly to the image's size. The prior is Tiny ImageNet's,
    floored at 1e-4; without the floor, it is smoothed, so that no bin is empty.
    Only sums over images and over `resample`s of them are kept: memory stays the same
    for any number of images.
    """
    centers, p = model.centers, load_prior()
    weightings = [p.clamp(min=P_FLOOR), smooth_prior(p, centers.cpu())]
    weightings = [p.float().to(centers.device) for p in weightings]
    rng = torch.Generator().manual_seed(SEED)
    models = {"network": model} | ({} if against is None else {"other": against})
    skipped = {} if skipped is None else skipped
    batches = image_batches(images, size, AT_ONCE, skipped, progress)
    sums = {name: torch.zeros(()) for name in ("network", "gray", "truth", *models)}
    for L, ab, guesses in colorized_batches(models, batches, T):
        guesses |= {"gray": 0 * ab, "truth": ab}
        weights = [rebalancing_weight(ab, centers, p) for p in weightings]
        times = resample(len(L), rng)
        for name, guess in guesses.items():
            columns = measure_images(L, guess, ab, torch.stack(weights))
            sums[name] = sums[name] + times @ columns
    if sums["truth"][0, -1] < 2:  # resamples of one image are that image
        sums = {name: total[:1] for name, total in sums.items()}
    values = {name: read_sums(total[total[:, -1] > 0]) for name, total in sums.items()}
    values["gain"] = values["network"] - values["gray"]
    if against is not None:
        values["lead"] = values["network"] - values["other"]
    return {name: intervals(rows) for name, rows in values.items()}
