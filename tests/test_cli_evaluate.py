"""evaluate, calibrate, export and info, as a user types them."""

import json

import pytest
import torch
from cli_fixtures import (  # noqa: F401 (fixtures are used by name)
    fixture_network,
    fixture_photos,
    run,
)

from colorlab import (
    bin_centers,
    load_model,
    load_pretrained,
    load_prior,
    logit_adjustment,
    smooth_prior,
)


def test_evaluate_prints_and_writes(monkeypatch, photos, network, tmp_path, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "scores.json"
    words = ("evaluate", network, photos, "--size", 16, "-o", out)
    assert run(monkeypatch, *words) == 0
    table = capsys.readouterr().out
    assert "rebalanced" in table
    assert "\u2026" not in table  # rich's sign of what it cut off
    for line in table.splitlines():
        assert line.count("(") == line.count(")")  # it cuts lines without a sign
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


def test_evaluate_measures_anothers_pictures(monkeypatch, photos, tmp_path, capsys):
    made = tmp_path / "made"
    made.mkdir()
    for number in range(7):  # 7 and 8 have none
        (made / f"{number}.png").write_bytes((photos / f"{number}.png").read_bytes())
    (made / "odd.png").write_bytes((photos / "0.png").read_bytes())
    out = tmp_path / "theirs"
    words = ("evaluate", "--pictures", made, photos, "--size", 16, "-o", out)
    assert run(monkeypatch, *words) == 0
    said = capsys.readouterr()
    assert "7 of 7 images measured" in said.out
    assert "2 images have no picture and are not measured:\n  7.png" in said.err
    assert "1 pictures are of none of these images:\n  odd.png" in said.err
    report = json.loads((tmp_path / "theirs.json").read_text())
    assert report["scores"]["network"]["auc"][0] == 100  # they are the photos
    assert report["model"] == str(made)


def test_evaluate_takes_the_images_of_a_list(
    monkeypatch, photos, network, tmp_path, capsys
):
    listing = tmp_path / "some.txt"
    listing.write_text("3.png\n5.png\n")
    words = ("evaluate", network, photos, "--size", 16, "--list", listing)
    assert run(monkeypatch, *words) == 0
    assert "2 of 2 images measured" in capsys.readouterr().out
    listing.write_text("3.png\n55.png\n")
    assert run(monkeypatch, *words) == 2
    assert "1 of its 2 are not there, as 55.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["flagship"], "data must be given"),
        ([], "data must be given"),
        (["--pictures", "a"], "data must be given"),
        (["flagship", "b", "--pictures", "a"], "model must be left out"),
        (["b", "--pictures", "a", "--against", "tiny"], "model must be left out"),
    ],
)
def test_what_is_missing_or_too_much_is_told(monkeypatch, capsys, words, told):
    assert run(monkeypatch, "evaluate", *words) == 2
    assert told in capsys.readouterr().err


def test_calibrate_writes_a_network(monkeypatch, photos, network, tmp_path):
    (photos / "broken.png").write_bytes(b"no picture")
    out = tmp_path / "out.safetensors"
    words = ("calibrate", network, photos, photos, "--size", 16, "--images", 5)
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


@pytest.mark.parametrize("name", ["scores", "scores.json", "scores.html", "a.v2"])
def test_metrics_and_page_are_two_files(monkeypatch, photos, network, tmp_path, name):
    words = ("evaluate", network, photos, "--size", 16, "-o", tmp_path / name)
    assert run(monkeypatch, *words) == 0
    stem = name.removesuffix(".json").removesuffix(".html")
    assert (tmp_path / f"{stem}.json").read_text().startswith("{")
    assert (tmp_path / f"{stem}.html").read_text().startswith("<!DOCTYPE")


def test_one_image_has_no_interval(monkeypatch, photos, network, capsys):
    for split in ("train", "val"):
        (photos / split).mkdir()
        (photos / f"{split == 'val':d}.png").rename(photos / split / "0.png")
    assert run(monkeypatch, "evaluate", network, photos, "--size", 16) == 0
    said = capsys.readouterr().out
    assert ".." not in said.replace("...", "")
    assert "95 %" not in said
    assert "1 of 1 images measured" in said


def test_a_title_is_no_markup(monkeypatch, photos, network, capsys):
    folder = photos.rename(photos.with_name("photos [bold]"))
    assert run(monkeypatch, "evaluate", network, folder, "--size", 16) == 0
    assert "[bold]" in capsys.readouterr().out


@pytest.mark.parametrize("size", [0, -8, 100])
def test_a_size_that_cannot_be_is_told(monkeypatch, photos, network, capsys, size):
    assert run(monkeypatch, "evaluate", network, photos, "--size", size) == 2
    assert f"must be a multiple of 8, got {size}" in capsys.readouterr().err


def test_a_card_that_is_a_list_is_told(monkeypatch, network, tmp_path, capsys):
    card, out = tmp_path / "card.json", tmp_path / "half.safetensors"
    for text, said in (
        ("[1]", "must hold a JSON object"),
        ("{", "must be a JSON"),
        ("[" * 100_000, "must be a JSON"),
        ('{"loss": NaN}', "must be a JSON"),
        ('{"T": "cold"}', "T must be a positive number, got 'cold'"),
        ('{"size": 1e9}', "size must be in 8..2048"),
    ):
        card.write_text(text)
        for file in (out, out.with_suffix(".onnx")):
            assert run(monkeypatch, "export", network, "-o", file, "--card", card) == 2
            err = capsys.readouterr().err
            assert said in err
            assert str(card) in err
            assert not file.exists()
    for path, why in (
        (tmp_path, "Is a directory"),
        (tmp_path / "away", "No such file"),
    ):
        assert run(monkeypatch, "export", network, "-o", out, "--card", path) == 2
        assert f"card must be a file; {path}: {why}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["net.txt", "net", "net.pth", "net.onnx.gz"])
def test_a_network_is_not_written_under_a_name_that_misleads(
    monkeypatch, network, tmp_path, capsys, name
):
    out = tmp_path / name
    assert run(monkeypatch, "export", network, "-o", out) == 2
    assert f"must end in .safetensors or .onnx, got {out}" in capsys.readouterr().err
    assert not out.exists()
