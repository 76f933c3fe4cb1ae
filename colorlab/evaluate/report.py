"""Evaluation reports: metrics as JSON, and a page of images (chapter: evaluate)."""

import base64
import html
import io
import json
import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from colorlab.colorize import to_image
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource
from colorlab.evaluate.measure import (
    AT_ONCE,
    MEASURE_NAMES,
    Scores,
    colorized_batches,
    interval_note,
    interval_text,
)
from colorlab.evaluate.metrics import auc, error_histogram
from colorlab.files import whole_file
from colorlab.lab import lab_to_rgb
from colorlab.transfer import Network

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
    rounded = {
        row: {
            name: [None if math.isnan(value) else round(value, 3) for value in interval]
            for name, interval in measures.items()
        }
        for row, measures in scores.items()
    }
    about = {k: _printable(v) if isinstance(v, str) else v for k, v in about.items()}
    report = json.dumps({**about, "scores": rounded}, indent=1, allow_nan=False)
    with whole_file(path) as file:
        file.write(f"{report}\n".encode())


@torch.inference_mode()
def write_sheet(
    path: str | Path,
    model: Network,
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
    model : Network
        In eval mode.
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
    head = "".join(f"<th>{MEASURE_NAMES[name]}</th>" for name in names)
    lines = [f"<tr><th></th>{head}</tr>"]
    for row, measures in scores.items():
        cells = (interval_text(interval, "<br>") for interval in measures.values())
        told = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f"<tr><th>{row}</th>{told}</tr>")
    return "\n".join(lines)


def _shown(
    model: Network, images: ImageSource, T: float, size: int
) -> list[tuple[float, str]]:
    """Return each shown image's AuC, and its two lines of the table."""
    some = replace(images, place=images.place[:: -(-len(images) // SHOWN)])
    skipped: dict[str, str] = {}  # listed by the evaluation
    batches = image_batches(some, size, AT_ONCE, skipped)
    rows: list[tuple[float, Tensor, Tensor, Tensor]] = []
    with suppress(ValueError):  # none of these few can be read
        for L, ab, guesses in colorized_batches({"network": model}, batches, T):
            ab_hat = guesses["network"]
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
