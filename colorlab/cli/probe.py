"""`colorlab probe`: what the layers of a network know about things."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorlab.cli.evaluate import SIZE, Size
from colorlab.cli.messages import count_images, count_members, print_skipped
from colorlab.cli.models import (
    Device,
    ModelName,
    Overwrite,
    check_output,
    load_network,
)

if TYPE_CHECKING:
    from colorlab.datasets.sources import ImageSource
    from colorlab.probe import Score
    from colorlab.transfer import Network

CALIBRATING = 320  # images by which the batch norm of random layers is measured


def probe(  # noqa: PLR0913 - one argument an option
    model: ModelName,
    data: Annotated[
        str, typer.Argument(help="A folder of classes, with a split or without one.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the table as JSON.")
    ] = None,
    per_class: Annotated[
        int, typer.Option(min=1, help="Labels to learn from, of each class.")
    ] = 200,
    seeds: Annotated[
        int, typer.Option(min=1, help="Choices of labels to average over.")
    ] = 2,
    random: Annotated[
        bool, typer.Option(help="Probe the same layers with random weights, too.")
    ] = True,
    size: Size = SIZE,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Measure what a linear classifier reads off each block of a network."""
    from colorlab.files import write_json
    from colorlab.probe import class_names, class_splits, probe_network

    if out:
        check_output(out, overwrite)
    network, skipped = load_network(model, device), dict[str, str]()
    known, asked = class_splits(data, progress=count_members)
    print(known.describe(), asked.describe(), sep="\n")
    networks = {"network": network}
    if random:
        networks["random weights"] = _twin(network, known, size)
    scores = {
        name: probe_network(
            each, known, asked, per_class, range(seeds), size, skipped, count_images
        )
        for name, each in networks.items()
    }
    about = {"model": model, "data": Path(data).name, "size": size, "seeds": seeds}
    counts = Counter(class_names(known)).values()
    about |= {"per_class": min(per_class, *counts), "classes": len(counts)}
    read = [n for n in range(len(asked)) if asked.name(n) not in skipped]
    about |= {"images": len(read)}
    _print_table(about, scores)
    if out:
        tables = {
            name: {block: _written(score) for block, score in table.items()}
            for name, table in scores.items()
        }
        write_json(out, about | {"scores": tables})
        print(f"Table in {out}")
    print_skipped(skipped)


def _written(score: "Score") -> dict:
    """Leave the answers about each image out of the file."""
    return {name: v for name, v in score._asdict().items() if name != "right"}


def _twin(network: "Network", images: "ImageSource", size: int) -> "Network":
    """Build the same layers with random weights, their batch norm measured."""
    from colorlab.datasets.batches import image_batches
    from colorlab.lab import rgb_to_lab
    from colorlab.probe import random_twin

    step = max(1, len(images) // CALIBRATING)
    some = replace(images, place=images.place[::step][:CALIBRATING])
    batches = image_batches(some, size, 32, {})
    twin = random_twin(network, [rgb_to_lab(rgb)[:, :1] for rgb in batches])
    return twin.to(network.centers.device)


def _print_table(about: dict, scores: dict[str, dict[str, "Score"]]) -> None:
    """Print a row for each block: accuracies with their intervals, in percent."""
    print(
        "{model} on {data}: {classes} classes, {per_class} labels of each, mean of "
        "{seeds} choices, {images} images asked; chance is {chance:.1f} %".format(
            **about, chance=100 / about["classes"]
        )
    )
    print("{:10}".format("block"), *(f"{name:>22}" for name in scores))
    for block in next(iter(scores.values())):
        cells = (table[block].accuracy for table in scores.values())
        told = (
            "{:.1f} ({:.1f} to {:.1f})".format(*(100 * x for x in c)) for c in cells
        )
        print(f"{block:10}", *(f"{text:>22}" for text in told))
