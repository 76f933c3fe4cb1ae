"""The largest image takes so many bytes a pixel, and no more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorlab.datasets.formats import open_checked

STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="Linux tells the peak")

A_PIXEL = 9  # bytes: an image in memory has 4, and it is there twice while it is read
AT_REST = 450e6  # bytes: Python, PyTorch, the network, one band of rows a thread
RUN = """
import atexit, re, sys
from pathlib import Path
from colorlab.__main__ import main

def tell():
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    print("peak", peak[1], file=sys.stderr)

atexit.register(tell)
main()
"""


def picture(width, height, mode="RGB"):
    """A large image that compresses, but not to nothing."""
    rng = np.random.default_rng(0)
    tile = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    tile = tile.resize((1000, 750), Image.Resampling.BICUBIC).convert(mode)
    image = Image.new(mode, (width, height))
    for top in range(0, height, 750):
        for left in range(0, width, 1000):
            image.paste(tile, (left, top))
    return image


def peak(image, result):
    """Color a file by the command; the most memory that it had, in bytes."""
    command = [sys.executable, "-c", RUN, "colorize", str(image), "-o", str(result)]
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [*command, "--model", "tiny"], capture_output=True, text=True, env=environment
    )
    assert "1 of 1 colored" in run.stdout, run.stderr
    return int(re.search(r"peak (\d+)", run.stderr)[1]) * 1024


def size_of(path):
    with open_checked(path, sys.maxsize) as image:
        return image.size


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_image_of_16_megapixels(tmp_path, mode):
    picture(4000, 4000, mode).save(tmp_path / "large.jpg")
    assert peak(tmp_path / "large.jpg", tmp_path / "colored.jpg") < (
        AT_REST + A_PIXEL * 16e6
    )
    assert size_of(tmp_path / "colored.jpg") == (4000, 4000)


@pytest.mark.stress
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_an_image_of_300_megapixels(tmp_path, suffix):
    path, result = tmp_path / f"large.{suffix}", tmp_path / f"colored.{suffix}"
    picture(20_000, 15_000).save(
        path, **{"compress_level": 1} if suffix == "png" else {}
    )
    # What is written is in memory, too, beside one copy of the image.
    taken = peak(path, result)
    assert taken < AT_REST + max(A_PIXEL * 300e6, 5 * 300e6 + result.stat().st_size)
    assert size_of(result) == (20_000, 15_000)
