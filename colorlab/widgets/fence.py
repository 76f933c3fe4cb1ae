"""Turn a fence around the colors of a screen (book chapter: quantize)."""

import anywidget
import traitlets

from colorlab.widgets.front import front
from colorlab.widgets.gamut import LEVELS, surface_ab

TURN = 3600  # directions of a whole turn, as in bin_centers


class Fence(anywidget.AnyWidget):
    """The shadow of the gamut, and a straight fence that turns around it.

    Grid points that were outside of the fence in any direction so far are dropped.
    What travels is the ab of colors on the RGB cube's surface; `firstFences` in
    `bins.js` is compared with `colorlab.bin_centers`.

    Parameters
    ----------
    angle : int
        Direction of the fence at first, in tenths of a degree, 0..3600; all
        directions up to it have been tried.
    padded : bool
        Whether the fence stands farther out by the square of half-width 10.

    Raises
    ------
    ValueError
        If the angle is not in 0..3600.
    """

    _esm, _css = front("fence")
    gamut = traitlets.Bytes().tag(sync=True)
    levels = traitlets.Int().tag(sync=True)
    angle = traitlets.Int(0, min=0, max=TURN).tag(sync=True)
    tried = traitlets.Int(0, min=0, max=TURN).tag(sync=True)  # tenths of a degree
    padded = traitlets.Bool(False).tag(sync=True)

    def __init__(self, angle: int = 0, padded: bool = False) -> None:
        if not 0 <= angle <= TURN:
            raise ValueError(f"angle must be in 0..{TURN}, got {angle}")
        gamut = surface_ab(LEVELS).numpy().tobytes()
        super().__init__(
            gamut=gamut, levels=LEVELS, angle=angle, tried=angle, padded=padded
        )
