"""For other programs: 16 bits a channel, and color as a layer."""

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab import load_pretrained
from colorlab.colorize import colorize
from colorlab.datasets.deep import join_bytes
from colorlab.retouch import blend, color_layer, join_levels, predict_cells


@pytest.fixture(scope="module", name="both")
def fixture_both():
    """A photo and its ab."""
    photo = Image.open("data/photos/cat-chelsea.jpg").convert("L").resize((200, 130))
    image = photo.convert("RGB")
    return image, predict_cells(image, load_pretrained("tiny"), 0.38, 64)


def test_16_bits_and_8_show_the_same(both):
    image, ab = both
    deep = np.concatenate([*join_levels(join_bytes(image), ab)])
    eight = colorize(image, load_pretrained("tiny"), 0.38, 64)
    assert abs(deep / 257 - np.asarray(eight)).max() <= 0.51
    assert len(np.unique(deep)) > 5 * len(np.unique(np.asarray(eight)))


def test_levels_of_a_scan_are_kept():
    """A ramp of 4,000 levels, which 8 bits would make 16."""
    values = np.arange(20_000, 24_000, dtype=np.uint16).reshape(40, 100)
    ab = torch.tensor([8.0, 12.0]).view(1, 2, 1, 1)
    deep = np.concatenate([*join_levels(values, ab)])
    assert len(np.unique(deep[..., 1])) > 3900
    assert (np.diff(deep[..., 1].ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize("deep", [False, True])
def test_image_and_layer_are_the_colored_image(both, deep):
    image, ab = both
    levels = join_bytes(image)
    before = levels if deep else np.asarray(image)
    after = np.concatenate([*join_levels(levels, ab)])
    after = (
        after
        if deep
        else np.asarray(colorize(image, load_pretrained("tiny"), 0.38, 64))
    )
    again = blend(before, color_layer(before, after))
    assert abs(again.astype(int) - after).max() <= 1


def test_every_pair_of_levels_blends_within_one():
    image, colored = np.meshgrid(*[np.arange(256, dtype=np.uint8)] * 2)
    layer = color_layer(image, colored)
    assert abs(blend(image, layer).astype(int) - colored).max() == 1
    assert set(layer[image == colored]) == {128}  # Photoshop's neutral gray
