"""What layers answer: the sheets against the network's own blocks, and a page."""

import io
import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from playwright.sync_api import expect
from test_widget_pages import open_on_phone, open_widget, small_targets, swipe

from colorlab import ColorNet, load_pretrained
from colorlab.lab import rgb_to_lab
from colorlab.network import layer_table
from colorlab.widgets import LayerMaps
from colorlab.widgets.layermaps import (
    ACROSS,
    SHOWN,
    SIDE,
    _answers,
    read_layers,
    unlike,
)

MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def photos():
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (2, 9, 9, 3), dtype=np.uint8)
    return [Image.fromarray(each).resize((SIDE, SIDE)) for each in pixels]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return ColorNet(width=4).eval()


@pytest.fixture
def layer_maps(network, photos):
    return LayerMaps(network, dict(zip(("one", "two"), photos, strict=True)))


@pytest.fixture(scope="module")
def answers(network, photos):
    """Give each block's answers before its batch norm."""
    rgb = torch.stack([torch.from_numpy(np.array(p)).permute(2, 0, 1) for p in photos])
    x, found = (rgb_to_lab(rgb)[:, :1] - 50) / 100, []
    with torch.inference_mode():
        for block in list(network.children())[: len(SHOWN)]:
            ends_in_norm = isinstance(block[-1], torch.nn.BatchNorm2d)
            found.append((block[:-1] if ends_in_norm else block)(x))
            x = block(x)
    return found


# Python's side


def test_maps_are_the_blocks_own(network, photos, answers):
    layers, sheets = read_layers(network, photos)
    for layer, sheet, expected in zip(layers, sheets, answers, strict=True):
        side = layer["side"]
        for photo in range(2):
            for tile, channel in enumerate(layer["shown"]):
                row, column = side * (tile // ACROSS), side * (tile % ACROSS)
                found = sheet[photo, row : row + side, column : column + side]
                most = expected[:, channel].max()
                assert most == 0 or found.max() <= 255
                share = 255 * expected[photo, channel] / most.clamp(min=1e-6)
                assert (found - share).abs().max() < 0.51  # rounding


def test_layers_are_those_of_the_table(network, photos):
    layers, _ = read_layers(network, photos)
    table = {row.name: row for row in layer_table(network, SIDE)}
    for layer in layers:
        row = table[layer["name"]]
        assert (layer["side"], layer["channels"]) == (row.X, row.C)
        assert layer["field"] == row.receptive_field
        assert layer["cell"] * layer["side"] == SIDE


def test_channels_that_say_the_same_are_shown_once():
    values = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    values = torch.cat([3 * values, -2.9 * values, 2.8 * values + 1])
    assert sorted(channel % 4 for channel in unlike(values, 4)) == [0, 1, 2, 3]
    assert len(set(unlike(values, 12))) == 12  # each is chosen once


def test_sheets_travel_without_a_loss(layer_maps, network, photos):
    _, sheets = read_layers(network, photos)
    starts = np.cumsum([0, *layer_maps.lengths])
    files = [
        layer_maps.pixels[start:end]
        for start, end in zip(starts, starts[1:], strict=False)
    ]
    expected = [sheet for layer in sheets for sheet in layer]
    for file, sheet in zip(files[2:], expected, strict=True):
        sent = Image.open(io.BytesIO(file))
        assert sent.mode == "L"
        assert (np.array(sent) == sheet.numpy()).all()


def test_it_begins_where_the_first_channel_answers(layer_maps, network, photos):
    layers, sheets = read_layers(network, photos)
    side = layers[0]["side"]
    column, row = (int(side * share) for share in layer_maps.spot)
    assert sheets[0][0, row, column] == sheets[0][0, :side, :side].max() > 0


def test_the_shipped_networks_maps_are_light(photos):
    maps = LayerMaps(load_pretrained("flagship"), {"one": photos[0], "two": photos[1]})
    size = len(maps.pixels) * 4 / 3 + len(maps._esm) + len(maps._css)
    assert size < MOST_BYTES


def test_a_photo_is_needed(network):
    with pytest.raises(ValueError, match="^photos must"):
        LayerMaps(network, {})


# The figure in a page


def told(figure):
    """Row, column, channel and percent, as the page writes them."""
    expect(figure).not_to_have_attribute("aria-busy", "true")
    pattern = r"Row (\d+), column (\d+), channel (\d+): (\d+)\s%"
    numbers = re.match(pattern, figure.locator(".told").inner_text()).groups()
    row, column, channel, percent = map(int, numbers)
    return row - 1, column - 1, channel, percent


def check(figure, expected, photo):
    """Compare the answer with that of Python; gives the place."""
    row, column, channel, percent = told(figure)
    share = expected[photo, channel, row, column] / expected[:, channel].max()
    assert abs(percent - 100 * share) < 0.8  # a byte, and percent
    return row, column


@pytest.mark.browser
def test_layers_and_photos(browser, tmp_path, layer_maps, answers):
    with open_widget(browser, layer_maps, tmp_path) as (page, figure):
        assert page.locator(".tag_still.replaced").count() == 1
        slider = figure.get_by_label("Layer", exact=True)
        for layer, expected in enumerate(answers):
            slider.fill(str(layer))
            for photo, name in enumerate(("one", "two")):
                figure.get_by_label("Photo", exact=True).select_option(name)
                check(figure, expected, photo)
        assert slider.get_attribute("aria-valuetext") == "conv8_3"
        assert small_targets(figure) == []


@pytest.mark.browser
def test_picking_by_mouse_and_keys(browser, tmp_path, layer_maps, answers):
    with open_widget(browser, layer_maps, tmp_path) as (page, figure):
        layer = layer_maps.layers[2]  # conv3_3: 16 by 16 cells
        figure.get_by_label("Layer", exact=True).fill("2")
        sheet = figure.locator("canvas.sheet")
        box = sheet.bounding_box()
        sheet.click(position={"x": 0.26 * box["width"], "y": 2})
        assert told(figure)[:3] == (0, 0, layer["shown"][1])
        sheet.press("ArrowLeft")  # to the map before
        assert told(figure)[:3] == (0, 15, layer["shown"][0])
        sheet.press("ArrowLeft")
        sheet.press("ArrowUp")  # no farther
        sheet.press("Shift+ArrowDown")
        assert told(figure)[:3] == (0, 14, layer["shown"][4])
        photo = figure.locator("canvas").first
        box = photo.bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        assert told(figure)[:2] == (0, 14)  # hovering moves nothing
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40, steps=3)
        page.mouse.up()
        _, column = check(figure, answers[2], 0)
        assert column == 15


@pytest.mark.browser
def test_on_a_phone(browser, tmp_path, layer_maps):
    with open_on_phone(browser, layer_maps, tmp_path) as (page, figure):
        figure.get_by_label("Layer", exact=True).fill("3")
        box = figure.locator("canvas.sheet").bounding_box()
        middle = box["y"] + box["height"] / 2
        page.touchscreen.tap(box["x"] + 0.9 * box["width"], middle)
        assert told(figure)[2] == layer_maps.layers[3]["shown"][7]
        places = (0.85, 0.8, 0.4)
        swipe(page, *((box["x"] + x * box["width"], middle) for x in places))
        assert told(figure)[2] == layer_maps.layers[3]["shown"][5]
        assert small_targets(figure) == []
        # The slider is seen together with the maps that it changes.
        told_at = figure.locator(".told")
        told_at.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        slider = figure.get_by_role("slider").bounding_box()
        assert 0 <= slider["y"] < told_at.bounding_box()["y"]


def test_no_hook_stays_where_a_network_refuses():
    model = load_pretrained("tiny")
    with pytest.raises(ValueError, match="multiples of 8"):
        _answers(model, torch.zeros(1, 1, 63, 63))
    assert not any(module._forward_hooks for module in model.modules())
