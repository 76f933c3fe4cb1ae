"""Tiles: every one once, in order, alike for any number of threads; forks, errors."""

import multiprocessing
import threading

import pytest
import torch

from colorlab._tiles import MOST_THREADS, each_tile, in_memory
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.losses import soft_cross_entropy
from colorlab.quantize import bin_centers, nearest_bin, soft_encode

COUNTS = pytest.mark.parametrize("threads", [1, 2, 5])


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def random(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=rng)


def run_all():
    """What each kernel gives, from some hundred tiles together."""
    image, ab = random(3, 300, 400), 160 * random(2, 2, 130, 140) - 80
    logits = random(2, 313, 60, 70).mul(9).requires_grad_()
    bins, weights = soft_encode(ab[..., :60, :70], bin_centers())
    loss = soft_cross_entropy(logits, bins, weights, random(2, 60, 70))
    (gradient,) = torch.autograd.grad(loss, logits)
    return [
        rgb_to_lab(image),
        rgb_to_lab((255 * image).byte()),
        lab_to_rgb(100 * image),
        nearest_bin(ab, bin_centers()),
        *soft_encode(ab, bin_centers()),
        loss.detach(),
        gradient,
    ]


@COUNTS
@pytest.mark.parametrize(
    ("images", "pixels", "most"),
    [(1, 10, 4), (3, 10, 4), (5, 2, 4), (2, 4, 4), (7, 1, 3), (0, 5, 4), (3, 0, 4)],
)
def test_each_pixel_once_in_order(threads, images, pixels, most):
    torch.set_num_threads(threads)
    numbers = torch.arange(images * pixels).view(images, pixels)
    tiles = each_tile(lambda i, p: numbers[i, p].flatten(), images, pixels, most)
    assert torch.cat([*tiles, numbers.new_zeros(0)]).tolist() == list(
        range(images * pixels)
    )
    assert all(len(tile) <= most for tile in tiles)


@pytest.mark.parametrize("threads", [2, 5])
def test_kernels_do_not_depend_on_threads(monkeypatch, threads):
    for module in ("lab", "quantize", "losses"):
        monkeypatch.setattr(f"colorlab.{module}.TILE", 2**11)
    torch.set_num_threads(1)
    alone = run_all()
    torch.set_num_threads(threads)
    for one, several in zip(alone, run_all(), strict=True):
        assert torch.equal(one, several)


def work_and_tell(threads, tiles=40):
    """The threads that did the work, and how many torch gave each operation."""
    torch.set_num_threads(threads)
    barrier = threading.Barrier(min(threads, tiles, MOST_THREADS), timeout=60)
    first = threading.local()

    def work(images, pixels):
        if not hasattr(first, "met"):
            first.met = barrier.wait()  # so that each has a tile
        return threading.get_ident(), torch.get_num_threads()

    names, counts = zip(*each_tile(work, tiles, 1, 1), strict=True)
    return set(names), set(counts)


@pytest.mark.parametrize("threads", [1, 2, 3, 100])
def test_as_many_threads_as_torch_has_and_one_each(threads):
    names, counts = work_and_tell(threads)
    assert len(names) == min(threads, MOST_THREADS)
    assert threading.get_ident() in names
    assert counts == {1}
    assert torch.get_num_threads() == threads


def test_no_more_threads_than_tiles():
    assert len(work_and_tell(threads=5, tiles=2)[0]) == 2


@COUNTS
def test_an_error_comes_through_and_threads_are_as_before(threads):
    torch.set_num_threads(threads)

    def work(images, pixels):
        if images.start == 7:
            raise KeyError("the seventh")

    with pytest.raises(KeyError, match="the seventh"):
        each_tile(work, 10, 1, 1)
    assert torch.get_num_threads() == threads


@COUNTS
def test_inference_mode_holds_in_each_thread(threads):
    torch.set_num_threads(threads)
    expected = run_without_gradients()
    with torch.inference_mode():
        inferred = run_without_gradients()
    for one, other in zip(expected, inferred, strict=True):
        assert other.is_inference()
        assert torch.equal(one, other)


def run_without_gradients():
    ab = 160 * random(2, 2, 300, 140) - 80
    return [rgb_to_lab(random(3, 300, 400)), *soft_encode(ab, bin_centers())]


def tell_bytes(image, ab, centers):
    parts = [rgb_to_lab(image), nearest_bin(ab, centers), *soft_encode(ab, centers)]
    return [part.numpy().tobytes() for part in parts]


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork here"
)
def test_a_fork_afterwards_works():
    """In the child, torch's own threads would wait for ever for the parent's."""
    torch.set_num_threads(2)
    given = (random(3, 300, 400), random(2, 2, 300, 140), bin_centers())
    expected = tell_bytes(*given)
    context = multiprocessing.get_context("fork")
    found, send = context.Pipe()
    child = context.Process(target=lambda: send.send(tell_bytes(*given)))
    child.start()
    answers = found.poll(60)
    told = found.recv() if answers else []
    child.kill()
    assert answers, "the child hangs"
    assert told == expected


def test_what_lies_in_memory(device):
    image = torch.rand(2, 3)
    assert in_memory(image)
    assert in_memory(image.t())
    assert in_memory(image.to(device)) == (device.type == "cpu")
    assert not in_memory(image.to("meta"))
    told = []
    torch.func.vmap(lambda row: told.append(in_memory(row)) or row)(image)
    assert told == [False]
