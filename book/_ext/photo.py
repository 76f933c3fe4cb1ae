"""Make the scripts of the page `photo` when the book is built.

A page opened from a folder may not read files. It may load scripts: so what the
page needs is put into scripts, and these are loaded when they are asked for.
"""

import base64
import json
from pathlib import Path

from PIL import Image

import colorlab
from colorlab.colorize import colorize
from colorlab.widgets.engine import pack_network
from colorlab.widgets.front import HERE, bundle, to_jpeg

BOOK = Path(__file__).parents[1]
SOURCES = BOOK / "_photo"
PHOTOS = BOOK.parent / "data/photos/historic"
THUMBNAIL = (150, 100)  # pixels
STILL = "french-alpine-landscape"
SAMPLES = sorted(path.stem for path in PHOTOS.glob("*.jpg"))
# The networks that the page offers; kernels with fewer weights keep 16 bits.
NETWORKS = {"tiny": 0, "borrowed": 2**15}
SIZES = "{ tiny: 0, borrowed: 0 }"  # in networks.js: MB, to be filled in


def page_script(programs: dict[str, dict]) -> str:
    """Return the script that makes the page's controls."""
    text = bundle(SOURCES / "photo.js")
    sizes = {
        name: round(len(hand_over(program)) / 1e6, 1)
        for name, program in programs.items()
    }
    return as_script(text.replace(SIZES, json.dumps(sizes)))


def engine_parts() -> dict:
    """Return what runs a network: the worker, its kernel and the bins."""
    return {
        "worker": as_script(bundle(SOURCES / "worker.js")),
        "kernel": _base64((SOURCES / "kernel.wasm").read_bytes()),
        "centers": colorlab.bin_centers().flatten().tolist(),
    }


def program(name: str) -> dict:
    """Return a network as the page's worker runs it."""
    model = colorlab.load_pretrained(name)
    steps, block = pack_network(model, NETWORKS[name])
    card = {key: model.card[key] for key in ("T", "size")}
    return steps | {"card": card, "block": _base64(block)}


def as_script(module: str) -> str:
    """Return a bundle without exports as a script without globals."""
    return f'(() => {{\n"use strict";\n{module}}})();\n'


def hand_over(content: object) -> str:
    """Return a script that hands something to loader.js."""
    event = f'new CustomEvent("arrived", {{ detail: {json.dumps(content)} }})'
    return f"document.currentScript.dispatchEvent({event});\n"


def sample_script(name: str) -> str:
    """Return the script that holds one of the old photos."""
    return hand_over(_base64((PHOTOS / f"{name}.jpg").read_bytes()))


def thumbnail(name: str) -> bytes:
    """Return one of the old photos cut to a small JPEG."""
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        wide, high = THUMBNAIL
        side = min(image.width / wide, image.height / high)
        left = (image.width - side * wide) / 2
        top = (image.height - side * high) / 2
        box = (left, top, left + side * wide, top + side * high)
        small = image.convert("L").resize(THUMBNAIL, box=box, reducing_gap=3)
        return to_jpeg(small, 80)


def still() -> bytes:
    """Return an old photo, half gray and half colored, for print."""
    with Image.open(PHOTOS / f"{STILL}.jpg") as image:
        colored = colorize(image, colorlab.load_pretrained("borrowed"))
    half = (0, 0, colored.width // 2, colored.height)
    colored.paste(colored.crop(half).convert("L"), half)
    return to_jpeg(colored, 80)


def write_scripts(folder: Path) -> None:
    """Write all that the page loads."""
    folder.mkdir(parents=True, exist_ok=True)
    programs = {name: program(name) for name in NETWORKS}
    css = (HERE / "page.css", HERE / "curtain.css", SOURCES / "photo.css")
    texts = {
        "photo.css": "\n".join(
            path.read_text(encoding="utf-8") for path in css
        ),
        "photo.js": page_script(programs),
        "engine.js": hand_over(engine_parts()),
    }
    texts |= {f"{name}.js": hand_over(each) for name, each in programs.items()}
    texts |= {f"{name}.js": sample_script(name) for name in SAMPLES}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "still.jpg").write_bytes(still())
    for name in SAMPLES:
        (folder / f"{name}.jpg").write_bytes(thumbnail(name))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _write(app, error):
    if error is None and app.builder.format == "html":
        write_scripts(Path(app.outdir) / "_static/photo")


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
