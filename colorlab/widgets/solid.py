"""Turn the RGB cube, and see it become the solid of Lab (book chapter: lab)."""

import anywidget
import traitlets

from colorlab.widgets.front import front

LOWEST = 10.0  # degrees: the solid is always seen from above


class ColorSolid(anywidget.AnyWidget):
    """The surface of the RGB cube, at its places in RGB, in Lab, or between.

    Nothing travels but the view: colors are converted in the page, by `color.js`.

    Parameters
    ----------
    morph : float
        0 is the cube, 1 the solid of Lab.
    L : float
        Lightness at which the solid is cut, 0..100; 100 leaves it whole.
    yaw, pitch : float
        Degrees: the turn about the gray axis, and how far from above it is seen,
        10..90 (90: from above).

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """

    _esm, _css = front("solid")
    morph = traitlets.Float(0.0, min=0, max=1).tag(sync=True)
    L = traitlets.Float(100.0, min=0, max=100).tag(sync=True)
    yaw = traitlets.Float(0.0).tag(sync=True)
    pitch = traitlets.Float(25.0, min=LOWEST, max=90).tag(sync=True)

    def __init__(
        self,
        morph: float = 0.0,
        L: float = 100.0,
        yaw: float = 20.0,
        pitch: float = 25.0,
    ) -> None:
        if not 0 <= morph <= 1:
            raise ValueError(f"morph must be in 0..1, got {morph}")
        if not 0 <= L <= 100:
            raise ValueError(f"L must be in 0..100, got {L}")
        if not LOWEST <= pitch <= 90:
            raise ValueError(f"pitch must be in {LOWEST:g}..90, got {pitch}")
        super().__init__(morph=morph, L=L, yaw=float(yaw) % 360, pitch=pitch)
