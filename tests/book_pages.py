"""Where the book's pages are, for the tests of the book."""

import functools
import json
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
BUILT = ROOT / "_build" / "html"


def toc_pages() -> list[str]:
    """List the pages of _toc.yml, as "book/name"."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    return [toc["root"], *(entry["file"] for entry in entries)]


PAGES = toc_pages()
CHAPTERS = [page.split("/")[-1] for page in PAGES if (ROOT / f"{page}.ipynb").exists()]


def read_notebook(name: str) -> dict:
    return json.loads((BOOK / f"{name}.ipynb").read_text(encoding="utf-8"))


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def prose(notebook: dict) -> str:
    """Join the Markdown cells."""
    cells = notebook["cells"]
    return "\n\n".join(source(c) for c in cells if c["cell_type"] == "markdown")


@functools.cache  # the page of a chapter takes a second
def parsed(page: str) -> BeautifulSoup:
    """Parse a built page, such as "book/lab"; tests read it and leave it as it is."""
    if not BUILT.exists():
        pytest.fail("the book is not built: run `make book` first")
    text = (BUILT / f"{page}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")
