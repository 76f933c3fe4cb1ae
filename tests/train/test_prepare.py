"""What a run starts from: devices, shares, shared memory, cards, images to validate."""

import os
import signal
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from colorlab.network import ColorNet
from colorlab.train.config import TrainConfig
from colorlab.train.loop import train
from colorlab.train.run import read_records
from colorlab.weights import load_model

TINY = TrainConfig(
    width=2,
    size=16,
    batch_size=4,
    steps=4,
    lr=5e-3,
    warmup=2,
    precision="no",
    save_every=2,
    log_every=1,
    workers=0,
)


def save_gray(folder, number):
    folder.mkdir()
    rng = np.random.default_rng(number)
    for n in range(number):
        pixels = rng.integers(0, 256, (24, 24), dtype=np.uint8)
        Image.fromarray(pixels).convert("RGB").save(folder / f"gray_{n}.png")
    return folder


def test_cards_say_how_a_network_was_trained(data, tmp_path):
    init = ColorNet(2)
    init.card = {"name": "flagship", "T": 0.5, "size": 128, "steps": 99}
    train(data, tmp_path / "run", replace(TINY, lam=0.25), init=init)
    for name, steps in (("model", 4), ("best", None)):
        card = load_model(tmp_path / "run" / f"{name}.safetensors").card
        assert card["config"]["lam"] == 0.25
        assert (card["T"], card["size"]) == (0.5, 128)
        assert card["init"].items() >= init.card.items()
        assert card["steps"] == steps or steps is None


def test_a_device_that_is_not_there_is_refused(data, tmp_path):
    absent = next(d for d in ("xpu", "mps", "cuda") if d != _accelerator_type())
    with pytest.raises(ValueError, match=f"device must be auto, cpu or .*'{absent}'"):
        train(data, tmp_path / "run", replace(TINY, device=absent))
    assert not (tmp_path / "run").exists()
    train(data, tmp_path / "run", replace(TINY, device="cpu"))


def _accelerator_type():
    found = torch.accelerator.is_available()
    return torch.accelerator.current_accelerator().type if found else None


def test_too_little_shared_memory_is_told(data, tmp_path, monkeypatch):
    # Docker gives 64 MiB; 8 workers of the preset gpu_hour need more, and would hang.
    room = SimpleNamespace(free=8 * 3 * 4 * 16**2)  # eight batches
    monkeypatch.setattr("colorlab.train.prepare.shutil.disk_usage", lambda path: room)
    told = "workers must be at most 3, got 4: .* for their batches; in Docker"
    with pytest.raises(ValueError, match=told):
        train(data, tmp_path / "run", replace(TINY, workers=4))
    assert not (tmp_path / "run").exists()


def test_gray_validation_images_are_told(data, tmp_path):
    gray = save_gray(tmp_path / "gray", 3)
    with pytest.warns(UserWarning, match="3 of 3 validation images have no color"):
        train(data, tmp_path / "run", TINY, val_data=gray)
    rows = read_records(tmp_path / "run" / "metrics.jsonl")
    assert [row["held_out"] for row in rows if "held_out" in row] == [None, None]
    assert not (tmp_path / "run" / "best.safetensors").exists()


def test_some_gray_validation_images_are_told(data, tmp_path, save_photos):
    gray = save_gray(tmp_path / "gray", 3)
    save_photos(gray, 5, size=24)
    with pytest.warns(UserWarning, match="3 of 8 validation images have no color$"):
        train(data, tmp_path / "run", TINY, val_data=gray)
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_colorful_validation_images_are_no_warning(data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(data, tmp_path / "run", replace(TINY, steps=1))


def test_training_images_without_color_are_told_at_once(tmp_path, data):
    gray = save_gray(tmp_path / "gray", 40)
    told = {}
    train(
        [(gray, None)],
        tmp_path / "run",
        TINY,
        val_data=data[0][0],
        on_step=told.__setitem__,
    )
    assert [told[step]["warning"] for step in (1, 2, 3, 4)] == ["no color"] * 4


def kill_a_worker_at(number):
    def on_step(step, record):
        if step == number:
            for worker in psutil.Process().children():
                os.kill(worker.pid, signal.SIGKILL)

    return on_step


def test_a_dead_worker_loses_nothing(data, tmp_path):
    config = replace(TINY, steps=30, save_every=100, workers=1)
    with pytest.raises(OSError, match="reading images failed .* fewer workers"):
        train(data, tmp_path / "run", config, on_step=kill_a_worker_at(3))
    saved = [*(tmp_path / "run" / "checkpoints").iterdir()]
    assert len(saved) == 1  # that of the last step, by batches read ahead
    assert int(saved[0].name[5:]) >= 3
    resumed = train(None, tmp_path / "run", resume=True)
    whole = train(data, tmp_path / "whole", replace(config, workers=0))
    assert torch.equal(resumed.output.weight, whole.output.weight)


def test_validation_images_are_read_before_anything_is_written(data, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="val_data must hold images"):
        train(data, tmp_path / "run", TINY, val_data=broken)
    assert not (tmp_path / "run").exists()
