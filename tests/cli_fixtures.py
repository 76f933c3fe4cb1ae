"""What the tests of the command line share: images, a network, the command itself."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab import ColorNet, save_model
from colorlab.__main__ import main


@pytest.fixture(name="photos")
def fixture_photos(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(9):
        pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(name="network")
def fixture_network(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_model(ColorNet(width=2).eval(), path)
    return path


def run(monkeypatch, *words):
    """Run the command in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["colorlab", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code or 0
