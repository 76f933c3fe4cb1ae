"""The film of recorded runs, and a quiz about them (book chapter: train)."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import anywidget
import torch
import traitlets
from PIL import Image

from colorlab.colorize import to_image
from colorlab.datasets.images import center_crop, open_rgb, to_tensor
from colorlab.decode import upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.train.diagnostics import ADVICE, diagnose
from colorlab.train.run import read_config, read_records
from colorlab.widgets.front import front, to_jpeg

SIDE = 128  # pixels of a photo, each way
JPEG_QUALITY = 85
GRAY = 128  # the byte of a or b = 0
DIGITS = 4  # of the numbers that travel
FLOOR = 1e-7  # of the spread of hues: float32 ends about there
METRICS = ("spread", "share", "top_bin", "held_out")
VIEWS = ("the run", "the truth", "gray")


class Film(NamedTuple):
    """Recorded runs, as data/recipes/film.py stores them (book chapter: train).

    Attributes
    ----------
    about : dict
        photos: names. steps: those of the frames. runs: of each, title and about.
        data, images: what was learned from.
    photos : PIL.Image.Image
        128 x 128 pixels each, side by side.
    colors : dict of str to PIL.Image.Image
        Of each run, red a + 128 and green b + 128: a frame below the other.
    objectives : dict of str to str
        "rebal", "class" or "l2".
    records : dict of str to list of dict
    """

    about: dict
    photos: Image.Image
    colors: dict[str, Image.Image]
    objectives: dict[str, str]
    records: dict[str, list[dict]]


def read_film(data: Path) -> Film:
    """Read the recorded runs.

    Parameters
    ----------
    data : Path
        The book's data: it has `photos`, and `film`.

    Returns
    -------
    Film
        Book chapter: train.
    """
    film = data / "film"
    about = json.loads((film / "about.json").read_text(encoding="utf-8"))
    photos = Image.new("RGB", (SIDE * len(about["photos"]), SIDE))
    for number, name in enumerate(about["photos"]):
        square = center_crop(open_rgb(data / "photos" / f"{name}.jpg"), SIDE)
        photos.paste(square, (SIDE * number, 0))
    names = about["runs"]
    return Film(
        about,
        photos,
        {name: open_rgb(film / name / "colors.png") for name in names},
        {name: read_config(film / name / "config.json").loss for name in names},
        {name: read_records(film / name / "metrics.jsonl") for name in names},
    )


def film_sheet(film: Film, name: str, step: int) -> Image.Image:
    """Return the photos, side by side, as a run colored them after a step.

    Parameters
    ----------
    film : Film
        From `read_film`.
    name : str
        Of the run.
    step : int
        One of the film's.

    Returns
    -------
    PIL.Image.Image
        As large as `film.photos`. Book chapter: train.

    Raises
    ------
    ValueError
        If the film has no frame of this step.
    """
    planes = to_tensor(_frame(film, name, step))[:2].float() - GRAY
    parts = planes[None].chunk(len(film.about["photos"]), dim=-1)  # a photo's each
    ab = torch.cat([upsample(part, (SIDE, SIDE)) for part in parts], dim=-1)
    L = rgb_to_lab(to_tensor(film.photos))[None, :1]
    return to_image(lab_to_rgb(torch.cat([L, ab], dim=1))[0])


class LearningFilm(anywidget.AnyWidget):
    """Recorded runs, at each of their steps: pictures, curves, and what is wrong.

    What travels is the photos, what each run said of them (one byte for a and one for
    b of a cell), and its records; the page joins colors and lightness by `color.js`.

    Parameters
    ----------
    film : Film
        From `read_film`.
    """

    _esm, _css = front("film")
    runs = traitlets.List(traitlets.Dict()).tag(sync=True)
    steps = traitlets.List(traitlets.Int()).tag(sync=True)  # of the pictures
    recorded = traitlets.List(traitlets.Int()).tag(sync=True)  # of the records
    batch_size = traitlets.Int().tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes of each file
    pixels = traitlets.Bytes().tag(sync=True)
    run = traitlets.Int(0, min=0).tag(sync=True)
    frame = traitlets.Int(0, min=0).tag(sync=True)
    view = traitlets.Enum(VIEWS, VIEWS[0]).tag(sync=True)
    metric = traitlets.Enum(METRICS, METRICS[0]).tag(sync=True)

    def __init__(self, film: Film) -> None:
        files = [to_jpeg(film.photos, JPEG_QUALITY)]
        files += [_to_png(image) for image in film.colors.values()]
        records = next(iter(film.records.values()))
        super().__init__(
            runs=[_packed(film, name) for name in film.records],
            steps=film.about["steps"],
            recorded=[record["step"] for record in records],
            batch_size=sum(r["images"] for r in records) // records[-1]["step"],
            lengths=[len(file) for file in files],
            pixels=b"".join(files),
        )


class WhichIsDead(anywidget.AnyWidget):
    """Ask which of several runs is dead; one figure of each may be opened.

    Parameters
    ----------
    film : Film
        From `read_film`.
    suspects : mapping of str to (int, str)
        Runs, in the order in which they are shown: after which step each is looked
        at, and what is told of it after the answer.
    dead : str
        The run that is.

    Raises
    ------
    ValueError
        If `dead` is none of the suspects, or the film has no frame of such a step.
    """

    _esm, _css = front("quiz")
    suspects = traitlets.List(traitlets.Dict()).tag(sync=True)
    dead = traitlets.Int().tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes of each file
    pixels = traitlets.Bytes().tag(sync=True)
    opened = traitlets.List(traitlets.Unicode()).tag(sync=True)  # a figure each, or ""
    answer = traitlets.Int(-1, min=-1).tag(sync=True)

    def __init__(
        self, film: Film, suspects: Mapping[str, tuple[int, str]], dead: str
    ) -> None:
        if dead not in suspects:
            raise ValueError(f"dead must be one of {[*suspects]}, got {dead!r}")
        files = [to_jpeg(film.photos, JPEG_QUALITY)]
        told = []
        for name, (step, why) in suspects.items():
            files.append(_to_png(_frame(film, name, step)))
            recorded = [record["step"] for record in film.records[name]]
            steps = [each for each in recorded if each <= step]
            told.append(_packed(film, name, len(steps)) | {"steps": steps, "why": why})
        super().__init__(
            suspects=told,
            dead=[*suspects].index(dead),
            lengths=[len(file) for file in files],
            pixels=b"".join(files),
            opened=[""] * len(told),
        )


def _frame(film: Film, name: str, step: int) -> Image.Image:
    """Cut a run's colors after a step."""
    if step not in film.about["steps"]:
        raise ValueError(f"step must be one of {film.about['steps']}, got {step}")
    colors = film.colors[name]
    cells = colors.width // len(film.about["photos"])
    top = cells * film.about["steps"].index(step)
    return colors.crop((0, top, colors.width, top + cells))


def _to_png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return file.getvalue()


def _packed(film: Film, name: str, number: int | None = None) -> dict:
    """Return what the page tells of a run, maybe of its first records only."""
    about = {"objective": film.objectives[name], **film.about["runs"][name]}
    records = film.records[name][:number]
    return about | pack_records(records, film.objectives[name])


def pack_records(records: list[dict], objective: str) -> dict:
    """Return what the page shows of a run's records.

    Parameters
    ----------
    records : list of dict
        As `train` writes them.
    objective : str
        "rebal", "class" or "l2".

    Returns
    -------
    dict
        loss, held_out (None where it was not measured), spread (1 - one_way), share
        (chroma over true_chroma), top_bin: lists of a number a record, of four digits.
        warnings: from which step on `diagnose` tells which one, and its advice. Book
        chapter: train.

    Examples
    --------
    >>> told = {"loss": 2.34567, "one_way": 1.0, "chroma": 3.0, "true_chroma": 6.0}
    >>> pack_records([{"step": 9, "top_bin": 1.0, **told}], "rebal")["loss"]
    [2.346]
    """
    warnings: list[tuple[int, str, str]] = []
    for number, record in enumerate(records, start=1):
        name = diagnose(records[:number], objective) or ""
        if name != (warnings[-1][1] if warnings else ""):
            warnings.append((record["step"], name, ADVICE.get(name, "")))
    columns = {
        "loss": [record["loss"] for record in records],
        "held_out": [record.get("held_out") for record in records],
        "spread": [max(1 - record["one_way"], FLOOR) for record in records],
        "share": [record["chroma"] / record["true_chroma"] for record in records],
        "top_bin": [record["top_bin"] for record in records],
    }
    short = {name: [_short(value) for value in row] for name, row in columns.items()}
    return {**short, "warnings": warnings}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
