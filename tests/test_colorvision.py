"""The button that shows figures as with a color-vision deficiency."""

import io

import numpy as np
import pytest
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    fixture_book_server,
    fixture_browser,
    open_page,
)
from PIL import Image
from test_browser import address

pytestmark = pytest.mark.browser

# Machado, Oliveira and Fernandes 2009, severity 1, on linear light.
MACHADO = {
    "without red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "without blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
COLORS = [(200, 30, 40), (40, 160, 60), (30, 60, 200), (128, 128, 128)]
PATCHES = """(colors) => {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, {id: "patches", width: 40 * colors.length, height: 40});
  const brush = canvas.getContext("2d");
  colors.forEach((color, n) => {
    brush.fillStyle = `rgb(${color})`;
    brush.fillRect(40 * n, 0, 40, 40);
  });
  document.querySelector(".bd-article section").prepend(canvas);
}"""


def seen(page):
    """Colors of the patches on the screen."""
    shot = page.locator("#patches").screenshot()
    pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))
    return pixels[20, 20::40].astype(int)


def simulated(matrix):
    encoded = np.array(COLORS) / 255
    low = encoded <= 0.04045
    linear = np.where(low, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    light = (linear @ np.array(matrix).T).clip(0, 1)
    low = light <= 0.0031308
    return 255 * np.where(low, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_button_shows_each_deficiency(browser, book_server, scheme):
    url = address("book/intro", scheme, book_server)
    with open_page(browser, url, width=390) as (page, problems):
        page.evaluate(PATCHES, COLORS)
        assert (seen(page) == COLORS).all()
        button = page.get_by_role("button", name="color-vision deficiency")
        for told, matrix in MACHADO.items():
            button.press("Enter")
            assert told in page.get_by_role("status").inner_text()
            # The browser goes to linear light and back in bytes.
            assert abs(seen(page) - simulated(matrix)).max() <= 6
        button.press("Enter")
        assert page.locator(".vision-told").inner_text() == ""
        assert (seen(page) == COLORS).all()
        assert problems == []


def test_figures_that_play_are_filtered_once(browser, book_server):
    url = address("book/decode", "http", book_server)
    with open_page(browser, url) as (page, _):
        page.get_by_role("button", name="color-vision deficiency").click()
        filtered = page.locator(".bd-article .widget-subarea").first
        canvas = filtered.locator("canvas").first
        assert "vision" in filtered.evaluate("(e) => getComputedStyle(e).filter")
        assert canvas.evaluate("(e) => getComputedStyle(e).filter") == "none"
