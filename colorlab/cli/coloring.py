"""How `colorlab colorize` colors one image: read, painted, dressed and written."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from colorlab.cli.messages import count_pages
from colorlab.cli.ranking import Ranking
from colorlab.cli.results import Mark, check_side_file, to_xmp, write_side_file
from colorlab.cli.samples import Samples
from colorlab.files import whole_file

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from colorlab.cli.hintfile import Hints
    from colorlab.colorize import Predict, Size
    from colorlab.transfer import Network


DEEP = ("PNG", "TIFF")  # formats of 16 bits


class Reading(NamedTuple):
    """What files are taken."""

    allow_truncated: bool = False
    max_pixels: int | None = None


class Form(NamedTuple):
    """What is written: the colored image or its color alone, how finely, with what."""

    strip: bool = False
    bits: int = 8
    layer: bool = False

    @property
    def kind(self) -> str:
        """Return what tells a result from a plain one, by name and mark."""
        return "layer" * self.layer

    def check(self, samples: Samples | None) -> "Form":
        """Return it; refuse what cannot be had."""
        if self.bits not in (8, 16):
            raise ValueError(f"--bits must be 8 or 16, got {self.bits}")
        if samples and (self.layer or self.bits == 16):
            asked = "--layer" if self.layer else "--bits 16"
            raise ValueError(f"{asked} and --samples must not come together: take one")
        return self

    def place(
        self, targets: dict[Path, Path], _: "Network", out: str
    ) -> dict[Path, Path]:
        """Name layers unlike colored images, where OUT is a folder."""
        if not self.layer or list(targets.values()) == [Path(out)]:
            return targets
        return {path: _as_layer(target) for path, target in targets.items()}


def _as_layer(target: Path) -> Path:
    suffix = ".tif" if target.suffix == ".tif" else ".png"  # only pages come as .tif
    return target.with_name(f"{target.stem}-layer{suffix}")


@dataclass(frozen=True)
class Coloring:
    """What is asked for: the same for all images of a call."""

    network: "Network"
    T: float
    size: "Size"
    strength: float
    reading: Reading
    statement: str = ""  # who made the colors, for the file; empty if unmarked
    form: Form = Form()
    hints: "Hints | None" = None
    samples: Samples | None = None
    ranking: Ranking | None = None

    def to_stdout(self, path: Path) -> None:
        """Color an image, as PNG to the standard output."""
        for note in self._write(path, sys.stdout.buffer, "PNG", ""):
            print(f"colorlab: {note}", file=sys.stderr)
        print("1 of 1 colored, as PNG to the standard output", file=sys.stderr)

    def to_file(
        self, path: Path, target: Path, mark: Mark, overwrite: bool
    ) -> list[str]:
        """Color an image, or each page of it; return what was lost."""
        from colorlab.datasets.images import NAMELESS, save_format
        from colorlab.datasets.multipage import can_hold

        software, kind = str(mark), save_format(target)
        self._check_format(kind)
        if not (self.hints or self.samples) and can_hold(kind, path):
            return self._write_pages(path, target, kind, software)
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind in NAMELESS and self.statement:
            check_side_file(target, overwrite)
        notes = self._write_one(path, target, kind, software)
        if kind in NAMELESS:
            write_side_file(target, mark, self.statement)
        return notes

    def _write_one(
        self, path: Path, target: Path, kind: str, software: str
    ) -> list[str]:
        from colorlab.datasets.images import save_image

        if self.form.bits == 16:
            with whole_file(target) as file:
                return self._write(path, file, kind, software)
        return save_image(self._dress(self._color(path), software), target)

    def _check_format(self, kind: str) -> None:
        """Refuse a format that cannot hold what is asked for."""
        if kind not in DEEP and (self.form.bits == 16 or self.form.layer):
            asked = "--layer" if self.form.layer else "--bits 16"
            raise ValueError(f"{asked} must be written as PNG or TIFF, not as {kind}")

    def _write_pages(
        self, path: Path, target: Path, kind: str, software: str
    ) -> list[str]:
        """Color each page, or frame, of a file; return what was lost."""
        from colorlab.datasets.deep import save_deep_pages
        from colorlab.datasets.multipage import open_pages, save_pages

        if self.form.bits == 16 and kind != "TIFF":
            raise ValueError(f"--bits 16 must be left out for what moves: {path}")
        pages = open_pages(path, *self.reading, count_pages)
        if self.form.bits == 8:
            colored = self._color_pages(pages, kind)
            return save_pages((self._dress(page, software) for page in colored), target)
        notes: dict[str, None] = {}  # each once, in order

        def deep() -> Iterator[tuple[Iterator["np.ndarray"], "Image.Image"]]:
            for number, page in enumerate(pages):
                rows, told = self._color_deep(path, page, number)
                notes.update(dict.fromkeys(page.info["notes"] + told))
                yield rows, self._dress(page, software)

        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as file:
            save_deep_pages(deep(), file)
        return [*notes]

    def _write(self, path: Path, file: BinaryIO, kind: str, software: str) -> list[str]:
        """Color an image into an open file; return what was lost."""
        from colorlab.datasets.deep import save_deep
        from colorlab.datasets.images import open_image, save_image

        if self.form.bits == 16:
            image = open_image(path, *self.reading)
            rows, notes = self._color_deep(path, image)
            save_deep(rows, self._dress(image, software), file, kind)
            return [*image.info["notes"], *notes]
        return save_image(self._dress(self._color(path), software), file, kind)

    def _color(self, path: Path) -> "Image.Image":
        """Return an image in color; or its color alone."""
        from colorlab.datasets.images import open_image

        image = open_image(path, *self.reading)
        return self._paint(image, self._predict(path, image))

    def _color_deep(
        self, path: Path, image: "Image.Image", page: int = 0
    ) -> tuple[Iterator["np.ndarray"], list[str]]:
        """Return bands of 16 bits in color, and what was lost."""
        from colorlab.datasets.deep import join_bytes, read_levels
        from colorlab.retouch import join_levels, layer_rows, predict_cells

        predict = self._predict(path, image) if page == 0 else None
        ab = predict_cells(image, self.network, self.T, self.size, predict)
        values, notes = read_levels(path, self.reading.max_pixels, page)
        values = join_bytes(image) if values is None else values
        rows = join_levels(values, self.strength * ab)
        rows = layer_rows(values, rows) if self.form.layer else rows
        return rows, notes

    def _predict(self, path: Path, image: "Image.Image") -> "Predict | None":
        """Return what predicts the colors of an image, if not the network alone."""
        if self.ranking:
            return self.ranking.watch(path, image.size, self.strength)
        return self.hints.check(*image.size).predict if self.hints else None

    def _paint(
        self, image: "Image.Image", predict: "Predict | None" = None
    ) -> "Image.Image":
        """Return an image in color; or its color alone."""
        from colorlab.colorize import colorize
        from colorlab.retouch import layer_image

        paint = self.samples.color if self.samples else colorize
        how = self.network, self.T, self.size, "cpu", self.strength, predict
        colored = paint(image, *how)
        return layer_image(image, colored) if self.form.layer else colored

    def _color_pages(
        self, pages: Iterator["Image.Image"], kind: str
    ) -> Iterator["Image.Image"]:
        """Color page after page; of what moves, as a film, so that it is steady."""
        from colorlab.datasets.multipage import TIMES
        from colorlab.film import Steady

        predict = None if kind == "TIFF" else Steady().predict
        for page in pages:
            colored = self._paint(page, predict)
            for name in TIMES:
                if name in page.info:
                    colored.info[name] = page.info[name]
            yield colored

    def _dress(self, image: "Image.Image", software: str = "") -> "Image.Image":
        """Tell an image what its file shall say."""
        from colorlab.datasets.metadata import add_statement

        if self.form.strip:
            for name in ("exif", "xmp", "dpi"):
                image.info.pop(name, None)
        if self.statement:
            packet = image.info.get("xmp", b"")
            image.info["no_xmp_of_its_own"] = not packet
            image.info["xmp"] = add_statement(packet, to_xmp(self.statement))
            image.info["statement"] = self.statement
        image.info |= {"software": software} if software else {}
        return image
