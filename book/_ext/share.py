"""Make the card that messengers show for a link to the book.

A photo before and after, and what must be said of every colored picture. The
addresses in a card must be whole, so without `html_baseurl` they are relative.
"""

import re
from html import escape, unescape
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from colorlab import load_pretrained
from colorlab.colorize import colorize

PHOTO = Path(__file__).parents[2] / "data/photos/historic/dust-bowl-home.jpg"
SIZE, BAND = (1200, 630), 90  # pixels: what messengers ask for, and the text's
TOLD = "Before, after: the colors are invented"
FILE = "_static/share.jpg"


def card() -> Image.Image:
    """Return the card: one picture, its right half colored."""
    width, height = SIZE[0], SIZE[1] - BAND
    colored = colorize(PHOTO, load_pretrained())
    scale = max(width / colored.width, height / colored.height)
    left = (colored.width - width / scale) / 2
    top = (colored.height - height / scale) / 2
    box = (left, top, left + width / scale, top + height / scale)
    colored = colored.convert("RGB").resize((width, height), box=box)
    gray = colored.convert("L").crop((0, 0, width // 2, height))
    sheet = Image.new("RGB", SIZE, "#1a1a1a")
    sheet.paste(colored, (0, 0))
    sheet.paste(gray, (0, 0))
    brush = ImageDraw.Draw(sheet)
    brush.line((width // 2, 0, width // 2, height), "white", 4)
    place = (width // 2, height + BAND // 2)
    font = ImageFont.load_default(size=44)
    brush.text(place, TOLD, "white", font, anchor="mm")
    return sheet


def tags(title: str, address: str) -> str:
    """Return a page's tags for messengers."""
    told = {
        "og:type": "website",
        "og:site_name": "The Colorization Lab",
        "og:title": title,
        "og:description": "How a network learns to color a gray photograph: a "
        "book to play with. The colors are invented.",
        "og:image": address,
        "og:image:alt": "An old photograph, half gray, half colored by the "
        "network of this book.",
    }
    lines = [
        f'<meta property="{name}" content="{escape(text)}">'
        for name, text in told.items()
    ]
    lines.append('<meta name="twitter:card" content="summary_large_image">')
    return "\n".join(lines) + "\n"


def _add_tags(app, pagename, templatename, context, doctree):
    address = app.config.html_baseurl
    address = f"{address.rstrip('/')}/{FILE}" if address else None
    address = address or context["pathto"](FILE, resource=True)
    title = unescape(re.sub("<[^>]*>", "", context.get("title", "")))
    context["metatags"] = context.get("metatags", "") + tags(title, address)


def _write(app, error):
    if error is None and app.builder.format == "html":
        card().save(Path(app.outdir) / FILE, quality=85, optimize=True)


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", _add_tags)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
