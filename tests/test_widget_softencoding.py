"""The soft encoding picker: its arithmetic against colorlab, and a page of it."""

import json
import re

import pytest
import torch
from browser_fixtures import fixture_browser, open_page  # noqa: F401 (used by name)
from ipywidgets.embed import dependency_state
from test_widget_gamut import OVERFLOW, save_page
from test_widget_pages import open_on_phone

from colorlab import bin_centers, lab_to_rgb, soft_encode
from colorlab.widgets import SoftEncodingPicker


@pytest.mark.parametrize(
    "wrong",
    [
        {"color": (1.0,)},
        {"color": (0.0, 111.0)},
        {"color": (float("nan"), 0.0)},
        {"k": 0},
        {"k": 11},
        {"sigma": 0.5},
        {"sigma": 16.0},
        {"L": 101.0},
    ],
)
def test_picker_says_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        SoftEncodingPicker(**wrong)


def test_state_is_small():
    assert len(json.dumps(dependency_state([SoftEncodingPicker()]))) < 50_000


# The figure in a page


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", text.replace("\u2212", "-"))]


def told(picker):
    """Give error, color, mean and rounding error, as the page writes them."""
    error, a, b, mean_a, mean_b, rounding = numbers(
        picker.locator(".error").inner_text()
    )
    return {
        "error": error,
        "color": (a, b),
        "mean": (mean_a, mean_b),
        "rounding": rounding,
    }


def shares(picker):
    rows = [numbers(text) for text in picker.locator(".shares li").all_inner_texts()]
    return {int(q): (a, b, weight) for q, a, b, weight in rows}


def image(picker, name="close"):
    canvas = picker.locator(f"canvas.{name}")
    return canvas.evaluate("(canvas) => canvas.toDataURL()")


def check(picker, k, sigma):
    """Compare what the page says with colorlab."""
    seen, centers = told(picker), bin_centers()
    color = torch.tensor(seen["color"])
    bins, weights = (
        part.flatten()
        for part in soft_encode(color.view(1, 2, 1, 1), centers, k, sigma)
    )
    mean = weights @ centers[bins]
    assert abs(seen["error"] - (mean - color).norm().item()) < 0.006  # two decimals
    assert abs(seen["rounding"] - (centers[bins[0]] - color).norm().item()) < 0.006
    for q, weight in zip(bins.tolist(), weights.tolist(), strict=True):
        *center, written = shares(picker)[q]
        assert center == centers[q].tolist()
        assert abs(written - weight) < 6e-4  # three decimals


@pytest.fixture
def picker_page(browser, tmp_path):
    with open_page(browser, save_page(tmp_path, SoftEncodingPicker())) as (page, bad):
        page.locator(".soft-encoding-picker").wait_for()
        yield page
        assert bad == []


@pytest.mark.browser
def test_first_view_is_the_chapters_example(picker_page):
    picker = picker_page.locator(".soft-encoding-picker")
    assert told(picker)["color"] == (23, 38)
    # the chapter's own example
    assert shares(picker)[161] == (20, 40, 0.514)
    check(picker, 5, 5.0)
    assert picker_page.locator(".tag_still").is_hidden()


NEAR_THE_CORNER = """(canvas) => {
  const at = Math.round((canvas.width * (35 + 4.3)) / 70); // 4.3 units from the center
  return [...canvas.getContext("2d").getImageData(at, at, 1, 1).data].slice(0, 3);
}"""


@pytest.mark.browser
def test_the_nearest_bins_square_is_the_whole_bin(picker_page):
    """As in the chapter's figures: `show_distribution` gives the likeliest bin all."""
    picker = picker_page.locator(".soft-encoding-picker")
    lab = torch.tensor([65.0, 20, 40]).view(3, 1, 1)
    color = (lab_to_rgb(lab) * 255).round().flatten().tolist()
    for sigma in ("1", "5", "15"):
        picker.get_by_label("Width sigma").fill(sigma)
        found = picker.locator("canvas.close").evaluate(NEAR_THE_CORNER)
        assert found == color
    picker.get_by_label("Width sigma").fill("5")
    picker.locator("canvas.close").press("Shift+ArrowRight")  # to another nearest bin
    assert picker.locator("canvas.close").evaluate(NEAR_THE_CORNER) != color


@pytest.mark.browser
def test_sliders_and_buttons(picker_page):
    picker = picker_page.locator(".soft-encoding-picker")
    before = image(picker)
    sigma = picker.get_by_label("Width sigma")
    sigma.fill("12.5")
    check(picker, 5, 12.5)
    assert image(picker) != before
    sigma.press("ArrowLeft")
    check(picker, 5, 12.25)
    picker.get_by_label("nearest bins k").press("ArrowRight")
    assert len(shares(picker)) == 6
    picker.get_by_role("button", name="code").click()
    assert len(shares(picker)) == 10
    check(picker, 10, 5.0)
    picker.get_by_role("button", name="nearest bin").click()
    assert shares(picker) == {161: (20, 40, 1.0)}
    assert told(picker)["error"] == told(picker)["rounding"] == 3.61
    picker.get_by_role("button", name="paper").click()
    assert image(picker) == before


@pytest.mark.browser
def test_dragging_by_mouse(picker_page):
    picker = picker_page.locator(".soft-encoding-picker")
    whole = picker.locator("canvas.whole")
    box = whole.bounding_box()
    scale = box["width"] / 240
    x, y = box["x"] + scale * (120 - 40), box["y"] + scale * (120 - 20)
    picker_page.mouse.move(x, y)
    assert told(picker)["color"] == (23, 38)  # hovering moves nothing
    picker_page.mouse.down()
    assert torch.dist(*map(torch.tensor, (told(picker)["color"], (-40.0, 20)))) < 1.5
    picker_page.mouse.move(x + 30 * scale, y, steps=3)
    picker_page.mouse.up()
    a, b = told(picker)["color"]
    assert abs(a + 10) < 1.5
    assert abs(b - 20) < 1.5
    check(picker, 5, 5.0)
    close = picker.locator("canvas.close")
    box = close.bounding_box()
    picker_page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    picker_page.mouse.down()
    picker_page.mouse.move(box["x"] + box["width"], box["y"] - 50, steps=3)
    rim = told(picker)["color"]  # the close-up stays, so its corner is the limit
    picker_page.mouse.up()
    assert abs(rim[0] - (-10 + 35)) < 0.2
    assert abs(rim[1] - (20 + 35)) < 0.2
    assert told(picker)["color"] == rim
    check(picker, 5, 5.0)


def outside(L, a, b):
    """How far outside 0..1 the color's RGB is."""
    lab = torch.tensor([L, a, b], dtype=torch.float64).view(3, 1, 1)
    rgb = lab_to_rgb(lab, clip=False)
    return (rgb - rgb.clamp(0, 1)).abs().max()


@pytest.mark.browser
def test_arrow_keys(picker_page):
    picker = picker_page.locator(".soft-encoding-picker")
    whole, close = picker.locator("canvas.whole"), picker.locator("canvas.close")
    whole.press("ArrowRight")
    close.press("ArrowDown")
    assert told(picker)["color"] == (24, 37)
    for _ in range(12):
        close.press("Shift+ArrowUp")
    a, b = told(picker)["color"]
    assert 37 < b < 110  # no farther than a screen's colors of L = 65
    assert outside(65, a, b) < 2e-3 < outside(65, 1.02 * a, 1.02 * b)  # one decimal
    check(picker, 5, 5.0)
    assert f"a {a:.1f}, b {b:.1f}" in whole.get_attribute("aria-label")


def touch(session, kind, x=None, y=None):
    points = [] if x is None else [{"x": x, "y": y}]
    arguments = {"type": f"touch{kind}", "touchPoints": points}
    session.send("Input.dispatchTouchEvent", arguments)


@pytest.mark.browser
def test_a_finger_on_a_phone(browser, tmp_path):
    context = browser.new_context(
        viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(save_page(tmp_path, SoftEncodingPicker()))
    picker = page.locator(".soft-encoding-picker")
    whole = picker.locator("canvas.whole")
    scale = whole.bounding_box()["width"] / 240
    whole.tap(position={"x": 120 * scale, "y": 120 * scale})
    a, b = told(picker)["color"]
    assert abs(a) < 1.5
    assert abs(b) < 1.5
    box, session = whole.bounding_box(), context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(session, "Start", x, y)
    touch(session, "Move", x + 5, y + 20)
    touch(session, "Move", x + 5, y + 50 * scale)
    touch(session, "End")
    assert page.evaluate("scrollY") == 0  # the color was dragged, not the page
    assert abs(told(picker)["color"][1] + 50) < 2
    check(picker, 5, 5.0)
    moved = told(picker)["color"]
    touch(session, "Start", box["x"] + 20, box["y"] + 200)
    touch(session, "Move", box["x"] + 20, box["y"] + 150)
    touch(session, "Move", box["x"] + 20, box["y"] + 60)
    touch(session, "End")
    assert told(picker)["color"] == moved  # away from the color, a finger scrolls
    assert page.evaluate(OVERFLOW) <= 0
    context.close()


@pytest.mark.browser
def test_paper_has_the_still_picture(picker_page):
    picker_page.emulate_media(media="print")
    assert picker_page.locator(".tag_still").is_visible()
    assert not picker_page.locator(".soft-encoding-picker").is_visible()


@pytest.mark.browser
def test_sliders_stay_in_view_with_what_they_change(browser, tmp_path):
    with open_on_phone(browser, SoftEncodingPicker(), tmp_path) as (page, picker):
        shares = picker.locator(".shares")
        shares.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        assert page.evaluate("scrollY") > 200
        for slider in picker.get_by_role("slider").all():
            assert 0 <= slider.bounding_box()["y"] < shares.bounding_box()["y"]
