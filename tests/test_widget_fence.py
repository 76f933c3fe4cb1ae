"""The turning fence: what it leaves, and a page that turns it."""

import math
import re

import pytest
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from playwright.sync_api import expect
from test_widget_pages import (
    PAUSE,
    open_on_phone,
    open_widget,
    small_targets,
    swipe,
)

from colorlab import N_BINS
from colorlab.widgets import Fence

IN_HULL, ALL = 233, 625  # grid points, as the chapter prints
MOST_BYTES = 150_000


@pytest.mark.parametrize("angle", [-1, 3601])
def test_impossible_directions_are_refused(angle):
    with pytest.raises(ValueError, match="^angle must"):
        Fence(angle)


def test_a_fence_is_light():
    fence = Fence()
    size = len(fence.gamut) * 4 / 3 + len(fence._esm) + len(fence._css)
    assert size < MOST_BYTES


def counter(figure):
    return int(figure.locator(".counter strong").inner_text())


def degrees(figure):
    return int(figure.locator(".value").inner_text().removesuffix("\u00b0"))


@pytest.mark.browser
def test_a_whole_turn_leaves_the_hull_and_then_the_bins(browser, tmp_path):
    with open_widget(browser, Fence(), tmp_path) as (page, figure):
        assert page.locator(".tag_still.replaced").count() == 1
        before = counter(figure)
        assert before < ALL  # the fence stands somewhere, and drops what is behind
        slider = figure.get_by_label("Direction of the fence")
        slider.fill("1800")
        assert IN_HULL < counter(figure) < before
        half = counter(figure)
        slider.fill("100")  # what was dropped stays so
        assert counter(figure) == half
        slider.fill("3600")
        assert counter(figure) == IN_HULL
        push = figure.get_by_role("button", name="push out by the square")
        push.click()
        assert counter(figure) == N_BINS
        assert "the bins" in figure.locator(".counter").inner_text()
        push.click()
        assert counter(figure) == IN_HULL
        figure.get_by_role("button", name="start again").click()
        assert counter(figure) == before
        assert small_targets(figure) == []


@pytest.mark.browser
def test_it_turns_by_itself(browser, tmp_path):
    with open_widget(browser, Fence(padded=True), tmp_path) as (_, figure):
        figure.get_by_role("button", name="turn once around").click()
        expect(figure.locator(".counter strong")).to_have_text(str(N_BINS))
        expect(figure.locator(".value")).to_have_text("360\u00b0")


@pytest.mark.browser
def test_by_mouse_and_keys(browser, tmp_path):
    with open_widget(browser, Fence(), tmp_path) as (page, figure):
        plane = figure.locator("canvas.plane")
        box = plane.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y - 50)
        assert degrees(figure) == 0  # hovering turns nothing
        page.mouse.down()
        assert abs(degrees(figure) - 90) <= 1
        page.mouse.move(x - 50, y, steps=3)
        page.mouse.up()
        assert abs(degrees(figure) - 180) <= 1
        told = figure.locator(".told").inner_text().replace("\u2212", "-")
        u = [float(n) for n in re.findall(r"-?\d\.\d\d", told)[:2]]
        assert abs(u[0] + 1) < 0.01
        before = degrees(figure)
        plane.press("ArrowRight")
        plane.press("Shift+ArrowUp")
        assert degrees(figure) == before + 11


LETTERS = """(canvas) => {
  window.seen = [];
  const { prototype } = CanvasRenderingContext2D;
  const fillText = prototype.fillText;
  prototype.fillText = function (...given) {
    if (this.canvas === canvas) {
      seen.push((parseFloat(this.font) * canvas.clientWidth) / 440);
    }
    return fillText.apply(this, given);
  };
}"""


@pytest.mark.browser
def test_letters_are_large_enough_on_a_phone(browser, tmp_path):
    with open_on_phone(browser, Fence(), tmp_path) as (page, figure):
        figure.locator("canvas.plane").evaluate(LETTERS)
        figure.get_by_role("slider").fill("900")
        sizes = page.evaluate("window.seen")
        assert len(sizes) > 8  # the numbers, and the names of the axes
        assert min(sizes) >= 9


@pytest.mark.browser
def test_on_a_phone(browser, tmp_path):
    with open_on_phone(browser, Fence(), tmp_path) as (page, figure):
        box = figure.locator("canvas.plane").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.touchscreen.tap(x, y - 60)
        assert abs(degrees(figure) - 90) <= 2
        swipe(page, (x + 60, y - 60), (x + 40, y - 60), (x - 60, y - 60))
        assert abs(degrees(figure) - 135) <= 2
        assert small_targets(figure) == []
        figure.get_by_label("Direction of the fence").fill("0")
        page.evaluate("document.body.style.paddingBottom = '1200px'")
        far = 98.3 / 125 * box["width"] / 2  # red, the farthest color along a
        before = page.evaluate("scrollY")
        # The long line follows a finger from anywhere on it, and leaves the page there.
        line = [(x + far - n, y - 100 - 15 * n) for n in range(4)]
        swipe(page, *line)
        page.wait_for_timeout(PAUSE)
        angles = [math.degrees(math.atan2(y - v, u - x)) for u, v in line]
        assert degrees(figure) == pytest.approx(angles[-1] - angles[0], abs=1)
        assert page.evaluate("scrollY") == before
        swipe(page, *[(x - 60, y + 100 - 20 * n) for n in range(5)])  # beside it
        page.wait_for_function("(before) => scrollY > before + 20", arg=before)
        page.evaluate("scrollTo(0, 0)")
        told = figure.locator(".told")
        told.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        slider = figure.get_by_role("slider").bounding_box()
        assert 0 <= slider["y"] < told.bounding_box()["y"]
