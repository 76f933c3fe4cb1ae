"""Put "you are here" on top of each chapter: a pixel's way through the method.

The pictures are the book's own: what becomes of one photo, computed when the
book is built. The figure that plays is `colorlab.widgets.Journey`, in `intro`.
"""

from html import escape
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image, ImageDraw

from colorlab import annealed_mean, bin_centers, lab_to_rgb, load_pretrained
from colorlab.decode import T_PAPER, upsample
from colorlab.lab import rgb_to_lab
from colorlab.widgets.journey import walk

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "data/photos/coffee-cup.jpg"
PLACE = (0.17, 0.64)  # of the pixel that is followed: the saucer
SIZE = (108, 72)  # pixels of a picture, shown at two thirds and less
FOLDER = "_static/journey"
# Name, what its picture shows, and its chapters; a click leads to the first.
STATIONS = [
    ("gray", "the cup in gray", ["lab"]),
    ("layers", "eight maps of the network", ["network", "transfer", "probe"]),
    ("scores", "313 squares of many sizes", ["quantize", "game", "hints"]),
    (
        "taught",
        "the cup's true colors",
        ["prior", "losses", "datasets", "train"],
    ),
    ("one color", "the cup's colors alone", ["decode"]),
    ("joined", "the cup, colored", ["colorize", "film"]),
    ("judged", "where the colors are off", ["evaluate", "since"]),
]
# The chapters of this part go from gray to joined without the network.
OTHER_ROAD = "Before the network"
BESIDE = "another road, without a network"


def beside() -> list[str]:
    """Return the chapters of the other road."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in toc["parts"] if part["caption"] == OTHER_ROAD]
    return [
        Path(each["file"]).name for part in parts for each in part["chapters"]
    ]


def pictures() -> list[Image.Image]:
    """Return what there is to see at each station."""
    photo = Image.open(PHOTO).convert("RGB")
    L, maps, logits = walk(load_pretrained("flagship"), photo, 128)
    size = L.shape[-2:]
    pixels = torch.from_numpy(np.array(photo.resize(size[::-1])))
    truth = rgb_to_lab(pixels.permute(2, 0, 1)[None])[:, 1:]
    small = annealed_mean(logits, bin_centers(), T_PAPER)
    ab = upsample(small, size)
    off = (ab - truth).norm(dim=1, keepdim=True).clamp(max=100)
    none = torch.zeros_like(ab)
    x, y = (
        int(s * n) for s, n in zip(PLACE, logits.shape[:-3:-1], strict=True)
    )
    return [
        _ringed(_join(L, none)),
        _tile(maps),
        _squares(logits[0, :, y, x].softmax(0)),
        _ringed(_join(L, truth)),
        _ringed(_join(torch.full_like(L, 60), ab)),
        _ringed(_join(L, ab)),
        _ringed(_join(off, none)),
    ]


def _join(L: torch.Tensor, ab: torch.Tensor) -> Image.Image:
    rgb = 255 * lab_to_rgb(torch.cat([L, ab], dim=1))[0]
    return Image.fromarray(rgb.round().byte().permute(1, 2, 0).numpy())


def _ringed(image: Image.Image) -> Image.Image:
    image = image.resize(SIZE)
    x, y = (share * side for share, side in zip(PLACE, SIZE, strict=True))
    brush = ImageDraw.Draw(image)
    for r, color in ((7, "white"), (6, "black"), (5, "black"), (4, "white")):
        brush.ellipse((x - r, y - r, x + r, y + r), outline=color)
    return image


def _tile(maps: list[torch.Tensor]) -> Image.Image:
    sheet = Image.new("L", SIZE, 255)
    wide, high = SIZE[0] // 4, SIZE[1] // 2
    for n, each in enumerate(maps):
        tile = Image.fromarray(each.numpy()).resize((wide - 1, high - 1))
        sheet.paste(tile, (n % 4 * wide, n // 4 * high))
    return sheet.convert("RGB")


def _squares(p: torch.Tensor) -> Image.Image:
    """Draw a distribution: a bin's area is its share, its color its own."""
    sheet = Image.new("RGB", SIZE, "white")
    brush = ImageDraw.Draw(sheet)
    scale = SIZE[1] / 236
    for (a, b), share in zip(bin_centers().tolist(), p / p.max(), strict=True):
        x, y = SIZE[0] / 2 + a * scale, SIZE[1] / 2 - b * scale
        r = max(0.5, 10 * scale * share.item() ** 0.5)
        lab = torch.tensor([60.0, a, b]).view(3, 1, 1)
        color = (255 * lab_to_rgb(lab)).round().int().flatten().tolist()
        faint = "#bbb" if share < 0.02 else tuple(color)
        brush.rectangle((x - r, y - r, x + r, y + r), fill=faint)
    return sheet


def strip(chapter: str, up: str) -> str:
    """Return the strip of a chapter, with its station lit."""
    items = []
    for n, (name, shown, chapters) in enumerate(STATIONS):
        here = ' aria-current="step"' if chapter in chapters else ""
        image = (
            f'<img src="{up}/{n}.jpg" alt="{escape(shown)}" width="{SIZE[0]}" '
            f'height="{SIZE[1]}">'
        )
        told = "<b>you are here</b>" if here else ""
        link = f'<a href="{chapters[0]}.html"{here}>{image}{name}</a>'
        items.append(f"<li>{link}{told}</li>")
    if chapter in beside():
        told = f"<b>you are here:</b> {BESIDE}"
        items.append(f'<li class="beside" aria-current="step">{told}</li>')
    label = "The journey of one pixel, and where this chapter is"
    return (
        f'<nav class="journey-strip" aria-label="{label}">'
        f"<ol>{''.join(items)}</ol></nav>"
    )


def _insert(app, pagename, templatename, context, doctree):
    chapter = pagename.removeprefix("book/")
    on_the_way = any(chapter in chapters for *_, chapters in STATIONS)
    if on_the_way or chapter in beside():
        up = context["pathto"](FOLDER, resource=True)
        head, end, rest = context["body"].partition("</h1>")
        context["body"] = head + end + strip(chapter, up) + rest


def _write(app, error):
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for n, picture in enumerate(pictures()):
            picture.save(folder / f"{n}.jpg", quality=85, optimize=True)


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", _insert)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
