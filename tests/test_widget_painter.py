"""The paint figure: its arguments, and strokes by mouse, finger and keys."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import PATIENCE, fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from playwright.sync_api import expect
from test_widget_pages import (
    PAUSE,
    open_on_phone,
    open_widget,
    screenshot,
    small_targets,
    swipe,
)

from colorlab import ColorNet, lab_to_rgb, rgb_to_lab
from colorlab.classics.scribbles import propagate
from colorlab.widgets import Painter

HEIGHT, WIDTH = 48, 64
LEFT, RIGHT = (8 / 64, 24 / 48), (56 / 64, 24 / 48)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return ColorNet(width=1).eval()


def two_halves():
    """Give a dark green half and a bright red one, with a little noise."""
    pixels = np.zeros((HEIGHT, WIDTH, 3))
    pixels[:, :32], pixels[:, 32:] = (40, 90, 50), (220, 120, 110)
    pixels += np.random.default_rng(0).normal(0, 1.5, (HEIGHT, WIDTH, 1))
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


@pytest.fixture
def painter(network):
    photos = [("halves", two_halves(), []), ("turned", two_halves().rotate(180), [])]
    return Painter(network, photos, size=HEIGHT)


@pytest.mark.parametrize(
    ("photos", "told"),
    [
        ([], "photos"),
        ([("a", two_halves(), [[]])], "line"),
        ([("a", two_halves(), [[(0.5, 1.5)]])], "line"),
    ],
)
def test_impossible_arguments_are_refused(network, photos, told):
    with pytest.raises(ValueError, match=told):
        Painter(network, photos, size=HEIGHT)


PIXEL = """(canvas, [x, y]) => [...canvas.getContext("2d").getImageData(
  x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3)]"""


def pixel(figure, place):
    return np.array(figure.locator("canvas.picture").evaluate(PIXEL, list(place)))


def is_gray(figure, place):
    return np.ptp(pixel(figure, place)) < 12


def at(figure, place):
    """Give where in the window a place of the picture is, in shares of it."""
    box = figure.locator("canvas.picture").bounding_box()
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


def tap(page, figure, place):
    page.mouse.click(*at(figure, place))


def wait_for(figure, words):
    expect(figure.locator(".readout")).to_contain_text(re.compile(words))


def choose(figure, name):
    figure.get_by_role("button", name=name, exact=True).click()


@pytest.mark.browser
def test_color_flows_up_to_the_edge(browser, tmp_path, painter):
    with open_widget(browser, painter, tmp_path) as (page, figure):
        wait_for(figure, "Paint a stroke")
        assert is_gray(figure, (0.25, 0.1))
        choose(figure, "the photo\u2019s own")
        tap(page, figure, LEFT)
        wait_for(figure, "1 stroke on")
        assert not is_gray(figure, (0.9, 0.1))  # one color colors all
        choose(figure, "gray")
        tap(page, figure, RIGHT)
        wait_for(figure, "2 strokes on")
        choose(figure, "result")
        red, green, _ = pixel(figure, (0.25, 0.1))
        assert green > red + 20
        assert is_gray(figure, (0.9, 0.1))
        choose(figure, "network")
        choose(figure, "undo")  # what it does is to be seen
        result = figure.get_by_role("button", name="result", exact=True)
        expect(result).to_have_attribute("aria-pressed", "true")
        wait_for(figure, "1 stroke on")
        assert not is_gray(figure, (0.9, 0.1))
        choose(figure, "clear")
        wait_for(figure, "Paint a stroke")
        assert is_gray(figure, (0.25, 0.1))
        choose(figure, "truth")
        assert pixel(figure, (0.9, 0.1))[0] > pixel(figure, (0.9, 0.1))[1] + 50
        assert small_targets(figure) == []


READ = """(canvas) => {
  const small = document.createElement("canvas");
  [small.width, small.height] = [canvas.width / 2, canvas.height / 2];
  const context = small.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, small.width, small.height);
  return [...context.getImageData(0, 0, small.width, small.height).data];
}"""


@pytest.mark.browser
def test_the_page_gives_what_python_gives(browser, tmp_path, painter):
    with open_widget(browser, painter, tmp_path) as (page, figure):
        choose(figure, "truth")
        wait_for(figure, "Paint a stroke")
        shape = HEIGHT, WIDTH, 4
        truth = np.reshape(figure.locator("canvas").evaluate(READ), shape)[..., :3]
        choose(figure, "sky blue")
        tap(page, figure, LEFT)
        choose(figure, "red")
        tap(page, figure, RIGHT)
        wait_for(figure, "2 strokes on")
        choose(figure, "result")
        seen = np.reshape(figure.locator("canvas").evaluate(READ), shape)[..., :3]
    pixels = torch.from_numpy(truth.astype(np.uint8)).permute(2, 0, 1)
    L = rgb_to_lab(pixels)[0].double().numpy()
    y, x = np.indices((HEIGHT, WIDTH)) + 0.5
    ab, known = np.zeros((2, HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH), bool)
    for place, color in ((LEFT, (-6, -26)), (RIGHT, (52, 36))):
        near = np.hypot(x - place[0] * WIDTH, y - place[1] * HEIGHT) <= 2.5
        ab[:, near], known[near] = np.array(color)[:, None], True
    found = propagate((L / 100).clip(0, 1), ab, known)
    lab = torch.from_numpy(np.concatenate([L[None], found]))
    expected = (lab_to_rgb(lab) * 255).numpy().transpose(1, 2, 0)
    # The canvas is twice as large and smooth: apart from the edge, within rounding.
    gap = np.abs(seen - expected).max(axis=-1)
    assert np.quantile(gap, 0.9) <= 2
    assert gap[4:-4, 4:28].mean() < 1


@pytest.mark.browser
def test_strokes_by_keys(browser, tmp_path, painter):
    with open_widget(browser, painter, tmp_path) as (_, figure):
        wait_for(figure, "Paint a stroke")
        picture = figure.locator("canvas.picture")
        picture.press("Enter")
        picture.press("Shift+ArrowLeft")
        picture.press("ArrowUp")
        assert figure.locator(".readout").inner_text().startswith("Paint")  # not yet
        picture.press("Enter")
        wait_for(figure, "1 stroke on")
        picture.press("ArrowDown")  # the brush is up
        picture.press(" ")
        picture.press(" ")
        wait_for(figure, "2 strokes on")
        picture.press("Backspace")
        wait_for(figure, "1 stroke on")
        for name in ("undo", "clear"):
            button = figure.get_by_role("button", name=name)
            button.press("Enter")
            wait_for(figure, "Paint a stroke")
            assert button.evaluate("(node) => node === document.activeElement")
            assert button.get_attribute("aria-disabled") == "true"
            button.press("Enter")  # nothing is left
            picture.press("Enter")
            picture.press("Enter")
            wait_for(figure, "1 stroke on")
        figure.get_by_label("Temperature T").press("ArrowLeft")
        wait_for(figure, "1 stroke on")
        figure.get_by_label("How strongly gray stops color").press("ArrowRight")
        expect(figure.locator(".value").nth(1)).to_have_text("factor 0.3")
        figure.get_by_label("How strongly edges stop color").press("ArrowRight")
        expect(figure.locator(".value").nth(2)).to_have_text("\u03b2 1")


@pytest.mark.browser
def test_a_finger_paints_and_the_photo_stays(browser, tmp_path, painter):
    with open_on_phone(browser, painter, tmp_path) as (page, figure):
        wait_for(figure, "Paint a stroke")
        choose(figure, "red")  # who takes a brush wants to paint
        points = [at(figure, (0.2 + 0.05 * n, 0.3 + 0.1 * n)) for n in range(5)]
        swipe(page, *points)
        wait_for(figure, "1 stroke on")
        assert page.evaluate("scrollY") == 0
        figure.get_by_label("Photo", exact=True).select_option("turned")
        wait_for(figure, "Paint a stroke")  # strokes belong to their photo
        figure.get_by_label("Photo", exact=True).select_option("halves")
        wait_for(figure, "1 stroke on")
        assert small_targets(figure) == []


@pytest.mark.browser
def test_a_finger_that_scrolls_paints_nothing(browser, tmp_path, painter):
    with open_on_phone(browser, painter, tmp_path) as (page, figure):
        wait_for(figure, "Paint a stroke")

        def up_over_the_photo():
            page.evaluate("scrollTo(0, 0)")
            swipe(page, *[at(figure, (0.5, share)) for share in (0.9, 0.7, 0.4, 0.1)])
            page.wait_for_timeout(PAUSE)

        page.evaluate("document.body.style.paddingBottom = '1200px'")
        page.touchscreen.tap(*at(figure, LEFT))  # a tap means it
        wait_for(figure, "1 stroke on")
        up_over_the_photo()
        assert page.evaluate("scrollY") > 50
        wait_for(figure, "1 stroke on")
        hint = figure.locator(".hint")
        expect(hint).to_contain_text("finger paints")  # who meant to paint is told how
        photo = figure.locator("canvas.picture").bounding_box()
        told, switch = (
            hint.bounding_box(),
            figure.get_by_role("button", name="finger paints").bounding_box(),
        )
        assert photo["y"] < told["y"] < photo["y"] + photo["height"]
        assert switch["y"] + switch["height"] <= photo["y"]  # above what it changes
        choose(figure, "finger paints")
        expect(hint).to_be_hidden()
        up_over_the_photo()
        wait_for(figure, "2 strokes on")
        assert page.evaluate("scrollY") == 0
        page.evaluate("scrollTo(0, 1500)")  # away, and back
        scrolls = figure.get_by_role("button", name="finger scrolls")
        expect(scrolls).to_have_attribute("aria-pressed", "true")
        undo = figure.get_by_role("button", name="undo").bounding_box()
        photo = figure.locator("canvas.picture").bounding_box()
        assert undo["y"] - photo["y"] - photo["height"] < 250  # seen with the photo


@pytest.mark.browser
def test_sliders_say_what_their_ends_mean(browser, tmp_path, painter):
    with open_widget(browser, painter, tmp_path) as (_, figure):
        words = figure.locator(".slider .ends").all_inner_texts()
        assert len(words) == figure.get_by_role("slider").count() == 3
        assert all(len(each.split()) >= 4 for each in words)


TELLS = """(readout) => {
  window.told = [];
  new MutationObserver(() => told.push(readout.textContent)).observe(
    readout, { childList: true });
}"""


@pytest.mark.browser
def test_a_new_photo_tells_of_its_own_strokes_only(browser, tmp_path, network):
    photos = [("one", two_halves(), []), ("two", two_halves(), [[LEFT], [RIGHT]])]
    painter = Painter(network, photos, size=HEIGHT)
    with open_widget(browser, painter, tmp_path) as (page, figure):
        wait_for(figure, "Paint a stroke")
        figure.locator(".readout").evaluate(TELLS)
        figure.get_by_label("Photo", exact=True).select_option("two")
        wait_for(figure, "2 strokes on")
        told = page.evaluate("told")
        assert all(re.match(r"2 strokes on [1-9]", text) for text in told), told


@pytest.mark.browser
def test_most_likely_has_no_colors_between(browser, tmp_path, network):
    flat = Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128))
    painter = Painter(network, [("flat", flat, [])], size=HEIGHT)
    with open_widget(browser, painter, tmp_path) as (page, figure):
        wait_for(figure, "Paint a stroke")
        for color, place in (("red", LEFT), ("deep blue", RIGHT)):
            choose(figure, color)
            tap(page, figure, place)
        wait_for(figure, "2 strokes on")
        choose(figure, "result")
        colors = {}
        for name in ("mean", "mode"):
            choose(figure, name)
            for _ in range(PATIENCE):  # until it is drawn
                page.wait_for_timeout(1000)
                shot = screenshot(figure.locator("canvas.picture"), tmp_path / "a.png")
                rgb = torch.from_numpy(np.array(shot)).permute(2, 0, 1)
                a = rgb_to_lab(rgb)[1]  # 14 or 52
                colors[name] = ((a > 22) & (a < 44)).double().mean().item()
                if (colors[name] < 0.1) == (name == "mode"):
                    break
        assert colors["mode"] < 0.1 < colors["mean"]


@pytest.mark.browser
def test_a_download_says_that_colors_are_invented(browser, tmp_path, painter):
    with open_widget(browser, painter, tmp_path) as (page, figure):
        wait_for(figure, "Paint a stroke")
        tap(page, figure, LEFT)
        wait_for(figure, "1 stroke on")
        with page.expect_download() as download:
            choose(figure, "download")
        assert download.value.suggested_filename == "halves-painted.png"
        download.value.save_as(tmp_path / "painted.png")
        image = np.asarray(Image.open(tmp_path / "painted.png").convert("L"))
        assert image.shape == (HEIGHT + 16, WIDTH)
        strip = image[HEIGHT:]
        assert strip.max() == 255
        assert strip.min() < 120  # words
