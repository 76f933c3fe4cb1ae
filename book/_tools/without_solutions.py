"""Write the chapters without their solutions, for students.

    python book/_tools/without_solutions.py student

The folder must lie beside `book`, as chapters read `../data`. Where a solution
had code, an empty cell is left to write in.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

BOOK = Path(__file__).parents[1]
BREAK, CODE = "\n\ue000\n", "\ue001"  # between cells; a code cell, by number
SOLUTION = re.compile(
    r"^`{3,}\{solution-start\}[\s\S]*?^`{3,}\{solution-end\}\n`{3,}"
    r"|^(?P<fence>`{3,})\{solution\}[\s\S]*?^(?P=fence)$",
    re.MULTILINE,
)


def cut(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Leave out all from a solution's start to its end."""
    parts = [
        f"{CODE}{number}" if cell.cell_type == "code" else cell.source
        for number, cell in enumerate(cells)
    ]
    text = SOLUTION.sub(
        lambda found: f"{BREAK}{CODE}{BREAK}" if CODE in found[0] else "",
        BREAK.join(parts),
    )
    kept = []
    for part in filter(str.strip, text.split(BREAK)):
        if not part.startswith(CODE):
            kept.append(nbformat.v4.new_markdown_cell(part.strip()))
        elif number := part.removeprefix(CODE):
            kept.append(cells[int(number)])
        else:
            kept.append(nbformat.v4.new_code_cell())
    return kept


def main(folder: Path) -> None:
    """Write all chapters to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(BOOK.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = cut(notebook.cells)
        nbformat.write(notebook, folder / path.name)
        sys.stdout.write(f"{folder / path.name}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: without_solutions.py FOLDER")
    main(Path(sys.argv[1]))
