"""Several answers to one photo, each likely, far from each other (chapter: decode)."""

import math
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from colorlab.decode import draw
from colorlab.evaluate.probability import image_nats
from colorlab.quantize import nearest_bin

CANDIDATES = 64  # colorings drawn, of which a few are chosen
LIKELY = 0.5  # the share of them that may be chosen: the likelier half
MOST = 24  # to be chosen
T_SAMPLES = 0.3  # softer than one bin, so that neighbors of one color stay together
MOST_CELLS = 600  # looked at to choose; a finer grid is thinned
PANEL, GAP, LINE = 480, 8, 26  # pixels: longer side, between panels, of a caption
FONT = LINE - 10


class Alternatives(NamedTuple):
    """Colorings of one image, and how likely and how different they are."""

    ab: Tensor  # (count, 2, h, w)
    nats: Tensor  # (count,): each one's, mean over cells
    all_nats: float  # the mean of all candidates
    apart: float  # ab units: the mean distance of two of them
    all_apart: float  # of two candidates


def alternatives(
    logits: Tensor, centers: Tensor, answer: Tensor, count: int, rng: torch.Generator
) -> Alternatives:
    """Draw colorings of a whole image, and choose some that differ.

    Parameters
    ----------
    logits : Tensor, shape (1, Q, h, w)
        The network's output, before softmax.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.
    answer : Tensor, shape (1, 2, h, w)
        The coloring from which, too, they shall differ.
    count : int
        How many to choose, 1 to 24.
    rng : torch.Generator
        Of the draws, on the CPU.

    Returns
    -------
    Alternatives
        The one farthest from `answer` first. In nats, a coloring's is the mean of
        -log p over its cells, where p is the probability of the bin nearest to its
        color.

    Raises
    ------
    ValueError
        If `count` is not in 1..24, or as `draw`.

    Notes
    -----
    64 times, all pixels are drawn with one random number a bin (`draw` with one patch).
    Of the half with the fewest nats, the one is taken whose nearest of those taken so
    far is farthest (farthest-first traversal, Gonzalez 1985), by the mean distance over
    the image. Book chapter: decode.

    Examples
    --------
    Everything is red or blue or a little redder; the two most different are found:

    >>> centers = torch.tensor([[60.0, 40.0], [0.0, -50.0], [60.0, 50.0]])
    >>> logits, gray = torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4)
    >>> rng = torch.Generator().manual_seed(0)
    >>> found = alternatives(logits, centers, gray, 2, rng)
    >>> (found.ab[0] - found.ab[1]).norm(dim=0).mean() > 100
    tensor(True)
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"count must be in 1..{MOST}, got {count}")
    step = math.ceil(math.sqrt(logits[0, 0].numel() / MOST_CELLS))
    thin, seen = logits[..., ::step, ::step], answer[..., ::step, ::step]
    states, drawn = [], []
    for _ in range(CANDIDATES):
        states.append(rng.get_state())
        drawn.append(draw(thin, centers, rng, T=T_SAMPLES))
    after = rng.get_state()
    candidates = torch.cat(drawn)
    bins = nearest_bin(candidates, centers)[:, None]
    nats = image_nats(thin, bins, torch.ones_like(bins, dtype=candidates.dtype))
    likely = nats.argsort(stable=True)[: round(LIKELY * CANDIDATES)]
    chosen = likely[farthest_first(candidates[likely], seen, count)]
    whole = []
    for number in chosen.tolist():
        rng.set_state(states[number])
        whole.append(draw(logits, centers, rng, T=T_SAMPLES))
    rng.set_state(after)  # the next call draws others
    distances = mean_distance(candidates[chosen]), mean_distance(candidates)
    return Alternatives(torch.cat(whole), nats[chosen], nats.mean().item(), *distances)


def farthest_first(candidates: Tensor, start: Tensor, count: int) -> Tensor:
    """Choose images far from each other, the next one farthest from all before.

    Parameters
    ----------
    candidates : Tensor, shape (N, 2, h, w)
        Chroma, in Lab units.
    start : Tensor, shape (1, 2, h, w)
        What counts as chosen already.
    count : int
        How many to choose, at most N.

    Returns
    -------
    Tensor of int64, shape (count,)
        Their places.

    Examples
    --------
    >>> places = torch.tensor([1.0, 9.0, 5.0, 8.0]).view(4, 1, 1, 1).expand(4, 2, 1, 1)
    >>> farthest_first(places, torch.zeros(1, 2, 1, 1), 3)
    tensor([1, 2, 0])
    """
    nearest = _distance(candidates, start)
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int(nearest.argmax()))
        nearest = nearest.minimum(_distance(candidates, candidates[chosen[-1:]]))
        nearest[chosen] = -1  # equal ones are chosen once, too
    return torch.tensor(chosen, device=candidates.device)


def mean_distance(ab: Tensor) -> float:
    """Return the mean distance of two images, over all pairs (book chapter: decode).

    Parameters
    ----------
    ab : Tensor, shape (N, 2, h, w)
        Chroma, in Lab units.

    Returns
    -------
    float
        In ab units; nan for one image.

    Examples
    --------
    >>> gray, red = torch.zeros(2, 4, 4), torch.tensor([40.0, 30.0]).view(2, 1, 1)
    >>> round(mean_distance(torch.stack([gray, gray + red, gray + 2 * red])), 2)
    66.67
    """
    total = sum(_distance(ab, one[None]).sum().item() for one in ab)
    pairs = len(ab) * (len(ab) - 1)
    return total / pairs if pairs else math.nan


def _distance(ab: Tensor, other: Tensor) -> Tensor:
    return (ab - other).norm(dim=1).mean(dim=(1, 2))


def contact_sheet(panels: dict[str, Image.Image]) -> Image.Image:
    """Put images side by side, each above its caption (book chapter: decode).

    Parameters
    ----------
    panels : dict of str to PIL.Image.Image
        Captions and images, of one size.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, about as wide as high, on white.

    Examples
    --------
    >>> contact_sheet({str(n): Image.new("RGB", (40, 30)) for n in range(3)}).size
    (152, 72)
    """
    wide, height = next(iter(panels.values())).size
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    lengths = (ruler.textlength(caption, font_size=FONT) for caption in panels)
    width = math.ceil(max(wide, *lengths))
    columns = math.ceil(math.sqrt(len(panels) * (height + LINE) / width))
    columns = min(max(columns, 2), len(panels))
    rows = math.ceil(len(panels) / columns)
    across, down = width + GAP, height + LINE + GAP
    sheet = Image.new("RGB", (columns * across + GAP, rows * down + GAP), "white")
    write = ImageDraw.Draw(sheet)
    for place, (caption, image) in enumerate(panels.items()):
        left, top = place % columns * across + GAP, place // columns * down + GAP
        sheet.paste(image.convert("RGB"), (left, top))
        write.text((left, top + height + 4), caption, "black", font_size=FONT)
    return sheet
