"""The book's figures: tensors in, matplotlib out."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from colorlab.evaluate.turing import PAPER_RATE, fooling_by_photo, fooling_rate
from colorlab.lab import lab_to_rgb
from colorlab.quantize import GRID_REACH, STEP

AB_EXTENT = (-115, 125, -125, 115)  # a from..to, b from..to: all bins, with a rim
MARKS = {"mean": "o", "annealed mean": "D", "mode": "s", "truth": "X"}
LINES = [("black", "-"), ("#0072b2", "--"), ("#d55e00", ":"), ("0.6", "-.")]
NO_DATA = (
    "the book's photos are not here: a notebook needs the whole project around it. "
    "Get a copy of it and start the notebook in its folder book (page Setup, Colab)"
)
UNITS = {"loss": "nats", "held_out": "nats", "entropy": "nats", "chroma": "ab units"}


def book_data() -> Path:
    """Find the folder `data` of the book: photos, evaluations, runs.

    Returns
    -------
    Path
        As seen from a notebook: beside the folder it runs in, or in that or any above
        it; else that of the checkout that `colorlab` is imported from.

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
    for folder in (Path(".."), Path("."), *Path.cwd().parents, checkout):
        if (folder / "data" / "photos" / "coffee-cup.jpg").is_file():
            return folder / "data"
    raise FileNotFoundError(NO_DATA)


def light_pictures() -> None:
    """Let a notebook draw its figures as JPEG; as PNG, pages of photos are heavy."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})


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
    """
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    figure, axes = plt.subplots(
        rows, columns, figsize=(7.5, 7.5 / columns * rows), squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for ax, (name, image) in zip(axes.flat, images.items(), strict=False):
        if isinstance(image, Tensor):
            image = image.permute(1, 2, 0).cpu().numpy()
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(name, fontsize=10)
    figure.tight_layout()
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
        One panel a grid; the larger a number, the darker its cell.
    """
    side, rim = 0.36, 0.3  # inches: a cell, and the space beside and above a grid
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
        ax.imshow(numbers, cmap="gray_r", vmin=low, vmax=low + 2.5 * (high - low or 1))
        for (row, column), number in np.ndenumerate(numbers):
            cell = plt.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="0.6")
            ax.add_patch(cell)
            if np.isfinite(number):
                ax.text(column, row, f"{number:.3g}", ha="center", va="center")
        for row, column in (
            (frames or {}).get(name, torch.zeros(1, 1)).nonzero().tolist()
        ):
            ax.add_patch(
                plt.Rectangle((column - 0.42, row - 0.42), 0.84, 0.84, fill=False, lw=2)
            )
        ax.set_title(name, fontsize=10)
        ax.axis("off")
    return figure


def show_curves(runs: dict[str, list[dict]], names: Sequence[str]) -> Figure:
    """Draw figures of runs over their steps: one panel a figure, one line a run.

    Parameters
    ----------
    runs : dict of str to list of dict
        Of each run, its records, as `colorlab.train.read_records` gives them. A record
        without a figure, or with None for it, is left out.
    names : sequence of str
        Keys of the records.

    Returns
    -------
    Figure
        Lines differ by their dashes, not by color alone.
    """
    columns, rows = min(2, len(names)), -(-len(names) // 2)  # phones are narrow
    figure = plt.figure(figsize=(6.4, 2.8 * rows), layout="constrained")
    axes = [figure.add_subplot(rows, columns, n + 1) for n in range(len(names))]
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
        axes[0].legend(fontsize=9)
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
        Lightness at which the bins are colored.
    marks : dict of str to Tensor of shape (2,), optional
        Points to mark: any of "mean", "annealed mean", "mode" and "truth".
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
    ax.scatter(a, b, s=4, c="0.8", marker="s", linewidths=0)
    side = STEP * np.sqrt((Z_hat / Z_hat.max()).numpy())  # area shows probability
    for x, y, width, color in zip(a, b, side, colors, strict=True):
        if width > 0.3:
            corner = (x - width / 2, y - width / 2)
            ax.add_patch(
                plt.Rectangle(
                    corner, width, width, facecolor=color, edgecolor="0.3", lw=0.4
                )
            )
    for name, point in (marks or {}).items():
        ax.plot(
            *point.tolist(),
            MARKS[name],
            color="white",
            markeredgecolor="black",
            markersize=9,
            label=name,
        )
    if marks:
        ax.legend(loc="lower left", fontsize=9)
    return _ab_axes(ax)


def show_bins(
    values: Tensor,
    centers: Tensor,
    ax: Axes | None = None,
    norm: Normalize | None = None,
    label: str = "",
) -> Axes:
    """Draw one number a bin on the ab plane: the larger, the lighter.

    Parameters
    ----------
    values : Tensor, shape (Q,)
        Shares or weights. Bins whose value is 0 are marked by a cross.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    norm : matplotlib Normalize, optional
        From number to lightness: `LogNorm` for a log view; None is linear.
    label : str
        What the numbers are, beside a color bar; without it there is no bar.

    Returns
    -------
    Axes
        With a and b as axes, in Lab units.
    """
    ax = plt.subplots(figsize=(5, 4))[1] if ax is None else ax
    values, centers = values.cpu(), centers.cpu()
    side, edge = 2 * GRID_REACH + 1, (GRID_REACH + 0.5) * STEP
    plane = np.full((side, side), np.nan)
    column, row = (centers / STEP).round().long().numpy().T + GRID_REACH
    plane[row, column] = values.numpy()
    extent = (-edge, edge, -edge, edge)
    image = ax.imshow(plane, "cividis", norm, extent=extent, origin="lower")
    ax.plot(*centers[values == 0].numpy().T, "x", color="0.5", markersize=3)
    if label:
        ax.figure.colorbar(image, ax=ax, label=label, shrink=0.8)
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
    size = (7.5, 0.6 + 0.75 * height)
    ax = plt.subplots(figsize=size, layout="constrained")[1]
    image = lab_to_rgb(lab.cpu()).permute(1, 2, 0).numpy()
    ax.imshow(image, aspect="auto", extent=(0, width, height, 0))
    each = width // len(columns)
    ax.set_xticks([each * (i + 0.5) for i in range(len(columns))], columns)
    ax.set_yticks([i + 0.5 for i in range(height)], rows)
    ax.vlines(range(each, width, each), 0, height, color="white", linewidth=5)
    ax.hlines(range(1, height), 0, width, color="white", linewidth=5)
    ax.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=13)
    ax.spines[:].set_visible(False)
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
        With a and b as axes, in Lab units; white where the screen has no color.
    """
    ax = plt.subplots(figsize=(5, 5))[1] if ax is None else ax
    a = torch.arange(*AB_EXTENT[:2]) + 0.5  # one sample a unit
    b = torch.arange(*AB_EXTENT[2:]) + 0.5
    a_grid, b_grid = torch.meshgrid(a, b, indexing="xy")
    lab = torch.stack([torch.full_like(a_grid, L), a_grid, b_grid])
    rgb = lab_to_rgb(lab, clip=False)
    shown = ((rgb >= 0) & (rgb <= 1)).all(dim=0)
    image = torch.where(shown, rgb, 1).permute(1, 2, 0).numpy()
    ax.imshow(image, extent=AB_EXTENT, origin="lower")
    if shown.any():
        ax.contour(a, b, shown, [0.5], colors="0.3", linewidths=0.8)
    return _ab_axes(ax)


def show_fooling(
    results: dict[str, dict[str, bool]], title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how often a class was fooled, in all and by each photo, with intervals.

    Parameters
    ----------
    results : dict of str to dict of str to bool
        As `colorlab.evaluate.turing.read_results` gives them.
    title : str
        Above the figure.
    ax : Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    Axes
        One row a photo, most fooling first, and the pooled rate above them. Lines are
        95 % intervals, over people.
    """
    photos = fooling_by_photo(results)
    pooled = fooling_rate({name: [*given.values()] for name, given in results.items()})
    rows = {f"all, {len(results)} people": pooled} | photos
    size = (6.5, 0.9 + 0.21 * len(rows))
    ax = plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
    values, low, high = 100 * np.array([*rows.values()]).T
    places = -np.arange(len(rows), dtype=float)
    places[0] += 0.6  # the pooled rate stands apart
    ax.hlines(places, low, high, color="0.45", linewidth=2)
    ax.plot(values[1:], places[1:], "o", color="black", markersize=4)
    ax.plot(values[:1], places[:1], "D", color="black", markersize=7)
    for rate, style, name in ((50, "--", "guessing"), (100 * PAPER_RATE, ":", "paper")):
        ax.axvline(rate, color="black", linestyle=style, linewidth=1, label=name)
    ax.set_yticks(places, rows, fontsize=8, parse_math=False)  # a name may hold $
    ax.set(xlim=(-2, 102), xlabel="fooled, % of people", title=title)
    ax.legend(fontsize=8, loc="lower right")
    return ax


def _ab_axes(ax: Axes) -> Axes:
    ax.set(
        xlim=AB_EXTENT[:2],
        ylim=AB_EXTENT[2:],
        xlabel="a (green to red), Lab units",
        ylabel="b (blue to yellow), Lab units",
        aspect="equal",
    )
    return ax
