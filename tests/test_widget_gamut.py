"""The gamut explorer: its arithmetic against colorlab, and a page that plays it."""

import json
import re

import pytest
import torch
from book_pages import BOOK
from browser_fixtures import fixture_browser, open_page  # noqa: F401 (used by name)
from ipywidgets.embed import dependency_state
from test_widget_pages import SCRIPTS, swipe

from colorlab import lab_to_rgb
from colorlab.widgets import GamutExplorer
from colorlab.widgets.gamut import LEVELS, surface_ab


def save_page(folder, widget):
    """Write a page of one widget, after a still picture's cell; gives its address."""
    states = dependency_state([widget], drop_defaults=False)
    state = {"version_major": 2, "version_minor": 0, "state": states}
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    mime = "application/vnd.jupyter.widget"
    path = folder / "page.html"
    path.write_text(
        "<!doctype html><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='icon' href='data:,'>"
        f"<link rel='stylesheet' href='{(BOOK / '_static/custom.css').as_uri()}'>"
        + "".join(f"<script src='{script}'></script>" for script in SCRIPTS)
        + f"<script type='{mime}-state+json'>{json.dumps(state)}</script>"
        "<div class='cell tag_still'><p>A still picture</p></div>"
        "<div class='cell'><div class='cell_output'>"
        f"<script type='{mime}-view+json'>{json.dumps(view)}</script></div></div>"
    )
    return path.as_uri()


# Python's side


@pytest.mark.parametrize("wrong", [{"L": -1}, {"L": 101}, {"step": -1}, {"step": 4}])
def test_explorer_says_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        GamutExplorer(**wrong)


def test_surface_reaches_as_far_as_the_cube():
    ab = surface_ab(LEVELS)
    assert ab.shape == (6 * LEVELS**2, 2)
    low, high = ab.amin(0), ab.amax(0)  # the ranges that the chapter prints
    assert torch.allclose(low, torch.tensor([-86.2, -107.9]), atol=0.1)
    assert torch.allclose(high, torch.tensor([98.2, 94.5]), atol=0.1)


def test_state_is_small():
    explorer = GamutExplorer()
    assert len(json.dumps(dependency_state([explorer]))) < 100_000
    assert len(explorer.gamut) == 6 * LEVELS**2 * 2 * 4


# The figure in a page

COLORED = """(canvas) => {
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const rgb = data.slice(i, i + 3);
    count += Math.max(...rgb) - Math.min(...rgb) > 12;
  }
  return count / (width * height);
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def image(explorer):
    return explorer.locator("canvas.plane").evaluate("(canvas) => canvas.toDataURL()")


def colored(explorer):
    """Give the share of pixels that are no gray."""
    return explorer.locator("canvas.plane").evaluate(COLORED)


def counter(explorer):
    return int(explorer.locator(".counter strong").inner_text())


def picked(explorer):
    return explorer.locator(".pick").inner_text().replace("\u2212", "-")


def pixel_of(explorer, a, b):
    """Give the place of a color in the canvas, in page pixels from its corner."""
    box = explorer.locator("canvas.plane").bounding_box()
    return {
        "x": (a + 125) / 250 * box["width"],
        "y": (125 - b) / 250 * box["height"],
    }


@pytest.mark.browser
def test_steps_count_the_bins(browser, tmp_path):
    with open_page(browser, save_page(tmp_path, GamutExplorer())) as (page, problems):
        explorer = page.locator(".gamut-explorer")
        counts, pictures = [counter(explorer)], [image(explorer)]
        for name in ("hull", "padding"):
            explorer.get_by_role("button", name=name).click()
            counts.append(counter(explorer))
            pictures.append(image(explorer))
        assert counts == [625, 233, 313]
        told = explorer.locator(".told").inner_text()
        assert "80 come back" in told
        assert len(set(pictures)) == 3
        page.get_by_role("button", name="A grid").press("Enter")
        assert counter(explorer) == 625
        assert page.locator(".tag_still").is_hidden()
        assert problems == []


@pytest.mark.browser
def test_slice_follows_lightness(browser, tmp_path):
    with open_page(browser, save_page(tmp_path, GamutExplorer(step=3))) as (page, bad):
        explorer = page.locator(".gamut-explorer")
        slider = explorer.get_by_label("Lightness L")
        areas = {}
        for L in (5, 50, 95):
            slider.fill(str(L))
            areas[L] = colored(explorer)
        # the chapter's exercise counts 9, 137 and 24 centers that can be shown
        assert areas[50] > 3 * areas[95] > 3 * areas[5] > 0
        # how many centers are in the slice is the exercise's to find out
        assert "can show" not in explorer.locator(".told").inner_text()
        slider.fill("54")
        before = image(explorer)
        slider.press("ArrowRight")
        assert explorer.locator(".value").inner_text() == "55"
        assert image(explorer) != before
        assert bad == []


@pytest.mark.browser
def test_picking_tells_number_and_color(browser, tmp_path, centers):
    with open_page(browser, save_page(tmp_path, GamutExplorer())) as (page, problems):
        explorer = page.locator(".gamut-explorer")
        plane = explorer.locator("canvas.plane")
        plane.click(position=pixel_of(explorer, 22, 38))
        plane.hover(position=pixel_of(explorer, 60, 0))  # on the way to the slider
        explorer.get_by_label("Lightness L").press("ArrowRight")
        assert "a 20, b 40" in picked(explorer)  # a color is held
        explorer.get_by_label("Lightness L").press("ArrowLeft")
        explorer.get_by_role("button", name="padding").click()
        plane.click(position=pixel_of(explorer, 1, -2))
        rgb = (lab_to_rgb(torch.tensor([65.0, 0, 0]).view(3, 1, 1)) * 255).round()
        values = ", ".join(str(int(v)) for v in rgb.flatten())
        expected = f"Center a 0, b 0: bin 120 of 313; R, G, B {values} at L 65."
        assert picked(explorer) == expected
        swatch = explorer.locator(".swatch")
        seen = swatch.evaluate("(s) => getComputedStyle(s).backgroundColor")
        assert re.findall(r"\d+", seen) == values.split(", ")
        plane.press("ArrowRight")
        plane.press("ArrowUp")
        number = centers.tolist().index([10, 10])
        assert f"a 10, b 10: bin {number} of 313;" in picked(explorer)
        for _ in range(10):
            plane.press("ArrowLeft")
        assert "a -90, b 10: no bin" in picked(explorer)
        for _ in range(4):
            plane.press("ArrowUp")
        assert "a -90, b 50: bin 0 of 313, thanks to the padding" in picked(explorer)
        assert "no screen color at this L" in picked(explorer)
        explorer.get_by_role("button", name="hull").click()
        assert "dropped here, back in step 3" in picked(explorer)
        assert problems == []


@pytest.mark.browser
def test_without_rules_any_color_can_be_picked(browser, tmp_path):
    url = save_page(tmp_path, GamutExplorer(L=32, step=0))
    with open_page(browser, url) as (page, problems):
        explorer = page.locator(".gamut-explorer")
        for part in (".counter", ".told", ".group"):
            assert explorer.locator(part).is_hidden()
        plane = explorer.locator("canvas.plane")
        assert "32 and" not in plane.get_attribute("aria-label")
        for _ in range(12):  # from a 20, b 40; the plane ends at 120
            plane.press("Shift+ArrowDown")
        for _ in range(5):
            plane.press("Shift+ArrowRight")
        plane.press("ArrowUp")
        rgb = (lab_to_rgb(torch.tensor([32.0, 70, -79]).view(3, 1, 1)) * 255).round()
        values = ", ".join(str(int(v)) for v in rgb.flatten())
        assert picked(explorer) == f"a 70, b -79: R, G, B {values} at L 32."
        explorer.get_by_label("Lightness L").fill("90")
        free = lab_to_rgb(torch.tensor([90.0, 70, -79]).view(3, 1, 1), clip=False)
        values = ", ".join(str(int(v)) for v in (free * 255).round().flatten())
        none = "no screen color at this L, where R, G, B would be"
        assert picked(explorer) == f"a 70, b -79: {none} {values}."
        assert problems == []


@pytest.mark.browser
def test_a_finger_picks_on_a_phone(browser, tmp_path):
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(save_page(tmp_path, GamutExplorer(step=3)))
    explorer = page.locator(".gamut-explorer")
    plane = explorer.locator("canvas.plane")
    plane.tap(position=pixel_of(explorer, -41, 42))
    assert "a -40, b 40" in picked(explorer)
    box = plane.bounding_box()
    path = [pixel_of(explorer, a, 40) for a in (-41, -20, 0, 30, 60)]
    swipe(page, *[(box["x"] + spot["x"], box["y"] + spot["y"]) for spot in path])
    assert "a 60, b 40" in picked(explorer)  # drawn along to the end
    path = [pixel_of(explorer, -80, b) for b in (-80, -60, -30, 0)]
    swipe(page, *[(box["x"] + spot["x"], box["y"] + spot["y"]) for spot in path])
    assert "a 60, b 40" in picked(explorer)  # far from it, a finger scrolls
    explorer.get_by_role("button", name="grid").tap()
    assert counter(explorer) == 625
    assert page.evaluate(OVERFLOW) <= 0
    context.close()


@pytest.mark.browser
def test_paper_has_the_still_picture(browser, tmp_path):
    with open_page(browser, save_page(tmp_path, GamutExplorer())) as (page, _):
        page.locator(".gamut-explorer").wait_for()
        page.emulate_media(media="print")
        assert page.locator(".tag_still").is_visible()
        assert not page.locator(".gamut-explorer").is_visible()
