"""Write the exercises of the chapters as assignments for nbgrader.

    python book/_tools/assignments.py out/assignments
    python book/_tools/assignments.py --score NOTEBOOK ...

`source` holds the solutions between marks, `release` stubs in their place: two
folders of an nbgrader course. Scores of what has a check need no nbgrader.
"""

import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import torch
from exercises import Exercise, needed, read
from live import text_beside
from nbformat import NotebookNode
from plain import Plain

BOOK = Path(__file__).parents[1]
POINTS = {"Core": 3, "Open": 5}  # all others: 2
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MARKED = re.compile(rf"\n*{BEGIN}[\s\S]*?{END}")
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "colorization-lab"
c.ClearSolutions.code_stub = {"python": ""}
c.ClearSolutions.text_stub = "*Your answer.*"
"""
SETUP = (
    "# What the exercises need of the chapter. Run it, and leave it as it is."
)
HEAD = """# {title}

These are the exercises of a chapter of The Colorization Lab. Read it first.
What each `check_...` says is "right", or one sentence on what is not.
"""


def cell(kind: str, name: str, source: str, **graded: Any) -> NotebookNode:
    """Make a cell with nbgrader's metadata; `name` is its lasting id."""
    make = getattr(nbformat.v4, f"new_{kind}_cell")
    grader = {"grade": False, "solution": False, "task": False, "locked": True}
    grader |= {"grade_id": name, "schema_version": 3, "cell_type": kind}
    metadata = {"nbgrader": grader | graded}
    return make(source, id=name[-64:], metadata=metadata)


def rubric(kind: str) -> str:
    """Read a rubric from the page for instructors."""
    page = (BOOK / "instructors.md").read_text(encoding="utf-8")
    found = re.search(rf"^## A rubric for {kind}.*\n([\s\S]*?)^## ", page, re.M)
    return found[1].strip()


def by_check(exercise: Exercise, points: int) -> list[NotebookNode]:
    """Make the cells of an exercise that its check grades."""
    name, (check, judged) = exercise.label, exercise.call
    solution = "\n\n".join(exercise.answer())
    answer = f"{exercise.stub()}\n\n\n{BEGIN}\n{solution}\n{END}"
    test = (
        f"told = {check}({', '.join(judged)})\n"
        'assert told == "right", told\nprint(told)'
    )
    return [
        cell("code", f"{name}-answer", answer, solution=True, locked=False),
        given(exercise),  # after the answer, which shall not change it
        cell("code", f"{name}-points", test, grade=True, points=points),
    ]


def given(exercise: Exercise) -> NotebookNode:
    """Make the cell of what the chapter gives beside the text."""
    source = "\n\n\n".join(exercise.given)
    return cell("code", f"{exercise.label}-given", source)


def by_hand(exercise: Exercise, points: int, chapter: Plain) -> NotebookNode:
    """Make the cell of an exercise that a person grades, with a rubric."""
    kind = "open exercises" if exercise.level == "Open" else "pencil and paper"
    told = [
        f"```python\n{source}\n```" if form == "code" else chapter.text(source)
        for form, source in exercise.solution
    ]
    parts = [*told, f"**Rubric, {points} points.** {rubric(kind)}"]
    source = "\n\n".join(part for part in parts if part)
    graded = {"grade": True, "solution": True, "locked": False}
    name = f"{exercise.label}-answer"
    return cell("markdown", name, source, points=points, **graded)


def assignment(path: Path) -> NotebookNode:
    """Make the notebook of one chapter, with solutions."""
    notebook = nbformat.read(path, as_version=4)
    chapter = text_beside(path)
    code, exercises = read(notebook.cells)
    title = notebook.cells[0].source.splitlines()[0].strip("# ")
    cells = [cell("markdown", "head", HEAD.format(title=title))]
    if setup := needed(code, exercises):
        cells.append(cell("code", "setup", "\n".join([SETUP, *setup])))
        cells[-1].metadata["jupyter"] = {"source_hidden": True}
    for number, exercise in enumerate(exercises, start=1):
        points = POINTS.get(exercise.level, 2)
        head = f"## Exercise {number} ({points} points)\n\n"
        text = head + chapter.text(exercise.text).strip()
        cells.append(cell("markdown", f"{exercise.label}-text", text))
        if exercise.call:
            cells += by_check(exercise, points)
            continue
        cells += [given(exercise)] if exercise.given else []
        cells.append(by_hand(exercise, points, chapter))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def released(notebook: NotebookNode) -> NotebookNode:
    """Return a copy for students, with stubs in place of solutions."""
    copy = nbformat.from_dict(notebook)
    for each in copy.cells:
        if each.metadata["nbgrader"]["solution"]:
            text = each.cell_type == "markdown"
            hidden = "*Your answer.*" if text else MARKED.sub("", each.source)
            each.source = hidden
    return copy


@torch.enable_grad()  # and back to what was, whatever a chapter sets
def score(notebook: NotebookNode, names: dict | None = None) -> dict[str, int]:
    """Run a notebook, and return the points of each exercise with a check."""
    names, points = {} if names is None else names, {}
    for each in notebook.cells:
        grader = each.metadata["nbgrader"]
        if each.cell_type != "code":
            continue
        won = grader.get("points", 0)
        try:
            exec(compile(each.source, grader["grade_id"], "exec"), names)
        except Exception as error:  # of a student
            won = 0
            if not grader["grade"]:
                sys.stderr.write(f"{grader['grade_id']}: {error!r}\n")
        if grader["grade"]:
            points[grader["grade_id"].removesuffix("-points")] = won
    return points


def main(folder: Path) -> None:
    """Write all assignments to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    for path in sorted(BOOK.glob("*.ipynb")):
        notebook = assignment(path)
        if len(notebook.cells) == 1:  # no exercises
            continue
        for kind, each in (
            ("source", notebook),
            ("release", released(notebook)),
        ):
            target = folder / kind / path.stem / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(each, target)
        sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--score"]:
        for file in map(Path, sys.argv[2:]):
            points = score(nbformat.read(file, as_version=4))
            sys.stdout.write(f"{file}: {sum(points.values())} {points}\n")
    elif len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        sys.exit("usage: assignments.py FOLDER, or --score NOTEBOOK ...")
