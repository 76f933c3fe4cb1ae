"""The figure of cells that decide together: its bytes, its choice, and played."""

import re

import numpy as np
import pytest
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from test_widget_pages import open_on_phone, open_widget, small_targets, swipe

from colorlab import bin_centers
from colorlab.classics.multimodal import FLOOR, coherent, energy, label_changes
from colorlab.widgets import Coherence
from colorlab.widgets.coherence import KEEP, pack_cells

MOST_BYTES = 150_000
ROWS, COLUMNS = 12, 16
CENTERS = bin_centers().numpy()


def noise(height=60, width=80, seed=1):
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height))


@pytest.fixture(scope="module")
def logits():
    """Distributions over 40 bins, alike in blocks and noisy."""
    rng = np.random.default_rng(0)
    found = np.full((313, ROWS, COLUMNS), -9.0)
    blocks = rng.normal(size=(40, 3, 4)).repeat(4, axis=1).repeat(4, axis=2)
    found[rng.permutation(313)[:40]] = 1.5 * blocks + rng.normal(size=blocks.shape)
    return found


def unpack(widget):
    """Log p (Q, rows, columns), from the bytes of the page."""
    grid, blob = widget.grid, np.frombuffer(widget.pixels, np.uint8)
    cells = grid["rows"] * grid["columns"]
    places, shares = blob[-2 * KEEP * cells :].reshape(2, cells, KEEP)
    p = np.full((cells, 313), FLOOR / 313)
    share = shares / shares.sum(axis=1, keepdims=True, dtype=float)
    bins = np.array(grid["bins"])[places]
    p[np.arange(cells)[:, None], bins] += (1 - FLOOR) * share
    return np.log(p).T.reshape(313, grid["rows"], grid["columns"])


def test_what_travels_is_nearly_all_of_the_distributions(logits):
    found = np.exp(unpack(Coherence(noise(), logits)))
    whole = np.exp(logits) / np.exp(logits).sum(axis=0)
    assert np.allclose(found.sum(axis=0), 1)
    best = np.argsort(-logits, axis=0)[:KEEP]
    kept = np.take_along_axis(whole, best, axis=0)
    assert kept.sum(axis=0).mean() > 0.85
    again = np.take_along_axis(found, best, axis=0)
    assert np.abs(again - kept / kept.sum(axis=0)).max() < 0.01  # rounded to bytes


def test_truth_and_lightness_travel():
    photo = Image.new("RGB", (80, 60), "red")  # L 53, a 80, b 67
    _, blob = pack_cells(photo, np.zeros((313, 6, 8)))
    assert set(blob[: 4 * 48]) == {136}
    assert set(blob[4 * 48 : 6 * 48]) == {80, 67}


def test_a_figure_is_light():
    """With as many cells and bins as the chapter's, of whatever distributions."""
    logits = np.full((313, 40, 53), -9.0)
    logits[100:190] = np.random.default_rng(0).normal(size=(90, 40, 53))
    widget = Coherence(noise(), logits)
    data = widget.pixels + widget.centers
    assert len(data) * 4 / 3 + len(widget._esm) + len(widget._css) < MOST_BYTES


@pytest.mark.parametrize(
    ("shape", "told"),
    [((313, 4), r"got \(313, 4\)"), ((9, 4, 5), r"\(313, rows, columns\), got \(9")],
)
def test_impossible_logits_are_refused(shape, told):
    with pytest.raises(ValueError, match=told):
        Coherence(noise(), np.zeros(shape))


def test_too_many_bins_are_refused():
    logits = np.random.default_rng(0).normal(size=(313, 9, 9))
    with pytest.raises(ValueError, match="256 likely bins at most, got 2"):
        Coherence(noise(), logits)


def plain(text):
    return text.replace("\u2212", "-").replace("\u00a0", " ")


def told(figure):
    """Label changes and energy, and the two of the mode."""
    figure.locator('.score[aria-busy="false"]').wait_for()
    text = figure.locator(".score").inner_text()
    pattern = r"(\d+) label changes, energy (\d+).*: (\d+) changes, energy (\d+)"
    return [int(number) for number in re.search(pattern, text, re.S).groups()]


def expected(log_p, smoothness):
    """What the page must tell, computed by colorlab."""
    found = []
    for chosen in (coherent(log_p, CENTERS, smoothness), coherent(log_p, CENTERS, 0)):
        cost = energy(chosen, log_p, CENTERS, smoothness)
        found += [label_changes(chosen), round(cost)]
    return found


def mark(figure, name):
    row = figure.locator(".marks tr", has_text=name)
    pattern = r"a (-?\d+), b (-?\d+)"
    return [int(n) for n in re.search(pattern, plain(row.inner_text())).groups()]


@pytest.mark.browser
def test_the_choice_is_colorlabs(browser, tmp_path, logits):
    widget = Coherence(noise(), logits, cell=(5, 4))
    log_p = unpack(widget)
    with open_widget(browser, widget, tmp_path) as (page, figure):
        assert page.locator(".tag_still.replaced").count() == 1
        assert small_targets(figure) == []
        slider = figure.get_by_label("Smoothness")
        seen = []
        for smoothness in (0, 0.01, 0.05, 0.2):
            slider.fill(str(smoothness))
            assert told(figure) == expected(log_p, smoothness)
            seen.append(told(figure)[0])
            bins = coherent(log_p, CENTERS, smoothness)
            assert mark(figure, "together") == CENTERS[bins[4, 5]].tolist()
        assert seen == sorted(seen, reverse=True)
        assert seen[0] > 2 * seen[2]
        top = CENTERS[log_p[:, 4, 5].argmax()]
        assert mark(figure, "mode") == top.tolist()
        mean = np.exp(log_p[:, 4, 5]) @ CENTERS
        assert np.abs(mean - mark(figure, "mean")).max() <= 0.51


@pytest.mark.browser
def test_by_mouse_and_keys(browser, tmp_path, logits):
    widget = Coherence(noise(), logits, smoothness=0.05)
    log_p = unpack(widget)
    with open_widget(browser, widget, tmp_path) as (page, figure):
        picture, readout = figure.locator("canvas.picture"), figure.locator(".readout")
        box = picture.bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 2, steps=3)
        page.mouse.up()
        assert f"Row 1, column {COLUMNS}:" in readout.inner_text()
        picture.press("Shift+ArrowLeft")
        picture.press("ArrowDown")
        assert f"Row 2, column {COLUMNS - 5}:" in readout.inner_text()
        chosen = coherent(log_p, CENTERS, 0.05)
        lost = log_p.max(axis=0) - np.take_along_axis(log_p, chosen[None], axis=0)[0]
        for y, x in np.argwhere(lost > 0.1)[:2].tolist() + [[0, 0]]:
            size = box["width"] / COLUMNS, box["height"] / ROWS
            picture.click(position={"x": (x + 0.5) * size[0], "y": (y + 0.5) * size[1]})
            text = readout.inner_text()
            gave = re.search(r"(\d+\.\d+) nats given up", text)
            assert float(gave[1] if gave else 0) == pytest.approx(lost[y, x], abs=0.006)
        shown = set()
        for view in ("colored", "labels", "gray", "truth"):
            figure.get_by_role("button", name=view).click()
            shown.add(picture.evaluate("(canvas) => canvas.toDataURL()"))
        assert len(shown) == 4
        figure.get_by_label("Smoothness").press("ArrowRight")  # and shows the choice
        pressed = figure.locator('.group button[aria-pressed="true"]')
        assert pressed.inner_text() == "colored"


@pytest.mark.browser
def test_on_a_phone(browser, tmp_path, logits):
    with open_on_phone(browser, Coherence(noise(), logits), tmp_path) as (page, figure):
        picture, readout = figure.locator("canvas.picture"), figure.locator(".readout")
        box = picture.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.touchscreen.tap(x + 2, y + 2)
        assert f"Row {ROWS // 2 + 1}, column {COLUMNS // 2 + 1}:" in (
            readout.inner_text()
        )
        swipe(page, (x, y), (x + 20, y), (x + box["width"] / 4 + 2, y))
        assert f"column {3 * COLUMNS // 4 + 1}:" in readout.inner_text()
        assert small_targets(figure) == []
        readout.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
        slider = figure.get_by_role("slider").bounding_box()
        assert slider["y"] >= 0
