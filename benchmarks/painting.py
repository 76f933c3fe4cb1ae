"""The figure to paint with: how soon after a stroke, or a slider, the answer is there.

On each photo of the chapter `scribbles`, six strokes in the photo's own color, each
after one of the sliders was moved to one of its ends. Taken is the time from the end of
the stroke, or from the slider's move, to the last change of the line that tells the
decibels: then all pixels are solved. Chromium and all that it starts get one core.
Needs a Chromium (CHROMIUM names it). Writes nothing.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from statistics import median

from ipywidgets.embed import dependency_state
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from colorlab import load_pretrained
from colorlab.datasets import open_rgb
from colorlab.widgets import Painter

ROOT = Path(__file__).parents[1]
NAMES = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = ["--no-sandbox", "--disable-gpu"]
PHOTOS = ("autumn-ridge", "fig-in-bowl", "spaniels-at-window")
# T, which ends where it was; stop at edges, likewise; stop at grays.
MOVES = [(0, "Home"), (0, "End"), (2, "End"), (2, "Home"), (1, "Home"), (1, "End")]
SILENCE = 1000  # ms without a further change: this was the last one
PATIENCE = 60_000  # ms
# Strokes, in shares of width and height; the last one is also painted at first.
STARTS = [(0.1, 0.8), (0.5, 0.1), (0.2, 0.5), (0.6, 0.4), (0.5, 0.7), (0.1, 0.1)]
LINES = [((x, y), (x + 0.3, y + 0.1)) for x, y in STARTS]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>paint</title>
<body><div class="cell">
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script>
</div><script src="{pages}"></script><script src="{widgets}"></script>"""
WATCH = """() => {
  window.told = 0;
  const look = () => (window.told = performance.now());
  new MutationObserver(look).observe(document.querySelector(".readout"),
    { childList: true, characterData: true, subtree: true });
  const begin = () => (window.begun = performance.now());
  addEventListener("pointerup", begin, true);
  addEventListener("input", begin, true);
}"""
QUIET = f"() => told > begun && performance.now() - told > {SILENCE}"


def write_page(folder: Path) -> Path:
    """Write a page that holds the figure alone."""
    photos = [(name, open_rgb(ROOT / f"data/photos/{name}.jpg"), []) for name in PHOTOS]
    painter = Painter(load_pretrained(), photos)
    state = {"version_major": 2, "version_minor": 0}
    view = state | {"model_id": painter.model_id}
    state |= {"state": dependency_state([painter], drop_defaults=False)}
    parts = {"state": state, "view": view}
    texts = {k: json.dumps(part).replace("</", r"<\/") for k, part in parts.items()}
    for script in ("pages", "widgets"):
        texts[script] = (ROOT / f"book/_static/{script}.js").as_uri()
    path = folder / "paint.html"
    path.write_text(PAGE.format(**texts), encoding="utf-8")
    return path


def answered(page: Page) -> float:
    """Wait for the answer; give the milliseconds that it took."""
    page.wait_for_function(QUIET, timeout=PATIENCE)
    return page.evaluate("told - begun")


def paint(page: Page, line: tuple) -> float:
    """Paint a stroke with the mouse."""
    box = page.locator("canvas.picture").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=20)
    page.mouse.up()
    return answered(page)


def slide(page: Page, number: int, key: str) -> float:
    """Move a slider to its end, or back to where it was."""
    slider = page.locator(".lab-figure input[type=range]").nth(number)
    before = slider.input_value()
    slider.press(key)
    assert slider.input_value() != before
    return answered(page)


def main() -> None:
    """Paint, and print what each kind of change took."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    names = [os.environ.get("CHROMIUM", ""), *NAMES]
    path = next(filter(None, map(shutil.which, names)))
    took = {"a stroke": [], "a slider": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1200})
        address = write_page(Path(folder)).as_uri()
        for photo in range(len(PHOTOS)):
            page.goto(address)
            page.locator(".readout").wait_for()
            page.evaluate(WATCH)
            page.locator(".lab-figure select").select_option(index=photo)
            page.wait_for_timeout(3 * SILENCE)
            paint(page, LINES[-1])  # the first one factors the whole photo
            for line, (slider, key) in zip(LINES, MOVES, strict=True):
                took["a slider"].append(slide(page, slider, key))
                took["a stroke"].append(paint(page, line))
        browser.close()
    for name, times in took.items():
        told = ", ".join(f"{number:.0f}" for number in sorted(times))
        Console(width=88).print(f"after {name}, ms: {told}; median {median(times):.0f}")


if __name__ == "__main__":
    main()
