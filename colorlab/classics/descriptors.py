"""Color from descriptors of each pixel, by a small network (book chapter: descriptors).

Cheng, Yang and Sheng 2015: an early network for color, on features that people had
designed. The filter that cleans up after it is in `filters`.
"""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn.functional import mse_loss

PATCH = 7  # pixels on a side
RADIUS, RING, ORIENTATIONS = 8, 3, 8  # of DAISY: pixels, places on its ring, angles
SEMANTIC = 47  # numbers that stand for what is there
HIDDEN_LAYERS = 3
BATCH, LR, WEIGHT_DECAY = 256, 3e-3, 0.01
COLOR_SCALE = 20.0  # ab units, about their standard deviation


def patches(gray: np.ndarray) -> np.ndarray:
    """Return each pixel's surroundings, row by row.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1. H and W more than 3.

    Returns
    -------
    ndarray, shape (49, H, W)
        The gray of the 7 x 7 pixels around each; beyond the border, mirrored.

    Raises
    ------
    ValueError
        If `gray` is no such picture.

    Examples
    --------
    >>> ramp = np.tile(np.arange(9) / 10, (9, 1))
    >>> patches(ramp)[:7, 4, 4]
    array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    """
    gray = _checked_gray(gray, PATCH // 2)
    height, width = gray.shape
    padded = np.pad(gray, PATCH // 2, mode="reflect")
    steps = range(PATCH)
    return np.stack(
        [padded[y : y + height, x : x + width] for y in steps for x in steps]
    )


def daisy(gray: np.ndarray) -> np.ndarray:
    """Return DAISY descriptors: which way edges run, here and around.

    Parameters
    ----------
    gray : ndarray, shape (H, W)
        Lightness in 0..1. H and W more than 8.

    Returns
    -------
    ndarray, shape (32, H, W)
        Four histograms of eight gradient directions: around the pixel, and 8 pixels to
        its right, lower left and upper left. The 32 numbers sum to 1.

    Raises
    ------
    ValueError
        If `gray` is no such picture.

    Notes
    -----
    Tola, Lepetit and Fua 2010, in the smallest form, and as scikit-image computes it:
    each gradient counts by its length in all histograms, most in that of its own
    direction. Directions start at -180 degrees (to the left) and go by 45; with y
    downward, the third one points up.

    Examples
    --------
    >>> ramp = np.tile(np.linspace(0, 1, 20), (20, 1))  # brighter to the right
    >>> int(daisy(ramp)[:8, 10, 5].argmax())
    4
    """
    gray = _checked_gray(gray, RADIUS)
    height, width = gray.shape
    padded = np.pad(gray, RADIUS, mode="reflect")
    right = np.diff(padded, axis=1, append=padded[:, -1:])
    down = np.diff(padded, axis=0, append=padded[-1:])
    length, angle = np.hypot(right, down), np.arctan2(down, right)
    turns = 2 * np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS - np.pi
    sharpness = ORIENTATIONS / np.pi
    smooth = np.stack(
        [
            ndimage.gaussian_filter(
                np.exp(sharpness * np.cos(angle - turn)) * length, RADIUS / 2
            )
            for turn in turns
        ]
    )
    places = [(0, 0)]
    for turn in 2 * np.pi * np.arange(RING) / RING:
        places.append((round(RADIUS * np.sin(turn)), round(RADIUS * np.cos(turn))))
    parts = [
        smooth[:, RADIUS + y :, RADIUS + x :][:, :height, :width] for y, x in places
    ]
    descriptors = np.concatenate(parts) + 1e-10  # where nothing changes, all alike
    return descriptors / descriptors.sum(axis=0)


def principal_axes(
    vectors: np.ndarray, count: int = SEMANTIC
) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions in which vectors differ most.

    Parameters
    ----------
    vectors : ndarray, shape (n, C)
        At least `count` of them.
    count : int
        Directions wanted, at most C.

    Returns
    -------
    mean : ndarray, shape (C,)
        Of the vectors.
    axes : ndarray, shape (count, C)
        Of length 1, at right angles. `axes @ (vector - mean)` is the shorter vector.

    Raises
    ------
    ValueError
        If there are too few vectors or numbers in them, or one is not finite.

    Examples
    --------
    >>> mean, axes = principal_axes(np.array([[0.0, 1], [2, 1], [4, 1]]), count=1)
    >>> mean, np.abs(axes)
    (array([2., 1.]), array([[1., 0.]]))
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, got {count}")
    if vectors.ndim != 2 or min(vectors.shape) < count:
        raise ValueError(
            f"vectors must be {count} or more of {count} numbers or more, "
            f"got shape {vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite")
    mean = vectors.mean(axis=0)
    return mean, np.linalg.svd(vectors - mean, full_matrices=False)[2][:count]


def fit_perceptron(
    features: np.ndarray, colors: np.ndarray, steps: int = 500, seed: int = 0
) -> nn.Sequential:
    """Train a small fully connected network to say colors by features.

    Parameters
    ----------
    features : ndarray, shape (n, F)
        Of n pixels.
    colors : ndarray, shape (n, 2)
        Their true ab, in Lab units.
    steps : int
        Steps of AdamW, on 256 pixels each.
    seed : int
        Of the first weights and of which pixels come when.

    Returns
    -------
    nn.Sequential
        Takes (n, F) as they are, gives ab (n, 2) in Lab units: three hidden layers of
        F // 2 numbers, with ReLU.

    Raises
    ------
    ValueError
        If shapes do not fit, there is one pixel or one feature only, a number is not
        finite, or `steps` is below 1.

    Notes
    -----
    Cheng et al. 2015: squared error, hidden layers half as wide as the input. How they
    trained is not repeated here.

    Examples
    --------
    >>> grays = np.linspace(0, 1, 50)[:, None].repeat(2, axis=1)
    >>> network = fit_perceptron(grays, 40 * grays - 20, steps=200)
    >>> network(torch.ones(1, 2)).shape
    torch.Size([1, 2])
    """
    if (
        features.ndim != 2
        or colors.shape != (len(features), 2)
        or min(features.shape) < 2
    ):
        raise ValueError(
            "features and colors must have shapes (n, F) and (n, 2), n and F 2 or "
            f"more, got {features.shape} and {colors.shape}"
        )
    x, y = (torch.from_numpy(np.asarray(a, np.float32)) for a in (features, colors))
    if not (x.isfinite().all() and y.isfinite().all()):
        raise ValueError("features and colors must be finite")
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, got {steps}")
    mean, scale = x.mean(dim=0), x.std(dim=0) + 1e-6
    middle = y.mean(dim=0)
    x, y = (x - mean) / scale, (y - middle) / COLOR_SCALE
    rng = torch.Generator().manual_seed(seed)
    network = _perceptron(x.shape[1], rng)
    optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps)
    for _ in range(steps):
        batch = torch.randint(len(x), (BATCH,), generator=rng)
        loss = mse_loss(network(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return _with_units(network, mean, scale, middle)


@torch.inference_mode()
def color_pixels(network: nn.Sequential, features: np.ndarray) -> np.ndarray:
    """Ask the perceptron for the color of each pixel.

    Parameters
    ----------
    network : nn.Sequential
        As `fit_perceptron` returns it.
    features : ndarray, shape (F, H, W)
        Of a picture, in the same order as in training.

    Returns
    -------
    ndarray of float32, shape (2, H, W)
        ab in Lab units.

    Raises
    ------
    ValueError
        If `features` has another number of features than the network takes.

    Examples
    --------
    >>> color_pixels(nn.Sequential(nn.Linear(3, 2)), np.zeros((3, 4, 5))).shape
    (2, 4, 5)
    """
    features = np.asarray(features, np.float32)
    wanted = next(network.parameters()).shape[1]
    if features.ndim != 3 or len(features) != wanted:
        raise ValueError(
            f"features must have shape ({wanted}, H, W), got {features.shape}"
        )
    rows = features.reshape(len(features), -1).T
    return network(torch.from_numpy(rows)).numpy().T.reshape(2, *features.shape[1:])


def _perceptron(inputs: int, rng: torch.Generator) -> nn.Sequential:
    """Return linear layers with ReLU between, from seeded weights (He et al. 2015)."""
    widths = [inputs, *[inputs // 2] * HIDDEN_LAYERS, 2]
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layer = nn.Linear(before, after)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=rng)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@torch.no_grad()
def _with_units(
    network: nn.Sequential, mean: Tensor, scale: Tensor, middle: Tensor
) -> nn.Sequential:
    """Move the scaling of inputs and outputs into the first and the last layer."""
    weight, bias, *_, last_weight, last_bias = network.parameters()
    weight.div_(scale)
    bias.sub_(weight @ mean)
    last_weight.mul_(COLOR_SCALE)
    last_bias.mul_(COLOR_SCALE).add_(middle)
    return network.eval()


def _checked_gray(gray: np.ndarray, margin: int) -> np.ndarray:
    gray = np.asarray(gray, dtype=float)
    if gray.ndim != 2 or min(gray.shape) <= margin:
        raise ValueError(
            f"gray must have shape (H, W), both above {margin}, got {gray.shape}"
        )
    if not ((gray >= 0) & (gray <= 1)).all():
        raise ValueError(
            f"gray must lie in 0..1, got {gray.min():.3g}..{gray.max():.3g}"
        )
    return gray
