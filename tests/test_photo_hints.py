"""A person's dots in the photo page: chosen, moved, taken back, saved for Python."""

from contextlib import contextmanager

import numpy as np
import pytest
from browser_fixtures import (  # noqa: F401 (by name)
    PATIENCE,
    fixture_browser,
    open_page,
)
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
from test_widget_pages import PAUSE, swipe

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
    page.get_by_role("button", name="far: 1e-6").click()
    expect(dots(page)).to_have_count(2)
    hints = save_dots(page, tmp_path)
    assert hints.give_up == 1e-6
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
    for _ in range(10):  # the focus stays on it
        page.keyboard.press("ArrowLeft")  # a two-hundredth of the width
    y, x, *_ = save_dots(page, tmp_path).dots[0]
    np.testing.assert_allclose([y, x], [0.2, 0.75], atol=0.01)
    dots(page).first.evaluate("(dot) => dot.scrollIntoView({ block: 'center' })")
    box = dots(page).first.bounding_box()
    page.mouse.move(box["x"] + 14, box["y"] + 14)
    page.mouse.down()
    page.mouse.move(box["x"] + 14, box["y"] + 44, steps=3)
    page.mouse.up()
    assert save_dots(page, tmp_path).dots[0][0] > y + 0.02
    page.get_by_role("button", name="Undo").click()  # one step for the whole way
    np.testing.assert_allclose(save_dots(page, tmp_path).dots[0][:2], [y, x])
    dots(page).first.focus()
    page.keyboard.press("Control+Shift+z")
    assert save_dots(page, tmp_path).dots[0][0] > y + 0.02
    page.keyboard.press("Control+z")
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


@pytest.mark.browser
def test_a_list_tells_each_dot_and_leads_to_it(page):
    choose(page, 0.8, 0.2, 1)
    choose(page, 0.7, 0.8, 0)
    page.get_by_text("The dots as a list").click()
    entries = page.locator(".listed li")
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("80\u00a0% from the left, 20\u00a0% from the")
    entries.first.get_by_role("button", name="Dot 1, a ").click()
    expect(dots(page).first).to_be_focused()
    page.get_by_role("button", name="Delete dot 1").press("Enter")
    expect(entries).to_have_count(1)
    expect(entries.first).to_contain_text("70\u00a0% from the left")
    assert page.locator(".said").text_content() == "Dot 1 is deleted."


def load(page, content, name="hints.json"):
    page.locator(".hints input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": content}
    )


DROP = """(text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], "other.json"));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
}"""


@pytest.mark.browser
def test_a_saved_file_is_loaded_as_it_was_and_undo_brings_back(page, tmp_path):
    choose(page, 0.8, 0.2, 1)
    choose(page, 0.7, 0.8, 0)
    page.get_by_role("button", name="a spot").click()
    save_dots(page, tmp_path)
    saved = (tmp_path / "hints.json").read_bytes()
    large = page.get_by_role("button", name="256 pixels")
    large.click()
    page.get_by_role("button", name="Delete all").click()
    choose(page, 0.2, 0.5, 0)
    far = page.get_by_role("button", name="far: 1e-6")
    far.click()
    alert, said = page.locator(".alert"), page.locator(".said")
    for wrong, told in (
        (b"{", "cannot be read as JSON. Your dots are as they were."),
        (saved.replace(b"214", b"640"), "320 \u00d7 640 pixels, and the one here has"),
        (saved.replace(b"hints 1", b"hints 2"), "of another version"),
    ):
        load(page, wrong)
        expect(alert).to_contain_text(told)
        expect(dots(page)).to_have_count(1)
    page.evaluate(DROP, saved.decode())
    expect(said).to_contain_text("2 dots loaded from other.json.")
    expect(alert).to_be_empty()
    expect(large).to_have_attribute("aria-pressed", "false")  # as in the file
    save_dots(page, tmp_path)
    assert (tmp_path / "hints.json").read_bytes() == saved
    page.get_by_role("button", name="Undo").click()
    expect(dots(page)).to_have_count(1)
    expect(large).to_have_attribute("aria-pressed", "true")
    expect(far).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Redo").click()
    expect(large).to_have_attribute("aria-pressed", "false")
    save_dots(page, tmp_path)
    assert (tmp_path / "hints.json").read_bytes() == saved


@pytest.mark.browser
def test_a_finger_moves_a_dot_far_and_not_the_page(browser, address):  # noqa: F811
    with open_phone(browser, address) as page:
        give(page, encode(lake(240, 160)))
        shown(page, 240, 160)
        photo = page.locator(".stage .after")
        box = photo.bounding_box()
        photo.tap(position={"x": 0.8 * box["width"], "y": 0.2 * box["height"]})
        page.locator(".offers button").nth(1).tap()
        dot = dots(page).first
        dot.scroll_into_view_if_needed()
        page.wait_for_timeout(PAUSE)
        scrolled, box = page.evaluate("scrollY"), dot.bounding_box()
        x, y = box["x"] + 14, box["y"] + 14
        swipe(page, (x, y), (x - 60, y + 30), (x - 140, y + 60))
        moved = dot.bounding_box()
        assert page.evaluate("scrollY") == scrolled
        np.testing.assert_allclose(
            [moved["x"] - box["x"], moved["y"] - box["y"]], [-140, 60], atol=2
        )
        page.get_by_role("button", name="Delete this dot").tap()
        expect(dots(page)).to_have_count(0)
        page.get_by_role("button", name="Undo").tap()
        expect(dots(page)).to_have_count(1)


@contextmanager
def open_phone(browser, address):  # noqa: F811
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()
