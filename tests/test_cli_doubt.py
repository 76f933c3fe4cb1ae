"""`colorlab colorize --samples` and `--uncertainty`, as a user types them."""

import csv
import io
import subprocess
import sys

import pytest
from cli_fixtures import (  # noqa: F401 (fixtures are used by name)
    fixture_network,
    fixture_photos,
    run,
)
from PIL import Image

from colorlab import ColorNet, save_model
from colorlab.cli.ranking import COLUMNS, FILE
from colorlab.datasets.images import open_image


@pytest.fixture
def call(monkeypatch, network, capsys):
    """Call the command; gives its code and what it printed to both streams."""

    def call(*words, model=network):
        code = run(monkeypatch, "colorize", *words, "--model", model)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_samples_are_a_sheet_that_says_its_seed(call, photos, tmp_path):
    out = tmp_path / "out"
    words = (photos / "0.png", "-o", out, "--samples", 3, "--seed", 7)
    code, said, err = call(*words)
    assert code == 0, err
    assert names(out) == ["0-samples.png"]
    assert "1 of 1 colored" in said
    assert "ab units apart" in err
    sheet = Image.open(out / "0-samples.png")
    assert sheet.width >= 2 * 32  # panels side by side
    assert "3 samples drawn with seed 7" in sheet.text["XML:com.adobe.xmp"]
    assert "(1 of them before)" in call(*words)[1]


def test_one_of_the_samples_is_picked_in_full_size(call, photos, tmp_path):
    words = (photos / "0.png", "-o", tmp_path / "out", "--samples", 3, "--pick")
    for number in (1, 3):
        assert call(*words, number)[0] == 0
    found = names(tmp_path / "out")
    assert found == ["0-sample-1-of-3.png", "0-sample-3-of-3.png"]
    one, three = (Image.open(tmp_path / "out" / name) for name in found)
    assert one.size == three.size == (32, 24)
    assert one.tobytes() != three.tobytes()
    assert "number 3 of 3 samples drawn with seed 0" in three.text["XML:com.adobe.xmp"]


def test_a_sheet_never_replaces_a_colored_image(call, photos, tmp_path):
    out = tmp_path / "one.png"
    assert call(photos / "0.png", "-o", out)[0] == 0
    before = out.read_bytes()
    code, _, err = call(photos / "0.png", "-o", out, "--samples", 2)
    assert code == 2
    assert "of another kind; --overwrite replaces it" in err
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--samples", 1], "--samples must be 2 to 24, got 1"),
        (["--samples", 25], "--samples must be 2 to 24, got 25"),
        (["--samples", 3, "--pick", 4], "--pick must be 1 to 3, got 4"),
        (["--pick", 1], "--pick must come with --samples"),
        (["--seed", 0], "--seed must come with --samples"),
        (["--samples", 3, "--uncertainty"], "must not come together"),
    ],
)
def test_impossible_options_are_told_in_one_line(call, photos, tmp_path, words, told):
    code, _, err = call(photos / "0.png", "-o", tmp_path / "out", *words)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_samples_are_of_one_image(call, photos, tmp_path):
    code, _, err = call(photos, "-o", tmp_path / "out", "--samples", 3)
    assert code == 2
    assert "--samples must come with one image, got 9" in err


@pytest.mark.parametrize("option", [["--samples", 3], ["--uncertainty"]])
def test_a_network_of_one_answer_has_no_alternatives(call, photos, tmp_path, option):
    save_model(ColorNet(width=2, out_channels=2).eval(), tmp_path / "l2.safetensors")
    words = (photos / "0.png", "-o", tmp_path / "out", *option)
    code, _, err = call(*words, model=tmp_path / "l2.safetensors")
    assert code == 2
    assert "must come with a network that gives bins" in err


def test_samples_of_the_standard_input(network):
    file = io.BytesIO()
    Image.new("L", (16, 8)).save(file, "PNG")
    words = [*"-m colorlab colorize - -o - --samples 2 --model".split(), network]
    done = subprocess.run(
        [sys.executable, *words], input=file.getvalue(), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(io.BytesIO(done.stdout)).format == "PNG"
    assert b"ab units apart" in done.stderr


def test_uncertainty_writes_maps_and_a_ranking(call, photos, tmp_path):
    out = tmp_path / "out"
    code, said, err = call(photos, "-o", out, "--uncertainty")
    assert code == 0, err
    maps = [f"{n}-doubt.png" for n in range(9)]
    assert names(out) == sorted([*maps, *(f"{n}.png" for n in range(9)), FILE])
    with open(out / FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == COLUMNS
    doubts = [float(row["expected_distance"]) for row in rows]
    assert doubts == sorted(doubts, reverse=True)
    assert [row["rank"] for row in rows] == [str(n + 1) for n in range(9)]
    lines = [line.split()[-1] for line in said.splitlines()[-9:]]
    assert lines == [row["image"] for row in rows]  # look first at the first
    assert open_image(out / maps[0]).width >= 32


def test_a_ranking_is_whole_when_the_batch_went_on(call, photos, tmp_path):
    out = tmp_path / "out"
    words = ("-o", out, "--uncertainty")
    call(photos / "3.png", photos / "4.png", *words)
    whole = (out / "3-doubt.png").stat().st_mtime_ns
    assert call(photos, *words)[0] == 0
    assert len((out / FILE).read_text().splitlines()) == 10
    assert (out / "3-doubt.png").stat().st_mtime_ns == whole
    code, said, _ = call(tmp_path, "-o", out, "--uncertainty")
    assert code == 0
    assert "results of colorlab" in said  # maps are not colored


def test_what_is_no_ranking_stays(call, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / FILE).write_text("my notes\n")
    code, _, err = call(photos, "-o", out, "--uncertainty")
    assert code == 2
    assert "exists, and is no ranking" in err
    assert names(out) == [FILE]


def test_a_single_file_has_its_map_beside_it(call, photos, tmp_path):
    code, said, _ = call(photos / "0.png", "-o", tmp_path / "a.png", "--uncertainty")
    assert code == 0
    assert (tmp_path / "a-doubt.png").is_file()
    assert not (tmp_path / FILE).exists()
    assert "ab units" in said
    code, _, err = call(photos / "0.png", "-o", "-", "--uncertainty")
    assert code == 2
    assert "not -o -" in err


def test_gray_is_doubted_by_its_own_colors(call, photos, tmp_path):
    """The doubt is of the colors shown, not of those that the network gave."""
    found = []
    for strength in (1, 3):
        out = tmp_path / f"out{strength}"
        call(photos, "-o", out, "--uncertainty", "--strength", strength)
        with open(out / FILE, newline="") as file:
            found.append([float(r["expected_distance"]) for r in csv.DictReader(file)])
    assert found[0] != found[1]


def test_a_map_never_replaces_an_image_or_a_result(call, photos, tmp_path):
    own = photos / "0.png"
    own = own.rename(photos / "a-doubt.png")
    before = own.read_bytes()
    words = (own, "-o", photos / "a.png", "--uncertainty", "--overwrite")
    code, _, err = call(*words)
    assert code == 2
    assert f"--uncertainty must not replace {own} by the map of {own}" in err
    assert own.read_bytes() == before
    assert not (photos / "a.png").exists()
    (photos / "1.png").rename(photos / "a.png")
    code, _, err = call(photos, "-o", tmp_path / "out", "--uncertainty", "--overwrite")
    assert code == 2
    assert "by the map of" in err
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_one_map_does_not_lose_the_ranking(call, photos, tmp_path):
    out = tmp_path / "out"
    (photos / "0.png").rename(photos / f"{'x' * 248}.png")  # its map is too long
    (photos / "1.png").rename(photos / "line\nend.png")
    out.mkdir()
    Image.new("RGB", (8, 8)).save(out / "2.png")  # another's
    code, said, err = call(photos, "-o", out, "--uncertainty")
    assert code == 2
    assert "cannot be read or written: File name too long" in err
    assert "Errno" not in err
    assert "line end.png" in said
    with open(out / FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    ranked = {row["image"] for row in rows}
    assert ranked == {str(p) for p in photos.iterdir()} - {
        str(photos / "2.png"),
        str(photos / f"{'x' * 248}.png"),
    }
    assert not (out / "2-doubt.png").exists()


def test_a_ranking_that_is_a_folder_is_told_first(call, photos, tmp_path):
    (tmp_path / "out" / FILE).mkdir(parents=True)
    code, _, err = call(photos, "-o", tmp_path / "out", "--uncertainty", "--overwrite")
    assert code == 2
    assert "must be a ranking, and is a folder" in err
    assert names(tmp_path / "out") == [FILE]


@pytest.mark.parametrize("words", [("--temperature", 0), ("--temperature", "inf")])
def test_a_number_out_of_range_is_told_once(call, photos, tmp_path, words):
    code, said, err = call(photos, "-o", tmp_path / "out", "--uncertainty", *words)
    assert code == 2
    assert err.startswith("colorlab: T must be positive and finite, got")
    assert (err.count("\n"), said) == (1, "")


def test_a_seed_is_no_larger_than_torch_takes(call, photos, tmp_path):
    words = (photos / "0.png", "-o", tmp_path / "out", "--samples", 2, "--seed")
    code, _, err = call(*words, 2**64)
    assert code == 2
    assert "'--seed'" in err
    assert call(*words, 2**63 - 1)[0] == 0


def test_the_network_looks_once_at_each_image(call, photos, tmp_path, monkeypatch):
    forward, calls = ColorNet.forward, []

    def counted(self, L):
        calls.append(L.shape)
        return forward(self, L)

    monkeypatch.setattr(ColorNet, "forward", counted)
    words = (photos, "-o", tmp_path / "out", "--uncertainty")
    assert call(*words)[0] == 0
    assert len(calls) == 9
    first = (tmp_path / "out" / FILE).read_bytes()
    assert call(*words)[0] == 0  # colored before: looked at again, and ranked alike
    assert len(calls) == 18
    assert (tmp_path / "out" / FILE).read_bytes() == first
