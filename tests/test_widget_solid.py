"""The color solid: its cut against colorlab, and a page that turns it."""

import re

import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from playwright.sync_api import expect
from test_widget_pages import open_on_phone, open_widget, small_targets, swipe

from colorlab import lab_to_rgb
from colorlab.widgets import ColorSolid

MOST_BYTES = 150_000


@pytest.mark.parametrize("wrong", [{"morph": 1.1}, {"L": -1}, {"pitch": 5}])
def test_impossible_views_are_refused(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must"):
        ColorSolid(**wrong)


def test_a_solid_is_light():
    solid = ColorSolid()
    assert len(solid._esm) + len(solid._css) < MOST_BYTES


def told(figure):
    return figure.locator(".told").inner_text()


def view(figure):
    return tuple(
        map(int, re.search(r"by (\d+)\u00b0, seen from (\d+)", told(figure)).groups())
    )


def area(L):
    """Count the ab of a fine grid that a screen shows at this lightness."""
    axis = torch.arange(-109.5, 110)
    a, b = torch.cartesian_prod(axis, axis).T
    lab = torch.stack([torch.full_like(a, L), a, b], dim=1)[:, :, None, None]
    rgb = lab_to_rgb(lab.double(), clip=False)
    return int(((rgb > -1e-4) & (rgb < 1 + 1e-4)).all(dim=1).sum())


@pytest.mark.browser
def test_the_cube_becomes_the_solid_and_is_cut(browser, tmp_path):
    with open_widget(browser, ColorSolid(), tmp_path) as (page, figure):
        assert page.locator(".tag_still.replaced").count() == 1
        assert told(figure).startswith("The RGB cube")
        figure.get_by_label("From the RGB cube to Lab").fill("0.5")
        assert told(figure).startswith("Between")
        for L in (20, 60, 90):  # cutting goes to Lab by itself
            figure.get_by_label("Lightness of the cut").fill(str(L))
            assert told(figure).startswith("The solid of Lab")
            number = re.search(r"covers ([\d,]+) square", told(figure)).group(1)
            assert abs(int(number.replace(",", "")) - area(L)) <= 5  # at the rim
        assert small_targets(figure) == []


COLORS = """(canvas) => {
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const rows = [];
  for (let y = 0; y < height; y += 4) {
    let sum = 0, count = 0;
    for (let x = 0; x < width; x += 4) {
      const rgb = data.slice(4 * (y * width + x), 4 * (y * width + x) + 3);
      if (Math.max(...rgb) - Math.min(...rgb) < 12) continue;
      sum += rgb[0] + rgb[1] + rgb[2];
      count++;
    }
    if (count > 3) rows.push(sum / count);
  }
  return rows;
}"""


# What is written on the canvas, as boxes, and the lines of each path that is stroked.
SPY = """(canvas) => {
  window.boxes = {};
  window.paths = [];
  let path = [];
  const { prototype } = CanvasRenderingContext2D;
  const { fillText, lineTo, beginPath, stroke } = prototype;
  prototype.fillText = function (text, x, y) {
    const { width } = this.measureText(text);
    boxes[text] = [x - width / 2, y - 10, x + width / 2, y + 3];
    return fillText.apply(this, arguments);
  };
  prototype.beginPath = function () { path = []; return beginPath.call(this); };
  prototype.lineTo = function (...to) { path.push(to); return lineTo.apply(this, to); };
  prototype.stroke = function () { paths.push(path); return stroke.call(this); };
}"""


def crosses(box, start, end):
    """Whether a line enters a box, tried at many of its points."""
    left, top, right, bottom = box
    for n in range(501):
        x, y = (a + (b - a) * n / 500 for a, b in zip(start, end, strict=True))
        if left < x < right and top < y < bottom:
            return True
    return False


@pytest.mark.browser
def test_the_frame_of_a_cut_crosses_no_name(browser, tmp_path):
    with open_widget(browser, ColorSolid(morph=1), tmp_path) as (page, figure):
        figure.get_by_role("button", name="from above").click()
        figure.locator("canvas.plane").evaluate(SPY)
        figure.get_by_label("Lightness of the cut").fill("50")
        boxes, paths = page.evaluate("[boxes, paths]")
        assert set(boxes) == {"a: red", "green", "b: yellow", "blue"}
        frame = [path for path in paths if len(path) == 4][-1]
        for box in boxes.values():
            assert 0 <= box[0] < box[2] <= 440
            for start, end in zip(frame, [*frame[1:], frame[0]], strict=True):
                assert not crosses(box, start, end)


@pytest.mark.browser
def test_light_colors_stand_above_dark_ones(browser, tmp_path):
    with open_widget(browser, ColorSolid(morph=1, pitch=10), tmp_path) as (_, figure):
        rows = figure.locator("canvas.plane").evaluate(COLORS)
        assert rows[0] > rows[len(rows) // 2] > rows[-1]


@pytest.mark.browser
def test_it_morphs_by_itself(browser, tmp_path):
    with open_widget(browser, ColorSolid(), tmp_path) as (_, figure):
        figure.get_by_role("button", name="cube \u2192 Lab").click()
        expect(figure.locator(".told")).to_contain_text("The solid of Lab")
        figure.get_by_role("button", name="from above").click()
        assert view(figure) == (0, 90)


@pytest.mark.browser
def test_turning_by_mouse_and_keys(browser, tmp_path):
    with open_widget(browser, ColorSolid(), tmp_path) as (page, figure):
        plane = figure.locator("canvas.plane")
        box = plane.bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        assert view(figure) == (20, 25)  # hovering turns nothing
        page.mouse.down()
        page.mouse.move(box["x"] + 140, box["y"] + 120, steps=4)
        page.mouse.up()
        assert view(figure) == (40, 35)
        assert "Drag sideways to turn" in figure.locator(".view").inner_text()
        plane.press("ArrowLeft")
        plane.press("Shift+ArrowDown")
        assert view(figure) == (35, 10)  # no lower
        plane.press("ArrowUp")
        assert view(figure) == (35, 15)


@pytest.mark.browser
def test_turning_by_finger(browser, tmp_path):
    with open_on_phone(browser, ColorSolid(), tmp_path) as (page, figure):
        box = figure.locator("canvas.plane").bounding_box()
        x, y = box["x"] + 100, box["y"] + 100
        swipe(page, (x, y), (x + 30, y), (x + 60, y))
        yaw, pitch = view(figure)
        assert abs(yaw - 50) <= 8  # a browser may keep the first steps
        assert pitch == 25
        assert small_targets(figure) == []
        told_at = figure.locator(".told")
        told_at.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        for slider in figure.get_by_role("slider").all():
            assert 0 <= slider.bounding_box()["y"] < told_at.bounding_box()["y"]
