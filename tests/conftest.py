"""Fixtures that several test files share."""

import numpy as np
import pretend
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image

from colorlab import bin_centers

# Threads that wait for each other spin when the machine is busy, which makes small
# tests many times slower. One thread also sums in one order.
torch.set_num_threads(1)

DEVICES = {
    "cpu": lambda: True,
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
    "pretend": pretend.is_possible,
}
if pretend.is_possible():
    pretend.register()


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch):
    """Keep accelerate on the CPU, and drop the state of other tests."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(params=DEVICES)
def device(request):
    """Each kind of device in turn; those that the machine lacks are skipped."""
    if not DEVICES[request.param]():
        pytest.skip(f"no {request.param} here")
    return torch.device(request.param)


@pytest.fixture
def pretended():
    """The device that is not there, for tests of what must not be mixed."""
    if not pretend.is_possible():
        pytest.skip("no pretend here: a GPU is, or this PyTorch has no place for it")
    return pretend.DEVICE


@pytest.fixture(scope="session")
def centers():
    return bin_centers()


@pytest.fixture(scope="session")
def save_photos():
    """Return a function that fills a folder with small color photos, seeded."""

    def save(folder, number, size=16, suffix=".png"):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(number)
        for n in range(number):
            # Four flat patches: something to learn, unlike noise.
            patches = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
            pixels = patches.repeat(size // 2, axis=0).repeat(size // 2, axis=1)
            Image.fromarray(pixels).save(folder / f"photo_{n}{suffix}")
        return sorted(folder.iterdir())

    return save
