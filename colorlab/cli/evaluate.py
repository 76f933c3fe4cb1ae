"""`colorlab evaluate` and `calibrate`: a network meets a data set."""

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from colorlab.cli.messages import count_images, count_members, print_skipped
from colorlab.cli.models import ModelName, load_network

SIZE, T_PAPER = 128, 0.38  # evaluate's and decode's: help must not wait for torch
MEASURE_NAMES = {
    "auc": "AuC %",
    "auc_rebalanced": "rebalanced AuC %",
    "auc_rebalanced_raw": "... no floor under p",
    "auc_rebalanced_by_photo": "... photo by photo",
    "psnr": "PSNR dB",
    "colorfulness": "colorfulness",
    "chroma": "mean chroma",
}


def evaluate(
    model: ModelName,
    data: Annotated[
        str, typer.Argument(help="A folder, archive or shards; val/ if there is one.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write figures, as JSON, and OUT.html."),
    ] = None,
    temperature: float = T_PAPER,
    size: Annotated[int, typer.Option(help="Pixels, a multiple of 8.")] = SIZE,
    against: Annotated[
        str | None, typer.Option(help="Another network, to compare with.")
    ] = None,
) -> None:
    """Measure a network on photos, beside leaving them gray."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from colorlab.datasets.sources import find_images
    from colorlab.evaluate.measure import evaluate_images
    from colorlab.evaluate.report import write_scores, write_sheet

    if out and not out.parent.is_dir():
        raise ValueError(f"out must be in a folder that exists, got {out}")
    network = load_network(model)
    photos, skipped = find_images(data, "val", count_members), {}
    scores = evaluate_images(
        network,
        photos,
        temperature,
        size,
        progress=count_images,
        skipped=skipped,
        against=load_network(against) if against else None,
    )
    about = {"model": model, "data": Path(data).name}
    about |= {"photos": len(photos) - len(skipped), "T": temperature, "size": size}
    if against:
        about["other"] = against
    title = f"{model}, {about['photos']} photos of {about['data']}, T = {temperature}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    shown = [row for row in scores if not (against and row in ("gray", "truth"))]
    for row in shown:
        table.add_column(row, justify="right", overflow="fold")
    for measure, told in MEASURE_NAMES.items():
        values = (scores[row][measure] for row in shown)
        table.add_row(told, *(f"{v:.2f}\n{a:.2f}..{b:.2f}" for v, a, b in values))
    Console().print(table)
    print("Below: 95 % intervals, by resampling the photos. Gain: over gray.")
    if against:
        print(f"Other: {against}. Lead: over it, on the same photos.")
    print_skipped(skipped)
    if out:
        write_scores(out, about, scores)
        write_sheet(out.with_suffix(".html"), network, photos, about, scores)
        print(f"Figures in {out}, photos in {out.with_suffix('.html')}")


def calibrate(
    model: ModelName,
    data: Annotated[
        list[str], typer.Argument(help="Folders, archives or shards; train/ of each.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    size: Annotated[int, typer.Option(help="Pixels, a multiple of 8.")] = SIZE,
    photos: Annotated[int, typer.Option(min=1, help="Of each data set.")] = 640,
) -> None:
    """Measure batch norm's statistics anew, at the size of the photos to color."""
    from colorlab.datasets.batches import image_batches
    from colorlab.datasets.sources import find_images
    from colorlab.lab import rgb_to_lab
    from colorlab.weights import calibrate as calibrate_network
    from colorlab.weights import save_model

    if not out.parent.is_dir():
        raise ValueError(f"out must be in a folder that exists, got {out}")
    network, skipped, streams = load_network(model), {}, []
    for path in data:
        found = find_images(path, "train", count_members)
        found = replace(found, place=found.place[:: max(1, len(found) // photos)])
        found = replace(found, place=found.place[:photos])
        streams.append(image_batches(found, size, 32, skipped, count_images))
    turns = zip_longest(*streams)  # a batch of each data set in turn
    batches = (rgb for turn in turns for rgb in turn if rgb is not None)
    calibrate_network(network, (rgb_to_lab(rgb)[:, :1] for rgb in batches))
    print_skipped(skipped)
    names = [Path(path).name for path in data]
    save_model(network, out, calibrated={"data": names, "size": size, "photos": photos})
    print(f"The network is in {out}")
