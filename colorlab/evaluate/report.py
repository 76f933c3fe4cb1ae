"""Evaluation reports: metrics as JSON, and a page of images (chapter: evaluate)."""

import base64
import html
import io
import json
import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from string import Template

import torch
from torch import Tensor

from colorlab.colorize import to_image
from colorlab.datasets.formats import printable
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
from colorlab.files import whole_file, write_json
from colorlab.lab import lab_to_rgb
from colorlab.transfer import Network

SHOWN = 24  # images on a page
DARKEST = 60.0  # ab units: errors from here on are black
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 50rem;
  padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
th { text-align: left }
figure { margin: 1rem 0; overflow-wrap: anywhere }
h1 { font-size: 1.4rem }
img { width: 100% }
</style>
<h1>$title</h1>
<table>
$table
</table>
<p>$notes</p>
<h2>$shown images, the closest first</h2>
<p>From left to right: what the network sees, what it says, what the camera saw, and
the error. White is exact; black is $darkest ab units off, or more.</p>
$figures
</html>
""")


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
    about = {k: printable(v) if isinstance(v, str) else v for k, v in about.items()}
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
    figures = _figures(model, images, about["T"], about["size"])
    rows = [
        f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for name, *cells in score_table(scores, "<br>")
    ]
    page = PAGE.substitute(
        title=html.escape(title(about)),
        table="\n".join(rows),
        notes=html.escape(" ".join(notes(about))),
        shown=len(figures),
        darkest=f"{DARKEST:g}",
        figures="\n".join(figures),
    )
    with whole_file(path) as file:
        file.write(page.encode())


def title(about: dict) -> str:
    """Return in one line what was measured, and how.

    Parameters
    ----------
    about : dict
        As for `write_sheet`.

    Examples
    --------
    >>> title({"model": "l2", "data": "birds", "photos": 9, "T": 0.38, "size": 64})
    'l2, 9 images of birds at 64 x 64 pixels, T = 0.38'
    """
    what = f"{about['model']}, {about['photos']} images of {about['data']}"
    size = about["size"]
    return printable(f"{what} at {size} x {size} pixels, T = {about['T']:g}")


def notes(about: dict) -> list[str]:
    """Return what a reader of the table must know, line by line.

    Parameters
    ----------
    about : dict
        As for `write_sheet`; "other" names the network compared with, if there is one.
    """
    told = [
        interval_note(about["photos"]),
        "Gain = network minus gray.",
        "In nats, gray is the smoothed prior, and truth the entropy of the targets.",
    ]
    if "other" in about:
        told.append(f"Other: {about['other']}. Lead = network minus other.")
    return told


def score_table(scores: Scores, separator: str = " ") -> list[list[str]]:
    """Return the rows of a table: a head, then one a measure, its name first.

    Parameters
    ----------
    scores : dict
        As `evaluate_images` returns them; each is a column.
    separator : str
        What stands between a value and its interval.

    Examples
    --------
    >>> score_table({"gain": {name: (1, 0, 2) for name in MEASURES}})[:2]
    [['', 'gain'], ['AuC %', '1.00 (0.00..2.00)']]
    """
    table = [["", *scores]]
    for name, measure in MEASURES.items():
        cells = (interval_text(row[name], separator) for row in scores.values())
        table.append([measure.title, *cells])
    return table


def _figures(
    model: Network | ImageSource, images: ImageSource, T: float, size: int
) -> list[str]:
    """Show some images, the largest AuC first."""
    some = slice(None, None, -(-len(images) // SHOWN))
    images = replace(images, place=images.place[some])
    if isinstance(model, ImageSource):
        model = replace(model, place=model.place[some])
    skipped: dict[str, str] = {}  # listed by the evaluation
    rows: list[tuple[float, Tensor, Tensor, Tensor]] = []
    with suppress(ValueError):  # none of these few can be read
        for L, ab, guesses in guessed_batches(model, images, T, size, skipped=skipped):
            ab_hat = guesses["network"].ab
            histograms = error_histogram(ab_hat, ab, torch.ones_like(L[:, 0]))
            rows += zip(auc(histograms).tolist(), L, ab_hat, ab, strict=True)
    names = [n for n in map(images.name, range(len(images))) if n not in skipped]
    closest = sorted(zip(names, rows, strict=True), key=lambda pair: -pair[1][0])
    return [_figure(html.escape(printable(name)), *row) for name, row in closest]


def _figure(name: str, area: float, L: Tensor, ab_hat: Tensor, ab: Tensor) -> str:
    """Put gray, predicted, true and error side by side, in one picture."""
    rgbs = [lab_to_rgb(torch.cat([L, chroma])) for chroma in (0 * ab, ab_hat, ab)]
    error = (ab_hat - ab).norm(dim=0, keepdim=True) / DARKEST
    strip = torch.cat([*rgbs, (1 - error.clamp(max=1)).expand(3, -1, -1)], dim=2)
    file = io.BytesIO()
    to_image(strip).save(file, "JPEG", quality=88, subsampling=0)
    source = base64.b64encode(file.getvalue()).decode()
    vivid, true = (chroma.norm(dim=0).mean().item() for chroma in (ab_hat, ab))
    return (
        f"<figure><figcaption>{name}: AuC {area:.1f} %, chroma {vivid:.1f} of "
        f'{true:.1f}</figcaption><img src="data:image/jpeg;base64,{source}" '
        f'alt="{name}: gray, predicted, true, and the error"></figure>'
    )
