"""The playground of losses: its arguments, its descent against autograd, and played."""

import re

import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from playwright.sync_api import expect
from test_widget_pages import open_on_phone, open_widget, small_targets, swipe

from colorlab import bin_centers, l2_loss, soft_cross_entropy, soft_encode
from colorlab.widgets import LossPlayground

MOST_BYTES = 150_000
SHIRTS = [[60.0, 40.0], [0.0, -50.0], [0.0, 60.0]]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"colors": [(100, 100), (0, 0), (1, 1)]}, "colors must"),
        ({"colors": [(0, 0), (1, 1)]}, "colors must"),
        ({"counts": (0, 0, 0)}, "counts must"),
        ({"counts": (1, 2, 21)}, "counts must"),
        ({"counts": (1, 2)}, "counts must"),
        ({"weight": 0.5}, "weight must"),
        ({"rate": 5}, "rate must"),
    ],
)
def test_impossible_arguments_are_refused(given, told):
    with pytest.raises(ValueError, match=told):
        LossPlayground(**given)


def test_the_playground_is_light():
    widget = LossPlayground()
    size = len(widget.centers) * 4 / 3 + len(widget._esm) + len(widget._css)
    assert size < MOST_BYTES


def descend(colors, counts, weight, rate, steps):
    """Walk down colorlab's own losses over all photos, B's repeated, by autograd."""
    times = torch.tensor(counts) * torch.tensor([1, weight, 1])
    photos = torch.tensor(colors).repeat_interleave(times, dim=0)[:, :, None, None]
    bins, weights = soft_encode(photos, bin_centers(), k=1)
    guess = torch.zeros(1, 2, 1, 1, requires_grad=True)
    logits = torch.zeros(1, 313, 1, 1, requires_grad=True)
    for step in range(steps + 1):
        far = l2_loss(guess.expand_as(photos), photos)
        wrong = soft_cross_entropy(
            logits.expand(len(photos), -1, -1, -1), bins, weights
        )
        if step < steps:
            (downhill,) = torch.autograd.grad(far, guess)
            guess = (guess - rate * downhill).detach().requires_grad_()
            (downhill,) = torch.autograd.grad(wrong, logits)
            logits = (logits - rate * downhill).detach().requires_grad_()
    own = torch.cdist(torch.tensor(colors), bin_centers()).argmin(dim=1)
    shares = logits.detach().softmax(dim=1).flatten()[own]
    return guess.flatten().tolist(), far.item(), wrong.item(), shares.tolist()


def plain(text):
    return text.replace("\u2212", "-").replace("\u00a0", " ")


def told(figure):
    """Read the guess, both losses and the shares of A, B and C, as the figure says."""
    guess = plain(figure.locator(".guess").inner_text())
    a, b = map(int, re.match(r"a (-?\d+), b (-?\d+)", guess).groups())
    readout = plain(figure.locator(".readout").inner_text())
    losses = re.search(r"error ([\d.]+),.*entropy ([\d.]+) nats", readout).groups()
    label = plain(figure.locator("canvas.plane").get_attribute("aria-label"))
    shares = dict(re.findall(r"([ABC]) (\d+) %", label))
    return (a, b), *map(float, losses), shares


def fill(figure, label, value):
    figure.get_by_label(label, exact=True).fill(str(value))


@pytest.mark.browser
def test_each_step_is_autograds(browser, tmp_path):
    with open_widget(browser, LossPlayground(SHIRTS), tmp_path) as (_, figure):
        for counts, weight, rate, steps in (
            ((6, 4, 0), 1, 0.2, 0),
            ((6, 4, 0), 1, 0.2, 7),
            ((4, 3, 3), 1, 1.0, 60),
            ((9, 2, 1), 5, 1.5, 25),
        ):
            for letter, count in zip("ABC", counts, strict=True):
                fill(figure, f"Photos in which {letter} is true", count)
            fill(figure, "How often each photo with B counts", weight)
            fill(figure, "Learning rate", rate)
            fill(figure, "Steps of descent", steps)
            guess, far, wrong, shares = descend(SHIRTS, counts, weight, rate, steps)
            seen = told(figure)
            assert seen[0] == pytest.approx(guess, abs=0.51)
            assert seen[1:3] == pytest.approx((far, wrong), abs=0.51, rel=0)
            assert seen[2] == pytest.approx(wrong, abs=0.006)
            for letter, share in zip("ABC", shares, strict=True):
                assert int(seen[3][letter]) == pytest.approx(100 * share, abs=0.51)
        assert small_targets(figure) == []


STICKS_OUT = """(charts) => charts.flatMap((chart) => {
  const { left, right } = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("text")].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < left - 0.5 || box.right > right + 0.5;
  }).map((text) => text.textContent);
})"""


@pytest.mark.browser
def test_above_a_rate_of_two_the_squared_error_runs_away(browser, tmp_path):
    with open_widget(browser, LossPlayground(), tmp_path) as (_, figure):
        fill(figure, "Steps of descent", 200)
        for rate, arrives in ((1.95, True), (2.05, False), (4, False)):
            fill(figure, "Learning rate", rate)
            text = figure.locator(".guess").inner_text()
            assert ("left the plane" not in text) == arrives, rate
            assert "nan" not in figure.inner_text().lower()
            assert "A 60\u00a0%" in figure.locator(".shares").last.inner_text()
            assert figure.locator(".chart").evaluate_all(STICKS_OUT) == []
            assert "e+" not in figure.inner_text()
            curve = figure.locator(".chart").first.locator("polyline.late")
            points = curve.get_attribute("points").split()
            heights = [float(point.split(",")[1]) for point in points]
            if not arrives:  # it rises to its last point, and looks like no plateau
                assert heights[-1] == min(heights) < min(heights[:-1])
        assert (
            figure.locator(".chart .unit").first.text_content().startswith("\u00d7 10")
        )


@pytest.mark.browser
def test_it_runs_pauses_and_steps(browser, tmp_path):
    with open_widget(browser, LossPlayground(), tmp_path) as (_, figure):
        steps = figure.get_by_label("Steps of descent")
        figure.get_by_role("button", name="run").click()
        expect(steps).not_to_have_value("0")
        expect(steps).not_to_have_value("1")
        figure.get_by_role("button", name="pause").click()
        n = int(steps.input_value())
        figure.get_by_role("button", name="1 step").click()
        assert int(steps.input_value()) == n + 1
        steps.press("ArrowLeft")
        assert int(steps.input_value()) == n
        figure.get_by_role("button", name="back to gray").click()
        assert told(figure)[0] == (0, 0)
        fill(figure, "Steps of descent", 199)
        figure.get_by_role("button", name="run").click()
        expect(steps).to_have_value("200")
        figure.get_by_role("button", name="run").wait_for()  # it stops by itself


@pytest.mark.browser
def test_never_no_photo_at_all(browser, tmp_path):
    with open_widget(browser, LossPlayground(counts=(1, 0, 0)), tmp_path) as (
        _,
        figure,
    ):
        fill(figure, "Photos in which A is true", 0)
        assert figure.get_by_label("Photos in which A is true").input_value() == "1"
        assert "A 100" in figure.locator(".shares").first.inner_text()


@pytest.mark.browser
def test_colors_by_mouse_and_keys(browser, tmp_path):
    with open_widget(browser, LossPlayground(), tmp_path) as (page, figure):
        handle = figure.get_by_role("button", name="Color B,")
        handle.press("Shift+ArrowUp")
        assert "a 0, b \u221240" in handle.get_attribute("aria-label")
        handle.hover()
        page.mouse.down()
        box = figure.locator("canvas.plane").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.up()
        label = plain(handle.get_attribute("aria-label"))
        a, b = map(int, re.search(r"a (-?\d+), b (-?\d+)", label).groups())
        assert max(abs(a), abs(b)) <= 1  # gray


@pytest.mark.browser
def test_shares_are_read_in_the_dark(browser, tmp_path):
    ink = "(node) => getComputedStyle(node).color"
    with open_widget(browser, LossPlayground(), tmp_path) as (page, figure):
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        red, *_, others = figure.locator(".shares").last.locator("span").all()
        assert "others 99" in others.inner_text()
        assert others.evaluate(ink) == figure.evaluate(ink) != "rgb(0, 0, 0)"
        assert red.evaluate(ink) == "rgb(0, 0, 0)"  # on a color of L = 55


@pytest.mark.browser
def test_the_answers_fill_the_right_side_of_a_narrow_column(browser, tmp_path):
    column = 608  # what the book leaves a figure of a window of 1,200 pixels, and rims
    with open_widget(browser, LossPlayground(), tmp_path, column) as (_, figure):
        left, right = (pane.bounding_box() for pane in figure.locator(".pane").all())
        assert right["x"] > left["x"] + left["width"]
        whole = figure.bounding_box()
        assert right["x"] + right["width"] > whole["x"] + whole["width"] - 20
        readout = figure.locator(".readout").bounding_box()
        empty = left["y"] + left["height"] - readout["y"] - readout["height"]
        assert abs(empty) < 20


@pytest.mark.browser
def test_no_name_of_a_share_is_cut_on_a_phone(browser, tmp_path):
    cut = """(bars) => bars.flatMap((bar) => [...bar.children])
      .filter((part) => part.scrollWidth > part.clientWidth)
      .map((part) => part.textContent)"""
    with open_on_phone(browser, LossPlayground(), tmp_path) as (_, figure):
        names = set()
        for steps in (0, 1, 2, 5, 10, 15, 20, 30, 40, 60, 100, 200):
            fill(figure, "Steps of descent", steps)
            assert figure.locator(".shares").evaluate_all(cut) == [], steps
            names.add(figure.locator(".shares").last.inner_text())
        assert len(names) > 6


@pytest.mark.browser
def test_on_a_phone_plane_and_controls_are_seen_together(browser, tmp_path):
    with open_on_phone(browser, LossPlayground(), tmp_path) as (page, figure):
        plane = figure.locator("canvas.plane").bounding_box()
        last = figure.get_by_label("How often each photo with B counts").bounding_box()
        assert last["y"] + last["height"] - plane["y"] < 800 - 60  # less the page's bar
        handle = figure.get_by_role("button", name="Color A,")
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        swipe(page, (x, y), (x - 20, y + 10), (x - 40, y + 20))
        label = handle.get_attribute("aria-label")
        assert "a 60, b 40" not in label
        assert page.evaluate("scrollY") == 0
        figure.get_by_role("button", name="three shirts").tap()
        figure.get_by_role("button", name="1 step").tap()
        expect(figure.locator(".readout")).to_contain_text("After 1 step:")
        assert small_targets(figure) == []
