"""`colorlab data get`, `data shard` and `prior`: images become data."""

from pathlib import Path
from typing import Annotated

import typer

from colorlab.cli.messages import (
    count_images,
    count_members,
    count_parts,
    print_skipped,
)
from colorlab.cli.models import Device, Overwrite, check_output, choose_device

PER_SHARD = 1000  # that of shards: help must not wait for torch

data_app = typer.Typer(help="Download data sets, or pack them.", no_args_is_help=True)


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="imagenette or tiny-imagenet.")],
    archive: Annotated[
        Path | None, typer.Option("--from", help="A local archive to unpack.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The folder to put it in.")] = None,
) -> None:
    """Download a data set, or unpack a local archive of it."""
    from colorlab.datasets.download import get_data
    from colorlab.datasets.sources import find_splits

    folder = get_data(name, archive, to, count_parts)
    for split, images in find_splits(folder).items():
        print(f"{len(images):7} {split} images in {folder}")


@data_app.command("shard")
def data_shard(
    data: Annotated[str, typer.Argument(help="A folder or an archive.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A new folder.")],
    per_shard: Annotated[
        int, typer.Option(min=1, help="Images in a tar file.")
    ] = PER_SHARD,
    shorter: Annotated[
        int, typer.Option(min=0, help="Shrink images to this shorter side; 0: do not.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Decides the order.")] = 0,
) -> None:
    """Pack both splits into tar files (webdataset's shards) with an index."""
    from colorlab.datasets.shards import write_shards
    from colorlab.datasets.sources import find_splits

    splits = find_splits(data, count_members)
    for split, images in splits.items():
        print(f"{split}: {images.describe()}")
    given = sum(map(len, splits.values()))
    skipped = write_shards(splits, out, per_shard, shorter, seed, count_images)
    print(f"{given - len(skipped)} of {given} images packed, in {out}")
    print_skipped(skipped)


def prior(
    data: Annotated[str, typer.Argument(help="A folder, archive or shards.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The table to write.")],
    size: Annotated[
        int, typer.Option(min=1, help="Side of the square that is counted, in pixels.")
    ] = 64,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Count how often each color occurs in a set of images."""
    from colorlab.datasets.batches import image_batches
    from colorlab.datasets.sources import find_images
    from colorlab.lab import rgb_to_lab
    from colorlab.prior import count_bins, save_counts
    from colorlab.quantize import bin_centers

    check_output(out, overwrite)
    target = choose_device(device)
    images, centers = find_images(data, progress=count_members), bin_centers()
    print(images.describe())
    skipped: dict[str, str] = {}
    batches = image_batches(images, size, 64, skipped, count_images)
    chroma = (rgb_to_lab(rgb.to(target))[:, 1:] for rgb in batches)
    counts = count_bins(chroma, centers.to(target)).cpu()
    counted = len(images) - len(skipped)
    note = f"Pixels in each color bin: {counted} images of {Path(data).name}, "
    save_counts(counts, centers, out, f"{note}{size} pixels")
    print(f"{counted} of {len(images)} images counted, {counts.sum()} pixels, in {out}")
    print_skipped(skipped)
