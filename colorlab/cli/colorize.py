"""`colorlab colorize`: color image files."""

import errno
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from colorlab._lazy import BEST
from colorlab.cli.coloring import Coloring, Form, Reading
from colorlab.cli.film import choose_way, is_for_film, to_film
from colorlab.cli.messages import count_images, say_reason
from colorlab.cli.models import MODEL_HELP, Device, load_network
from colorlab.cli.ranking import Ranking, Settings
from colorlab.cli.results import Mark, describe, hash_file, hash_settings, is_done
from colorlab.cli.samples import Samples, choose_samples
from colorlab.cli.targets import left_out, plan_targets
from colorlab.cli.watch import Folders
from colorlab.cli.watch import watch as watch_folders

if TYPE_CHECKING:
    from colorlab.cli.hintfile import Hints

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # the next will not fit either


def colorize(  # noqa: PLR0913 - one argument an option
    images: Annotated[
        list[str],
        typer.Argument(metavar="IN...", help="Images or folders; or -; or one film."),
    ],
    out: Annotated[
        str,
        typer.Option(
            "-o", "--out", help="A folder; for one image or film a file; or -"
        ),
    ],
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Probabilities of bins are raised to 1/T: 1 gives their mean, "
            "cautious; near 0 the likeliest bin, vivid; else the network's."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help=f"{MODEL_HELP} Else that of --hints, or {BEST}.")
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            min=0,
            help="Factor on chroma, in Lab units: 0 is gray, 2 doubles it.",
        ),
    ] = 1.0,
    size: Annotated[
        int | None,
        typer.Option(help="Shorter side that the network sees; else its own."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Take JPEGs that end too early.")
    ] = False,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Read images of up to so many pixels.")
    ] = None,
    hints: Annotated[
        Path | None,
        typer.Option(help="A file of color dots on the image; see page photo."),
    ] = None,
    give_up: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of --hints: how soon a dot's color gives way to the network's, as a "
            "probability at each pixel: 0 never, 1 at once; else the file's, or 3e-5.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Draw so many colorings of one image, as likely as the network says; "
            "a sheet with the nats of each a cell (fewer: likelier)."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Of --samples; 0 if none.")
    ] = None,
    pick: Annotated[
        int | None, typer.Option(help="Of --samples, this one alone, in full size.")
    ] = None,
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty",
            help="Map the expected distance from the true color, in ab units, 0 to "
            "40 and more; rank the images by it: where to look first.",
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Go on, and color what comes into the folders; Ctrl-C ends."
        ),
    ] = False,
    frames: Annotated[
        bool,
        typer.Option("--frames", help="Take the images of IN as the frames of a film."),
    ] = False,
    bits: Annotated[
        int, typer.Option(help="A channel: 8, or 16 (PNG, TIFF), all levels kept.")
    ] = 8,
    layer: Annotated[
        bool,
        typer.Option(
            "--layer",
            help="Write the color alone, as a layer to lay over the image in the blend "
            "mode Linear Light (Photoshop, GIMP, Krita); opacity is its strength.",
        ),
    ] = False,
    strip: Annotated[
        bool,
        typer.Option("--strip", help="Leave out EXIF, XMP and resolution of the file."),
    ] = False,
    unmarked: Annotated[
        bool,
        typer.Option(
            "--unmarked",
            help="Do not note who made the colors: in XMP; of GIF and JPEG 2000 in a "
            "comment, of BMP and PPM in a side file.",
        ),
    ] = False,
    device: Device = "auto",
) -> None:
    """Color images. Folders among IN are searched; the folders below are kept."""
    from colorlab.colorize import choose_settings

    drawn = choose_samples(samples, seed, pick)
    asked = _check_together(hints, drawn, uncertainty)
    dotted = _read_hints(hints, give_up)
    if dotted:
        model, temperature, size = dotted.fill_in(model, temperature, size)
    model = model or BEST
    asked |= {"--allow-truncated": allow_truncated, "--max-pixels": max_pixels}
    asked |= {"--strip": strip, "--bits 16": bits == 16, "--layer": layer}
    asked |= {"--watch": watch}
    form = Form(strip, bits, layer).check(drawn)
    if is_for_film(images, frames, asked):
        way = choose_way(model, device, temperature, size, strength, unmarked)
        return to_film(images, Path(out), way, overwrite)
    folders = Folders(images, out) if _check_watch(watch, asked) else None
    with _stdin_as_file(images) as inputs:
        targets, others = plan_targets(inputs, out, watch)
        network = load_network(model, device)
        T, seen = choose_settings(network, temperature, size)
        dots = _dots_of_one(dotted, targets)
        more = str(drawn or dotted or "")
        targets = (drawn or form).place(targets, network, out)
        ranking = Ranking(targets, network, out, overwrite) if uncertainty else None
        statement = describe(Path(model).name, T, seen, strength, more)
        how = Coloring(
            *(network, T, seen, strength, Reading(allow_truncated, max_pixels)),
            *("" if unmarked else statement, form, dotted, drawn, ranking),
        )
        if out == "-":
            return how.to_stdout(*targets)
        settings = [T, seen, strength, unmarked, form, allow_truncated]
        made = hash_settings(network, *settings, *dots, *(drawn or ()))
        as_made = made, "samples" * bool(drawn) or form.kind
        if folders:
            return _watch(folders, how, as_made, overwrite, model)
        told = f"by {model}, in {out}", left_out(others)
        done = _color_all(targets, how, as_made, overwrite, told)
        if ranking:
            rows = [*ranking.look(Settings(T, seen, strength, *how.reading))]
            print(ranking.write(rows))
            done = done and len(rows) == len(targets)
    if not done:
        raise SystemExit(2)


def _check_watch(watch: bool, asked: dict[str, object]) -> bool:
    """Return whether folders are watched; refuse what is for one image, or all."""
    of_one = ("--hints", "--samples", "--uncertainty")
    if watch and (given := [option for option in of_one if asked[option]]):
        raise ValueError(f"{given[0]} and --watch must not come together: take one")
    return watch


def _watch(
    folders: Folders,
    how: Coloring,
    made: tuple[str, str],
    overwrite: bool,
    model: str,
) -> None:
    """Color what comes into folders, until Ctrl-C; then say what came of it."""

    def place(targets: dict[Path, Path]) -> dict[Path, Path]:
        return how.form.place(targets, how.network, folders.out)

    outcomes, notes, given = watch_folders(
        folders, lambda targets: _to_files(place(targets), how, made, overwrite)
    )
    _tell_notes(notes)
    print(_summary(outcomes, given, f"by {model}, in {folders.out}"))
    if outcomes["failed"] or outcomes.total() < given:
        raise SystemExit(2)


def _check_together(
    hints: Path | None, drawn: Samples | None, uncertainty: bool
) -> dict[str, object]:
    """Return options that cannot be had at once; refuse two of them."""
    asked: dict[str, object] = {
        "--hints": hints,
        "--samples": drawn,
        "--uncertainty": uncertainty,
    }
    if len(given := [option for option, value in asked.items() if value]) > 1:
        raise ValueError(f"{' and '.join(given)} must not come together: take one")
    return asked


def _read_hints(path: Path | None, give_up: float | None) -> "Hints | None":
    if path is None:
        if give_up is not None:
            raise ValueError("--give-up must come with --hints")
        return None
    from colorlab.cli.hintfile import read_hints  # it needs scipy, an extra

    hints = read_hints(path)
    return hints if give_up is None else replace(hints, give_up=give_up)


def _dots_of_one(dotted: "Hints | None", targets: dict[Path, Path]) -> tuple:
    """Return the dots, which are of one image, and how far they reach."""
    if dotted and len(targets) != 1:
        raise ValueError(f"--hints must come with one image, got {len(targets)}")
    return (*dotted.dots, dotted.give_up) if dotted else ()


@contextmanager
def _stdin_as_file(images: list[str]) -> Iterator[list[str]]:
    """Replace - by a file that holds what came from the standard input."""
    if "-" in images and len(images) > 1:
        raise ValueError("- must come alone: it is the standard input")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stdin")
        if "-" in images:
            with open(path, "wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        yield [str(path) if image == "-" else image for image in images]


def _color_all(
    targets: dict[Path, Path],
    how: Coloring,
    made: tuple[str, str],
    overwrite: bool,
    told: tuple[str, str],
) -> bool:
    """Color each image, and say what came of it; return whether all are done."""
    outcomes: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    try:
        for outcome, noted in _to_files(targets, how, made, overwrite):
            outcomes[outcome] += 1
            notes.update(noted)
    finally:
        _tell_notes(notes)
        print(_summary(outcomes, len(targets), told[0]) + told[1])
    return outcomes["colored"] + outcomes["before"] == len(targets)


def _tell_notes(notes: Counter[str]) -> None:
    for note, times in notes.items():
        print(f"colorlab: in {times} of them: {note}", file=sys.stderr)


def _to_files(
    targets: dict[Path, Path], how: Coloring, made: tuple[str, str], overwrite: bool
) -> Iterator[tuple[str, list[str]]]:
    """Color each image; what is wrong with one of them does not end the batch."""
    for path, target in count_images(targets.items()):
        try:
            yield _to_file(path, target, how, made, overwrite)
        except Exception as error:
            reason = say_reason(error) or f"{path}: a defect of colorlab: {error!r}"
            tqdm.write(f"colorlab: {reason}", file=sys.stderr)
            yield "failed", []
            if {getattr(e, "errno", 0) for e in (error, error.__cause__)} & NO_ROOM:
                return


def _to_file(
    path: Path, target: Path, how: Coloring, made: tuple[str, str], overwrite: bool
) -> tuple[str, list[str]]:
    """Color an image; return what came of it, and what was lost."""
    if not path.is_file():
        how.to_file(path, target, Mark("", ""), overwrite)  # says why it is not read
    if target.exists() and target.samefile(path):
        raise ValueError(f"{path} must not be replaced by its own result")
    settings, kind = made
    mark = Mark(hash_file(path, kind), settings)
    if not overwrite and is_done(target, mark):
        return "before", []
    return "colored", how.to_file(path, target, mark, overwrite)


def _summary(outcomes: Counter[str], given: int, how: str) -> str:
    """Return how many were given, colored, and left out."""
    before, failed = outcomes["before"], outcomes["failed"]
    told = f"{outcomes['colored'] + before} of {given} colored {how}"
    told += f" ({before} of them before)" if before else ""
    told += f"; {failed} left out, as said above" if failed else ""
    untried = given - outcomes.total()
    return told + (f"; {untried} not tried" if untried else "")
