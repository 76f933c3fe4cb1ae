"""The receptive field: its arithmetic against the network's gradient, and a page."""

import io
import json
import re

import pytest
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from ipywidgets.embed import dependency_state
from PIL import Image
from test_widget_pages import open_on_phone, open_widget, small_targets

from colorlab import ColorNet
from colorlab.network import layer_table
from colorlab.widgets import ReceptiveField
from colorlab.widgets.receptivefield import network_layers

NAMES = [row.name for row in layer_table(ColorNet(1))]


@pytest.fixture(scope="module")
def photo():
    ramp = Image.linear_gradient("L")  # 256 x 256, from black to white
    return ramp.crop((0, 16, 224, 240))


# Python's side


def test_layers_are_those_of_the_table():
    rows, layers = layer_table(ColorNet(2)), network_layers()
    assert [layer["name"] for layer in layers] == [row.name for row in rows]
    assert [layer["field"] for layer in layers] == [row.receptive_field for row in rows]
    assert [layer["dilation"] for layer in layers] == [row.D for row in rows]
    sides = [224 // layer["cell"] for layer in layers]
    assert sides == [row.X for row in rows]


def test_without_dilation():
    plain = network_layers(dilation=1)
    assert {layer["dilation"] for layer in plain} == {1}
    assert plain[-1]["field"] == 253  # which the chapter's exercise finds
    assert [layer["cell"] for layer in plain] == [
        layer["cell"] for layer in network_layers()
    ]


def test_photo_travels_in_gray(photo):
    widget = ReceptiveField(photo.convert("RGB"))
    sent = Image.open(io.BytesIO(widget.photo))
    assert (sent.mode, sent.size, widget.size) == ("L", (224, 224), [224, 224])
    assert abs(sent.getpixel((100, 200)) - photo.getpixel((100, 200))) <= 3  # JPEG
    assert len(json.dumps(dependency_state([widget]))) < 60_000


@pytest.mark.parametrize(
    ("size", "given", "told"),
    [
        ((220, 224), {}, "photo must"),
        ((224, 456), {}, "photo must"),
        ((224, 224), {"x": 1.1}, "x and y must"),
        ((224, 224), {"y": float("nan")}, "x and y must"),
        ((224, 224), {"layer": "conv9_1"}, "layer must"),
    ],
)
def test_impossible_arguments_are_refused(size, given, told):
    with pytest.raises(ValueError, match=f"^{told}"):
        ReceptiveField(Image.new("L", size), **given)


# The figure in a page


def told(figure):
    """Layer, side, share on the photo, other side, cells read, spanned, their width."""
    text = figure.locator(".seen").inner_text() + figure.locator(".framed").inner_text()
    text = re.sub(r"\s", " ", text)
    layer, side = re.match(r"(\w+) sees (\d+) \u00d7", text).groups()
    other = re.search(r"weights: (\d+)", text)
    read, spanned = re.search(r"(\d+) of the (\d+) cells", text).groups()
    share, width = (
        re.search(p, text).group(1) for p in (r"(\d+) % of them", r"A cell is (\d+)")
    )
    numbers = [side, share, other.group(1) if other else 0, read, spanned, width]
    return layer, *map(int, numbers)


def place(figure):
    label = figure.locator("canvas.whole").get_attribute("aria-label")
    return tuple(map(int, re.search(r"column (\d+) of \d+, row (\d+)", label).groups()))


def image(figure, name):
    canvas = figure.locator(f"canvas.{name}")
    return canvas.evaluate("(canvas) => canvas.toDataURL()")


def choose(figure, layer):
    figure.get_by_label("Layer", exact=True).fill(str(NAMES.index(layer)))


@pytest.mark.browser
def test_first_view(browser, tmp_path, photo):
    with open_widget(browser, ReceptiveField(photo), tmp_path) as (page, figure):
        assert told(figure) == ("conv4_3", 85, 100, 0, 9, 9, 8)
        assert place(figure) == (29, 29)
        assert "7,225 pixels" in figure.inner_text()
        assert page.locator(".tag_still.replaced").count() == 1
        assert small_targets(figure) == []


@pytest.mark.browser
def test_the_photo_is_drawn_and_the_field_is_lit(browser, tmp_path, photo):
    gray = """(canvas, [x, y]) => {
      const scale = canvas.width / 360, at = [x + 68, y + 68].map((v) => v * scale);
      return canvas.getContext("2d").getImageData(...at, 1, 1).data[0];
    }"""
    with open_widget(browser, ReceptiveField(photo), tmp_path) as (page, figure):
        whole = figure.locator("canvas.whole")
        near = f"([at, place, level]) => Math.abs(({gray})(at, place) - level) <= 4"
        for x, y, factor in ((100, 100, 1), (20, 100, 0.5), (100, 200, 0.5)):
            level = factor * photo.getpixel((x, y))  # but for JPEG and rounding
            page.wait_for_function(near, arg=[whole.element_handle(), [x, y], level])
        choose(figure, "conv5_3")
        assert abs(whole.evaluate(gray, [30, 100]) - photo.getpixel((30, 100))) <= 4


@pytest.mark.browser
def test_layers_dilation_and_frames(browser, tmp_path, photo):
    with open_widget(browser, ReceptiveField(photo), tmp_path) as (_, figure):
        before = image(figure, "whole"), image(figure, "close")
        slider = figure.get_by_label("Layer", exact=True)
        slider.press("ArrowRight")
        assert told(figure) == ("conv5_1", 117, 100, 101, 9, 25, 8)
        assert slider.get_attribute("aria-valuetext") == "conv5_1"
        assert (image(figure, "whole"), image(figure, "close")) != before
        choose(figure, "conv6_3")
        figure.get_by_role("button", name="its block").click()
        assert told(figure) == ("conv6_3", 277, 65, 181, 49, 169, 8)
        figure.get_by_role("button", name="since").click()
        assert told(figure) == ("conv6_3", 277, 65, 181, 169, 625, 8)
        dilated = image(figure, "close")
        figure.get_by_role("button", name="dilation 1").click()
        assert told(figure) == ("conv6_3", 181, 100, 277, 169, 169, 8)
        assert image(figure, "close") != dilated
        figure.get_by_role("button", name="dilation 2").click()
        assert image(figure, "close") == dilated
        choose(figure, "conv7_3")
        assert told(figure)[4:6] == (961, 961)
        choose(figure, "output")
        assert told(figure)[1] == 349


@pytest.mark.browser
def test_picking_by_mouse_and_keys(browser, tmp_path, photo):
    with open_widget(browser, ReceptiveField(photo), tmp_path) as (page, figure):
        whole = figure.locator("canvas.whole")
        box = whole.bounding_box()
        scale = box["width"] / 360
        whole.click(position={"x": scale * (68 + 6), "y": scale * (68 + 14)})
        assert place(figure) == (2, 4)
        assert told(figure)[2] < 50  # near a corner, most is padding
        whole.press("ArrowRight")
        whole.press("ArrowDown")
        assert place(figure) == (3, 5)
        whole.press("Shift+ArrowUp")
        assert place(figure) == (3, 1)  # no farther
        x, y = box["x"] + scale * 182, box["y"] + scale * 182
        page.mouse.move(x, y)
        assert place(figure) == (3, 1)  # hovering moves nothing
        page.mouse.down()
        page.mouse.move(x + scale * 20, y, steps=3)
        page.mouse.up()
        assert place(figure) == (34, 29)  # pixel 134 is in the 34th cell


@pytest.mark.browser
def test_picking_on_a_phone(browser, tmp_path, photo):
    with open_on_phone(browser, ReceptiveField(photo), tmp_path) as (page, figure):
        whole = figure.locator("canvas.whole")
        width = whole.bounding_box()["width"]
        whole.tap(position={"x": width - 2, "y": width - 2})
        assert place(figure) == (56, 56)
        assert small_targets(figure) == []
        # The layer's slider is seen together with the close-up that it changes.
        close = figure.locator("canvas.close")
        close.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        assert page.evaluate("scrollY") > 100
        slider = figure.get_by_role("slider").bounding_box()
        assert 0 <= slider["y"] < close.bounding_box()["y"]
