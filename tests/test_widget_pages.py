"""A widget alone in a page of a folder, as the book embeds it."""

import json
from contextlib import contextmanager

import pytest
from book_pages import BOOK
from browser_fixtures import PATIENCE, fixture_browser, open_page  # noqa: F401
from ipywidgets.embed import dependency_state
from PIL import Image

from colorlab.widgets import Curtain, LossPlayground, TwoColors

SCRIPTS = [(BOOK / "_static" / name).as_uri() for name in ("pages.js", "widgets.js")]
PAUSE = 500  # ms: what comes sooner, a browser takes for a part of the gesture before
REST = 60  # milliseconds that a finger stays where it came to
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>widget</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>body {{ margin: 8px }} .replaced {{ display: none }}</style>
<div class="cell tag_still">a still picture</div>
<div class="cell">
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script>
</div>
{scripts}"""


def write_page(widget, folder):
    """Write a page that holds the widget alone, with the book's own scripts."""
    state = dependency_state([widget], drop_defaults=False)
    whole = {"version_major": 2, "version_minor": 0, "state": state}
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    scripts = [f'<script src="{address}"></script>' for address in SCRIPTS]
    texts = [json.dumps(part).replace("</", r"<\/") for part in (whole, view)]
    text = PAGE.format(state=texts[0], view=texts[1], scripts="\n".join(scripts))
    path = folder / "widget.html"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def open_widget(browser, widget, folder, width=760):
    """Open the widget's page; gives the page and its figure, and wants no problem."""
    url = write_page(widget, folder).as_uri()
    with open_page(browser, url, width=width) as (page, problems):
        figure = page.locator(".lab-figure")
        figure.wait_for()
        yield page, figure
        assert problems == []


@contextmanager
def open_on_phone(browser, widget, folder):
    """Do the same on a phone with a touch screen; nothing may be wider than it."""
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(write_page(widget, folder).as_uri())
    figure = page.locator(".lab-figure")
    figure.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    yield page, figure
    context.close()


def swipe(page, *points):
    """Draw a finger over the page, through points (x, y) of the window.

    It rests before it leaves. From a quick finger the browser takes a fling, even where
    nothing scrolls, and the next tap only ends that: it is no click.
    """
    touch = page.context.new_cdp_session(page)
    rest = [points[-1]] * 2
    kinds = ["touchStart"] + ["touchMove"] * (len(points) + 1)
    for kind, (x, y) in zip(kinds, [*points, *rest], strict=True):
        if (x, y) == points[-1]:
            page.wait_for_timeout(REST)
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y}]},
        )
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def screenshot(locator, path):
    """Take a picture of an element, as an RGB image."""
    locator.screenshot(path=path)
    return Image.open(path).convert("RGB")


def small_targets(figure):
    """Find the controls that a finger could miss: less than 24 pixels high or wide."""
    return figure.locator("button, select, input, [tabindex]").evaluate_all(
        """(nodes) => nodes.filter((node) => {
          const { width, height } = node.getBoundingClientRect();
          return Math.min(width, height) < 24;
        }).map((node) => node.outerHTML)"""
    )


@pytest.mark.browser
def test_the_still_steps_aside_and_comes_back_in_print(browser, tmp_path):
    with open_widget(browser, TwoColors(), tmp_path) as (page, figure):
        assert page.locator(".tag_still.replaced").count() == 1
        page.emulate_media(media="print")
        assert not figure.is_visible()


@pytest.mark.browser
def test_a_finger_that_scrolls_from_a_slider_changes_nothing(browser, tmp_path):
    with open_on_phone(browser, TwoColors(), tmp_path) as (page, figure):
        page.evaluate("document.body.style.paddingBottom = '1200px'")
        slider = figure.get_by_label("Share of color A")
        slider.scroll_into_view_if_needed()
        before, start = slider.input_value(), page.evaluate("scrollY")
        told = figure.locator(".value").first
        text = told.inner_text()
        box = slider.bounding_box()
        x, y = box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2
        swipe(page, *[(x, y - far) for far in (0, 20, 80, 200)])
        page.wait_for_function("(start) => scrollY > start + 50", arg=start)
        assert slider.input_value() == before
        assert told.inner_text() == text
        box = slider.bounding_box()
        y = box["y"] + box["height"] / 2
        swipe(page, *[(x + far, y) for far in (0, 20, 60, 90)])
        assert float(slider.input_value()) > 0.3  # sideways moves it


@pytest.mark.browser
@pytest.mark.parametrize("widget", [TwoColors, LossPlayground])
def test_handles_are_round_beside_other_figures_on_a_phone(browser, tmp_path, widget):
    with open_on_phone(browser, widget(), tmp_path) as (page, figure):
        page.add_style_tag(content=Curtain._css)  # comes last in the chapter
        boxes = [each.bounding_box() for each in figure.locator(".handle").all()]
        assert all(box["width"] == box["height"] < 32 for box in boxes)


CORNER = """(canvas) =>
  [...canvas.getContext("2d").getImageData(2, 2, 1, 1).data].slice(0, 3)"""
GROUND = "(node) => getComputedStyle(node).backgroundColor"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("where", "key", "light", "dark"),
    [
        ("documentElement", "theme", "light", "dark"),  # the book
        ("body", "jpThemeLight", "true", "false"),  # JupyterLab
    ],
)
def test_figures_follow_the_theme(browser, tmp_path, where, key, light, dark):
    with open_widget(browser, TwoColors(), tmp_path) as (page, figure):
        plane, seen = figure.locator("canvas.plane"), []
        for value in (light, dark, light):
            page.evaluate(f"document.{where}.dataset.{key} = '{value}'")
            seen.append((plane.evaluate(CORNER), figure.evaluate(GROUND)))
        assert seen[0] == seen[2] == ([255, 255, 255], "rgb(244, 244, 244)")
        (red, green, blue), ground = seen[1]
        assert red == green == blue < 60  # a neutral sheet
        assert ground == "rgb(34, 34, 34)"


@pytest.mark.browser
def test_problems_of_a_widget_are_noticed(browser, tmp_path):
    class Asking(TwoColors):
        _esm = TwoColors._esm.replace(
            "function render({ model, el }) {",
            "function render({ model, el }) { fetch('https://example.org/');",
        )

    with (
        pytest.raises(AssertionError, match="asks https://example.org"),
        open_widget(browser, Asking(), tmp_path) as (page, _),
    ):
        page.wait_for_timeout(200)
