"""Print the built book to one PDF: `make pdf`.

    python book/_tools/pdf.py out/colorization-lab.pdf

Where the chapters begin is read in a first print, and the contents of a second
one say it; a third is made only if that moved anything.
"""

import logging
import sys
from pathlib import Path

from onpaper import BUILT
from playwright.sync_api import Page
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Fit
from whole import LINES, open_whole, settings, version

logging.getLogger("pypdf").setLevel(logging.ERROR)
SET = """() => MathJax.typesetPromise().then(() => document.fonts.ready)
  .then(() => true)"""
PRINTS = 4  # at most; numbers have one width, so two should do
FILL = """(pages) => {
  for (const place of document.querySelectorAll(".page-number")) {
    const link = place.closest("a");
    place.textContent = pages[link.hash.slice(1)] ?? "000";
  }
}"""
Places = dict[str, tuple[int, float]]


def places(path: Path) -> Places:
    """Return page, from 1, and height of each place that a link leads to."""
    reader = PdfReader(path)
    return {
        name[1:]: (reader.get_destination_page_number(place) + 1, place.top)
        for name, place in reader.named_destinations.items()
    }


def print_document(page: Page, target: Path) -> Places:
    """Print until the numbers of pages are true; return all places."""
    before, numbers = None, {}
    for _ in range(PRINTS):
        page.evaluate(FILL, numbers)
        page.pdf(
            path=target,
            prefer_css_page_size=True,
            print_background=True,
            tagged=True,
        )
        there = places(target)
        before, numbers = numbers, {name: there[name][0] for name in there}
        if numbers == before:
            return there
    raise RuntimeError(f"the pages of {target} do not settle")


def describe(
    path: Path, lines: list, there: dict[str, tuple[int, float]]
) -> None:
    """Write title, author and version, and the contents as an outline."""
    writer, told = PdfWriter(clone_from=path), settings()
    writer.add_metadata(
        {
            "/Title": told["title"],
            "/Author": told["author"],
            "/Subject": f"Version {', '.join(version())}",
        }
    )
    above = {}  # the last item of each kind
    following = [name for _, _, name in lines[1:]] + [None]
    for (kind, title, name), after in zip(lines, following, strict=True):
        number, top = there[name or after]  # a part begins with its chapter
        parent = {"in-part": None, "in-chapter": above.get("in-part")}
        above[kind] = writer.add_outline_item(
            title=title,
            page_number=number - 1,
            parent=parent.get(kind, above.get("in-chapter")),
            fit=Fit.xyz(0, top, None),
        )
    writer.page_mode = "/UseOutlines"
    writer.write(path)


def main(target: Path, built: Path = BUILT) -> None:
    """Write the PDF."""
    unfinished = target.with_suffix(".unfinished.pdf")
    with open_whole(target, built) as page:
        page.evaluate(SET)
        lines = page.evaluate(LINES)
        there = print_document(page, unfinished)
    describe(unfinished, lines, there)
    unfinished.replace(target)
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
