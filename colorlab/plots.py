"""The book's figures: tensors in, matplotlib out."""

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from colorlab.lab import lab_to_rgb
from colorlab.quantize import STEP

AB_EXTENT = (-115, 125, -125, 115)  # a from..to, b from..to: all bins, with a rim
MARKS = {"mean": "o", "annealed mean": "D", "mode": "s", "truth": "X"}
LINES = [("black", "-"), ("#0072b2", "--"), ("#d55e00", ":"), ("0.6", "-.")]
UNITS = {"loss": "nats", "held_out": "nats", "entropy": "nats", "chroma": "ab units"}


def light_pictures() -> None:
    """Let a notebook draw its figures as JPEG: pages of photos as PNG are heavy."""
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
            image = image.permute(1, 2, 0).numpy()
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(name, fontsize=10)
    figure.tight_layout()
    return figure


def show_curves(runs: dict[str, list[dict]], names: Sequence[str]) -> Figure:
    """Draw figures of runs over their steps: one panel a figure, one line a run.

    Parameters
    ----------
    runs : dict of str to list of dict
        Of each run, its records, as `colorlab.runs.read_records` gives them. A record
        without a figure, or with None for it, is left out.
    names : sequence of str
        Keys of the records.

    Returns
    -------
    Figure
        Lines differ by their dashes, not by color alone.
    """
    figure, axes = plt.subplots(
        1, len(names), figsize=(9, 3), squeeze=False, layout="constrained"
    )
    for ax, name in zip(axes.flat, names, strict=True):
        for (run, records), (color, line) in zip(
            runs.items(), cycle(LINES), strict=False
        ):
            points = [(r["step"], r[name]) for r in records if r.get(name) is not None]
            x, y = zip(*points, strict=True) if points else ((), ())
            ax.plot(x, y, color=color, linestyle=line, label=run)
        unit = f", {UNITS[name]}" if name in UNITS else ""
        ax.set(xlabel="step", ylabel=name + unit)
    if len(runs) > 1:
        axes.flat[0].legend(fontsize=9)
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
    lab = torch.cat([torch.full((len(centers), 1), L), centers], dim=1)
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


def _ab_axes(ax: Axes) -> Axes:
    ax.set(
        xlim=AB_EXTENT[:2],
        ylim=AB_EXTENT[2:],
        xlabel="a (green to red), Lab units",
        ylabel="b (blue to yellow), Lab units",
        aspect="equal",
    )
    return ax
