"""The figure of matches: its bytes and arithmetic against colorlab, and played."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from test_widget_pages import open_on_phone, open_widget, small_targets

from colorlab import annealed_mean, bin_centers, lab_to_rgb, mode, nearest_bin
from colorlab.classics.example import find_matches
from colorlab.widgets import Matches
from colorlab.widgets.matches import pack_photo


def noise(height, width, seed):
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height))


@pytest.fixture(scope="module")
def photos():
    return {"one": noise(30, 45, 1), "two": noise(40, 30, 2), "three": noise(28, 28, 3)}


def read(photo):
    """Lightness (H, W), ab (2, H, W) and places (S, 2), from the bytes of the page."""
    layout, blob = pack_photo(photo)
    height, width = layout["height"], layout["width"]
    numbers = np.frombuffer(blob, np.uint8)
    L = numbers[: height * width].reshape(height, width) / 255
    ab = numbers[height * width :].view(np.int8).reshape(height, width, 2)
    places = np.stack(np.divmod(layout["places"], width), axis=-1)
    return L, ab.transpose(2, 0, 1).astype(float), places


def test_a_photo_is_packed_into_few_bytes():
    photo = noise(300, 450, 0)
    layout, blob = pack_photo(photo)
    assert 6800 <= layout["height"] * layout["width"] <= 7200
    assert len(blob) == 3 * layout["height"] * layout["width"]
    assert 170 <= len(layout["places"]) <= 230
    widget = Matches({str(n): photo for n in range(5)})
    packed = len(widget.pixels) + len(str(widget.photos))
    assert 4 / 3 * packed < 160_000  # as text in the page


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"k": 0}, "k must be in 1..50, got 0"),
        ({"spot": (0.5, 1.2)}, "spot must"),
        ({"spot": (0.5,)}, "spot must"),
    ],
)
def test_impossible_arguments_are_refused(photos, given, told):
    with pytest.raises(ValueError, match=told):
        Matches(photos, **given)
    with pytest.raises(ValueError, match="two or more, got 1"):
        Matches({"one": photos["one"]})


def plain(text):
    return text.replace("\u2212", "-").replace("\u00a0", " ")


def marks(figure):
    found = {}
    for entry in figure.locator(".marks tr").all_inner_texts():
        told = re.match(r"([a-z ]+?)\s*a (-?\d+), b (-?\d+)", plain(entry).strip())
        name, a, b = told.groups()
        found[name] = int(a), int(b)
    return found


def told(figure):
    """Row, column (from 0), PSNR of the colored photo and of gray."""
    text = plain(figure.locator(".readout").inner_text())
    row, column = map(int, re.search(r"Row (\d+), column (\d+)", text).groups())
    numbers = re.search(r"PSNR (\S+) dB; gray: (\S+) dB", text).groups()
    return row - 1, column - 1, *map(float, numbers)


def to_bytes(L, ab):
    lab = torch.from_numpy(np.concatenate([100 * L[None], ab]))
    return (255 * lab_to_rgb(lab)).round().numpy()


def decibels(one, other):
    return -10 * np.log10((((one - other) / 255) ** 2).mean())


def expected(photo, example, row, column, k):
    """What the page must tell of a point, computed by colorlab."""
    (L, truth, _), (other, ab, places) = read(photo), read(example)
    found = find_matches(L, other, places, k)
    colors = ab[:, places[:, 0], places[:, 1]][:, found]  # (2, k, H, W)
    votes = torch.from_numpy(colors[:, :, row, column])[None, :, :, None].float()
    bins = nearest_bin(votes, bin_centers()).flatten()
    p = torch.bincount(bins, minlength=313)[None, :, None, None] / k
    centers = bin_centers()
    answers = {
        "mean": annealed_mean(p.log(), centers, 1),
        "annealed mean": annealed_mean(p.log(), centers),
        "mode": mode(p, centers),
        "truth": torch.from_numpy(truth[:, row, column]),
    }
    true = to_bytes(L, truth)
    scores = [decibels(to_bytes(L, c), true) for c in (colors.mean(axis=1), 0 * truth)]
    return {name: ab.flatten().numpy() for name, ab in answers.items()}, scores


@pytest.mark.browser
def test_matches_by_keyboard_are_colorlabs(browser, tmp_path, photos):
    widget = Matches(photos, spot=(0.3, 0.4))
    with open_widget(browser, widget, tmp_path) as (_, figure):
        picture = figure.locator("canvas.picture").first
        assert small_targets(figure) == []
        for k, keys in ((20, ()), (1, ["ArrowLeft", "Shift+ArrowRight"]), (50, [])):
            figure.get_by_label("Number of matches").fill(str(k))
            for key in keys:
                picture.press(key)
            row, column, *scores = told(figure)
            answers, wanted = expected(photos["one"], photos["two"], row, column, k)
            for name, ab in answers.items():
                assert np.abs(np.array(marks(figure)[name]) - ab).max() <= 0.51, name
            assert scores == pytest.approx(wanted, abs=0.06)
        assert (row, column) == (12, 13 - 1 + 10)


@pytest.mark.browser
def test_matches_by_mouse(browser, tmp_path, photos):
    with open_widget(browser, Matches(photos), tmp_path) as (page, figure):
        picture, example = figure.locator("canvas.picture").all()
        before = example.evaluate("(canvas) => canvas.toDataURL()")
        box = picture.bounding_box()
        page.mouse.move(box["x"] + 3, box["y"] + 3)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3)
        page.mouse.up()
        assert told(figure)[:2] == (29, 44)
        assert example.evaluate("(canvas) => canvas.toDataURL()") != before
        gray = picture.evaluate("(canvas) => canvas.toDataURL()")
        shown = set()
        for view in ("colored", "truth", "gray"):
            figure.get_by_role("button", name=view).click()
            shown.add(picture.evaluate("(canvas) => canvas.toDataURL()"))
        assert gray in shown
        assert len(shown) == 3
        figure.get_by_role("button", name="swap the two").click()
        row, column, *scores = told(figure)
        assert (row, column) == (39, 29)
        _, wanted = expected(photos["two"], photos["one"], row, column, 20)
        assert scores == pytest.approx(wanted, abs=0.06)
        figure.get_by_label("Example", exact=True).select_option("three")
        _, wanted = expected(photos["two"], photos["three"], row, column, 20)
        assert told(figure)[2:] == pytest.approx(wanted, abs=0.06)
        assert "three" in example.get_attribute("aria-label")


@pytest.mark.browser
def test_matches_by_touch(browser, tmp_path, photos):
    with open_on_phone(browser, Matches(photos), tmp_path) as (page, figure):
        picture, example = figure.locator("canvas.picture").all()
        box = picture.bounding_box()
        picture.tap(position={"x": box["width"] / 2, "y": 2})
        assert told(figure)[:2] == (0, 22)
        beside = example.bounding_box()
        assert beside["x"] > box["x"] + box["width"] - 1  # both are seen at once
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert small_targets(figure) == []
