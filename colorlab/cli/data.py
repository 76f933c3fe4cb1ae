"""`colorlab data get`, `data shard` and `prior`: images become data."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from colorlab.cli.messages import count_images, count_members, print_skipped

PER_SHARD = 1000  # that of shards: help must not wait for torch
data_app = typer.Typer(help="Data sets.", no_args_is_help=True)


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="imagenette or tiny-imagenet")],
    archive: Annotated[
        Path | None, typer.Option("--from", help="A local archive to unpack.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The folder to put it in.")] = None,
) -> None:
    """Download a data set, or unpack a local archive of it."""
    from colorlab.datasets.download import get_data
    from colorlab.datasets.sources import find_images

    folder = get_data(name, archive, to, progress=lambda m: tqdm(m, unit=" files"))
    for split in ("train", "val"):
        try:
            print(f"{len(find_images(folder, split)):7} {split} photos in {folder}")
        except ValueError:
            print(f"{0:7} {split} photos in {folder}")


@data_app.command("shard")
def data_shard(
    data: Annotated[str, typer.Argument(help="A folder or an archive.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A new folder.")],
    split: Annotated[str, typer.Option(help="train or val.")] = "train",
    per_shard: Annotated[int, typer.Option(help="Photos in a tar file.")] = PER_SHARD,
    shorter: Annotated[
        int, typer.Option(help="Shrink photos to this shorter side; 0: none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Decides the order.")] = 0,
) -> None:
    """Pack photos into tar files (webdataset's shards) with an index."""
    from colorlab.datasets.shards import write_shards
    from colorlab.datasets.sources import find_images

    photos = find_images(data, split, count_members)
    skipped = write_shards(photos, out, per_shard, shorter, seed, count_images)
    print(f"{len(photos) - len(skipped)} photos packed, in {out}")
    print_skipped(skipped)


def prior(
    data: Annotated[str, typer.Argument(help="A folder, archive or shards.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The table to write.")],
    size: Annotated[
        int, typer.Option(help="Photos are cut square, at this size.")
    ] = 64,
) -> None:
    """Count how often each color occurs in a set of photos."""
    from colorlab.datasets.batches import image_batches
    from colorlab.datasets.sources import find_images
    from colorlab.lab import rgb_to_lab
    from colorlab.prior import count_bins, save_counts
    from colorlab.quantize import bin_centers

    photos, centers, skipped = (
        find_images(data, progress=count_members),
        bin_centers(),
        {},
    )
    batches = image_batches(photos, size, 64, skipped, count_images)
    counts = count_bins((rgb_to_lab(rgb)[:, 1:] for rgb in batches), centers)
    counted = len(photos) - len(skipped)
    note = (
        f"Pixels in each color bin: {counted} photos of {Path(data).name}, "
        f"{size} pixels"
    )
    save_counts(counts, centers, out, note)
    print(f"{int(counts.sum())} pixels counted, in {out}")
    print_skipped(skipped)
