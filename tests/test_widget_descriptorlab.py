"""The figure of descriptors: its arguments, and what it answers, against colorlab."""

import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from test_widget_pages import open_on_phone, open_widget, small_targets, swipe
from torch import nn

from colorlab import lab_to_rgb, upsample
from colorlab.classics.descriptors import (
    color_pixels,
    daisy,
    fit_perceptron,
    patches,
)
from colorlab.widgets import DescriptorLab
from colorlab.widgets.descriptorlab import SETS

HEIGHT, WIDTH = 24, 32


@pytest.fixture(scope="module")
def photos():
    """Two photos of noise: name, Lab of whole bytes, semantic feature."""
    rng = torch.Generator().manual_seed(0)
    found = []
    for name in ("noise", "other"):
        bright = torch.randint(60, 200, (HEIGHT, WIDTH), generator=rng) / 2.55
        ab = torch.randint(-40, 40, (2, HEIGHT // 4, WIDTH // 4), generator=rng).float()
        lab = torch.cat(
            [bright[None], ab.repeat_interleave(4, 1).repeat_interleave(4, 2)]
        )
        found.append((name, lab, torch.randn(5, 2, 2, generator=rng)))
    return found


def features(lab, semantic):
    gray = (lab[0] / 100).double().numpy()
    large = upsample(semantic[None], (HEIGHT, WIDTH))[0].numpy()
    return {"patch": patches(gray), "DAISY": daisy(gray), "semantic": large}


@pytest.fixture(scope="module")
def perceptrons(photos):
    parts = [features(lab, semantic) for _, lab, semantic in photos]
    colors = np.concatenate([lab[1:].flatten(1).T.numpy() for _, lab, _ in photos])
    trained = {}
    for name in SETS:
        rows = [np.concatenate([part[n] for n in name.split()]) for part in parts]
        rows = np.concatenate([each.reshape(len(each), -1).T for each in rows])
        trained[name] = fit_perceptron(rows, colors, steps=60)
    return trained


@pytest.fixture
def figure_of(perceptrons, photos):
    return DescriptorLab(perceptrons, photos)


def answers(perceptrons, photo, name):
    part = features(*photo[1:])
    return color_pixels(
        perceptrons[name], np.concatenate([part[n] for n in name.split()])
    )


def test_impossible_arguments_are_refused(perceptrons, photos):
    with pytest.raises(ValueError, match="perceptrons must hold 'patch', got"):
        DescriptorLab({"DAISY": nn.Sequential()}, photos)
    with pytest.raises(ValueError, match="photos must hold one or more, got none"):
        DescriptorLab(perceptrons, [])


def told(figure):
    """Give a and b by the name of the row, as the table prints them."""
    rows = {}
    for text in figure.locator(".marks tr").all_inner_texts():
        text = text.replace("\u2212", "-").replace("\u00a0", " ")
        name, a, b = re.match(
            r"(?:\u25b8 )?([\w+ ]+?)\s*a (-?\d+), b (-?\d+)", text
        ).groups()
        rows[name.replace(" +", "")] = int(a), int(b)
    return rows


PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return { side: width, data: Array.from(data) };
}"""


def picture(figure):
    """Give the middle of each drawn pixel, (HEIGHT, WIDTH, 3) bytes."""
    drawn = figure.locator("canvas.picture").evaluate(PIXELS)
    data = np.array(drawn["data"]).reshape(-1, drawn["side"], 4)
    return data[2::4, 2::4, :3]


@pytest.mark.browser
def test_the_page_answers_as_colorlab(
    browser, tmp_path, figure_of, perceptrons, photos
):
    with open_widget(browser, figure_of, tmp_path) as (_, figure):
        y, x = HEIGHT // 6, WIDTH // 2  # picked at first
        for name, ab in told(figure).items():
            if name == "truth":
                expected = photos[0][1][1:, y, x].numpy()
            else:
                expected = answers(perceptrons, photos[0], name)[:, y, x]
            assert np.abs(np.array(ab) - expected).max() < 0.6  # printed as whole units
        assert len(told(figure)) == len(SETS) + 1
        drawn = picture(figure)
        color = torch.from_numpy(answers(perceptrons, photos[0], SETS[-1])).float()
        rgb = lab_to_rgb(torch.cat([photos[0][1][:1], color]))
        expected = (255 * rgb.clamp(0, 1)).permute(1, 2, 0).numpy()
        apart = np.abs(drawn - expected).max(axis=2)
        apart[: y + 6, x - 5 : x + 6] = 0  # the frame
        assert apart.mean() < 1  # rounding to bytes
        assert apart.max() < 6  # near black, and weights of 16 bits


@pytest.mark.browser
def test_parts_switch_by_mouse_and_one_stays(browser, tmp_path, figure_of):
    with open_widget(browser, figure_of, tmp_path) as (_, figure):
        assert small_targets(figure) == []
        before = picture(figure)
        for name in ("semantic", "DAISY"):
            figure.get_by_role("button", name=name).click()
        chosen = figure.locator("tr.chosen th")
        assert chosen.inner_text().endswith("patch")
        assert figure.locator("figure.off").count() == 2
        assert not np.array_equal(picture(figure), before)
        assert "one must stay" in figure.locator(".bar").inner_text()
        figure.get_by_role("button", name="patch").click()  # the last one stays on
        assert chosen.inner_text().endswith("patch")
        figure.get_by_role("button", name="gray").click()
        gray = picture(figure).reshape(-1, 3)
        assert (gray.max(axis=1) - gray.min(axis=1)).max() <= 1


@pytest.mark.browser
def test_pixels_by_keyboard_and_another_photo(browser, tmp_path, figure_of, photos):
    with open_widget(browser, figure_of, tmp_path) as (_, figure):
        canvas = figure.locator("canvas.picture")
        canvas.press("ArrowLeft")
        canvas.press("Shift+ArrowUp")
        canvas.press("ArrowDown")
        text = figure.locator(".readout").inner_text()
        assert text.startswith("Column 16 of 32, row 2 of 24")
        assert told(figure)["truth"] == tuple(photos[0][1][1:, 1, 15].int().tolist())
        figure.get_by_label("Photo", exact=True).select_option("other")
        assert told(figure)["truth"] == tuple(photos[1][1][1:, 1, 15].int().tolist())
        for _ in range(4):
            canvas.press("Shift+ArrowLeft")
        assert "Column 1 of 32" in figure.locator(".readout").inner_text()


@pytest.mark.browser
def test_pixels_by_touch(browser, tmp_path, figure_of):
    with open_on_phone(browser, figure_of, tmp_path) as (page, figure):
        canvas = figure.locator("canvas.picture")
        box = canvas.bounding_box()
        canvas.tap(position={"x": 2, "y": 2})
        text = figure.locator(".readout").inner_text
        assert text().startswith("Column 1 of 32, row 1 of 24")
        left, top = box["x"] + 4, box["y"] + 4
        swipe(page, *[(left + 20 * n, top) for n in range(5)])
        assert "row 1 of 24" in text()
        assert int(re.match(r"Column (\d+)", text())[1]) > 5
        figure.get_by_role("button", name="patch").tap()
        assert figure.locator("tr.chosen th").inner_text().endswith("DAISY + semantic")
        assert small_targets(figure) == []
