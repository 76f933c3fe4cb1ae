"""What a notebook of the book needs before its figures: data, and their style."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

COPY = "colorization-lab"  # what notebooks that run alone fetch
MOST_MARKS = 1500  # of a kind, drawn one by one
STYLE: dict[Any, Any] = {
    "figure.dpi": 144,  # of photos within a drawing
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.framealpha": 0.0,
    "font.size": 11.5,
    "axes.titlesize": 11.5,
    "axes.labelsize": 11.5,
    "xtick.labelsize": 11.5,
    "ytick.labelsize": 11.5,
    "legend.fontsize": 11.5,
    "svg.hashsalt": "colorlab",  # the same drawing is the same file
}
NO_DATA = (
    "the book's photos are not here: a notebook needs the whole project around it. "
    "Get a copy of it, or a notebook that fetches one (page Setup, `make twins`)"
)


def book_data() -> Path:
    """Return the folder `data` of the book: photos, evaluations, runs.

    Returns
    -------
    Path
        Beside or above the notebook, in a copy of the project next to it, else in
        colorlab's checkout.

    Raises
    ------
    FileNotFoundError
        If there is none, as where a notebook was opened without the rest.

    Examples
    --------
    >>> (book_data() / "photos" / "coffee-cup.jpg").is_file()
    True
    """
    checkout = Path(__file__).resolve().parents[1]
    near = (Path(".."), Path("."), Path(COPY), *Path.cwd().parents)
    for folder in (*near, checkout):
        if (folder / "data" / "photos" / "coffee-cup.jpg").is_file():
            return folder / "data"
    raise FileNotFoundError(NO_DATA)


def light_pictures() -> None:
    """Let a notebook draw its figures as SVG, on transparent ground.

    The book's pages give them the colors of the theme. At most 6 inches wide, a
    figure has letters of at least 9 pixels on a phone.
    """
    from matplotlib_inline import backend_inline

    backend_inline.set_matplotlib_formats("svg")
    plt.rcParams.update(STYLE)
    display: Any = backend_inline.InteractiveShell.instance().display_formatter
    svg = display.formatters["image/svg+xml"]
    draw = svg.lookup_by_type(Figure)
    svg.for_type(Figure, lambda figure: draw(_flatten_clouds(figure)))


def _flatten_clouds(figure: Figure) -> Figure:
    """Let clouds of many dots be drawn as pixels: one by one they are heavy."""
    for ax in figure.axes:
        for marks in ax.collections:
            marks.set_rasterized(np.size(marks.get_offsets()) > 2 * MOST_MARKS)
    return figure
