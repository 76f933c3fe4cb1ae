"""The temperature explorer's inspector and map of uncertainty, against colorlab."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from test_widget_pages import (
    PAUSE,
    open_on_phone,
    open_widget,
    small_targets,
    swipe,
)

from colorlab import ColorNet, annealed_mean, bin_centers, geometric_median, mode
from colorlab.network import STRIDE
from colorlab.widgets import TemperatureExplorer
from colorlab.widgets.temperature import pack_photo

MOST = np.log(313)  # nats: all bins alike


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    model = ColorNet(width=4).eval()
    model.output.weight.data *= 300  # surer than a network is at first
    return model


@pytest.fixture(scope="module")
def photo():
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((9 * STRIDE, 6 * STRIDE))


@pytest.fixture
def explorer(network, photo):
    photos = [("noise", photo, 0.5, 0.5), ("turned", photo.rotate(180), 0.2, 0.2)]
    return TemperatureExplorer(network, photos, size=6 * STRIDE)


def what_the_page_has(network, photo):
    """Logits (1, 313, rows, columns) and true ab (rows, columns, 2), from the bytes."""
    layout, blob = pack_photo(network, photo, 6 * STRIDE)
    rows, columns, F = layout["rows"], layout["columns"], len(layout["scale"])
    packed = np.frombuffer(blob, dtype=np.uint8)[layout["height"] * layout["width"] :]
    truth = torch.from_numpy(packed[: 2 * rows * columns].copy().view(np.int8))
    features = torch.from_numpy(packed[2 * rows * columns :].copy())
    features = features.view(1, F, rows, columns) * torch.tensor(layout["scale"]).view(
        1, F, 1, 1
    )
    with torch.inference_mode():
        return network.output(features), truth.view(rows, columns, 2)


def entropy(logits, T):
    """Give the entropy of each cell in nats, (rows, columns)."""
    p = (logits.double() / T).softmax(1)
    return torch.special.entr(p).sum(1)[0]


# The figure in a page

SHADES = """(canvas, [rows, columns]) => {
  const context = canvas.getContext("2d"), { width, height } = canvas;
  return Array.from({ length: rows * columns }, (_, cell) => {
    const x = (((cell % columns) + 0.5) * width) / columns;
    const y = ((Math.floor(cell / columns) + 0.5) * height) / rows;
    return [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
  });
}"""


def plain(text):
    return text.replace("\u2212", "-").replace("\u00a0", " ")


def told(figure):
    """Column, row (from 1) and entropy of the point."""
    text = plain(figure.locator(".readout").inner_text())
    column, row = re.search(r"Column (\d+) of \d+, row (\d+)", text).groups()
    return int(column), int(row), float(re.search(r"entropy (\S+) nats", text)[1])


def marks(figure):
    """Colors by name, and how far each is from the truth."""
    found = {}
    for entry in figure.locator(".marks tr").all_inner_texts():
        name, a, b, far = re.match(
            r"([a-z ]+?)\s*a (-?\d+), b (-?\d+)(?:; off by (\d+))?",
            plain(entry).strip(),
        ).groups()
        found[name] = (int(a), int(b)), far and int(far)
    return found


@pytest.mark.browser
def test_marks_are_colorlabs_colors(browser, tmp_path, explorer, network, photo):
    logits, truth = what_the_page_has(network, photo)
    centers = bin_centers()
    with open_widget(browser, explorer, tmp_path) as (_, figure):
        figure.get_by_label("Temperature T").fill("0.5")
        column, row, nats = told(figure)
        cell = (slice(None), row - 1, column - 1)
        true = truth[row - 1, column - 1].float()
        expected = {
            "mean": annealed_mean(logits, centers, 1)[0][cell],
            "median": geometric_median(logits, centers)[0][cell],
            "annealed mean": annealed_mean(logits, centers, 0.5)[0][cell],
            "mode": mode(logits, centers)[0][cell],
            "truth": true,
        }
        assert list(marks(figure)) == list(expected)
        for name, ab in expected.items():
            color, far = marks(figure)[name]
            assert (torch.tensor(color) - ab).abs().max() <= 0.51  # whole units
            if name != "truth":
                assert abs(far - (ab - true).norm().item()) <= 0.51
        assert abs(nats - entropy(logits, 0.5)[row - 1, column - 1]) < 6e-3  # 2 digits
        assert 0.1 < nats < MOST - 0.1


@pytest.mark.browser
def test_marks_differ_in_shape(browser, tmp_path, explorer):
    with open_widget(browser, explorer, tmp_path) as (_, figure):
        shapes = figure.locator(".marks canvas").evaluate_all(
            "(icons) => icons.map((icon) => icon.toDataURL())"
        )
        assert len(set(shapes)) == len(shapes) == 5


@pytest.mark.browser
def test_map_of_uncertainty(browser, tmp_path, explorer, network, photo):
    logits, truth = what_the_page_has(network, photo)
    rows, columns = truth.shape[:2]
    with open_widget(browser, explorer, tmp_path) as (_, figure):
        scale, picture = figure.locator(".scale"), figure.locator("canvas.picture")
        assert not scale.is_visible()
        figure.get_by_role("button", name="uncertainty").click()
        picture.press("ArrowLeft")  # the point is picked on the map, too
        for T in (0.38, 1.0):
            figure.get_by_label("Temperature T").fill(str(T))
            shades = torch.tensor(picture.evaluate(SHADES, [rows, columns]))
            assert (shades == shades[:, :1]).all()  # gray: told by lightness alone
            expected = (255 * entropy(logits, T) / MOST).flatten()
            x, y, nats = told(figure)
            column, row = torch.arange(columns), torch.arange(rows)[:, None]
            # the ring is 6 pixels wide, a cell 4
            away = ((column - x + 1).abs() > 2) | ((row - y + 1).abs() > 2)
            gap = (shades[:, 0] - expected).abs()[away.flatten()]
            assert gap.max() <= 1  # rounding to bytes
            assert abs(nats - entropy(logits, T)[y - 1, x - 1]) < 6e-3
            text = plain(scale.inner_text())
            average = entropy(logits, T).mean().item()
            assert f"{average:.2f} nats" in text
            bins = float(re.search(r"as of (\S+) equally likely bins", text)[1])
            assert abs(bins - np.exp(average)) < 0.51  # whole bins above ten
        assert "0 nats: sure of one bin" in text
        assert "5.75 nats: all bins alike" in text
        assert picture.get_attribute("aria-label").startswith("Map of uncertainty")
        figure.get_by_role("button", name="mode").click()
        assert told(figure)[2] == 0  # sure, by force
        figure.get_by_role("button", name="colored").click()
        assert not scale.is_visible()
        assert picture.get_attribute("aria-label").startswith("The photo, colored")


@pytest.mark.browser
def test_map_of_another_photo_on_a_phone(browser, tmp_path, explorer):
    with open_on_phone(browser, explorer, tmp_path) as (page, figure):
        figure.get_by_role("button", name="uncertainty").tap()
        picture, drawn = figure.locator("canvas.picture"), "(c) => c.toDataURL()"
        before = picture.evaluate(drawn)
        figure.get_by_label("Photo", exact=True).select_option("turned")
        assert picture.evaluate(drawn) != before
        box = picture.bounding_box()
        picture.tap(position={"x": box["width"] - 4, "y": box["height"] - 4})
        assert told(figure)[:2] == (18, 12)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert small_targets(figure) == []


@pytest.mark.browser
def test_a_finger_drags_the_point_or_scrolls(browser, tmp_path, explorer):
    with open_on_phone(browser, explorer, tmp_path) as (page, figure):
        picture = figure.locator("canvas.picture")
        box = picture.bounding_box()
        x, y = box["x"] + box["width"] / 18, box["y"] + box["height"] / 12
        picture.tap(position={"x": x - box["x"], "y": y - box["y"]})
        column, row, _ = told(figure)
        swipe(page, *[(x + n * 30, y + n * 30) for n in range(5)])
        dragged = told(figure)
        assert page.evaluate("scrollY") == 0
        assert dragged[0] > column + 4  # to the end, not some 20 pixels
        assert dragged[1] > row + 4
        low = box["y"] + box["height"] - 5
        swipe(page, *[(x, low - n * 30) for n in range(5)])
        assert told(figure) == dragged  # far from the point, a finger scrolls
        # A finger drawn sideways takes the point along from anywhere.
        page.wait_for_timeout(PAUSE)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_function("scrollY === 0")
        left, top = box["x"] + 5, box["y"] + 5
        swipe(page, *[(left + n * 15, top) for n in range(4)])
        assert told(figure)[:2] == (1 + int(50 / box["width"] * 18), 1)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 760])
def test_the_slider_is_under_the_photo(browser, tmp_path, explorer, width):
    with open_widget(browser, explorer, tmp_path, width) as (_, figure):
        picture = figure.locator("canvas.picture").bounding_box()
        slider = figure.get_by_label("Temperature T").bounding_box()
        gap = slider["y"] - picture["y"] - picture["height"]
        assert 0 <= gap < 20  # page pixels
        assert slider["x"] + slider["width"] <= picture["x"] + picture["width"] + 1


@pytest.mark.browser
def test_a_new_temperature_shows_the_colored_photo(browser, tmp_path, explorer):
    with open_widget(browser, explorer, tmp_path) as (_, figure):
        views = figure.get_by_role("group", name="Show")
        for view, then in {
            "truth": "colored",
            "gray": "colored",
            "uncertainty": "uncertainty",  # it depends on T, too
        }.items():
            for change in (
                lambda: figure.get_by_label("Temperature T").press("ArrowLeft"),
                lambda: figure.get_by_role("button", name="mean", exact=True).click(),
            ):
                views.get_by_role("button", name=view).click()
                change()
                pressed = views.locator("[aria-pressed=true]")
                assert pressed.all_inner_texts() == [then]
