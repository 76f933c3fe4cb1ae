"""What of a figure can be read on a phone."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

COLUMN = 350  # CSS pixels: what a screen of 390 leaves for a figure
SMALLEST = 9  # CSS pixels of letters
PX_PER_INCH, PX_PER_PT = 96, 96 / 72


def texts(ax: Axes) -> list[Text]:
    """List what is written in and around a panel."""
    found = [ax.title, *ax.texts]
    if ax.axison:
        found += [ax.xaxis.label, ax.yaxis.label]
        found += [*ax.get_xticklabels(), *ax.get_yticklabels()]
    if legend := ax.get_legend():
        found += legend.get_texts()
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def small_letters(figure: Figure) -> list[str]:
    """List the texts that a phone shows smaller than 9 pixels."""
    scale = min(1, COLUMN / (PX_PER_INCH * figure.get_figwidth()))
    least = SMALLEST / (PX_PER_PT * scale)  # points
    written = [text for ax in figure.axes for text in texts(ax)]
    small = [t.get_text() for t in written if t.get_fontsize() < least - 0.1]
    return [" ".join(text.split()) for text in small]
