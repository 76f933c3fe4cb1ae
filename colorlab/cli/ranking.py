"""`colorlab colorize --uncertainty`: maps of doubt, and where to look first."""

import csv
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from colorlab.cli.messages import count_images, say_reason
from colorlab.cli.results import Mark, hash_file, hash_settings, is_done, read_mark

if TYPE_CHECKING:
    from torch import Tensor

    from colorlab.colorize import Predict, Size
    from colorlab.transfer import Network

FILE = "uncertainty.csv"
COLUMNS = ["rank", "image", "expected_distance", "worst_tenth", "result", "map"]
Doubted = tuple["Tensor", tuple[int, int]]  # and the size of the image
SHOWN = 10  # images, in the printed report
KIND = "doubt"


class Settings(NamedTuple):
    """With what the images were colored, and read."""

    T: float
    size: "Size"
    strength: float
    allow_truncated: bool
    max_pixels: int | None


class Row(NamedTuple):
    """An image of the ranking."""

    image: Path
    mean: float
    worst: float
    result: Path
    map: Path


@dataclass(frozen=True)
class Ranking:
    """What is asked about the doubt of a network (book chapter: colorize)."""

    targets: dict[Path, Path]
    network: "Network"
    out: str
    overwrite: bool
    seen: dict[Path, Doubted] = field(default_factory=dict)  # while coloring

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before any work, by a ValueError."""
        if self.network.head != "bins":
            raise ValueError("--uncertainty must come with a network that gives bins")
        if self.out == "-":
            raise ValueError("--uncertainty must come with a file or folder, not -o -")
        if self.file and self.file.is_dir():
            raise ValueError(f"{self.file} must be a ranking, and is a folder")
        if self.file and self.file.exists() and not self.overwrite:
            with open(self.file, encoding="utf-8", errors="replace") as file:
                if file.readline().strip() != ",".join(COLUMNS):
                    raise ValueError(f"{self.file} exists, and is no ranking")
        taken = {
            os.path.realpath(path): path
            for path in (*self.targets, *self.targets.values())
        }
        for path, target in self.targets.items():
            if other := taken.get(os.path.realpath(_map_of(target))):
                raise ValueError(
                    f"--uncertainty must not replace {other} by the map of {path}: "
                    "take another name, or another folder"
                )

    @property
    def file(self) -> Path | None:
        """Where the ranking goes; nowhere for one image."""
        one_file = list(self.targets.values()) == [Path(self.out)]
        return None if one_file else Path(self.out, FILE)

    def look(self, settings: Settings) -> Iterator[Row]:
        """Map the doubt of what was colored; what is wrong with an image is told."""
        made = hash_settings(self.network, KIND, *settings[:3])
        for path, target in count_images(self.targets.items()):
            if target.exists() and read_mark(target):  # else it is another's
                try:
                    yield self._map(path, target, settings, made)
                except (ValueError, OSError) as error:
                    tqdm.write(f"colorlab: {say_reason(error)}", file=sys.stderr)

    def _map(self, path: Path, target: Path, settings: Settings, made: str) -> Row:
        """Write the map of one image beside its result, unless it is there."""
        from colorlab.datasets.images import save_image
        from colorlab.doubt import paint_doubt, summarize

        if path not in self.seen:
            self.seen[path] = self._look_again(path, settings)
        doubted, size = self.seen.pop(path)
        place = _map_of(target)
        mark = Mark(hash_file(path, KIND), made)
        if self.overwrite or not is_done(place, mark):
            picture = paint_doubt(doubted, size)
            picture.info["software"] = str(mark)
            save_image(picture, place)
        return Row(path, *summarize(doubted), target, place)

    def watch(self, path: Path, size: tuple[int, int], strength: float) -> "Predict":
        """Return what predicts the colors of an image, and keeps the doubt about it."""
        from colorlab.colorize import output_to_ab
        from colorlab.doubt import doubt

        def predict(model: "Network", L: "Tensor", T: float) -> "Tensor":
            output = model(L)
            ab = output_to_ab(model, output, T)
            self.seen[path] = doubt(model, output, strength * ab).cpu(), size
            return ab

        return predict

    def _look_again(self, path: Path, settings: Settings) -> Doubted:
        """Return the doubt about an image that was colored before."""
        from colorlab.colorize import network_output, output_to_ab
        from colorlab.datasets.images import open_image
        from colorlab.doubt import doubt

        image = open_image(path, settings.allow_truncated, settings.max_pixels)
        output = network_output(image, self.network, settings.size)
        ab = settings.strength * output_to_ab(self.network, output, settings.T)
        return doubt(self.network, output, ab), image.size

    def write(self, rows: list[Row]) -> str:
        """Write the ranking, the most doubtful first; return the printed report."""
        from colorlab.files import whole_file

        ranked = sorted(rows, key=lambda row: -row.mean)
        if self.file and ranked:
            text = io.StringIO()
            table = csv.writer(text, lineterminator="\n")
            table.writerow(COLUMNS)
            for rank, row in enumerate(ranked, 1):
                numbers = f"{row.mean:.2f}", f"{row.worst:.2f}"
                table.writerow([rank, row.image, *numbers, row.result, row.map])
            with whole_file(self.file) as file:
                file.write(text.getvalue().encode("utf-8", "surrogateescape"))
        if not ranked:
            return "no map of doubt was made"
        lines = ["expected distance from the true color, in ab units; look first at"]
        lines += [f"{row.mean:6.1f}  {_one_line(row.image)}" for row in ranked[:SHOWN]]
        more = len(ranked) - SHOWN
        lines += [f"and {more} more, in {self.file}"] if more > 0 else []
        return "\n".join(lines)


def _map_of(target: Path) -> Path:
    """Return where the map of a result goes."""
    return target.with_name(f"{target.stem}-{KIND}.png")


def _one_line(path: Path) -> str:
    """Return a name without line ends, which some have."""
    return " ".join(str(path).split("\n"))
