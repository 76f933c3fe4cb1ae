"""Recipes: what they must be, and how the learning rate goes."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from colorlab.train.config import (
    PRESETS,
    TrainConfig,
    check_config,
    fast_precision,
    learning_rate,
)


def test_learning_rate_goes_up_flat_and_down():
    config = TrainConfig(steps=100, lr=0.5, warmup=10, cooldown=0.25)
    rates = [learning_rate(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert rates[4] == pytest.approx(0.25)
    assert set(rates[9:76]) == {0.5}
    assert rates[88] == pytest.approx(0.5 * 12 / 25)
    assert rates[99] == pytest.approx(0.5 / 25)
    assert rates == sorted(rates[:76]) + sorted(rates[76:], reverse=True)


@pytest.mark.parametrize("changes", [{"warmup": 0}, {"cooldown": 0.0}])
def test_learning_rate_without_warmup_or_cooldown(changes):
    config = replace(TrainConfig(steps=10, lr=0.5, warmup=1, cooldown=0.1), **changes)
    assert {learning_rate(step, config) for step in range(10)} == {0.5}


def test_learning_rate_falls_in_steps():
    config = replace(PRESETS["authors"], steps=10, decay_every=4)
    rates = [learning_rate(step, config) for step in range(10)]
    assert rates[:4] == [3.16e-5] * 4
    assert rates[4:8] == pytest.approx([3.16e-5 * 0.316] * 4)
    assert rates[8:] == pytest.approx([3.16e-5 * 0.316**2] * 2)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_possible(name):
    check_config(PRESETS[name])
    assert TrainConfig(**json.loads(json.dumps(asdict(PRESETS[name])))) == PRESETS[name]


def test_authors_recipe():
    # Their Caffe files colorization_train_val_v2.prototxt and solver.prototxt.
    authors = PRESETS["authors"]
    assert (authors.variant, authors.width, authors.k) == ("released", 64, 10)
    assert (authors.size, authors.stretch, authors.batch_size) == (176, 256, 40)
    assert (authors.labels, authors.skip_gray, authors.lam) == ("point", True, 0.5)
    assert (authors.lr, authors.decay, authors.decay_every) == (3.16e-5, 0.316, 215_000)
    assert (authors.optimizer, authors.beta2, authors.steps) == ("adam", 0.99, 450_000)
    # They sum the loss over 44 x 44 labels, we take the mean.
    assert authors.weight_decay * 1936 == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loss": "l1"}, r"loss must be one of \('rebal', 'class', 'l2'\), got 'l1'"),
        ({"variant": "other"}, "variant must be one of"),
        ({"labels": "max"}, "labels must be one of"),
        ({"precision": "half"}, "precision must be one of"),
        ({"size": 20}, "size must be a multiple of 8, got 20"),
        ({"size": 64, "stretch": 32}, "stretch must be size or more, got 32"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"grad_accum_steps": 0}, "grad_accum_steps must be at least 1"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"lr": 0.0}, r"lr must be positive, got 0\.0"),
        ({"lr": float("nan")}, "lr must be positive"),
        ({"weight_decay": float("nan")}, "weight_decay must be at least"),
        ({"lam": 2.0}, "lam must be at most 1.0, got 2"),
        ({"ema_decay": 1.0}, "ema_decay must be at most 0.99999, got 1.0"),
    ],
)
def test_impossible_recipe_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        check_config(replace(TrainConfig(), **changes))


def test_precision_is_what_the_processor_computes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    native = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert fast_precision() == ("bf16" if native else "no")


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "fp16")])
def test_precision_of_a_gpu(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda emulated: native)
    assert fast_precision() == expected
