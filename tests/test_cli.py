"""The command line, as a user types it."""

import json
import os
import subprocess
import sys

import pytest
import torch
from cli_fixtures import (  # noqa: F401 (fixtures are used by name)
    fixture_network,
    fixture_photos,
    run,
)

from colorlab import __main__ as entry
from colorlab import (
    __version__,
    load_prior,
)
from colorlab.__main__ import main
from colorlab.cli import app
from colorlab.cli.models import choose_device
from colorlab.datasets.sources import find_splits

CALL = [os.fsencode(sys.executable), b"-m", b"colorlab"]


def test_prior_counts_every_pixel(monkeypatch, photos, tmp_path):
    out = tmp_path / "prior.csv"
    assert run(monkeypatch, "prior", photos, "-o", out, "--size", 16) == 0
    counts = [int(line.split(",")[2]) for line in out.read_text().splitlines()[2:]]
    assert sum(counts) == 5 * 16 * 16  # of nine images, four are held out
    assert load_prior(out).sum().item() == pytest.approx(1)


def test_unreadable_photos_are_listed(monkeypatch, photos, network, tmp_path, capsys):
    broken = {split: found.name(0) for split, found in find_splits(photos).items()}
    for name in broken.values():
        (photos / name).write_bytes(b"no picture")
    words = ("train", photos, "--out", tmp_path / "run", "--preset", "smoke")
    words += ("--width", 2, "--size", 16, "--batch-size", 4, "--steps", 4)
    for splits, *command in (
        ("train", *words),
        ("train", "prior", photos, "-o", tmp_path / "prior.csv"),
        ("val", "evaluate", network, photos, "--size", 16),
        ("train val", "data", "shard", photos, "-o", tmp_path / "shards"),
    ):
        assert run(monkeypatch, *command) == 0, command
        told = capsys.readouterr().err
        number = len(splits.split())
        assert f"{number} images could not be read and were skipped:\n" in told, command
        assert all(f"\n  {broken[split]}: " in told for split in splits.split())


def test_train_from_shards(monkeypatch, photos, tmp_path, capsys):
    shards = tmp_path / "shards"
    assert run(monkeypatch, "data", "shard", photos, "-o", shards) == 0
    assert "9 of 9 images packed" in capsys.readouterr().out
    words = ("train", shards, "--out", tmp_path / "run", "--preset", "smoke")
    words += ("--width", 2, "--size", 16, "--batch-size", 4, "--steps", 2)
    assert run(monkeypatch, *words) == 0
    assert run(monkeypatch, "evaluate", tmp_path / "run", shards, "--size", 16) == 0


def test_unknown_network_is_one_line(monkeypatch, photos, tmp_path, capsys):
    assert run(monkeypatch, "evaluate", tmp_path / "none", photos) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("colorlab: model must be one of borrowed, class")
    assert "\n" not in said


def test_a_list_of_options_without_help_is_empty():
    from typer.main import get_command

    def options(command, name=""):
        for child in getattr(command, "commands", {}).values():
            yield from options(child, child.name)
        yield from ((name, p.name, getattr(p, "help", "")) for p in command.params)

    found = [*options(get_command(app))]
    assert len(found) > 60
    assert [o[:2] for o in found if not o[2]] == []


def test_version(monkeypatch, capsys):
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"colorlab {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt, 130, ""),
        (MemoryError, 2, "colorlab: there is not enough memory: take a smaller --size"),
        (RuntimeError("CUDA out of memory. Tried"), 2, "colorlab: there is not enough"),
        (
            ModuleNotFoundError("No module named 'accelerate'", name="accelerate"),
            *(2, "colorlab: No module named 'accelerate': pip install 'colorization-"),
        ),
        (ValueError("one\n  two"), 2, "colorlab: one two\n"),
        (OSError(28, "No space left on device"), 2, "colorlab: No space left on"),
        (
            OSError(36, "File name too long", "a\nb.png"),
            *(2, "colorlab: a b.png cannot be read or written: File name too long\n"),
        ),
    ],
)
def test_errors_are_one_line(monkeypatch, capsys, error, code, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("colorlab.cli.networks.load_network", fail)
    assert run(monkeypatch, "info") == code
    shown = capsys.readouterr().err
    assert shown.startswith(said)
    assert shown.count("\n") == (said != "")


def test_a_bug_keeps_its_traceback(monkeypatch):
    def fail(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("colorlab.cli.networks.load_network", fail)
    monkeypatch.setattr(sys, "argv", ["colorlab", "info"])
    with pytest.raises(RuntimeError, match="shapes"):
        main()


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m colorlab info tiny | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_a_name_in_latin_1_is_printed(photos, tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.rename(photos, folder)
    words = [*CALL, b"prior", folder, b"-o", os.fsencode(tmp_path / "p.csv")]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"5 of 5 images counted" in done.stdout
    assert rb"caf\udce9" in (tmp_path / "p.csv").read_bytes()
    words = [*CALL, b"evaluate", b"tiny", folder, b"--size", b"16", b"-o"]
    done = subprocess.run([*words, os.fsencode(tmp_path / "s")], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "s.json").read_text())["data"] == r"caf\xe9"
    assert (tmp_path / "s.html").stat().st_size > 1000


@pytest.mark.parametrize("command", ["prior", "calibrate", "export", "evaluate"])
def test_a_file_that_is_there_stays(
    monkeypatch, photos, network, tmp_path, capsys, command
):
    out = tmp_path / ("out.safetensors" if command == "export" else "out.json")
    out.write_text("mine")
    words = {
        "prior": ("prior", photos, "--size", 16),
        "calibrate": ("calibrate", network, photos, "--size", 16),
        "export": ("export", network),
        "evaluate": ("evaluate", network, photos, "--size", 16),
    }[command]
    assert run(monkeypatch, *words, "-o", out) == 2
    assert f"{out} exists: choose another name" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run(monkeypatch, *words, "-o", out, "--overwrite") == 0
    assert out.read_bytes() != b"mine"
    missing = tmp_path / "none" / out.name
    assert run(monkeypatch, *words, "-o", missing) == 2
    assert "in a folder that exists" in capsys.readouterr().err
    folder = tmp_path / "folder.json"
    folder.mkdir()
    assert run(monkeypatch, *words, "-o", folder) == 2
    assert "is a folder" in capsys.readouterr().err


def test_a_full_disk_leaves_the_old_table(monkeypatch, photos, tmp_path):
    out = tmp_path / "prior.csv"
    out.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    words = ("prior", photos, "-o", out, "--size", 16, "--overwrite")
    assert run(monkeypatch, *words) == 2
    assert out.read_text() == "old"


def test_a_run_named_like_a_shipped_network_is_reached(
    monkeypatch, network, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "l2").mkdir()
    assert run(monkeypatch, "info", "l2") == 0  # the folder holds no network
    shipped = capsys.readouterr().out
    network.rename(tmp_path / "l2" / "best.safetensors")
    for name in ("l2", "./l2", tmp_path / "l2"):
        assert run(monkeypatch, "info", name) == 0
        said = capsys.readouterr()
        assert said.out != shipped
        assert "width 2," in said.out
        assert "best network so far" in said.err
        assert ("not the shipped network" in said.err) == (name == "l2")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Flagship", "borrowed, class, flagship, l2, rebal, tiny"),
        ("eccv16.pth", "eccv16.pth is none"),
        (".", "a folder with model.safetensors or best.safetensors; . is none"),
    ],
)
def test_an_unknown_network_is_told(monkeypatch, tmp_path, capsys, name, said):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "info", name) == 2
    assert said in capsys.readouterr().err


def test_a_device_that_is_not_there_is_told(monkeypatch, photos, tmp_path, capsys):
    words = ("prior", photos, "-o", tmp_path / "p.csv", "--size", 16, "--device")
    assert run(monkeypatch, *words, "xpu") == 2
    assert "device must be one of auto, cpu" in capsys.readouterr().err
    assert run(monkeypatch, *words, "gpu") == 2
    assert "got 'gpu'" in capsys.readouterr().err
    assert run(monkeypatch, *words, "cpu") == 0


@pytest.mark.parametrize("name", ["cuda:x", "cuda:2", "cuda:", "cpu:x"])
def test_a_mistyped_number_of_a_device_is_told(monkeypatch, photos, capsys, name):
    """As on a machine with two GPUs, where torch would stop with a traceback."""
    there = torch.device("cuda")
    monkeypatch.setattr("colorlab.network.best_device", lambda: there)
    monkeypatch.setattr("torch.accelerator.device_count", lambda: 2)
    words = ("prior", photos, "-o", photos / "p.csv", "--size", 16, "--device", name)
    assert run(monkeypatch, *words) == 2
    said = " ".join(capsys.readouterr().err.split())
    known = "auto, cpu, cuda, cuda:0, cuda:1"
    assert f"device must be one of {known}, got '{name}'" in said
    assert choose_device("cuda:1") == torch.device("cuda:1")


def test_evaluate_takes_the_held_out_images_or_all(
    monkeypatch, photos, network, capsys
):
    words = ("evaluate", network, photos, "--size", 16)
    assert run(monkeypatch, *words) == 0
    told = capsys.readouterr().out
    assert "4 of 4 images measured" in told
    assert f"4 images of {photos}; left out: 5 of split 'train'" in told
    assert run(monkeypatch, *words, "--all") == 0
    assert "9 of 9 images measured" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["colorize", "evaluate", "calibrate", "prior"])
def test_commands_compute_on_the_device(
    monkeypatch, photos, network, tmp_path, device, command
):
    words = {
        "colorize": (photos / "0.png", "-o", tmp_path / "o.png", "--model", network),
        "evaluate": (network, photos, "--size", 16, "-o", tmp_path / "o.json"),
        "calibrate": (network, photos, "--size", 16, "-o", tmp_path / "o.safetensors"),
        "prior": (photos, "--size", 16, "-o", tmp_path / "o.csv"),
    }[command]
    monkeypatch.setattr("colorlab.network.best_device", lambda: device)
    assert run(monkeypatch, command, *words) == 0
    assert run(monkeypatch, command, *words, "--overwrite", "--device", "cpu") == 0


def test_stopping_while_it_loads_is_quiet(monkeypatch):
    class Stop:
        def find_spec(self, name, *_):
            if name == "colorlab.cli":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "colorlab.cli")
    monkeypatch.setattr(sys, "meta_path", [Stop(), *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 130
