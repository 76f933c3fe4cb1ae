"""Read a page of the built book as it is on paper.

What is only of use on a screen goes away, figures that move keep their still
picture, and no fold stays: what answers a question is taken out, with a title
that leads back to it, and what adds something to the text stands open.
"""

import re
from html import escape
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

BUILT = Path(__file__).parents[2] / "_build/html"
AWAY = (
    "script, link, button, input, .headerlink, .journey-strip, .figure-code, "
    ".page-code, .quiz-how, .quiz-count, .quiz .reasons, #photo-lab, "
    ".timeline > label, details.hide > summary"
)
FOLDS = "details.answers, .dropdown.admonition:not(.solution)"
# Titles of folds that answer what stands above them.
ANSWER = re.compile(r"Answer|What we |Which one|On the second")
OWN_NAME = re.compile(r"[A-Z]\d+(?=\.)")  # of a question: "B1."
FORMS = {"fieldset": "div", "legend": "p", "label": "p"}  # of a quiz
TALL = 1.15  # as high as wide, and higher: such figures may take a page
HEADING = re.compile("^h[1-6]$")


class Chapter(NamedTuple):
    """A page of the book: its name, the part it begins, its text."""

    name: str
    part: str
    body: Tag

    @property
    def title(self) -> str:
        """Read the heading."""
        return text_of(self.body.find(HEADING))


def text_of(tag: Tag) -> str:
    """Return the words of a tag, with one space between."""
    return " ".join(tag.get_text().split())


def parse(text: str) -> Tag:
    """Return the first tag of some markup."""
    return BeautifulSoup(text, "html.parser").find(True)


def read_chapter(name: str, part: str = "", built: Path = BUILT) -> Chapter:
    """Read the text of a page, without what is around it."""
    page = (built / f"book/{name}.html").read_text("utf-8")
    article = parse(page[page.index("<article") : page.index("</article>")])
    chapter = Chapter(name, part, article)
    take_away(chapter.body)
    tell_of_play(chapter)
    for chart in article.select(".chart"):
        width, height = (float(chart[side]) for side in ("width", "height"))
        chart["class"] += ["tall"] if height > TALL * width else []
    return chapter


def take_away(body: Tag) -> None:
    """Take out what moves, what is pressed and what is hidden."""
    for moving in body.select(".played > :not(.tag_still)"):
        moving.decompose()
    for tag in body.select(AWAY):
        tag.decompose()
    for tag in body.select("details.hide"):
        tag.name, tag["class"] = "div", []
    for tag in body.select(".quiz :is(fieldset, legend, label)"):
        tag["class"], tag.name = [f"quiz-{tag.name}"], FORMS[tag.name]


def tell_of_play(chapter: Chapter) -> None:
    """Say below a still picture on which page it moves."""
    for figure in chapter.body.select("figure:is(:has(.played), .still)"):
        part = f"#{figure['id']}" if figure.get("id") else ""
        page = f"{chapter.name}.html{part}"
        told = f'<p class="moves">On a screen it moves: <code>{page}</code></p>'
        figure.figcaption.append(parse(told))


def take_answers(chapter: Chapter) -> list[Tag]:
    """Take the answers out of a chapter, and open all other folds."""
    found = []
    for tag in chapter.body.select(f".solution, .quiz-key, {FOLDS}"):
        kinds, title = tag["class"], tag.find(["summary", "p"])
        if tag.find_parent(class_="solution"):
            continue  # it goes with the one around it
        if "solution" in kinds:
            asked = chapter.body.find(id=title.a["href"][1:])
            asked.p.append(_see("solution", tag["id"]))
        elif "quiz-key" in kinds or ANSWER.match(title.text):
            tag = _answer(tag, title, f"answers-{len(found)}")
        else:
            _open(tag, title)
            continue
        tag["class"] = ["solution"]
        found.append(tag)
    return [tag.extract() for tag in found]


def _see(kind: str, name: str) -> Tag:
    """Make a link to an answer, with room for its page."""
    link = f'<a href="#{name}">{kind}<span class="page-number"></span></a>'
    return parse(f'<span class="see">{link}</span>')


def _answer(tag: Tag, title: Tag | None, name: str) -> Tag:
    """Make an answer, whose title leads back to the section that asks."""
    section = tag.find_parent("section")
    asked = escape(text_of(section.find(HEADING)))
    above = tag.find_previous_sibling()
    strong = above.strong if above else None
    if strong and (own := OWN_NAME.match(text_of(strong))):
        asked += f", {own[0]}"
    link = f'<a href="#{section["id"]}">{asked}</a>'
    tag.insert_before(_see("answers", name))
    if title:
        title.decompose()
    tag = tag if title else tag.wrap(parse("<div></div>"))
    tag.insert(0, parse(f'<p class="admonition-title">Answers: {link}</p>'))
    tag.name, tag["id"] = "div", name
    return tag


def _open(tag: Tag, title: Tag) -> None:
    """Make a box of a fold."""
    title.name, title["class"] = "p", ["admonition-title"]
    tag.name, tag["class"] = "div", ["admonition", "aside"]
