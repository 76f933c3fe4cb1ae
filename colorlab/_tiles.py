"""Work in tiles: parts that fit the processor's cache, each done whole by one thread.

By itself, torch shares every operation among its threads, and the first to finish
waits for the last. Where another program takes one of the cores that wait is long, and
there is one in each of some thousands of operations. Here, a thread takes a tile, does
all operations on it alone, and takes the next: a core that is taken costs its share of
the work, and no more.

This is for the CPU. A GPU wants the opposite: few operations, on the whole batch.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TypeVar

import torch
from torch import Tensor

MOST_THREADS = 8  # more would wait for Python, which starts one operation at a time
KEPT = 2**22  # floats; see `_keep_freed_memory`

_COUNTING = Lock()
_callers: list[int] = []  # torch's number of threads, and again for each caller

Result = TypeVar("Result")


def in_memory(image: Tensor) -> bool:
    """Return whether a tensor lies in the CPU's memory, where tiles pay.

    Parameters
    ----------
    image : Tensor
        Of any shape, dtype and device.

    Returns
    -------
    bool
        False on other devices, and for what only stands for a tensor, as inside
        `torch.func.vmap`, `torch.func.jvp` or `torch.compile`.
    """
    if image.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    try:
        image.data_ptr()
    except RuntimeError:
        return False
    return True


def each_tile(
    work: Callable[[slice, slice], Result], images: int, pixels: int, most: int
) -> list[Result]:
    """Cut a batch into tiles, and call a function on each, on all of torch's threads.

    Parameters
    ----------
    work : callable
        Takes a slice of the images and a slice of the pixels. What it writes, it
        writes where no other tile does. It runs without gradients.
    images, pixels : int
        Size of the batch, and of each image.
    most : int
        Pixels in a tile: a part of one image, or several small images together.

    Returns
    -------
    list
        What `work` returned, in the order of the tiles, which is the same for any
        number of threads.

    Notes
    -----
    Meanwhile `torch.set_num_threads` is 1, which threads take over when they start:
    so each operation stays with the thread that called it. The threads end with the
    call, so that a process may fork at any other time. If torch has one thread, as in
    a data loader's workers, there is no other.

    Examples
    --------
    >>> each_tile(lambda images, pixels: (images.start, pixels.start), 2, 6, most=4)
    [(0, 0), (0, 4), (1, 0), (1, 4)]
    """
    together = max(1, most // max(pixels, 1))
    starts = [
        (i, p) for i in range(0, images, together) for p in range(0, pixels, most)
    ]
    tiles = [(slice(i, i + together), slice(p, p + most)) for i, p in starts]
    results: list = [None] * len(tiles)
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(tiles)):
        waiting.put(number)
    inference = torch.is_inference_mode_enabled()  # threads do not take this over

    def work_on() -> None:
        with torch.inference_mode(inference), torch.no_grad():
            try:
                while True:
                    number = waiting.get_nowait()
                    results[number] = work(*tiles[number])
            except Empty:
                return

    _keep_freed_memory()
    with _one_thread_each() as threads:
        _run(work_on, min(threads, len(tiles), MOST_THREADS))
    return results


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Set torch's number of threads to 1; yield what it was before the first caller."""
    with _COUNTING:
        if not _callers:
            _callers.append(torch.get_num_threads())
        _callers.append(threads := _callers[0])
        torch.set_num_threads(1)
    try:
        yield threads
    finally:
        with _COUNTING:
            _callers.pop()
            torch.set_num_threads(threads)
            if len(_callers) == 1:
                _callers.clear()


def _run(work_on: Callable[[], None], threads: int) -> None:
    """Call a function in this thread and in others, at once."""
    if threads < 2:
        return work_on()
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(work_on) for _ in range(threads - 1)]
        work_on()
    for other in others:
        other.result()  # raises what was raised there


def _keep_freed_memory() -> None:
    """Free a large tensor unused: tells glibc to keep what the tiles will free."""
    torch.empty(KEPT, device="cpu")
