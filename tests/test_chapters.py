"""Each chapter's code on the pretend device: what is mixed with the CPU is found.

A chapter whose set-up calls `best_device` must bring all that meets there to it.
"""

import functools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pretend
import pytest
import torch
from book_pages import BOOK, CHAPTERS, code_cells, read_notebook, source
from phone import small_letters

from colorlab._notebook import STYLE

LONG = {
    "colorize",
    "decode",
    "evaluate",
    "game",
    "lab",
    "network",
    "prior",
    "probe",
    "quantize",
    "transfer",
    "turing",
}  # over ten seconds
# Reading files is the CPU's work, as are sparse systems and descriptors in NumPy;
# `train` chooses the device by itself.
CPU_ONLY = {"datasets", "descriptors", "example", "hints", "multimodal"}
CPU_ONLY |= {"film", "scribbles", "train"}
MOVED = [name for name in CHAPTERS if name not in CPU_ONLY]


def test_chapters_choose_their_device_in_one_line():
    for chapter in MOVED:
        cells = [source(cell) for cell in code_cells(read_notebook(chapter))]
        lines = [line for cell in cells for line in cell.splitlines()]
        chosen = [line for line in lines if "best_device()" in line]
        assert chosen == ["device = best_device()  # a GPU if there is one"], chapter
        assert sum("device" in line for line in lines) > 2, f"{chapter} moves nothing"


def test_chapters_that_stay_on_the_cpu_name_no_device():
    for chapter in CPU_ONLY:
        cells = code_cells(read_notebook(chapter))
        assert not any("best_device" in source(cell) for cell in cells), chapter


@pytest.mark.parametrize(
    "chapter",
    [
        pytest.param(name, marks=pytest.mark.stress if name in LONG else ())
        for name in MOVED
    ],
)
def test_chapter_runs_on_a_device(chapter, pretended, monkeypatch):
    def choose(**_):
        return torch.device(pretended)

    mpl.use("Agg")
    plt.close("all")  # what other tests left open
    monkeypatch.chdir(BOOK)
    style = functools.partial(plt.rcParams.update, STYLE)
    monkeypatch.setattr("colorlab.plots.light_pictures", style)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", choose)
    names = {"__name__": "__main__"}
    with pretend.watch() as seen:
        for number, cell in enumerate(code_cells(read_notebook(chapter))):
            exec(compile(source(cell), f"{chapter}, code cell {number}", "exec"), names)
            figures = [plt.figure(n) for n in plt.get_fignums()]
            small = [name for figure in figures for name in small_letters(figure)]
            assert not small, f"cell {number}: under 9 pixels on a phone: {small}"
            plt.close("all")
    assert seen.operations, "nothing was computed there"
