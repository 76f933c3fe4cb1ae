"""Runs that are killed, stopped, moved or damaged go on as if nothing had been.

Runs are made in processes forked from a server that has loaded the package once.
"""

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest
import torch

from colorlab.datasets.sources import find_images
from colorlab.train.checkpoint import Stopped
from colorlab.train.config import TrainConfig
from colorlab.train.loop import train
from colorlab.train.run import read_records
from colorlab.weights import load_model

TINY = TrainConfig(
    width=2,
    size=16,
    batch_size=4,
    steps=40,
    lr=5e-3,
    warmup=2,
    precision="no",
    save_every=3,
    log_every=2,
    workers=0,
)
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["colorlab.train.loop"])
PATIENCE = 300  # seconds, for busy machines


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch):
    """Keep runs on the CPU, in one thread, which sums in one order."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def photos(save_photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "photos"
    save_photos(folder, 20, size=24)  # half of them are held out
    return folder


def run_training(photos, out, config, channel, limit=None):
    """Train in this process; tell each step, and the error that ends it."""
    torch.set_num_threads(1)

    def tell(step, record):
        channel.send(step)
        if step == limit:  # from here on, no file may grow beyond 20 kB
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    try:
        train([(photos, None)], out, config, resume=True, on_step=tell)
        channel.send("done")
    except Exception as error:
        channel.send(f"{type(error).__name__}: {error}")


def start(photos, out, config=TINY, limit=None):
    receiver, sender = SERVER.Pipe(duplex=False)
    process = SERVER.Process(
        target=run_training, args=(photos, out, config, sender, limit)
    )
    process.start()
    sender.close()
    return process, receiver


def finish(process, receiver):
    """Wait for the end of a run; gives its last words."""
    words = None
    try:
        while receiver.poll(PATIENCE):
            words = receiver.recv()
    except EOFError:
        process.join(PATIENCE)
    return words


def assert_same_network(run, other):
    pairs = [load_model(folder / "model.safetensors") for folder in (run, other)]
    for name, mine in pairs[0].state_dict().items():
        assert torch.equal(mine, pairs[1].state_dict()[name]), name


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """Give a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        assert finish(*start(photos, out)) == "done"
    return out


def kill_at_random(photos, out, rng):
    """Start, wait for a step by chance and a little longer, and kill -9."""
    process, receiver = start(photos, out)
    for _ in range(rng.randint(1, 6)):
        if wait([receiver], PATIENCE) and receiver.recv() == "done":
            pytest.fail("the run was over before it was killed")
    time.sleep(rng.uniform(0, 0.03))  # into a step, or into a save
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)


@pytest.mark.parametrize(
    "kills", [3, pytest.param(20, marks=pytest.mark.stress)], ids=str
)
def test_killed_run_ends_bit_identical(photos, whole, tmp_path, kills):
    config_steps = TINY.steps
    rng = random.Random(kills)
    for _ in range(kills):
        kill_at_random(photos, tmp_path / "run", rng)
        saved = [*(tmp_path / "run" / "checkpoints").glob("step-*")]
        if max((int(path.name[5:]) for path in saved), default=0) > config_steps - 12:
            shutil.rmtree(tmp_path / "run")  # nearly done: kill another run
    assert finish(*start(photos, tmp_path / "run")) == "done"
    assert_same_network(tmp_path / "run", whole)
    rows, expected = (
        read_records(run / "metrics.jsonl") for run in (tmp_path / "run", whole)
    )
    assert [row["step"] for row in rows] == [row["step"] for row in expected]
    assert [row["loss"] for row in rows] == [row["loss"] for row in expected]
    assert not [*(tmp_path / "run").rglob("unfinished")]


def test_another_seed_ends_elsewhere(photos, whole, tmp_path):
    assert finish(*start(photos, tmp_path / "run", replace(TINY, seed=1))) == "done"
    with pytest.raises(AssertionError):
        assert_same_network(tmp_path / "run", whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_saves_and_stops(photos, whole, tmp_path, number):
    def tell(step, record):
        if step == 7:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Stopped, match="stopped and saved after step 8"):
        train([(photos, None)], tmp_path / "run", TINY, on_step=tell)
    assert signal.getsignal(number) is before
    assert (tmp_path / "run/checkpoints/step-00000008").is_dir()
    assert finish(*start(photos, tmp_path / "run")) == "done"
    assert_same_network(tmp_path / "run", whole)


def command(*words):
    return [sys.executable, "-m", *map(str, words)]


def options(photos, out, config=TINY, *more):
    words = ["train", photos, "--out", out, "--resume", *more]
    for name in (
        "width",
        "size",
        "steps",
        "lr",
        "warmup",
        "ema-decay",
        "precision",
        "workers",
    ):
        words += [f"--{name}", getattr(config, name.replace("-", "_"))]
    words += ["--batch-size", config.batch_size, "--save-every", config.save_every]
    return [*words, "--log-every", config.log_every]


def wait_for_records(run, number, process):
    end = time.monotonic() + PATIENCE
    while len(read_records(run / "metrics.jsonl")) < number:
        if time.monotonic() > end or process.poll() is not None:
            pytest.fail(f"no {number} records: {process.communicate()}")
        time.sleep(0.01)


def test_command_stops_on_a_signal_to_all_its_processes(photos, whole, tmp_path):
    words = options(photos, tmp_path / "run", replace(TINY, workers=1))
    process = subprocess.Popen(
        command("colorlab", *words),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_records(tmp_path / "run", 3, process)
    os.killpg(process.pid, signal.SIGTERM)
    told = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130
    assert "Traceback" not in told
    assert told.count("stopped") == 1
    assert f"colorlab train --out {tmp_path / 'run'} --resume" in told
    assert finish(*start(photos, tmp_path / "run")) == "done"
    assert_same_network(tmp_path / "run", whole)


def test_full_disk_loses_nothing(photos, whole, tmp_path):
    # Step 9 finds room for its record and picture, not for a network of 100 kB.
    told = finish(*start(photos, tmp_path / "run", limit=7))
    assert told.startswith("OSError:")
    assert "cannot be written" in told
    names = sorted(p.name for p in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-00000003", "step-00000006"]
    assert finish(*start(photos, tmp_path / "run")) == "done"
    assert_same_network(tmp_path / "run", whole)


@pytest.fixture
def stopped(photos, tmp_path):
    """Give a run that was stopped after step 6, before its 40th."""
    train([(photos, None)], tmp_path / "run", replace(TINY, steps=6))
    return tmp_path / "run"


def test_cut_short_line_is_dropped(photos, stopped):
    with open(stopped / "metrics.jsonl", "a") as file:
        file.write('{"step": 7, "lo')
    train([(photos, None)], stopped, replace(TINY, steps=7), resume=True)
    lines = (stopped / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 3, 4, 6, 7]


@pytest.mark.parametrize("change", ["more", "fewer", "other", "two"])
def test_changed_data_are_refused(photos, stopped, tmp_path, change):
    shutil.copytree(photos, tmp_path / "photos")
    data = [(tmp_path / "photos", None)] * (2 if change == "two" else 1)
    first = sorted((tmp_path / "photos").iterdir())[0]
    if change in ("more", "other"):
        shutil.copy(first, first.with_name("new.png"))
    if change in ("fewer", "other"):
        first.unlink()
    with pytest.raises(ValueError, match="data must be those of the run"):
        train(data, stopped, replace(TINY, steps=8), resume=True)


def test_moved_data_are_the_same(photos, stopped, tmp_path):
    shutil.copytree(photos, tmp_path / "moved")
    train([(tmp_path / "moved", None)], stopped, replace(TINY, steps=7), resume=True)


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.bin"])
def test_damaged_checkpoint_is_named(photos, stopped, file):
    last = stopped / "checkpoints" / "step-00000006"
    content = (last / file).read_bytes()
    (last / file).write_bytes(content[: len(content) // 2])
    again = replace(TINY, steps=8)
    with pytest.raises(ValueError, match="step-00000006 must be a whole checkpoint"):
        train([(photos, None)], stopped, again, resume=True)
    shutil.rmtree(last)  # as the message says
    train([(photos, None)], stopped, again, resume=True)
    assert read_records(stopped / "metrics.jsonl")[-1]["step"] == 8


def test_checkpoint_of_another_network_is_named(photos, stopped, tmp_path):
    other = replace(TINY, steps=6, variant="released")
    train([(photos, None)], tmp_path / "other", other)
    last = stopped / "checkpoints" / "step-00000006"
    shutil.rmtree(last)
    shutil.copytree(tmp_path / "other" / "checkpoints" / last.name, last)
    with pytest.raises(ValueError, match="must be a whole checkpoint of this run"):
        train([(photos, None)], stopped, replace(TINY, steps=8), resume=True)


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_hostile_checkpoint_runs_nothing(photos, stopped, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    torch.save(Bomb(), stopped / "checkpoints/step-00000006/optimizer.bin")
    with pytest.raises(ValueError, match="must be a whole checkpoint"):
        train([(photos, None)], stopped, replace(TINY, steps=8), resume=True)
    assert not Path("exploded").exists()


# Two processes

# With a low rate, differences of rounding stay small.
CALM = replace(TINY, steps=16, lr=1e-4, save_every=5, log_every=1, ema_decay=0.5)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    """Give a run of one process, which takes each batch in two parts.

    On CPUs, batch norm sees the images of its own process only, as it sees one part at
    a time: the same halves of each batch. (On GPUs, it sees all of them.)
    """
    out = tmp_path_factory.mktemp("alone") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        halves = replace(CALM, grad_accum_steps=2)
        assert finish(*start(photos, out, halves)) == "done"
    return out


APART = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # as chapter train says


def torchrun(photos, out):
    return subprocess.Popen(
        command(
            *("torch.distributed.run", "--standalone", "--nproc-per-node", 2),
            *("--max-restarts", 1, "-m", "colorlab"),
            *options(photos, out, CALM),
        ),
        env={**os.environ, **APART},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_same_curve(run, other):
    rows, expected = (read_records(out / "metrics.jsonl") for out in (run, other))
    assert [row["step"] for row in rows] == [row["step"] for row in expected]
    # Float32 sums in another order.
    losses, wanted = ([row["loss"] for row in part] for part in (rows, expected))
    assert losses[0] == pytest.approx(wanted[0], rel=1e-5)
    assert losses == pytest.approx(wanted, rel=1e-3)


@pytest.mark.stress  # two more processes that load the package
def test_two_processes_tell_of_all_skipped_photos(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    learned = find_images(tmp_path / "photos")  # the others are held out
    broken = [learned.path(number) for number in range(4)]
    for path in broken:
        path.write_bytes(b"no picture")
    process = torchrun(tmp_path / "photos", tmp_path / "run")
    told = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, told
    skipped = json.loads((tmp_path / "run" / "skipped.json").read_text())
    assert sorted(skipped) == [path.name for path in broken]


@pytest.mark.stress  # so does the next one, though a worker is killed
def test_two_processes_train_as_one_in_two_parts(photos, alone, tmp_path):
    process = torchrun(photos, tmp_path / "run")
    said, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert said.count("16 steps, network in") == 1  # one of them speaks
    assert_same_curve(tmp_path / "run", alone)


def test_killed_worker_is_replaced(photos, alone, tmp_path):
    process = torchrun(photos, tmp_path / "run")
    wait_for_records(tmp_path / "run", 7, process)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    workers[1].kill()
    told = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, told
    assert "failed (exitcode: -9)" in told  # and yet the run came to its end
    assert_same_curve(tmp_path / "run", alone)
