"""Eight threads color at once: the same pictures, and nothing left changed."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import torch
from PIL import Image

from colorlab import load_pretrained
from colorlab._tiles import each_tile
from colorlab.colorize import _inference, colorize
from colorlab.datasets.formats import open_checked

THREADS = 8
PHOTOS = [
    f"data/photos/{name}.jpg" for name in ("dahlia", "coffee-cup", "bridge-cables")
]


def at_once(work):
    """Call a function in eight threads, which begin together."""
    barrier = Barrier(THREADS)

    def begin(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [*pool.map(begin, range(THREADS))]


def test_eight_threads_give_the_same_pictures():
    model = load_pretrained("tiny").train()  # it must be back in this mode afterwards
    before = {name: t.clone() for name, t in model.state_dict().items()}
    limit, threads = Image.MAX_IMAGE_PIXELS, torch.get_num_threads()

    def color(number):
        return [np.asarray(colorize(photo, model, size=64)) for photo in PHOTOS]

    alone = color(0)
    for pictures in at_once(color):
        assert all(map(np.array_equal, pictures, alone))
    assert model.training
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    assert Image.MAX_IMAGE_PIXELS == limit
    assert torch.get_num_threads() == threads


def test_a_network_is_in_eval_mode_until_the_last_is_done():
    model = load_pretrained("tiny").train()

    first, second = _inference(model, 64), _inference(model, 64)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not model.training
    second.__exit__(None, None, None)
    assert model.training


def test_tiles_leave_the_number_of_threads_as_it_was(monkeypatch):
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: ([3] + set_to)[-1])
    at_once(lambda n: each_tile(lambda *_: time.sleep(0.01), 4 + n, 4, most=2))
    assert set_to[-1] == 3


def test_pillows_limit_is_as_it_was():
    def read(number):
        for _ in range(20):
            with open_checked(PHOTOS[number % 3], 10**9) as image:
                image.load()
                time.sleep(0.001)

    limit = Image.MAX_IMAGE_PIXELS
    at_once(read)
    assert Image.MAX_IMAGE_PIXELS == limit
