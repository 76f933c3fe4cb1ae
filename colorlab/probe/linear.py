"""A linear classifier of features, and how often it is right (book chapter: probe)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from colorlab.evaluate.bootstrap import Interval, intervals, resample
from colorlab.probe.features import GRID, Features

DECAYS = (1e-3, 1e-4, 1e-5)  # of the probe's weights; the best is chosen
HELD_BACK = 5  # every fifth image of a class chooses decay and grid
ITERATIONS = 100  # of L-BFGS, at most


class Probe(NamedTuple):
    """A linear classifier of features."""

    mean: Tensor  # shape (D,), of the features it was fitted on
    scale: Tensor  # shape (D,), what they are divided by
    weight: Tensor  # shape (D, classes)
    bias: Tensor  # shape (classes,)

    def logits(self, x: Tensor) -> Tensor:
        """Return shape (n, classes), for features of shape (n, D)."""
        return (x - self.mean) / self.scale @ self.weight + self.bias


def fit_probe(x: Tensor, labels: Tensor, classes: int, decay: float) -> Probe:
    """Fit a linear classifier by softmax regression.

    Parameters
    ----------
    x : Tensor, shape (n, D)
        Features.
    labels : Tensor of int64, shape (n,)
        The class of each, in 0..classes - 1.
    classes : int
        At least 2.
    decay : float
        Half of it times the squared weights is added to the cross-entropy; positive.

    Returns
    -------
    Probe
        The one minimum of the sum, to the precision of L-BFGS: it is convex.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `decay` is not positive.

    Notes
    -----
    Features are brought to mean 0 and variance 1, and divided by sqrt(D), so that one
    decay means the same for few and for many of them.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [5.0], [6.0]])
    >>> fit_probe(x, torch.tensor([0, 0, 1, 1]), 2, 1e-3).logits(x).argmax(1).tolist()
    [0, 0, 1, 1]
    """
    if x.ndim != 2 or labels.shape != x.shape[:1] or decay <= 0:  # noqa: PLR2004
        raise ValueError(
            "x must have shape (n, D), labels (n,), and decay must be positive; "
            f"got {tuple(x.shape)}, {tuple(labels.shape)} and {decay}"
        )
    mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0)
    scale = deviation.clamp(min=1e-6 * float(deviation.max().clamp(min=1e-6)))
    scale = scale * x.shape[1] ** 0.5
    inputs = (x - mean) / scale
    weight = x.new_zeros(x.shape[1], classes, requires_grad=True)
    bias = x.new_zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = cross_entropy(inputs @ weight + bias, labels)
        value = value + decay / 2 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)  # type: ignore[arg-type]  # a Tensor is what it wants
    return Probe(mean, scale, weight.detach(), bias.detach())


def choose_images(labels: Tensor, per_class: int, seed: int) -> Tensor:
    """Choose as many images of each class.

    Parameters
    ----------
    labels : Tensor of int64, shape (n,)
        The class of each image.
    per_class : int
        How many; of a class that has fewer, all.
    seed : int
        Other seeds, other images.

    Returns
    -------
    Tensor of int64
        Their numbers, class by class.

    Examples
    --------
    >>> len(choose_images(torch.tensor([0, 0, 0, 1, 1]), 2, seed=0))
    4
    """
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=rng)
    of_each = [order[labels[order] == label] for label in labels.unique()]
    return torch.cat([numbers[:per_class] for numbers in of_each])


class Score(NamedTuple):
    """How often the probe of a block is right."""

    accuracy: Interval  # a share of the images, and the ends of its 95 % interval
    grids: tuple[int, ...]  # chosen for each seed: 1 (the mean of the map) or GRID
    decays: tuple[float, ...]  # chosen for each seed
    right: Tensor  # bool, shape (seeds, n): which answers are right


def share_interval(answers: Tensor) -> Interval:
    """Return how often answers are right, and how sure that is.

    Parameters
    ----------
    answers : Tensor, shape (seeds, n)
        1 where the answer about an image is right, else 0, for each choice of labels.
        Or, of two networks asked about the same images, one's less the other's: then
        what both find hard, or easy, does not widen the interval.

    Returns
    -------
    (float, float, float)
        The mean, and the middle 95 % of what resampled images give (bootstrap). What
        another choice of labels would do is not in it.

    Examples
    --------
    >>> value, low, high = share_interval(torch.tensor([[1, 0, 1, 1]]).repeat(1, 25))
    >>> value, 0.6 < low < 0.7 < 0.8 < high < 0.9
    (0.75, True)
    """
    share = answers.double().mean(dim=0)
    weights = resample(len(share), torch.Generator().manual_seed(0))
    means = weights @ share / weights.sum(dim=1)
    return intervals({"share": means})["share"]


def _laid_out(features: Tensor, grid: int) -> Tensor:
    maps = features.float()
    return (maps if grid > 1 else maps.mean(dim=(2, 3))).flatten(1)


def _chosen(x: Mapping[int, Tensor], labels: Tensor, classes: int) -> tuple:
    """Choose grid and decay by images held back, then fit on all."""
    place = torch.cat([torch.arange(count) for count in labels.bincount().tolist()])
    held = place % HELD_BACK == HELD_BACK - 1  # labels are sorted
    results = []
    for grid, decay in ((g, d) for g in x for d in DECAYS if held.any()):
        probe = fit_probe(x[grid][~held], labels[~held], classes, decay)
        right = probe.logits(x[grid][held]).argmax(1) == labels[held]
        results.append((int(right.sum()), grid, decay))
    _, grid, decay = max(results, key=lambda r: r[0], default=(0, 1, DECAYS[1]))
    return fit_probe(x[grid], labels, classes, decay), grid, decay


def probe_features(  # noqa: PLR0913  two data sets, and how
    known: Features,
    labels: Tensor,
    asked: Features,
    truth: Tensor,
    per_class: int = 200,
    seeds: Sequence[int] = (0, 1),
) -> dict[str, Score]:
    """Measure how well a linear classifier reads classes off each block.

    Parameters
    ----------
    known, asked : dict of str to Tensor, shape (n, C, 4, 4)
        Features of images to learn from, and of others to be asked about.
    labels, truth : Tensor of int64, shape (n,)
        The classes of both.
    per_class : int
        Labels of each class to learn from.
    seeds : sequence of int
        Each chooses other images of `known`; the accuracy is the mean.

    Returns
    -------
    dict of str to Score
        For each block.

    Raises
    ------
    ValueError
        If `per_class` or the number of seeds is less than 1.
    """
    if per_class < 1 or not seeds:
        raise ValueError(
            "per_class and the number of seeds must be at least 1, "
            f"got {per_class} and {len(seeds)}"
        )
    classes, scores = int(max(labels.max(), truth.max())) + 1, {}
    for name in known:
        right, grids, decays = [], [], []
        for seed in seeds:
            few = choose_images(labels, per_class, seed)
            x = {grid: _laid_out(known[name][few], grid) for grid in (1, GRID)}
            probe, grid, decay = _chosen(x, labels[few], classes)
            answer = probe.logits(_laid_out(asked[name], grid)).argmax(1)
            right.append(answer == truth)
            grids.append(grid)
            decays.append(decay)
        answers = torch.stack(right)
        rate = share_interval(answers)
        scores[name] = Score(rate, tuple(grids), tuple(decays), answers)
    return scores
