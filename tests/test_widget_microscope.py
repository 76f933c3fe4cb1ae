"""The convolution microscope: what it says against conv2d, and a page of it."""

import re

import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from playwright.sync_api import expect
from test_widget_pages import open_on_phone, open_widget, small_targets, swipe
from torch.nn.functional import conv2d

from colorlab import ColorNet
from colorlab.lab import rgb_to_lab
from colorlab.widgets import Microscope
from colorlab.widgets.microscope import RIGHT_MINUS_LEFT, SIDE, read_pixels

ROOM = 3  # pixels around the photo
WHOLE = SIDE + 2 * ROOM
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def photo():
    """Paint a photo of 48 by 48 pixels in which no two rows or columns are alike."""
    chance = torch.randint(0, 256, (SIDE, SIDE), generator=torch.Generator())
    return Image.fromarray(chance.byte().numpy())


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    return ColorNet(width=4).eval()


@pytest.fixture
def microscope(network, photo):
    ramp = Image.linear_gradient("L").resize((90, 60))
    return Microscope(network, {"noise": photo, "ramp": ramp})


def convolved(photo, kernel, bias=0.0, **steps):
    x = read_pixels(photo).double()[None, None] / 100
    weight = torch.tensor(kernel, dtype=torch.float64).view(1, 1, 3, 3)
    return conv2d(x, weight, torch.tensor([bias], dtype=torch.float64), **steps)[0, 0]


# Python's side


def test_pixels_are_lightness_around_the_middle(photo):
    L = rgb_to_lab(torch.tensor(list(photo.tobytes())).byte().expand(3, -1)[..., None])
    expected = (L[0, :, 0] - 50).round().view(SIDE, SIDE)
    assert (read_pixels(photo) == expected).all()


def test_a_photo_is_cut_to_a_square():
    wide = Image.new("L", (300, 100), 255)
    wide.paste(0, (0, 0, 100, 100))  # beside the middle
    assert (read_pixels(wide) == 50).all()


def test_the_first_layer_travels_as_it_is(microscope, network):
    layer = network.conv1[0]
    for name, sent in (("weight", microscope.kernels), ("bias", microscope.biases)):
        assert sent == getattr(layer, name).detach().numpy().tobytes()


def test_a_microscope_is_light(microscope):
    data = microscope.pixels + microscope.kernels + microscope.biases
    assert len(data) * 4 / 3 + len(microscope._esm) + len(microscope._css) < MOST_BYTES


@pytest.mark.parametrize(
    ("photos", "given", "told"),
    [
        ({}, {}, "photos must"),
        ({"one": 1}, {"kernel": (1.0,)}, "kernel must"),
        ({"one": 1}, {"kernel": (float("nan"),) * 9}, "kernel must"),
        ({"one": 1}, {"x": 1.1}, "x and y must"),
    ],
)
def test_impossible_arguments_are_refused(network, photos, given, told):
    photos = {name: Image.new("L", (9, 9)) for name in photos}
    with pytest.raises(ValueError, match=f"^{told}"):
        Microscope(network, photos, **given)


# The figure in a page


def told(figure):
    """Row, column and answer, as the page writes them."""
    text = figure.locator(".told").inner_text().replace("\u2212", "-")
    row, column, answer = re.match(
        r"Row (\d+), column (\d+): (-?[\d.]+?)\. ", text
    ).groups()
    return int(row) - 1, int(column) - 1, float(answer)


def check(figure, expected):
    """Compare the answer with the map of Python; gives the place."""
    row, column, answer = told(figure)
    assert abs(answer - expected[row, column].item()) < 6e-4  # three decimals
    size = "\u00d7".join(f" {side} " for side in expected.shape).strip()
    assert f"its map, {size}" in figure.inner_text()
    return row, column


def point(canvas, column, row):
    """Where on the page a cell is."""
    box = canvas.bounding_box()
    at = [(place + ROOM + 0.5) / WHOLE * box["width"] for place in (column, row)]
    return box["x"] + at[0], box["y"] + at[1]


def press_one_of(figure, group, name):
    row = figure.get_by_role("group", name=group, exact=True)
    row.get_by_role("button", name=name, exact=True).click()


@pytest.mark.browser
def test_pixels_products_and_their_sum(browser, tmp_path, microscope, photo):
    with open_widget(browser, microscope, tmp_path) as (page, figure):
        assert page.locator(".tag_still.replaced").count() == 1
        expected = convolved(photo, RIGHT_MINUS_LEFT, padding=1)
        assert check(figure, expected) == (24, 24)
        minus = ("\u2212", "-")
        seen = [
            float(text.replace(*minus))
            for text in figure.locator(".pixel").all_inner_texts()
        ]
        window = read_pixels(photo)[23:26, 23:26].double() / 100
        assert seen == window.flatten().tolist()
        products = [
            float(text.removeprefix("= ").replace(*minus))
            for text in figure.locator(".product").all_inner_texts()
        ]
        assert sum(products) == pytest.approx(expected[24, 24].item())
        assert small_targets(figure) == []


@pytest.mark.browser
def test_hovering_shows_and_a_click_holds(browser, tmp_path, microscope, photo):
    with open_widget(browser, microscope, tmp_path, width=1280) as (page, figure):
        output, picture = (
            figure.locator("canvas").nth(1),
            figure.locator("canvas").first,
        )
        page.mouse.move(*point(output, 5, 7))
        assert told(figure)[:2] == (7, 5)
        page.mouse.move(*point(picture, 30, 40))  # the window around this pixel
        assert told(figure)[:2] == (40, 30)
        page.mouse.move(5, 5)
        assert told(figure)[:2] == (24, 24)
        page.mouse.move(*point(output, 5, 7))
        page.mouse.down()
        page.mouse.up()
        page.mouse.move(5, 5)
        assert check(figure, convolved(photo, RIGHT_MINUS_LEFT, padding=1)) == (7, 5)


@pytest.mark.browser
def test_stride_dilation_padding_and_weights(browser, tmp_path, microscope, photo):
    with open_widget(browser, microscope, tmp_path) as (_, figure):
        figure.get_by_role("button", name="Laplacian").click()
        kernel = [0, 1, 0, 1, -4, 1, 0, 1, 0]
        for stride, dilation, padding in ((2, 1, 0), (1, 3, 3), (3, 2, 1)):
            steps = {"stride": stride, "dilation": dilation, "padding": padding}
            for name, value in steps.items():
                press_one_of(figure, name, str(value))
            check(figure, convolved(photo, kernel, **steps))
        figure.get_by_label("Weight in row 2, column 2").fill("0.25")
        figure.get_by_label("Bias").fill("-0.5")
        kernel[4] = 0.25
        check(figure, convolved(photo, kernel, -0.5, **steps))
        figure.get_by_role("button", name="then ReLU").click()
        check(figure, convolved(photo, kernel, -0.5, **steps).relu())


@pytest.mark.browser
def test_by_keys(browser, tmp_path, microscope, photo):
    with open_widget(browser, microscope, tmp_path) as (_, figure):
        output = figure.locator("canvas.output")
        output.press("ArrowRight")
        output.press("Shift+ArrowUp")
        assert told(figure)[:2] == (14, 25)
        for _ in range(4):
            output.press("Shift+ArrowLeft")
        assert told(figure)[:2] == (14, 0)  # no farther
        assert "3 of the nine are zeros of the padding" in figure.inner_text()
        weight = figure.get_by_label("Weight in row 1, column 3")
        weight.press("ArrowDown")
        weight.press("Shift+ArrowUp")
        kernel = [*RIGHT_MINUS_LEFT]
        kernel[2] = 0.1
        check(figure, convolved(photo, kernel, padding=1))


@pytest.mark.browser
def test_the_networks_own_first_layer(browser, tmp_path, microscope, network, photo):
    with torch.inference_mode():
        x = read_pixels(photo).float()[None, None] / 100
        responses = network.conv1[:2](x)[0]  # convolution and ReLU
    with open_widget(browser, microscope, tmp_path) as (_, figure):
        choice = figure.get_by_label("Channel of the network's first layer")
        for channel in range(4):
            choice.select_option(str(channel + 1))
            check(figure, responses[channel])
        figure.get_by_role("button", name="blur").click()
        assert choice.input_value() == "0"


CUT = "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth).map(n => n.value)"


@pytest.mark.browser
def test_weights_of_the_network_are_whole_on_a_phone(
    browser, tmp_path, microscope, network
):
    weight = network.conv1[0].weight
    assert weight.min() < -0.3  # as wide as any: a minus and four digits
    with open_on_phone(browser, microscope, tmp_path) as (_, figure):
        choice = figure.get_by_label("Channel of the network's first layer")
        for channel in range(4):
            choice.select_option(str(channel + 1))
            fields = figure.locator(".factors input")
            assert fields.count() == 9
            assert fields.evaluate_all(CUT) == []


LEVELS = """(canvas) => {
  const { width, height } = canvas;
  const gray = (x, y) => canvas.getContext("2d").getImageData(
    ((x + 3.5) / 54) * width, ((y + 3.5) / 54) * height, 1, 1).data[0];
  return [gray(1, 1), gray(46, 46)];
}"""


@pytest.mark.browser
def test_larger_is_drawn_brighter(browser, tmp_path, microscope):
    with open_widget(browser, microscope, tmp_path) as (_, figure):
        figure.get_by_label("Photo", exact=True).select_option("ramp")  # dark above
        output = figure.locator("canvas.output")
        figure.get_by_role("button", name="identity").click()
        above, below = output.evaluate(LEVELS)
        assert above < 40 < 215 < below
        figure.get_by_label("Weight in row 2, column 2").fill("-1")
        above, below = output.evaluate(LEVELS)
        assert below < 40 < 215 < above


@pytest.mark.browser
def test_the_window_slides_over_the_photo(browser, tmp_path, microscope):
    with open_widget(browser, microscope, tmp_path) as (_, figure):
        slide = figure.get_by_role("button", name="slide")
        slide.click()
        expect(slide).to_have_attribute("aria-pressed", "true")
        expect(slide).to_have_attribute("aria-pressed", "false")  # at its end
        assert told(figure)[:2] == (24, 24)  # where it was


@pytest.mark.browser
def test_on_a_phone(browser, tmp_path, microscope, photo):
    with open_on_phone(browser, microscope, tmp_path) as (page, figure):
        output = figure.locator("canvas.output")
        output.scroll_into_view_if_needed()
        # The text says: left the photo, right what the kernel makes of it.
        photo, made = (node.bounding_box() for node in figure.locator(".plane").all())
        assert photo["y"] == made["y"]
        assert photo["x"] + photo["width"] <= made["x"]
        page.touchscreen.tap(*point(output, 10, 30))
        row, column, _ = told(figure)
        assert abs(row - 30) <= 1
        assert abs(column - 10) <= 1
        swipe(page, point(output, 20, 20), point(output, 25, 20), point(output, 40, 20))
        assert abs(told(figure)[1] - 40) <= 1
        assert small_targets(figure) == []
        # The map is seen together with the last control that changes it.
        last = figure.get_by_role("button", name="slide")
        last.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        assert page.evaluate("scrollY") > 50
        box = output.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] < last.bounding_box()["y"]
