"""Write the chapters for Jupyter, which knows neither roles nor directives.

    python book/_tools/live.py out/live
    python book/_tools/live.py out/twins --alone

In each notebook the library's code stands in place of its includes, roles are
links or numbers, and solutions are folded. Before a solution with code there is
a cell to write in, with a stub where a check judges it. Work in a notebook is
kept: one that is there is replaced only when its chapter has changed, and moved
aside then.
With `--alone`, a first cell fetches the project from the address that
`_config.yml` gives, so that the file is all one needs.
"""

import argparse
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import nbformat
import yaml
from exercises import read
from nbformat import NotebookNode
from plain import BOOK, Plain, marks, options_of
from without_solutions import begin

SPLIT = re.compile(
    r"^`{3,}\{((?:exercise|solution)[^}]*)\} *(.*)\n((?::.*\n)*)", re.M
)
BRANCH = "notebooks"  # where the notebooks that run alone are published


class Home(NamedTuple):
    """Where the project is published; all empty if it is not."""

    url: str = ""
    branch: str = ""

    def link(self, page: str) -> str | None:
        """Find a page where only the network can be reached."""
        if not self.url:
            return None
        if (BOOK / f"{page}.md").exists():
            branch = self.branch or "HEAD"
            return f"{self.url}/blob/{branch}/book/{page}.md"
        return f"{self.url}/blob/{BRANCH}/{page}.ipynb"


def home() -> Home:
    """Read the address from the book's settings."""
    settings = yaml.safe_load((BOOK.parent / "_config.yml").read_text("utf-8"))
    told = settings.get("repository") or {}
    return Home(told.get("url", "").rstrip("/"), told.get("branch", ""))


def link_within(folder: Path, page: str) -> str:
    """Find a page from a folder of this computer."""
    if (BOOK / f"{page}.md").exists():
        return os.path.relpath(BOOK / f"{page}.md", folder)
    return f"{page}.ipynb"


def text_beside(path: Path) -> Plain:
    """Write the text of a chapter with links as they are beside it."""
    return Plain(path.stem, partial(link_within, path.parent))


def heading(kind: str, options: str) -> NotebookNode:
    """Open an exercise, or a solution, which JupyterLab folds."""
    if kind.startswith("exercise"):
        number = marks()[options_of(options)["label"]].number
        return nbformat.v4.new_markdown_cell(f"### Exercise {number}")
    folded = {"jp-MarkdownHeadingCollapsed": True}
    return nbformat.v4.new_markdown_cell("#### Solution", metadata=folded)


def code_cells(cell: NotebookNode, plain: Plain) -> Iterator[NotebookNode]:
    """Yield a code cell, folded where the book folds it, and its caption.

    A still is the picture for paper of the figure that plays below it.
    """
    tags = set(cell.metadata.get("tags", []))
    if folded := {
        **({"source_hidden": True} if "hide-input" in tags else {}),
        **({"outputs_hidden": True} if tags & {"hide-output", "still"} else {}),
    }:
        cell.metadata["jupyter"] = folded
    yield cell
    if shown := cell.metadata.get("mystnb", {}).get("figure"):
        number = marks()[shown["name"]].number
        told = f"*Figure {number}.* {plain.text(shown['caption'])}"
        yield nbformat.v4.new_markdown_cell(told)


def places_to_write(cells: list[NotebookNode]) -> dict[str, str]:
    """Return what one begins with, of each exercise whose solution has code."""
    return {
        each.label: begin(each) if each.call else "# Your code here."
        for each in read(cells)[1]
        if any(kind == "code" for kind, _ in each.solution)
    }


def text_cells(
    source: str, plain: Plain, answers: dict[str, str]
) -> Iterator[NotebookNode]:
    """Yield text and, between, the headings of exercises and solutions."""
    first, *rest = SPLIT.split(source)
    fields = (rest[n::4] for n in range(4))
    parts = [("", "", "", first), *zip(*fields, strict=True)]
    for kind, name, options, text in parts:
        if kind.startswith("solution") and name in answers:
            stub = answers[name]
            yield nbformat.v4.new_code_cell(stub, id=f"answer-{name}")
        if kind and not kind.endswith("end"):
            yield heading(kind, options)
        text = re.sub(r"\A`{3,}(?:\n|\Z)", "", text)  # what closes a directive
        if kind and not kind.endswith(("-start", "-end")):
            text = re.sub(r"^`{3,}\s*$", "", text, count=1, flags=re.M)
        if text.strip():
            yield nbformat.v4.new_markdown_cell(plain.text(text).strip())


def first_cell(place: Home) -> NotebookNode:
    """Write the cell that fetches the project."""
    source = Path(__file__).with_name("first_cell.py").read_text("utf-8")
    before = 'ADDRESS, BRANCH, COPY = "", ""'
    after = f"ADDRESS, BRANCH, COPY = {place.url!r}, {place.branch!r}"
    source = source.replace(before, after.replace("'", '"')).strip()
    folded = {"jupyter": {"source_hidden": True}}
    return nbformat.v4.new_code_cell(source, metadata=folded)


def plain_notebook(
    path: Path, folder: Path, alone: Home | None = None
) -> NotebookNode:
    """Write all cells of a chapter anew, the same from the same chapter."""
    notebook = nbformat.read(path, as_version=4)
    link = alone.link if alone else partial(link_within, folder)
    plain, cells = Plain(path.stem, link), []
    answers = places_to_write(notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells += code_cells(cell, plain)
        else:
            cells += text_cells(cell.source, plain, answers)
    if alone:
        cells.insert(1, first_cell(alone))
    for number, cell in enumerate(cells):
        if cell.cell_type == "markdown" or (alone and number == 1):
            cell.id = f"plain-{path.stem}-{number}"
    notebook.cells = cells
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def write(path: Path, folder: Path, alone: Home | None = None) -> str:
    """Write one chapter, if it is new, and say what was done."""
    notebook, target = plain_notebook(path, folder, alone), folder / path.name
    text = nbformat.writes(notebook)
    notebook.metadata["colorlab"] = hashlib.sha256(text.encode()).hexdigest()
    if target.exists() and not alone:
        there = nbformat.read(target, as_version=4)
        if there.metadata.get("colorlab") == notebook.metadata["colorlab"]:
            return f"{target}: kept"
        olds = (folder / f"{path.stem}-old-{n}.ipynb" for n in count(1))
        target.rename(next(old for old in olds if not old.exists()))
    nbformat.write(notebook, target)
    return f"{target}: written"


def main(folder: Path, alone: Home | None = None) -> None:
    """Write all chapters to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(BOOK.glob("*.ipynb")):
        sys.stdout.write(f"{write(path, folder, alone)}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the notebooks go")
    parser.add_argument(
        "--alone",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="let each fetch the project, from the book's address or this one",
    )
    given = parser.parse_args()
    place = Home(given.alone) if given.alone else home()
    main(given.folder, None if given.alone is None else place)
