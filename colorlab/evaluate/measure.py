"""A network measured on images, with intervals (book chapter: evaluate)."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from colorlab.colorize import output_to_ab
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource
from colorlab.decode import T_PAPER, upsample
from colorlab.evaluate.bootstrap import Interval, intervals, read_sums, resample
from colorlab.evaluate.metrics import (
    auc,
    ciede2000,
    colorfulness,
    error_histogram,
    mean_chroma,
    psnr,
    rebalancing_weight,
    ssim,
)
from colorlab.evaluate.probability import (
    image_nats,
    target_entropy,
    training_adjustment,
)
from colorlab.evaluate.selection import central_pair
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.losses import label_ab
from colorlab.prior import load_prior, smooth_prior
from colorlab.quantize import bin_centers, soft_encode
from colorlab.transfer import Network

P_FLOOR = 1e-4  # without it, a few pixels of nearly impossible color decide
SIZE = 128  # pixels: images are measured at this size
AT_ONCE = 16  # images
SEED = 0  # of the resamples
Distance = Callable[[Tensor, Tensor], Tensor]
Scores = dict[str, dict[str, Interval]]


class Guess(NamedTuple):
    """What is measured: colors, and how well the true ones were foretold."""

    ab: Tensor  # (N, 2, H, W)
    nats: Tensor  # (2, N): as trained, and weights undone; nan without probabilities


class Compared(NamedTuple):
    """Colored images beside the true ones, as the measures take them."""

    ab_hat: Tensor  # (N, 2, H, W)
    ab: Tensor
    rgb_hat: Tensor  # (N, 3, H, W), in [0, 1]
    rgb: Tensor
    even: Tensor  # (N, H, W): what a pixel counts, 1
    rare: Tensor  # (N, H, W): what it counts for the rebalanced AuC
    nats: Tensor  # (2, N), as in Guess

    def errors(self, weight: Tensor, *distance: Distance) -> Tensor:
        """Return the histogram of each image's errors, shape (N, 152)."""
        return error_histogram(self.ab_hat, self.ab, weight, *distance)


class Measure(NamedTuple):
    """A row of the report: its title, and what is summed over images."""

    title: str
    of: Callable[[Compared], Tensor]  # (N,) for a mean, (N, 152) for what is pooled


MEASURES = {
    "auc": Measure("AuC %", lambda x: x.errors(x.even)),
    "auc_rebalanced": Measure("rebalanced AuC %", lambda x: x.errors(x.rare)),
    "auc_rebalanced_by_photo": Measure(
        "... photo by photo", lambda x: auc(x.errors(x.rare))
    ),
    "auc_ciede2000": Measure(
        "AuC by CIEDE2000 %", lambda x: x.errors(x.even, ciede2000)
    ),
    "cross_entropy": Measure("cross-entropy, nats", lambda x: x.nats[0]),
    "cross_entropy_unweighted": Measure("... weights undone", lambda x: x.nats[1]),
    "psnr": Measure("PSNR dB", lambda x: psnr(x.rgb_hat, x.rgb)),
    "ssim": Measure("SSIM", lambda x: ssim(x.rgb_hat, x.rgb)),
    "colorfulness": Measure("colorfulness", lambda x: colorfulness(x.rgb_hat)),
    "colorfulness_difference": Measure(
        "... off by", lambda x: (colorfulness(x.rgb_hat) - colorfulness(x.rgb)).abs()
    ),
    "chroma": Measure("mean chroma", lambda x: mean_chroma(x.ab_hat)),
}


def measure_images(
    L: Tensor, ab_hat: Tensor, ab: Tensor, weight: Tensor, nats: Tensor | None = None
) -> dict[str, Tensor]:
    """Return what can be summed over images, for each image (chapter: evaluate).

    Parameters
    ----------
    L : Tensor, shape (N, 1, H, W)
        Lightness.
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.
    weight : Tensor, shape (N, H, W)
        What each pixel counts for the rebalanced AuC.
    nats : Tensor, shape (2, N), optional
        Cross-entropies, as trained and with the weights undone; None makes them nan.

    Returns
    -------
    dict of str to Tensor of float64
        On the CPU. By the names of `MEASURES`: error histograms, shape (N, 152), for
        what is pooled over images; shape (N,) for what is the mean over images.
        "images", which is 1, counts them.

    Examples
    --------
    >>> L, ab = torch.full((1, 1, 8, 8), 50.0), torch.zeros(1, 2, 8, 8)
    >>> columns = measure_images(L, ab, ab, torch.ones(1, 8, 8))
    >>> columns["auc"].shape, columns["chroma"].item()
    (torch.Size([1, 152]), 0.0)
    """
    rgb_hat, rgb = (lab_to_rgb(torch.cat([L, c], dim=1)) for c in (ab_hat, ab))
    nats = ab.new_full((2, len(ab)), math.nan) if nats is None else nats
    even = torch.ones_like(weight)
    compared = Compared(ab_hat, ab, rgb_hat, rgb, even, weight, nats)
    columns = {name: measure.of(compared) for name, measure in MEASURES.items()}
    columns["images"] = torch.ones(len(ab))
    return {name: column.cpu().double() for name, column in columns.items()}


def guessed_batches(
    model: Network | ImageSource,
    images: ImageSource,
    T: float = T_PAPER,
    size: int = SIZE,
    progress: Callable[[Iterable], Iterable] = iter,
    skipped: dict[str, str] | None = None,
    against: Network | None = None,
) -> Iterator[tuple[Tensor, Tensor, dict[str, Guess]]]:
    """Yield lightness, true chroma and what is to be measured, batch by batch.

    Parameters
    ----------
    model, images, T, size, progress, skipped, against
        As for `evaluate_images`.

    Yields
    ------
    L : Tensor, shape (N, 1, size, size)
        In Lab units, on the networks' device, as all of these.
    ab : Tensor, shape (N, 2, size, size)
        In Lab units.
    guesses : dict of str to Guess
        "network", and "other" with `against`.
    """
    skipped = {} if skipped is None else skipped
    if isinstance(model, ImageSource):
        read = (central_pair, model)
        for pairs in image_batches(images, size, AT_ONCE, skipped, progress, *read):
            lab, lab_hat = rgb_to_lab(pairs.transpose(0, 1))
            none = torch.full((2, len(lab)), math.nan)
            yield lab[:, :1], lab[:, 1:], {"network": Guess(lab_hat[:, 1:], none)}
        return
    models = {"network": model} | ({} if against is None else {"other": against})
    for rgb in image_batches(images, size, AT_ONCE, skipped, progress):
        L, ab = rgb_to_lab(rgb.to(model.centers.device)).split([1, 2], dim=1)
        targets = soft_encode(label_ab(ab), model.centers)
        yield L, ab, {k: _guess(m, L, targets, T) for k, m in models.items()}


def _guess(
    model: Network, L: Tensor, targets: tuple[Tensor, Tensor], T: float
) -> Guess:
    logits = model(L)
    ab_hat = upsample(output_to_ab(model, logits, T), (L.shape[2], L.shape[3]))
    if model.head == "ab":
        return Guess(ab_hat, L.new_full((2, len(L)), math.nan))
    answers = logits, logits - training_adjustment(model)[:, None, None]
    return Guess(ab_hat, torch.stack([image_nats(x, *targets) for x in answers]))


@torch.inference_mode()
def evaluate_images(
    model: Network | ImageSource,
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
    model : Network or ImageSource
        A network in eval mode, on any device; or the pictures that another system
        made of `images`, in the same order, as `match_pictures` returns them. Of a
        picture only the colors are taken; its lightness is the photo's.
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
        there is no interval: low and high are nan. What there is no probability for,
        as of an ab head or of pictures, has no cross-entropy: all three are nan.

    Raises
    ------
    ValueError
        If no image can be read.

    Notes
    -----
    ab is enlarged bilinearly to the image's size. The prior is Tiny ImageNet's,
    floored at 1e-4. The cross-entropy is that of the soft targets at a quarter of
    the size; "gray" has that of the smoothed prior, "truth" the targets' entropy.
    Only sums over images and over `resample`s of them are kept: memory stays the same
    for any number of images.
    """
    sums: dict[str, dict[str, Tensor]] = {"network": {}, "gray": {}, "truth": {}}
    rng = torch.Generator().manual_seed(SEED)
    batches = guessed_batches(model, images, T, size, progress, skipped, against)
    for L, ab, guesses in batches:
        weight, bounds = _yardsticks(ab)
        times = resample(len(L), rng)
        for name, guess in (guesses | bounds).items():
            columns = measure_images(L, guess.ab, ab, weight, guess.nats)
            total = sums.setdefault(name, {})
            for measure, column in columns.items():
                total[measure] = total.get(measure, 0) + times @ column
    rows = slice(1 if sums["truth"]["images"][0] < 2 else None)  # of one, no interval
    values = {
        name: read_sums({measure: drawn[rows] for measure, drawn in total.items()})
        for name, total in sums.items()
    }
    pairs = {"gain": ("network", "gray"), "lead": ("network", "other")}
    for row, (one, other) in pairs.items():
        if other in values:
            values[row] = {m: values[one][m] - values[other][m] for m in MEASURES}
    return {name: intervals(columns) for name, columns in values.items()}


def _yardsticks(ab: Tensor) -> tuple[Tensor, dict[str, Guess]]:
    """Weigh the pixels, and guess without seeing and with seeing all."""
    centers, p = bin_centers().to(ab.device), load_prior()
    weight = rebalancing_weight(ab, centers, p.clamp(min=P_FLOOR).float().to(ab.device))
    bins, weights = soft_encode(label_ab(ab), centers)
    p_tilde = smooth_prior(p, centers).float().to(ab.device)
    blind = image_nats(p_tilde.log()[None, :, None, None], bins, weights)
    nats = {"gray": blind, "truth": target_entropy(weights)}
    colors = {"gray": 0 * ab, "truth": ab}
    return weight, {k: Guess(colors[k], nats[k].expand(2, -1)) for k in colors}
