"""How `colorlab colorize` colors one image: read, painted, dressed and written."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from colorlab.cli.ranking import Ranking
from colorlab.cli.results import Mark, to_xmp, write_side_file
from colorlab.cli.samples import Samples

if TYPE_CHECKING:
    from PIL import Image

    from colorlab.cli.hintfile import Hints
    from colorlab.colorize import Predict, Size
    from colorlab.transfer import Network


class Reading(NamedTuple):
    """What files are taken."""

    allow_truncated: bool = False
    max_pixels: int | None = None


@dataclass(frozen=True)
class Coloring:
    """What is asked for: the same for all images of a call."""

    network: "Network"
    T: float
    size: "Size"
    strength: float
    reading: Reading
    statement: str = ""  # who made the colors, for the file; empty if unmarked
    strip: bool = False
    hints: "Hints | None" = None
    samples: Samples | None = None
    ranking: Ranking | None = None

    def to_stdout(self, path: Path) -> None:
        """Color an image, as PNG to the standard output."""
        from colorlab.datasets.images import save_image

        image = self._color(path)
        for note in save_image(self._dress(image), sys.stdout.buffer, "PNG"):
            print(f"colorlab: {note}", file=sys.stderr)
        print("1 of 1 colored, as PNG to the standard output", file=sys.stderr)

    def to_file(
        self, path: Path, target: Path, mark: Mark, overwrite: bool
    ) -> list[str]:
        """Color an image, or each page of it; return what was lost."""
        from colorlab.datasets.images import NAMELESS, save_format, save_image
        from colorlab.datasets.pages import can_hold, save_pages

        software, kind = str(mark), save_format(target)
        if can_hold(kind, path) and not (self.hints or self.samples or self.ranking):
            pages = self._color_pages(path, kind)
            return save_pages(self._dress_all(pages, software), target)
        image = self._dress(self._color(path), software)
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind in NAMELESS and self.statement:
            write_side_file(target, mark, to_xmp(self.statement), overwrite)
        return save_image(image, target)

    def _color(self, path: Path) -> "Image.Image":
        from colorlab.datasets.images import open_image

        image = open_image(path, *self.reading)
        predict = self.hints.check(*image.size).predict if self.hints else None
        if self.ranking:
            predict = self.ranking.watch(path, image.size, self.strength)
        return self._paint(image, predict)

    def _paint(
        self, image: "Image.Image", predict: "Predict | None" = None
    ) -> "Image.Image":
        from colorlab.colorize import colorize

        paint = self.samples.color if self.samples else colorize
        how = self.network, self.T, self.size, "cpu", self.strength, predict
        return paint(image, *how)

    def _color_pages(self, path: Path, kind: str) -> Iterator["Image.Image"]:
        """Color page after page; of what moves, as a film, so that it is steady."""
        from colorlab.datasets.pages import open_pages
        from colorlab.film import Steady

        predict = None if kind == "TIFF" else Steady().predict
        for page in open_pages(path, *self.reading):
            yield self._paint(page, predict)

    def _dress(self, image: "Image.Image", software: str = "") -> "Image.Image":
        """Tell an image what its file shall say."""
        from colorlab.datasets.metadata import add_statement

        if self.strip:
            for name in ("exif", "xmp", "dpi"):
                image.info.pop(name, None)
        if self.statement:
            packet = image.info.get("xmp", b"")
            image.info["xmp"] = add_statement(packet, to_xmp(self.statement))
            image.info["statement"] = self.statement
        image.info |= {"software": software} if software else {}
        return image

    def _dress_all(
        self, pages: Iterator["Image.Image"], software: str
    ) -> Iterator["Image.Image"]:
        for page in pages:
            yield self._dress(page, software)
