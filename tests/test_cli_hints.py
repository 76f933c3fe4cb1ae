"""`colorlab colorize --hints`: files of dots, good ones and bad ones."""

import json
import re

import numpy as np
import pytest
import torch
from cli_fixtures import run
from PIL import Image

from colorlab import load_pretrained, rgb_to_lab
from colorlab.cli.hintfile import FORMAT, MOST_BYTES, read_hints
from colorlab.colorize import colorize

RED = {"x": 0.25, "y": 0.5, "ab": [60, 40]}
GOOD = {"format": FORMAT, "size": [90, 60], "units": "relative", "dots": [RED]}


@pytest.fixture
def photo(tmp_path):
    shade = np.linspace(40, 200, 90)[None].repeat(60, axis=0).astype(np.uint8)
    Image.fromarray(shade).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def write(folder, **changes):
    content = {k: v for k, v in (GOOD | changes).items() if v is not None}
    (folder / "hints.json").write_text(json.dumps(content))
    return folder / "hints.json"


def chroma(path, x, y):
    pixel = torch.tensor(Image.open(path).convert("RGB").getpixel((x, y)))
    return rgb_to_lab(pixel.byte().view(3, 1, 1))[1:].flatten()


def color(monkeypatch, *words):
    return run(monkeypatch, "colorize", *words, "--device", "cpu")


def test_a_dot_colors_what_is_round_it(monkeypatch, photo, tmp_path):
    out, plain, file = tmp_path / "out.png", tmp_path / "plain.png", write(tmp_path)
    assert color(monkeypatch, photo, "-o", out, "--hints", file, "--model", "tiny") == 0
    assert color(monkeypatch, photo, "-o", plain, "--model", "tiny") == 0
    wanted = torch.tensor([60.0, 40.0])
    assert (chroma(out, 22, 30) - wanted).norm() < 8
    assert (chroma(plain, 22, 30) - wanted).norm() > 20
    made = colorize(photo, load_pretrained("tiny"), predict=read_hints(file).predict)
    assert np.array_equal(Image.open(out), made)


def test_the_file_says_with_which_network_and_how(monkeypatch, photo, tmp_path, capsys):
    file = write(tmp_path, model="tiny", T=1.0, seen=64)
    out, other = tmp_path / "out.png", tmp_path / "other.png"
    assert color(monkeypatch, photo, "-o", out, "--hints", file) == 0
    assert "by tiny" in capsys.readouterr().out
    made = colorize(
        photo, load_pretrained("tiny"), T=1, size=64, predict=read_hints(file).predict
    )
    assert np.array_equal(Image.open(out), made)
    xmp = Image.open(out).info["XML:com.adobe.xmp"]
    assert "tiny, T = 1, size 64, strength 1, 1 of a person's dots" in str(xmp)
    words = ["--hints", file, "--model", "rebal", "--size", "32"]  # options win
    assert color(monkeypatch, photo, "-o", other, *words) == 0
    assert "by rebal" in capsys.readouterr().out


def test_other_dots_are_another_result(monkeypatch, photo, tmp_path, capsys):
    words = [photo, "-o", tmp_path / "out.png", "--model", "tiny", "--hints"]
    for dots, told in (
        ([RED], "1 of 1 colored by"),
        ([RED], "(1 of them before)"),
        ([RED | {"ab": [0, -60]}], "1 of 1 colored by tiny, in"),
    ):
        assert color(monkeypatch, *words, write(tmp_path, dots=dots)) == 0
        said = capsys.readouterr().out
        assert told in said
    assert "before" not in said
    assert chroma(tmp_path / "out.png", 22, 30)[1] < -30


def test_the_file_says_how_far_a_dot_reaches(monkeypatch, photo, tmp_path, capsys):
    """And it is another result: what stands there is not taken for it."""
    file, out = write(tmp_path, give_up=1), tmp_path / "out.png"
    words = [photo, "-o", out, "--hints", file, "--model", "tiny"]
    far = torch.tensor([60.0, 40.0]), (10, 50)  # the dot's color, and a place
    assert color(monkeypatch, *words) == 0
    assert (chroma(out, *far[1]) - far[0]).norm() > 20  # at the dot alone
    assert color(monkeypatch, *words, "--give-up", "0") == 0  # the option wins
    assert "before" not in capsys.readouterr().out
    assert (chroma(out, *far[1]) - far[0]).norm() < 20
    said = str(Image.open(out).info["XML:com.adobe.xmp"])
    assert "1 of a person's dots with give_up 0" in said


def test_give_up_is_of_hints(monkeypatch, photo, tmp_path, capsys):
    assert color(monkeypatch, photo, "-o", tmp_path / "o.png", "--give-up", "0.1") == 2
    assert "--give-up must come with --hints" in capsys.readouterr().err


def test_no_dots_are_the_network_alone(monkeypatch, photo, tmp_path):
    out, plain, file = tmp_path / "out.png", tmp_path / "plain.png", write(tmp_path)
    file = write(tmp_path, dots=[])
    assert color(monkeypatch, photo, "-o", out, "--hints", file, "--model", "tiny") == 0
    assert color(monkeypatch, photo, "-o", plain, "--model", "tiny") == 0
    one, other = (np.asarray(Image.open(path), int) for path in (out, plain))
    assert np.abs(one - other).max() <= 3  # enlarged in two steps, or in one


def test_pixels_and_colors_of_the_screen_say_the_same(tmp_path):
    red = {"x": 22, "y": 30.9, "color": "#FF0000"}
    by_pixels = read_hints(write(tmp_path, units="pixels", dots=[red]))
    lab = rgb_to_lab(torch.tensor([255, 0, 0]).byte().view(3, 1, 1)).flatten()
    share = {"x": 22.5 / 90, "y": 30.5 / 60, "ab": lab[1:].tolist()}
    by_shares = read_hints(write(tmp_path, dots=[share]))
    np.testing.assert_allclose(by_pixels.dots, by_shares.dots, atol=1e-4)


@pytest.mark.parametrize("place", [0.0, 1.0])
def test_a_dot_on_the_rim_is_on_the_photo(monkeypatch, photo, tmp_path, place):
    file = write(tmp_path, dots=[RED | {"x": place, "y": place}])
    words = ["--hints", file, "--model", "tiny"]
    assert color(monkeypatch, photo, "-o", tmp_path / "out.png", *words) == 0


def test_a_scan_larger_than_the_page_showed_is_taken(monkeypatch, photo, tmp_path):
    file = write(tmp_path, size=[45, 30])
    words = ["--hints", file, "--model", "tiny"]
    assert color(monkeypatch, photo, "-o", tmp_path / "out.png", *words) == 0


BAD = {
    "another format": ({"format": "hints"}, 'hints must be an object with "format"'),
    "no size": ({"size": None}, r"size must be \[width, height\] in pixels, got None"),
    "size of text": ({"size": ["90", 60]}, "size must be"),
    "empty size": ({"size": [0, 60]}, "size must be"),
    "no units": ({"units": None}, "units must be one of relative, pixels, got None"),
    "no list": ({"dots": {"x": 1}}, "dots must be a list of at most 10000"),
    "a number": (
        {"dots": [3]},
        r'dots\[0\] must be {"x", "y", "ab" or "color"}, got 3',
    ),
    "outside": ({"dots": [RED, RED | {"x": 1.5}]}, r"dots\[1\]: x must be within the"),
    "no y": ({"dots": [{"x": 0.5, "ab": [0, 0]}]}, r"dots\[0\]: y must be .* got None"),
    "not a number": ({"dots": [RED | {"y": float("nan")}]}, "y must be within"),
    "true": ({"dots": [RED | {"y": True}]}, "y must be within the photo, got True"),
    "pixel outside": ({"units": "pixels", "dots": [RED | {"y": 60}]}, "y must be with"),
    "no color": ({"dots": [{"x": 0.5, "y": 0.5}]}, 'must have one of "ab"'),
    "two colors": ({"dots": [RED | {"color": "#000000"}]}, 'must have one of "ab"'),
    "color's name": (
        {"dots": [{"x": 0, "y": 0, "color": "red"}]},
        '"color": "#rrggbb"',
    ),
    "bad digits": ({"dots": [{"x": 0, "y": 0, "color": "#12345g"}]}, '"#rrggbb"'),
    "far color": ({"dots": [RED | {"ab": [200, 0]}]}, "each within 128"),
    "three parts": ({"dots": [RED | {"ab": [1, 2, 3]}]}, 'must have one of "ab"'),
    "misspelt": ({"dotz": []}, "hints must hold format, size, .* got 'dotz'"),
    "model": ({"model": "../x"}, "model must be one of borrowed, .* got '../x'"),
    "T": ({"T": 0}, "T must be a positive number, got 0"),
    "give_up": ({"give_up": 1.5}, r"give_up must be in 0\.\.1, got 1\.5"),
    "give_up of text": ({"give_up": "3e-5"}, "give_up must be in 0..1, got '3e-5'"),
    "seen": ({"seen": "big"}, "seen must be a positive number, got 'big'"),
    "other photo": ({"size": [60, 90]}, "must be of this image, got those of 60 x 90"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_one_line(monkeypatch, photo, tmp_path, capsys, kind):
    changes, told = BAD[kind]
    file, out = write(tmp_path, **changes), tmp_path / "out.png"
    words = ["--hints", file]
    words += [] if "model" in changes else ["--model", "tiny"]
    assert color(monkeypatch, photo, "-o", out, *words) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert re.search(told, said)
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "hints must be a JSON file"),
        (b"{", "hints must be a JSON file"),
        (b"[" * 100_000, "hints must be a JSON file"),
        (b" " * (MOST_BYTES + 1), "at most 1000000 bytes"),
        (None, "hints must be a JSON file"),
    ],
)
def test_what_is_no_file_of_hints_is_refused(tmp_path, content, told):
    if content is not None:
        (tmp_path / "hints.json").write_bytes(content)
    with pytest.raises(ValueError, match=told) as caught:
        read_hints(tmp_path / "hints.json")
    assert str(tmp_path / "hints.json") in str(caught.value)


def test_hints_are_of_one_photo(monkeypatch, photo, tmp_path, capsys):
    (tmp_path / "more.png").write_bytes(photo.read_bytes())
    inputs = [photo, tmp_path / "more.png", "-o", tmp_path / "out"]
    assert color(monkeypatch, *inputs, "--hints", write(tmp_path)) == 2
    assert "--hints must come with one image, got 2" in capsys.readouterr().err
