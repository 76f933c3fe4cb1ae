"""The prior's bench: its arguments, and the bench played."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401
from PIL import Image
from test_widget_pages import (
    open_on_phone,
    open_widget,
    small_targets,
    swipe,
)

from colorlab import bin_centers, load_prior, rebalance_weights, smooth_prior
from colorlab.widgets import PriorBench
from colorlab.widgets.priorbench import pixel_bins

# Float64 on both sides: only the order of sums of 313 terms differs.
CLOSE = {"rtol": 1e-11, "atol": 0}


@pytest.fixture(scope="module")
def photo():
    """Left half gray, right half a vivid red."""
    pixels = np.full((40, 60, 3), 128, dtype=np.uint8)
    pixels[:, 30:] = 230, 20, 20
    return Image.fromarray(pixels)


def test_what_travels(photo):
    widget = PriorBench(photo, size=20)
    assert widget.size == [30, 20]
    p = torch.frombuffer(bytearray(widget.p), dtype=torch.float64)
    assert torch.allclose(p, load_prior(), **CLOSE)
    bins = np.frombuffer(widget.bins, "<u2").reshape(20, 30)
    color = bin_centers()[torch.from_numpy(bins.astype(np.int64))]
    assert (color[:, :14] == 0).all()  # gray; the two middle columns are mixed
    assert color[:, 16:].norm(dim=2).min() > 80  # ab units
    small = photo.resize((30, 20))
    assert (bins == pixel_bins(small, bin_centers()).numpy()).all()


def test_small_photos_stay(photo):
    assert PriorBench(photo).size == [60, 40]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"p": torch.ones(312)}, "p must hold 313"),
        ({"p": torch.zeros(313)}, "p must hold 313"),
        ({"p": -torch.ones(313)}, "p must hold 313"),
        ({"lam": 1.1}, "lam"),
        ({"sigma": 0.5}, "sigma"),
    ],
)
def test_impossible_arguments_are_refused(photo, given, told):
    with pytest.raises(ValueError, match=told):
        PriorBench(photo, **given)


def maps(figure):
    """Read prior, weights and pixels as they are drawn."""
    return figure.locator("canvas").evaluate_all(
        "(all) => all.map((canvas) => canvas.toDataURL())"
    )


def told(figure):
    return figure.inner_text().replace("\u2212", "-").replace("\u00a0", " ")


def expected(figure):
    return re.search(r"smoothed prior: (\S+)", told(figure)).group(1)


# The pixels beside the middles of all bins in a quarter without letters.
BINS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(
    0, 0, canvas.width, canvas.height);
  const found = [];
  for (let a = -80; a <= 90; a += 10) {
    for (let b = -70; b <= 70; b += 10) {
      const x = Math.round((a + 117) / 240 * canvas.width);
      const y = Math.round((1 - (b + 127) / 240) * canvas.height);
      const at = 4 * (y * canvas.width + x);
      found.push([...data.slice(at, at + 3)]);
    }
  }
  return found;
}"""


@pytest.mark.browser
def test_bench_says_what_the_chapter_says(browser, tmp_path, photo):
    with open_widget(browser, PriorBench(photo), tmp_path) as (_, figure):
        assert expected(figure) == "1.000"
        assert "that were counted: 0.896" in told(figure)  # as the chapter prints
        assert "50 % of the pixels gain, 50 % lose" in told(figure)
        # On a plane of blue and yellow, shares and weights are shades of gray.
        for plane in figure.locator("canvas.plane").all():
            shades = np.array(plane.evaluate(BINS))
            assert len(np.unique(shades[:, 0])) > 20
            assert np.ptp(shades, axis=1).max() <= 1
        assert small_targets(figure) == []


@pytest.mark.browser
def test_bench_by_keyboard(browser, tmp_path, photo):
    with open_widget(browser, PriorBench(photo), tmp_path) as (_, figure):
        first = maps(figure)
        figure.get_by_label("Lambda").press("ArrowLeft")
        second = maps(figure)
        same = [a == b for a, b in zip(first, second, strict=True)]
        assert same == [True, False, False]  # lambda is not in the prior
        assert "0.49" in told(figure)
        figure.get_by_label("Sigma").press("ArrowRight")
        third = maps(figure)
        assert not any(a == b for a, b in zip(second, third, strict=True))
        figure.get_by_role("button", name="linear").click()
        same = [a == b for a, b in zip(third, maps(figure), strict=True)]
        assert same == [False, True, True]
        for lam in ("0", "0.2", "1"):
            figure.get_by_label("Lambda").fill(lam)
            assert expected(figure) == "1.000"
        assert "0 % of the pixels gain, 0 % lose; mean v 1." in told(figure)


@pytest.mark.browser
def test_pick_a_pixel_and_a_bin(browser, tmp_path, photo):
    w = rebalance_weights(smooth_prior(load_prior(), bin_centers()))
    with open_widget(browser, PriorBench(photo), tmp_path) as (_, figure):
        picture = figure.get_by_role("group", name="Photo")
        box = picture.bounding_box()
        picture.click(position={"x": 5, "y": 5})
        gray = (bin_centers().norm(dim=1) == 0).nonzero().item()
        assert f"bin (0, 0): share 0.286 counted, 0.197 smoothed; weight {w[gray]:.3}"[
            :-1
        ] in told(figure)
        picture.click(position={"x": box["width"] - 5, "y": 5})
        assert "bin (0, 0)" not in told(figure)
        for _ in range(6):
            picture.press("Shift+ArrowLeft")
        assert "bin (0, 0)" in told(figure)
        plane = figure.locator("canvas.plane").first
        plane.press("ArrowRight")
        plane.press("ArrowUp")
        assert "bin (10, 10)" in told(figure)
        assert figure.locator(".spot:visible").count() == 0
        box = plane.bounding_box()
        plane.click(position={"x": box["width"] * 115 / 240, "y": box["height"] / 2})
        assert "bin (0, 0)" in told(figure)  # a from -115, b from -125
        assert "shown at L 65" in told(figure)
        swatch = figure.locator(".swatch")
        shade = swatch.evaluate("(s) => getComputedStyle(s).backgroundColor")
        assert len(set(re.findall(r"\d+", shade))) == 1  # a gray


@pytest.mark.browser
def test_bench_refuses_as_the_library_does(browser, tmp_path, photo):
    p = torch.zeros(313)
    p[0] = 1  # a corner of the plane: what is far stays empty
    with pytest.raises(ValueError, match="lam must be above 0"):
        rebalance_weights(smooth_prior(p, bin_centers(), 1), 0)
    widget = PriorBench(photo, p, lam=0, sigma=1)
    with open_widget(browser, widget, tmp_path) as (_, figure):
        assert "must be above 0, as" in told(figure)
        figure.get_by_label("Lambda").press("ArrowRight")
        assert expected(figure) == "1.000"


@pytest.mark.browser
def test_bench_by_touch(browser, tmp_path, photo):
    with open_on_phone(browser, PriorBench(photo), tmp_path) as (_, figure):
        pixels = figure.get_by_role("group", name="Weights of its pixels")
        pixels.tap(position={"x": 4, "y": 4})
        assert "bin (0, 0)" in told(figure)
        figure.get_by_role("button", name="linear").tap()
        pressed = figure.get_by_role("button", name="linear")
        assert pressed.get_attribute("aria-pressed") == "true"


PLACES = """(figure) => {
  const box = (node) => node.getBoundingClientRect();
  const [prior, weight] = [...figure.querySelectorAll("canvas.plane")].map(box);
  const told = figure.querySelector(".told"), bar = figure.querySelector(".controls");
  const last = [...figure.querySelectorAll("input")].at(-1);
  return {prior: prior.top, weight: weight.top, told: box(told).bottom,
          bar: box(bar).bottom, sliders: box(last).bottom};
}"""


@pytest.mark.browser
@pytest.mark.parametrize("phone", [False, True])
def test_sliders_are_seen_with_what_they_change(browser, tmp_path, photo, phone):
    opening = open_on_phone if phone else open_widget
    with opening(browser, PriorBench(photo), tmp_path) as (page, figure):
        plane = figure.locator("canvas.plane").last
        if phone:  # to the map of weights, below the sliders, which stay
            bar = figure.locator(".controls").bounding_box()["height"]
            top = plane.bounding_box()["y"] - bar - 40
            page.evaluate("(top) => scrollTo(0, top)", top)
        places = figure.evaluate(PLACES)
        height = page.viewport_size["height"] - (0 if phone else 100)
        assert 0 < places["sliders"] <= places["bar"] <= places["weight"]
        assert phone or places["prior"] == places["weight"]
        assert places["told"] < height


def point(plane, a, b):
    """Give the place of a color on a map, in page pixels from its corner."""
    box = plane.bounding_box()
    return (a + 115) / 240 * box["width"], (1 - (b + 125) / 240) * box["height"]


@pytest.mark.browser
def test_bins_by_touch(browser, tmp_path, photo):
    with open_on_phone(browser, PriorBench(photo), tmp_path) as (page, figure):
        plane = figure.locator("canvas.plane").last
        assert plane.bounding_box()["width"] / 24 > 13  # page pixels a bin
        x, y = point(plane, 33, 17)  # the nearest bin is found
        plane.tap(position={"x": x, "y": y})
        assert "bin (30, 20)" in told(figure)
        box, before = plane.bounding_box(), page.evaluate("scrollY")
        path = [point(plane, *ab) for ab in ((33, 17), (33, 30), (31, 48), (29, 61))]
        swipe(page, *[(box["x"] + u, box["y"] + v) for u, v in path])
        assert "bin (30, 60)" in told(figure)  # drawn along, and the page stays
        assert page.evaluate("scrollY") == before
        x, y = point(plane, 150, 40)  # beyond the rim
        plane.tap(position={"x": min(x, box["width"] - 2), "y": y})
        assert "bin (90, 40)" in told(figure)
