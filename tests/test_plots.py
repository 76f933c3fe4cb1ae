"""Figures hold what they are given."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from colorlab.plots import show_curves, show_distribution, show_images

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
