"""Where a network's colors are a guess, told in ab units (book chapter: colorize)."""

from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from colorlab.colorize import to_image
from colorlab.decode import expected_distance, upsample
from colorlab.evaluate.probability import training_adjustment
from colorlab.lab import lab_to_rgb
from colorlab.transfer import Network

FULL = 40.0  # ab units: the lightest color of the map; what is above has it, too
# The map's colors in Lab, from no doubt to full: lightness grows evenly.
SCALE = torch.tensor([[12, 12, -28], [39, 45, -25], [66, 38, 48], [93, -6, 48]]).float()
LONGEST_SIDE, LEAST_WIDTH = 1024, 240  # pixels, of the map
BAR, MARGIN, LETTERS = 12, 10, 13  # pixels, of the scale below the map
TICKS = 5
LEGEND = "expected distance from the true color, ab units"


class Doubt(NamedTuple):
    """How far a network expects to be off, in ab units."""

    mean: float  # over the image
    worst: float  # over the tenth of its cells with the most doubt


def doubt(model: Network, logits: Tensor, ab: Tensor) -> Tensor:
    """Return how far a network expects the true colors to be from those shown.

    Parameters
    ----------
    model : Network
        With a head of bins. Its card tells the weights of the training, which are
        undone first: weighted probabilities are no frequencies.
    logits : Tensor, shape (N, Q, h, w)
        What it returned.
    ab : Tensor, shape (N, 2, h, w)
        The colors shown, in Lab units.

    Returns
    -------
    Tensor, shape (N, h, w)
        In ab units, as `expected_distance` returns it.

    Raises
    ------
    ValueError
        If the network answers with one color and no distribution, or as
        `expected_distance`.

    Notes
    -----
    How right it is, is measured by benchmarks/doubt.py. Book chapter: colorize.

    Examples
    --------
    >>> from colorlab import load_pretrained
    >>> model, sure = load_pretrained("class"), torch.zeros(1, 313, 1, 1)
    >>> sure[:, 156] = 99.0
    >>> doubt(model, sure, model.centers[156].view(1, 2, 1, 1) + 3).round(decimals=2)
    tensor([[[4.2400]]])
    """
    if model.head != "bins":
        raise ValueError("model must have a head of bins; this one answers one color")
    unweighted = logits - training_adjustment(model)[:, None, None]
    return expected_distance(unweighted, model.centers, ab)


def summarize(doubted: Tensor) -> Doubt:
    """Return the doubt of a whole image in two numbers (book chapter: colorize).

    Parameters
    ----------
    doubted : Tensor, shape (1, h, w)
        As `doubt` returns it.

    Returns
    -------
    Doubt
        The mean, and the mean of the tenth of the cells where it is largest.

    Examples
    --------
    >>> summarize(torch.arange(20.0).view(1, 4, 5))
    Doubt(mean=9.5, worst=18.5)
    """
    cells = doubted.flatten().sort(descending=True).values
    tenth = cells[: max(1, len(cells) // 10)]
    return Doubt(cells.mean().item(), tenth.mean().item())


def paint_doubt(doubted: Tensor, size: tuple[int, int]) -> Image.Image:
    """Draw doubt as a map with its scale (book chapter: colorize).

    Parameters
    ----------
    doubted : Tensor, shape (1, h, w)
        As `doubt` returns it.
    size : (int, int)
        Width and height of the image; the map has its shape, but is at most 1024
        pixels long.

    Returns
    -------
    PIL.Image.Image
        Mode RGB: from dark blue, 0 ab units, to pale yellow, 40 and more. The scale is
        the same for all images.

    Examples
    --------
    >>> paint_doubt(torch.zeros(1, 4, 6), (300, 200)).size
    (300, 254)
    """
    scale = LONGEST_SIDE / max(size)
    width, height = (max(1, round(side * min(1, scale))) for side in size)
    picture = to_image(
        _color(upsample(doubted[None].float().cpu(), (height, width))[0])
    )
    sheet = Image.new(
        "RGB",
        (max(width, LEAST_WIDTH), height + BAR + 2 * LETTERS + MARGIN + 6),
        "white",
    )
    sheet.paste(picture, (0, 0))
    _draw_scale(sheet, height + MARGIN // 2)
    return sheet


def _color(doubted: Tensor) -> Tensor:
    """Return the color of doubt, (1, h, w), as sRGB, (3, h, w)."""
    place = (doubted[0] / FULL).clamp(0, 1) * (len(SCALE) - 1)
    below = place.floor().clamp(max=len(SCALE) - 2).long()
    share = (place - below)[..., None]
    lab = SCALE[below] * (1 - share) + SCALE[below + 1] * share
    return lab_to_rgb(lab.permute(2, 0, 1)[None])[0]


def _draw_scale(sheet: Image.Image, top: int) -> None:
    """Draw the scale and its numbers below a map."""
    width = sheet.width - 2 * MARGIN
    ramp = torch.linspace(0, FULL, width, device="cpu").expand(1, BAR, width)
    sheet.paste(to_image(_color(ramp)), (MARGIN, top))
    write = ImageDraw.Draw(sheet)
    for n in range(TICKS):
        value = FULL * n / (TICKS - 1)
        text = f"{value:g}" + " +" * (n == TICKS - 1)
        wide = write.textlength(text, font_size=LETTERS)
        left = MARGIN + width * n / (TICKS - 1) - wide * n / (TICKS - 1)
        write.text((left, top + BAR + 1), text, "black", font_size=LETTERS)
    font = LETTERS if width > 300 else LETTERS - 3
    write.text((MARGIN, top + BAR + LETTERS + 3), LEGEND, "black", font_size=font)
