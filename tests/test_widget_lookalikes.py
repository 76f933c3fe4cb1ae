"""Places that look alike and units: the tables against brute force, and a page."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from playwright.sync_api import expect
from test_widget_pages import open_on_phone, open_widget, small_targets

from colorlab import ColorNet
from colorlab.widgets import LookAlikes
from colorlab.widgets.lookalikes import (
    BLOCKS,
    SPACES,
    best_places,
    lightness,
    middle_square,
    nearest_places,
    read_blocks,
)

NAMES = [f"photo {letter}" for letter in "abcdefg"]


def noise(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((288, 256))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return ColorNet(width=2).eval()


@pytest.fixture(scope="module")
def photos():
    return {name: noise(seed) for seed, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def figure_of(network, photos):
    return lambda **given: LookAlikes(network, photos, **given)


@pytest.fixture(scope="module")
def L(photos):
    return lightness([middle_square(photo) for photo in photos.values()])


def test_features_are_means_over_each_place(network, L):
    _, features = read_blocks(network, L)
    with torch.no_grad():
        x = (L - 50) / 100
        for block in ("conv1", "conv2", "conv3"):
            x = getattr(network, block)(x)
    # 8 pixels a cell: the place in row 2, column 5 begins at row 64, column 160.
    expected = x[:, :, 8:16, 20:28].mean(dim=(2, 3))
    torch.testing.assert_close(features["conv3"][:, 2, 5], expected)
    small = L[:, 0, 64:128, 160:224].reshape(len(L), 8, 8, 8, 8).mean(dim=(2, 4))
    torch.testing.assert_close(features["pixels"][:, 2, 5], small.flatten(1))


def test_the_nearest_are_those_of_brute_force():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(4, 7, 7, 5, generator=rng)
    found = nearest_places(x, 3)
    flat = x.reshape(-1, 5) - x.reshape(-1, 5).mean(dim=0)
    for place in (0, 60, 195):
        cosines = torch.cosine_similarity(flat[place], flat, dim=1).view(4, 49)
        best = {p: cosines[p].argmax().item() for p in range(4) if p != place // 49}
        order = sorted(best, key=lambda p: -cosines[p, best[p]])
        assert found[place].tolist() == [49 * p + best[p] for p in order]


def test_the_best_places_are_where_answers_are_strongest():
    answers = torch.zeros(3, 2, 32, 32)
    answers[0, 0, 4, 10], answers[2, 0, 31, 0] = 2.0, 4.0
    found = best_places(answers, 2)
    assert found[0].tolist() == [[2, 4, 252, 255], [0, 84, 36, 128]]
    assert found[1].sum() == 0  # a unit that never answers


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"place": (0, 7, 0)}, "place must be"),
        ({"place": (7, 0, 0)}, "place must be"),
        ({"unit": ("conv4", 0)}, "unit must be"),
        ({"unit": ("conv7", 99)}, "unit must be"),
    ],
)
def test_impossible_places_and_units_are_refused(figure_of, given, told):
    with pytest.raises(ValueError, match=told):
        figure_of(**given)


def test_too_few_photos_are_refused(network, photos):
    with pytest.raises(ValueError, match="photos must be 6 to 255, got 1"):
        LookAlikes(network, {"one": photos[NAMES[0]]})


def expected_near(network, L, photo, row, column):
    """Names of the photos with the nearest place, of each space."""
    _, features = read_blocks(network, L)
    place = 49 * photo + 7 * row + column
    found = [nearest_places(features[name])[place, 0].item() for name in SPACES]
    return [NAMES[each // 49] for each in found]


def told(figure):
    """Photo, row and column (from 0), and the photos with the nearest places."""
    expect(figure).not_to_have_attribute("aria-busy", "true")
    text = figure.locator(".told").first.inner_text()
    name, row, column = re.match(r"(photo \w), row (\d), column (\d)", text).groups()
    near = re.findall(r"by \w+ in (photo \w)", text)
    return NAMES.index(name), int(row) - 1, int(column) - 1, near


@pytest.mark.browser
def test_places_and_units_by_mouse_and_keys(browser, tmp_path, figure_of, network, L):
    widget = figure_of(place=(1, 2, 3), unit=("conv3", 5))
    with open_widget(browser, widget, tmp_path) as (_, figure):
        assert told(figure)[:3] == (1, 3, 2)
        assert small_targets(figure) == []
        picture = figure.locator("canvas.plane")
        picture.press("ArrowRight")
        picture.press("Shift+ArrowUp")
        assert told(figure)[:3] == (1, 0, 3)
        box = picture.bounding_box()
        picture.click(position={"x": box["width"] - 3, "y": box["height"] - 3})
        photo, row, column, near = told(figure)
        assert (photo, row, column) == (1, 6, 6)
        assert near == expected_near(network, L, 1, 6, 6)
        figure.get_by_label("Photo", exact=True).select_option(NAMES[4])
        assert told(figure)[3] == expected_near(network, L, 4, 6, 6)
        # A place found leads on to it.
        group = figure.get_by_role("group", name="Nearest by conv7")
        first = group.get_by_role("button").first
        shown = first.get_attribute("aria-label")
        first.click()
        assert NAMES[told(figure)[0]] in shown
        answers, _ = read_blocks(network, L)
        for block, unit in (("conv3", 5), ("conv7", 3), ("conv2", 1)):
            figure.get_by_role("button", name=block, exact=True).click()
            figure.get_by_label("Unit", exact=True).fill(str(unit))
            strongest = answers[block][:, unit].amax(dim=(1, 2))
            text = figure.locator(".told").last.inner_text()
            if strongest.max() > 0:
                named = re.search(r"strongest in (photo \w);", text)[1]
                best = strongest[NAMES.index(named)]
                assert best == pytest.approx(strongest.max().item(), abs=1e-5)
            else:
                assert "answers to none" in text


@pytest.mark.browser
def test_places_and_units_by_touch(browser, tmp_path, figure_of):
    with open_on_phone(browser, figure_of(), tmp_path) as (page, figure):
        picture = figure.locator("canvas.plane")
        box = picture.bounding_box()
        picture.tap(position={"x": 4, "y": box["height"] - 4})
        assert told(figure)[:3] == (0, 6, 0)
        figure.get_by_role("button", name=BLOCKS[1], exact=True).tap()
        tile = figure.get_by_role("group", name="Best places").get_by_role("button")
        assert tile.count() == 6
        tile.last.tap()
        assert NAMES[told(figure)[0]] in tile.last.get_attribute("aria-label")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert small_targets(figure) == []
