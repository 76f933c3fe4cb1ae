"""Training with a pretrained encoder: what learns, when, and how fast."""

from dataclasses import replace

import pytest
import torch

from colorlab.train.config import TrainConfig
from colorlab.train.loop import train
from colorlab.transfer import BorrowedNet
from colorlab.weights import load_model

TINY = TrainConfig(
    variant="borrowed",
    width=4,
    size=32,
    batch_size=2,
    steps=4,
    lr=1e-2,
    warmup=0,
    cooldown=0.0,
    precision="no",
    save_every=2,
    log_every=1,
    workers=0,
    encoder_lr=1e-3,
)


@pytest.fixture(scope="module")
def init():
    torch.manual_seed(1)
    return BorrowedNet(4)


def moved(before, after, part):
    """How far the weights of a part went, at most."""
    pairs = zip(before.named_parameters(), after.parameters(), strict=True)
    return max(
        (theirs - mine).abs().max().item()
        for (name, mine), theirs in pairs
        if name.startswith(part) and mine.ndim > 1  # no batch norm
    )


def test_it_learns_and_is_saved(data, tmp_path, init):
    model = train(data, tmp_path / "run", TINY, init=init)
    saved = load_model(tmp_path / "run" / "model.safetensors")
    assert isinstance(saved, BorrowedNet)
    assert torch.equal(saved.output.weight, model.output.weight)
    assert moved(init, model, "output") > 5e-3
    assert 0 < moved(init, model, "stages") < 5e-3  # Adam goes as far as the rate


def test_the_encoder_waits(data, tmp_path, init):
    waiting = replace(TINY, encoder_after=3, steps=3)
    model = train(data, tmp_path / "waiting", waiting, init=init)
    assert moved(init, model, "stages") == 0
    model = train(None, tmp_path / "waiting", replace(waiting, steps=4), resume=True)
    assert moved(init, model, "stages") > 0


def test_a_frozen_encoder_stays_as_it_came(data, tmp_path, init):
    model = train(data, tmp_path / "run", replace(TINY, encoder_lr=0.0), init=init)
    for name, before in init.state_dict().items():
        stays = name.startswith(("stem", "stages"))
        assert torch.equal(model.state_dict()[name], before) == stays, name


def test_random_weights_have_batch_norm_that_learns(data, tmp_path):
    with pytest.raises(ValueError, match="init must be given for variant borrowed"):
        train(data, tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()
    model = train(data, tmp_path / "run", replace(TINY, frozen_norm=False))
    assert model.stem[2].running_mean.any()
    assert not torch.equal(model.stem[2].weight, torch.ones(32))


@pytest.mark.parametrize("changes", [{}, {"frozen_norm": False, "ema_decay": 0.5}])
def test_resumed_run_ends_as_if_uninterrupted(data, tmp_path, init, changes):
    def power_cut(step, record):
        if step == 3:
            raise KeyboardInterrupt

    config = replace(TINY, **changes)
    whole = train(data, tmp_path / "whole", config, init=init)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", config, init=init, on_step=power_cut)
    resumed = train(None, tmp_path / "run", resume=True)
    for name, mine in whole.state_dict().items():
        assert torch.equal(mine, resumed.state_dict()[name]), name
