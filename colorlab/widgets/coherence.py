"""Tap a pixel, drag the smoothness: all pixels decide (book chapter: multimodal)."""

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d

from colorlab.lab import rgb_to_lab
from colorlab.quantize import bin_centers
from colorlab.widgets.front import front

FINER = 2  # pixels of lightness to a cell, each way
KEEP = 13  # bins of a cell; a byte for which, a byte for its share
MOST = 0.2  # nats that a step of one ab unit may cost
VIEWS = ("colored", "labels", "gray", "truth")


class Coherence(anywidget.AnyWidget):
    """Each cell's distribution over bins, and the choice of all cells together.

    The choice is made in the page, by `mincut.js`, as `colorlab.classics.multimodal`
    makes it. What travels of a cell is its `KEEP` likeliest bins.

    Parameters
    ----------
    photo : PIL.Image.Image
        RGB.
    logits : ndarray, shape (Q, rows, columns)
        As for `colorlab.classics.multimodal.coherent`. At most 256 bins may be among
        the likeliest of a cell.
    cell : tuple of int
        The cell picked at first: column and row.
    smoothness : float
        At first, in 0..0.2.

    Raises
    ------
    ValueError
        If `logits` has another shape, or more bins than a byte can tell apart.
    """

    _esm, _css = front("coherence")
    grid = traitlets.Dict().tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    centers = traitlets.Bytes().tag(sync=True)
    most = traitlets.Float(MOST).tag(sync=True)
    smoothness = traitlets.Float(0.0, min=0, max=MOST).tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0], 2, 2).tag(sync=True)  # column, row
    view = traitlets.Enum(VIEWS, VIEWS[0]).tag(sync=True)

    def __init__(
        self,
        photo: Image.Image,
        logits: np.ndarray,
        cell: tuple[int, int] = (0, 0),
        smoothness: float = 0.0,
    ) -> None:
        centers = bin_centers().numpy()
        if logits.ndim != 3 or len(logits) != len(centers):
            raise ValueError(
                f"logits must have shape ({len(centers)}, rows, columns), "
                f"got {logits.shape}"
            )
        grid, blob = pack_cells(photo, logits)
        super().__init__(
            grid=grid,
            pixels=blob,
            centers=centers.tobytes(),
            cell=list(cell),
            smoothness=smoothness,
        )


def pack_cells(photo: Image.Image, logits: np.ndarray) -> tuple[dict, bytes]:
    """Return the grid of a photo's cells, and what is known of them as bytes.

    Parameters
    ----------
    photo : PIL.Image.Image
        RGB; shrunk to two pixels a cell, each way.
    logits : ndarray, shape (Q, rows, columns)
        Of the distributions.

    Returns
    -------
    grid : dict
        rows, columns, keep, finer, and the bins that occur.
    blob : bytes
        L (2 rows x 2 columns, 255 for white), true ab (rows x columns x 2, signed),
        the likeliest bins of each cell as places in `bins`, and their shares, 255 for
        all (rows x columns x keep each).

    Raises
    ------
    ValueError
        If more than 256 bins occur.

    Examples
    --------
    >>> logits = np.zeros((313, 4, 6))
    >>> grid, blob = pack_cells(Image.new("RGB", (60, 40)), logits)
    >>> grid["keep"], grid["bins"][:3], len(blob) == 4 * 6 * (4 + 2 + 2 * 13)
    (13, [0, 1, 2], True)
    """
    Q, rows, columns = logits.shape
    size = (FINER * columns, FINER * rows)
    rgb = torch.from_numpy(np.array(photo.convert("RGB").resize(size)))
    L, ab = rgb_to_lab(rgb.permute(2, 0, 1)[None]).split([1, 2], dim=1)
    truth = adaptive_avg_pool2d(ab, (rows, columns))[0].permute(1, 2, 0)
    cells = logits.reshape(Q, -1).T
    best = np.argsort(-cells, axis=1, kind="stable")[:, :KEEP]
    p = np.exp(np.take_along_axis(cells, best, axis=1) - cells.max(axis=1)[:, None])
    p /= np.exp(cells - cells.max(axis=1)[:, None]).sum(axis=1)[:, None]
    bins, places = np.unique(best, return_inverse=True)
    if len(bins) > 256:
        raise ValueError(f"logits must have 256 likely bins at most, got {len(bins)}")
    parts = [
        (L * 2.55).round().byte().numpy(),
        truth.round().to(torch.int8).numpy(),
        places.reshape(best.shape).astype(np.uint8),
        (255 * p).round().astype(np.uint8),
    ]
    grid = {
        "rows": rows,
        "columns": columns,
        "keep": KEEP,
        "finer": FINER,
        "bins": bins.tolist(),
    }
    return grid, b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
