"""Write the chapters without their solutions, for students.

    python book/_tools/without_solutions.py student

Where a solution had code, a cell is left to write in: it begins with what the
exercise's check judges, a function's head or the name of a value, and ends
with the call of the check, which says in a sentence what is still missing.
"""

import re
import sys
from pathlib import Path

import nbformat
from exercises import Exercise, read
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
    stubs = {each.label: begin(each) for each in read(cells)[1] if each.call}
    text = SOLUTION.sub(
        lambda found: (
            f"{BREAK}{CODE}{label(found)}{BREAK}" if CODE in found[0] else ""
        ),
        BREAK.join(parts),
    )
    kept = []
    for place, part in enumerate(filter(str.strip, text.split(BREAK))):
        name = part.removeprefix(CODE)
        if not part.startswith(CODE):
            new = nbformat.v4.new_markdown_cell(
                part.strip(), id=f"text-{place}"
            )
            kept.append(new)
        elif name.isdecimal():
            kept.append(cells[int(name)])
        else:
            new = nbformat.v4.new_code_cell(
                stubs.get(name, ""), id=f"answer-{name}"
            )
            kept.append(new)
    return kept


def begin(exercise: Exercise) -> str:
    """Return the stub of an answer, and the call of its check."""
    check, judged = exercise.call
    return f"{exercise.stub()}\n\n\nprint({check}({', '.join(judged)}))"


def label(found: re.Match) -> str:
    """Return the exercise of a solution."""
    return re.search(r"\} (\S+)", found[0])[1]


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
