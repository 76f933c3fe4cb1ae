"""A distribution over bins from like places, and a choice for the whole photo at once.

Book chapter: multimodal.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from scipy.spatial import cKDTree

from colorlab.classics.descriptors import daisy, principal_axes
from colorlab.classics.example import look_of

NEIGHBORS = 200  # of which each look is asked
AXES = 20  # numbers that describe a look
FLOOR = 1e-4  # probability shared by all bins: what was never seen is not impossible
FARTHEST = 40.0  # ab units; neighbors farther apart cost no more
LABELS = 3  # bins of each pixel among which the photo's labels are chosen
UNIT = 1000  # flows are whole numbers of 1 / UNIT nats
MOST = 1e5  # nats that a bin costs; with UNIT, flows stay within 32 bits


def describe(gray: np.ndarray) -> np.ndarray:
    """Return what is seen around each pixel: lightness, deviation, directions of edges.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1. H and W more than 8.

    Returns
    -------
    ndarray of float64, shape (34, H, W)
        `look_of`, then `daisy`.

    Notes
    -----
    Charpiat et al. 2008 take SURF at three scales in the place of DAISY.

    Examples
    --------
    >>> describe(np.zeros((9, 12))).shape
    (34, 9, 12)
    """
    return np.concatenate([look_of(gray), daisy(gray)])


def predict(
    looks: np.ndarray, known: np.ndarray, bins: np.ndarray, Q: int, k: int = NEIGHBORS
) -> np.ndarray:
    """Return each look's distribution over the bins of the known looks near it.

    Parameters
    ----------
    looks : ndarray, shape (M, F)
        Of the pixels to be colored.
    known : ndarray, shape (S, F)
        Of pixels whose color is known.
    bins : ndarray of int, shape (S,)
        The bin of each of these, in 0..Q - 1.
    Q : int
        Number of bins.
    k : int
        Known looks that are asked, the nearest ones.

    Returns
    -------
    ndarray of float64, shape (M, Q)
        Probabilities, none of them 0; they sum to 1 over Q.

    Raises
    ------
    ValueError
        If shapes do not fit, fewer than k looks are known, a look is not finite, or a
        bin is not in 0..Q - 1.

    Notes
    -----
    Charpiat, Hofmann and Schoelkopf 2008 estimate it by Gaussian Parzen windows. Here
    each look's window is as wide as the mean distance of its k neighbors. Features
    are scaled to deviation 1 first, and turned to their principal axes.

    Examples
    --------
    >>> known = np.array([[0.0], [0.1], [5.0]])
    >>> predict(np.array([[0.0]]), known, np.array([0, 1, 2]), Q=3, k=2).round(2)
    array([[0.88, 0.12, 0.  ]])
    """
    if looks.ndim != 2 or known.ndim != 2 or looks.shape[1] != known.shape[1]:
        raise ValueError(
            f"looks and known must have as many features, got {looks.shape}, "
            f"{known.shape}"
        )
    if bins.shape != known.shape[:1] or not 1 <= k <= len(known):
        raise ValueError(
            f"bins must be {len(known)}, with k of them or more, got {bins.shape}, "
            f"k {k}"
        )
    for name, values in (("looks", looks), ("known", known)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite")
    _check_bins("bins", bins, Q)
    scale = known.std(axis=0).clip(1e-9)
    count = min(AXES, *known.shape)
    mean, axes = principal_axes(known / scale, count)
    tree = cKDTree((known / scale - mean) @ axes.T)
    far, near = tree.query((looks / scale - mean) @ axes.T, k=[*range(1, k + 1)])
    width = far.mean(axis=1, keepdims=True).clip(1e-9)
    weight = np.exp(-(far**2) / (2 * width**2))
    p = np.zeros((len(looks), Q))
    np.add.at(p, (np.arange(len(looks))[:, None], bins[near]), weight)
    p /= p.sum(axis=1, keepdims=True)
    return (1 - FLOOR) * p + FLOOR / Q


def coherent(logits: np.ndarray, centers: np.ndarray, smoothness: float) -> np.ndarray:
    """Choose a bin for each cell: likely there, and near the neighbors' in color.

    Parameters
    ----------
    logits : ndarray, shape (Q, h, w)
        A network's output, before softmax, or `log` of `predict`.
    centers : ndarray, shape (Q, 2)
        Bin centers in ab units.
    smoothness : float
        Nats that a step of one ab unit between two neighbors costs. 0: the mode.

    Returns
    -------
    ndarray of int, shape (h, w)
        Bins, of the three most likely ones of some cell.

    Raises
    ------
    ValueError
        If shapes do not fit, smoothness is not in 0..10, or the logits of a cell are
        no probabilities.

    Notes
    -----
    It lowers `energy` by alpha expansion (Boykov, Veksler and Zabih 2001): for one bin
    after the other, the best set of cells that change to it is a minimum cut, found
    by `scipy.sparse.csgraph.maximum_flow`, until no bin lowers the energy. Charpiat et
    al. 2008 decide in this way, with a smoothness that depends on how much color is
    expected to vary at a place; here it is the same everywhere.

    Examples
    --------
    One cell of three prefers another color, but not by much:

    >>> logits = np.log([[[0.9, 0.4, 0.9]], [[0.1, 0.6, 0.1]]])
    >>> centers = np.array([[0.0, 0.0], [10.0, 0.0]])
    >>> coherent(logits, centers, 0).tolist(), coherent(logits, centers, 0.1).tolist()
    ([[0, 1, 0]], [[0, 0, 0]])
    """
    logits, centers = np.asarray(logits, float), np.asarray(centers, float)
    if logits.ndim != 3 or centers.shape != (len(logits), 2):
        raise ValueError(
            f"logits must have shape ({len(centers)}, h, w), got {logits.shape}"
        )
    _check_likely(logits, smoothness)
    best = np.argsort(-logits, axis=0, kind="stable")[:LABELS]  # of equal ones: first
    labels, candidates = best[0], np.unique(best)
    if smoothness == 0:
        return labels
    costs = _costs(logits).clip(max=MOST)
    found = _total(labels, costs, centers, smoothness)
    while True:
        before = found
        for bin in candidates:
            switched = _switch(labels, bin, costs, centers, smoothness)
            changed = np.where(switched, bin, labels)
            cost = _total(changed, costs, centers, smoothness)
            if cost < found - 1e-9:
                labels, found = changed, cost
        if found > before - 1e-6:
            return labels


def energy(
    labels: np.ndarray, logits: np.ndarray, centers: np.ndarray, smoothness: float
) -> float:
    """Return what a choice of bins costs: unlikely bins, and steps between neighbors.

    Parameters
    ----------
    labels : ndarray of int, shape (h, w)
        A bin for each cell.
    logits, centers, smoothness
        As for `coherent`.

    Returns
    -------
    float
        In nats: the sum of -log p over the cells, plus the steps' cost over all pairs
        of cells beside or above each other.

    Raises
    ------
    ValueError
        If `labels` has another shape than a channel of `logits`, or holds no bins.

    Examples
    --------
    >>> logits = np.log([[[0.5, 0.5]], [[0.5, 0.5]]])
    >>> centers = np.array([[0.0, 0.0], [10.0, 0.0]])
    >>> round(energy(np.array([[0, 1]]), logits, centers, 0.1), 2)  # 2 log 2 + 1
    2.39
    """
    labels, logits = np.asarray(labels), np.asarray(logits, float)
    if labels.shape != logits.shape[1:]:
        raise ValueError(
            f"labels must have shape {logits.shape[1:]}, got {labels.shape}"
        )
    _check_bins("labels", labels, len(logits))
    return _total(labels, _costs(logits), centers, smoothness)


def label_changes(labels: np.ndarray) -> int:
    """Return how many pairs of neighbors have different labels.

    Parameters
    ----------
    labels : ndarray of int, shape (h, w)
        A bin for each cell.

    Returns
    -------
    int
        Of the pairs of cells beside or above each other.

    Examples
    --------
    >>> label_changes(np.array([[3, 3, 7], [3, 7, 7]]))
    3
    """
    return int((np.diff(labels, axis=0) != 0).sum() + (np.diff(labels) != 0).sum())


def _check_likely(logits: np.ndarray, smoothness: float) -> None:
    if not 0 <= smoothness <= 10:
        raise ValueError(f"smoothness must be in 0..10, got {smoothness}")
    if not np.isfinite(logits.max(axis=0)).all():
        raise ValueError(
            "logits must not hold NaN or infinity, and leave a possible bin in "
            "each cell"
        )


def _check_bins(name: str, bins: np.ndarray, Q: int) -> None:
    if bins.dtype.kind not in "iu" or not ((bins >= 0) & (bins < Q)).all():
        raise ValueError(
            f"{name} must be whole numbers in 0..{Q - 1}, "
            f"got {bins.min()}..{bins.max()} of {bins.dtype}"
        )


def _total(
    labels: np.ndarray, costs: np.ndarray, centers: np.ndarray, smoothness: float
) -> float:
    own = np.take_along_axis(costs, labels[None], axis=0).sum()
    pairs = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    return float(own + sum(_step(a, b, centers, smoothness).sum() for a, b in pairs))


def _costs(logits: np.ndarray) -> np.ndarray:
    """Return -log p, (Q, h, w)."""
    high = logits.max(axis=0)
    return high + np.log(np.exp(logits - high).sum(axis=0)) - logits


def _step(
    a: np.ndarray, b: np.ndarray, centers: np.ndarray, smoothness: float
) -> np.ndarray:
    """Return the cost of neighbors with bins a and b: a metric, cut at FARTHEST."""
    far = np.linalg.norm(centers[a] - centers[b], axis=-1)
    return smoothness * np.minimum(far, FARTHEST)


def _switch(
    labels: np.ndarray,
    bin: int,
    costs: np.ndarray,
    centers: np.ndarray,
    smoothness: float,
) -> np.ndarray:
    """Return which cells change to a bin for the lowest energy, by a minimum cut.

    Cells on the source's side keep their bin. A pair costs `both` if both keep it,
    `first` or `second` if only that one changes, and nothing if both change.
    """
    cells = np.arange(labels.size).reshape(labels.shape)
    change = costs[bin] - np.take_along_axis(costs, labels[None], axis=0)[0]
    edges = []
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = _step(labels[one], labels[other], centers, smoothness)
        first = _step(np.full_like(both, bin, int), labels[other], centers, smoothness)
        second = _step(labels[one], np.full_like(both, bin, int), centers, smoothness)
        change[one] += first - both
        change[other] -= first
        edges.append((cells[one], cells[other], first + second - both))
    source, sink = labels.size, labels.size + 1
    edges.append((np.full_like(cells, source), cells, change.clip(0)))
    edges.append((cells, np.full_like(cells, sink), (-change).clip(0)))
    start, end, capacity = (
        np.concatenate([part.ravel() for part in parts])
        for parts in zip(*edges, strict=True)
    )
    whole = np.rint(UNIT * capacity.clip(0)).astype(np.int32)
    graph = sparse.csr_array((whole, (start, end)), shape=(sink + 1, sink + 1))
    left = graph - maximum_flow(graph, source, sink).flow
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    kept = np.zeros(sink + 1, dtype=bool)
    kept[reached] = True
    return ~kept[: labels.size].reshape(labels.shape)
