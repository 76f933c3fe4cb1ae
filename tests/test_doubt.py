"""Doubt: against sums by hand, and as it is painted."""

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab import ColorNet, load_pretrained
from colorlab.doubt import FULL, doubt, paint_doubt, summarize
from colorlab.evaluate import training_adjustment
from colorlab.lab import rgb_to_lab


@pytest.fixture(scope="module", name="model")
def fixture_model():
    return load_pretrained("rebal")  # trained with weights


def test_doubt_is_the_mean_distance_by_the_frequencies(model):
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 313, 2, 3, generator=rng)
    ab = 20 * torch.randn(1, 2, 2, 3, generator=rng)
    log_w = training_adjustment(model)
    assert log_w.abs().max() > 0.5  # there is something to undo
    p = logits[0, :, 1, 2].exp() / log_w.exp()
    far = (model.centers - ab[0, :, 1, 2]).norm(dim=1)
    expected = (p * far).sum() / p.sum()
    found = doubt(model, logits, ab)
    assert found.shape == (1, 2, 3)
    torch.testing.assert_close(found[0, 1, 2], expected)


def test_a_network_of_one_answer_has_no_doubt():
    model = ColorNet(width=2, out_channels=2)
    assert model.head == "ab"
    with pytest.raises(ValueError, match="model must have a head of bins"):
        doubt(model, torch.zeros(1, 2, 1, 1), torch.zeros(1, 2, 1, 1))


def test_summary_is_the_mean_and_that_of_the_worst_tenth():
    cells = torch.zeros(1, 10, 10)
    cells[0, 3] = 50.0
    assert summarize(cells) == (5.0, 50.0)
    assert summarize(torch.full((1, 1, 1), 7.0)) == (7.0, 7.0)


def test_the_map_gets_lighter_with_doubt_and_ends_at_full():
    ramp = torch.linspace(0, 2 * FULL, 33).expand(1, 4, 33)
    row = np.asarray(paint_doubt(ramp, (330, 40)))[20, :330]
    L = rgb_to_lab(torch.from_numpy(row.copy()).T[None, :, None])[0, 0, 0]
    assert (L.diff() > -0.7).all()  # 8 bits
    assert L[-1] - L[0] > 75
    assert L[-1] - L[200] < 1  # above FULL all is one color


def test_the_map_has_the_shape_of_the_image_and_a_scale_below():
    picture = paint_doubt(torch.zeros(1, 4, 8), (4000, 2000))
    assert picture.width == 1024
    assert 512 < picture.height < 600
    scale = picture.crop((0, 512, 1024, picture.height))
    assert len(scale.getcolors(10_000)) > 100
    assert paint_doubt(torch.zeros(1, 4, 8), (9, 3)).width >= 200  # legible


def test_maps_of_two_images_share_one_scale():
    tops = [
        paint_doubt(torch.tensor([[[10.0, high]]]), (400, 200)).getpixel((5, 100))
        for high in (11.0, 39.0)
    ]
    assert tops[0] == tops[1]
    assert isinstance(paint_doubt(torch.zeros(1, 1, 1), (8, 8)), Image.Image)
