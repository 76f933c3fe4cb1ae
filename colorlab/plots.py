"""The book's figures: tensors in, matplotlib out."""

from collections.abc import Sequence
from itertools import cycle
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from colorlab._notebook import book_data as book_data
from colorlab._notebook import light_pictures as light_pictures
from colorlab.evaluate.turing import PAPER_RATE, fooling_by_photo, fooling_rate
from colorlab.lab import lab_to_rgb
from colorlab.quantize import STEP

AB_EXTENT = (-115, 125, -125, 115)  # a from..to, b from..to: all bins, with a rim
MARKS = {"mean": "o", "annealed mean": "D", "median": "^", "mode": "s", "truth": "X"}
LINES = [("black", "-"), ("#0072b2", "--"), ("#d55e00", ":"), ("0.6", "-.")]
WIDTH = 6.0  # inches: at most, so that letters of 11.5 points are 9 pixels on a phone
LETTERS_PER_INCH = 10.5  # of a title, before it takes a second line
UNITS = {"loss": "nats", "held_out": "nats", "entropy": "nats", "chroma": "ab units"}


def show_images(images: dict[str, object], columns: int = 4) -> Figure:
    """Show pictures side by side, each under its name.

    Parameters
    ----------
    images : dict of str to picture
        PIL images, arrays (H, W, 3), or tensors (3, H, W) of floats in [0, 1].
    columns : int
        Pictures in a row.

    Returns
    -------
    Figure
        One panel a picture.

    Examples
    --------
    >>> figure = show_images({"gray": torch.full((3, 4, 6), 0.5)})
    >>> [ax.get_title() for ax in figure.axes]
    ['gray']
    """
    columns = min(columns, len(images))
    rows, side = -(-len(images) // columns), WIDTH / columns
    pictures = [
        np.asarray(x.permute(1, 2, 0).cpu() if isinstance(x, Tensor) else x)
        for x in images.values()
    ]
    titles = [fill(name, int(side * LETTERS_PER_INCH)) for name in images]
    lines = max(title.count("\n") + 1 for title in titles)
    above = 0.1 * min(rows, 2) + 0.18 * lines  # inches
    tall = [side * picture.shape[0] / picture.shape[1] for picture in pictures]
    heights = [above + max(tall[r * columns :][:columns]) for r in range(rows)]
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, sum(heights)),
        squeeze=False,
        height_ratios=heights,
    )
    for ax in axes.flat:
        ax.axis("off")
    for ax, title, picture in zip(axes.flat, titles, pictures, strict=False):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title)
    figure.tight_layout(pad=0.4, h_pad=1.2)
    return figure


def show_grids(
    grids: dict[str, Tensor], frames: dict[str, Tensor] | None = None
) -> Figure:
    """Draw small grids with their numbers, side by side, all cells of one size.

    Parameters
    ----------
    grids : dict of str to Tensor of shape (H, W)
        Whole numbers are shown as such; cells that are not a number stay empty.
    frames : dict of str to Tensor of bool, shape (H, W), optional
        Of any of the grids, the cells to frame.

    Returns
    -------
    Figure
        One panel a grid; the larger a number, the lighter its cell.

    Examples
    --------
    >>> figure = show_grids({"kernel": torch.tensor([[-1.0, 0.0, 1.0]])})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['-1', '0', '1']
    """
    side, rim = 0.36, 0.3  # inches: of a cell, and beside and above a grid
    width = sum(grid.shape[1] * side + rim for grid in grids.values())
    height = max(grid.shape[0] for grid in grids.values()) * side + rim
    figure, left = plt.figure(figsize=(width, height)), rim / 2
    for name, grid in grids.items():
        rows, columns = (count * side for count in grid.shape)
        bottom = (height - rim - rows) / 2
        box = (left / width, bottom / height, columns / width, rows / height)
        ax = figure.add_axes(box)
        left += columns + rim
        numbers = grid.cpu().numpy()
        low, high = np.nanmin(numbers), np.nanmax(numbers)
        ax.imshow(numbers, cmap="gray", vmin=high - 2.5 * (high - low or 1), vmax=high)
        for (row, column), number in np.ndenumerate(numbers):
            ax.add_patch(_square(column, row, 1, fill=False, ec="0.6"))
            if np.isfinite(number):
                ax.text(column, row, f"{number:.3g}", ha="center", va="center")
        frame = (frames or {}).get(name, torch.zeros(1, 1))
        for row, column in frame.nonzero().tolist():
            ax.add_patch(_square(column, row, 0.84, fill=False, lw=2))
        ax.set_title(name)
        ax.axis("off")
    return figure


def show_curves(runs: dict[str, list[dict]], names: Sequence[str]) -> Figure:
    """Draw figures of runs over their steps: one panel a figure, one line a run.

    Parameters
    ----------
    runs : dict of str to list of dict
        The records of each run, as from `colorlab.train.read_records`. A record
        without a figure, or with None for it, is left out.
    names : sequence of str
        Keys of the records.

    Returns
    -------
    Figure
        Lines differ by their dashes, not by color alone.
    """
    columns, rows = min(2, len(names)), -(-len(names) // 2)  # phones are narrow
    figure = plt.figure(figsize=(WIDTH, 2.8 * rows), layout="constrained")
    ends = [*range(1, len(names)), rows * columns]  # the last one fills its row
    places = [(n + 1, end) for n, end in enumerate(ends)]
    axes = [figure.add_subplot(rows, columns, place) for place in places]
    for ax, name in zip(axes, names, strict=True):
        for (run, records), (color, line) in zip(
            runs.items(), cycle(LINES), strict=False
        ):
            points = [(r["step"], r[name]) for r in records if r.get(name) is not None]
            x, y = zip(*points, strict=True) if points else ((), ())
            ax.plot(x, y, color=color, linestyle=line, label=run)
        unit = f", {UNITS[name]}" if name in UNITS else ""
        ax.set(xlabel="step", ylabel=name + unit)
    if len(runs) > 1:
        axes[0].legend()
    return figure


def show_distribution(
    Z_hat: Tensor,
    centers: Tensor,
    L: float,
    marks: dict[str, Tensor] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one pixel's distribution on the ab plane: the likelier, the larger.

    Parameters
    ----------
    Z_hat : Tensor, shape (Q,)
        Probabilities.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    L : float
        Lightness of the drawn colors.
    marks : dict of str to Tensor of shape (2,), optional
        Points to mark: any of "mean", "annealed mean", "median", "mode" and "truth".
    ax : Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    Axes
        With a and b as axes, in Lab units.
    """
    ax = plt.subplots(figsize=(5, 5))[1] if ax is None else ax
    Z_hat, centers = Z_hat.cpu(), centers.cpu()
    lab = torch.cat([torch.full((len(centers), 1), float(L)), centers], dim=1)
    colors = lab_to_rgb(lab[:, :, None, None])[:, :, 0, 0].numpy()
    a, b = centers.T.numpy()
    ax.scatter(a, b, s=4, c="0.7", marker="s", linewidths=0)
    side = STEP * np.sqrt((Z_hat / Z_hat.max()).numpy())  # area shows probability
    for x, y, width, color in zip(a, b, side, colors, strict=True):
        if width > 0.3:
            ax.add_patch(_square(x, y, width, fc=color, ec="0.5", lw=0.4))
    for name, point in (marks or {}).items():
        (mark,) = ax.plot(*point.tolist(), MARKS[name], color="white", label=name)
        mark.set(markeredgecolor="black", markersize=9)
    if marks:
        ax.legend(loc="lower left")
    return _ab_axes(ax)


def show_bins(
    values: Tensor,
    centers: Tensor,
    ax: Axes | None = None,
    norm: Normalize | None = None,
    label: str = "",
) -> Axes:
    """Draw one number a bin on the ab plane, in gray: the larger, the lighter.

    Parameters
    ----------
    values : Tensor, shape (Q,)
        Shares or weights; 0 is marked by a cross.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    norm : matplotlib Normalize, optional
        From number to lightness: `LogNorm` for a log view; None is linear.
    label : str
        Name of the numbers, beside a color bar; without it there is no bar.

    Returns
    -------
    Axes
        With a and b as axes, in Lab units.
    """
    ax = plt.subplots(figsize=(5, 4))[1] if ax is None else ax
    values, centers = values.cpu(), centers.cpu()
    squares = [_square(a, b, STEP) for a, b in centers.tolist()]
    # Not a scale of blue and yellow: these are colors of the plane itself.
    bins = PatchCollection(squares, cmap="gray", norm=norm, edgecolor="0.5", lw=0.3)
    bins.set_array(values.numpy())
    ax.add_collection(bins)
    ax.plot(*centers[values == 0].numpy().T, "x", color="0.5", markersize=3)
    if label:
        ax.figure.colorbar(bins, ax=ax, label=label, shrink=0.8)
    return _ab_axes(ax)


def show_swatches(lab: Tensor, rows: Sequence[str], columns: Sequence[str]) -> Axes:
    """Show flat colors as a table, with names at its rows and columns.

    Parameters
    ----------
    lab : Tensor, shape (3, R, C)
        Colors in Lab units. C may be a multiple of the number of columns: then a
        column has several colors, side by side without a gap.
    rows, columns : sequence of str
        Names, R of rows.

    Returns
    -------
    Axes
        One unit is one color.
    """
    _, height, width = lab.shape
    size = WIDTH, 0.6 + 0.7 * height
    ax = plt.subplots(figsize=size, layout="constrained")[1]
    image = lab_to_rgb(lab.cpu()).permute(1, 2, 0).numpy()
    ax.imshow(image, aspect="auto", extent=(0, width, height, 0))
    each = width // len(columns)
    ax.set_xticks([each * (i + 0.5) for i in range(len(columns))], columns)
    ax.set_yticks([i + 0.5 for i in range(height)], rows)
    ax.vlines(range(each, width, each), 0, height, color="white", linewidth=4)
    ax.hlines(range(1, height), 0, width, color="white", linewidth=4)
    # A page's own font may be wider than the one measured here: leave room.
    ax.tick_params(length=0, pad=10, labeltop=True, labelbottom=False)
    ax.spines[:].set(color="0.6", linewidth=0.8)  # white ends there, too
    return ax


def show_gamut(L: float, ax: Axes | None = None) -> Axes:
    """Draw the colors of one lightness that an sRGB screen can show.

    Parameters
    ----------
    L : float
        Lightness, 0..100.
    ax : Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    Axes
        With a and b as axes, in Lab units; empty where the screen has no color.
    """
    ax = plt.subplots(figsize=(5, 5))[1] if ax is None else ax
    a = torch.arange(*AB_EXTENT[:2]) + 0.5  # one sample a unit
    b = torch.arange(*AB_EXTENT[2:]) + 0.5
    a_grid, b_grid = torch.meshgrid(a, b, indexing="xy")
    lab = torch.stack([torch.full_like(a_grid, L), a_grid, b_grid])
    rgb = lab_to_rgb(lab, clip=False)
    shown = ((rgb >= 0) & (rgb <= 1)).all(dim=0)
    image = torch.cat([rgb.clamp(0, 1), shown[None]]).permute(1, 2, 0).numpy()
    ax.imshow(image, extent=AB_EXTENT, origin="lower")
    if shown.any():
        ax.contour(a, b, shown, [0.5], colors="0.5", linewidths=0.8)
    return _ab_axes(ax)


def show_fooling(
    results: dict[str, dict[str, bool]], title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how often a class was fooled, in all and by each photo, with intervals.

    Parameters
    ----------
    results : dict of str to dict of str to bool
        As from `colorlab.evaluate.turing.read_results`.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    Axes
        A row for all, and one a photo, with 95 % intervals over people.
    """
    people = {name: [*given.values()] for name, given in results.items()}
    rates = {f"all, {len(results)} people": fooling_rate(people)}
    rates |= fooling_by_photo(results)
    rows = {
        name: {"fooled": (100 * rate, 100 * low, 100 * high)}
        for name, (rate, low, high) in rates.items()
    }
    size = (WIDTH, 0.9 + 0.24 * len(rows))
    ax = plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
    show_intervals(rows, {"fooled": "one photo"}, ax)
    pooled = next(iter(rows.values()))["fooled"][0]
    ax.plot(pooled, 0, "D", color="black", markersize=8, label="all photos")
    for rate, style, name in ((50, "--", "guessing"), (100 * PAPER_RATE, ":", "paper")):
        ax.axvline(rate, color="black", linestyle=style, linewidth=1, label=name)
    ax.set(xlim=(-2, 102), xlabel="fooled, % of people", title=title)
    ax.legend(loc="lower right")
    return ax


def show_intervals(
    rows: dict[str, dict[str, tuple[float, float, float]]],
    measures: dict[str, str],
    ax: Axes | None = None,
) -> Axes:
    """Draw values with their intervals: a line a row, a mark a measure.

    Parameters
    ----------
    rows : dict of str to dict of str to (value, low, high)
        By the row's name, then by the measure's.
    measures : dict of str to str
        Which measures to draw, at most three, and what the legend calls them.
    ax : Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    Axes
        Marks differ by shape and filling. A vertical line stands at 0.
    """
    size = (6, 1 + 0.22 * len(rows) * (1 + len(measures)))
    ax = plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
    places = -np.arange(len(rows), dtype=float)
    apart = 0.7 / len(measures)
    for n, ((measure, label), mark) in enumerate(
        zip(measures.items(), "os^", strict=False)
    ):
        values, low, high = np.array([row[measure] for row in rows.values()]).T
        level = places - apart * (n - (len(measures) - 1) / 2)
        ax.hlines(level, low, high, color="black", linewidth=1.2)
        filling = "none" if n % 2 else "black"
        ax.plot(values, level, mark, color="black", mfc=filling, label=label)
    ax.axvline(0, color="0.5", linewidth=1)
    ax.set_yticks(places, rows, parse_math=False)  # a name may hold $
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, frameon=False)
    return ax


def _square(x: float, y: float, side: float, **style: Any) -> plt.Rectangle:
    return plt.Rectangle((x - side / 2, y - side / 2), side, side, **style)


def _ab_axes(ax: Axes) -> Axes:
    ax.set(
        xlim=AB_EXTENT[:2],
        ylim=AB_EXTENT[2:],
        xlabel="a (green to red), Lab units",
        ylabel="b (blue to yellow), Lab units",
        aspect="equal",
    )
    return ax
