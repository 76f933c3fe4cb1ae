"""`colorlab colorize` on a film, or on a folder of its frames."""

import hashlib
import math
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from colorlab.cli.messages import print_names
from colorlab.cli.models import check_output, load_network
from colorlab.cli.results import describe, hash_file, hash_settings, to_xmp

if TYPE_CHECKING:
    from PIL import Image

    from colorlab.film import Colors
    from colorlab.transfer import Network

count_frames = partial(tqdm, unit=" frames", disable=None)


class Way(NamedTuple):
    """How each frame is colored."""

    network: "Network"
    name: str
    T: float
    size: object
    strength: float
    unmarked: bool

    def note(self) -> str:
        """Return what the film says of its colors."""
        return describe(self.name, self.T, self.size, self.strength)


def is_for_film(inputs: list[str], frames: bool, more: dict[str, object]) -> bool:
    """Return whether a film is to be colored; refuse what it has no place for."""
    from colorlab.filmfile import is_film

    films = frames or any(is_film(i) and not Path(i).is_dir() for i in inputs)
    if films and (given := [option for option, value in more.items() if value]):
        raise ValueError(f"{' and '.join(given)} must be left out for a film")
    return films


def choose_way(
    model: str,
    device: str,
    temperature: float | None,
    size: int | None,
    strength: float,
    unmarked: bool,
) -> Way:
    """Load the network, and take what is not given from its card."""
    from colorlab.colorize import choose_settings

    network = load_network(model, device)
    T, seen = choose_settings(network, temperature, size)
    return Way(network, Path(model).name, T, seen, strength, unmarked)


def to_film(inputs: list[str], out: Path, way: Way, overwrite: bool) -> None:
    """Color one film, or one folder of frames; a run that was stopped goes on."""
    from colorlab.film import Colors

    if len(inputs) != 1:
        raise ValueError(f"IN must be one film or one folder of frames, got {inputs}")
    path = Path(inputs[0])
    frames = _list_frames(path) if path.is_dir() else []
    _check_kind(path, frames, out)
    check_output(out, overwrite)
    if path.exists() and out.exists() and out.samefile(path):
        raise ValueError(f"{path} must not be replaced by its own result")
    settings = hash_settings(way.network, way.T, way.size)
    made = f"{_hash(path, frames)} {settings}"
    short = hashlib.sha256(os.fsencode(out.name)).hexdigest()[:8]  # names are limited
    colors = Colors(out.parent / f".colors-{short}", made)
    try:
        if frames:
            number = _color_frames(frames, out, _by(way, colors), way)
        else:
            number = _color_file(path, out, _by(way, colors), way)
    except (ValueError, ModuleNotFoundError):
        colors.close() if colors.known else colors.remove()
        raise
    except BaseException:
        with suppress(OSError):  # a full disk, again
            colors.close()
        print(
            f"colorlab: stopped after {colors.place} frames; the same command goes on",
            file=sys.stderr,
        )
        raise
    colors.remove()
    _print_end(number, out, way, colors)


def _check_kind(path: Path, frames: list[Path], out: Path) -> None:
    """Refuse frames that are no folder, and a folder that looks like a film."""
    from colorlab.filmfile import is_film

    if not frames and not is_film(path):
        raise ValueError(f"--frames must come with a folder of images, got {path}")
    if frames and (is_film(out) or str(out) == "-"):
        raise ValueError(f"out must be a folder for a folder of frames, got {out}")
    if frames and out.exists():
        raise ValueError(f"out must be a folder that is not there; {out} is")


def _by(way: Way, colors: "Colors") -> Callable[["Image.Image"], "Image.Image"]:
    """Return what colors a picture as the next of the film."""
    from colorlab.colorize import colorize

    def color(picture: "Image.Image") -> "Image.Image":
        return colorize(
            picture,
            way.network,
            way.T,
            way.size,  # type: ignore[arg-type]
            strength=way.strength,
            predict=colors.predict,
        )

    return color


def _color_file(path: Path, out: Path, color: Callable, way: Way) -> int:
    from colorlab.filmfile import color_film

    return color_film(
        path, out, color, count_frames, "" if way.unmarked else way.note()
    )


def _list_frames(folder: Path) -> list[Path]:
    from colorlab.datasets.images import is_image

    seen = [path for path in folder.iterdir() if not path.name.startswith(".")]
    frames = sorted((path for path in seen if is_image(path.name)), key=_in_order)
    if not frames:
        raise ValueError(f"IN must hold frames, which are images; {folder} holds none")
    if len({frame.stem for frame in frames}) < len(frames):
        raise ValueError(f"IN must hold frames of different names; {folder} does not")
    others = sorted(path.name for path in seen if path not in frames)
    print_names(others, "files are no frames and were left out")
    return frames


def _in_order(path: Path) -> list:
    """Return what sorts frames by the numbers in their names: 2 before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _hash(path: Path, frames: Iterable[Path]) -> str:
    """Return what tells a film, or frames, from another."""
    if not frames:
        return hash_file(path) if path.is_file() else ""
    told = [
        (frame.name, frame.stat().st_size, frame.stat().st_mtime_ns) for frame in frames
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _color_frames(frames: list[Path], out: Path, color: Callable, way: Way) -> int:
    """Write a folder of frames, which appears when it is whole."""
    from colorlab.datasets.images import open_image, save_image

    partial_folder = out.parent / f".partial-{secrets.token_hex(4)}"
    partial_folder.mkdir()
    try:
        for frame in count_frames(frames):
            colored = color(open_image(frame))
            colored.info |= {} if way.unmarked else {"xmp": to_xmp(way.note())}
            save_image(colored, partial_folder / f"{frame.stem}.png")
        os.replace(partial_folder, out)
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    return len(frames)


def _print_end(number: int, out: Path, way: Way, colors: "Colors") -> None:
    steady, flicker = colors.steady, colors.steady.flicker()
    count = len(steady.cuts) + 1
    before = f" ({colors.known} of them before)" if colors.known else ""
    print(f"{number} of {number} frames colored by {way.name}{before}, in {out}")
    if math.isnan(flicker.alone):  # as of a single frame
        return
    print(
        f"{count} scene{'s' * (count > 1)}; where nothing moves, colors move by "
        f"{flicker.averaged:.2f} ab units a frame, by {flicker.alone:.2f} without "
        "averaging; what moves is not followed"
    )
