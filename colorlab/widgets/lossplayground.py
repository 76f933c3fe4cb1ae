"""A pixel of two or three colors, and descent on two losses (book chapter: losses)."""

from collections.abc import Sequence

import anywidget
import traitlets

from colorlab.quantize import bin_centers
from colorlab.widgets.front import front
from colorlab.widgets.twocolors import is_shown

LIGHTNESS = 55.0  # L of every color in the figure
MOST_PHOTOS, MOST_WEIGHT, MOST_STEPS = 20, 40.0, 200
RATES = (0.05, 4.0)
SHIRTS = ((60.0, 40.0), (0.0, -50.0), (0.0, 60.0))  # red, blue, yellow


class LossPlayground(anywidget.AnyWidget):
    """Gradient descent on the squared error and on the cross-entropy of one pixel.

    The pixel looks the same in some photos; in each it has color A, B or C. A guess
    follows the gradient of the squared error from gray, 313 logits that of the
    cross-entropy from zeros. All is computed in the page, by `descent.js`.

    Parameters
    ----------
    colors : sequence of (float, float)
        A, B and C at first: a and b in Lab units.
    counts : sequence of int
        In how many photos each is true at first, 0..20; not all may be 0.
    weight : float
        How often B counts, for rebalancing, in 1..40.
    rate : float
        The learning rate at first, in 0.05..4.

    Raises
    ------
    ValueError
        If no screen shows a color at L = 55, the lightness of all, or a number is out
        of range.
    """

    _esm, _css = front("lossplayground")
    colors = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    counts = traitlets.List(traitlets.Int(min=0, max=MOST_PHOTOS)).tag(sync=True)
    weight = traitlets.Float(1.0, min=1, max=MOST_WEIGHT).tag(sync=True)
    rate = traitlets.Float(0.2, min=RATES[0], max=RATES[1]).tag(sync=True)
    steps = traitlets.Int(0, min=0, max=MOST_STEPS).tag(sync=True)
    centers = traitlets.Bytes().tag(sync=True)
    L = traitlets.Float(LIGHTNESS).tag(sync=True)

    def __init__(
        self,
        colors: Sequence[tuple[float, float]] = SHIRTS,
        counts: Sequence[int] = (6, 4, 0),
        weight: float = 1.0,
        rate: float = 0.2,
    ) -> None:
        if len(colors) != 3 or not all(is_shown(LIGHTNESS, *each) for each in colors):
            raise ValueError(
                "colors must be three (a, b) that a screen shows at "
                f"L = {LIGHTNESS:.0f}, got {list(colors)}"
            )
        whole = len(counts) == 3 and all(0 <= n <= MOST_PHOTOS for n in counts)
        if not whole or not any(counts):
            raise ValueError(
                f"counts must be three in 0..{MOST_PHOTOS}, not all 0, "
                f"got {list(counts)}"
            )
        if not 1 <= weight <= MOST_WEIGHT:
            raise ValueError(f"weight must be in 1..{MOST_WEIGHT:.0f}, got {weight}")
        if not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"rate must be in {RATES[0]}..{RATES[1]:.0f}, got {rate}")
        super().__init__(
            colors=[list(each) for each in colors],
            counts=list(counts),
            weight=weight,
            rate=rate,
            centers=bin_centers().numpy().tobytes(),
        )
