"""The command line, as a user types it."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab import (
    ColorNet,
    bin_centers,
    load_model,
    load_pretrained,
    load_prior,
    logit_adjustment,
    save_model,
    smooth_prior,
)
from colorlab.cli import main


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(9):
        pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def network(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_model(ColorNet(width=2).eval(), path)
    return path


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["colorlab", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code or 0


def test_colorize_one_photo_to_a_file(monkeypatch, photos, network, tmp_path):
    out = tmp_path / "new" / "one.jpg"
    code = run(monkeypatch, "colorize", photos / "0.png", "-o", out, "--model", network)
    assert code == 0
    assert Image.open(out).size == (32, 24)


def test_colorize_several_to_a_folder(monkeypatch, photos, network, tmp_path):
    out = tmp_path / "out"
    inputs = sorted(photos.iterdir())
    assert run(monkeypatch, "colorize", *inputs, "-o", out, "--model", network) == 0
    assert sorted(p.name for p in out.iterdir()) == [p.name for p in inputs]


def test_a_broken_photo_is_named_and_the_others_are_colored(
    monkeypatch, photos, network, tmp_path, capsys
):
    whole = (photos / "0.png").read_bytes()
    (photos / "0.png").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert run(monkeypatch, "colorize", photos, "-o", out, "--model", network) == 2
    assert len(list(out.iterdir())) == 8
    said = capsys.readouterr()
    assert "0.png" in said.err
    assert "Traceback" not in said.err
    assert "8 of 9" in said.out


def test_two_inputs_of_one_name_are_refused(
    monkeypatch, photos, network, tmp_path, capsys
):
    again = tmp_path / "0.png"
    again.write_bytes((photos / "0.png").read_bytes())
    words = ("colorize", again, photos / "0.png", "-o", tmp_path / "out")
    assert run(monkeypatch, *words, "--model", network) == 2
    assert "different names" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["", "0.png"])
def test_an_input_is_never_overwritten(monkeypatch, photos, network, capsys, out):
    before = (photos / "0.png").read_bytes()
    words = ("colorize", photos / "0.png", "-o", photos / out, "--model", network)
    assert run(monkeypatch, *words) == 2
    assert "overwrite" in capsys.readouterr().err
    assert (photos / "0.png").read_bytes() == before


def test_prior_counts_every_pixel(monkeypatch, photos, tmp_path):
    out = tmp_path / "prior.csv"
    assert run(monkeypatch, "prior", photos, "-o", out, "--size", 16) == 0
    counts = [int(line.split(",")[2]) for line in out.read_text().splitlines()[2:]]
    assert sum(counts) == 9 * 16 * 16
    assert load_prior(out).sum().item() == pytest.approx(1)


def test_train_stops_resumes_and_leaves_a_network(monkeypatch, photos, tmp_path):
    words = ("train", photos, "--out", tmp_path / "run", "--preset", "smoke")
    words += ("--width", 2, "--size", 16, "--batch-size", 4, "--precision", "no")
    assert run(monkeypatch, *words, "--steps", 3, "--save-every", 2) == 0
    assert run(monkeypatch, *words, "--steps", 5) == 2  # exists, and no --resume
    assert run(monkeypatch, *words, "--steps", 5, "--resume") == 0
    assert run(monkeypatch, *words, "--steps", 5, "--resume") == 0  # finished
    assert load_model(tmp_path / "run" / "model.safetensors").card["steps"] == 5


def test_train_says_what_is_wrong(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, "train", tmp_path, "--out", tmp_path / "run") == 2
    assert "must hold images" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    words = ("train", tmp_path, "--out", tmp_path / "run", "--preset", "huge")
    assert run(monkeypatch, *words) == 2
    assert "preset" in capsys.readouterr().err


@pytest.mark.parametrize(("shared", "told"), [("True", True), ("False", False)])
def test_a_restart_that_may_hang_is_told(monkeypatch, tmp_path, capsys, shared, told):
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "1")  # as torchrun sets them
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", shared)
    assert run(monkeypatch, "train", tmp_path / "none", "--out", tmp_path) != 0
    assert ("SHARE_RDZV" in capsys.readouterr().err) == told


def test_unreadable_photos_are_listed(monkeypatch, photos, network, tmp_path, capsys):
    (photos / "4.png").write_bytes(b"no picture")
    words = ("train", photos, "--out", tmp_path / "run", "--preset", "smoke")
    words += ("--width", 2, "--size", 16, "--batch-size", 4, "--steps", 4)
    listed = "1 photos could not be read and were skipped:\n  4.png: "
    for command in (
        words,
        ("prior", photos, "-o", tmp_path / "prior.csv"),
        ("evaluate", network, photos, "--size", 16),
        ("data", "shard", photos, "-o", tmp_path / "shards"),
    ):
        assert run(monkeypatch, *command) == 0, command
        assert listed in capsys.readouterr().err, command


def test_train_from_shards(monkeypatch, photos, tmp_path, capsys):
    shards = tmp_path / "shards"
    assert run(monkeypatch, "data", "shard", photos, "-o", shards) == 0
    assert "9 photos packed" in capsys.readouterr().out
    words = ("train", shards, "--out", tmp_path / "run", "--preset", "smoke")
    words += ("--width", 2, "--size", 16, "--batch-size", 4, "--steps", 2)
    assert run(monkeypatch, *words) == 0
    assert run(monkeypatch, "evaluate", tmp_path / "run", shards, "--size", 16) == 0


def test_a_trouble_is_named_once(monkeypatch, photos, tmp_path, capsys):
    def sick(recent):
        return "gray" if recent[-1]["step"] > 2 else None

    monkeypatch.setattr("colorlab.train.log.diagnose", sick)
    words = ("train", photos, "--out", tmp_path / "run", "--preset", "smoke")
    words += ("--width", 2, "--size", 16, "--batch-size", 4, "--steps", 6)
    assert run(monkeypatch, *words, "--log-every", 1) == 0
    assert capsys.readouterr().err.count("step 3: gray: ") == 1


def test_evaluate_prints_and_writes(monkeypatch, photos, network, tmp_path, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "scores.json"
    words = ("evaluate", network, photos, "--size", 16, "-o", out)
    assert run(monkeypatch, *words) == 0
    table = capsys.readouterr().out
    assert "rebalanced" in table
    assert "\u2026" not in table  # rich's sign of what it cut off
    scores = json.loads(out.read_text(), parse_constant=pytest.fail)["scores"]
    assert scores["truth"]["auc"][0] == pytest.approx(100)
    assert scores["gray"]["chroma"][0] == pytest.approx(0, abs=1e-6)


def test_evaluate_compares_two_networks(monkeypatch, photos, network, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    words = ("evaluate", network, photos, "--size", 16, "--against", network)
    assert run(monkeypatch, *words) == 0
    table = capsys.readouterr().out
    assert f"Other: {network}" in table
    assert "\u2026" not in table


def test_calibrate_writes_a_network(monkeypatch, photos, network, tmp_path):
    (photos / "broken.png").write_bytes(b"no picture")
    out = tmp_path / "out.safetensors"
    words = ("calibrate", network, photos, photos, "--size", 16, "--photos", 5)
    assert run(monkeypatch, *words, "-o", out) == 0
    before, after = load_model(network), load_model(out)
    assert torch.equal(before.output.weight, after.output.weight)
    assert after.card["calibrated"]["size"] == 16
    L = torch.full((1, 1, 16, 16), 50.0)
    assert not torch.allclose(before(L), after(L))
    assert run(monkeypatch, *words, "-o", tmp_path / "none" / "out") == 2


def test_export_halves_and_adds_a_card(monkeypatch, network, tmp_path):
    card, out = tmp_path / "card.json", tmp_path / "half.safetensors"
    card.write_text('{"T": 0.5}')
    assert run(monkeypatch, "export", network, "-o", out, "--card", card) == 0
    assert out.stat().st_size < 0.6 * network.stat().st_size
    assert load_model(out).card["T"] == 0.5


def test_export_int8_for_the_page(monkeypatch, network, tmp_path):
    out = tmp_path / "int8.safetensors"
    assert run(monkeypatch, "export", network, "-o", out, "--int8") == 0
    assert out.stat().st_size < 0.5 * network.stat().st_size
    assert load_model(out).width == load_model(network).width


def test_export_tilts_from_the_lambda_of_the_training(monkeypatch, tmp_path):
    p = smooth_prior(load_prior(), bin_centers())
    once, twice = (tmp_path / f"{n}.safetensors" for n in ("once", "twice"))
    assert run(monkeypatch, "export", "rebal", "-o", once, "--lam", 0.7) == 0
    assert run(monkeypatch, "export", once, "-o", twice, "--lam", 0.9) == 0
    before = load_pretrained("rebal").output.bias
    for path, lam in ((once, 0.7), (twice, 0.9)):
        moved = load_model(path).output.bias - before
        torch.testing.assert_close(
            moved, logit_adjustment(p, lam, 0.5).float(), rtol=0, atol=0.01
        )
        assert load_model(path).card["lam"] == lam


def test_export_tilts_no_regression(monkeypatch, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    assert run(monkeypatch, "export", "l2", "-o", out, "--lam", 0.7) == 2
    assert "lam must be left out" in capsys.readouterr().err
    assert not out.exists()


def test_info_shows_layers(monkeypatch, network, capsys):
    assert run(monkeypatch, "info", network) == 0
    assert "conv8_3" in capsys.readouterr().out


def test_unknown_network_is_one_line(monkeypatch, photos, tmp_path, capsys):
    assert run(monkeypatch, "evaluate", tmp_path / "none", photos) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("colorlab: path must be")
    assert "\n" not in said
