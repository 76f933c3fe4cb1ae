"""Write the chapters for JupyterLab, which knows neither roles nor directives.

    python book/_tools/live.py out/live

In each notebook the library's code stands in place of its includes, roles are
links or numbers, and solutions are folded. Work in a notebook is kept: one that
is there is replaced only when its chapter has changed, and moved aside then.
"""

import ast
import hashlib
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

BOOK = Path(__file__).parents[1]
INCLUDE = re.compile(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)```", re.M)
MATH = re.compile(r"^```\{math\}\n((?::.*\n)*)([\s\S]*?)^```", re.M)
ROLE = re.compile(r"\{([\w:]+)\}`([^`<]*?)\s*(?:<([^>]+)>)?`")
SPLIT = re.compile(
    r"^`{3,}\{((?:exercise|solution)[^}]*)\}.*\n(?::.*\n)*", re.M
)
FOLD = re.compile(
    r"^(`{3,})\{admonition\} (.*)\n(?::.*\n)*([\s\S]*?)^\1$", re.M
)
QUIZ = re.compile(r"^:::\{quiz\}\n([\s\S]*?)^:::$", re.M)
REASON = re.compile(r"^ {5}- .*\n(?: {7}.*\n)*", re.M)
ENDS = {"start-at": 0, "start-after": 1, "end-at": 1, "end-before": 0}
PERSON = re.compile(r"@\w+\{(\w+),([\s\S]*?)\n\}")


def options_of(text: str) -> dict[str, str]:
    """Read the options of a directive."""
    return dict(re.findall(r"^:([\w-]+): *(.*)$", text, re.M))


def included(path: str, options: dict[str, str]) -> str:
    """Find the lines that Sphinx would include."""
    source = (BOOK / path).read_text(encoding="utf-8")
    lines = source.splitlines()
    if name := options.get("pyobject"):
        nodes = ast.parse(source).body
        (node,) = [n for n in nodes if getattr(n, "name", "") == name]
        lines = lines[node.lineno - 1 : node.end_lineno]
    for option, shift in ENDS.items():
        if option in options:
            mark = options[option]
            mark = ast.literal_eval(mark) if mark.startswith('"') else mark
            found = [n for n, line in enumerate(lines) if mark in line]
            if not found:
                raise ValueError(f"{path} must hold {option} {mark!r}")
            cut = found[0] + shift
            lines = lines[cut:] if option.startswith("start") else lines[:cut]
    return textwrap.dedent("\n".join(lines))


def short_citations() -> dict[str, str]:
    """Return author and year of each reference."""
    text = (BOOK / "references.bib").read_text(encoding="utf-8")
    told = {}
    for key, body in PERSON.findall(text):
        people = re.search(r"author\s*=\s*[{\"]([^\n]*?)[}\"],?\n", body)
        year = re.search(r"year\s*=\s*[{\"]?(\d{4})", body)
        names = [n.split(",")[0].strip("{} ") for n in people[1].split(" and ")]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        told[key] = f"{who} {year[1]}"
    return told


class Chapter:
    """What roles of one notebook refer to."""

    def __init__(self, notebook: NotebookNode, folder: Path) -> None:
        """Count the equations and figures, in order."""
        self.folder, self.exercise = folder, 0
        prose = "\n".join(c.source for c in notebook.cells)
        labels = [options_of(options) for options, _ in MATH.findall(prose)]
        self.equations = [o["label"] for o in labels if "label" in o]
        figures = (c.metadata.get("mystnb", {}) for c in notebook.cells)
        self.figures = [f["figure"]["name"] for f in figures if "figure" in f]
        self.exercises = re.findall(r"^:label: *(ex-\S+)", prose, re.M)
        self.citations = short_citations()

    def number(self, kind: list[str], label: str) -> str:
        """Find a label's number, or the chapter that has it: fig-lab-clip."""
        other = label.split("-")[1]
        link = f"of [{other}]({other}.ipynb)"
        return str(kind.index(label) + 1) if label in kind else link

    def role(self, found: re.Match) -> str:
        """Write a role as text or link."""
        kind, text, target = found.groups()
        target = target or text
        if kind == "doc":
            page = BOOK / f"{target}.md"  # the others are in the same folder
            up = os.path.relpath(page, self.folder)
            return f"[{text}]({up if page.exists() else f'{target}.ipynb'})"
        if kind.startswith("cite"):
            told = "; ".join(self.citations[key] for key in target.split(","))
            return f"({told})" if kind == "cite:p" else told
        if kind == "eq":
            return f"({self.number(self.equations, target)})"
        if kind == "numref" and target.startswith("ex-"):
            return f"exercise {self.number(self.exercises, target)}"
        if kind == "numref":
            return f"figure {self.number(self.figures, target)}"
        return text if found[3] else f"*{target}*"

    def equation(self, found: re.Match) -> str:
        """Write an equation as JupyterLab shows it."""
        label = options_of(found[1]).get("label")
        tag = label and f"\\tag{{{self.number(self.equations, label)}}}"
        return f"$$\n{found[2].strip()}{tag or ''}\n$$"

    def text(self, source: str) -> str:
        """Turn roles and directives into plain Markdown."""
        source = INCLUDE.sub(
            lambda found: (
                f"`{found[1].removeprefix('../')}`:\n\n"
                f"```python\n{included(found[1], options_of(found[2]))}\n```"
            ),
            source,
        )
        source = MATH.sub(self.equation, source)
        source = FOLD.sub(
            r"<details><summary>\2</summary>\n\n\3\n</details>", source
        )
        source = QUIZ.sub(
            lambda found: (
                f"{REASON.sub('', found[1])}\n<details><summary>Answers"
                f"</summary>\n\n{found[1]}\n</details>"
            ),
            source,
        )
        source = re.sub(r"^\([\w-]+\)=\n", "", source, flags=re.M)
        return ROLE.sub(self.role, source)


def heading(kind: str, number: int) -> NotebookNode:
    """Open an exercise, or a solution, which JupyterLab folds."""
    if kind.startswith("exercise"):
        return nbformat.v4.new_markdown_cell(f"### Exercise {number}")
    folded = {"heading_collapsed": True}
    return nbformat.v4.new_markdown_cell("#### Solution", metadata=folded)


def code_cells(cell: NotebookNode, chapter: Chapter) -> Iterator[NotebookNode]:
    """Yield a code cell, folded where the book folds it, and its caption."""
    if "hide-input" in cell.metadata.get("tags", []):
        cell.metadata["jupyter"] = {"source_hidden": True}
    yield cell
    if shown := cell.metadata.get("mystnb", {}).get("figure"):
        number = chapter.number(chapter.figures, shown["name"])
        told = f"*Figure {number}. {chapter.text(shown['caption'])}*"
        yield nbformat.v4.new_markdown_cell(told)


def text_cells(source: str, chapter: Chapter) -> Iterator[NotebookNode]:
    """Yield text and, between, the headings of exercises and solutions."""
    first, *rest = SPLIT.split(source)
    for kind, text in [("", first), *zip(rest[::2], rest[1::2])]:
        if kind and not kind.endswith("end"):
            chapter.exercise += kind.startswith("exercise")
            yield heading(kind, chapter.exercise)
        text = re.sub(r"\A`{3,}\n?", "", text)  # what closes a directive
        if kind and not kind.endswith(("-start", "-end")):
            text = re.sub(r"^`{3,}\s*$", "", text, count=1, flags=re.M)
        if text.strip():
            yield nbformat.v4.new_markdown_cell(chapter.text(text).strip())


def cells_of(notebook: NotebookNode, folder: Path) -> list[NotebookNode]:
    """Write all cells anew."""
    chapter, cells = Chapter(notebook, folder), []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells += code_cells(cell, chapter)
        else:
            cells += text_cells(cell.source, chapter)
    return cells


def write(path: Path, folder: Path) -> str:
    """Write one chapter, if it is new, and say what was done."""
    made_from = hashlib.sha256(path.read_bytes()).hexdigest()
    target = folder / path.name
    if target.exists():
        there = nbformat.read(target, as_version=4)
        if there.metadata.get("colorlab") == made_from:
            return f"{target}: kept"
        number = len([*folder.glob(f"{path.stem}-old-*.ipynb")]) + 1
        target.rename(folder / f"{path.stem}-old-{number}.ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = cells_of(notebook, folder)
    notebook.metadata["colorlab"] = made_from
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.write(notebook, target)
    return f"{target}: written"


def main(folder: Path) -> None:
    """Write all chapters to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(BOOK.glob("*.ipynb")):
        sys.stdout.write(f"{write(path, folder)}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: live.py FOLDER")
    main(Path(sys.argv[1]))
