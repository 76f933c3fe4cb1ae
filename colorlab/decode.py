"""From a distribution over bins to one color per pixel (book chapter: decode)."""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import interpolate

T_PAPER = 0.38  # Zhang et al. 2016, section 2.3; the released Caffe net has 1 / 2.606
MEDIAN_STEPS = 30  # of the geometric median: within 0.5 ab units on photos
T_DRAWN = 0.1  # of drawn colors: close to one bin, and soft where two are as likely
NEAR = 0.1  # ab units; the median treats what is nearer as if it were this far


def annealed_mean(logits: Tensor, centers: Tensor, T: float = T_PAPER) -> Tensor:
    """Sharpen each pixel's distribution by temperature T, then take its mean color.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        The network's output, before softmax. Probabilities p must be given as
        `p.log()`: a softmax of probabilities is nearly flat, and its mean the same
        dull color everywhere.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    T : float
        1 leaves the distribution as it is: its mean. Toward 0 only the most likely
        bin is left: its mode. The result is finite at any T > 0.

    Returns
    -------
    Tensor, shape (N, 2, h, w)
        ab in Lab units, dtype of `logits`.

    Raises
    ------
    ValueError
        If T is not positive, the number of bins differs, `logits` holds integers or
        `centers` lies on another device.

    Notes
    -----
    Zhang et al. 2016, equation 5: f_T(z) = exp(log(z) / T) / sum exp(log(z) / T).
    With z = softmax(logits) this is softmax(logits / T), as a constant added to all
    logits of a pixel changes nothing. The largest logit is subtracted before the
    division, so that no T can make it overflow. Book chapter: decode.

    Examples
    --------
    A pixel that gives an orange bin 0.7 and a blue one 0.3:

    >>> two = torch.tensor([[40.0, 60.0], [0.0, -40.0]])
    >>> logits = torch.tensor([0.7, 0.3]).log().view(1, 2, 1, 1)
    >>> annealed_mean(logits, two, T=1).flatten().round()
    tensor([28., 30.])
    >>> annealed_mean(logits, two, T=0.38).flatten().round()
    tensor([36., 50.])
    """
    if not T > 0:
        raise ValueError(f"T must be positive, got {T}")
    _check_bins(logits, centers)
    exact = _exact(logits)
    T = max(T, torch.finfo(exact.dtype).tiny)
    Z_hat = ((exact - exact.amax(dim=1, keepdim=True)) / T).softmax(dim=1)
    with torch.autocast(logits.device.type, enabled=False):  # it would cut the digits
        ab = torch.einsum("nqhw,qc->nchw", Z_hat, centers.to(Z_hat.dtype))
    return ab.to(logits.dtype)


def mode(logits: Tensor, centers: Tensor) -> Tensor:
    """Take each pixel's most likely bin center (book chapter: decode).

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        The network's output, before or after softmax.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.

    Returns
    -------
    Tensor, shape (N, 2, h, w)
        ab in Lab units: the limit of `annealed_mean` for T -> 0.

    Raises
    ------
    ValueError
        As `annealed_mean`.

    Examples
    --------
    >>> two = torch.tensor([[40.0, 60.0], [0.0, -40.0]])
    >>> mode(torch.tensor([0.7, 0.3]).log().view(1, 2, 1, 1), two).flatten()
    tensor([40., 60.])
    """
    _check_bins(logits, centers)
    return centers.to(logits.dtype)[logits.argmax(dim=1)].permute(0, 3, 1, 2)


def geometric_median(
    logits: Tensor, centers: Tensor, steps: int = MEDIAN_STEPS
) -> Tensor:
    """Find the color with the least expected distance to the truth.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        The network's output, before softmax.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    steps : int
        Steps from the mean toward the median.

    Returns
    -------
    Tensor, shape (N, 2, h, w)
        ab in Lab units, dtype of `logits`.

    Raises
    ------
    ValueError
        As `annealed_mean`.

    Notes
    -----
    Weiszfeld 1937. The slope of the expected distance is a sum of unit vectors, one
    from each bin, weighted by its probability. It is 0 at the mean of the bins with
    weights probability over distance. The distances belong to the last guess, so the
    mean is taken again and again. Book chapter: decode.

    Examples
    --------
    Of two colors, it is the likelier one, wherever the mean lies:

    >>> two = torch.tensor([[40.0, 60.0], [0.0, -40.0]])
    >>> logits = torch.tensor([0.7, 0.3]).log().view(1, 2, 1, 1)
    >>> geometric_median(logits, two).flatten().round()
    tensor([40., 60.])
    """
    _check_bins(logits, centers)
    Z_hat = _exact(logits).softmax(dim=1).movedim(1, -1)  # (N, h, w, Q)
    bins = centers.to(Z_hat.dtype)
    with torch.autocast(logits.device.type, enabled=False):  # it would cut the digits
        ab = Z_hat @ bins
        for _ in range(steps):
            pull = Z_hat / torch.cdist(ab, bins).clamp(min=NEAR)
            ab = pull @ bins / pull.sum(dim=-1, keepdim=True)
    return ab.movedim(-1, 1).to(logits.dtype)


def expected_distance(logits: Tensor, centers: Tensor, ab: Tensor) -> Tensor:
    """Return how far a network expects the truth to be from an answer.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        The network's output, before softmax.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    ab : Tensor, shape (N, 2, h, w)
        The answer, in Lab units.

    Returns
    -------
    Tensor, shape (N, h, w)
        In ab units: the mean distance of the bins from `ab`, by their probabilities.
        `geometric_median` makes it least.

    Raises
    ------
    ValueError
        As `annealed_mean`, or if `ab` has another shape.

    Examples
    --------
    >>> two = torch.tensor([[30.0, 40.0], [0.0, 0.0]])
    >>> expected_distance(torch.zeros(1, 2, 1, 1), two, torch.zeros(1, 2, 1, 1))
    tensor([[[25.]]])
    """
    _check_bins(logits, centers)
    wanted = (len(logits), 2, *logits.shape[2:])
    if ab.shape != wanted:
        raise ValueError(f"ab must have shape {wanted}, got {tuple(ab.shape)}")
    Z_hat = _exact(logits).softmax(dim=1).movedim(1, -1)  # (N, h, w, Q)
    distance = torch.cdist(ab.to(Z_hat.dtype).movedim(1, -1), centers.to(Z_hat.dtype))
    return (Z_hat * distance).sum(dim=-1)


def draw(
    logits: Tensor,
    centers: Tensor,
    rng: torch.Generator | None = None,
    patches: int = 1,
    T: float = T_DRAWN,
) -> Tensor:
    """Draw a color for each pixel from its distribution, neighbors together.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, h, w)
        The network's output, before softmax.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    rng : torch.Generator, optional
        Of the draw, on the CPU.
    patches : int
        1: one random number for each bin, the same for all pixels, so that pixels
        with equal distributions get equal colors. More: numbers that change smoothly,
        over about so many patches along the shorter side. 0: each pixel its own.
    T : float
        Temperature at which the drawn bins are averaged; low is close to one bin.

    Returns
    -------
    Tensor, shape (N, 2, h, w)
        ab in Lab units, dtype of `logits`.

    Raises
    ------
    ValueError
        As `annealed_mean`, or if `patches` is negative.

    Notes
    -----
    Gumbel's way to draw: add -log(-log(u)), u uniform in 0..1, to each logit and take
    the largest. How the u of different pixels hang together does not change the
    distribution of any one pixel, only what pixels have in common.
    Book chapter: decode.

    Examples
    --------
    >>> two = torch.tensor([[40.0, 60.0], [0.0, -40.0]])
    >>> ab = draw(torch.zeros(1, 2, 4, 4), two, torch.Generator().manual_seed(0))
    >>> bool((ab == ab[:, :, :1, :1]).all())
    True
    """
    _check_bins(logits, centers)
    if patches < 0:
        raise ValueError(f"patches must not be negative, got {patches}")
    exact = _exact(logits)
    noise = _noise(exact.shape, patches, rng).to(exact)
    u = torch.special.ndtr(noise).clamp(torch.finfo(exact.dtype).tiny, 1 - 1e-7)
    drawn = annealed_mean(exact.log_softmax(dim=1) - (-u.log()).log(), centers, T)
    return drawn.to(logits.dtype)


def _noise(shape: torch.Size, patches: int, rng: torch.Generator | None) -> Tensor:
    """Return normal numbers of variance 1, smooth over patches, or one for all."""
    images, bins, height, width = shape
    normal = partial(torch.randn, generator=rng, device=rng.device if rng else "cpu")
    if patches == 0:
        return normal(shape)
    if patches == 1:
        return normal(images, bins, 1, 1)
    cell = min(height, width) / patches
    grid = [math.ceil(n / cell) + 1 for n in (height, width)]
    noise = normal(images, bins, *grid)
    whole = interpolate(noise, (height, width), mode="bilinear", align_corners=True)
    one = torch.eye(grid[0] * grid[1]).to(noise).view(1, -1, *grid)
    part = interpolate(one, (height, width), mode="bilinear", align_corners=True)
    return whole / part.square().sum(dim=1, keepdim=True).sqrt()


def upsample(ab: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge a map to a picture's height and width, bilinearly.

    Parameters
    ----------
    ab : Tensor, shape (N, C, h, w)
        Chroma, or any other map.
    size : tuple of int
        Height and width wanted.

    Returns
    -------
    Tensor, shape (N, C, *size)
        Pixel areas correspond (corners are not aligned). Book chapter: decode.

    Raises
    ------
    ValueError
        If `ab` holds integers.

    Examples
    --------
    >>> upsample(torch.tensor([[[[0.0, 4.0]]]]), (1, 4))
    tensor([[[[0., 1., 3., 4.]]]])
    """
    if not ab.is_floating_point():
        raise ValueError(f"ab must be floats, got {ab.dtype}")
    return interpolate(ab, size=size, mode="bilinear", align_corners=False)


def _exact(logits: Tensor) -> Tensor:
    return logits.float() if logits.dtype.itemsize < 4 else logits


def _check_bins(logits: Tensor, centers: Tensor) -> None:
    if logits.ndim != 4 or logits.shape[1] != len(centers):
        raise ValueError(
            f"logits must have shape (N, {len(centers)}, h, w), one channel per bin, "
            f"got {tuple(logits.shape)}"
        )
    if not logits.is_floating_point():
        raise ValueError(f"logits must be floats, got {logits.dtype}")
    if centers.device != logits.device:
        raise ValueError(
            f"centers must be on the device of logits, {logits.device}, "
            f"got {centers.device}"
        )
