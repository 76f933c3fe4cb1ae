"""Color from another photo, by its texture and its parts (book chapter: example)."""

import numpy as np
from scipy import fft, ndimage
from scipy.spatial import cKDTree

from colorlab.classics.example import (
    Picture,
    check_gray,
    move_statistics,
    patches_of,
    read_reference,
)
from colorlab.classics.scribbles import propagate

KAPPA = 1.0  # how much worse a coherent match may be
DCT, NEIGHBORS, VOTES = 7, 9, 7  # Irony: a patch's side; matches; side of the vote
SURE = 0.5  # confidence of the pixels that become strokes


def analogy(gray: np.ndarray, reference: Picture, kappa: float = KAPPA) -> np.ndarray:
    """Color by image analogy: the best match, or the one that keeps what fits together.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1; small, as each pixel waits for those before it.
    reference : PIL image, array of shape (H, W, 3), path or open file
        A picture in color, as small.
    kappa : float
        A coherent match may be 1 + kappa times as far (squared) as the best one.

    Returns
    -------
    ndarray of float64, shape (2, H, W)
        ab in Lab units.

    Raises
    ------
    ValueError
        If `gray` is not (H, W) in 0..1, or kappa is negative.

    Notes
    -----
    Hertzmann et al. 2001, cut down. Pixels are compared by 5 x 5 lightnesses, and
    3 x 3 of a smoothed picture two pixels apart, which stand for the coarser level of
    their pyramid: as only lightness is compared, no level waits for another's colors.
    A coherent match continues the source of a pixel colored before.

    Examples
    --------
    A picture is its own best example, pixel by pixel:

    >>> photo = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    >>> gray, ab = read_reference(photo)
    >>> bool(np.allclose(analogy(gray, photo), ab))
    True
    """
    gray, (other, ab) = check_gray(gray), read_reference(reference)
    if not kappa >= 0:
        raise ValueError(f"kappa must not be negative, got {kappa}")
    looks, known = _two_levels(gray), _two_levels(move_statistics(other, gray))
    h, w, size = known.shape
    far, best = cKDTree(known.reshape(-1, size)).query(looks.reshape(-1, size))
    source = np.stack([best // w, best % w], axis=-1).reshape(*gray.shape, 2)
    limit = (1 + kappa) * far.reshape(gray.shape) ** 2
    before = [(y, x) for y in (-2, -1, 0) for x in range(-2, 3) if (y, x) < (0, 0)]
    for y, x in np.ndindex(*gray.shape):
        near = [(v, u) for v, u in before if y + v >= 0 and 0 <= x + u < gray.shape[1]]
        if not near:
            continue
        follow = np.array([source[y + v, x + u] - (v, u) for v, u in near])
        follow = follow[((follow >= 0) & (follow < (h, w))).all(axis=1)]
        squared = ((known[*follow.T] - looks[y, x]) ** 2).sum(axis=1)
        if len(follow) and squared.min() <= limit[y, x]:
            source[y, x] = follow[squared.argmin()]
    return ab[:, source[..., 0], source[..., 1]]


def irony(
    gray: np.ndarray, reference: Picture, segments: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell which segment of a reference each pixel is like; color where that is sure.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1.
    reference : PIL image, array of shape (h, w, 3), path or open file
        A picture in color.
    segments : ndarray of int, shape (h, w)
        The segment of each of its pixels, from 0 to S - 1, S at least 2.

    Returns
    -------
    ab : ndarray of float64, shape (2, H, W)
        In Lab units: the colors of the sure pixels, spread by `propagate`.
    labels : ndarray of int, shape (H, W)
        The segment that won the vote at each pixel.
    confidence : ndarray, shape (H, W)
        Its share of the vote; above 0.5 a pixel counts as sure.

    Raises
    ------
    ValueError
        If `gray` is not (H, W) in 0..1, segments do not fit, or no pixel is sure.

    Notes
    -----
    Irony, Cohen-Or and Lischinski 2005: classify, vote, propagate. A pixel's look is
    the cosine transform of the patch around it, without signs, in the directions in
    which segments differ most, measured by how pixels of one segment differ (a linear
    discriminant, instead of the paper's two principal component analyses). Its
    `NEIGHBORS` nearest pixels of the reference vote for a segment; then the pixels of
    a window vote, each by exp(-distance) to its match. The color is the mean of the
    matches' colors, each moved by as much as the voter lies off.

    Examples
    --------
    >>> photo = np.zeros((20, 40, 3), np.uint8)
    >>> photo[:, :20] = 200, 40, 40
    >>> photo[:, 20:] = np.random.default_rng(0).integers(0, 255, (20, 20, 1))
    >>> segments = np.repeat([[0] * 20 + [1] * 20], 20, axis=0)
    >>> gray, _ = read_reference(photo[:, ::-1])
    >>> labels = irony(gray, photo, segments)[1]
    >>> bool(labels[:, :16].all()), bool(labels[:, 24:].any())
    (True, False)
    """
    gray, (other, ab) = check_gray(gray), read_reference(reference)
    segments = np.asarray(segments)
    S = int(segments.max()) + 1
    if segments.shape != other.shape or not np.array_equal(
        np.unique(segments), np.arange(max(S, 2))
    ):
        raise ValueError(
            f"segments must have shape {other.shape} and number 2 or more from 0, "
            f"got {segments.shape}, {np.unique(segments)[:9].tolist()}"
        )
    looks, known = _cosines(gray), _cosines(other)
    project = _discriminant(known, segments.ravel(), S)
    k = min(NEIGHBORS, len(known))
    far, near = cKDTree(known @ project).query(looks @ project, k=[*range(1, k + 1)])
    named = segments.ravel()[near]  # (H * W, k)
    votes = (named[:, :, None] == np.arange(S)).sum(axis=1)
    labels = votes.argmax(axis=1)
    first = (named == labels[:, None]).argmax(axis=1)  # the nearest of this segment
    row = np.arange(len(first))
    weight = np.exp(-far[row, first]).reshape(gray.shape)
    match = np.stack(np.divmod(near[row, first], other.shape[1]))
    return _vote(gray, ab, labels.reshape(gray.shape), weight, match)


def _vote(
    gray: np.ndarray,
    ab: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    match: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Let the pixels of each window vote, color what is sure, and spread it."""
    match = match.reshape(2, *gray.shape)
    each = np.arange(labels.max() + 1)[:, None, None]
    shares = np.stack(
        [ndimage.uniform_filter(w, VOTES) for w in weight * (labels == each)]
    )
    winner = shares.argmax(axis=0)
    confidence = shares.max(axis=0) / shares.sum(axis=0).clip(1e-300)
    reach, (height, width) = VOTES // 2, gray.shape
    colors, total = np.zeros((2, *gray.shape)), np.zeros(gray.shape)
    y, x = np.mgrid[:height, :width]
    for v in range(-reach, reach + 1):
        for u in range(-reach, reach + 1):
            q = (y + v).clip(0, height - 1), (x + u).clip(0, width - 1)
            counts = weight[q] * (labels[q] == winner)
            row = (match[0][q] - v).clip(0, ab.shape[1] - 1)
            column = (match[1][q] - u).clip(0, ab.shape[2] - 1)
            colors += counts * ab[:, row, column]
            total += counts
    sure = (confidence > SURE) & (total > 0)
    if not sure.any():
        raise ValueError("gray must have a pixel that looks like a segment, got none")
    colors /= np.where(sure, total, 1)
    return propagate(gray, colors, sure), winner, confidence


def _discriminant(looks: np.ndarray, labels: np.ndarray, S: int) -> np.ndarray:
    """Return the directions that part S segments, (F, S - 1), within-variance 1."""
    means = np.stack([looks[labels == s].mean(axis=0) for s in range(S)])
    within = looks - means[labels]
    values, vectors = np.linalg.eigh(within.T @ within / len(looks))
    whiten = vectors / np.sqrt(values.clip(1e-6 * values.max() + 1e-12))
    apart = (means - looks.mean(axis=0)) @ whiten
    return whiten @ np.linalg.svd(apart, full_matrices=False)[2][: S - 1].T


def _cosines(gray: np.ndarray) -> np.ndarray:
    """Return how much of each cosine the patch around a pixel holds, (H * W, 49)."""
    patches = patches_of(gray, DCT).reshape(-1, DCT, DCT)
    return np.abs(fft.dctn(patches, axes=(1, 2), norm="ortho")).reshape(-1, DCT**2)


def _two_levels(gray: np.ndarray) -> np.ndarray:
    coarse = ndimage.gaussian_filter(gray, 1.0)
    return np.concatenate([patches_of(gray, 5), patches_of(coarse, 3, step=2)], axis=-1)
