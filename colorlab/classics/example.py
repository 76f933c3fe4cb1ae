"""Color from another photo, by places that look alike (book chapter: example)."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from colorlab.datasets.images import File, open_image, to_tensor
from colorlab.lab import rgb_to_lab

SAMPLES, SWATCH_SAMPLES = 200, 50  # Welsh et al. 2002, as is the window
WINDOW = 5  # pixels, each way
Picture = Image.Image | np.ndarray | File
Box = tuple[int, int, int, int]  # left, top, right, bottom, as in Pillow


def read_reference(reference: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Return the lightness and the chroma of a picture.

    Parameters
    ----------
    reference : PIL image, array of shape (H, W, 3), path or open file
        As for `colorlab.colorize.colorize`.

    Returns
    -------
    gray : ndarray of float64, shape (H, W)
        Lightness in 0..1.
    ab : ndarray of float64, shape (2, H, W)
        In Lab units.

    Examples
    --------
    >>> gray, ab = read_reference(np.full((2, 3, 3), 255, np.uint8))
    >>> gray.round(2).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    rgb = to_tensor(open_image(reference).convert("RGB"))
    lab = rgb_to_lab(rgb.double() / 255).numpy()
    return (lab[0] / 100).clip(0, 1), lab[1:]


def look_of(gray: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Return each pixel's lightness and the deviation in the window around it.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness.
    window : int
        Its side in pixels; at the border, the picture is mirrored.

    Returns
    -------
    ndarray of float64, shape (2, H, W)
        In the unit of `gray`.

    Raises
    ------
    ValueError
        If `gray` is no picture, or `window` is below 1.

    Examples
    --------
    >>> look_of(np.array([[0.0, 0.0, 1.0]]), window=3)[1].round(2)
    array([[0.  , 0.47, 0.47]])
    """
    gray = np.asarray(gray, dtype=float)
    if gray.ndim != 2 or not gray.size:
        raise ValueError(f"gray must have shape (H, W), got {gray.shape}")
    if window < 1:
        raise ValueError(f"window must be 1 or more, got {window}")
    mean, square = (ndimage.uniform_filter(g, window) for g in (gray, gray**2))
    return np.stack([gray, np.sqrt((square - mean**2).clip(0))])


def move_statistics(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Shift and scale lightnesses to the mean and the deviation of others.

    Parameters
    ----------
    source, target : ndarray
        Lightnesses, of any shapes.

    Returns
    -------
    ndarray, shape of `source`
        Values may leave 0..1. If all of `source` are equal, they are only shifted.

    Examples
    --------
    >>> move_statistics(np.array([0.0, 1.0]), np.array([0.2, 0.4])).round(2)
    array([0.2, 0.4])
    """
    spread = source.std()
    scale = target.std() / spread if spread > 1e-9 else 1.0
    return (source - source.mean()) * scale + target.mean()


def jittered_places(
    height: int, width: int, number: int, rng: np.random.Generator
) -> np.ndarray:
    """Cut a picture into about so many cells, and draw a pixel of each.

    Parameters
    ----------
    height, width : int
        In pixels.
    number : int
        Cells wanted; there are as many as fit in rows and columns.
    rng : Generator
        Draws the pixels.

    Returns
    -------
    ndarray of int, shape (S, 2)
        Rows and columns.

    Raises
    ------
    ValueError
        If a number is below 1.

    Examples
    --------
    >>> jittered_places(40, 60, 6, np.random.default_rng(0)) // 20
    array([[0, 0],
           [0, 1],
           [0, 2],
           [1, 0],
           [1, 1],
           [1, 2]])
    """
    if number < 1:
        raise ValueError(f"number must be 1 or more, got {number}")
    if min(height, width) < 1:
        raise ValueError(f"height and width must be 1 or more, got {height}, {width}")
    rows = min(height, max(1, round((number * height / width) ** 0.5)))
    columns = min(width, max(1, round(number / rows)))
    share = rng.random((2, rows, columns))
    edges = [
        np.arange(n + 1) * side // n for n, side in ((rows, height), (columns, width))
    ]
    low = np.stack(np.meshgrid(*(edge[:-1] for edge in edges), indexing="ij"))
    high = np.stack(np.meshgrid(*(edge[1:] for edge in edges), indexing="ij"))
    return (low + share * (high - low)).astype(int).reshape(2, -1).T


def find_matches(
    gray: np.ndarray, reference: np.ndarray, places: np.ndarray, k: int = 1
) -> np.ndarray:
    """Return the places of a reference that look most like each pixel.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1.
    reference : ndarray, shape (h, w)
        Lightness of the reference; its statistics are moved to those of `gray` first.
    places : ndarray of int, shape (S, 2)
        Rows and columns to choose from.
    k : int
        How many to return.

    Returns
    -------
    ndarray of int, shape (k, H, W)
        Indices into `places`, the best first.

    Raises
    ------
    ValueError
        If `gray` is not (H, W) in 0..1, the reference is no picture, a place lies
        outside of it, or there are fewer than k.

    Notes
    -----
    Welsh, Ashikhmin and Mueller 2002: lightness and deviation count alike. Their sum
    can also be read as one number a pixel; as two, a dark rough place is not like a
    bright smooth one.

    Examples
    --------
    >>> places = np.array([[0, 0], [0, 3]])
    >>> find_matches(np.array([[0.4, 0.4, 0.6, 0.6]]), np.array([[0, 0, 1, 1]]), places)
    array([[[0, 0, 1, 1]]])
    """
    gray = check_gray(gray)
    if not 1 <= k <= len(places):
        raise ValueError(f"k must be in 1..{len(places)}, the places, got {k}")
    places, reference = np.asarray(places), np.asarray(reference, float)
    if reference.ndim != 2:
        raise ValueError(f"reference must have shape (h, w), got {reference.shape}")
    if not np.isfinite(reference).all():
        raise ValueError("reference must be finite")
    if not ((places >= 0) & (places < reference.shape)).all():
        height, width = reference.shape
        raise ValueError(f"places must lie in the reference, {height} x {width}")
    rows, columns = places.T
    looks = look_of(move_statistics(reference, gray))
    tree = cKDTree(looks[:, rows, columns].T)
    found = tree.query(look_of(gray).reshape(2, -1).T, k=[*range(1, k + 1)], p=1)[1]
    return found.T.reshape(k, *gray.shape)


def welsh(
    gray: np.ndarray,
    reference: Picture,
    k: int = 1,
    samples: int = SAMPLES,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Copy to each pixel the chroma of the place that looks most like it.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1.
    reference : PIL image, array of shape (H, W, 3), path or open file
        A picture in color, of any size.
    k : int
        The mean of so many matches is taken; the paper has 1.
    samples : int
        Places of the reference to choose from, about.
    rng : Generator, optional
        Draws the places; always the same ones by default.

    Returns
    -------
    ndarray of float64, shape (2, H, W)
        ab in Lab units.

    Raises
    ------
    ValueError
        As for `find_matches`.

    Notes
    -----
    Welsh, Ashikhmin and Mueller 2002, in Lab rather than in l-alpha-beta. It is the
    reference whose lightness is moved, not the picture to be colored.

    Examples
    --------
    >>> halves = np.zeros((8, 16, 3), np.uint8)
    >>> halves[:, 8:, 1] = 255  # black beside green
    >>> welsh(np.repeat([[0.9] * 8 + [0.3] * 8], 8, axis=0), halves)[0, 0].round()
    array([-86., -86., -86., -86., -86., -86., -86., -86.,   0.,   0.,   0.,
             0.,   0.,   0.,   0.,   0.])
    """
    other, ab = read_reference(reference)
    rng = rng or np.random.default_rng(0)
    height, width = other.shape
    places = jittered_places(height, width, samples, rng)
    found = find_matches(gray, other, places, k)
    rows, columns = places[found].transpose(3, 0, 1, 2)
    return ab[:, rows, columns].mean(axis=1)


def welsh_swatches(
    gray: np.ndarray,
    reference: Picture,
    swatches: Sequence[tuple[Box, Box]],
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Color a picture where a person says which part is like which.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1.
    reference : PIL image, array of shape (H, W, 3), path or open file
        A picture in color.
    swatches : sequence of pairs of boxes
        (left, top, right, bottom) in `gray`, and in the reference.
    rng : Generator, optional
        As for `welsh`.

    Returns
    -------
    ndarray of float64, shape (2, H, W)
        ab in Lab units.

    Raises
    ------
    ValueError
        If there is no swatch, or a box is no box or leaves its picture.

    Notes
    -----
    Welsh et al. 2002: `welsh` from box to box, with 50 samples. Then each pixel takes
    the color of that pixel in a box of *its own* picture whose 5 x 5 lightnesses are
    nearest. The reference is no longer asked. About 200 pixels of each box are drawn to
    choose from; that is ours.

    Examples
    --------
    >>> halves = np.zeros((8, 16, 3), np.uint8)
    >>> halves[:, 8:, 1] = 255
    >>> gray = np.repeat([[0.9] * 8 + [0.3] * 8], 8, axis=0)
    >>> green = ((9, 0, 12, 8), (9, 0, 12, 8))  # the dark half, too, should be green
    >>> welsh_swatches(gray, halves, [green])[0].round().min()
    np.float64(-86.0)
    """
    gray, picture = check_gray(gray), open_image(reference).convert("RGB")
    if not swatches:
        raise ValueError("swatches must hold a pair of boxes or more, got none")
    rng = rng or np.random.default_rng(0)
    patches, colors, looks = patches_of(gray, WINDOW), [], []
    for here, there in swatches:
        rows, columns = _slices(here, gray.shape)
        _slices(there, (picture.height, picture.width))
        part = welsh(gray[rows, columns], picture.crop(there), 1, SWATCH_SAMPLES, rng)
        height, width = part.shape[1:]
        y, x = jittered_places(height, width, SAMPLES, rng).T
        colors.append(part[:, y, x])
        looks.append(patches[rows, columns][y, x])
    tree = cKDTree(np.concatenate(looks))
    found = tree.query(patches.reshape(-1, WINDOW**2))[1]
    return np.concatenate(colors, axis=1)[:, found].reshape(2, *gray.shape)


def patches_of(gray: np.ndarray, side: int, step: int = 1) -> np.ndarray:
    """Return the pixels around each pixel of a picture, mirrored at its border.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness.
    side, step : int
        side x side pixels are taken, `step` apart; an odd number.

    Returns
    -------
    ndarray, shape (H, W, side ** 2)
        Row by row.

    Raises
    ------
    ValueError
        If `side` is even, or a number is below 1.

    Examples
    --------
    >>> patches_of(np.array([[0.1, 0.2, 0.3]]), side=3)[0, 0]
    array([0.1, 0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1, 0.2])
    """
    if side < 1 or side % 2 == 0:
        raise ValueError(f"side must be odd, 1 or more, got {side}")
    if step < 1:
        raise ValueError(f"step must be 1 or more, got {step}")
    reach, (height, width) = side // 2 * step, gray.shape
    padded = np.pad(gray, reach, mode="symmetric")
    starts = range(0, 2 * reach + 1, step)
    return np.stack(
        [padded[y : y + height, x : x + width] for y in starts for x in starts], axis=-1
    )


def _slices(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    if len(box) != 4 or not all(isinstance(side, Integral) for side in box):
        raise ValueError(f"swatches must be boxes of four whole numbers, got {box}")
    left, top, right, bottom = box
    if not (0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]):
        raise ValueError(
            f"swatches must lie in their picture, {shape[1]} x {shape[0]}, got {box}"
        )
    return slice(top, bottom), slice(left, right)


def check_gray(gray: np.ndarray) -> np.ndarray:
    """Return a picture as floats, if it has shape (H, W) and lies in 0..1.

    Parameters
    ----------
    gray : ndarray
        Lightness.

    Returns
    -------
    ndarray of float64
        The same.

    Raises
    ------
    ValueError
        If it has another shape, or leaves 0..1.
    """
    gray = np.asarray(gray, dtype=float)
    if gray.ndim != 2 or not gray.size or not ((gray >= 0) & (gray <= 1)).all():
        told = f"{gray.min():.3g}..{gray.max():.3g}" if gray.size else "nothing"
        raise ValueError(
            f"gray must have shape (H, W), in 0..1, got {gray.shape}, {told}"
        )
    return gray
