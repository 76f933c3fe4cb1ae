"""The check that is for a machine with a GPU runs, here on the processor."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from book_pages import ROOT

from colorlab.train.config import PRESETS

SMALL = {"width": 4, "size": 16, "stretch": 0, "batch_size": 8, "workers": 0}
SMALL |= {"lr": 0.01}


class OnTheProcessor:
    """PyTorch, with a GPU that is the processor."""

    accelerator = SimpleNamespace(
        is_available=lambda: True,
        current_accelerator=lambda: torch.device("cpu"),
        synchronize=lambda: None,
    )

    def __getattr__(self, name):
        return getattr(torch, name)


@pytest.fixture
def gpu_check(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import gpu_check

    plans = {name: replace(PRESETS[name], **SMALL) for name in gpu_check.PLANS}
    monkeypatch.setattr(gpu_check, "PRESETS", plans)
    monkeypatch.setattr(gpu_check, "torch", OnTheProcessor())
    monkeypatch.setattr(gpu_check, "OUT", tmp_path / "gpu_check.json")
    monkeypatch.setattr(gpu_check, "SHORT", gpu_check.SHORT | {"steps": 30})
    monkeypatch.setattr(gpu_check, "FEW", gpu_check.FEW | {"width": 2})
    write = gpu_check.write_photos
    monkeypatch.setattr(gpu_check, "write_photos", lambda at, *_, size: write(at, 24))
    monkeypatch.setattr(gpu_check, "SETTLING", 1)
    monkeypatch.setattr(gpu_check, "TIMED", 2)
    yield gpu_check
    for name in ("gpu_check", "measure", "photos"):
        sys.modules.pop(name, None)


def test_both_plans_are_tried_and_what_came_is_kept(gpu_check, capsys):
    gpu_check.main()
    found = json.loads(gpu_check.OUT.read_text())
    assert found["resumed_to_the_same_bits"]
    assert {*found["plans"]} == {"gpu_hour", "authors"}
    for plan in found["plans"].values():
        first, last = plan["loss"]
        assert first > last
        rates = ("photos_per_second", "steps_alone", "passes_alone", "reading_alone")
        assert all(plan[name] > 0 for name in rates)
    assert "written" in capsys.readouterr().out


def test_a_loss_that_does_not_fall_ends_with_an_error(gpu_check, monkeypatch):
    plan = {"loss": [1.0, 1.0]}
    monkeypatch.setattr(gpu_check, "try_plan", lambda *_: plan)
    monkeypatch.setattr(gpu_check, "coloring", lambda _: 1.0)
    with pytest.raises(SystemExit, match="the loss does not fall"):
        gpu_check.main()


def test_without_a_gpu_it_says_so(gpu_check, monkeypatch):
    monkeypatch.setattr(gpu_check.torch.accelerator, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="finds no GPU here"):
        gpu_check.main()
