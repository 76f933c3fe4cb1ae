"""Turn a chapter's roles and directives into Markdown that Jupyter shows.

Equations, figures and exercises have the numbers of the book's pages.
"""

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbformat
import yaml
from pybtex.database import parse_file
from pybtex.richtext import Text

BOOK = Path(__file__).parents[1]
INCLUDE = re.compile(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)```", re.M)
MATH = re.compile(r"^```\{math\}\n((?::.*\n)*)([\s\S]*?)^```", re.M)
ROLE = re.compile(r"\{([\w:]+)\}`([^`<]*?)\s*(?:<([^>]+)>)?`")
FOLD = re.compile(
    r"^(`{3,})\{admonition\} (.*)\n(?::.*\n)*([\s\S]*?)^\1$", re.M
)
QUIZ = re.compile(r"^:::\{quiz\}\n([\s\S]*?)^:::$", re.M)
REASON = re.compile(r"^ {5}- .*\n(?: {7}.*\n)*", re.M)
EXERCISE = re.compile(r"^`{3,}\{exercise(?:-start)?\}\n(?::.*\n)*", re.M)
TARGET = re.compile(r"^\(([\w-]+)\)=\n(?:#+ (.*)\n)?", re.M)
ENDS = {"start-at": 0, "start-after": 1, "end-at": 1, "end-before": 0}
# "Figure 6.2" where a sentence begins with it.
OPENING = re.compile(r"(?:^|(?<=[.?!] ))\[?(?:figure|exercise) (?=\d)", re.M)
SAID = {"equation": "({})", "figure": "figure {}", "exercise": "exercise {}"}


class Mark(NamedTuple):
    """What a label stands for."""

    page: str
    kind: str  # equation, figure, exercise or title
    number: str  # or the title


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


@cache
def short_citations() -> dict[str, str]:
    """Return author and year of each reference."""
    told = {}
    for key, entry in parse_file(str(BOOK / "references.bib")).entries.items():
        surnames = [
            " ".join(person.prelast_names + person.last_names)
            for person in entry.persons["author"]
        ]
        names = [str(Text.from_latex(surname)) for surname in surnames]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        told[key] = f"{who} {entry.fields['year']}"
    return told


def pages() -> Iterator[tuple[str, str]]:
    """Yield each page's name and what its numbers begin with: "6." or ""."""
    toc = yaml.safe_load((BOOK.parent / "_toc.yml").read_text("utf-8"))
    yield Path(toc["root"]).name, ""
    count = 0
    for part in toc["parts"]:
        for entry in part["chapters"]:
            count += bool(part.get("numbered"))
            before = f"{count}." if part.get("numbered") else ""
            yield Path(entry["file"]).name, before


def labels_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield kind and label of all that has a number, in order."""
    for cell in nbformat.read(path, as_version=4).cells:
        if shown := cell.metadata.get("mystnb", {}).get("figure"):
            yield "figure", shown["name"]
        for options, _ in MATH.findall(cell.source):
            if label := options_of(options).get("label"):
                yield "equation", label
        for found in EXERCISE.finditer(cell.source):
            yield "exercise", options_of(found[0])["label"]


@cache
def marks() -> dict[str, Mark]:
    """Return what each label stands for, as the pages number it."""
    found, counts = {}, Counter()
    for page, before in pages():
        path = BOOK / f"{page}.ipynb"
        if not path.exists():
            continue
        for kind, label in labels_of(path):  # anew on each page; not equations
            place = kind, before if kind == "equation" else page
            counts[place] += 1
            number = f"{before}{counts[place]}"
            found[label] = Mark(page, kind, number)
        for cell in nbformat.read(path, as_version=4).cells:
            for label, title in TARGET.findall(cell.source):
                found[label] = Mark(page, "title", title)
    return found


class Plain:
    """The text of one chapter, where only Markdown is understood."""

    def __init__(self, page: str, link: Callable[[str], str | None]) -> None:
        """Take the page's name, and what gives another page's address."""
        self.page, self.link = page, link

    def linked(self, text: str, page: str) -> str:
        """Link a text to another page, if that can be reached."""
        address = None if page == self.page else self.link(page)
        return f"[{text}]({address})" if address else text

    def role(self, found: re.Match) -> str:
        """Write a role as text or link."""
        kind, text, target = found[1], found[2], found[3] or found[2]
        if kind == "doc":
            return self.linked(text, target)
        if kind.startswith("cite"):
            keys = target.split(",")
            told = "; ".join(short_citations()[key] for key in keys)
            return f"({told})" if kind == "cite:p" else told
        if kind not in ("eq", "numref", "ref"):
            return text
        mark = marks()[target]
        if found[3]:
            told = text.replace("{number}", mark.number)
        else:
            told = SAID.get(mark.kind, "*{}*").format(mark.number)
        return self.linked(told, mark.page)

    def equation(self, found: re.Match) -> str:
        """Write an equation as JupyterLab shows it."""
        label = options_of(found[1]).get("label")
        tag = f"\\tag{{{marks()[label].number}}}" if label else ""
        return f"$$\n{found[2].strip()}{tag}\n$$"

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
        source = ROLE.sub(self.role, source)
        return OPENING.sub(lambda found: found[0].title(), source)
