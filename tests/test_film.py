"""Films: steady colors, sound as it was, work that goes on, and what is broken."""

import hashlib
import math
import subprocess
import sys

import av
import numpy as np
import pytest
import torch
from cli_fixtures import fixture_network, run  # noqa: F401 (used by name)
from film_fixtures import (  # noqa: F401 (fixtures are used by name)
    SIDES,
    fixture_film,
    fixture_frames,
    read,
    write,
)
from PIL import Image

import colorlab.film
from colorlab import ColorNet, load_pretrained
from colorlab.colorize import colorize
from colorlab.datasets.images import open_image
from colorlab.decode import annealed_mean
from colorlab.film import Colors, Steady, is_cut
from colorlab.filmfile import is_film


def steady_colors(frames, memory, name="tiny"):
    steady, model = Steady(memory), load_pretrained(name)
    with torch.inference_mode():
        for frame in frames:
            colorize(frame, model, predict=steady.predict, size=64)
    return steady


def test_colors_flicker_less_where_nothing_moves(frames):
    steady = steady_colors(frames, 0.9)
    alone, averaged = steady.flicker()
    assert alone > 0.5
    assert averaged < alone / 3
    without = steady_colors(frames, 0).flicker()
    assert without.averaged == pytest.approx(without.alone, rel=1e-3)
    assert without.alone == pytest.approx(alone, rel=1e-3)


def test_scenes_are_found_and_pans_are_none(frames):
    assert steady_colors(frames, 0.9).cuts == [8]
    L = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 50
    assert not is_cut(L, L + 6)  # a light that breathes
    assert not is_cut(L, L.flip(-1))
    assert is_cut(L, 100 - L)
    assert is_cut(L, L[..., :16])


def logits_of(bins):
    """A network that answers as told, for 8 x 8 pixels."""

    class Told(ColorNet):
        def forward(self, L):
            answer = torch.full((1, 313, 2, 2), -20.0)
            answer[:, bins[self.step]] = 0.0
            self.step += 1
            return answer

    model = Told(width=2).eval()
    model.step = 0
    return model


def test_distributions_are_averaged_and_not_colors():
    red, blue = 290, 200  # far apart
    model, steady, L = logits_of([red, blue]), Steady(0.9), torch.full((1, 1, 8, 8), 50)
    first = steady.predict(model, L.float(), 0.1)
    second = steady.predict(model, L.float(), 0.1)
    assert torch.allclose(first[0, :, 0, 0], model.centers[red], atol=0.1)
    # A mean of colors would have moved by a tenth of the way.
    assert torch.allclose(second, first, atol=0.1)
    mean = torch.full((1, 313, 1, 1), 1e-12)
    mean[0, red], mean[0, blue] = 0.9, 0.1
    model.step = 0
    steady = Steady(0.9)
    for _ in range(2):
        ab = steady.predict(model, L.float(), 1.0)
    wanted = annealed_mean(mean.log(), model.centers, 1.0)
    assert torch.allclose(ab[..., :1, :1], wanted, atol=0.01)


def test_what_moves_starts_anew():
    red, blue = 290, 200
    model, steady = logits_of([red, blue]), Steady(0.9)
    L = torch.full((1, 1, 8, 8), 50.0)
    steady.predict(model, L, 0.1)
    moved = L.clone()
    moved[..., :4, :4] += 10
    ab = steady.predict(model, moved, 0.1)
    assert torch.allclose(ab[0, :, 0, 0], model.centers[blue], atol=0.1)
    assert torch.allclose(ab[0, :, 1, 1], model.centers[red], atol=0.1)
    assert steady.cuts == []


@pytest.mark.parametrize("memory", [-0.1, 1.0, math.nan])
def test_memory_out_of_range_is_refused(memory):
    with pytest.raises(ValueError, match="memory must be from 0 to below 1"):
        Steady(memory)


def test_work_that_was_stopped_goes_on_with_the_same_colors(
    frames, tmp_path, monkeypatch
):
    monkeypatch.setattr(colorlab.film, "SAVED_EVERY", 3)
    model = load_pretrained("tiny")

    def color(folder, some, made="so"):
        colors = Colors(tmp_path / folder, made)
        with torch.inference_mode():
            found = [
                np.asarray(colorize(frame, model, predict=colors.predict, size=64))
                for frame in some
            ]
        colors.close()
        return found, colors

    whole, at_once = color("whole", frames)
    color("part", frames[:11])
    resumed, again = color("part", frames)
    assert (at_once.known, again.known) == (0, 9)  # saved at each third
    assert all(map(np.array_equal, whole, resumed))
    assert again.steady.cuts == at_once.steady.cuts == [8]
    assert again.steady.flicker() == pytest.approx(at_once.steady.flicker())
    assert color("part", frames[:1], made="otherwise")[1].known == 0
    (tmp_path / "part" / "state").write_bytes(b"broken")
    assert color("part", frames[:1])[1].known == 0
    again.remove()
    assert not (tmp_path / "part").exists()


def test_the_command_colors_a_film(film, network, monkeypatch, tmp_path, capsys):
    out = tmp_path / "colored.mp4"
    words = ("colorize", film, "-o", out, "--model", network, "--size", 32)
    assert run(monkeypatch, *words) == 0
    said = capsys.readouterr().out
    assert "16 of 16 frames colored by small.safetensors, in" in said
    assert "2 scenes; where nothing moves, colors move by" in said
    times, pictures, _ = read(out)
    assert len(times) == 16
    assert pictures[3].shape == (*SIDES[::-1], 3)
    with av.open(str(out)) as colored:
        assert "Colors predicted by a neural network" in colored.metadata["comment"]
    before = out.read_bytes()
    assert run(monkeypatch, *words) == 2
    assert "exists" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert run(monkeypatch, *words, "--overwrite", "--unmarked") == 0
    with av.open(str(out)) as colored:
        assert "comment" not in colored.metadata
    inside = {path.name for path in tmp_path.iterdir()}
    assert inside == {"colored.mp4", "small.safetensors"}


def test_a_film_goes_on_after_a_stop(film, network, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(colorlab.film, "SAVED_EVERY", 4)
    out, predict, calls = tmp_path / "colored.mp4", Steady.predict, []

    def stopped(self, *given):
        calls.append(self.frames)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return predict(self, *given)

    monkeypatch.setattr(Steady, "predict", stopped)
    words = ("colorize", film, "-o", out, "--model", network, "--size", 32)
    assert run(monkeypatch, *words) == 130
    assert (
        "stopped after 10 frames; the same command goes on" in capsys.readouterr().err
    )
    assert not out.exists()
    assert run(monkeypatch, *words) == 0
    assert "(8 of them before)" in capsys.readouterr().out
    assert calls[11:] == [*range(8, 16)]
    resumed = out.read_bytes()
    assert run(monkeypatch, *words, "--overwrite") == 0
    assert out.read_bytes() == resumed
    assert {p.name for p in tmp_path.iterdir()} == {"colored.mp4", "small.safetensors"}


def test_the_command_colors_a_folder_of_frames(
    frames, network, monkeypatch, tmp_path, capsys
):
    folder, out = tmp_path / "frames", tmp_path / "colored"
    folder.mkdir()
    for n, frame in enumerate(frames):
        frame.save(folder / f"{n:03}.jpg")
    words = ("colorize", folder, "-o", out, "--frames", "--model", network)
    assert run(monkeypatch, *words, "--size", 32) == 0
    assert "16 of 16 frames colored" in capsys.readouterr().out
    assert [path.name for path in sorted(out.iterdir())][:2] == ["000.png", "001.png"]
    assert Image.open(out / "007.png").size == SIDES
    assert b"Colors predicted by a neural network" in (out / "007.png").read_bytes()
    assert run(monkeypatch, *words, "--size", 32) == 2
    assert "out must be a folder that is not there" in capsys.readouterr().err
    (folder / "005.jpg").write_bytes(b"no image")
    other = ("colorize", folder, "-o", tmp_path / "other", "--frames")
    assert run(monkeypatch, *other, "--model", network, "--size", 32) == 2
    assert "005.jpg" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_what_a_film_has_no_place_for_is_refused(film, monkeypatch, tmp_path, capsys):
    words = ("colorize", film, "-o", tmp_path / "o.mp4")
    for option in (["--uncertainty"], ["--max-pixels", 9], ["--allow-truncated"]):
        assert run(monkeypatch, *words, *option) == 2
        assert f"{option[0]} must be left out for a film" in capsys.readouterr().err
    assert run(monkeypatch, *words[:2], film, *words[2:]) == 2
    assert "IN must be one film" in capsys.readouterr().err
    assert (is_film("a.mkv"), is_film("a.png")) == (True, False)


@pytest.fixture
def color(film, network, monkeypatch, tmp_path, capsys):
    """Call the command on the film; gives its code and what it said of errors."""

    def color(*words, path=film, out="colored.mp4"):
        words = ("colorize", path, "-o", tmp_path / out, *words, "--size", 32)
        code = run(monkeypatch, *words, "--model", network)
        return code, capsys.readouterr().err

    return color


def test_a_full_disk_leaves_the_colors_and_no_traceback(color, monkeypatch, tmp_path):
    monkeypatch.setattr(colorlab.film, "SAVED_EVERY", 4)

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    code, err = color()
    assert code == 2
    assert "No space left on device" in err
    assert not (tmp_path / "colored.mp4").exists()


def test_work_that_was_stopped_outlives_a_bad_option(color, monkeypatch, tmp_path):
    monkeypatch.setattr(colorlab.film, "SAVED_EVERY", 4)
    predict = Steady.predict

    def stopped(self, *given):
        if self.frames == 10:
            raise KeyboardInterrupt
        return predict(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Steady, "predict", stopped)
        assert color()[0] == 130
    (folder,) = tmp_path.glob(".colors-*")
    for words in (("--temperature", 0), ("--strength", "inf")):
        assert color(*words)[0] == 2
        assert (folder / "state").exists()
    (folder / "mine").mkdir()  # another's: it stays, and is no error
    assert color()[0] == 0
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_names_as_long_as_the_system_takes(color, tmp_path):
    name = "x" * 251 + ".mp4"
    assert color(out=name)[0] == 0
    assert (tmp_path / name).exists()


def test_frames_and_films_are_not_mistaken(
    color, frames, network, monkeypatch, tmp_path, capsys
):
    (tmp_path / "frames").mkdir()
    frames[0].save(tmp_path / "frames" / "0.png")
    code, err = color("--frames", path=tmp_path / "frames", out="out.mp4")
    assert (code, "must be a folder for a folder of frames" in err) == (2, True)
    code, err = color("--frames", path=tmp_path / "frames" / "0.png")
    assert (code, "--frames must come with a folder of images" in err) == (2, True)
    (tmp_path / "images.mp4").mkdir()  # a folder of images, whatever its name
    frames[0].save(tmp_path / "images.mp4" / "0.png")
    assert color(path=tmp_path / "images.mp4", out="images")[0] == 0
    assert (tmp_path / "images" / "0.png").exists()
    (tmp_path / ".partial-out").mkdir()
    (tmp_path / ".partial-out" / "mine").touch()
    words = ("colorize", tmp_path / "frames", "-o", tmp_path / "out", "--frames")
    assert run(monkeypatch, *words, "--model", network, "--size", 32) == 0
    assert "nan" not in capsys.readouterr().out.replace(str(tmp_path), "")
    assert (tmp_path / ".partial-out" / "mine").exists()


def test_one_scene_is_one(color, frames, tmp_path, network, monkeypatch, capsys):
    write(tmp_path / "one.mp4", frames[:3])
    words = ("colorize", tmp_path / "one.mp4", "-o", tmp_path / "o.mp4", "--size", 32)
    assert run(monkeypatch, *words, "--model", network) == 0
    assert "\n1 scene; where" in capsys.readouterr().out


def test_two_runs_do_not_share_their_colors(color, tmp_path):
    assert color()[0] == 0
    short = hashlib.sha256(b"two.mp4").hexdigest()[:8]
    held = tmp_path / f".colors-{short}"
    wait = "import sys; from colorlab.film import *; from pathlib import Path; "
    wait += "held = Colors(Path(sys.argv[1]), ''); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", wait, str(held)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout.readline() == b"held\n"
        code, err = color(out="two.mp4")
        assert (code, "another process makes it" in err) == (2, True)
        other.communicate(b"\n")
    assert color(out="two.mp4")[0] == 0
    assert not held.exists()


def shades(*parts):
    """Return a frame of 10 x 10 pixels; parts are (percent of them, their L)."""
    flat = torch.cat([torch.full((count,), float(L)) for count, L in parts])
    return flat.view(1, 1, 10, 10)


@pytest.mark.parametrize("dark", [0, 30, 50])
@pytest.mark.parametrize("share", [0, 20, 40, 60, 100])
def test_a_cut_is_a_third_of_the_pixels_wherever_they_lie(dark, share):
    after = shades((100 - share, dark), (share, dark + 50))
    assert is_cut(shades((100, dark)), after) == (share > 30)


@pytest.mark.parametrize("L", torch.linspace(0, 98, 50).tolist())
def test_a_little_light_is_no_cut_at_any_lightness(L):
    frame = torch.full((1, 1, 8, 8), L)
    assert not is_cut(frame, frame + 2)
    assert not is_cut(frame + 2, frame)


def test_no_graph_grows_with_a_film():
    steady, model = Steady(), load_pretrained("tiny")
    for shade in (20.0, 21.0):
        ab = steady.predict(model, torch.full((1, 1, 16, 16), shade), 0.38)
    assert not ab.requires_grad
    assert not any(part.requires_grad for part in steady.last)


def test_frames_are_taken_by_their_numbers(
    frames, network, tmp_path, monkeypatch, capsys
):
    folder, order = tmp_path / "frames", []
    folder.mkdir()
    for number in (1, 2, 10, 9, 11):
        frames[number].save(folder / f"frame{number}.png")
    (folder / "._frame1.png").write_bytes(b"of a Mac")
    (folder / "notes.txt").write_text("Church")

    def note(path):
        order.append(path.name)
        return open_image(path)

    monkeypatch.setattr("colorlab.datasets.images.open_image", note)
    words = ("colorize", folder, "-o", tmp_path / "out", "--frames", "--model", network)
    assert run(monkeypatch, *words) == 0
    assert order == [f"frame{number}.png" for number in (1, 2, 9, 10, 11)]
    err = capsys.readouterr().err
    assert "1 files are no frames and were left out" in err
    assert "notes.txt" in err
