"""`colorlab colorize`: color image files."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from colorlab.cli.models import load_network


def colorize(
    images: Annotated[list[Path], typer.Argument(metavar="IN...", help="Photos.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="A folder, or for one photo a file.")
    ],
    temperature: Annotated[
        float | None, typer.Option(help="Low is vivid, 1 is cautious.")
    ] = None,
    model: Annotated[str, typer.Option(help="A shipped name, or a file.")] = "flagship",
    size: Annotated[
        int | None, typer.Option(help="Shorter side, as the network sees it.")
    ] = None,
) -> None:
    """Color photos. Folders among IN are searched for images."""
    from colorlab.colorize import colorize as colorize_image
    from colorlab.datasets.images import IMAGE_SUFFIXES

    paths = [p for image in images for p in _photos_in(image)]
    to_file = len(images) == 1 and out.suffix.lower() in IMAGE_SUFFIXES
    if to_file and not images[0].is_dir():
        targets = [out]
    else:
        targets = [out / path.with_suffix(".png").name for path in paths]
    if len(set(targets)) < len(targets):
        raise ValueError("IN must have different names, as they go to one folder")
    if {p.resolve() for p in paths} & {t.resolve() for t in targets}:
        raise ValueError(f"out must not overwrite a photo of IN; {out} would")
    network = load_network(model)
    failed = []
    for path, target in zip(tqdm(paths, disable=None), targets, strict=True):
        try:
            picture = colorize_image(path, network, temperature, size)
            _save_picture(picture, target)
        except ValueError as error:
            failed.append(path)
            tqdm.write(f"colorlab: {error}", file=sys.stderr)
    done = len(paths) - len(failed)
    print(f"{done} of {len(paths)} colored, in {out}")
    if failed:
        raise SystemExit(2)


def _photos_in(image: Path) -> list[Path]:
    """List the images below a folder; what is no folder is taken as a photo."""
    from colorlab.datasets.images import is_image
    from colorlab.datasets.sources import list_files

    if not image.is_dir():
        return [image]
    names = sorted(filter(is_image, list_files(image)))
    if not names:
        raise ValueError(f"IN must be photos or folders of photos; none in {image}")
    return [image / name for name in names]


def _save_picture(picture: object, target: Path) -> None:
    """Write through a partial file, so that a crash leaves no half picture."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix.lower() in (".jpg", ".jpeg", ".bmp"):
        picture = picture.convert("RGB")  # these cannot hold transparency
    partial = target.with_name(f".partial-{target.name}")
    try:
        picture.save(partial, quality=95)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
