"""Cut the gamut at any lightness, and count the bins (chapters lab and quantize)."""

import anywidget
import torch
import traitlets
from torch import Tensor

from colorlab.lab import rgb_to_lab
from colorlab.widgets.front import front

LEVELS = 18  # samples along an edge of the RGB cube; 5 already give the same bins


class GamutExplorer(anywidget.AnyWidget):
    """The screen's colors at one lightness, under the grid that becomes the bins.

    What travels is the ab of colors on the RGB cube's surface. The slices, the hull
    and the three rules that lead to the bins are computed in the page.

    Parameters
    ----------
    L : float
        Lightness at first, 0..100.
    step : int
        Rules that are on at first: 1 is the grid, 2 adds the hull, 3 the padding. 0
        shows the colors alone, without grid and rules.

    Raises
    ------
    ValueError
        If L is not in 0..100 or step not in 0..3.
    """

    _esm, _css = front("gamut")
    gamut = traitlets.Bytes().tag(sync=True)
    levels = traitlets.Int().tag(sync=True)
    L = traitlets.Float(min=0, max=100).tag(sync=True)
    step = traitlets.Int(min=0, max=3).tag(sync=True)
    point = traitlets.List(traitlets.Float(), [20.0, 40.0], 2, 2).tag(sync=True)  # a, b

    def __init__(self, L: float = 65.0, step: int = 1) -> None:
        if not 0 <= L <= 100:
            raise ValueError(f"L must be in 0..100, got {L}")
        if step not in (0, 1, 2, 3):
            raise ValueError(f"step must be 0, 1, 2 or 3, got {step}")
        gamut = surface_ab(LEVELS).numpy().tobytes()
        super().__init__(gamut=gamut, levels=LEVELS, L=L, step=step)


def surface_ab(levels: int) -> Tensor:
    """Return the ab of the colors on the RGB cube's surface, face by face.

    Parameters
    ----------
    levels : int
        Samples along an edge of the cube.

    Returns
    -------
    Tensor, shape (6 * levels**2, 2)
        Each face is a grid of levels by levels colors. Book chapter: quantize.

    Examples
    --------
    >>> surface_ab(3).shape
    torch.Size([54, 2])
    """
    level = torch.linspace(0, 1, levels)
    ends = torch.tensor([0.0, 1.0])
    face = torch.cartesian_prod(ends, level, level)
    rgb = torch.cat([face.roll(n, dims=1) for n in range(3)])
    return rgb_to_lab(rgb[:, :, None, None])[:, 1:, 0, 0].contiguous()
