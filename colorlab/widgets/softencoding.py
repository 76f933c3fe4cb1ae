"""Drag a color and see which bins share it (book chapter: quantize)."""

import anywidget
import traitlets

from colorlab.quantize import N_NEIGHBORS, SIGMA, bin_centers
from colorlab.widgets.front import front

REACH = 110.0  # ab units that a color may be from gray, along a and b
MOST_K = 10  # that of the authors' released layer
SIGMAS = (1.0, 15.0)  # ab units, the ends of the slider


class SoftEncodingPicker(anywidget.AnyWidget):
    """One color, its k nearest bins with their weights, and the color they give back.

    What travels is the bins' centers. `softEncode` in `bins.js` is the twin of
    `colorlab.soft_encode`.

    Parameters
    ----------
    color : (float, float)
        a and b at first, each in -110..110.
    k : int
        Bins that share the color, 1..10.
    sigma : float
        Width of the Gaussian weight in ab units, 1..15.
    L : float
        Lightness at which colors are drawn, 0..100. It changes no number.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """

    _esm, _css = front("softencoding")
    centers = traitlets.Bytes().tag(sync=True)
    color = traitlets.List(traitlets.Float(min=-REACH, max=REACH)).tag(sync=True)
    k = traitlets.Int(1, min=1, max=MOST_K).tag(sync=True)
    sigma = traitlets.Float(SIGMA, min=SIGMAS[0], max=SIGMAS[1]).tag(sync=True)
    L = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        color: tuple[float, float] = (23.0, 38.0),
        k: int = N_NEIGHBORS,
        sigma: float = SIGMA,
        L: float = 65.0,
    ) -> None:
        if len(color) != 2 or not all(abs(value) <= REACH for value in color):
            raise ValueError(f"color must be a and b in -110..110, got {color}")
        if k not in range(1, MOST_K + 1):
            raise ValueError(f"k must be in 1..{MOST_K}, got {k}")
        if not SIGMAS[0] <= sigma <= SIGMAS[1]:
            raise ValueError(f"sigma must be in 1..15, got {sigma}")
        if not 0 <= L <= 100:
            raise ValueError(f"L must be in 0..100, got {L}")
        centers = bin_centers().numpy().tobytes()
        super().__init__(centers=centers, color=list(color), k=k, sigma=sigma, L=L)
