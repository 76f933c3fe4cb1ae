"""What an evaluation leaves behind: figures as JSON, photos as one page (evaluate)."""

import base64
import html
import io
import json
from pathlib import Path

import torch
from torch import Tensor

from colorlab.colorize import predict_ab, to_image
from colorlab.datasets.batches import ImageDataset
from colorlab.datasets.sources import ImageSource
from colorlab.evaluate.metrics import auc, error_histogram
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import ColorNet

SHOWN = 24  # photos on a page
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
{figures}
</table></div>
<p>In brackets: 95 % intervals, by resampling the photos.</p>
<h2>{shown} photos, the closest first</h2>
<table class="photos">
{heads}
{photos}
</table>
</html>
"""

Scores = dict[str, dict[str, tuple[float, float, float]]]


def write_scores(path: Path, about: dict, scores: Scores) -> None:
    """Write the figures of an evaluation as JSON (book chapter: evaluate).

    Parameters
    ----------
    path : Path
        The file.
    about : dict
        What was measured, and how.
    scores : dict
        As `evaluate_images` gives them.
    """
    rounded = {
        row: {
            name: [round(value, 3) for value in triple]
            for name, triple in measures.items()
        }
        for row, measures in scores.items()
    }
    report = json.dumps({**about, "scores": rounded}, indent=1, allow_nan=False)
    path.write_text(report + "\n", encoding="utf-8")


@torch.inference_mode()
def write_sheet(
    path: Path, model: ColorNet, photos: ImageSource, about: dict, scores: Scores
) -> None:
    """Write a page that shows an evaluation: figures and photos (chapter: evaluate).

    Parameters
    ----------
    path : Path
        The file: one HTML page that needs nothing else.
    model : ColorNet
        In eval mode.
    photos : PhotoSet
        24 of them, spread over the whole, are shown; fewer if some cannot be read.
    about : dict
        "model", "data", "photos", "T" and "size" of the evaluation.
    scores : dict
        As `evaluate_images` gives them.
    """
    T, size = about["T"], about["size"]
    shown = sorted(_shown(model, photos, T, size), key=lambda row: -row[0])
    title = f"{about['model']} on {about['data']}"
    page = PAGE.format(
        title=html.escape(title),
        about=html.escape(
            f"{about['photos']} photos at {size} x {size} pixels, temperature {T:g}."
        ),
        figures=_figures(scores),
        shown=len(shown),
        heads=f"<tr>{''.join(f'<td>{k}: {v}</td>' for k, v in COLUMNS.items())}</tr>",
        photos="\n".join(row for _, row in shown),
    )
    path.write_text(page, encoding="utf-8")


def _figures(scores: Scores) -> str:
    names = next(iter(scores.values()))
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in names)
    lines = [f"<tr><th></th>{head}</tr>"]
    for row, measures in scores.items():
        cells = "".join(
            f"<td>{value:.2f}<br>({low:.2f}..{high:.2f})</td>"
            for value, low, high in measures.values()
        )
        lines.append(f"<tr><th>{row}</th>{cells}</tr>")
    return "\n".join(lines)


def _shown(
    model: ColorNet, photos: ImageSource, T: float, size: int
) -> list[tuple[float, str]]:
    """Give each shown photo's AuC, and its two lines of the table."""
    squares = ImageDataset([(photos, size)], seed=None)
    rows = []
    for number in range(0, len(photos), -(-len(photos) // SHOWN)):
        try:
            rgb = squares[number][None].to(model.centers.device)
        except ValueError:  # listed by the evaluation
            continue
        L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
        ab_hat = predict_ab(model, L, T)
        even = torch.ones_like(L[:, 0])
        area = auc(error_histogram(ab_hat.cpu(), ab.cpu(), even.cpu())).item()
        name = html.escape(photos.name(number))
        said = f"AuC {area:.1f} %, chroma {_chroma(ab_hat)} of {_chroma(ab)}"
        pictures = "".join(
            f'<td><img src="{_inline(picture)}" alt="{kind}: {name}"'
            f' title="{COLUMNS[kind]}"></td>'
            for kind, picture in zip(COLUMNS, _pictures(L, ab_hat, ab), strict=True)
        )
        line = f'<tr><td colspan="4" class="about">{name}: {said}</td></tr>'
        rows.append((area, f"{line}\n<tr>{pictures}</tr>"))
    return rows


def _chroma(ab: Tensor) -> str:
    return f"{ab.norm(dim=1).mean():.1f}"


def _pictures(L: Tensor, ab_hat: Tensor, ab: Tensor) -> list[Tensor]:
    """Gray, predicted, true, and the error, each (3, H, W) in [0, 1]."""
    labs = [torch.cat([L, chroma], dim=1) for chroma in (0 * ab, ab_hat, ab)]
    error = (ab_hat - ab).norm(dim=1, keepdim=True) / DARKEST
    white = (1 - error.clamp(max=1)).expand(-1, 3, -1, -1)
    return [picture[0] for picture in (*map(lab_to_rgb, labs), white)]


def _inline(rgb: Tensor) -> str:
    file = io.BytesIO()
    to_image(rgb).save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
