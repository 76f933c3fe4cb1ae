"""One pixel, two plausible colors, three answers (book chapter: losses)."""

import anywidget
import torch
import traitlets

from colorlab.decode import T_PAPER
from colorlab.lab import lab_to_rgb
from colorlab.widgets.front import front

LIGHTNESS = 60.0  # L of every color in the figure; the page's plane is cut to fit it
ROUNDING = 1e-4  # of a screen's full level: white itself comes out as 1.00001


class TwoColors(anywidget.AnyWidget):
    """Why L2 goes gray: drag two colors, their odds, and the temperature.

    Three answers move along: what L2 asks for (the mean), the mode, and the annealed
    mean of the two-bin distribution. All is computed in the page, by `bins.js`.

    Parameters
    ----------
    first, second : tuple of float
        The two colors A and B at first: a and b in Lab units.
    share : float
        Probability of A at first.
    T : float
        Temperature at first, in 0.01..1.

    Raises
    ------
    ValueError
        If no screen shows a color at L = 60, the lightness of all, or a number is out
        of range.
    """

    _esm, _css = front("twocolors")
    first = traitlets.List(traitlets.Float()).tag(sync=True)
    second = traitlets.List(traitlets.Float()).tag(sync=True)
    share = traitlets.Float(min=0, max=1).tag(sync=True)
    T = traitlets.Float(T_PAPER, min=0.01, max=1).tag(sync=True)
    L = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        first: tuple[float, float] = (60.0, 40.0),
        second: tuple[float, float] = (-50.0, 50.0),
        share: float = 0.7,
        T: float = T_PAPER,
    ) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share must be in 0..1, got {share}")
        if not 0.01 <= T <= 1:
            raise ValueError(f"T must be in 0.01..1, got {T}")
        for name, color in {"first": first, "second": second}.items():
            if not is_shown(LIGHTNESS, *color):
                raise ValueError(
                    f"{name} must be an (a, b) that a screen shows at "
                    f"L = {LIGHTNESS:.0f}, got {color}"
                )
        colors = {"first": list(first), "second": list(second)}
        super().__init__(**colors, share=share, T=T, L=LIGHTNESS)


def is_shown(L: float, *ab: float) -> bool:
    """Tell whether a screen shows a color.

    Parameters
    ----------
    L : float
        Lightness, 0..100.
    *ab : float
        a and b, in Lab units; fewer or more than two numbers are no color.

    Returns
    -------
    bool
        Book chapter: lab.

    Examples
    --------
    >>> is_shown(60.0, 60.0, 40.0), is_shown(60.0, 100.0, 100.0), is_shown(60.0, 1.0)
    (True, False, False)
    """
    if len(ab) != 2:
        return False
    lab = torch.tensor([L, *ab], dtype=torch.float64).view(3, 1, 1)
    rgb = lab_to_rgb(lab, clip=False)
    return bool(((rgb >= -ROUNDING) & (rgb <= 1 + ROUNDING)).all())
