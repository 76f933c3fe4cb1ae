"""A network measured on images, with intervals (book chapter: evaluate)."""

from collections.abc import Callable, Iterable

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
from colorlab.network import ColorNet
from colorlab.prior import load_prior, smooth_prior
from colorlab.quantize import bin_centers

P_FLOOR = 1e-4  # without it, a few pixels of nearly impossible color decide
SIZE = 128  # pixels: photos are measured at this size
AT_ONCE = 16  # photos
RESAMPLES, COVERAGE, SEED = 1000, 0.95, 0  # of the bootstrap


def measure_images(L: Tensor, ab_hat: Tensor, ab: Tensor, rare: Tensor) -> Tensor:
    """Measure each photo by all that can be summed over photos (chapter: evaluate).

    Parameters
    ----------
    L : Tensor, shape (N, 1, H, W)
        Lightness.
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.
    rare : Tensor, shape (2, N, H, W)
        What each pixel counts, by two weightings.

    Returns
    -------
    Tensor of float64, shape (N, 3 * 152 + 5)
        Three error histograms (all pixels alike; then by the two weightings); the
        first rebalanced AuC of each photo alone; PSNR; colorfulness; mean chroma;
        and a 1, which counts the photos.
    """
    weights = (torch.ones_like(rare[0]), *rare)
    histograms = [error_histogram(ab_hat, ab, weight) for weight in weights]
    rgb_hat, rgb = (lab_to_rgb(torch.cat([L, c], dim=1)) for c in (ab_hat, ab))
    alone = [
        auc(histograms[1]),
        psnr(rgb_hat, rgb),
        colorfulness(rgb_hat),
        mean_chroma(ab_hat),
        torch.ones(len(ab)),
    ]
    columns = torch.stack([column.double() for column in alone], dim=1)
    return torch.cat([*histograms, columns], dim=1)


def resample(photos: int, rng: torch.Generator) -> Tensor:
    """Say how often each photo is in the data, and in 1,000 bootstrap resamples.

    Parameters
    ----------
    photos : int
        N, the next photos of a data set of any length.
    rng : torch.Generator
        Its next numbers are used.

    Returns
    -------
    Tensor of float64, shape (1001, N)
        The first row is all ones.

    Notes
    -----
    A resample draws n times from n photos. Each photo is then in it about as often as
    a Poisson variable of mean 1 says. Drawn so, photo by photo, it needs to know
    neither n nor the other photos (Chamandy et al. 2012). Book chapter: evaluate.
    """
    drawn = torch.poisson(torch.ones(photos, RESAMPLES).double(), rng).T
    return torch.cat([torch.ones(1, photos).double(), drawn])


def read_sums(sums: Tensor) -> Tensor:
    """Turn sums over photos into the measures (book chapter: evaluate).

    Parameters
    ----------
    sums : Tensor, shape (R, 3 * 152 + 5)
        Of what `measure_images` gives.

    Returns
    -------
    Tensor, shape (R, len(MEASURES))
        Of each row.
    """
    histograms = sums[:, : 3 * SLOTS].unflatten(1, (3, SLOTS))
    means = sums[:, 3 * SLOTS : -1] / sums[:, -1:]
    return torch.cat([auc(histograms), means], dim=1)


def intervals(values: Tensor) -> dict[str, tuple[float, float, float]]:
    """Give each measure as (value, low, high) (book chapter: evaluate).

    Parameters
    ----------
    values : Tensor, shape (1 + R, len(MEASURES))
        Of all photos, and of R resamples.

    Returns
    -------
    dict of str to (float, float, float)
        The value, and where the middle 95 % of the resamples lie.
    """
    tails = torch.tensor([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).double()
    low, high = values[1:].quantile(tails, dim=0, interpolation="nearest")
    rows = zip(values[0].tolist(), low.tolist(), high.tolist(), strict=True)
    return dict(zip(MEASURES, rows, strict=True))


MEASURES = (
    "auc",  # of all pixels of all photos; for photos of one size, also their mean
    "auc_rebalanced",  # rare colors count more
    "auc_rebalanced_raw",  # the same without a floor under p
    "auc_rebalanced_by_photo",  # mean over photos of their own
    "psnr",
    "colorfulness",
    "chroma",
)


@torch.inference_mode()
def evaluate_images(
    model: ColorNet,
    photos: ImageSource,
    T: float = T_PAPER,
    size: int = SIZE,
    progress: Callable[[Iterable], Iterable] = iter,
    skipped: dict[str, str] | None = None,
    against: ColorNet | None = None,
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Measure a network on photos, beside doing nothing (book chapter: evaluate).

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    photos : PhotoSet
        Each photo's middle square is resized to `size`.
    T : float
        Temperature of the annealed mean.
    size : int
        Height and width in pixels, a multiple of 8.
    progress : callable, optional
        Wraps the numbers of the photos, for a progress bar.
    skipped : dict, optional
        Takes up the photos that cannot be read, and why.
    against : ColorNet, optional
        Another network, to compare with on the same photos and resamples.

    Returns
    -------
    dict
        "network", "gray" (ab = 0), "truth", and "gain" (network less gray); with
        `against`, also "other" and "lead" (network less other): for each of
        `MEASURES`, (value, low, high).

    Raises
    ------
    ValueError
        If no photo can be read.

    Notes
    -----
    ab is enlarged bilinearly to the photo's size. The prior is Tiny ImageNet's,
    floored at 1e-4; without the floor, it is smoothed, so that no bin is empty.
    Sums over photos and over `resample`s of them are all that is kept: memory stays
    the same for any number of photos.
    """
    device = next(model.parameters()).device
    centers, p = bin_centers().to(device), load_prior()
    weightings = [p.clamp(min=P_FLOOR), smooth_prior(p, bin_centers())]
    weightings = [p.float().to(device) for p in weightings]
    skipped = {} if skipped is None else skipped
    rng = torch.Generator().manual_seed(SEED)
    models = {"network": model} | ({} if against is None else {"other": against})
    sums = dict.fromkeys(("network", "gray", "truth", *models), 0)
    for rgb in image_batches(photos, size, AT_ONCE, skipped, progress):
        L, ab = rgb_to_lab(rgb.to(device)).split([1, 2], dim=1)
        guesses = {"gray": 0 * ab, "truth": ab}
        for name, network in models.items():
            guesses[name] = predict_ab(network, L, T)
        rare = torch.stack(
            [rebalancing_weight(ab, centers, p) for p in weightings]
        ).cpu()
        times = resample(len(rgb), rng)
        for name, guess in guesses.items():
            columns = measure_images(L.cpu(), guess.cpu(), ab.cpu(), rare)
            sums[name] += times @ columns
    values = {name: read_sums(total[total[:, -1] > 0]) for name, total in sums.items()}
    values["gain"] = values["network"] - values["gray"]
    if against is not None:
        values["lead"] = values["network"] - values["other"]
    return {name: intervals(rows) for name, rows in values.items()}
