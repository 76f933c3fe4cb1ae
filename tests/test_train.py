"""The loop: it learns, stops and goes on as if it had not, and keeps its folder."""

import json
import math
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from PIL import Image
from torch.nn.functional import avg_pool2d

from colorlab.lab import rgb_to_lab
from colorlab.losses import l2_loss, soft_cross_entropy
from colorlab.network import ColorNet, load_model
from colorlab.quantize import N_BINS, soft_encode
from colorlab.train import (
    PRESETS,
    TrainConfig,
    color_loss,
    learning_rate,
    train,
    train_step,
)

TINY = TrainConfig(
    width=2,
    size=16,
    batch_size=4,
    steps=10,
    lr=5e-3,
    warmup=2,
    precision="no",
    save_every=4,
    workers=0,
)


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch):
    """Keep accelerate on the CPU, and forget what other tests told it."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def data(save_photos, tmp_path):
    save_photos(tmp_path / "photos", 10, size=24)
    return [(tmp_path / "photos", None)]


def records(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").open()]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same_weights(model, other):
    pairs = zip(model.state_dict().items(), other.state_dict().items(), strict=True)
    for (name, mine), (_, theirs) in pairs:
        assert torch.equal(mine, theirs), name


def stop_at(step):
    """Give an `on_step` that interrupts a run."""

    def on_step(record):
        if record["step"] == step:
            raise KeyboardInterrupt

    return on_step


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


def targets(centers):
    chance = torch.Generator().manual_seed(0)
    ab = torch.randn(2, 2, 3, 4, generator=chance) * 30
    logits = torch.randn(2, N_BINS, 3, 4, generator=chance)
    return ab, logits, torch.rand(N_BINS, generator=chance) * 5


def test_color_loss_of_two_channels_is_l2(centers):
    ab, logits, w = targets(centers)
    assert color_loss(logits[:, :2], ab, centers, w) == l2_loss(logits[:, :2], ab)


def test_color_loss_of_ones_is_plain_cross_entropy(centers):
    ab, logits, _ = targets(centers)
    loss = color_loss(logits, ab, centers, torch.ones(N_BINS))
    plain = soft_cross_entropy(logits, *soft_encode(ab, centers))
    assert loss.item() == pytest.approx(plain.item(), rel=1e-6)  # order of the sum


@pytest.mark.parametrize("k", [1, 5])
def test_color_loss_weights_by_the_nearest_bin(centers, k):
    ab, logits, w = targets(centers)
    nearest = torch.cdist(ab.permute(0, 2, 3, 1), centers).argmin(dim=-1)
    expected = soft_cross_entropy(logits, *soft_encode(ab, centers, k), w[nearest])
    assert color_loss(logits, ab, centers, w, k) == expected


@pytest.mark.parametrize("clip", [0.1, 1e9])
def test_train_step_is_one_clipped_step(clip):
    torch.manual_seed(0)
    model = ColorNet(2, out_channels=2)
    before = [p.detach().clone() for p in model.parameters()]
    rgb = torch.randint(256, (3, 3, 16, 24), dtype=torch.uint8)
    seen = []

    def objective(output, ab):
        seen.append((output.shape, ab))
        return l2_loss(output, ab)

    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    accelerator = Accelerator(mixed_precision="no")
    loss, norm = train_step(model, rgb, objective, optimizer, accelerator, clip)
    ((shape, ab),) = seen
    assert shape == (3, 2, 4, 6)
    assert torch.equal(ab, avg_pool2d(rgb_to_lab(rgb)[:, 1:], 4))
    assert not loss.requires_grad
    moves = [p - b for p, b in zip(model.parameters(), before, strict=True)]
    moved = torch.stack([move.norm() for move in moves]).norm().item()
    assert norm > 0.1  # the smaller `clip` acts
    # With SGD at rate 1 a step is as long as the clipped gradient. Float32, with
    # weights far larger than their moves.
    assert moved == pytest.approx(min(norm.item(), clip), rel=1e-3)


@pytest.mark.parametrize("loss", ["rebal", "class", "l2"])
def test_training_lowers_the_loss(data, tmp_path, loss):
    config = replace(TINY, loss=loss, steps=30, lr=2e-2, save_every=100)
    train(data, tmp_path / "run", config)
    losses = [record["loss"] for record in records(tmp_path / "run")]
    assert len(losses) == 30
    # The last ten batches together against the first five: chance alone does not.
    assert sum(losses[20:]) / 10 < 0.95 * sum(losses[:5]) / 5


def test_loss_options_differ(data, tmp_path):
    first = {}
    for loss in ("rebal", "class", "l2"):
        config = replace(TINY, loss=loss, steps=1)
        model = train(data, tmp_path / loss, config)
        assert model.out_channels == (2 if loss == "l2" else N_BINS)
        first[loss] = records(tmp_path / loss)[0]["loss"]
    assert len(set(first.values())) == 3
    # At the start all bins are about as likely.
    assert first["class"] == pytest.approx(math.log(N_BINS), rel=0.1)
    train(data, tmp_path / "even", replace(TINY, lam=1.0, steps=1))
    assert records(tmp_path / "even")[0]["loss"] == first["class"]


def test_run_folder(data, tmp_path):
    run = tmp_path / "run"
    model = train(data, run, TINY)
    expected = ["checkpoints", "config.json", "metrics.jsonl", "model.safetensors"]
    assert names(run) == [*expected, "samples"]
    assert TrainConfig(**json.loads((run / "config.json").read_text())) == TINY
    assert names(run / "checkpoints") == ["step-00000008", "step-00000010"]
    sheets = [f"step-{step:08d}.png" for step in (4, 8, 10)]
    assert names(run / "samples") == sheets
    with Image.open(run / "samples" / sheets[-1]) as sheet:
        assert sheet.size == (8 * 16, 3 * 16)  # eight of the photos; three rows
    assert_same_weights(load_model(run / "model.safetensors"), model)
    assert not model.training
    assert model.card["steps"] == 10


def test_metrics_hold_one_record_a_step(data, tmp_path):
    told = []
    train(data, tmp_path / "run", TINY, on_step=told.append)
    rows = records(tmp_path / "run")
    assert rows == told
    assert [row["step"] for row in rows] == list(range(1, 11))
    assert [row["epoch"] for row in rows] == [n // 2 for n in range(10)]
    assert [row["lr"] for row in rows] == [learning_rate(n, TINY) for n in range(10)]
    assert {"loss", "norm", "seconds"} <= rows[0].keys()


def test_same_seed_same_weights(data, tmp_path):
    runs = [
        train(data, tmp_path / name, replace(TINY, seed=seed, steps=3))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert_same_weights(runs[0], runs[1])
    assert not torch.equal(runs[0].head.weight, runs[2].head.weight)


def test_looking_at_samples_does_not_disturb_training(data, tmp_path):
    often = train(data, tmp_path / "often", replace(TINY, save_every=1))
    rarely = train(data, tmp_path / "rarely", replace(TINY, save_every=100))
    assert_same_weights(often, rarely)


def test_metrics_are_on_disk_before_their_checkpoint(data, tmp_path, monkeypatch):
    on_disk = []
    save = Accelerator.save_state

    def watch(self, folder):
        on_disk.append(len(records(tmp_path / "run")))
        return save(self, folder)

    monkeypatch.setattr(Accelerator, "save_state", watch)
    train(data, tmp_path / "run", TINY)
    assert on_disk == [4, 8, 10]  # so a crash at any time loses no line


@pytest.mark.parametrize("stop", [2, 6, 9])
def test_resumed_run_ends_as_if_uninterrupted(data, tmp_path, stop):
    whole = train(data, tmp_path / "whole", TINY)
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(data, run, TINY, on_step=stop_at(stop))
    saved = {2: [], 6: ["step-00000004"], 9: ["step-00000004", "step-00000008"]}
    assert names(run / "checkpoints") == saved[stop]
    assert not (run / "model.safetensors").exists()
    torch.manual_seed(99)  # what chance did elsewhere must not matter
    resumed = train(data, run, TINY, resume=True)
    assert_same_weights(resumed, whole)
    rows, expected = records(run), records(tmp_path / "whole")
    assert [row["step"] for row in rows] == list(range(1, 11))  # none twice
    assert [row["loss"] for row in rows] == [row["loss"] for row in expected]


def test_finished_run_is_resumed_in_no_steps(data, tmp_path):
    run = tmp_path / "run"
    first = train(data, run, TINY)
    before = (run / "metrics.jsonl").read_text()
    told = []
    assert_same_weights(train(data, run, TINY, resume=True, on_step=told.append), first)
    assert told == []
    assert (run / "metrics.jsonl").read_text() == before


def test_run_can_be_made_longer(data, tmp_path):
    run = tmp_path / "run"
    train(data, run, replace(TINY, steps=4))
    train(data, run, replace(TINY, steps=6, save_every=1), resume=True)
    assert [row["step"] for row in records(run)] == list(range(1, 7))


def test_resume_of_nothing_starts_fresh(data, tmp_path):
    train(data, tmp_path / "run", replace(TINY, steps=2), resume=True)
    assert len(records(tmp_path / "run")) == 2


def test_existing_run_is_refused_without_resume(data, tmp_path):
    config = replace(TINY, steps=1)
    train(data, tmp_path / "run", config)
    with pytest.raises(ValueError, match="out must be a new folder, or resume be set"):
        train(data, tmp_path / "run", config)


@pytest.mark.parametrize("change", [{"lr": 0.1}, {"seed": 1}, {"width": 3}])
def test_changed_config_is_refused_by_name(data, tmp_path, change):
    config = replace(TINY, steps=1)
    train(data, tmp_path / "run", config)
    ((field, value),) = change.items()
    told = f"changed: {field} {getattr(TINY, field)} -> {value}$"
    with pytest.raises(ValueError, match=told):
        train(data, tmp_path / "run", replace(config, **change), resume=True)


def test_checkpoints_are_written_in_one_step(data, tmp_path, monkeypatch):
    def fail(self, folder):
        raise OSError("disk full")

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(data, run, TINY, on_step=stop_at(6))
    with monkeypatch.context() as patch:
        patch.setattr(Accelerator, "save_state", fail)
        with pytest.raises(OSError, match="disk full"):
            train(data, run, TINY, resume=True)
    assert [*(run / "checkpoints").glob("step-*")] == [
        run / "checkpoints" / "step-00000004"
    ]
    train(data, run, TINY, resume=True)
    assert len(records(run)) == 10


def test_loss_that_is_no_number_stops_the_run(data, tmp_path):
    config = replace(TINY, lr=1e30, warmup=1, save_every=1)
    with pytest.raises(FloatingPointError, match="the loss is .* at step"):
        train(data, tmp_path / "run", config)
    assert all(math.isfinite(row["loss"]) for row in records(tmp_path / "run"))
    assert names(tmp_path / "run" / "checkpoints")  # kept
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_training_starts_from_init(data, tmp_path):
    torch.manual_seed(5)
    init = ColorNet(2)
    torch.nn.init.constant_(init.head.bias, 3.0)
    still = replace(TINY, steps=1, lr=1e-12)
    model = train(data, tmp_path / "run", still, init=init)
    for mine, theirs in zip(model.parameters(), init.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)  # one step of 1e-12


@pytest.mark.parametrize(
    "init", [ColorNet(3), ColorNet(2, "released"), ColorNet(2, out_channels=2)]
)
def test_init_of_another_shape_is_refused(data, tmp_path, init):
    with pytest.raises(ValueError, match="init must be like the config"):
        train(data, tmp_path / "run", TINY, init=init)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loss": "l1"}, "loss must be in"),
        ({"size": 20}, "size must be a multiple of 8"),
        ({"batch_size": 11}, "batch_size must not exceed the 10 photos"),
        ({"variant": "other"}, "variant must be in"),
        ({"lam": 2.0}, r"lam must be in 0\.\.1"),
    ],
)
def test_impossible_config_is_refused(data, tmp_path, changes, told):
    with pytest.raises(ValueError, match=told):
        train(data, tmp_path / "run", replace(TINY, **changes))


def test_missing_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match="root must be a folder"):
        train([(tmp_path / "absent", None)], tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()


def test_sources_have_their_own_sizes(data, save_photos, tmp_path):
    save_photos(tmp_path / "large", 3, size=32)
    told = []
    both = [*data, (tmp_path / "large", 32)]
    train(both, tmp_path / "run", replace(TINY, steps=5), on_step=told.append)
    assert sorted(row["photos"] for row in told) == [1, 1, 1, 4, 4]


def test_presets_are_usable():
    assert PRESETS["laptop"] == TrainConfig()
    assert all(preset.size % 8 == 0 for preset in PRESETS.values())
