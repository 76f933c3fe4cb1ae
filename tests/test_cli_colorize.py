"""`colorlab colorize`, as a user types it."""

import errno
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from cli_fixtures import (  # noqa: F401 (fixtures are used by name)
    fixture_network,
    fixture_photos,
    run,
)
from PIL import Image

from colorlab import ColorNet, colorize, load_pretrained
from colorlab._lazy import BEST
from colorlab.cli import results
from colorlab.cli.results import hash_settings
from colorlab.cli.targets import plan_targets
from colorlab.cli.watch import Folders
from colorlab.colorize import choose_settings
from colorlab.datasets.deep import read_levels
from colorlab.datasets.images import open_image, save_image
from colorlab.lab import rgb_to_lab
from colorlab.retouch import blend


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


def folder_of(root, *names):
    """Files of these names, small and gray; those that are no image, of text."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".jpg", ".png", ".avif", ".jp2", ".jfif", ".pgm", ".JPG")):
            kind = "JPEG" if name.endswith(".jfif") else None
            Image.new("L", (16, 8), 20 * number).save(root / name, kind)
        else:
            (root / name).write_text("no image")
    return root


def below(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def color(monkeypatch, network, capsys):
    """Call the command; gives its code and what it printed to both streams."""

    def call(*words):
        code = run(monkeypatch, "colorize", *words, "--model", network)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.mark.parametrize("out", ["0.png", "../photos/0.png", "."])
def test_an_input_is_never_overwritten(color, photos, out):
    before = (photos / "0.png").read_bytes()
    for more in ((), ("--overwrite",)):
        code, _, err = color(photos / "0.png", "-o", photos / out, *more)
        assert code == 2
        assert "must not be replaced by its own result" in err
    assert (photos / "0.png").read_bytes() == before


def test_a_file_of_another_program_stays(color, tmp_path):
    folder = folder_of(tmp_path, "scan.jpg", "scan.png")
    before = (folder / "scan.png").read_bytes()
    code, out, err = color(folder / "scan.jpg", "-o", folder)
    assert code == 2
    assert "scan.png exists, and is not of colorlab; --overwrite" in err
    assert "0 of 1 colored" in out
    assert (folder / "scan.png").read_bytes() == before
    assert color(folder / "scan.jpg", "-o", folder, "--overwrite")[0] == 0
    assert (folder / "scan.png").read_bytes() != before


def test_a_result_of_another_image_stays(color, tmp_path):
    folder = folder_of(tmp_path, "a/scan.jpg", "b/scan.jpg")
    assert color(folder / "a/scan.jpg", "-o", tmp_path)[0] == 0
    code, _, err = color(folder / "b/scan.jpg", "-o", tmp_path)
    assert code == 2
    assert "is the result of another image" in err


def test_folders_are_kept_and_names_that_repeat_get_longer(color, tmp_path):
    tree = folder_of(tmp_path / "tree", "1950/1.png", "1960/1.png", "a.jpg", "a.png")
    out = tmp_path / "out"
    assert color(tree, "-o", out)[0] == 0
    assert below(out) == {"1950/1.png", "1960/1.png", "a.jpg.png", "a.png.png"}
    files = sorted(tree.rglob("1.png"))
    assert color(*files, *files, "-o", tmp_path / "files")[0] == 0
    assert below(tmp_path / "files") == {"1950/1.png", "1960/1.png"}
    assert color(tree / "1950", tree / "1960", "-o", tmp_path / "two")[0] == 0
    assert below(tmp_path / "two") == {"1950/1.png", "1960/1.png"}


def test_each_image_has_a_result_of_its_own(color, tmp_path):
    folder = folder_of(tmp_path / "in", "a.jpg", "a.png", "a.jpg.png", "b.JPG")
    assert color(folder, "-o", tmp_path / "out")[0] == 0
    names = {"a.jpg.png", "a.png.png", "a.jpg.png.png", "b.png"}
    assert below(tmp_path / "out") == names


def test_the_network_is_told(color, network, monkeypatch, tmp_path, capsys):
    folder_of(tmp_path, "0.png")
    assert (
        f"1 of 1 colored by {network}, in " in color(tmp_path, "-o", tmp_path / "a")[1]
    )
    run(monkeypatch, "colorize", tmp_path / "0.png", "-o", tmp_path / "b.png")
    assert f"1 of 1 colored by {BEST}, in " in capsys.readouterr().out


def test_a_batch_goes_on_where_it_stopped(color, tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "in", *(f"{n}.png" for n in range(4)))
    whole, calls = colorize.colorize, []

    def stop(image, *settings, **more):
        calls.append(image)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(image, *settings, **more)

    monkeypatch.setattr(colorize, "colorize", stop)
    code, out, err = color(folder, "-o", tmp_path / "out")
    assert code == 130
    assert "2 of 4 colored" in out
    assert "2 not tried" in out
    assert "Traceback" not in err
    code, out, _ = color(folder, "-o", tmp_path / "out")
    assert code == 0
    assert "4 of 4 colored" in out
    assert "(2 of them before)" in out
    assert len(calls) == 5


def test_other_settings_color_again(color, tmp_path):
    folder, out = folder_of(tmp_path / "in", "0.png"), tmp_path / "out.jpg"
    assert color(folder / "0.png", "-o", out)[1].startswith("1 of 1 colored")
    first = results.read_mark(out)
    assert "of them before" in color(folder / "0.png", "-o", out)[1]
    code, said, _ = color(folder / "0.png", "-o", out, "--temperature", 0.9)
    assert (code, "before" in said) == (0, False)
    second = results.read_mark(out)
    assert first.source == second.source
    assert first.settings != second.settings


def test_results_in_the_folder_are_not_colored_again(color, tmp_path):
    folder = folder_of(tmp_path / "self", "0.jpg", "1.jpg")
    for out in (folder / "colored", folder):
        for _ in range(2):
            assert color(folder, "-o", out)[0] == 0
    names = {"0.jpg", "1.jpg", "0.png", "1.png", "colored/0.png", "colored/1.png"}
    assert below(folder) == names


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "tif", "webp", "avif", "gif", "jp2", "bmp", "ppm"]
)
def test_results_are_known_again(color, tmp_path, suffix):
    folder_of(tmp_path, "0.png")
    out = tmp_path / f"out.{suffix}"
    assert color(tmp_path / "0.png", "-o", out)[0] == 0
    assert results.read_mark(out)
    assert results.read_mark(tmp_path / "0.png") is None
    assert "(1 of them before)" in color(tmp_path / "0.png", "-o", out)[1]
    told = b"".join(path.read_bytes() for path in tmp_path.glob("out.*"))
    assert b"Colors predicted by a neural network" in told
    assert (tmp_path / f"out.{suffix}.xmp").exists() == (suffix in ("bmp", "ppm"))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "avif"])
def test_results_say_that_their_colors_are_made(color, tmp_path, suffix):
    folder_of(tmp_path, "0.png")
    out, words = tmp_path / f"out.{suffix}", ("--temperature", 0.5, "--strength", 0.8)
    assert color(tmp_path / "0.png", "-o", out, *words)[0] == 0
    first = out.read_bytes()
    assert b"Colors predicted by a neural network" in first
    assert b"small.safetensors, T = 0.5, size 128, strength 0.8." in first
    assert b"digitalsourcetype/algorithmicallyEnhanced" in first
    assert open_image(out).info["notes"] == []
    assert color(tmp_path / "0.png", "-o", out, *words, "--overwrite")[0] == 0
    assert out.read_bytes() == first  # the same input gives the same bytes
    assert "before" not in color(tmp_path / "0.png", "-o", out, "--unmarked")[1]
    assert b"neural network" not in out.read_bytes()
    assert results.read_mark(out)  # by which a batch goes on


def test_strength_zero_is_gray(color, tmp_path):
    folder_of(tmp_path, "5.png")
    assert color(tmp_path, "-o", tmp_path / "out", "--strength", 0)[0] == 0
    with Image.open(tmp_path / "out/5.png") as image:
        assert [low for low, _ in image.getextrema()] == [0, 0, 0]
    code, _, err = color(tmp_path, "-o", tmp_path / "b", "--strength", -1)
    assert code == 2
    assert "strength" in err


def test_what_is_left_out_is_told(color, tmp_path):
    names = "a.avif b.jfif c.jp2 d.JPG e.pgm f.HEIC g.txt h.nef".split()
    code, out, err = color(folder_of(tmp_path / "in", *names), "-o", tmp_path / "out")
    assert code == 2
    assert below(tmp_path / "out") == {f"{name}.png" for name in "abcde"}
    assert "5 of 7 colored" in out
    assert "2 left out" in out
    assert "1 .txt" in out
    assert "f.HEIC" in err
    assert "h.nef" in err


def test_what_is_hidden_and_what_a_run_made_is_told(color, tmp_path):
    folder = folder_of(tmp_path / "in", "a.png", ".b.png", "run/config.json")
    (folder / "run/checkpoints").mkdir()
    code, out, _ = color(folder, "-o", tmp_path / "out")
    assert code == 0
    assert "1 of 1 colored" in out
    assert "1 hidden" in out
    assert "1 folders of runs" in out


def test_other_defaults_of_a_card_are_other_settings():
    network = load_pretrained("tiny")
    before = hash_settings(network, *choose_settings(network))
    again = load_pretrained("tiny")
    assert hash_settings(again, *choose_settings(again)) == before
    again.card = {**again.card, "T": 0.9}
    assert hash_settings(again, *choose_settings(again)) != before


def test_a_result_opened_again_has_nothing_to_note(color, tmp_path):
    folder_of(tmp_path, "a.png")
    color(tmp_path / "a.png", "-o", tmp_path / "b.jpg")
    assert open_image(tmp_path / "b.jpg").info["notes"] == []


def test_a_folder_without_images_is_told(color, tmp_path):
    code, _, err = color(folder_of(tmp_path / "in", "g.txt"), "-o", tmp_path / "out")
    assert code == 2
    assert "none in " in err
    assert "1 .txt" in err


def test_pages_that_are_left_are_told(color, tmp_path):
    pages = [Image.new("L", (16, 16), n) for n in range(3)]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    code, _, err = color(tmp_path / "in.tif", "-o", tmp_path / "out.png")
    assert code == 0
    assert "in 1 of them: frame or page 1 of 3" in err


@pytest.mark.parametrize("out", ["x.txt", "x.heic", "x.pdf"])
def test_a_suffix_that_is_not_written_is_refused(color, tmp_path, out):
    folder_of(tmp_path, "0.png")
    code, _, err = color(tmp_path / "0.png", "-o", tmp_path / out)
    assert code == 2
    assert "must end in one of .jpg .png" in err
    assert below(tmp_path) == {"0.png", "small.safetensors"}


def test_two_images_to_one_file_are_refused(color, tmp_path):
    folder = folder_of(tmp_path / "in", "0.png", "1.png")
    for inputs in ([folder], [folder / "0.png", folder / "1.png"]):
        code, _, err = color(*inputs, "-o", tmp_path / "both.jpg")
        assert code == 2
        assert "must be a folder for more than one image" in err
    assert not (tmp_path / "both.jpg").exists()


def test_one_name_that_is_too_long_does_not_end_the_batch(color, tmp_path):
    long = "x" * 250  # the two results get longer names, of 258 bytes
    folder = folder_of(tmp_path / "in", "a.png", f"{long}.jpg", f"{long}.png", "z.png")
    code, out, err = color(folder, "-o", tmp_path / "out")
    assert code == 2
    assert "2 of 4 colored" in out
    assert "too long" in err
    assert below(tmp_path / "out") == {"a.png", "z.png"}


def test_a_full_disk_is_told_with_a_count(color, tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "in", *(f"{n}.png" for n in range(4)))
    sync, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return sync(number)

    monkeypatch.setattr("os.fsync", full)
    code, out, err = color(folder, "-o", tmp_path / "out")
    assert code == 2
    assert "2.png cannot be written: No space left" in err
    assert "2 of 4 colored" in out
    assert "1 left out, as said above; 1 not tried" in out
    assert below(tmp_path / "out") == {"0.png", "1.png"}


def test_a_defect_in_one_image_does_not_end_the_batch(color, tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "in", "0.png", "1.png")
    whole, calls = colorize.colorize, []

    def fail(image, *settings, **more):
        calls.append(image)
        if len(calls) == 1:
            raise LookupError("what no one thought of")
        return whole(image, *settings, **more)

    monkeypatch.setattr(colorize, "colorize", fail)
    code, out, err = color(folder, "-o", tmp_path / "out")
    assert code == 2
    assert "1 of 2 colored" in out
    assert "0.png: a defect of colorlab: LookupError" in err


def test_too_little_memory_is_one_line(color, tmp_path, monkeypatch):
    folder_of(tmp_path, "0.png")

    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 5 bytes")

    monkeypatch.setattr(ColorNet, "forward", fail)
    code, _, err = color(tmp_path / "0.png", "-o", tmp_path / "out.png")
    assert code == 2
    assert "size must be smaller" in err
    assert err.count("\n") == 1


def test_a_cut_jpeg_is_colored_when_asked(color, tmp_path):
    Image.radial_gradient("L").save(tmp_path / "cut.jpg")
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:-40])
    words = (tmp_path / "cut.jpg", "-o", tmp_path / "out.png")
    code, _, err = color(*words)
    assert code == 2
    assert "--allow-truncated" in err
    code, _, err = color(*words, "--allow-truncated")
    assert code == 0
    assert "cut short" in err


def test_max_pixels(color, tmp_path):
    folder_of(tmp_path, "0.png")
    words = (tmp_path / "0.png", "-o", tmp_path / "out.png", "--max-pixels")
    code, _, err = color(*words, 100)
    assert code == 2
    assert "--max-pixels) raises it" in err
    assert color(*words, 1000)[0] == 0


def test_standard_input_and_output(network):
    file = io.BytesIO()
    Image.new("L", (16, 8)).save(file, "PNG")
    words = [*"-m colorlab colorize - -o - --model".split(), network]
    done = subprocess.run(
        [sys.executable, *words], input=file.getvalue(), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(io.BytesIO(done.stdout)).size == (16, 8)
    assert b"1 of 1 colored" in done.stderr


def test_an_address_is_to_be_downloaded_first(color, tmp_path):
    code, _, err = color("https://example.org/a.jpg", "-o", tmp_path / "a.png")
    assert code == 2
    assert "a.jpg: an address: download the image" in err


def test_a_large_result_is_known_again_without_a_word(color, tmp_path):
    image = Image.new("L", (20_000, 9_500))  # Pillow warns from 90 megapixels on
    image.info["software"] = str(results.Mark("1" * 16, "2" * 16))
    save_image(image, tmp_path / "large.png")
    folder_of(tmp_path, "0.png")
    code, out, err = color(tmp_path, "-o", tmp_path / "out")
    assert code == 0
    assert "1 results of colorlab" in out
    assert "DOS" not in err


def test_a_side_file_of_another_stays(color, tmp_path):
    folder_of(tmp_path, "0.png")
    (tmp_path / "out.bmp.xmp").write_text("mine")
    code, _, err = color(tmp_path / "0.png", "-o", tmp_path / "out.bmp")
    assert (code, "out.bmp.xmp exists, and is not of colorlab" in err) == (2, True)
    assert (tmp_path / "out.bmp.xmp").read_text() == "mine"
    words = (tmp_path / "0.png", "-o", tmp_path / "u.bmp", "--unmarked")
    assert color(*words)[0] == 0
    assert not (tmp_path / "u.bmp.xmp").exists()
    for words in (("--unmarked",), ("--unmarked", "--overwrite")):
        assert color(tmp_path / "0.png", "-o", tmp_path / "out.bmp", *words)[0] == 0
        assert (tmp_path / "out.bmp.xmp").read_text() == "mine"


def test_strip_leaves_out_what_the_file_tells(color, tmp_path):
    exif = Image.Exif()
    exif[0x013B] = "Ada Byron"
    Image.new("L", (16, 8), 99).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 300))
    for words, kept in (((), True), (("--strip",), False)):
        out = tmp_path / "out.png"
        assert color(tmp_path / "a.jpg", "-o", out, *words)[0] == 0
        with Image.open(out) as image:
            assert (image.getexif().get(0x013B) == "Ada Byron") == kept
            assert ("dpi" in image.info) == kept
            assert b"Colors predicted" in out.read_bytes()


def shown_for(image, number):
    """Milliseconds; WebP's are known once a frame is decoded."""
    image.seek(number)
    image.load()
    return image.info["duration"]


def test_pages_and_frames_are_all_colored(color, tmp_path):
    pages = [Image.linear_gradient("L").resize((16 + n, 16)) for n in range(3)]
    more = {"save_all": True, "append_images": pages[1:]}
    (tmp_path / "in").mkdir()
    pages[0].save(tmp_path / "in/letter.tif", **more)
    frames = [page.resize((16, 16)).rotate(90 * n) for n, page in enumerate(pages)]
    times = [50, 60, 70]
    more = {"save_all": True, "append_images": frames[1:], "duration": times, "loop": 2}
    for name in ("walk.gif", "jump.webp", "run.png"):
        frames[0].save(tmp_path / "in" / name, **more)
    code, out, err = color(tmp_path / "in", "-o", tmp_path / "out")
    assert (code, "4 of 4 colored" in out) == (0, True), err
    assert "in 1 of them: a GIF has 256 colors" in err
    assert below(tmp_path / "out") == {
        "letter.tif",
        *"walk.gif jump.webp run.png".split(),
    }
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as image:
            assert image.n_frames == 3
            image.seek(2)
            pixels = np.asarray(image.convert("RGB")).astype(int)
            assert np.ptp(pixels, axis=2).max() > 2  # in color, the last one, too
            assert path.suffix != ".tif" or image.size == (18, 16)
            if path.suffix != ".tif":
                assert image.info["loop"] == 2
                assert times == [shown_for(image, number) for number in range(3)]
        assert results.read_mark(path)
    assert "4 of them before" in color(tmp_path / "in", "-o", tmp_path / "out")[1]


NOISE = [np.random.default_rng(n).integers(0, 256, (40 + n) * 50) for n in range(3)]


@pytest.mark.parametrize("words", [["--bits", 16], ["--layer"]])
def test_deep_pages_and_layers_of_pages_are_all_written(color, tmp_path, words):
    pages = [20_000 + 9 * noise.reshape(40 + n, -1) for n, noise in enumerate(NOISE)]
    (tmp_path / "in").mkdir()
    with tifffile.TiffWriter(tmp_path / "in/album.tif") as album:
        for page in pages:
            album.write(page.astype(np.uint16))
    code, _, err = color(tmp_path / "in", "-o", tmp_path / "out", *words)
    assert (code, err) == (0, "")
    name = "album-layer.tif" if "--layer" in words else "album.tif"
    assert below(tmp_path / "out") == {name}
    with tifffile.TiffFile(tmp_path / "out" / name) as found:
        written = [page.asarray() for page in found.pages]
    for page, values in zip(pages, written, strict=True):
        assert values.dtype == (np.uint16 if 16 in words else np.uint8)
        assert np.ptp(values.astype(int), axis=2).max() > 1  # in color
        if 16 in words:
            L = rgb_to_lab(torch.from_numpy(values / 65535.0).permute(2, 0, 1))[0]
            gray = torch.from_numpy(np.stack([page / 65535.0] * 3))
            assert (L - rgb_to_lab(gray)[0]).abs().max() < 0.005


def scan_of_16_bits(path):
    values = np.arange(20_000, 28_000, dtype=np.uint16).reshape(80, 100)
    Image.fromarray(values).save(path)
    return values


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_scan_of_16_bits_keeps_its_levels(color, tmp_path, suffix):
    values, out = scan_of_16_bits(tmp_path / "scan.tif"), tmp_path / f"out.{suffix}"
    words = (tmp_path / "scan.tif", "-o", out, "--bits", 16)
    code, _, err = color(*words)
    assert code == 0, err
    found = read_levels(out).values
    L = rgb_to_lab(torch.from_numpy(found / 65535.0).permute(2, 0, 1))[0]
    gray = np.stack([values / 65535.0] * 3)
    assert (L - rgb_to_lab(torch.from_numpy(gray))[0]).abs().max() < 0.005
    assert np.ptp(found.astype(int), axis=2).max() > 500  # in color
    first = out.read_bytes()
    assert b"Colors predicted by a neural network" in first
    assert "(1 of them before)" in color(*words)[1]
    assert color(*words, "--overwrite")[0] == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize("bits", [8, 16])
def test_gray_and_layer_are_the_colored_image(color, tmp_path, bits):
    scan_of_16_bits(tmp_path / "scan.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "scan.png").rename(tmp_path / "in/scan.png")
    for words in ((), ("--layer",)):
        code, _, err = color(
            tmp_path / "in", "-o", tmp_path / "out", "--bits", bits, *words
        )
        assert code == 0, err
    names = "in/scan.png", "out/scan.png", "out/scan-layer.png"
    if bits == 8:
        images = [np.asarray(open_image(tmp_path / name)) for name in names]
    else:
        images = [read_levels(tmp_path / name).values for name in names]
        images[0] = np.stack([images[0]] * 3, axis=-1)
    before, colored, layer = images
    assert abs(blend(before, layer).astype(int) - colored).max() <= 1
    assert abs(colored.astype(int) - before).max() > 5


@pytest.mark.parametrize(
    ("out", "words", "told"),
    [
        ("a.jpg", ["--layer"], "--layer must be written as PNG or TIFF, not as JPEG"),
        ("a.jpg", ["--bits", 16], "--bits 16 must be written as PNG or TIFF"),
        ("a.png", ["--bits", 12], "--bits must be 8 or 16, got 12"),
        ("a.png", ["--layer", "--samples", 3], "must not come together"),
    ],
)
def test_what_has_no_form_is_told_in_one_line(color, tmp_path, out, words, told):
    folder_of(tmp_path, "0.png")
    code, _, err = color(tmp_path / "0.png", "-o", tmp_path / out, *words)
    assert (code, told in err, err.count("\n")) == (2, True, 1)
    assert not (tmp_path / out).exists()


def test_folders_are_watched(color, tmp_path, monkeypatch):
    folder, out = folder_of(tmp_path / "in", "a.png"), tmp_path / "out"
    whole, seen = (folder / "a.png").read_bytes(), []

    def half_of_b():
        (folder / "b.png").write_bytes(whole[:40])

    def rest_of_b():
        (folder / "b.png").write_bytes(whole)
        (folder / "c.png").write_bytes(b"")
        (folder / "d.png").write_bytes(b"no image")

    def another_a():
        (folder / "a.jpg").write_bytes(whole)

    def nothing():
        pass

    def stop():
        raise KeyboardInterrupt

    steps = [nothing, half_of_b, rest_of_b, nothing, nothing, another_a, nothing]
    steps += [nothing, nothing, stop]

    def later(seconds):
        seen.append(below(out) if out.exists() else set())
        steps.pop(0)()

    monkeypatch.setattr("colorlab.cli.watch.time.sleep", later)
    code, said, err = color(folder, "-o", out, "--watch")
    assert seen[0] == set()  # not before the second look
    assert seen[1] == seen[3 - 1] == {"a.png"}  # half of b is no image
    assert below(out) == {"a.png", "b.png", "a.jpg.png"}
    assert "3 of 4 colored by" in said
    assert err.count("d.png") == 1  # told once
    assert (code, "Traceback" in err) == (2, False)


def test_what_is_not_watched_is_told(color, tmp_path):
    folder_of(tmp_path / "in", "a.png")
    words = ("-o", tmp_path / "out", "--watch")
    for inputs, told in (
        ([tmp_path / "in/a.png"], "--watch must come with folders"),
        ([tmp_path / "in", "--uncertainty"], "must not come together"),
    ):
        code, _, err = color(*inputs, *words)
        assert (code, told in err, err.count("\n")) == (2, True, 1)


def test_a_map_is_of_the_first_page_and_all_pages_are_colored(color, tmp_path):
    pages = [Image.new("L", (16, 8), shade) for shade in (60, 120, 180)]
    pages[0].save(tmp_path / "album.tif", save_all=True, append_images=pages[1:])
    for bits in ("8", "16"):
        out = tmp_path / bits
        words = (tmp_path / "album.tif", "-o", out / "album.tif", "--bits", bits)
        assert color(*words, "--uncertainty")[0] == 0
        with Image.open(out / "album.tif") as image:
            assert image.n_frames == 3
        doubted = (out / "album-doubt.png").read_bytes()
        code, said, _ = color(*words)
        assert (code, "(1 of them before)" in said) == (0, True)
        still = tmp_path / f"{bits}.png"
        pages[0].save(still)
        assert color(still, "-o", out / "one.png", "--uncertainty")[0] == 0
        alone = Image.open(out / "one-doubt.png")
        assert np.array_equal(alone, Image.open(io.BytesIO(doubted)))


def test_what_moves_is_not_written_with_16_bits(color, tmp_path):
    frames = [Image.new("L", (16, 8), shade) for shade in (60, 120)]
    for suffix in (".gif", ".png"):
        path = tmp_path / f"moves{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        code, _, err = color(path, "-o", tmp_path / "out.png", "--bits", 16)
        assert (code, "--bits 16 must be left out for what moves" in err) == (2, True)
        assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("bits", [8, 16])
def test_letters_beyond_ascii_stay_in_exif(color, tmp_path, suffix, bits):
    if bits == 16 and suffix not in (".png", ".tif"):
        return
    exif, told = Image.Exif(), "Großmutter, © 1926 Jürgen Müller".encode()
    exif[0x010E] = exif[0x8298] = told
    exif.get_ifd(0x8769)[0xA430] = told  # who owned the camera
    Image.new("L", (16, 8), 99).save(tmp_path / "a.jpg", exif=exif)
    out = tmp_path / f"out{suffix}"
    assert color(tmp_path / "a.jpg", "-o", out, "--bits", bits)[0] == 0
    with Image.open(out) as image:
        kept = image.getexif()
        texts = kept[0x010E], kept[0x8298], kept.get_ifd(0x8769)[0xA430]
    for text in texts:
        as_bytes = text if isinstance(text, bytes) else text.encode("latin-1")
        assert as_bytes.rstrip(b"\0") == told


def test_a_side_file_tells_of_the_picture_that_is_there(color, tmp_path, monkeypatch):
    folder_of(tmp_path, "0.png")
    words, out = (tmp_path / "0.png", "-o", tmp_path / "s.bmp"), tmp_path / "s.bmp"
    assert color(*words)[0] == 0
    first = out.read_bytes()
    assert color(*words, "--temperature", 1)[0] == 0
    second, told = out.read_bytes(), (tmp_path / "s.bmp.xmp").read_text()
    with monkeypatch.context() as patch:

        def fail(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr("colorlab.datasets.images.save_image", fail)
        assert color(*words)[0] == 2
    assert (out.read_bytes(), (tmp_path / "s.bmp.xmp").read_text()) == (second, told)
    code, said, _ = color(*words)
    assert (code, "before" in said, out.read_bytes()) == (0, False, first)
    assert color(*words, "--unmarked", "--overwrite")[0] == 0
    assert not (tmp_path / "s.bmp.xmp").exists()
    failed = tmp_path / "broken.png", "-o", tmp_path / "b.bmp"
    failed[0].write_bytes(b"no image")
    assert color(*failed)[0] == 2
    assert not (tmp_path / "b.bmp.xmp").exists()


def test_only_what_the_photo_told_is_missed(color, tmp_path):
    folder_of(tmp_path, "0.png")
    for suffix in ("gif", "jp2", "bmp"):
        code, _, err = color(tmp_path / "0.png", "-o", tmp_path / f"o.{suffix}")
        assert (code, "no place for" in err) == (0, False)


@pytest.mark.parametrize(
    ("inputs", "out", "told"),
    [
        (["-", "0.png"], "out", "- must come alone"),
        (["0.png", ""], "out", "must not be empty"),
        (["0.png"], "", "must not be empty"),
    ],
)
def test_what_is_no_name_is_refused(color, tmp_path, monkeypatch, inputs, out, told):
    folder_of(tmp_path, "0.png")
    monkeypatch.chdir(tmp_path)
    code, _, err = color(*inputs, "-o", out)
    assert (code, told in err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_ends_the_watch_and_tells_what_is_left(
    color, tmp_path, monkeypatch
):
    names, looks = [f"{letter}.png" for letter in "abcd"], []
    folder = folder_of(tmp_path / "in", *names)

    def sleep(_):
        looks.append(0)
        if len(looks) > 5:
            raise KeyboardInterrupt

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("colorlab.datasets.images.save_image", fail)
    monkeypatch.setattr("colorlab.cli.watch.time.sleep", sleep)
    code, said, err = color(folder, "-o", tmp_path / "out", "--watch")
    assert (code, len(looks)) == (2, 2)
    assert "0 of 4 colored" in said
    assert "1 left out, as said above; 3 not tried" in said
    assert "0 images" not in err  # no bar where nothing came


def test_folders_in_which_nothing_changes_are_not_planned_again(tmp_path, monkeypatch):
    folder, planned = folder_of(tmp_path / "in", "a.png"), []

    def plan(*given, **options):
        planned.append(given)
        return plan_targets(*given, **options)

    monkeypatch.setattr("colorlab.cli.watch.plan_targets", plan)
    folders = Folders([str(folder)], str(tmp_path / "out"))
    found = [list(folders.look()) for _ in range(4)]
    assert found == [[], [folder / "a.png"], [], []]
    assert len(planned) == 2  # a plan opens each image
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes())
    found = [list(folders.look()) for _ in range(3)]
    assert found == [[], [folder / "b.png"], []]
