"""`colorlab colorize`: color image files."""

import errno
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from colorlab.cli.messages import say_reason
from colorlab.cli.models import Device, load_network
from colorlab.cli.results import Mark, hash_file, hash_settings, why_kept
from colorlab.cli.targets import Plan, plan_targets

if TYPE_CHECKING:
    from PIL import Image

    from colorlab.transfer import Network

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass
class Batch:
    """What a call colors with, and how far it is."""

    network: "Network"
    temperature: float | None
    size: int | None
    overwrite: bool
    allow_truncated: bool
    max_pixels: int | None
    settings: str = ""
    colored: int = 0
    before: int = 0  # by an earlier call
    failed: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def colorize(  # noqa: PLR0913 - one argument an option
    images: Annotated[
        list[str],
        typer.Argument(metavar="IN...", help="Images or folders; or -."),
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", help="A folder; for one image a file, or -.")
    ],
    temperature: Annotated[
        float | None, typer.Option(help="Low is vivid, 1 is cautious.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A file, a run's folder, or the name of a shipped one.")
    ] = "flagship",
    size: Annotated[
        int | None, typer.Option(help="Shorter side, as the network sees it.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Take JPEGs that end too early.")
    ] = False,
    max_pixels: Annotated[
        int | None,
        typer.Option(min=1, help="Largest image that is read, of 268435456."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Color images. Folders among IN are searched; the folders below are kept."""
    with _stdin_as_file(images) as inputs:
        to_stdout = out == "-"
        plan = Plan() if to_stdout else plan_targets(inputs, out)
        if to_stdout and (len(inputs) > 1 or Path(inputs[0]).is_dir()):
            raise ValueError("out may be - for one image only")
        network = load_network(model, device)
        batch = Batch(
            *(network, temperature, size, overwrite, allow_truncated, max_pixels)
        )
        if to_stdout:
            _to_stdout(_color(Path(inputs[0]), batch))
            return
        batch.settings = hash_settings(network, temperature, size, allow_truncated)
        try:
            _color_all(plan, batch)
        finally:
            _print_end(plan, batch, out)
    if batch.colored + batch.before < len(plan.targets):
        raise SystemExit(2)


@contextmanager
def _stdin_as_file(images: list[str]) -> Iterator[list[str]]:
    """Replace - by a file that holds what came from the standard input."""
    if "-" not in images:
        yield images
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stdin")
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield [str(path) if image == "-" else image for image in images]


def _color_all(plan: Plan, batch: Batch) -> None:
    """Color each image; what is wrong with one of them does not end the batch."""
    for path, target in tqdm(plan.targets.items(), unit=" images", disable=None):
        try:
            _color_to_file(path, target, batch)
        except Exception as error:
            batch.failed += 1
            reason = say_reason(error) or f"{path}: a defect of colorlab: {error!r}"
            tqdm.write(f"colorlab: {reason}", file=sys.stderr)
            if _no_room(error):
                return


def _no_room(error: Exception) -> bool:
    """Tell if the other images will not fit on the disk either."""
    return any(getattr(e, "errno", None) in NO_ROOM for e in (error, error.__cause__))


def _color_to_file(path: Path, target: Path, batch: Batch) -> None:
    from colorlab.datasets.images import save_image

    if not path.is_file():
        raise ValueError(f"{path} is no file")
    mark = Mark(hash_file(path), batch.settings)
    if target.exists() and target.samefile(path):
        raise ValueError(f"{path} must not be replaced by its own result")
    kept = why_kept(target, mark, batch.overwrite)
    if kept == "":
        batch.before += 1
        return
    if kept:
        raise ValueError(kept)
    colored_image = _color(path, batch)
    colored_image.info["software"] = str(mark)
    target.parent.mkdir(parents=True, exist_ok=True)
    batch.notes.update(save_image(colored_image, target))
    batch.colored += 1


def _color(path: Path, batch: Batch) -> "Image.Image":
    from colorlab.colorize import colorize as colorize_image
    from colorlab.datasets.images import open_image

    image = open_image(path, batch.allow_truncated, batch.max_pixels)
    return colorize_image(image, batch.network, batch.temperature, batch.size)


def _to_stdout(colored_image: "Image.Image") -> None:
    from colorlab.datasets.images import save_image

    save_image(colored_image, sys.stdout.buffer, "PNG")
    sys.stdout.buffer.flush()
    print("1 of 1 colored, as PNG to the standard output", file=sys.stderr)


def _print_end(plan: Plan, batch: Batch, out: str) -> None:
    """Say how many were given, colored, and left out."""
    for note, times in batch.notes.items():
        print(f"colorlab: in {times} of them: {note}", file=sys.stderr)
    given = len(plan.targets)
    said = f"{batch.colored + batch.before} of {given} colored, in {out}"
    if batch.before:
        said += f" ({batch.before} of them before)"
    if batch.failed:
        said += f"; {batch.failed} left out, as said above"
    untried = given - batch.colored - batch.before - batch.failed
    if untried:
        said += f"; {untried} not tried"
    print(said + plan.left_out())
