"""`colorlab evaluate` and `calibrate`: a network meets a data set."""

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorlab.cli.messages import (
    count_images,
    count_members,
    print_names,
    print_skipped,
)
from colorlab.cli.models import (
    Device,
    ModelName,
    Overwrite,
    check_output,
    check_size,
    load_network,
)

if TYPE_CHECKING:
    from colorlab.datasets.sources import ImageSource
    from colorlab.transfer import Network

SIZE, T_PAPER = 128, 0.38  # evaluate's and decode's: help must not wait for torch
Size = Annotated[
    int, typer.Option(help="Side in pixels, a multiple of 8.", callback=check_size)
]


def evaluate(  # noqa: PLR0913 - one argument an option
    model: Annotated[
        str | None,
        typer.Argument(help="A file, a run's folder, a shipped name; not for pictures"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(help="A folder, archive or shards; its held-out images."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="Write OUT.json and OUT.html."),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Measure these, named as DATA's images."),
    ] = None,
    listing: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE", help="Take the images that FILE names."),
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="Of the annealed mean. The card's is not used.")
    ] = T_PAPER,
    size: Size = SIZE,
    against: Annotated[
        str | None, typer.Option(help="Another network, to compare with.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Take all images of data without a split.")
    ] = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Evaluate a network, or another system's pictures, against leaving all gray."""
    from colorlab.evaluate.measure import evaluate_images
    from colorlab.evaluate.report import write_scores, write_sheet

    model, data = _what_and_where(model, data, pictures, against)
    files = _report_files(out) if out else ()
    for file in files:
        check_output(file, overwrite)
    other = load_network(against, device) if against else None
    judged: Network | ImageSource
    if pictures:
        images, judged = _matched(_chosen(data, listing, held_out=False), pictures)
    else:
        judged = load_network(model, device)
        images = _chosen(data, listing, held_out=not everything)
    skipped: dict[str, str] = {}
    scores = evaluate_images(
        judged, images, temperature, size, count_images, skipped, other
    )
    about: dict[str, object] = {"model": model, "data": Path(data).name}
    about |= {"photos": len(images) - len(skipped), "T": temperature, "size": size}
    about |= {"list": listing.name} if listing else {}
    about |= {"other": against} if against else {}
    _print_scores(about, scores)
    print(f"{about['photos']} of {len(images)} images measured")
    print_skipped(skipped)
    if files:
        write_scores(files[0], about, scores)
        write_sheet(files[1], judged, images, about, scores)
        print(f"Metrics in {files[0]}, images in {files[1]}")


def _what_and_where(
    model: str | None, data: str | None, pictures: str | None, against: str | None
) -> tuple[str, str]:
    """Return what is measured, and the data: with pictures, only DATA is typed."""
    usage = "colorlab evaluate (MODEL | --pictures FOLDER) DATA"
    if pictures and (data or against):
        raise ValueError(f"model must be left out, as --against, too: {usage}")
    model, data = (pictures, model) if pictures else (model, data)
    if not model or not data:
        raise ValueError(f"data must be given: {usage}")
    return model, data


def _chosen(data: str, listing: Path | None, held_out: bool) -> "ImageSource":
    """Find the images to measure on, and print which."""
    from colorlab.datasets.sources import find_images
    from colorlab.evaluate.selection import find_listed

    if listing:
        images = find_listed(data, listing, count_members)
    else:
        images = find_images(data, "val", count_members, hold_out=held_out)
    print(images.describe())
    return images


def _matched(images: "ImageSource", pictures: str) -> tuple["ImageSource", ...]:
    """Find the pictures of the images, and print what has no partner."""
    from colorlab.evaluate.selection import find_all, match_pictures

    source = find_all(pictures, count_members)
    print(source.describe())
    images, source, missing, extra = match_pictures(images, source)
    print_names(missing, "images have no picture and are not measured")
    print_names(extra, "pictures are of none of these images")
    return images, source


def _report_files(out: Path) -> tuple[Path, Path]:
    """Derive the two names from one, with or without its suffix."""
    stem = out.with_suffix("") if out.suffix in (".json", ".html") else out
    return stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.html")


def _print_scores(about: dict, scores: dict) -> None:
    """Print a table: a row for each measure, with intervals if there are several."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from colorlab.evaluate.report import notes, score_table, title

    if "other" in about:
        scores = {k: row for k, row in scores.items() if k not in ("gray", "truth")}
    head, *rows = score_table(scores, "\n")
    table = Table(title=Text(title(about)), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.show_edge = table.pad_edge = False  # so that 80 columns hold all digits
    table.add_column(min_width=14)  # of the longest word
    for name in head[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    print(*notes(about), sep="\n")


def calibrate(
    model: ModelName,
    data: Annotated[
        list[str],
        typer.Argument(help="Folders, archives or shards; their training images."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    size: Size = SIZE,
    images: Annotated[int, typer.Option(min=1, help="Of each data set.")] = 640,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Measure the statistics of batch norm anew, at the size of images to color."""
    from colorlab.datasets.batches import image_batches
    from colorlab.datasets.sources import find_images
    from colorlab.lab import rgb_to_lab
    from colorlab.weights import calibrate as calibrate_network
    from colorlab.weights import save_model

    check_output(out, overwrite)
    network = load_network(model, device)
    skipped: dict[str, str] = {}
    sources = [_spread(find_images(d, "train", count_members), images) for d in data]
    print(*(source.describe() for source in sources), sep="\n")
    streams = [image_batches(s, size, 32, skipped, count_images) for s in sources]
    turns = zip_longest(*streams)  # a batch of each data set in turn
    batches = (rgb for turn in turns for rgb in turn if rgb is not None)
    where = network.centers.device
    calibrate_network(network, (rgb_to_lab(rgb.to(where))[:, :1] for rgb in batches))
    names = [Path(path).name for path in data]
    given = sum(map(len, sources))
    used = given - len(skipped)
    save_model(network, out, calibrated={"data": names, "size": size, "images": used})
    print(f"{used} of {given} images used, the network is in {out}")
    print_skipped(skipped)


def _spread(images: "ImageSource", count: int) -> "ImageSource":
    """Take so many images, spread over the whole."""
    step = max(1, len(images) // count)
    return replace(images, place=images.place[::step][:count])
