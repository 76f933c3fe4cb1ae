"""The 313 color bins, and how a color is shared among them (book chapter: quantize).

The ab plane is cut by a grid of step 10. A bin is named by its center. Which grid
points are bins is derived here from the sRGB gamut; nothing is read from a table.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from colorlab._tiles import each_tile, in_memory
from colorlab.lab import rgb_to_lab

N_BINS = 313  # an outcome of `bin_centers`, typed once and tested against it
STEP = 10.0  # ab units between neighboring bins; Zhang et al. 2016, section 2.1
SIGMA = 5.0  # ab units; same section
N_NEIGHBORS = 5  # same section; the authors' released layer uses 10

GRID_REACH = 12  # grid points from -120 to 120: beyond any sRGB color
GAMUT_LEVELS = 9  # samples a channel of the RGB cube; 5 already give the same bins
TILE = 2**15  # colors: 128 kB a plane in float32, so that the window stays in the cache
AT_ONCE = 2**20  # colors measured against all bins off the CPU: 2.6 GB
LARGEST_WINDOW_K = 16  # above, a window has so many grid points that it does not pay
DIRECTIONS = 3600  # straight edges that fence in the gamut

Search = Callable[[Tensor], tuple[Tensor, ...]]  # from colors (2, M) to planes (k, M)


def bin_centers() -> Tensor:
    """Return the bin centers: the grid points near enough to an sRGB color.

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

    Examples
    --------
    >>> bin_centers().shape
    torch.Size([313, 2])
    """
    angle = torch.arange(DIRECTIONS, dtype=torch.float64) * (2 * math.pi / DIRECTIONS)
    directions = torch.stack([angle.cos(), angle.sin()])  # (2, directions)
    fence = (_gamut_ab() @ directions).amax(0) + STEP * directions.abs().sum(0)
    axis = torch.arange(-GRID_REACH, GRID_REACH + 1, dtype=torch.float64) * STEP
    grid = torch.cartesian_prod(axis, axis)  # a slowest
    inside = (grid @ directions <= fence).all(1)
    return grid[inside].float()


def nearest_bin(ab: Tensor, centers: Tensor) -> Tensor:
    """Return the bin nearest to each color (book chapter: quantize).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        Chroma in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers, as from `bin_centers`.

    Returns
    -------
    Tensor of int64, shape (N, H, W)
        Indices into `centers`.

    Raises
    ------
    ValueError
        If `ab` does not have two channels, holds integers, or lies on another device
        than `centers`.

    Examples
    --------
    >>> centers = bin_centers()
    >>> bins = nearest_bin(torch.tensor([33.0, -41.0]).view(1, 2, 1, 1), centers)
    >>> centers[bins.flatten()]
    tensor([[ 30., -40.]])
    """
    search = _choose_search(ab, centers, k=1)
    (bins,) = _search_in_tiles(lambda colors: search(colors)[:1], ab, 1, [torch.int64])
    return bins.squeeze(1)


def soft_encode(
    ab: Tensor, centers: Tensor, k: int = N_NEIGHBORS, sigma: float = SIGMA
) -> tuple[Tensor, Tensor]:
    """Share each ab color among its k nearest bins (book chapter: quantize).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        Chroma in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers, as from `bin_centers`.
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
        If `ab` does not have two channels, holds integers, or lies on another device
        than `centers`; if k is not in 1..Q or sigma is not positive.

    Notes
    -----
    Zhang et al. 2016, section 2.1; the authors' released code uses k = 10. The
    result is sparse: k pairs instead of Q numbers a pixel. For centers on the grid,
    only the grid points in a small window around the color (4x4 for k = 5) are looked
    at; for others, and on other devices than the CPU, all centers are. A color that is
    not a number gets NaN weights.

    Examples
    --------
    >>> centers = bin_centers()
    >>> bins, weights = soft_encode(torch.tensor([33, -41.5]).view(1, 2, 1, 1), centers)
    >>> centers[bins.flatten()]
    tensor([[ 30., -40.],
            [ 40., -40.],
            [ 30., -50.],
            [ 40., -50.],
            [ 30., -30.]])
    >>> (100 * weights.flatten()).round()  # percent
    tensor([53., 24., 13.,  6.,  4.])
    """
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    search = _choose_search(ab, centers, k)

    def encode(colors: Tensor) -> tuple[Tensor, Tensor]:
        bins, squared = search(colors)
        return bins, (squared / (-2 * sigma**2)).softmax(dim=0)

    bins, weights = _search_in_tiles(encode, ab, k, [torch.int64, _exact(ab)])
    return bins, weights.to(ab.dtype)


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

    Examples
    --------
    >>> bins = torch.tensor([2, 0]).view(1, 2, 1, 1)
    >>> weights = torch.tensor([0.75, 0.25]).view(1, 2, 1, 1)
    >>> to_dense(bins, weights, Q=4).flatten()
    tensor([0.2500, 0.0000, 0.7500, 0.0000])
    """
    N, _, H, W = bins.shape
    return weights.new_zeros(N, Q, H, W).scatter_add_(1, bins, weights)


def _gamut_ab() -> Tensor:
    """Return the ab of samples of the sRGB cube, shape (colors, 2)."""
    level = torch.linspace(0, 1, GAMUT_LEVELS, dtype=torch.float64)
    rgb = torch.cartesian_prod(level, level, level)
    return rgb_to_lab(rgb[:, :, None, None])[:, 1:, 0, 0]


def _check(ab: Tensor, centers: Tensor, k: int) -> None:
    if ab.ndim != 4 or ab.shape[1] != 2:
        raise ValueError(f"ab must have shape (N, 2, H, W), got {tuple(ab.shape)}")
    if not ab.is_floating_point():
        raise ValueError(f"ab must be floats, got {ab.dtype}")
    if centers.ndim != 2 or centers.shape[1] != 2:
        raise ValueError(f"centers must have shape (Q, 2), got {tuple(centers.shape)}")
    if centers.device != ab.device:
        raise ValueError(
            f"centers must be on the device of ab, {ab.device}, got {centers.device}"
        )
    if not 1 <= k <= len(centers):
        raise ValueError(f"k must be in 1..{len(centers)}, got {k}")


def _choose_search(ab: Tensor, centers: Tensor, k: int) -> Search:
    """Return a function from colors, (2, M), to k nearest bins and squared distances.

    On a device other than the CPU all bins are measured: that takes few operations,
    and none waits for the device to tell what to do next.
    """
    _check(ab, centers, k)
    centers = centers.to(_exact(ab))
    if in_memory(ab) and k <= LARGEST_WINDOW_K:
        bin_at = _bin_map(centers, GRID_REACH + _reach(k))
        if bin_at is not None:
            return partial(_search_window, centers=centers, k=k, bin_at=bin_at)
    return partial(_search_all, centers=centers, k=k)


def _search_in_tiles(
    search: Search, ab: Tensor, k: int, dtypes: list[torch.dtype]
) -> list[Tensor]:
    """Search for the colors of a batch; return what is found as (N, k, H, W)."""
    N, _, H, W = ab.shape
    pixels = ab.flatten(2)  # (N, 2, H * W)

    def search_part(images: slice, part: slice) -> list[Tensor]:
        colors = pixels[images, :, part].transpose(0, 1)  # (2, images, pixels)
        found = search(colors.flatten(1).to(_exact(ab)))
        return [each.reshape(k, *colors.shape[1:]) for each in found]

    if not in_memory(ab):
        step = max(1, AT_ONCE // max(N, 1))
        parts = [
            search_part(slice(None), slice(start, start + step))
            for start in range(0, max(H * W, 1), step)
        ]
        found = [torch.cat(each, dim=2) for each in zip(*parts, strict=True)]
    else:
        found = [torch.empty((k, N, H * W), dtype=d, device=ab.device) for d in dtypes]

        def work(images: slice, part: slice) -> None:
            for whole, each in zip(found, search_part(images, part), strict=True):
                whole[:, images, part] = each

        each_tile(work, N, H * W, TILE)
    return [each.view(k, N, H, W).transpose(0, 1) for each in found]


def _exact(ab: Tensor) -> torch.dtype:
    return torch.promote_types(ab.dtype, torch.float32)


def _reach(k: int) -> int:
    """Grid steps, each way, of a window that holds the k nearest grid points."""
    return 1 + math.ceil((math.sqrt(k) - 1) / 2)


def _search_all(colors: Tensor, centers: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Measure colors, (2, M), against every bin; return (k, M) twice.

    `torch.cdist` is not used: its faster mode loses half of the digits, and the other
    took three quarters of a training step on a GPU (an H200, with torch 2.11).
    """
    (a, b), (center_a, center_b) = colors.unsqueeze(2), centers.T
    squared = (a - center_a).square_().add_((b - center_b).square_())  # (M, Q)
    found = []
    for _ in range(k):
        nearest, bins = squared.min(dim=1, keepdim=True)
        found.append((bins, nearest))
        squared.scatter_(1, bins, math.inf)  # not to be found again
    bins, squared = (torch.cat(each, dim=1).T for each in zip(*found, strict=True))
    return bins, squared


def _search_window(
    colors: Tensor, centers: Tensor, k: int, bin_at: Tensor
) -> tuple[Tensor, Tensor]:
    """Search the grid points around colors, (2, M); return (k, M) twice."""
    bins, squared = _search_near(colors, k, bin_at)
    # Beyond the gamut the window can miss bins. Such colors are rare (no photo has
    # one): measure them against every bin.
    lost = ~(squared[-1] <= (_reach(k) * STEP) ** 2)  # so is what is no number
    if lost.any():
        bins[:, lost], squared[:, lost] = _search_all(colors[:, lost], centers, k)
    return bins, squared


def _search_near(colors: Tensor, k: int, bin_at: Tensor) -> tuple[Tensor, Tensor]:
    """Search the window alone; its grid points without bin are far."""
    reach = _reach(k)
    window = range(2 * reach)  # grid steps from its lowest corner
    far = torch.where(bin_at < 0, math.inf, 0.0).to(colors.dtype).flatten()
    side = len(bin_at)

    corner = (colors / STEP).floor().nan_to_num().clamp(-GRID_REACH, GRID_REACH - 1)
    corner += 1 - reach
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


def _bin_map(centers: Tensor, reach: int) -> Tensor | None:
    """Return the bin at each grid point from -reach to reach, -1 for none.

    None if a center is not on the grid, or too far out, or there twice.
    """
    steps = (centers / STEP).round()
    if not torch.equal(steps * STEP, centers) or steps.abs().max() > GRID_REACH:
        return None
    row, column = steps.long().T + reach
    bin_at = torch.full((2 * reach + 1, 2 * reach + 1), -1, device=centers.device)
    bin_at[row, column] = torch.arange(len(centers), device=centers.device)
    return bin_at if (bin_at >= 0).sum() == len(centers) else None


def _smallest(planes: Iterable[Tensor], k: int) -> Tensor:
    """Return each pixel's k smallest values, rising, (k, M): an insertion sort."""
    smallest: list[Tensor] = []
    for plane in planes:
        for rank, other in enumerate(smallest):
            smallest[rank] = torch.minimum(other, plane)
            plane = torch.maximum(other, plane)
        if len(smallest) < k:
            smallest.append(plane)
    return torch.stack(smallest)
