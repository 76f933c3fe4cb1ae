"""Make slides of the chapters, out of the built pages.

    python book/_tools/slides.py _build/html out/slides

A section gives a slide with its first sentences and what it shows first: a
formula, a figure, a table, or what a cell printed. Each further figure and
formula of a section has a slide of its own. In a chapter, a cell that the
presentation bar of Jupyter marks as "skip" (`slideshow: {slide_type: skip}`)
gives none; a list `only` beside it names what of the cell is left out. All
that a section says becomes speaker notes, its code can be opened, and what
moves in the page moves on the slide.
"""

import argparse
import copy
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import nbformat
import yaml
from bs4 import BeautifulSoup, NavigableString, Tag
from docutils.nodes import make_id

BOOK = Path(__file__).parents[1]
BY_HAND = Path(__file__).with_name("slides")  # style and script of a deck
MOST_WORDS = 60  # on a slide
LEAD, TOLD, LISTED = 42, 28, 90  # words: first sentences, a caption, a list
LEAST_SLIDES, MOST_SLIDES = 15, 25
LEAST_ASKED = 2  # questions, whatever else there is to say
MOST_LINES, MOST_ROWS = 12, 9  # of what a cell printed, and of a table
ON_PAPER = ("On paper", "Without a script")
LEFT_OUT = {"exercises", "sources", "questions-people-really-asked"}
KINDS = "figure, div.math, table, ul, ol, .output, .highlight, fieldset"
INDEX = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    "<title>Slides</title></head><body style='font: 18px/1.8 sans-serif'>"
    "<h1>Slides of the chapters, and how many</h1><ul>{}</ul><p>Arrow keys: "
    "on and back. Esc: arrows leave a figure. C: code. N: notes, S: notes in a "
    "window. F: full screen.</p></body></html>"
)
STATE = "application/vnd.jupyter.widget-state+json"
SENTENCE = re.compile(r"(?<=[.?!:])\s+(?=[A-Z\"“(\\])")


class Slide(NamedTuple):
    """What one slide shows."""

    kind: str
    title: str
    lead: str
    shown: str
    told: str = ""
    code: str = ""
    notes: str = ""


# What a chapter says of its slides


def chapters() -> list[str]:
    """List the pages that have slides: the first one and all with a number."""
    toc = yaml.safe_load((BOOK.parent / "_toc.yml").read_text("utf-8"))
    files = [
        entry["file"]
        for part in toc["parts"]
        if part.get("numbered")
        for entry in part["chapters"]
    ]
    return [Path(name).name for name in (toc["root"], *files)]


def skipped(chapter: str) -> set[str]:
    """Return names of figures and formulas, and ids of sections, to skip."""
    names = set()
    cells = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4).cells
    for cell in cells:
        if cell.metadata.get("slideshow", {}).get("slide_type") != "skip":
            continue
        shown = cell.metadata.get("mystnb", {}).get("figure", {"name": ""})
        heads = re.findall(r"^#+ (.*)$", cell.source, re.M)
        labels = re.findall(r"^:label: (eq-\S+)", cell.source, re.M)
        named = [shown["name"], *labels]
        if cell.cell_type == "markdown":
            named += [make_id(head) for head in heads]
        names |= set(cell.metadata["slideshow"].get("only", named))
    return names


# Text


def count_words(text: Tag | str) -> int:
    """Count words; a formula is one."""
    soup = text if isinstance(text, Tag) else soup_of(text)
    return len(re.sub(r"\\\(.*?\\\)", "x", soup.get_text()).split())


def soup_of(text: str) -> BeautifulSoup:
    """Read a piece of a page."""
    return BeautifulSoup(text, "html.parser")


def sentences(paragraph: Tag) -> list[str]:
    """Cut a paragraph into sentences, without cutting what is marked up."""
    parts = [""]
    for node in paragraph.children:
        if type(node) is NavigableString:
            first, *more = SENTENCE.split(str(soup_text(node)))
            parts[-1] += first
            parts += more
        elif isinstance(node, Tag):
            told = node.get_text().lstrip()
            ends = ".?!:" if told[:1].isupper() else ".?!"  # "one thing: <b>it"
            if re.search(rf"[{ends}]\s+$", parts[-1]):
                parts.append("")
            parts[-1] += str(node)
    return [part.strip() for part in parts if part.strip()]


def soup_text(node: NavigableString) -> str:
    """Write text as HTML."""
    return str(node).replace("&", "&amp;").replace("<", "&lt;")


def fill(told: list[str], most: int) -> str:
    """Take sentences from the beginning while they are few words."""
    counts = accumulate(map(count_words, told))
    return " ".join(s for s, count in zip(told, counts) if count <= most)


def framed(told: list[str], most: int) -> str:
    """Take the first sentence, the last, and what has room between."""
    if len(told) < 2 or fill(told, most) == " ".join(told):
        return fill(told, most)
    last = told[-1]
    first = fill(told[:-1], most - count_words(last))
    return f"{first} {last}" if first else fill([last], most)


def shorten(items: Tag, most: int) -> list[Tag]:
    """Keep the first sentence of each item; make two lists of a long one."""
    items = copy.copy(items)
    for item in items.find_all("li", recursive=False):
        paragraph = item.p or item
        text = sentences(paragraph)[0] if paragraph.get_text().strip() else ""
        item.clear()
        item.append(soup_of(text))
    if count_words(items) <= most:
        return [items]
    second = copy.copy(items)
    found = items.find_all("li", recursive=False)
    half = (len(found) + 1) // 2
    for item in found[half:]:
        item.decompose()
    for item in second.find_all("li", recursive=False)[:half]:
        item.decompose()
    if items.name == "ol":
        second["start"] = str(half + 1)
    return [items, second]


# A page


def read_page(path: Path) -> tuple[Tag, BeautifulSoup]:
    """Read a built page; give its article without what slides do not need."""
    page = soup_of(path.read_text(encoding="utf-8"))
    article = page.select_one("article.bd-article")
    for node in article.select(
        ".headerlink, .journey-strip, .page-code, nav, .toctree-wrapper,"
        ".admonition:not(.exercise, .solution), .quiz-how"
    ):
        node.decompose()
    for link in article.select("a"):
        link.unwrap()
    for node in article.select("span.doc"):  # a title within a sentence
        node.name, node.attrs = "em", {}
    return article, page


def blocks(section: Tag) -> Iterator[Tag]:
    """Yield paragraphs and what is shown, in order, not of sections within."""
    for child in section.find_all(True, recursive=False):
        if child.name == "section":
            continue
        if child.name == "p":
            yield child
            continue
        found = [child] if child.name in ("ul", "ol", "figure", "table") else []
        if "math" in child.get("class", []):
            found = [child]
        yield from found or _outermost(child.select(KINDS))


def _outermost(found: list[Tag]) -> list[Tag]:
    inside = {id(child) for node in found for child in node.find_all(True)}
    return [node for node in found if id(node) not in inside]


def kind_of(node: Tag) -> str:
    """Name what a block is."""
    classes = node.get("class", [])
    if node.name == "figure":
        return "moving" if node.select_one(".played") else "figure"
    if node.name in ("table", "fieldset"):
        return node.name
    if node.name in ("ul", "ol"):
        return "list"
    if node.name == "p":
        return "p"
    for kind in ("math", "output"):
        if kind in classes:
            return kind
    return "code"


def fits(node: Tag, kind: str) -> bool:
    """Tell whether a slide has room for it."""
    if kind == "output":
        lines = node.get_text().strip().splitlines()
        return 1 < len(lines) <= MOST_LINES
    if kind == "table":
        return (
            len(node.select("tr")) <= MOST_ROWS and count_words(node) <= LISTED
        )
    return kind != "code"


# Slides


def caption_of(figure: Tag) -> str:
    """Take the first sentences of a caption, with its number."""
    number = figure.select_one(".caption-number")
    text = figure.select_one(".caption-text")
    told = [s for s in sentences(text) if not s.startswith(ON_PAPER)]
    told = fill(told, TOLD) or told[0]
    return f"{number} {told}" if number else told


def picture_of(figure: Tag) -> str:
    """Take a figure without its caption."""
    figure = copy.copy(figure)
    for node in figure.select("figcaption"):
        node.decompose()
    return str(figure)


class Section:
    """The slides of one section, made while its blocks are read."""

    def __init__(self, section: Tag, skip: set[str]) -> None:
        """Take a section and the names of what shall not be shown."""
        self.section, self.skip = section, skip
        head = section.find(["h1", "h2", "h3"], recursive=False)
        self.title = head.decode_contents().strip()
        self.said: list[str] = []
        self.notes: list[str] = []
        self.code: list[str] = []
        self.spare: list[tuple] = []  # for want of figures and formulas
        self.slides: list[Slide] = []

    def read(self) -> list[Slide]:
        """Make the slides."""
        for node in blocks(self.section):
            kind = kind_of(node)
            if kind == "p":
                self.said += sentences(node)
                self.notes.append(str(node))
            elif kind == "code":
                self.code.append(str(node))
            elif kind in ("math", "figure", "moving"):
                self.add(kind, node)
            elif kind != "fieldset" and not self.spare:
                self.keep(kind, node)
        if not self.slides:
            self.add_spare()
        elif self.notes:
            last = self.slides.pop()
            notes = last.notes + "".join(self.notes)
            self.slides.append(last._replace(notes=notes))
        return self.slides

    def keep(self, kind: str, node: Tag) -> None:
        """Keep what is shown if there is nothing better."""
        if kind == "list":
            lists = shorten(node, LISTED)
            self.spare = [(kind, str(part), [*self.said]) for part in lists]
        elif fits(node, kind):
            self.spare = [(kind, str(node), [*self.said])]

    def add(self, kind: str, node: Tag) -> None:
        """Make the slide of a figure or formula."""
        self.code += map(str, node.select("figcaption .highlight"))
        if node.get("id", "").removeprefix("equation-") in self.skip:
            return
        if kind == "math":
            self.show("math", str(node), self.said)
        else:
            self.show(kind, picture_of(node), self.said, caption_of(node))

    def add_spare(self) -> None:
        """Show a list, a table, what was printed, or text alone."""
        if not self.spare and self.said:
            self.spare = [("text", "", self.said)]
        for kind, shown, said in self.spare:
            self.show(kind, shown, [] if self.slides else said)

    def show(
        self, kind: str, shown: str, said: list[str], told: str = ""
    ) -> None:
        """Make a slide, with some of what was said since the last one."""
        # What leads to something leads to what is shown, or nowhere.
        last = len(said) if kind == "text" else len(said) - 1
        said = [s for n, s in enumerate(said) if n >= last or s[-1] != ":"]
        room = MOST_WORDS - count_words(told) - count_words(self.title)
        most = MOST_WORDS if kind == "text" else LEAD
        room = min(most, room - (count_words(shown) if kind == "list" else 0))
        if self.section.h1:
            lead = framed(up_to_the_question(said), room)
        elif kind == "math":  # what leads to a formula stands before it
            lead = framed(said[-1:] if self.slides else said, room)
        else:
            lead = "" if self.slides else fill(said, room)
        if not lead and not shown:
            return
        notes, code = "".join(self.notes), "".join(self.code)
        made = Slide(kind, self.title, lead, shown, told, code, notes)
        self.slides.append(made)
        self.said, self.notes, self.code = [], [], []


def up_to_the_question(said: list[str]) -> list[str]:
    """Cut a chapter's opening after its question."""
    asked = [
        n for n, s in enumerate(said) if soup_of(s).get_text().endswith("?")
    ]
    return said[: asked[-1] + 1] if asked else said


def quiz_slides(article: Tag, room: int) -> Iterator[Slide]:
    """Yield questions, as many as there is room for."""
    for field in article.select(".quiz fieldset")[: max(room, 0)]:
        legend = field.select_one("legend").extract()
        shown = f'<div class="quiz">{field}<p class="quiz-count"></p></div>'
        yield Slide("quiz", legend.decode_contents(), "", shown)


def exercise_slides(article: Tag) -> Iterator[Slide]:
    """Yield exercises that are short, with their solutions as notes."""
    asked, solved = article.select(".exercise"), article.select(".solution")
    for exercise, solution in zip(asked, solved, strict=True):
        title = exercise.select_one(".admonition-title").get_text()
        text = [p for p in exercise.select("p") if p.parent.name == "section"]
        told = " ".join(p.decode_contents() for p in text)
        solution.p.decompose()
        if text and count_words(told) + count_words(title) <= MOST_WORDS:
            notes = solution.decode_contents()
            yield Slide("text", title, told, "", notes=notes)


def slides_of(article: Tag, skip: set[str]) -> list[Slide]:
    """Make the slides of a chapter: what it says, questions, its summary."""
    exercises = list(exercise_slides(article))
    for node in article.select(".exercise, .solution"):
        node.decompose()
    made, end = [], None
    for section in article.select("section"):
        within = {parent.get("id") for parent in section.parents}
        if {section.get("id")} & (LEFT_OUT | skip) or within & LEFT_OUT:
            continue
        end = len(made) if section.get("id") == "summary" else end
        made += Section(section, skip).read()
    asked = list(
        quiz_slides(article, max(LEAST_ASKED, MOST_SLIDES - len(made)))
    )
    asked += exercises[: max(0, LEAST_SLIDES - len(made) - len(asked))]
    end = len(made) if end is None else end
    return at_most(made[:end] + asked + made[end:], MOST_SLIDES)


def at_most(slides: list[Slide], most: int) -> list[Slide]:
    """Leave out slides of text, then of what was printed, from the end on."""
    for kind in ("text", "output"):
        for slide in reversed(slides):
            if len(slides) > most and slide.kind == kind:
                slides = [each for each in slides if each is not slide]
    return slides


# A deck


def write_slide(slide: Slide) -> str:
    """Write a slide's HTML."""
    parts = {
        "lead": ("p", slide.lead),
        "told": ("p", slide.told),
        "code": ("div hidden", slide.code),
        "notes": ("aside hidden", slide.notes),
    }
    html = {
        name: f'<{tag} class="slide-{name}">{text}</{tag.split()[0]}>'
        for name, (tag, text) in parts.items()
        if text
    }
    stage = f'<div class="slide-shown">{slide.shown}</div>'
    return (
        f'<section class="slide" data-kind="{slide.kind}">'
        f"<h2>{slide.title}</h2>{html.get('lead', '')}"
        f'<div class="slide-stage">{stage}</div>{html.get("told", "")}'
        f"{html.get('code', '')}{html.get('notes', '')}</section>"
    )


def deck(path: Path, chapter: str) -> tuple[str, str, int]:
    """Write the deck of a page; give title, deck and number of slides."""
    article, page = read_page(path)
    slides = slides_of(article, skipped(chapter))
    styles = "".join(map(str, page.select('link[rel="stylesheet"]')))
    settings = [
        s for s in page.select("script") if "MathJax" in (s.string or "")
    ]
    state = page.select(f'script[type="{STATE}"]')
    scripts = "".join(map(str, settings[:1] + state))
    title = page.select_one("title").get_text().split(" — ")[0]
    names = ["_static/pages.js", "_static/widgets.js", "_static/quiz.js"]
    loaded = "".join(
        f'<script src="{n}"></script>' for n in [*names, "slides.js"]
    )
    text = (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light">'
        f'<head><meta charset="utf-8"><title>{title}: slides</title>{styles}'
        '<link rel="stylesheet" href="slides.css"></head><body>'
        '<main class="bd-content deck"><article class="bd-article">'
        f"{''.join(map(write_slide, slides))}</article></main>{scripts}{loaded}"
        "</body></html>"
    )
    text = re.sub(r"(?:\.\./)+(_static|_images)/", r"\1/", text)
    return title, text, len(slides)


def main(built: Path, folder: Path, names: list[str] | None = None) -> None:
    """Write the decks of chapters, by default of all, and what they need."""
    folder.mkdir(parents=True, exist_ok=True)
    unused = shutil.ignore_patterns("photo", "locales", "excerpts*", "journey")
    shutil.copytree(
        built / "_static", folder / "_static", dirs_exist_ok=True, ignore=unused
    )
    (folder / "_images").mkdir(exist_ok=True)
    for path in BY_HAND.iterdir():
        shutil.copy(path, folder)
    links = []
    for chapter in names or chapters():
        title, text, count = deck(built / "book" / f"{chapter}.html", chapter)
        for name in set(re.findall(r"_images/([^\"]+)", text)):
            shutil.copy(built / "_images" / name, folder / "_images")
        target = folder / f"{chapter}.html"
        target.write_text(text, encoding="utf-8")
        links.append(f'<li><a href="{chapter}.html">{title}</a>, {count}</li>')
        sys.stdout.write(f"{target}: {count} slides\n")
    index = INDEX.format("".join(links))
    (folder / "index.html").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("built", type=Path, help="the built book, _build/html")
    parser.add_argument("folder", type=Path, help="where the decks go")
    given = parser.parse_args()
    main(given.built, given.folder)
