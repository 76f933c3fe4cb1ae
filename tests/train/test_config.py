"""Recipes: what they must be, and how the learning rate goes."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
import torch

from colorlab.network import LAST_BLOCKS, STRIDE
from colorlab.prior import LAM
from colorlab.quantize import N_NEIGHBORS
from colorlab.train import config as module
from colorlab.train.config import (
    ABSENT,
    PRESETS,
    RENAMED,
    TrainConfig,
    changed_fields,
    config_from_json,
    config_to_json,
    fast_precision,
    learning_rate,
)
from colorlab.transfer import BorrowedNet


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
        ({"lr": 0.0}, r"lr must be more than 0, got 0\.0"),
        ({"lr": float("nan")}, "lr must be a finite number, got nan"),
        ({"clip": float("inf")}, "clip must be a finite number, got inf"),
        ({"lam": 2.0}, "lam must be at most 1, got 2"),
        ({"lam": "0.5"}, "lam must be a finite number, got '0.5'"),
        ({"ema_decay": 1.0}, "ema_decay must be at most 0.99999, got 1.0"),
        ({"cooldown": 3.0}, "cooldown must be at most 1, got 3.0"),
        ({"beta2": 1.5}, "beta2 must be at most 0.99999"),
        ({"k": 400}, "k must be at most 16, got 400"),
        ({"width": 32.5}, r"width must be a whole number, got 32\.5"),
        ({"size": 64.0}, r"size must be a whole number, got 64\.0"),
        ({"steps": True}, "steps must be a whole number, got True"),
        ({"lr": True}, "lr must be a finite number, got True"),
        ({"skip_gray": 1}, "skip_gray must be True or False, got 1"),
        ({"loss": None}, "loss must be text, got None"),
        ({"device": "tpu"}, "device must be one of"),
        ({"variant": "borrowed", "loss": "l2"}, "loss must be rebal or class for"),
        ({"shares": "2,"}, "shares must be positive numbers, such as 2,1, got '2,'"),
        ({"shares": "1,0"}, "shares must be positive"),
        ({"shares": "inf"}, "shares must be positive"),
        ({"encoder_lr": -1.0}, "encoder_lr must be at least 0"),
        ({"encoder_after": 9}, "encoder_after must be left out but for borrowed"),
    ],
)
def test_impossible_values_are_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        replace(TrainConfig(), **changes)


def test_each_field_has_help_and_a_possible_default():
    for option in fields(TrainConfig):
        assert option.metadata["help"].endswith("."), option.name


def test_numbers_typed_again_are_those_of_the_core():
    assert (*LAST_BLOCKS, BorrowedNet.variant) == module.VARIANTS
    assert BorrowedNet.variant == module.BORROWED
    numbers = (module.STRIDE, module.LAM, module.N_NEIGHBORS)
    assert numbers == (STRIDE, LAM, N_NEIGHBORS)


FIRST_EDITION = Path(__file__).parents[2] / "data" / "runs"


@pytest.mark.parametrize("name", ["laptop", "gray", "healthy", "one-color"])
def test_configurations_of_the_first_edition_are_read(name):
    content = json.loads((FIRST_EDITION / name / "config.json").read_text())
    config = config_from_json(content)
    assert config.grad_accum_steps == content["accumulate"]
    assert config.loss == content["loss"]
    assert config == config_from_json(config_to_json(config))


def test_each_new_field_says_what_older_runs_did():
    # A field added to TrainConfig must be added to ABSENT, or no run goes on.
    content = json.loads((FIRST_EDITION / "laptop" / "config.json").read_text())
    known = {RENAMED.get(name, name) for name in content}
    assert {option.name for option in fields(TrainConfig)} - known <= set(ABSENT)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": 3}, "its schema is 3"),
        ({"speed": 9}, "unknown or missing: speed"),
        ({"width": "wide"}, "width must be a whole number"),
    ],
)
def test_configurations_of_other_programs_are_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        config_from_json(config_to_json(TrainConfig()) | changes)


@pytest.mark.parametrize("content", [{"my": 1}, [], None, 5])
def test_what_is_no_configuration_is_refused(content):
    with pytest.raises(ValueError, match="not the configuration of a run"):
        config_from_json(content)


def test_free_and_fixed_changes_are_told_apart():
    before = TrainConfig()
    after = TrainConfig(lr=0.1, steps=9, seed=4, prior="mine.csv")
    assert changed_fields(before, after, free=True) == [
        "steps 2000 -> 9",
        "lr 0.002 -> 0.1",
    ]
    assert changed_fields(before, after, free=False) == ["seed 0 -> 4"]


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
