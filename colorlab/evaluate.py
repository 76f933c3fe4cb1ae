"""How close to the truth, by several measures (book chapter: evaluate)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from colorlab.datasets import square_batches
from colorlab.decode import T_PAPER, output_to_ab, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import ColorNet
from colorlab.photosets import PhotoSet
from colorlab.prior import load_prior
from colorlab.quantize import bin_centers, nearest_bin

MAX_ERROR = 150  # ab units: the last threshold; Zhang et al. 2016, section 3.1
P_FLOOR = 1e-4  # without it, a few pixels of nearly impossible color decide
SIZE = 128  # pixels: photos are measured at this size
RESAMPLES, COVERAGE = 1000, 0.95  # of the bootstrap


def error_histogram(ab_hat: Tensor, ab: Tensor, pixel_weight: Tensor) -> Tensor:
    """Sort pixels by how far off their color is (book chapter: evaluate).

    Parameters
    ----------
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.
    pixel_weight : Tensor, shape (N, H, W)
        What each pixel counts.

    Returns
    -------
    Tensor of float64, shape (N, 152)
        For each photo the weight of pixels with an error of 0, in (0, 1], (1, 2],
        ... (149, 150], and beyond.
    """
    distance = (ab_hat - ab).norm(dim=1)
    slot = distance.ceil().clamp(max=MAX_ERROR + 1).long().flatten(1)  # (N, H * W)
    histogram = torch.zeros(len(ab), MAX_ERROR + 2, dtype=torch.float64)
    return histogram.scatter_add_(1, slot, pixel_weight.double().flatten(1))


def auc(histogram: Tensor) -> Tensor:
    """Area under the curve of pixels within t of the truth, for t = 0..150.

    Parameters
    ----------
    histogram : Tensor, shape (..., 152)
        As `error_histogram` gives it; summed over photos first, to pool them.

    Returns
    -------
    Tensor, shape (...)
        Percent: 100 where every pixel is exact.

    Notes
    -----
    Zhang et al. 2016, section 3.1, who do not say how the area is summed. Here: the
    mean over the 151 whole thresholds. Book chapter: evaluate.
    """
    within = histogram.cumsum(-1)[..., : MAX_ERROR + 1]
    return 100 * within.mean(-1) / histogram.sum(-1)


def rarity(ab: Tensor, centers: Tensor, p: Tensor) -> Tensor:
    """Weight each pixel by 1/p of its true bin, for the rebalanced AuC.

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        True chroma, in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers.
    p : Tensor, shape (Q,)
        The prior, not smoothed; floored at 1e-4.

    Returns
    -------
    Tensor, shape (N, H, W)
        Weights. Zhang et al. 2016, section 3.1: equation 4 with lambda = 0.
        Book chapter: evaluate.
    """
    return (1 / p.clamp(min=P_FLOOR))[nearest_bin(ab, centers)]


def psnr(rgb_hat: Tensor, rgb: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each photo (book chapter: evaluate).

    Parameters
    ----------
    rgb_hat, rgb : Tensor, shape (N, 3, H, W)
        Predicted and true colors in [0, 1].

    Returns
    -------
    Tensor, shape (N,)
        In dB; infinite where both are the same.
    """
    return -10 * (rgb_hat - rgb).square().mean(dim=(1, 2, 3)).log10()


def mean_chroma(ab: Tensor) -> Tensor:
    """Mean distance from gray of each photo (book chapter: evaluate).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        Chroma in Lab units.

    Returns
    -------
    Tensor, shape (N,)
        In ab units.
    """
    return ab.norm(dim=1).mean(dim=(1, 2))


@dataclass
class Scores:
    """What one colorizer got on each photo (book chapter: evaluate)."""

    errors: list[Tensor] = field(default_factory=list)  # each (N, 152)
    rare_errors: list[Tensor] = field(default_factory=list)
    psnr: list[Tensor] = field(default_factory=list)  # each (N,)
    chroma: list[Tensor] = field(default_factory=list)

    def add(self, L: Tensor, ab_hat: Tensor, ab: Tensor, rare: Tensor) -> None:
        """Measure a batch: (N, 1, H, W), twice (N, 2, H, W), (N, H, W)."""
        self.errors.append(error_histogram(ab_hat, ab, torch.ones_like(rare)))
        self.rare_errors.append(error_histogram(ab_hat, ab, rare))
        rgb_hat, rgb = (lab_to_rgb(torch.cat([L, c], dim=1)) for c in (ab_hat, ab))
        self.psnr.append(psnr(rgb_hat, rgb))
        self.chroma.append(mean_chroma(ab_hat))

    def summary(self, seed: int = 0) -> dict[str, tuple[float, float, float]]:
        """Give each measure as (value, low, high): a 95 % bootstrap over photos."""
        errors, rare = torch.cat(self.errors), torch.cat(self.rare_errors)
        means = torch.stack([torch.cat(self.psnr), torch.cat(self.chroma)], dim=1)
        n = len(errors)
        draws = torch.randint(
            n, (RESAMPLES, n), generator=torch.Generator().manual_seed(seed)
        )
        times = torch.ones(1 + RESAMPLES, n, dtype=torch.float64)  # row 0: as it is
        times[1:] = torch.stack([d.bincount(minlength=n) for d in draws])
        parts = times[..., None] * means.double()  # an exact photo's PSNR is infinite
        averages = parts.nan_to_num(nan=0, posinf=torch.inf).sum(dim=1) / n
        columns = [auc(times @ errors), auc(times @ rare), *averages.unbind(1)]
        tail = (1 - COVERAGE) / 2
        return {
            name: (
                column[0].item(),
                column[1:].quantile(tail, interpolation="nearest").item(),
                column[1:].quantile(1 - tail, interpolation="nearest").item(),
            )
            for name, column in zip(MEASURES, columns, strict=True)
        }


MEASURES = ("auc", "auc_rebalanced", "psnr", "chroma")


@torch.inference_mode()
def evaluate_photos(
    model: ColorNet,
    photos: PhotoSet,
    T: float = T_PAPER,
    size: int = SIZE,
    batch_size: int = 16,
    watch: Callable[[Iterable], Iterable] = iter,
    skipped: dict[str, str] | None = None,
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
    batch_size : int
        Photos at once.
    watch : callable, optional
        Wraps the numbers of the photos, for a progress bar.
    skipped : dict, optional
        Takes up the photos that cannot be read, and why.

    Returns
    -------
    dict
        "network", "gray" (ab = 0) and "truth": measure -> (value, low, high).

    Raises
    ------
    ValueError
        If no photo can be read.

    Notes
    -----
    ab is enlarged bilinearly to the photo's size; AuC pools all pixels of all
    photos; PSNR and chroma are means over photos. The prior is Tiny ImageNet's.
    """
    device = next(model.parameters()).device
    centers, p = bin_centers().to(device), load_prior().float().to(device)
    skipped = {} if skipped is None else skipped
    scores = {"network": Scores(), "gray": Scores(), "truth": Scores()}
    for rgb in square_batches(photos, size, batch_size, skipped, watch):
        L, ab = rgb_to_lab(rgb.to(device)).split([1, 2], dim=1)
        ab_hat = upsample(output_to_ab(model(L), centers, T), (size, size))
        rare = rarity(ab, centers, p)
        for name, guess in zip(scores, (ab_hat, 0 * ab, ab), strict=True):
            scores[name].add(L.cpu(), guess.cpu(), ab.cpu(), rare.cpu())
    return {name: score.summary() for name, score in scores.items()}
