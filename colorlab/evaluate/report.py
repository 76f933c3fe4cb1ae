"""Evaluation reports: metrics as JSON, and a page of images (chapter: evaluate)."""

import base64
import html
import io
import json
import math
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from colorlab.colorize import to_image
from colorlab.datasets.sources import ImageSource
from colorlab.decode import T_PAPER
from colorlab.evaluate.bootstrap import Interval, interval_note, interval_text
from colorlab.evaluate.measure import (
    MEASURES,
    SIZE,
    Scores,
    guessed_batches,
)
from colorlab.evaluate.metrics import auc, error_histogram
from colorlab.files import whole_file
from colorlab.lab import lab_to_rgb
from colorlab.transfer import Network

NUMBERS = r"\[\n[^][{}\"]*\]"  # a list of them; strings of JSON hold no line ends
SHOWN = 24  # images on a page
DARKEST = 60.0  # ab units: errors from here on are black
COLUMNS = {
    "gray": "what the network sees",
    "predicted": "what it says",
    "true": "what the camera saw",
    "error": f"white: exact; black: {DARKEST:g} ab units off, or more",
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 50rem;
  padding: 0 1rem; color: #222; background: #fff }}
table {{ border-collapse: collapse; margin: 1rem 0; width: 100% }}
th, td {{ padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd }}
th:first-child {{ text-align: left; font-weight: 600 }}
.scroll {{ overflow-x: auto }}
.photos td {{ padding: .15rem; border: 0; text-align: left; width: 25% }}
.photos img {{ width: 100%; display: block }}
.photos .about {{ font-size: .85rem; color: #555; overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
<p>{about}</p>
<div class="scroll"><table>
{metrics}
</table></div>
<p>{note}</p>
<h2>{shown} images, the closest first</h2>
<table class="photos">
{heads}
{photos}
</table>
</html>
"""


def write_scores(path: str | Path, about: dict, scores: Scores) -> None:
    """Write the metrics of an evaluation as JSON (book chapter: evaluate).

    Parameters
    ----------
    path : str or Path
        The file; it appears whole or not at all.
    about : dict
        What was measured, and how.
    scores : dict
        As `evaluate_images` returns them; where there is no interval, its ends are
        null.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> scores = {"network": {"psnr": (20.0, math.nan, math.nan)}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_scores(f"{folder}/scores.json", {"photos": 1}, scores)
    ...     json.loads(Path(folder, "scores.json").read_text())["scores"]
    {'network': {'psnr': [20.0, None, None]}}
    """
    about = {k: _printable(v) if isinstance(v, str) else v for k, v in about.items()}
    write_json(path, {**about, "scores": rounded(scores)})


def rounded(scores: Scores) -> dict:
    """Round to three digits, as JSON holds them: null where there is no number.

    Parameters
    ----------
    scores : dict
        As `evaluate_images` returns them.

    Examples
    --------
    >>> rounded({"gain": {"auc": (-2.2514, math.nan, math.nan)}})
    {'gain': {'auc': [-2.251, None, None]}}
    """
    return {
        row: {
            name: [None if math.isnan(value) else round(value, 3) for value in interval]
            for name, interval in measures.items()
        }
        for row, measures in scores.items()
    }


def write_json(path: str | Path, content: dict) -> None:
    """Write JSON with each list of numbers on one line, so that it can be read.

    Parameters
    ----------
    path : str or Path
        The file; it appears whole or not at all.
    content : dict
        Anything JSON can hold.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    lines = re.sub(
        NUMBERS, lambda found: re.sub(r"\s+", "", found[0]).replace(",", ", "), text
    )
    with whole_file(path) as file:
        file.write(f"{lines}\n".encode())


def read_scores(path: str | Path, data: str, **terms: object) -> Scores:
    """Read one evaluation from a file of one or of many (book chapter: evaluate).

    Parameters
    ----------
    path : str or Path
        What `write_scores` wrote; or a file of data/evaluations, with a list of such
        "reports".
    data : str
        The data set.
    **terms
        "T", "size" and "other", the network compared with: 0.38, 128 and None unless
        given.

    Returns
    -------
    dict
        As `evaluate_images` returns it, but for what was not measured.

    Raises
    ------
    ValueError
        If the file holds no such evaluation.
    """
    terms = {"data": data, "T": T_PAPER, "size": SIZE, "other": None} | terms
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    for report in content.get("reports", [content]):
        if all(report.get(name) == value for name, value in terms.items()):
            return {
                row: {name: _numbers(each) for name, each in measures.items()}
                for row, measures in report["scores"].items()
            }
    raise ValueError(f"path must hold an evaluation with {terms}; {path} does not")


def _numbers(interval: list) -> Interval:
    value, low, high = (math.nan if end is None else end for end in interval)
    return value, low, high


@torch.inference_mode()
def write_sheet(
    path: str | Path,
    model: Network | ImageSource,
    images: ImageSource,
    about: dict,
    scores: Scores,
) -> None:
    """Write a page that shows an evaluation: metrics and images (chapter: evaluate).

    Parameters
    ----------
    path : str or Path
        The file: one HTML page that needs nothing else. It appears whole or not at
        all.
    model : Network or ImageSource
        As for `evaluate_images`.
    images : ImageSource
        24 of them, spread over the whole, are shown; fewer if some cannot be read.
    about : dict
        "model", "data", "photos" (their number), "T" and "size" of the evaluation.
    scores : dict
        As `evaluate_images` returns them.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    T, size = about["T"], about["size"]
    shown = sorted(_shown(model, images, T, size), key=lambda row: -row[0])
    page = PAGE.format(
        title=_escaped(f"{about['model']} on {about['data']}"),
        about=_escaped(
            f"{about['photos']} images at {size} x {size} pixels, temperature {T:g}."
        ),
        metrics=_metrics(scores),
        note=interval_note(about["photos"]),
        shown=len(shown),
        heads=f"<tr>{''.join(f'<td>{k}: {v}</td>' for k, v in COLUMNS.items())}</tr>",
        photos="\n".join(row for _, row in shown),
    )
    with whole_file(path) as file:
        file.write(page.encode())


def _printable(name: str) -> str:
    """Write bytes of a name that are no UTF-8, as of old archives, in hexadecimal."""
    raw = name.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def _escaped(text: str) -> str:
    return html.escape(_printable(text))


def _metrics(scores: Scores) -> str:
    names = next(iter(scores.values()))
    head = "".join(f"<th>{MEASURES[name].title}</th>" for name in names)
    lines = [f"<tr><th></th>{head}</tr>"]
    for row, measures in scores.items():
        cells = (interval_text(interval, "<br>") for interval in measures.values())
        told = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f"<tr><th>{row}</th>{told}</tr>")
    return "\n".join(lines)


def _shown(
    model: Network | ImageSource, images: ImageSource, T: float, size: int
) -> list[tuple[float, str]]:
    """Return each shown image's AuC, and its two lines of the table."""
    step = -(-len(images) // SHOWN)
    some = replace(images, place=images.place[::step])
    if isinstance(model, ImageSource):
        model = replace(model, place=model.place[::step])
    skipped: dict[str, str] = {}  # listed by the evaluation
    rows: list[tuple[float, Tensor, Tensor, Tensor]] = []
    with suppress(ValueError):  # none of these few can be read
        for L, ab, guesses in guessed_batches(model, some, T, size, skipped=skipped):
            ab_hat = guesses["network"].ab
            histograms = error_histogram(ab_hat, ab, torch.ones_like(L[:, 0]))
            rows += zip(auc(histograms).tolist(), L, ab_hat, ab, strict=True)
    names = (some.name(number) for number in range(len(some)))
    read = (_escaped(name) for name in names if name not in skipped)
    return [(row[0], _lines(name, *row)) for name, row in zip(read, rows, strict=True)]


def _lines(name: str, area: float, L: Tensor, ab_hat: Tensor, ab: Tensor) -> str:
    said = f"AuC {area:.1f} %, chroma {_chroma(ab_hat)} of {_chroma(ab)}"
    pictures = "".join(
        f'<td><img src="{_inline(picture)}" alt="{kind}: {name}"'
        f' title="{COLUMNS[kind]}"></td>'
        for kind, picture in zip(COLUMNS, _pictures(L, ab_hat, ab), strict=True)
    )
    about = f'<tr><td colspan="4" class="about">{name}: {said}</td></tr>'
    return f"{about}\n<tr>{pictures}</tr>"


def _chroma(ab: Tensor) -> str:
    return f"{ab.norm(dim=0).mean().item():.1f}"


def _pictures(L: Tensor, ab_hat: Tensor, ab: Tensor) -> list[Tensor]:
    """Gray, predicted, true, and the error, each (3, H, W) in [0, 1]."""
    labs = [torch.cat([L, chroma]) for chroma in (0 * ab, ab_hat, ab)]
    error = (ab_hat - ab).norm(dim=0, keepdim=True) / DARKEST
    return [*map(lab_to_rgb, labs), (1 - error.clamp(max=1)).expand(3, -1, -1)]


def _inline(rgb: Tensor) -> str:
    file = io.BytesIO()
    to_image(rgb).save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
