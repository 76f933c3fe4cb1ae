"""A pixel's journey: what travels, against colorlab, and the way in a browser."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from playwright.sync_api import expect
from test_widget_pages import open_on_phone, open_widget, small_targets

from colorlab import ColorNet, annealed_mean, bin_centers, lab_to_rgb
from colorlab.lab import rgb_to_lab
from colorlab.widgets import Journey
from colorlab.widgets.journey import BLOCKS, MOST_ACROSS, walk

PLACES = {"corner": (0, 0), "middle": (0.5, 0.5)}
MOST_BYTES = 150_000


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
    return Image.fromarray(pixels).resize((96, 64))


@pytest.fixture
def journey(network, photo):
    return Journey(network, photo, PLACES, size=64)


def test_what_travels_is_what_the_network_says(journey, network, photo):
    L = rgb_to_lab(torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None])[:, :1]
    with torch.inference_mode():
        logits = network(L)
    scores = np.frombuffer(journey.scores, np.float32).reshape(len(PLACES), -1)
    assert np.allclose(scores[0], logits[0, :, 0, 0], atol=1e-3)
    assert np.allclose(scores[1], logits[0, :, 8, 12], atol=1e-3)
    ab = annealed_mean(logits, bin_centers())[0].permute(1, 2, 0)
    sent = np.frombuffer(journey.stages, np.int8)[64 * 96 :][: ab.numel()]
    assert abs(sent - ab.flatten().numpy()).max() <= 0.51  # rounding


def test_maps_are_one_a_block_and_small(network, photo):
    _, maps, _ = walk(network, photo, 64)
    assert len(maps) == BLOCKS
    for each in maps:
        assert max(each.shape) <= MOST_ACROSS
        assert each.max() > each.min()


def test_a_journey_is_light(journey):
    data = journey.stages + journey.scores + journey.centers
    assert len(data) * 4 / 3 + len(journey._esm) + len(journey._css) < MOST_BYTES


def test_a_journey_needs_bins_and_a_pixel(network, photo):
    with pytest.raises(ValueError, match="313 bins"):
        Journey(ColorNet(width=2, out_channels=2).eval(), photo, PLACES)
    with pytest.raises(ValueError, match="0 pixels"):
        Journey(network, photo, {})


@pytest.mark.browser
def test_travel_by_mouse_and_keys(browser, journey, network, photo, tmp_path):
    with open_widget(browser, journey, tmp_path) as (page, figure):
        told = figure.locator(".told")
        assert "All that the photo knows of the corner" in told.inner_text()
        figure.get_by_role("button", name="on \u2192").click()
        assert "Eight blocks" in told.inner_text()
        stage = figure.locator("canvas.stage")
        stage.press("ArrowRight")
        assert "how likely each of 313" in told.inner_text()
        stage.press("ArrowRight")
        figure.get_by_label("Temperature T").fill("1")
        assert "At T = 1.00" in told.inner_text()
        figure.get_by_role("button", name="middle").click()
        figure.get_by_role("button", name="6 joined").click()
        numbers = re.search(r"R (\d+), G (\d+), B (\d+)", told.inner_text()).groups()
        L, _, logits = walk(network, photo, 64)
        ab = annealed_mean(logits, bin_centers())[0, :, 8, 12].round()
        lab = torch.tensor([L[0, 0, 34, 50], *ab]).view(3, 1, 1)
        expected = (255 * lab_to_rgb(lab)).flatten()
        assert abs(torch.tensor([*map(float, numbers)]) - expected).max() <= 2
        stage.press("ArrowLeft")
        expect(figure.get_by_role("button", name="5 one color")).to_have_attribute(
            "aria-pressed", "true"
        )


@pytest.mark.browser
def test_travel_by_finger(browser, journey, tmp_path):
    with open_on_phone(browser, journey, tmp_path) as (page, figure):
        figure.get_by_role("button", name="4 temperature").tap()
        assert "At T = 0.38" in figure.locator(".told").inner_text()
        assert small_targets(figure) == []
