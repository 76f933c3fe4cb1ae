"""A run's folder: nothing foreign is written over, and what it remembers is enough."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import torch

from colorlab.network import ColorNet
from colorlab.prior import save_counts
from colorlab.quantize import N_BINS, bin_centers
from colorlab.train.config import RENAMED, TrainConfig
from colorlab.train.loop import train
from colorlab.train.run import find_run, lock_run, read_config, read_data, read_records
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


@pytest.fixture
def run(data, tmp_path):
    """A run that has done four steps."""
    train(data, tmp_path / "run", TINY)
    return tmp_path / "run"


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def assert_same_weights(model, other):
    for name, mine in model.state_dict().items():
        assert torch.equal(mine, other.state_dict()[name]), name


# Foreign folders


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": '{"my": 1}', "metrics.jsonl": "mine"},
        {"config.json": '{"steps": 5}'},
        {"config.json": "[1, 2]"},
        {"metrics.jsonl": "mine"},
        {"model.safetensors": "mine"},
        {"checkpoints/theirs.ckpt": "mine"},
        {"notes.txt": "mine"},
    ],
)
@pytest.mark.parametrize("resume", [False, True])
def test_a_foreign_folder_is_left_as_it_is(data, tmp_path, files, resume):
    out = tmp_path / "project"
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    before = contents(out)
    with pytest.raises(ValueError, match=str(out)):
        train(data, out, TINY, resume)
    assert contents(out) == before


def test_a_file_is_no_folder(data, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ValueError, match="out must be a folder, .* is a file"):
        train(data, tmp_path / "run", TINY)


def test_an_empty_folder_is_used(data, tmp_path):
    (tmp_path / "run").mkdir()
    assert not find_run(tmp_path / "run")
    train(data, tmp_path / "run", replace(TINY, steps=1))
    assert find_run(tmp_path / "run")


def test_what_a_dead_process_left_is_cleared(data, run):
    left = [run / ".partial-12345678", run / "samples" / ".partial-12345678"]
    for path in left:
        path.write_bytes(b"half")
    train(None, run, replace(TINY, steps=5), resume=True)
    assert not any(path.exists() for path in left)


def test_copies_of_checkpoints_are_left_alone(run):
    copies = [run / "checkpoints" / f"step-0000000{n}" for n in ("3-good", "9.bak")]
    for copy in copies:
        copy.mkdir()
    train(None, run, replace(TINY, steps=12), resume=True)
    assert all(copy.is_dir() for copy in copies)
    assert len([*(run / "checkpoints").iterdir()]) == 4


def test_files_can_be_read_by_others(run):
    modes = {path.name: path.stat().st_mode & 0o777 for path in contents(run)}
    assert {name: oct(mode) for name, mode in modes.items() if mode != 0o644} == {}


# One run a folder


def test_a_second_run_in_a_folder_is_refused(data, tmp_path):
    out = tmp_path / "run"
    hold = (
        "import sys, pathlib\nfrom colorlab.train.run import lock_run\n"
        f"with lock_run(pathlib.Path({str(out)!r})):\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        told = f"out must not be in use; process {other.pid} trains in {out}"
        with pytest.raises(ValueError, match=told):
            train(data, out, TINY)
        other.kill()  # its lock dies with it
    train(data, out, replace(TINY, steps=1))
    assert not (out / "lock").exists()


def test_a_lock_is_not_inherited_by_data_loaders(tmp_path):
    # Readers outlive a killed run by seconds; they must not keep the next one out.
    try_it = (
        "import sys, pathlib\nfrom colorlab.train.run import lock_run\n"
        f"with lock_run(pathlib.Path({str(tmp_path / 'run')!r})): pass"
    )
    with lock_run(tmp_path / "run"):
        child = os.fork()
        if child == 0:
            try:
                sys.stdin.close()
                import time

                time.sleep(60)
            finally:
                os._exit(0)
    try:
        subprocess.run([sys.executable, "-c", try_it], check=True)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


# What a run remembers


def test_resume_alone_goes_on(data, tmp_path, save_photos):
    save_photos(tmp_path / "mine", 3, size=40)
    torch.manual_seed(3)
    init = ColorNet(2)
    counts = torch.arange(1, N_BINS + 1)
    save_counts(counts, bin_centers(), tmp_path / "own.csv", "own")
    config = replace(TINY, steps=8, prior=str(tmp_path / "own.csv"))
    val = tmp_path / "mine"
    whole = train(data, tmp_path / "whole", config, init=init, val_data=val)

    def stop(step, record):
        if step == 5:
            raise RuntimeError("power cut")

    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="power cut"):
        train(data, run, config, init=init, val_data=val, on_step=stop)
    (tmp_path / "own.csv").unlink()  # it has a copy
    resumed = train(None, run, resume=True)
    assert_same_weights(resumed, whole)
    assert read_config(run / "config.json") == config
    losses = [
        [row["held_out"] for row in read_records(out / "metrics.jsonl")[-1:]]
        for out in (run, tmp_path / "whole")
    ]
    assert losses[0] == losses[1]


def test_killed_before_its_first_checkpoint_it_starts_from_init_again(data, tmp_path):
    init = ColorNet(2)
    torch.nn.init.constant_(init.output.bias, 3.0)
    still = replace(TINY, lr=1e-12)

    def stop(step, record):
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(data, tmp_path / "run", still, init=init, on_step=stop)
    model = train(None, tmp_path / "run", resume=True)
    assert torch.allclose(model.output.bias, init.output.bias, atol=1e-6)


def test_another_init_is_refused(data, tmp_path):
    config = replace(TINY, steps=1)
    torch.manual_seed(0)
    inits = [ColorNet(2), ColorNet(2)]
    train(data, tmp_path / "run", config, init=inits[0])
    more = replace(config, steps=2)
    with pytest.raises(ValueError, match="init must be what the run in .* started"):
        train(data, tmp_path / "run", more, resume=True, init=inits[1])
    train(data, tmp_path / "run", more, resume=True, init=inits[0])
    train(data, tmp_path / "plain", config)
    with pytest.raises(ValueError, match="init must be left out"):
        train(data, tmp_path / "plain", more, resume=True, init=inits[1])


def test_a_prior_is_compared_by_its_content(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    even, odd = torch.ones(N_BINS, dtype=torch.long), torch.arange(1, N_BINS + 1)
    for name, counts in (("even", even), ("same", even), ("odd", odd)):
        save_counts(counts, bin_centers(), tmp_path / f"{name}.csv", name)
    config = replace(TINY, prior="even.csv", steps=2)
    whole = train(data, tmp_path / "whole", replace(config, steps=3))
    train(data, tmp_path / "run", replace(config, steps=3, cooldown=0.0))
    train(
        data, tmp_path / "run", replace(config, prior="./even.csv", cooldown=0.0), True
    )
    with pytest.raises(ValueError, match="prior must hold what that of the run"):
        train(
            data, tmp_path / "run", replace(config, prior="odd.csv", cooldown=0.0), True
        )
    assert len(whole.card["prior"]) == N_BINS  # `export --lam` needs no file


def test_other_validation_images_are_refused(data, run, tmp_path, save_photos):
    save_photos(tmp_path / "other", 5, size=40)
    more = replace(TINY, steps=5)
    with pytest.raises(ValueError, match="val_data must be those of the run"):
        train(data, run, more, resume=True, val_data=tmp_path / "other")


def test_free_fields_may_change(data, run):
    changes = {"steps": 6, "lr": 1e-3, "warmup": 0, "clip": 9.0, "log_every": 2}
    train(None, run, replace(TINY, **changes), resume=True)
    rows = read_records(run / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 6]
    assert read_config(run / "config.json") == replace(TINY, **changes)


def test_fewer_steps_than_done_change_nothing(run):
    before = contents(run)
    network = train(None, run, replace(TINY, steps=3), resume=True)
    assert network.card["steps"] == 4
    assert contents(run) == before


def test_a_finished_run_is_left_as_it_is(run):
    before = contents(run)
    assert train(None, run, resume=True).card["steps"] == 4
    assert contents(run) == before


def test_a_result_that_is_missing_is_written(run):
    (run / "model.safetensors").unlink()  # killed after the last checkpoint
    train(None, run, resume=True)
    assert load_model(run / "model.safetensors").card["steps"] == 4


def first_edition(run, images):
    """Write a run's files as the first edition did, which its runs show."""
    config = asdict(read_config(run / "config.json"))
    for old, new in RENAMED.items():
        config[old] = config.pop(new)
    del config["device"]
    (run / "config.json").write_text(json.dumps(config))
    sources = [
        {"size": s["size"], "photos": images, "fingerprint": "of its own kind"}
        for s in read_data(run)["train"]
    ]
    (run / "data.json").write_text(json.dumps(sources))
    lines = [
        {
            {"warning": "trouble", "images": "photos", "grad_norm": "norm"}.get(k, k): v
            for k, v in row.items()
        }
        for row in read_records(run / "metrics.jsonl")
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run / "metrics.jsonl").write_text(text)


@pytest.mark.parametrize("divided", [True, False])
def test_a_run_of_the_first_edition_goes_on(save_photos, tmp_path, divided):
    run, data = tmp_path / "run", [(tmp_path / "photos", None)]
    inside = tmp_path / "photos" / ("train" if divided else "all")
    save_photos(inside, 20, size=24)
    if divided:
        save_photos(tmp_path / "photos" / "val", 4, size=24)
    train(data, run, TINY)
    first_edition(run, images=20)  # held out were only those of val/
    more = replace(TINY, steps=6)
    with pytest.raises(ValueError, match="data must be named"):
        train(None, run, more, resume=True)
    assert train(data, run, more, resume=True).card["steps"] == 6
    rows = read_records(run / "metrics.jsonl")
    assert [row["step"] for row in rows] == [*range(1, 7)]
    assert rows[0]["warning"] is None
    assert json.loads((run / "config.json").read_text())["schema"] == 2
    assert read_data(run)["train"][0]["images"] == 20
    train(None, run, replace(TINY, steps=7), resume=True)


# Damaged files


@pytest.mark.parametrize("text", ["", '{"width": 2, "va', "5", "null", "[]", "{}"])
@pytest.mark.parametrize("name", ["config.json", "data.json"])
def test_damaged_files_are_named_with_what_to_do(data, run, name, text):
    (run / name).write_text(text)
    with pytest.raises(ValueError, match=f"{run / name}") as error:
        train(data, run, replace(TINY, steps=5), resume=True)
    assert "\n" not in str(error.value)
    if name == "data.json":
        assert "delete it" in str(error.value)
        (run / name).unlink()
        train(data, run, replace(TINY, steps=5), resume=True)


@pytest.mark.parametrize("text", ["", "[1", "5"])
def test_a_damaged_list_of_skipped_images_is_named(data, run, text):
    (run / "skipped.json").write_text(text)
    with pytest.raises(ValueError, match="skipped.json is damaged .*: delete it"):
        train(data, run, replace(TINY, steps=5), resume=True)


@pytest.mark.parametrize("line", ["5", "{}", "null", '{"step": "x"}', "\0\0"])
def test_a_line_that_is_no_record_is_named(data, run, line):
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(f"{line}\n{text}")
    with pytest.raises(ValueError, match="metrics.jsonl, line 1 must be a record"):
        train(data, run, replace(TINY, steps=5), resume=True)
    (run / "metrics.jsonl").write_text(f"{text}{line}")  # as a crash leaves it
    train(data, run, replace(TINY, steps=5), resume=True)
    assert len(read_records(run / "metrics.jsonl")) == 5


def test_a_held_out_loss_that_is_null_does_not_matter(data, run):
    text = (run / "metrics.jsonl").read_text()
    rows = [json.loads(line) | {"held_out": None} for line in text.splitlines()]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run / "metrics.jsonl").write_text(text)
    train(data, run, replace(TINY, steps=6), resume=True)
    assert load_model(run / "best.safetensors").card["steps"] == 6


# What is remembered, and what must be said again


def test_a_finished_run_without_checkpoints_is_not_written_over(data, run):
    shutil.rmtree(run / "checkpoints")
    before = contents(run)
    for resume in (False, True):
        with pytest.raises(ValueError, match="resumed, .* has none|must be a new fol"):
            train(data, run, TINY, resume=resume)
    assert contents(run) == before


def test_an_init_that_was_not_yet_copied_must_be_named_again(data, tmp_path):
    out, init = tmp_path / "run", ColorNet(2)
    train(data, out, TINY, init=init)
    for name in ("init.safetensors", "model.safetensors", "best.safetensors"):
        (out / name).unlink()  # as if stopped before they were there
    shutil.rmtree(out / "checkpoints")
    with pytest.raises(ValueError, match="init must be named again"):
        train(data, out, resume=True)
    assert_same_weights(
        train(data, out, TINY, init=init, resume=True),
        train(data, tmp_path / "whole", TINY, init=init),
    )


def test_data_named_to_validate_on_too_are_divided(data, tmp_path):
    train(data, tmp_path / "run", TINY, val_data=data[0][0])
    train(data, tmp_path / "other", TINY)
    one, other = (read_data(tmp_path / name) for name in ("run", "other"))
    assert one["val"]["fingerprint"] == other["val"]["fingerprint"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"workers": 100_000}, "workers must be at most"),
        ({"precision": "fp16"}, "precision must be .* on a processor, got fp16"),
    ],
)
def test_what_a_machine_cannot_do_is_refused(data, tmp_path, changes, told):
    with pytest.raises(ValueError, match=told):
        train(data, tmp_path / "run", replace(TINY, device="cpu", **changes))
    assert not (tmp_path / "run").exists()


def test_a_size_of_zero_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match="size must be"):
        train([(data[0][0], 0)], tmp_path / "run", TINY)


def test_an_empty_name_is_no_data(tmp_path):
    with pytest.raises(ValueError, match="got an empty name"):
        train([("", None)], tmp_path / "run", TINY)


def test_with_shares_a_small_source_begins_again(data, tmp_path, save_photos):
    save_photos(tmp_path / "few", 4, size=24)
    sources = [*data, (tmp_path / "few", None)]
    with pytest.raises(ValueError, match="batch_size must not exceed"):
        train(sources, tmp_path / "run", TINY)
    train(sources, tmp_path / "mixed", replace(TINY, shares="3,1"))
    assert len(read_records(tmp_path / "mixed/metrics.jsonl")) == TINY.steps


def test_weights_that_no_number_holds_are_refused(data, tmp_path):
    counts = torch.zeros(N_BINS, dtype=torch.int64)
    counts[120] = 1000  # gray photos alone
    save_counts(counts, bin_centers(), tmp_path / "gray.csv", "gray")
    config = replace(TINY, prior=str(tmp_path / "gray.csv"), lam=0.0)
    with pytest.raises(ValueError, match="lam must be larger, got 0: .* would count"):
        train(data, tmp_path / "run", config)
    train(data, tmp_path / "run", replace(config, lam=0.01))
