"""How often each color occurs, and the weights that even it out (chapter: prior)."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from colorlab.files import whole_file
from colorlab.quantize import SIGMA, bin_centers, nearest_bin

LAM = 0.5  # lambda of Zhang et al. 2016, section 2.2: half prior, half uniform
ASSETS = Path(__file__).parent / "assets"


def count_bins(batches: Iterable[Tensor], centers: Tensor) -> Tensor:
    """Count how many pixels fall in each bin.

    Parameters
    ----------
    batches : iterable of Tensor, each of shape (N, 2, H, W)
        Chroma in Lab units; H and W may differ from batch to batch.
    centers : Tensor, shape (Q, 2)
        Bin centers.

    Returns
    -------
    Tensor of int64, shape (Q,)
        Pixels by nearest bin. Book chapter: prior.

    Examples
    --------
    >>> ab = torch.tensor([[0.0, 2.0, 40.0], [1.0, -3.0, 31.0]]).view(1, 2, 1, 3)
    >>> counts = count_bins([ab], bin_centers())
    >>> counts[120], counts.sum()  # bin 120 is gray
    (tensor(2), tensor(3))
    """
    counts = torch.zeros(len(centers), dtype=torch.int64)
    for ab in batches:
        bins = nearest_bin(ab, centers).flatten()
        counts += torch.bincount(bins, minlength=len(centers)).cpu()
    return counts


def merge_counts(*counts: Tensor) -> Tensor:
    """Add up the counts of several shards of a data set.

    Parameters
    ----------
    *counts : Tensor of int64, shape (Q,)
        As from `count_bins`.

    Returns
    -------
    Tensor of int64, shape (Q,)
        The counts of the whole. Book chapter: prior.

    Raises
    ------
    ValueError
        If there is none, or they differ in length.

    Examples
    --------
    >>> merge_counts(torch.tensor([3, 0]), torch.tensor([1, 5]))
    tensor([4, 5])
    """
    if len({c.shape for c in counts}) != 1:
        shapes = [tuple(c.shape) for c in counts]
        raise ValueError(f"counts must be given, all of one shape; got {shapes}")
    return torch.stack(counts).sum(dim=0)


def smooth_prior(p: Tensor, centers: Tensor, sigma: float = SIGMA) -> Tensor:
    """Blur a distribution over bins with a Gaussian on the ab plane.

    Parameters
    ----------
    p : Tensor of floats or counts, shape (Q,)
        Non-negative; divided by its sum first.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    sigma : float
        Width of the Gaussian, in ab units.

    Returns
    -------
    Tensor of float64, shape (Q,)
        p tilde: sums to 1, and no bin is 0 unless every bin near it is.

    Raises
    ------
    ValueError
        If `p` does not have one entry a bin, has a negative one, or sums to 0; or if
        sigma is not positive.

    Notes
    -----
    Zhang et al. 2016, section 2.2. Distances are measured on the plane: smoothing
    along the bin index would mix colors from opposite ends of neighboring rows. What
    a bin gives away is shared among existing bins only, so none is lost at the rim.
    Book chapter: prior.

    Examples
    --------
    >>> gray = torch.zeros(313)
    >>> gray[120] = 1
    >>> smooth_prior(gray, bin_centers())[[120, 121]].round(decimals=3)
    tensor([0.6190, 0.0840], dtype=torch.float64)
    """
    p = _normalized(p, len(centers))
    if not 0 < sigma < torch.inf:
        raise ValueError(f"sigma must be positive and finite, got {sigma}")
    plane = centers.cpu().double()
    kernel = (-torch.cdist(plane, plane).square() / (2 * sigma**2)).exp()
    return (kernel / kernel.sum(dim=0)) @ p  # column j: where the mass of bin j goes


def rebalance_weights(p: Tensor, lam: float = LAM) -> Tensor:
    """Weight rare colors up and common ones down.

    Parameters
    ----------
    p : Tensor of floats, shape (Q,)
        The (smoothed) prior; divided by its sum first.
    lam : float
        From 0 (weights 1/p) to 1 (all weights 1).

    Returns
    -------
    Tensor of float64, shape (Q,)
        w with `(p * w).sum() == 1`: pixels distributed as `p` have mean weight 1.

    Raises
    ------
    ValueError
        If `lam` is outside 0..1, or is 0 where a bin is empty.

    Notes
    -----
    Zhang et al. 2016, equation 4: w is proportional to
    1 / ((1 - lambda) p + lambda / Q). The authors' released code calls lambda
    "gamma" and spreads the uniform part over bins with p > 0 only; that is the same
    for a smoothed prior, where every bin is. Book chapter: prior.

    Examples
    --------
    >>> rebalance_weights(torch.tensor([0.9, 0.1])).round(decimals=2)
    tensor([0.8800, 2.0600], dtype=torch.float64)
    """
    if not 0 <= lam <= 1:
        raise ValueError(f"lam must be in 0..1, got {lam}")
    p = _normalized(p, len(p))
    if lam == 0 and not p.all():
        empty = int((p == 0).sum())
        raise ValueError(f"lam must be above 0, as {empty} bins of p are empty")
    w = 1 / ((1 - lam) * p + lam / len(p))
    return w / (p * w).sum()


def save_counts(counts: Tensor, centers: Tensor, path: str | Path, note: str) -> None:
    """Write counts as a text table: a, b, count, one bin a line.

    Parameters
    ----------
    counts : Tensor of int64, shape (Q,)
        Pixels in each bin.
    centers : Tensor, shape (Q, 2)
        Bin centers.
    path : str or Path
        The file to write.
    note : str
        Where the counts come from; becomes the first lines, behind a `#`.
        Book chapter: prior.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.csv"
    ...     save_counts(torch.arange(313), bin_centers(), path, note="an example")
    ...     path.read_text().splitlines()[:3]
    ['# an example', 'a,b,count', '-90,50,0']
    """
    lines = [f"# {line}" for line in note.splitlines()] + ["a,b,count"]
    for (a, b), count in zip(centers.tolist(), counts.tolist(), strict=True):
        lines.append(f"{a:.0f},{b:.0f},{count}")
    text = "\n".join(lines) + "\n"
    with whole_file(path) as file:  # a name in the note may hold any bytes
        file.write(text.encode("utf-8", "backslashreplace"))


def load_prior(name: str | Path = "tiny-imagenet") -> Tensor:
    """Load the share of pixels in each bin, not smoothed.

    Parameters
    ----------
    name : str or Path
        "tiny-imagenet", counted by us and shipped, or a file that `colorlab prior`
        wrote.

    Returns
    -------
    Tensor of float64, shape (Q,)
        The prior p: sums to 1; bins that never occur are 0. Book chapter: prior.

    Raises
    ------
    ValueError
        If there is no such prior, or the file does not hold one.

    Examples
    --------
    >>> p = load_prior()
    >>> p.argmax(), p.max().round(decimals=3)  # bin 120 is gray
    (tensor(120), tensor(0.2860, dtype=torch.float64))
    """
    shipped = ASSETS / f"prior-{name}.csv"
    path = shipped if shipped.is_file() else Path(name)
    if not path.is_file():
        known = sorted(f.stem.removeprefix("prior-") for f in ASSETS.glob("prior-*"))
        raise ValueError(f"name must be one of {known} or a file, got {str(name)!r}")
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
        rows = [line for line in lines if line and line[0] != "#"]
        cells = [[int(cell) for cell in row.split(",")] for row in rows[1:]]
        table = torch.tensor(cells, dtype=torch.float64)  # the sum may exceed int64
        if not torch.equal(table[:, :2], bin_centers().to(table)):
            raise ValueError("its a and b are not the bin centers, in order")
        return _normalized(table[:, 2], len(table))
    except (IndexError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(
            f"name must be a table of a,b,count; {path}: {error}"
        ) from error


def _normalized(p: Tensor, Q: int) -> Tensor:
    if p.shape != (Q,) or (p < 0).any() or not 0 < p.sum() < torch.inf:
        raise ValueError(
            f"p must hold {Q} numbers, none negative, not all 0; "
            f"got shape {tuple(p.shape)}, sum {p.sum().item()}"
        )
    p = p.cpu().double()
    return p / p.sum()
