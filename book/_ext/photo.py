"""Make the scripts of the page `photo` when the book is built.

A page opened from a folder may not read files. It may load scripts: so what the
page needs is put into scripts, and these are loaded when they are asked for.
"""

import base64
import json
from io import BytesIO
from pathlib import Path

from PIL import Image

import colorlab
from colorlab.weights import ASSETS

BOOK = Path(__file__).parents[1]
SOURCES = BOOK / "_photo"
WIDGETS = Path(colorlab.__file__).parent / "widgets"
PHOTOS = BOOK.parent / "data/photos/historic"
THUMBNAIL = (150, 100)  # pixels
SAMPLES = {
    "nagasaki-boats": "Boats in Nagasaki, about 1865",
    "french-alpine-landscape": "French Alps, 1865-1870",
    "black-canyon": "Black Canyon, 1871",
    "locomotion-house-cat": "A cat in motion, 1887",
    "airplane-from-above": "Airplane, 1914-1929",
    "acanthus-mollis": "Acanthus, 1928",
    "allium-oreophilum": "Allium, 1928",
    "dust-bowl-home": "A house in the Dust Bowl, about 1935-1940",
}


def page_script() -> str:
    """Give the script that makes the page's controls."""
    parts = [_plain(WIDGETS / "color.js"), _plain(WIDGETS / "page.js")]
    names = f"const SAMPLES = {json.dumps(SAMPLES)};"
    parts += [_plain(SOURCES / "files.js"), names, _plain(SOURCES / "photo.js")]
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


def engine_script() -> str:
    """Give what colors: the worker, its kernel, the network and the bins."""
    parts = {
        "worker": worker_source(),
        "kernel": _base64((SOURCES / "kernel.wasm").read_bytes()),
        "file": _base64((ASSETS / "tiny.safetensors").read_bytes()),
        "centers": colorlab.bin_centers().flatten().tolist(),
    }
    return f"colorlabPhoto.engine({json.dumps(parts)});\n"


def worker_source() -> str:
    """Give the worker, with the arithmetic that it shares with the figures."""
    return _plain(WIDGETS / "color.js") + _plain(SOURCES / "worker.js")


def sample_script(name: str) -> str:
    """Give one of the old photos."""
    photo = _base64((PHOTOS / f"{name}.jpg").read_bytes())
    return f"colorlabPhoto.sample({json.dumps(name)}, {json.dumps(photo)});\n"


def thumbnail(name: str) -> bytes:
    """Give one of the old photos cut to a small JPEG."""
    out = BytesIO()
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        wide, high = THUMBNAIL
        side = min(image.width / wide, image.height / high)
        left = (image.width - side * wide) / 2
        top = (image.height - side * high) / 2
        box = (left, top, left + side * wide, top + side * high)
        small = image.convert("L").resize(THUMBNAIL, box=box, reducing_gap=3)
        small.save(out, "JPEG", quality=80)
    return out.getvalue()


def write_scripts(folder: Path) -> None:
    """Write all that the page loads."""
    folder.mkdir(parents=True, exist_ok=True)
    css = (WIDGETS / "page.css", SOURCES / "photo.css")
    texts = {
        "photo.css": "\n".join(_read(path) for path in css),
        "photo.js": page_script(),
        "engine.js": engine_script(),
    }
    texts |= {f"{name}.js": sample_script(name) for name in SAMPLES}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in SAMPLES:
        (folder / f"{name}.jpg").write_bytes(thumbnail(name))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _plain(path: Path) -> str:
    """Read a module as a plain script: folders give pages no modules."""
    return _read(path).replace("\nexport ", "\n")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _write(app, error):
    if error is None and app.builder.format == "html":
        write_scripts(Path(app.outdir) / "_static/photo")


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
