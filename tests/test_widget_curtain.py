"""The curtain: what travels, its arguments, and the curtain drawn."""

import io
import re

import numpy as np
import pytest
from browser_fixtures import fixture_browser  # noqa: F401
from PIL import Image
from test_widget_pages import (
    PAUSE,
    open_on_phone,
    open_widget,
    screenshot,
    small_targets,
    swipe,
)
from traitlets import TraitError

from colorlab.weights import ASSETS
from colorlab.widgets import Curtain
from colorlab.widgets.curtain import (
    GLOSSES,
    LARGEST_PICTURE,
    LARGEST_SUM,
    pack_pictures,
)

PLAIN = {"red": (200, 40, 40), "green": (40, 160, 40), "blue": (40, 40, 200)}


@pytest.fixture
def pictures():
    return {name: Image.new("RGB", (300, 200), color) for name, color in PLAIN.items()}


def noise(size, seed):
    chance = np.random.default_rng(seed)
    return Image.fromarray(chance.integers(0, 256, (*size, 3), dtype=np.uint8))


def test_pictures_travel_as_they_are(pictures):
    widget = Curtain(pictures)
    assert (widget.names, widget.size) == (list(PLAIN), [300, 200])
    assert (widget.left, widget.right) == ("red", "blue")
    files, at = [], 0
    for length in widget.lengths:
        files.append(Image.open(io.BytesIO(widget.pixels[at : at + length])))
        at += length
    assert at == len(widget.pixels)
    for file, color in zip(files, PLAIN.values(), strict=True):
        assert (file.format, file.size) == ("JPEG", (300, 200))
        assert np.abs(np.array(file) - np.array(color)).max() <= 3  # of JPEG


@pytest.mark.parametrize("number", [2, 6])
def test_heavy_pictures_are_shrunk_alike(number):
    size, files = pack_pictures([noise((600, 900), seed) for seed in range(number)])
    assert {Image.open(io.BytesIO(file)).size for file in files} == {size}
    assert abs(size[0] / size[1] - 1.5) < 0.02  # whole pixels
    lengths = [len(file) for file in files]
    assert max(lengths) <= LARGEST_PICTURE
    assert sum(lengths) <= LARGEST_SUM
    bound = LARGEST_PICTURE if number == 2 else LARGEST_SUM / number
    assert max(lengths) > 0.7 * bound  # no smaller than need be: 0.81 and less a step


def test_names_of_networks_are_explained(pictures):
    named = dict(zip(("l2", "mine", "true"), pictures.values(), strict=True))
    widget = Curtain(named, left="l2", right="true")
    assert widget.names == ["l2: regression", "mine", "true: the photo"]
    assert (widget.left, widget.right) == ("l2: regression", "true: the photo")
    networks = {path.stem for path in ASSETS.glob("*.safetensors")}
    assert set(GLOSSES) - {"true"} <= networks


def test_other_modes_become_rgb():
    gray = Image.new("L", (20, 10), 128)
    _, files = pack_pictures([gray, gray.convert("RGBA")])
    assert {Image.open(io.BytesIO(file)).mode for file in files} == {"RGB"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pictures": {}}, "2 to 8"),
        ({"left": "violet"}, "left and right .*violet"),
        ({"left": "red", "right": "red"}, "left and right"),
        ({"pictures": {"one": {}, "two": {}}}, "2 to 8"),
    ],
)
def test_impossible_arguments_are_refused(pictures, given, told):
    with pytest.raises(ValueError, match=told):
        Curtain(**({"pictures": pictures} | given))


def test_photos_travel_one_after_the_other(pictures):
    turned = dict(zip(pictures, [*pictures.values()][::-1], strict=True))
    widget = Curtain({"one": pictures, "two": turned})
    assert (widget.photos, widget.photo, widget.names) == (["one", "two"], 0, [*PLAIN])
    assert len(widget.lengths) == 6
    assert Curtain(pictures).photos == []
    with pytest.raises(TraitError, match="photo must be below 2, got 2"):
        widget.photo = 2


def test_photos_of_other_names_are_refused(pictures):
    fewer = {name: pictures[name] for name in ("red", "green")}
    for given in ({"one": pictures, "two": fewer}, {"one": pictures, **fewer}):
        with pytest.raises(ValueError, match="photos must have the same names"):
            Curtain(given)


def test_pictures_of_two_sizes_are_refused(pictures):
    pictures["green"] = pictures["green"].resize((200, 300))
    with pytest.raises(ValueError, match="one size"):
        Curtain(pictures)


def seen(figure, path):
    """Name the colors at 2, 10, 20 .. 90, 98 % of the picture's width."""
    image = screenshot(figure.locator(".stage"), path / "stage.png")
    names = ""
    for percent in (2, *range(10, 100, 10), 98):
        x = round(percent / 100 * image.width)
        pixel = np.array(image.getpixel((x, image.height - 10)), dtype=int)
        distances = {n: np.abs(pixel - c).max() for n, c in PLAIN.items()}
        nearest = min(distances, key=distances.get)
        names += nearest[0] if distances[nearest] < 12 else "."
    return names


def settle(figure):
    """Wait for the pictures to be decoded."""
    figure.locator("img").evaluate_all(
        "(images) => Promise.all(images.map((image) => image.decode()))"
    )


@pytest.mark.browser
def test_curtain_by_mouse(browser, tmp_path, pictures):
    with open_widget(browser, Curtain(pictures), tmp_path) as (page, figure):
        settle(figure)
        assert seen(figure, tmp_path) == "rrrrr.bbbbb"
        box = figure.locator(".stage").bounding_box()
        page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
        assert seen(figure, tmp_path) == "rrrrr.bbbbb"  # only when pressed
        page.mouse.down()
        assert seen(figure, tmp_path) == "rrrbbbbbbbb"
        page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 90)
        assert seen(figure, tmp_path) == "rrrrrrrrbbb"
        page.mouse.move(box["x"] - 50, box["y"] + 90)
        assert seen(figure, tmp_path)[1:] == "bbbbbbbbbb"
        page.mouse.up()
        assert small_targets(figure) == []


@pytest.mark.browser
def test_curtain_by_keyboard(browser, tmp_path, pictures):
    with open_widget(browser, Curtain(pictures), tmp_path) as (_, figure):
        rail = figure.get_by_role("slider", name="Curtain")
        rail.press("ArrowRight")
        rail.press("ArrowUp")
        rail.press("Shift+ArrowLeft")
        assert rail.get_attribute("aria-valuetext") == "44 % red, 56 % blue"
        rail.press("Home")
        assert seen(figure, tmp_path)[1:] == "bbbbbbbbbb"
        rail.press("End")
        rail.press("ArrowRight")
        assert rail.get_attribute("aria-valuenow") == "100"


@pytest.mark.browser
def test_choose_what_is_compared(browser, tmp_path, pictures):
    with open_widget(browser, Curtain(pictures), tmp_path) as (_, figure):
        figure.get_by_label("Coloring on the left").select_option("green")
        settle(figure)
        assert seen(figure, tmp_path) == "ggggg.bbbbb"
        assert [tag.split()[-1] for tag in tags(figure)] == ["green", "\u25b6"]
        figure.get_by_label("Coloring on the left").select_option("blue")
        settle(figure)
        assert seen(figure, tmp_path) == "bbbbb.ggggg"  # they change places
        figure.get_by_role("button", name="swap").click()
        settle(figure)
        assert seen(figure, tmp_path) == "ggggg.bbbbb"
        assert "green" in figure.locator("img").nth(1).get_attribute("alt")


@pytest.mark.browser
def test_choose_a_photo(browser, tmp_path, pictures):
    turned = dict(zip(pictures, [*pictures.values()][::-1], strict=True))
    widget = Curtain({"one": pictures, "two": turned})
    with open_widget(browser, widget, tmp_path) as (_, figure):
        settle(figure)
        assert seen(figure, tmp_path) == "rrrrr.bbbbb"
        figure.get_by_label("Photo", exact=True).first.select_option("two")
        settle(figure)
        assert seen(figure, tmp_path) == "bbbbb.rrrrr"


def tags(figure):
    return [figure.locator(f".{kind} .tag").inner_text() for kind in ("over", "under")]


@pytest.mark.browser
def test_curtain_by_touch(browser, tmp_path, pictures):
    with open_on_phone(browser, Curtain(pictures), tmp_path) as (page, figure):
        settle(figure)
        box = figure.locator(".stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + 60
        swipe(page, (x, y), (x + 40, y), (x + 0.25 * box["width"], y))
        assert seen(figure, tmp_path) == "rrrrrrrrbbb"


@pytest.mark.browser
def test_on_a_phone_each_name_fits_its_half(browser, tmp_path, pictures):
    long = {f"the longest {n} of all: explained": pictures[n] for n in pictures}
    with open_on_phone(browser, Curtain(long), tmp_path) as (_, figure):
        settle(figure)
        stage = figure.locator(".stage").bounding_box()
        middle = stage["x"] + stage["width"] / 2
        left, right = (figure.locator(f".{kind} .tag") for kind in ("over", "under"))
        assert re.fullmatch(r"\u25c0\xa0the longest \w+ of all", left.inner_text())
        chosen = figure.get_by_label("Coloring on the left").locator(":checked")
        assert chosen.text_content().endswith(": explained")
        lefts = {s.bounding_box()["x"] for s in figure.locator("select").all()}
        assert len(lefts) == 1  # one below the other
        box = left.bounding_box()
        assert stage["x"] <= box["x"] < box["x"] + box["width"] <= middle
        box = right.bounding_box()
        assert middle <= box["x"] < box["x"] + box["width"]
        assert box["x"] + box["width"] <= stage["x"] + stage["width"]


@pytest.mark.browser
def test_scrolling_past_leaves_the_curtain(browser, tmp_path, pictures):
    with open_on_phone(browser, Curtain(pictures), tmp_path) as (page, figure):
        settle(figure)
        rail = figure.get_by_role("slider")
        box = figure.locator(".stage").bounding_box()
        x, y = box["x"] + 0.1 * box["width"], box["y"] + 60
        swipe(page, (x, y), (x + 2, y - 20), (x + 4, y - 40))
        assert rail.get_attribute("aria-valuenow") == "50"
        page.touchscreen.tap(x, y)
        assert rail.get_attribute("aria-valuenow") == "10"
        # Drawn sideways, the curtain comes along from anywhere.
        points = [(x + share * box["width"], y) for share in (0.3, 0.4, 0.5, 0.7)]
        swipe(page, *points)
        assert rail.get_attribute("aria-valuenow") == "80"
        page.wait_for_timeout(PAUSE)
        page.touchscreen.tap(x, y)
        assert rail.get_attribute("aria-valuenow") == "10"
