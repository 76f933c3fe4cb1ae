"""The loop: it learns, stops and goes on as if it had not, and keeps its folder."""

import json
import math
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import avg_pool2d

from colorlab.datasets.sources import find_images
from colorlab.lab import rgb_to_lab
from colorlab.losses import color_loss, l2_loss, label_ab, soft_cross_entropy
from colorlab.network import ColorNet
from colorlab.prior import save_counts
from colorlab.quantize import N_BINS, bin_centers, soft_encode
from colorlab.train.config import TrainConfig, learning_rate
from colorlab.train.loop import train, train_step
from colorlab.train.run import read_config
from colorlab.transfer import BorrowedNet
from colorlab.weights import load_model

TINY = TrainConfig(
    width=2,
    size=16,
    batch_size=4,
    steps=10,
    lr=5e-3,
    warmup=2,
    precision="no",
    cooldown=0.25,
    save_every=4,
    log_every=1,
    workers=0,
)


def records(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").open()]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same_weights(model, other):
    pairs = zip(model.state_dict().items(), other.state_dict().items(), strict=True)
    for (name, mine), (_, theirs) in pairs:
        assert torch.equal(mine, theirs), name


def stop_at(step):
    """Give an `on_step` that interrupts a run, as a crash would."""

    def on_step(done, record):
        if done == step:
            raise KeyboardInterrupt

    return on_step


def targets(centers):
    rng = torch.Generator().manual_seed(0)
    ab = torch.randn(2, 2, 3, 4, generator=rng) * 30
    logits = torch.randn(2, N_BINS, 3, 4, generator=rng)
    return ab, logits, torch.rand(N_BINS, generator=rng) * 5


def test_color_loss_of_two_channels_is_l2(centers):
    ab, logits, w = targets(centers)
    assert color_loss(logits[:, :2], ab, "ab", centers, w) == l2_loss(logits[:, :2], ab)


def test_color_loss_of_ones_is_plain_cross_entropy(centers):
    ab, logits, _ = targets(centers)
    loss = color_loss(logits, ab, "bins", centers, torch.ones(N_BINS))
    plain = soft_cross_entropy(logits, *soft_encode(ab, centers))
    assert loss.item() == pytest.approx(plain.item(), rel=1e-6)  # order of the sum


@pytest.mark.parametrize("k", [1, 5])
def test_color_loss_weights_by_the_nearest_bin(centers, k):
    ab, logits, w = targets(centers)
    nearest = torch.cdist(ab.permute(0, 2, 3, 1), centers).argmin(dim=-1)
    expected = soft_cross_entropy(logits, *soft_encode(ab, centers, k), w[nearest])
    assert color_loss(logits, ab, "bins", centers, w, k) == expected


@pytest.mark.parametrize("channels", [2, N_BINS])
def test_gray_photos_count_nothing(centers, channels):
    ab, logits, w = targets(centers)
    ab[0] = ab[0].clamp(-5, 5)  # the limit itself is gray
    output = logits[:, :channels]
    head = "ab" if channels == 2 else "bins"
    loss = color_loss(output, ab, head, centers, w, skip_gray=True)
    alone = color_loss(output[1:], ab[1:], head, centers, w)
    # The mean stays over both photos, as in the authors' code.
    assert loss.item() == pytest.approx(alone.item() / 2, rel=1e-6)
    ab[0, 1, 2, 3] = -5.1
    with_color = color_loss(output, ab, head, centers, w, skip_gray=True)
    assert with_color == color_loss(output, ab, head, centers, w)


def test_labels_by_mean_and_by_point():
    ab = torch.arange(2 * 8 * 12.0).view(1, 2, 8, 12)
    assert torch.equal(label_ab(ab), avg_pool2d(ab, 4))
    assert torch.equal(label_ab(ab, "point"), ab[:, :, ::4, ::4])


def one_step(parts, clip=1e9):
    """Take a step of SGD at rate 1; gives what `train_step` does, and the moves."""
    torch.manual_seed(0)
    model = ColorNet(2, out_channels=2)
    model.eval()  # batch norm would see parts, not the whole
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    accelerator = Accelerator(mixed_precision="no")
    result = train_step(
        model,
        parts,
        lambda output, ab: l2_loss(output, label_ab(ab)),
        optimizer,
        accelerator,
        clip,
    )
    moves = [p.detach() - b for p, b in zip(model.parameters(), before, strict=True)]
    return result, torch.cat([move.flatten() for move in moves])


@pytest.fixture
def rgb():
    rng = torch.Generator().manual_seed(0)
    return torch.randint(256, (3, 3, 16, 24), dtype=torch.uint8, generator=rng)


@pytest.mark.parametrize("clip", [0.1, 1e9])
def test_train_step_is_one_clipped_step(rgb, clip):
    (loss, norm, output, ab), moves = one_step([(rgb, 1.0)], clip)
    assert output.shape == (3, 2, 4, 6)
    assert torch.equal(ab, rgb_to_lab(rgb)[:, 1:])
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(l2_loss(output, avg_pool2d(ab, 4)).item())
    assert norm > 0.1  # the smaller `clip` acts
    # With SGD at rate 1 a step is as long as the clipped gradient. Float32, with
    # weights far larger than their moves.
    assert moves.norm().item() == pytest.approx(min(norm.item(), clip), rel=1e-3)


def test_parts_add_up_to_the_batch(rgb):
    (loss, *_), moves = one_step([(rgb, 1.0)])
    (loss_in_parts, *_), moves_in_parts = one_step([(rgb[:2], 2 / 3), (rgb[2:], 1 / 3)])
    assert loss_in_parts.item() == pytest.approx(loss.item(), rel=1e-5)
    # Float32 sums in another order; weights are up to 1 and moves far larger.
    assert torch.allclose(moves_in_parts, moves, rtol=1e-3, atol=1e-4)


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


def test_prior_is_that_of_the_config(data, tmp_path):
    counts = torch.ones(N_BINS, dtype=torch.int64)
    save_counts(counts, bin_centers(), tmp_path / "even.csv", "all alike")
    first = {}
    for name in ("tiny-imagenet", str(tmp_path / "even.csv")):
        out = tmp_path / f"run-{len(first)}"
        train(data, out, replace(TINY, steps=1, prior=name))
        first[name] = records(out)[0]["loss"]
    assert len(set(first.values())) == 2
    config = replace(TINY, prior=str(tmp_path / "absent.csv"))
    with pytest.raises(ValueError, match="absent"):
        train(data, tmp_path / "none", config)
    assert not (tmp_path / "none").exists()


def test_run_folder(data, tmp_path):
    run = tmp_path / "run"
    model = train(data, run, TINY)
    assert names(run) == [
        "best.safetensors",
        "checkpoints",
        "config.json",
        "data.json",
        "metrics.jsonl",
        "model.safetensors",
        "samples",
        "tensorboard",
    ]
    assert read_config(run / "config.json") == TINY
    assert names(run / "checkpoints") == ["step-00000008", "step-00000010"]
    sheets = [f"step-{step:08d}.png" for step in (4, 8, 10)]
    assert names(run / "samples") == sheets
    with Image.open(run / "samples" / sheets[-1]) as sheet:
        assert sheet.size == (8 * 16, 3 * 16)  # eight of the photos; three rows
    assert_same_weights(load_model(run / "model.safetensors"), model)
    assert not model.training
    assert model.card["steps"] == 10


def test_metrics_hold_a_record_each_log_step(data, tmp_path):
    told = {}
    config = replace(TINY, log_every=3, save_every=5)
    train(data, tmp_path / "run", config, on_step=told.__setitem__)
    rows = records(tmp_path / "run")
    logged = [3, 5, 6, 9, 10]  # a save is logged, too
    assert [row["step"] for row in rows] == logged
    assert sorted(told) == list(range(1, 11))
    assert [told[step] for step in logged] == rows
    assert all(told[step] is None for step in {1, 2, 4, 7, 8})
    assert [row["epoch"] for row in rows] == [(step - 1) // 2 for step in logged]
    assert [row["lr"] for row in rows] == [learning_rate(n - 1, config) for n in logged]
    assert [row["images"] for row in rows] == [12, 8, 4, 12, 4]
    assert [("held_out" in row) for row in rows] == [False, True, False, False, True]
    metrics = {"grad_norm", "chroma", "true_chroma", "entropy", "top_bin", "warning"}
    assert metrics <= rows[0].keys()


def test_records_hold_the_mean_loss_since_the_last(data, tmp_path):
    train(data, tmp_path / "each", TINY)
    train(data, tmp_path / "some", replace(TINY, log_every=5, save_every=5))
    each = [row["loss"] for row in records(tmp_path / "each")]
    some = [row["loss"] for row in records(tmp_path / "some")]
    assert some == pytest.approx([sum(each[:5]) / 5, sum(each[5:]) / 5], rel=1e-6)


def test_tensorboard_gets_the_metrics(data, tmp_path):
    train(data, tmp_path / "run", replace(TINY, steps=2))
    (events,) = (tmp_path / "run" / "tensorboard").glob("events*")
    assert b"true_chroma" in events.read_bytes()


def test_best_network_is_kept(data, tmp_path, monkeypatch):
    run, losses = tmp_path / "run", iter([3.0, 1.0, 2.0])

    def colorize_batch(network, rgb, objective):
        return torch.zeros(len(rgb), 2, *rgb.shape[2:]), next(losses)

    monkeypatch.setattr("colorlab.train.log.colorize_batch", colorize_batch)
    last = train(data, run, replace(TINY, steps=3, save_every=1))
    assert [row["held_out"] for row in records(run)] == [3.0, 1.0, 2.0]
    best = load_model(run / "best.safetensors")
    assert best.card["steps"] == 2
    assert best.card["held_out"] == 1.0
    assert not torch.equal(best.output.weight, last.output.weight)


def test_resumed_run_knows_its_best(data, tmp_path):
    run = tmp_path / "run"
    train(data, run, replace(TINY, steps=4, save_every=2))
    lines = (run / "metrics.jsonl").read_text().replace('"held_out": ', '"held_out": -')
    (run / "metrics.jsonl").write_text(lines)  # better than any to come
    (run / "best.safetensors").unlink()
    train(data, run, replace(TINY, steps=6, save_every=2), resume=True)
    assert not (run / "best.safetensors").exists()


def test_validation_images_are_those_given(data, save_photos, tmp_path):
    save_photos(tmp_path / "mine", 3, size=40)
    config = replace(TINY, steps=1)
    train(data, tmp_path / "run", config, val_data=tmp_path / "mine")
    with Image.open(tmp_path / "run/samples/step-00000001.png") as sheet:
        assert sheet.size == (3 * 16, 3 * 16)


def test_unreadable_photos_are_skipped_and_listed(data, tmp_path):
    broken = find_images(tmp_path / "photos").path(3)
    broken.write_bytes(broken.read_bytes()[:40])
    train(data, tmp_path / "run", TINY)
    skipped = json.loads((tmp_path / "run" / "skipped.json").read_text())
    assert [*skipped] == [broken.name]
    assert "image" in skipped[broken.name]
    last = records(tmp_path / "run")[-1]
    assert last["skipped"] == 1
    assert last["images"] == 4  # batches stay whole


def test_same_seed_same_weights(data, tmp_path):
    runs = [
        train(data, tmp_path / name, replace(TINY, seed=seed, steps=3))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert_same_weights(runs[0], runs[1])
    assert not torch.equal(runs[0].output.weight, runs[2].output.weight)


def test_looking_at_samples_does_not_disturb_training(data, tmp_path):
    often = train(data, tmp_path / "often", replace(TINY, save_every=1))
    rarely = train(data, tmp_path / "rarely", replace(TINY, save_every=100))
    assert_same_weights(often, rarely)


def test_metrics_are_on_disk_before_their_checkpoint(data, tmp_path, monkeypatch):
    on_disk = []
    save = Accelerator.save_state

    def fill(self, folder):
        on_disk.append(len(records(tmp_path / "run")))
        return save(self, folder)

    monkeypatch.setattr(Accelerator, "save_state", fill)
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


@pytest.mark.parametrize("stop", [2, 6])
def test_resumed_run_with_shares_ends_as_if_uninterrupted(
    data, save_photos, tmp_path, stop
):
    save_photos(tmp_path / "more", 20, size=32)
    both = [*data, (tmp_path / "more", None)]
    config = replace(TINY, shares="3,1", workers=1)
    whole = train(both, tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        train(both, tmp_path / "run", config, on_step=stop_at(stop))
    assert_same_weights(train(None, tmp_path / "run", resume=True), whole)
    even = train(both, tmp_path / "even", replace(config, shares="1,1"))
    assert not torch.equal(even.output.weight, whole.output.weight)


@pytest.mark.parametrize(
    ("shares", "sizes", "told"),
    [("1", (None, None), "one for each DATA, got 1 for 2"), ("1,2", (16, 24), "left")],
)
def test_shares_must_fit_the_data(data, tmp_path, shares, sizes, told):
    both = [(data[0][0], size) for size in sizes]
    with pytest.raises(ValueError, match=f"shares must be {told}"):
        train(both, tmp_path / "run", replace(TINY, shares=shares))
    assert not (tmp_path / "run").exists()


def test_average_is_the_running_mean_of_the_weights(data, tmp_path):
    # Without averaging, the run of n steps gives the weights after step n; the rate
    # must not depend on the length of the run.
    config = replace(TINY, steps=4, cooldown=0.0)
    after = [
        train(data, tmp_path / f"{steps}", replace(config, steps=steps)).state_dict()
        for steps in (1, 2, 3, 4)
    ]
    out = tmp_path / "mean"
    averaged = train(data, out, replace(config, ema_decay=0.75)).state_dict()
    kept = load_model(out / "best.safetensors").state_dict()
    for name, mean in averaged.items():
        expected = after[0][name].double()
        for weights in after[1:]:
            expected = 0.75 * expected + 0.25 * weights[name]
        if mean.is_floating_point():
            # Float32 against float64; batch norm's variances are in the thousands.
            assert torch.allclose(mean.double(), expected, rtol=1e-5, atol=1e-6), name
            assert torch.equal(kept[name], mean)
        assert mean.isfinite().all()
    assert not torch.equal(averaged["output.weight"], after[-1]["output.weight"])


def test_resumed_run_goes_on_averaging(data, tmp_path):
    config = replace(TINY, ema_decay=0.9)
    whole = train(data, tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", config, on_step=stop_at(6))
    assert_same_weights(train(data, tmp_path / "run", config, resume=True), whole)


def test_finished_run_is_resumed_in_no_steps(data, tmp_path):
    run = tmp_path / "run"
    first = train(data, run, TINY)
    before = (run / "metrics.jsonl").read_text()
    told = {}
    again = train(data, run, TINY, resume=True, on_step=told.__setitem__)
    assert_same_weights(again, first)
    assert told == {}
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


@pytest.mark.parametrize("change", [{"lam": 0.1}, {"seed": 1}, {"width": 3}])
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
        with pytest.raises(OSError, match="disk full.*earlier ones are kept"):
            train(data, run, TINY, resume=True)
    assert [*(run / "checkpoints").glob("step-*")] == [
        run / "checkpoints" / "step-00000004"
    ]
    train(data, run, TINY, resume=True)
    assert len(records(run)) == 10


def test_a_run_that_diverges_goes_on_as_its_message_says(data, tmp_path):
    run = tmp_path / "run"
    train(data, run, replace(TINY, steps=4, cooldown=0.0, save_every=2))
    wild = replace(TINY, steps=9, lr=1e30, warmup=0, cooldown=0.0, save_every=1)
    with pytest.raises(FloatingPointError, match="the loss is .* at step") as error:
        train(data, run, wild, resume=True)
    told = str(error.value)
    assert told.endswith(f"colorlab train --out {run} --resume --lr 1e+29")
    assert all(math.isfinite(row["loss"]) for row in records(run))
    # One step of that size makes the loss explode, so nothing of it was saved.
    assert names(run / "checkpoints")[-1] == "step-00000004"
    train(None, run, replace(wild, lr=1e-3), resume=True)
    assert [row["step"] for row in records(run)] == list(range(1, 10))


def test_a_run_that_diverges_before_its_first_save_starts_again(data, tmp_path):
    wild = replace(TINY, lr=1e30, warmup=1)
    with pytest.raises(FloatingPointError, match="lower lr"):
        train(data, tmp_path / "run", wild)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    train(None, tmp_path / "run", replace(wild, lr=1e-3), resume=True)
    assert len(records(tmp_path / "run")) == 10


def test_weights_that_are_not_finite_are_never_saved(data, tmp_path, monkeypatch):
    # The loss of a step says nothing yet of the weights that it leaves.
    step = torch.optim.AdamW.step

    def break_at_three(self, *args, **kwargs):
        result = step(self, *args, **kwargs)
        self.count = getattr(self, "count", 0) + 1
        if self.count == 3:
            self.param_groups[0]["params"][0].data.fill_(math.nan)
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", break_at_three)
    config = replace(TINY, log_every=3, save_every=3)
    with pytest.raises(FloatingPointError, match="at step 3"):
        train(data, tmp_path / "run", config)
    assert names(tmp_path / "run" / "checkpoints") == []


def test_a_checkpoint_with_broken_weights_is_passed_over(data, tmp_path):
    run = tmp_path / "run"
    train(data, run, replace(TINY, steps=8, save_every=4))
    file = run / "checkpoints" / "step-00000008" / "model.safetensors"
    tensors = load_file(file)
    tensors["output.bias"][0] = math.nan
    save_file(tensors, file, metadata={"format": "pt"})
    train(None, run, replace(TINY, steps=9, save_every=4), resume=True)
    assert [row["step"] for row in records(run)] == list(range(1, 10))
    assert names(run / "checkpoints") == ["step-00000008", "step-00000009"]


def test_training_starts_from_init(data, tmp_path):
    torch.manual_seed(5)
    init = ColorNet(2)
    torch.nn.init.constant_(init.output.bias, 3.0)
    still = replace(TINY, steps=1, lr=1e-12)
    model = train(data, tmp_path / "run", still, init=init)
    for mine, theirs in zip(model.parameters(), init.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)  # one step of 1e-12


@pytest.mark.parametrize(
    "init",
    [ColorNet(3), ColorNet(2, "released"), ColorNet(2, out_channels=2), BorrowedNet(2)],
)
def test_init_of_another_shape_is_refused(data, tmp_path, init):
    wanted = "init must have width 2, variant paper and a head of bins"
    with pytest.raises(ValueError, match=f"{wanted}.* it has .*pass --width"):
        train(data, tmp_path / "run", TINY, init=init)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loss": "l1"}, "loss must be one of"),
        ({"batch_size": 11}, "batch_size must not exceed .* there are 10 images"),
    ],
)
def test_impossible_config_is_refused(data, tmp_path, changes, told):
    with pytest.raises(ValueError, match=told):
        train(data, tmp_path / "run", replace(TINY, **changes))
    assert not (tmp_path / "run").exists()


def test_size_of_a_source_is_checked(data, tmp_path):
    with pytest.raises(ValueError, match="size must be a multiple of 8, got 20"):
        train([(data[0][0], 20)], tmp_path / "run", TINY)


def test_missing_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match="data must be a folder"):
        train([(tmp_path / "absent", None)], tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()


def test_sources_have_their_own_sizes(data, save_photos, tmp_path):
    save_photos(tmp_path / "large", 6, size=32)
    both = [*data, (tmp_path / "large", 32)]
    train(both, tmp_path / "run", replace(TINY, steps=5))
    photos = [row["images"] for row in records(tmp_path / "run")]
    assert sorted(photos) == [1, 1, 1, 4, 4]


def test_a_large_batch_is_computed_in_parts(data, tmp_path):
    parts = []
    count = ColorNet.forward

    def forward(self, L):
        parts.append(len(L))
        return count(self, L)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ColorNet, "forward", forward)
        train(data, tmp_path / "run", replace(TINY, steps=1, grad_accum_steps=3))
    assert parts[:3] == [2, 1, 1]  # every third image, as three processes would
    with pytest.raises(ValueError, match="batch_size must give each of 1 processes 5"):
        train(data, tmp_path / "more", replace(TINY, grad_accum_steps=5))


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_weight_decay_enters_the_gradient_of_adam_alone(data, tmp_path, optimizer):
    runs = [
        train(
            data,
            tmp_path / f"{optimizer}-{decay}",
            replace(TINY, steps=2, optimizer=optimizer, weight_decay=decay),
        )
        for decay in (0.0, 1e-9)
    ]
    same = torch.equal(runs[0].conv1[0].bias, runs[1].conv1[0].bias)
    assert same == (optimizer == "adamw")  # 1e-9 of a weight is lost in its rounding
