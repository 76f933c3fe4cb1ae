"""Figures that play: their arithmetic, the built page, and a live notebook."""

import re

import nbformat
import numpy as np
import pytest
import torch
from book_pages import BOOK, BUILT
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    fixture_book_server,
    fixture_browser,
    fixture_jupyter_lab,
    open_page,
    run_all_cells,
)
from PIL import Image
from playwright.sync_api import expect
from test_widget_gamut import counter, picked
from torch.nn.functional import adaptive_avg_pool2d

from colorlab import ColorNet, annealed_mean, bin_centers
from colorlab.lab import rgb_to_lab
from colorlab.widgets import TemperatureExplorer
from colorlab.widgets.temperature import pack_photo


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return ColorNet(width=4).eval()


@pytest.fixture(scope="module")
def photo():
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((90, 60))


def test_pack_photo_holds_what_the_network_saw(network, photo):
    layout, blob = pack_photo(network, photo, size=32)
    height, width, rows, columns = (
        layout[key] for key in ("height", "width", "rows", "columns")
    )
    assert (height, width, rows, columns) == (32, 48, 8, 12)
    numbers = np.frombuffer(blob, dtype=np.uint8)
    cells, F = rows * columns, len(layout["scale"])
    assert len(numbers) == height * width + 2 * cells + F * cells
    pixels = torch.from_numpy(np.array(photo.resize((48, 32)))).permute(2, 0, 1)[None]
    lab = rgb_to_lab(pixels)
    L = torch.from_numpy(numbers[: height * width].copy()).view(height, width) / 2.55
    assert (L - lab[0, 0]).abs().max() < 0.2  # half a byte is 0.196 units of L
    truth = torch.from_numpy(
        numbers[height * width :][: 2 * cells].copy().view(np.int8)
    )
    expected = adaptive_avg_pool2d(lab[:, 1:], (rows, columns))[0].permute(1, 2, 0)
    assert (truth.view(rows, columns, 2) - expected).abs().max() <= 0.51  # rounding


def test_one_byte_a_feature_is_enough(network, photo):
    layout, blob = pack_photo(network, photo, size=32)
    cells, F = layout["rows"] * layout["columns"], len(layout["scale"])
    last = np.frombuffer(blob, dtype=np.uint8)[-F * cells :].reshape(F, cells)
    features = torch.from_numpy(last.copy()) * torch.tensor(layout["scale"])[:, None]
    weights = network.output.weight.detach().flatten(1)
    logits = (weights @ features + network.output.bias.detach()[:, None]).view(
        1, -1, layout["rows"], layout["columns"]
    )
    pixels = torch.from_numpy(np.array(photo.resize((48, 32)))).permute(2, 0, 1)[None]
    with torch.inference_mode():
        exact = network(rgb_to_lab(pixels)[:, :1])
    for T in (0.38, 1.0):
        centers = bin_centers()
        gap = annealed_mean(logits, centers, T) - annealed_mean(exact, centers, T)
        assert gap.norm(dim=1).max() < 0.5  # ab units: far below what is seen


def test_explorer_needs_a_network_of_bins(photo):
    with pytest.raises(ValueError, match="bins"):
        TemperatureExplorer(
            ColorNet(width=2, out_channels=2).eval(), [("x", photo, 0, 0)]
        )


# The built page: the same figure over http, from the folder, and in JupyterLab.

PICTURE = """(canvas) => {
  const { width, height } = canvas;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let chroma = 0;
  for (let i = 0; i < pixels.length; i += 4)
    chroma += Math.max(pixels[i], pixels[i + 1], pixels[i + 2])
      - Math.min(pixels[i], pixels[i + 1], pixels[i + 2]);
  return chroma / (width * height);
}"""


def vividness(explorer):
    return explorer.locator("canvas.picture").evaluate(PICTURE)


def place(explorer):
    text = explorer.locator(".readout").inner_text()
    return tuple(map(int, re.search(r"Column (\d+) of \d+, row (\d+)", text).groups()))


def play(explorer):
    """Use every control, by mouse and by keyboard, and see that it answers."""
    slider = explorer.get_by_label("Temperature T")
    slider.fill("1")
    dull = vividness(explorer)
    explorer.get_by_role("button", name="mode").click()
    assert abs(vividness(explorer) - dull) > 1  # in steps of 8-bit color
    assert explorer.locator(".value").inner_text() == "0 (mode)"
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    assert explorer.locator(".value").inner_text() == "0.05"
    explorer.get_by_role("button", name="gray").click()
    assert vividness(explorer) < 1  # only the white and black ring is left
    explorer.get_by_role("button", name="colored").click()
    picture = explorer.locator("canvas.picture")
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.25})
    column, row = place(explorer)
    picture.press("ArrowRight")
    picture.press("ArrowDown")
    assert place(explorer) == (column + 1, row + 1)
    before = vividness(explorer)
    explorer.get_by_label("Photo", exact=True).select_option("dahlia")
    assert vividness(explorer) != before


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_explorer_plays_in_the_built_page(browser, book_server, scheme):
    home = book_server if scheme == "http" else BUILT.as_uri()
    with open_page(browser, f"{home}/book/decode.html") as (page, problems):
        explorer = page.locator(".temperature-explorer")
        explorer.scroll_into_view_if_needed()
        expect(page.locator(".tag_still")).to_be_hidden()  # once the figure has drawn
        play(explorer)
        assert problems == []


@pytest.mark.browser
def test_explorer_answers_to_touch(browser, book_server):
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{book_server}/book/decode.html")
    explorer = page.locator(".temperature-explorer")
    explorer.scroll_into_view_if_needed()
    picture = explorer.locator("canvas.picture")
    box = picture.bounding_box()
    picture.tap(position={"x": box["width"] - 4, "y": box["height"] - 4})
    text = explorer.locator(".readout").inner_text()
    columns, rows = map(int, re.search(r"of (\d+), row \d+ of (\d+)", text).groups())
    assert place(explorer) == (columns, rows)
    context.close()


def play_gamut(explorer):
    assert counter(explorer) == 625
    explorer.get_by_role("button", name="padding").click()
    assert counter(explorer) == 313
    explorer.get_by_label("Lightness L").fill("86")
    plane = explorer.locator("canvas.plane")
    for _ in range(10):
        plane.press("ArrowLeft")
    for _ in range(4):
        plane.press("ArrowUp")
    found = picked(explorer)  # of the chapter's first question
    assert "a -80, b 80: bin 11 of 313" in found
    assert "R, G, B" in found


def play_slice(explorer):
    assert explorer.get_by_role("button").count() == 0
    told = []
    for L in (77, 78, 80, 81):  # the chapter's second question
        explorer.get_by_label("Lightness L").fill(str(L))
        plane = explorer.locator("canvas.plane")
        if not told:  # from a 20, b 40
            for key in ("ArrowLeft",) * 5 + ("ArrowDown",) * 7:
                plane.press(f"Shift+{key}")
        told.append("no screen color" in picked(explorer))
    assert "a -30, b -30" in picked(explorer)
    assert told == [True, False, False, True]


def play_solid(figure):
    figure.get_by_label("From the RGB cube to Lab").fill("1")
    assert "The solid of Lab" in figure.inner_text()
    figure.get_by_label("Lightness of the cut").fill("60")
    figure.locator("canvas.plane").press("ArrowRight")
    assert "turned by 25" in figure.inner_text()


def play_fence(figure):
    figure.get_by_label("Direction of the fence").fill("3600")
    assert counter(figure) == 233  # as printed before
    figure.get_by_role("button", name="push out by the square").click()
    assert counter(figure) == 313


def play_encoding(picker):
    assert picker.locator("li b").first.inner_text() == "0.514"  # as printed before
    picker.get_by_label("Width sigma").press("ArrowRight")
    assert picker.locator("li b").first.inner_text() != "0.514"
    error = picker.locator(".error strong")
    seen = error.inner_text()
    picker.locator("canvas.close").press("Shift+ArrowUp")
    picker.locator("canvas.close").press("ArrowRight")
    assert error.inner_text() != seen


def play_bench(bench):
    counted = "over the pixels that were counted: "
    assert f"{counted}0.896" in bench.inner_text()  # as printed before
    bench.get_by_label("Sigma").fill("10")
    assert f"{counted}0.896" not in bench.inner_text()
    assert "smoothed prior: 1.000" in bench.inner_text()
    framed = bench.locator(".readout").inner_text()
    bench.locator("canvas.plane").first.press("ArrowUp")
    assert bench.locator(".readout").inner_text() != framed


def play_two_colors(figure):
    numbers = figure.locator(".numbers")
    assert "chroma 51" in numbers.nth(2).inner_text()  # L2's, as printed before
    figure.get_by_role("button", name="Color A,").press("Shift+ArrowLeft")
    assert "chroma 51" not in numbers.nth(2).inner_text()
    figure.get_by_role("button", name="opposite colors").click()
    assert "chroma 0" in numbers.nth(2).inner_text()


def play_descent(figure):
    figure.get_by_label("Steps of descent").fill("200")
    assert "Best: a 36, b 4" in figure.inner_text()
    figure.get_by_role("button", name="gray wall").click()
    figure.get_by_label("How often each photo with B counts").fill("19")
    assert figure.locator(".shares").first.inner_text().split("\n") == [
        "A 50\u00a0%",
        "B 50\u00a0%",
    ]


def play_curtain(curtain):
    rail = curtain.get_by_role("slider", name="Curtain")
    rail.press("ArrowLeft")
    assert re.match(
        r"48 % l2: regression, 52 % \w+: ", rail.get_attribute("aria-valuetext")
    )
    curtain.get_by_label("Coloring on the left").select_option("class: classification")
    assert rail.get_attribute("aria-valuetext").startswith("48 % class")
    assert curtain.locator(".over .tag").inner_text().endswith("\u00a0class")
    seen = "(images) => images.every((image) => image.naturalWidth > 200)"
    expect(curtain.locator("img")).to_have_count(2)
    curtain.locator("img").evaluate_all(DECODED)
    assert curtain.locator("img").evaluate_all(seen)


def play_field(figure):
    assert "conv4_3 sees 85 \u00d7 85" in figure.inner_text()  # as printed before
    figure.get_by_label("Layer", exact=True).press("ArrowRight")
    assert "conv5_1 sees 117 \u00d7 117" in figure.inner_text()
    assert "9 of the 25 cells" in figure.inner_text()
    figure.get_by_role("button", name="dilation 1").click()
    assert "conv5_1 sees 101 \u00d7 101" in figure.inner_text()


def play_microscope(figure):
    output = figure.locator("canvas.output")
    figure.get_by_role("button", name="identity").click()
    answer, pixel = figure.locator(".told strong"), figure.locator(".pixel").nth(4)
    assert answer.inner_text() == pixel.inner_text()
    output.press("ArrowRight")
    assert answer.inner_text() == pixel.inner_text()
    figure.get_by_label("Weight in row 2, column 2").fill("0")
    assert answer.inner_text() == "0"


def play_maps(figure):
    assert "4 of the 32 channels of conv1_2" in figure.inner_text()
    figure.get_by_label("Layer", exact=True).press("ArrowRight")
    assert "8 of the 64 channels of conv2_2" in figure.inner_text()
    drawn = "(all) => all.map((canvas) => canvas.toDataURL())"
    before = figure.locator("canvas").evaluate_all(drawn)
    figure.get_by_label("Photo", exact=True).select_option("pavilion")
    assert figure.locator("canvas").evaluate_all(drawn) != before


def play_alikes(figure):
    told = figure.locator(".told").first
    assert "bridge-cables, row 2, column 4" in told.inner_text()
    figure.locator("canvas.plane").press("ArrowDown")
    assert "bridge-cables, row 3, column 4" in told.inner_text()


def draw_curtain(curtain):
    rail = curtain.get_by_role("slider", name="Curtain")
    rail.press("ArrowLeft")
    assert rail.get_attribute("aria-valuetext") == "48 % 1871, 52 % colored"


def play_journey(journey):
    for _ in range(5):
        journey.get_by_role("button", name="on \u2192").click()
    assert "The saucer is painted" in journey.inner_text()
    assert journey.get_by_role("link").get_attribute("href") == "colorize.html"


def play_painter(figure):
    readout = figure.locator(".readout")
    expect(readout).to_contain_text("2 strokes on")
    figure.get_by_role("button", name="sky blue").click()
    figure.locator("canvas.picture").press("Enter")
    figure.locator("canvas.picture").press("Shift+ArrowLeft")
    figure.locator("canvas.picture").press("Enter")
    expect(readout).to_contain_text("3 strokes on")
    figure.get_by_role("button", name="undo").click()
    expect(readout).to_contain_text("2 strokes on")


def play_descriptors(figure):
    chosen = figure.locator("tr.chosen th")
    assert chosen.inner_text().endswith("patch + DAISY + semantic")
    figure.get_by_role("button", name="semantic").click()
    assert chosen.inner_text().endswith("patch + DAISY")


def play_coherence(figure):
    score = figure.locator(".score")
    expect(score).to_contain_text("885 label changes")
    figure.get_by_label("Smoothness").fill("0.05")
    expect(score).to_contain_text("249 label changes")  # as printed before
    figure.locator("canvas.picture").press("ArrowLeft")
    assert "Row 33, column 33" in figure.locator(".readout").inner_text()


def play_decoders(curtain):
    rail = curtain.get_by_role("slider", name="Curtain")
    rail.press("ArrowLeft")
    told = "48 % smoothness 0, 52 % smoothness 0.05"
    assert rail.get_attribute("aria-valuetext") == told


def play_game(figure):
    figure.locator(".next").click()
    assert "Round 1 of 10, window 1 of 4" in figure.locator(".status").inner_text()
    figure.locator("canvas.mine").press("Enter")
    assert figure.get_by_label("9 of 10 chips left").is_visible()
    figure.locator(".next").click()
    assert "37 \u00d7 37 pixels" in figure.inner_text()  # as printed below


DECODED = "(images) => Promise.all(images.map((image) => image.decode()))"
PLAYED = {
    "intro": {".curtain": draw_curtain, ".journey": play_journey},
    "lab": {".color-solid": play_solid, ".gamut-explorer": play_slice},
    "quantize": {
        ".turning-fence": play_fence,
        ".gamut-explorer": play_gamut,
        ".soft-encoding-picker": play_encoding,
    },
    "prior": {".prior-bench": play_bench},
    "network": {
        ".microscope": play_microscope,
        ".layer-maps": play_maps,
        ".receptive-field": play_field,
    },
    "game": {".game": play_game},
    "losses": {
        ".two-colors": play_two_colors,
        ".loss-playground": play_descent,
        ".curtain": play_curtain,
    },
    "evaluate": {".curtain": play_curtain},
    "scribbles": {".painter": play_painter},
    "multimodal": {".coherence": play_coherence, ".curtain": play_decoders},
    "descriptors": {".descriptor-lab": play_descriptors},
    "probe": {".look-alikes": play_alikes},
}


@pytest.mark.browser
@pytest.mark.parametrize(
    "scheme", [pytest.param("http", marks=pytest.mark.stress), "file"]
)
@pytest.mark.parametrize("chapter", PLAYED)
def test_figures_play_in_their_chapter(browser, book_server, chapter, scheme):
    home = book_server if scheme == "http" else BUILT.as_uri()
    with open_page(browser, f"{home}/book/{chapter}.html") as (page, problems):
        for selector, play_figure in PLAYED[chapter].items():
            play_figure(page.locator(selector))
        expect(page.locator(".tag_still")).to_have_count(len(PLAYED[chapter]))
        expect(page.locator(".tag_still:not(.replaced)")).to_have_count(0)
        assert problems == []


@pytest.mark.browser
@pytest.mark.parametrize("chapter", ["decode", *PLAYED])
def test_a_still_picture_without_scripts(browser, book_server, chapter):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{book_server}/book/{chapter}.html")
    stills = page.locator(".tag_still :is(img, .chart)").all()
    assert stills
    assert all(still.is_visible() for still in stills)
    context.close()


@pytest.mark.browser
def test_a_still_picture_in_print(browser, book_server):
    with open_page(browser, f"{book_server}/book/decode.html") as (page, _):
        page.locator(".temperature-explorer").wait_for()
        page.emulate_media(media="print")
        assert page.locator(".tag_still :is(img, .chart)").is_visible()
        assert not page.locator(".temperature-explorer").is_visible()


@pytest.mark.browser
def test_explorer_plays_in_jupyterlab(browser, jupyter_lab, tmp_path):
    """Its two cells of the chapter; `make test` runs all others without JupyterLab."""
    chapter = nbformat.read(BOOK / "decode.ipynb", as_version=4)
    names = ("from colorlab", "TemperatureExplorer(model")
    chapter.cells = [
        next(c for c in chapter.cells if c.cell_type == "code" and name in c.source)
        for name in names
    ]
    nbformat.write(chapter, tmp_path / "project/book/explorer.ipynb")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    run_all_cells(page, jupyter_lab, "book/explorer.ipynb")
    explorer = page.locator(".temperature-explorer")
    explorer.scroll_into_view_if_needed()
    play(explorer)
    page.close()
