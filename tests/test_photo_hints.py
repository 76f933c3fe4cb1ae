"""A person's dots in the photo page: chosen, moved, taken back, saved for Python."""

import numpy as np
import pytest
from browser_fixtures import fixture_browser, open_page  # noqa: F401 (by name)
from playwright.sync_api import expect
from test_photo import (  # noqa: F401 (the fixtures are used by name)
    address,
    download,
    encode,
    give,
    lake,
    shown,
    site,
    tiny,
)

from colorlab.cli.hintfile import read_hints
from colorlab.colorize import colorize

LEVELS_APART = 2  # of 255: kernels of one byte, and rounding


@pytest.fixture
def page(browser, address):  # noqa: F811
    with open_page(browser, address) as (page, problems):
        give(page, encode(lake(320, 214)), "lake.png")
        shown(page, 320, 214)
        yield page
        assert problems == []


def choose(page, x, y, color):
    """Click a place of the photo, in shares, then one of the offered colors."""
    photo = page.locator(".stage .after")
    box = photo.bounding_box()
    photo.click(position={"x": x * box["width"], "y": y * box["height"]})
    page.locator(".offers button").nth(color).click()


def dots(page):
    return page.locator(".dots .dot")


def save_dots(page, folder):
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the dots").click()
    assert waiting.value.suggested_filename == "lake-hints.json"
    waiting.value.save_as(folder / "hints.json")
    return read_hints(folder / "hints.json")


@pytest.mark.browser
def test_python_makes_the_pages_picture_from_its_file(page, tiny, tmp_path):  # noqa: F811
    _, before = download(page)
    choose(page, 0.8, 0.2, 1)
    choose(page, 0.7, 0.85, 2)
    expect(dots(page)).to_have_count(2)
    hints = save_dots(page, tmp_path)
    assert (hints.width, hints.height, hints.model) == (320, 214, "tiny")
    np.testing.assert_allclose(hints.dots[0][:2], [0.2, 0.8], atol=0.01)
    _, colored = download(page)
    page_levels = np.asarray(colored.convert("RGB"), dtype=int)
    moved = np.abs(page_levels - np.asarray(before.convert("RGB"), dtype=int))
    assert moved.max() > 30  # the dots are seen
    made = colorize(
        lake(320, 214), tiny, hints.T, hints.size, predict=hints.check(320, 214).predict
    )
    apart = np.abs(page_levels - np.asarray(made, dtype=int))
    assert apart.max() <= LEVELS_APART


@pytest.mark.browser
def test_dots_are_moved_deleted_and_taken_back(page, tmp_path):
    choose(page, 0.8, 0.2, 1)
    choose(page, 0.7, 0.8, 0)
    page.locator(".offers button").nth(2).click()  # another color for the same dot
    expect(dots(page)).to_have_count(2)
    dots(page).first.focus()
    page.keyboard.press("Shift+ArrowLeft")  # a twentieth of the width
    y, x, *_ = save_dots(page, tmp_path).dots[0]
    np.testing.assert_allclose([y, x], [0.2, 0.75], atol=0.01)
    box = dots(page).first.bounding_box()
    page.mouse.move(box["x"] + 14, box["y"] + 14)
    page.mouse.down()
    page.mouse.move(box["x"] + 14, box["y"] + 44, steps=3)
    page.mouse.up()
    assert save_dots(page, tmp_path).dots[0][0] > y + 0.02
    page.get_by_role("button", name="Undo").click()  # one step for the whole way
    np.testing.assert_allclose(save_dots(page, tmp_path).dots[0][:2], [y, x])
    dots(page).first.focus()
    page.keyboard.press("Delete")
    expect(dots(page)).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(dots(page)).to_have_count(2)
    page.get_by_role("button", name="Delete all").click()
    expect(dots(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Save the dots")).to_be_disabled()


@pytest.mark.browser
def test_any_color_starts_from_the_ringed_dots(page):
    choose(page, 0.8, 0.2, 1)
    expect(dots(page)).to_have_count(1)
    shown_color, offered = page.evaluate("""() => {
      const swatch = document.querySelectorAll(".offers .swatch")[1];
      const rgb = getComputedStyle(swatch).backgroundColor.match(/\\d+/g).map(Number);
      const value = document.querySelector(".hints input[type=color]").value;
      return [value.slice(1).match(/../g).map((c) => parseInt(c, 16)), rgb];
    }""")
    np.testing.assert_allclose(shown_color, offered, atol=1)


@pytest.mark.browser
def test_another_photo_starts_without_dots(page):
    choose(page, 0.8, 0.2, 1)
    give(page, encode(lake(100, 80)), "other.png")
    shown(page, 100, 80)
    expect(dots(page)).to_have_count(0)
