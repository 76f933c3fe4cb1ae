"""The 313 color bins, and how a color is shared among them (book chapter: quantize).

The ab plane is cut by a grid of step 10. A bin is named by its center. Which grid
points are bins is derived here from the sRGB gamut; nothing is read from a table.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from colorlab.lab import rgb_to_lab

N_BINS = 313  # an outcome of `bin_centers`, typed once and tested against it
STEP = 10.0  # ab units between neighboring bins; Zhang et al. 2016, section 2.1
SIGMA = 5.0  # ab units; same section
N_NEIGHBORS = 5  # same section; the authors' released layer uses 10

GRID_REACH = 12  # grid points from -120 to 120: beyond any sRGB color
GAMUT_LEVELS = 9  # samples a channel of the RGB cube; 5 already give the same bins
PART = 2**15  # colors at a time: few enough that torch takes one thread, and none waits
LARGEST_WINDOW_K = 16  # above, a window has so many grid points that it does not pay
DIRECTIONS = 3600  # straight edges that fence in the gamut


def bin_centers() -> Tensor:
    """Find the bin centers: the grid points near enough to an sRGB color.

    Returns
    -------
    Tensor of float32, shape (313, 2)
        The (a, b) of each bin in Lab units; a slowest, b fastest, both rising.

    Notes
    -----
    The rule: take the convex hull of the ab values of all sRGB colors, widen it by
    one bin (10 units) along a and along b, keep the grid points inside. It gives
    exactly the set and order of the authors' `pts_in_hull.npy`. Whether they found
    theirs so is not known: the paper (section 2.1) only says "in-gamut".

    "Inside" is tested by fences: for a direction u, no point of the widened hull
    lies farther along u than the farthest color plus 10 (|u_a| + |u_b|).
    Book chapter: quantize.
    """
    angle = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    directions = torch.stack([angle.cos(), angle.sin()])  # (2, directions)
    fence = (_gamut_ab() @ directions).amax(0) + STEP * directions.abs().sum(0)
    axis = torch.arange(-GRID_REACH, GRID_REACH + 1, dtype=torch.float64) * STEP
    grid = torch.cartesian_prod(axis, axis)  # a slowest
    inside = (grid @ directions <= fence).all(1)
    return grid[inside].float()


def nearest_bin(ab: Tensor, centers: Tensor) -> Tensor:
    """Find the bin nearest to each color (book chapter: quantize).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        Chroma in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers, as `bin_centers` gives them.

    Returns
    -------
    Tensor of int64, shape (N, H, W)
        Indices into `centers`.

    Raises
    ------
    ValueError
        If `ab` does not have two channels.
    """
    return _nearest(ab, centers, k=1)[0].squeeze(1)


def soft_encode(
    ab: Tensor, centers: Tensor, k: int = N_NEIGHBORS, sigma: float = SIGMA
) -> tuple[Tensor, Tensor]:
    """Share each ab color among its k nearest bins (book chapter: quantize).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        Chroma in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers, as `bin_centers` gives them.
    k : int
        Bins that share one pixel's weight.
    sigma : float
        Width of the Gaussian weight, in ab units.

    Returns
    -------
    bins : Tensor of int64, shape (N, k, H, W)
        Indices into `centers`, nearest first.
    weights : Tensor, shape (N, k, H, W)
        Non-negative, sum to 1 over dim 1.

    Raises
    ------
    ValueError
        If `ab` does not have two channels, k is not in 1..Q or sigma is not
        positive.

    Notes
    -----
    Zhang et al. 2016, section 2.1; the authors' released code uses k = 10. The
    result is sparse: k pairs instead of Q numbers a pixel. Only the grid points in a
    small window around the color (4x4 for k = 5) are looked at.
    """
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    bins, squared = _nearest(ab, centers, k)
    return bins, (squared / (-2 * sigma**2)).softmax(dim=1).to(ab.dtype)


def to_dense(bins: Tensor, weights: Tensor, Q: int) -> Tensor:
    """Spread sparse targets over all Q bins, for teaching and tests.

    Parameters
    ----------
    bins : Tensor of int64, shape (N, k, H, W)
        Indices in 0..Q-1.
    weights : Tensor, shape (N, k, H, W)
        The weight of each.
    Q : int
        Number of bins.

    Returns
    -------
    Tensor, shape (N, Q, H, W)
        Z of the paper: zero but at `bins`. Book chapter: quantize.
    """
    N, _, H, W = bins.shape
    return weights.new_zeros(N, Q, H, W).scatter_add_(1, bins, weights)


def _gamut_ab() -> Tensor:
    """Sample the sRGB cube and give its colors' ab, shape (colors, 2)."""
    level = torch.linspace(0, 1, GAMUT_LEVELS, dtype=torch.float64)
    rgb = torch.cartesian_prod(level, level, level)
    return rgb_to_lab(rgb[:, :, None, None])[:, 1:, 0, 0]


def _nearest(ab: Tensor, centers: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Give the k nearest bins, (N, k, H, W), and their squared distances."""
    if ab.ndim != 4 or ab.shape[1] != 2:
        raise ValueError(f"ab must have shape (N, 2, H, W), got {tuple(ab.shape)}")
    if not 1 <= k <= len(centers):
        raise ValueError(f"k must be in 1..{len(centers)}, got {k}")
    N, _, H, W = ab.shape
    colors = ab.transpose(0, 1).reshape(2, -1)
    colors = colors.to(torch.promote_types(ab.dtype, torch.float32))
    if k > LARGEST_WINDOW_K:
        bins, squared = _search_all(colors, centers, k)
    else:
        parts = (_search_window(p, centers, k) for p in colors.split(PART, dim=1))
        bins, squared = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        # Beyond the gamut the window can miss bins. Such colors are rare (no photo
        # has one): measure them against every bin.
        lost = squared[-1] > (_reach(k) * STEP) ** 2
        if lost.any():
            bins[:, lost], squared[:, lost] = _search_all(colors[:, lost], centers, k)
    planes = (k, N, H, W)
    return bins.view(planes).transpose(0, 1), squared.view(planes).transpose(0, 1)


def _reach(k: int) -> int:
    """Grid steps, each way, of a window that holds the k nearest grid points."""
    return 1 + math.ceil((math.sqrt(k) - 1) / 2)


def _search_all(colors: Tensor, centers: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Measure colors, (2, M), against every bin; give (k, M) twice."""
    distance = torch.cdist(
        colors.T, centers.to(colors), compute_mode="donot_use_mm_for_euclid_dist"
    )  # the faster mode loses half of the digits
    distance, bins = distance.topk(k, largest=False)
    return bins.T, distance.T.square()


def _search_window(colors: Tensor, centers: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Search the grid points around colors, (2, M); points without bin are far."""
    reach = _reach(k)
    window = range(2 * reach)  # grid steps from its lowest corner
    bin_at = _bin_map(centers, GRID_REACH + reach).to(colors.device)
    far = torch.where(bin_at < 0, math.inf, 0.0).to(colors.dtype).flatten()
    side = len(bin_at)

    corner = (colors / STEP).floor().clamp(-GRID_REACH, GRID_REACH - 1) + (1 - reach)
    delta_a, delta_b = colors - corner * STEP
    square_a = [(delta_a - n * STEP).square() for n in window]
    square_b = [(delta_b - n * STEP).square() for n in window]
    row, column = corner.long() + (GRID_REACH + reach)
    place = row * side + column  # of the corner, in the flattened map
    shifts = [i * side + j for i in window for j in window]

    # Sorting is fastest with one number a candidate. So its place in the window takes
    # the last bits of its squared distance (4 of 24 for k = 5); as integers, the bits
    # of non-negative floats have the floats' order.
    integer = torch.int64 if colors.dtype == torch.float64 else torch.int32
    last_bits = 2 ** (len(shifts) - 1).bit_length() - 1
    squares = (a + b for a in square_a for b in square_b)
    keys = _smallest(
        (
            (square + far[shift:].take(place)).view(integer) & ~last_bits | number
            for number, (square, shift) in enumerate(zip(squares, shifts, strict=True))
        ),
        k,
    )
    shift = torch.tensor(shifts, device=keys.device).take((keys & last_bits).long())
    return bin_at.take(place + shift), (keys & ~last_bits).view(colors.dtype)


def _bin_map(centers: Tensor, reach: int) -> Tensor:
    """Give the bin at each grid point, -1 for none, from -reach to reach."""
    row, column = (centers / STEP).round().long().T + reach
    bin_at = torch.full((2 * reach + 1, 2 * reach + 1), -1, device=centers.device)
    bin_at[row, column] = torch.arange(len(centers), device=centers.device)
    return bin_at


def _smallest(planes: Iterable[Tensor], k: int) -> Tensor:
    """Give each pixel's k smallest values, rising, (k, M): insertion sort by planes."""
    smallest = []
    for plane in planes:
        for rank, other in enumerate(smallest):
            smallest[rank] = torch.minimum(other, plane)
            plane = torch.maximum(other, plane)
        if len(smallest) < k:
            smallest.append(plane)
    return torch.stack(smallest)
