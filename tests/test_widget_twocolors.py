"""The figure of two colors: its arguments, and the figure played."""

import re

import nbformat
import pytest
import torch
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    fixture_browser,
    fixture_jupyter_lab,
    run_all_cells,
)
from playwright.sync_api import expect
from test_widget_pages import (
    open_on_phone,
    open_widget,
    small_targets,
    swipe,
)

from colorlab import lab_to_rgb
from colorlab.widgets import TwoColors


def reach(L, ab):
    """How far outside 0..1 the color's RGB is."""
    lab = torch.tensor([L, *ab], dtype=torch.float64).view(3, 1, 1)
    rgb = lab_to_rgb(lab, clip=False)
    return (rgb - rgb.clamp(0, 1)).abs().max()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"share": 1.2}, "share"),
        ({"T": 0}, "T must"),
        ({"T": 2}, "T must"),
        ({"first": (100, 100)}, "first .* screen"),
        ({"second": (1, 2, 3)}, "second"),
    ],
)
def test_impossible_arguments_are_refused(given, told):
    with pytest.raises(ValueError, match=told):
        TwoColors(**given)


def chromas(figure):
    """Chroma of A, B, L2's answer, the annealed mean and the mode, as printed."""
    rows = figure.locator(".numbers").all_inner_texts()
    return [int(re.search(r"chroma (\d+)", row).group(1)) for row in rows]


def place(figure, letter):
    label = figure.get_by_role("button", name=f"Color {letter},").get_attribute(
        "aria-label"
    )
    found = re.search(r"a (\S+), b (\S+)\.", label.replace("\u2212", "-")).groups()
    return tuple(map(int, found))


@pytest.mark.browser
def test_first_view_is_the_chapters_sweater(browser, tmp_path):
    with open_widget(browser, TwoColors(), tmp_path) as (_, figure):
        assert chromas(figure) == [72, 71, 51, 64, 72]
        assert "chroma 51, where A has 72 and B 71" in figure.inner_text()
        assert small_targets(figure) == []


@pytest.mark.browser
def test_two_colors_by_keyboard(browser, tmp_path):
    with open_widget(browser, TwoColors(), tmp_path) as (_, figure):
        handle = figure.get_by_role("button", name="Color A,")
        handle.press("ArrowLeft")
        handle.press("ArrowDown")
        handle.press("Shift+ArrowLeft")
        assert place(figure, "A") == (48, 38)
        share = figure.get_by_label("Share of color A")
        share.press("ArrowLeft")
        assert figure.locator(".value").first.inner_text() == "0.69"
        share.fill("0.2")
        assert chromas(figure)[4] == chromas(figure)[1]  # the mode is B now
        figure.get_by_label("Temperature T").fill("1")
        assert chromas(figure)[3] == chromas(figure)[2]  # nothing annealed
        figure.get_by_label("Temperature T").fill("0.01")
        assert chromas(figure)[3] == chromas(figure)[4]
        figure.get_by_role("button", name="half and half").click()
        assert "a tie: A or B" in figure.inner_text()
        assert chromas(figure)[2:4] == [45, 45]  # at a tie no T helps
        figure.get_by_role("button", name="opposite colors").click()
        assert chromas(figure)[2] == 0


@pytest.mark.browser
def test_two_colors_by_mouse(browser, tmp_path):
    with open_widget(browser, TwoColors(), tmp_path) as (page, figure):
        plane = figure.locator("canvas.plane")
        before = plane.evaluate("(canvas) => canvas.toDataURL()")
        box = plane.bounding_box()
        figure.get_by_role("button", name="Color B,").hover()
        page.mouse.down()
        gray = (
            box["x"] + box["width"] * 85 / 190,
            box["y"] + box["height"] * 105 / 190,
        )
        page.mouse.move(*gray)  # a and b go from -85 to 105
        a, b = place(figure, "B")
        assert max(abs(a), abs(b)) <= 1
        page.mouse.move(box["x"], box["y"])  # no screen color there
        assert reach(60, place(figure, "B")) < 0.02  # labels are rounded
        page.mouse.up()
        page.mouse.move(box["x"] + 9, box["y"] + 300)
        assert place(figure, "B")[1] > 0  # let go
        assert plane.evaluate("(canvas) => canvas.toDataURL()") != before


@pytest.mark.browser
def test_two_colors_by_touch(browser, tmp_path):
    with open_on_phone(browser, TwoColors(), tmp_path) as (page, figure):
        box = figure.get_by_role("button", name="Color A,").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        swipe(page, (x, y), (x - 20, y + 10), (x - 40, y + 20))
        a, b = place(figure, "A")
        assert a < 45
        assert b < 35


LIVE = """
from ipywidgets import HTML
from traitlets import dlink
from colorlab.widgets import TwoColors
widget, kernel = TwoColors(), HTML()
dlink((widget, "share"), (kernel, "value"), "the kernel has {:.2f}".format)
widget
"""


@pytest.mark.browser
@pytest.mark.stress  # another figure is played there, too
def test_two_colors_in_jupyterlab(browser, jupyter_lab, tmp_path):
    cells = [nbformat.v4.new_code_cell(code) for code in (LIVE, "kernel", "widget")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "project/two.ipynb")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    run_all_cells(page, jupyter_lab, "two.ipynb")
    figures = page.locator(".lab-figure.two-colors")
    expect(figures).to_have_count(2)
    figure, other = figures.all()
    share = figure.get_by_label("Share of color A")
    share.press("ArrowLeft")  # Lab itself would move to another cell
    for view in (figure, other):
        expect(view.locator(".value").first).to_have_text("0.69")
    page.get_by_text("the kernel has 0.69").wait_for()
    other.get_by_role("button", name="opposite colors").click()
    page.get_by_text("the kernel has 0.50").wait_for()
    assert chromas(figure)[2] == chromas(other)[2] == 0
    page.close()
