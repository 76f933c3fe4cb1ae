"""Every kind of input, every form of output: what is kept (chapter: colorize)."""

import numpy as np
import pytest
import torch
from cli_fixtures import fixture_network, run  # noqa: F401 (used by name)
from PIL import ExifTags, Image

from colorlab import ColorNet
from colorlab.colorize import colorize
from colorlab.datasets.deep import read_levels
from colorlab.datasets.images import TOLD, open_image, save_format, save_image

SIZE = (24, 16)
MODES = "1 L LA P PA RGB RGBA CMYK I;16 F LAB".split()
SOURCES = "bmp gif jp2 jpg png ppm tif webp avif".split()
TARGETS = "png jpg tif webp avif jp2 gif bmp ppm".split()
CLEAR = {"png", "tif", "webp", "avif", "jp2", "gif"}  # they hold transparency
EXACT = {"png", "tif", "jp2", "bmp", "ppm"}
MEASURED = {"png", "jpg", "tif", "bmp"}  # they tell Pillow the size in print


def image_of(mode):
    """A ramp from dark to light, half of it clear where the mode can say so."""
    ramp = Image.linear_gradient("L").resize(SIZE)
    if mode == "I;16":
        return Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray((np.asarray(ramp) / 255).astype(np.float32))
    if mode == "LAB":
        neutral = Image.new("L", SIZE, 128)
        return Image.merge("LAB", (ramp, neutral, neutral))
    if mode == "PA":
        return clear_left(ramp.convert("LA")).convert("PA")
    image = ramp.convert(mode)
    return clear_left(image) if mode in ("LA", "RGBA") else image


def clear_left(image):
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(0, (0, 0, SIZE[0] // 2, SIZE[1]))
    image.putalpha(alpha)
    return image


def exif_turned():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Ada Byron"
    return exif


@pytest.fixture(scope="module", name="inputs")
def fixture_inputs(tmp_path_factory):
    """Files of every mode in every format that Pillow writes it in, by their names."""
    folder = tmp_path_factory.mktemp("in")
    for mode in MODES:
        for kind in SOURCES:
            path = folder / f"{mode.replace(';', '')}-{kind}.{kind}"
            more = {"exif": exif_turned()} if kind in ("jpg", "png", "webp") else {}
            more |= {"dpi": (300, 300)} if kind in MEASURED else {}
            try:
                image_of(mode).save(path, **more)
            except (OSError, ValueError):  # a format does not have every mode
                path.unlink(missing_ok=True)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--bits", 16],
        ["--layer"],
        ["--layer", "--bits", 16],
        ["--strip", "--strength", 0, "--unmarked"],
    ],
    ids=lambda words: " ".join(map(str, words)) or "plain",
)
def test_every_input_has_its_result(inputs, network, monkeypatch, tmp_path, words):
    names = sorted(path.name for path in inputs.iterdir())
    assert len(names) >= 50
    code = run(
        monkeypatch, "colorize", inputs, "-o", tmp_path, "--model", network, *words
    )
    assert code == 0
    for name in names:
        ending = "-layer.png" if "--layer" in words else ".png"
        check_result(
            inputs / name, tmp_path / f"{name[: name.index('.')]}{ending}", words
        )


def check_result(source, target, words):
    before, after = open_image(source), open_image(target)
    turned = source.suffix in (".jpg", ".png", ".webp")
    assert after.size == before.size == (SIZE[::-1] if turned else SIZE), source.name
    assert after.mode == before.mode, source.name
    if after.mode == "RGBA":
        assert np.array_equal(*(np.asarray(i)[..., 3] for i in (before, after)))
    with Image.open(target) as written:
        exif, told = written.getexif(), target.read_bytes()
        assert "icc_profile" in written.info
        kept = "--strip" not in words
        assert ("dpi" in written.info) == ("dpi" in before.info and kept)
    assert (exif.get(ExifTags.Base.Artist) == "Ada Byron") == (turned and kept)
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert (b"Colors predicted" in told) == ("--unmarked" not in words)
    assert (read_levels(target).values is not None) == (16 in words)
    if "--strip" in words:  # and no color at all: the lightness is that of before
        off = [np.asarray(i.convert("L")).astype(int) for i in (before, after)]
        assert abs(off[0] - off[1]).max() <= 1, source.name


@pytest.mark.parametrize("suffix", TARGETS)
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_every_output_keeps_what_it_can(mode, suffix, tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "in.png"
    image_of(mode).save(file, exif=exif_turned(), dpi=(300, 300))
    colored = colorize(file, ColorNet(width=2).eval())
    out = tmp_path / f"out.{suffix}"
    notes, kind = save_image(colored, out), save_format(out)
    said = " ".join(notes)
    again = open_image(out)
    assert again.size == SIZE[::-1]
    assert (again.mode == "RGBA") == (mode == "RGBA" and suffix in CLEAR), notes
    assert ("holds no transparency" in said) == (mode == "RGBA" and suffix not in CLEAR)
    assert ("exif" in again.info) == (kind in TOLD) == ("exif" not in said)
    if suffix in MEASURED:
        assert round(again.info["dpi"][0]) == 300
    elif kind in ("WEBP", "AVIF"):
        with Image.open(out) as written:
            assert round(float(written.getexif()[ExifTags.Base.XResolution])) == 300
    else:
        assert "dpi" in said
    if mode == "L" and suffix in EXACT:
        assert np.array_equal(again, colored)
    assert out.read_bytes() == saved_again(colored, out)


def saved_again(image, path):
    save_image(image, path)
    return path.read_bytes()
