"""`colorlab train`: its options are the fields of TrainConfig; what it prints."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import fields

import pytest

from colorlab.__main__ import main
from colorlab.train.config import PRESETS, TrainConfig
from colorlab.train.run import read_config
from colorlab.weights import load_model

SMALL = "--preset smoke --width 2 --size 16 --batch-size 4 --precision no".split()


@pytest.fixture
def photos(save_photos, tmp_path):
    save_photos(tmp_path / "photos", 18, size=24)  # half of them are held out
    return tmp_path / "photos"


@pytest.fixture
def colorlab(monkeypatch, capsys):
    """Run the command; gives its exit code, and what it printed."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["colorlab", "train", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call


def test_each_field_is_an_option(colorlab):
    code, out, _ = colorlab("--help")
    assert code == 0
    for field in fields(TrainConfig):
        # Long names are cut short in the table.
        assert f"--{field.name.replace('_', '-')}"[:14] in out, field.name


def test_help_shows_what_presets_change(colorlab):
    words = " ".join(colorlab("--help")[1].split())
    assert "finetune: --batch-size 16 --lr 0.0002 --size 128 --steps 250" in words
    assert "laptop: the defaults" in words


def test_options_reach_the_run(colorlab, photos, tmp_path):
    words = ["--optimizer", "adam", "--beta2", 0.9, "--no-skip-gray", "--steps", 1]
    assert colorlab(photos, "--out", tmp_path / "run", *SMALL, *words)[0] == 0
    config = read_config(tmp_path / "run" / "config.json")
    assert (config.optimizer, config.beta2, config.skip_gray) == ("adam", 0.9, False)
    assert config.lr == PRESETS["smoke"].lr


def test_it_stops_resumes_and_leaves_a_network(colorlab, photos, tmp_path):
    run = tmp_path / "run"
    words = (photos, "--out", run, *SMALL)
    assert colorlab(*words, "--steps", 3, "--save-every", 2)[0] == 0
    code, _, told = colorlab(*words, "--steps", 5)
    assert code == 2
    assert "out must be a new folder, or resume be set" in told
    code, told, _ = colorlab("--out", run, "--resume", "--steps", 5, "--lr", 1e-3)
    assert code == 0
    assert "changed: steps 3 -> 5\nchanged: lr 0.005 -> 0.001\n" in told
    assert load_model(run / "model.safetensors").card["steps"] == 5
    assert colorlab(*words, "--steps", 5, "--lr", 1e-3, "--resume")[0] == 0  # finished
    code, told, _ = colorlab("--out", run, "--resume", "--steps", 2)
    assert code == 0
    assert "has done 5 steps, more than 2: nothing was changed" in told
    code, _, told = colorlab("--out", run, "--resume", "--width", 3)
    assert code == 2
    assert "changed: width 2 -> 3" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--preset", "huge"], "preset must be one of"),
        (["--preset", "finetune"], "must have --init"),
        (["--width", 0], "width must be at least 1, got 0"),
        (["--init", "flagship", *SMALL], "init must have width 2, .* it has width 32"),
        (["--resume"], "data must be named"),
    ],
)
def test_it_says_what_is_wrong(colorlab, photos, tmp_path, words, told):
    data = [] if words == ["--resume"] else [photos]
    code, _, error = colorlab(*data, "--out", tmp_path / "run", *words)
    assert code == 2
    assert re.search(told, error)
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_data_must_be_named(colorlab, tmp_path):
    code, _, error = colorlab("--out", tmp_path / "run")
    assert code == 2
    assert "DATA must name" in error


def test_data_whose_name_ends_like_a_size(colorlab, photos, tmp_path):
    photos = photos.rename(tmp_path / "photos@2024")
    words = [photos, "--out", tmp_path / "run", *SMALL, "--steps", 1]
    assert colorlab(*words)[0] == 0


def test_a_warning_is_told_when_it_begins_and_ends(
    colorlab, monkeypatch, photos, tmp_path
):
    def sick(records, loss):
        return "gray" if 2 < records[-1]["step"] < 5 else None

    monkeypatch.setattr("colorlab.train.log.diagnose", sick)
    words = [photos, "--out", tmp_path / "run", *SMALL, "--steps", 6, "--log-every", 1]
    error = colorlab(*words)[2]
    assert error.count("step 3: gray: ") == 1
    assert error.count("gray: over") == 1
    assert "step 5: gray: over" in error


def test_a_log_file_shows_progress(colorlab, photos, tmp_path):
    words = [photos, "--out", tmp_path / "run", *SMALL, "--steps", 5]
    code, out, error = colorlab(*words, "--save-every", 2)
    lines = [line for line in error.splitlines() if "colorlab: step" in line]
    assert [line.split(":")[1] for line in lines] == [
        f" step {step} of 5" for step in (2, 4, 5)
    ]
    assert all("loss" in line and "images/s" in line for line in lines)
    assert all("held-out loss" in line and "left" in line for line in lines)
    assert "MB" in out  # what it will take of the disk
    assert "\r" not in error


def test_the_bar_begins_where_the_run_does(colorlab, photos, tmp_path):
    words = [photos, "--out", tmp_path / "run", *SMALL]
    assert colorlab(*words, "--steps", 30)[0] == 0
    main_end, other = pty.openpty()
    rows_and_columns = struct.pack("HHHH", 24, 120, 0, 0)
    fcntl.ioctl(other, termios.TIOCSWINSZ, rows_and_columns)
    command = [sys.executable, "-m", "colorlab", "train", "--out", tmp_path / "run"]
    with subprocess.Popen(
        [*map(str, command), "--resume", "--steps", "32"],
        stderr=other,
        stdout=subprocess.DEVNULL,
    ) as process:
        os.close(other)
        shown = ""
        with contextlib.suppress(OSError):  # the end, as Linux tells it
            while part := os.read(main_end, 10_000):
                shown += part.decode()
        assert process.wait() == 0
    os.close(main_end)
    assert "32/32" in shown
    assert not re.search(r"\b[1-9]/32", shown)  # nor the rate of 31 steps in one
