"""Write question cards of the glossary and the exercises, for Anki to import.

    python book/_tools/anki.py out/colorization-lab.txt

A card for each word, and one for each exercise that is solved in words. Cards
keep their names, so that a deck imported again is updated.
"""

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from exercises import read
from live import text_beside

BOOK = Path(__file__).parents[1]
HEAD = """#separator:tab
#html:true
#guid column:1
#tags column:2
#deck:The Colorization Lab
"""
TERM = re.compile(r"^(\S.*)\n((?:  .+\n?)+)", re.M)
MATH = re.compile(r"(\$\$[\s\S]+?\$\$|\$[^$]+\$)")
MARKS = [
    (r"\[([^\]]+)\]\([^)]*\)", r"\1"),  # links lead nowhere in a deck
    (r"`+([^`]+)`+", r"<code>\1</code>"),
    (r"\*\*([^*]+)\*\*", r"<b>\1</b>"),
    (r"\*([^*]+)\*", r"<i>\1</i>"),
    (r"\s*\n\s*", "<br>"),
]


def field(text: str) -> str:
    """Write Markdown as one line of HTML, with formulas as Anki sets them."""
    parts = []
    for part in MATH.split(text.strip()):
        plain = html.escape(part, quote=False)
        if part.startswith("$"):
            ends = r"\[\]" if part.startswith("$$") else r"\(\)"
            inner = " ".join(plain.strip("$").split())
            parts.append(f"{ends[:2]}{inner}{ends[2:]}")
            continue
        for mark, tag in MARKS:
            plain = re.sub(mark, tag, plain)
        parts.append(plain)
    return "".join(parts).replace("\t", " ")


def words() -> Iterator[tuple[str, ...]]:
    """Yield name, tag, question and answer of each word."""
    page = (BOOK / "glossary.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"```\{glossary\}\n([\s\S]*?)```", page)
    links = re.compile(r"\s*\((?:chapter )?\{doc\}`(\w+) <\w+>`\)")
    for word, told in TERM.findall(listed):
        tag = links.findall(told)[-1:] or ["glossary"]
        yield f"word-{word}", tag[0], word, re.sub(links, "", told)


def questions(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the exercises of a chapter that are solved in words."""
    notebook = nbformat.read(path, as_version=4)
    chapter = text_beside(path)
    for exercise in read(notebook.cells)[1]:
        told = [text for kind, text in exercise.solution if kind == "markdown"]
        if (
            exercise.level.startswith("Warm")
            and any(told)
            and not exercise.call
        ):
            answer = chapter.text("\n\n".join(told)).strip()
            answer = re.sub(r"(?<=[.)?])\s[^.]*:$", "", answer)  # code follows
            asked = re.sub(
                r", then check(?=\.)", "", chapter.text(exercise.text)
            )
            yield exercise.label, path.stem, asked, answer


def main(target: Path) -> None:
    """Write all cards to a file."""
    cards = [*words()]
    for path in sorted(BOOK.glob("*.ipynb")):
        cards += questions(path)
    lines = ["\t".join(map(field, card)) for card in cards]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {len(cards)} cards\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: anki.py FILE")
    main(Path(sys.argv[1]))
