"""Figures hold what they are given."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from phone import small_letters
from PIL import Image

from colorlab._notebook import STYLE, book_data
from colorlab.lab import rgb_to_lab
from colorlab.plots import (
    show_bins,
    show_curves,
    show_distribution,
    show_fooling,
    show_gamut,
    show_grids,
    show_images,
    show_intervals,
    show_swatches,
)
from colorlab.quantize import STEP

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_show_images_takes_pictures_arrays_and_tensors():
    images = {
        "picture": Image.new("RGB", (4, 3), (255, 0, 0)),
        "array": np.zeros((3, 4, 3), dtype=np.uint8),
        "tensor": torch.full((3, 3, 4), 0.5),
    }
    figure = show_images(images, columns=2)
    shown = [ax for ax in figure.axes if ax.get_images()]
    assert [ax.get_title() for ax in shown] == list(images)
    assert len(figure.axes) == 4  # two rows of two, one empty
    assert shown[2].get_images()[0].get_array().shape == (3, 4, 3)


def test_show_grids_writes_numbers_and_frames_cells():
    grid = torch.tensor([[1.0, -2.0], [0.5, torch.nan]])
    frame = torch.tensor([[False, True], [False, False]])
    left, right = show_grids({"a": grid, "b": grid[:1]}, {"a": frame}).axes
    assert [text.get_text() for text in left.texts] == ["1", "-2", "0.5"]
    assert [text.get_text() for text in right.texts] == ["1", "-2"]
    assert (len(left.patches), len(right.patches)) == (4 + 1, 2)
    assert left.patches[-1].get_center() == pytest.approx((1, 0))
    image = left.get_images()[0]
    low, high = image.cmap(image.norm([-2.0, 1.0]))[:, 0]
    assert 0.5 < low < high  # the larger, the lighter, and black letters show on all


def test_show_curves_draws_each_run_and_leaves_gaps():
    runs = {
        "first": [{"step": 2, "loss": 5.0, "one_way": 1.0}, {"step": 4, "loss": 4.0}],
        "second": [{"step": 2, "loss": None, "one_way": 0.5}],
    }
    loss, one_way = show_curves(runs, ["loss", "one_way"]).axes
    drawn = [line.get_xydata().tolist() for line in loss.lines]
    assert drawn == [[[2, 5.0], [4, 4.0]], []]
    assert [line.get_xydata().tolist() for line in one_way.lines] == [
        [[2, 1.0]],
        [[2, 0.5]],
    ]
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("step", "loss, nats")
    assert one_way.get_ylabel() == "one_way"
    told = [text.get_text() for text in loss.get_legend().get_texts()]
    assert told == ["first", "second"]
    assert len({line.get_linestyle() for line in loss.lines}) == 2  # not by hue alone


def test_the_last_of_three_panels_fills_its_row():
    runs = {"run": [{"step": 1, "a": 1.0, "b": 1.0, "c": 1.0}]}
    axes = show_curves(runs, ["a", "b", "c"]).axes
    columns = [list(ax.get_subplotspec().colspan) for ax in axes]
    assert columns == [[0], [1], [0, 1]]


def test_one_run_needs_no_legend():
    (ax,) = show_curves({"run": [{"step": 1, "norm": 2.0}]}, ["norm"]).axes
    assert ax.get_legend() is None


def test_squares_have_areas_like_the_probabilities(centers):
    Z_hat = torch.zeros(len(centers))
    Z_hat[120], Z_hat[121] = 0.8, 0.2
    ax = show_distribution(Z_hat, centers, L=50.0)
    areas = sorted(patch.get_width() * patch.get_height() for patch in ax.patches)
    assert areas == pytest.approx([25, 100])  # the likeliest fills its 10 x 10 square


def test_marks_stand_where_they_belong(centers):
    marks = {"mean": torch.tensor([3.0, -7.0]), "mode": torch.tensor([20.0, 10.0])}
    Z_hat = torch.full((len(centers),), 1 / len(centers))
    ax = show_distribution(Z_hat, centers, L=50.0, marks=marks)
    drawn = {line.get_label(): line.get_xydata()[0].tolist() for line in ax.lines}
    assert drawn == {name: point.tolist() for name, point in marks.items()}
    assert "Lab units" in ax.get_xlabel()
    assert "Lab units" in ax.get_ylabel()


def test_bins_lie_where_their_centers_are(centers):
    values = torch.arange(len(centers))  # bin 0 has the value 0
    ax = show_bins(values, centers, label="share")
    (bins,) = ax.collections
    assert bins.get_array().tolist() == values.tolist()
    for number in (1, 120, 312):
        box = bins.get_paths()[number].get_extents()
        middle = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]
        assert middle == pytest.approx(centers[number].tolist())
        assert box.width == pytest.approx(STEP)
    assert bins.get_cmap()(1.0)[:3] == (1, 1, 1)  # the larger, the lighter
    # On a plane of blue and yellow, no number may look blue or yellow.
    shades = bins.get_cmap()(np.linspace(0, 1, 9))[:, :3]
    assert np.ptp(shades, axis=1).max() == 0
    assert ax.lines[0].get_xydata().tolist() == [centers[0].tolist()]
    assert ax.figure.axes[1].get_ylabel() == "share"


def test_bins_without_a_label_have_no_bar(centers):
    assert len(show_bins(torch.ones(len(centers)), centers).figure.axes) == 1


def test_white_swatches_end_somewhere():
    white = torch.tensor([100.0, 0, 0]).view(3, 1, 1)
    ax = show_swatches(white, ["light"], ["1.0"])
    assert all(spine.get_visible() for spine in ax.spines.values())


def test_swatches_stand_in_their_row_and_column():
    lab = torch.zeros(3, 2, 6)
    lab[0, 1, 5] = 100.0  # white, in the last row and column
    ax = show_swatches(lab, ["up", "down"], ["left", "middle", "right"])
    (image,) = ax.get_images()
    assert np.round(image.get_array()[:, :, 0]).tolist() == [[0] * 6, [0] * 5 + [1]]
    assert image.get_extent() == [0, 6, 2, 0]
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert dict(zip(names, ax.get_xticks(), strict=True)) == {
        "left": 1.0,
        "middle": 3.0,
        "right": 5.0,
    }
    assert ax.get_yticks().tolist() == [0.5, 1.5]


def test_gamut_is_empty_outside_and_has_its_lab_colors_inside():
    (image,) = show_gamut(50.0).get_images()
    left, right, bottom, top = image.get_extent()
    drawn = torch.from_numpy(np.asarray(image.get_array()))
    row, column = int(20 - bottom), int(-30 - left)  # the sample a -29.5, b 20.5
    assert drawn[row, column, 3] == 1
    lab = rgb_to_lab(drawn[row, column, :3].view(3, 1, 1)).flatten()
    assert lab.tolist() == pytest.approx([50.0, -29.5, 20.5], abs=0.01)
    assert drawn[int(-100 - bottom), int(-80 - left), 3] == 0
    assert (right - left, top - bottom) == drawn.shape[1::-1]


def test_gamut_without_any_color_is_drawn():
    assert show_gamut(120.0).get_images()[0].get_array()[..., 3].max() == 0


def test_show_intervals_draws_a_mark_a_measure_and_its_line():
    rows = {"a": {"x": (1.0, 0.5, 2.0), "y": (3.0, 2.0, 4.0)}}
    rows["b"] = {"x": (-1.0, -2.0, 0.0), "y": (0.5, 0.0, 1.0)}
    ax = show_intervals(rows, {"x": "one", "y": "other"})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    marks = [line for line in ax.lines if line.get_marker() not in ("None", None)]
    assert [line.get_label() for line in marks] == ["one", "other"]
    assert marks[0].get_xdata().tolist() == [1, -1]
    (a, b) = ax.collections[0].get_segments()
    assert a[:, 0].tolist() == [0.5, 2]
    assert b[:, 0].tolist() == [-2, 0]
    heights = [line.get_ydata()[0] for line in marks]
    assert heights[0] > heights[1]  # side by side in a row, not upon each other


def test_show_fooling_has_a_row_for_all_and_one_a_photo():
    results = {
        f"person {n}": {"hen": n < 3, "owl": n < 1, "pig": False} for n in range(4)
    }
    ax = show_fooling(results, title="a class")
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows == ["all, 4 people", "hen", "owl", "pig"]
    assert ax.lines[0].get_xdata().tolist() == pytest.approx([100 * 4 / 12, 75, 25, 0])
    assert ax.get_title() == "a class"
    left, right = ax.get_xlim()
    assert left < 0 < 100 < right


def test_names_with_dollars_are_not_read_as_formulas():
    ax = show_fooling({"ann": {r"$\frac{1}{$": True, "b": False}})
    ax.figure.canvas.draw()
    assert r"$\frac{1}{$" in [label.get_text() for label in ax.get_yticklabels()]


def test_the_books_data_is_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (book_data() / "lists").is_dir()
    monkeypatch.setattr("colorlab._notebook.__file__", f"{tmp_path}/a/b.py")
    with pytest.raises(FileNotFoundError, match="needs the whole project"):
        book_data()


def test_letters_are_nine_pixels_on_a_phone():
    plt.rcParams.update(STYLE)
    images = {name: Image.new("RGB", (6, 4)) for name in ("a", "a very long name", "c")}
    assert small_letters(show_images(images, columns=3)) == []
    plt.gcf().set_figwidth(9)
    assert small_letters(plt.gcf()) == ["a", "a very long name", "c"]
