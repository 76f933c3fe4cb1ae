"""Let names and links of the book's pages hold in one document of all pages.

The name of an anchor begins with its page's: pages use the same ones. A link to
another page becomes one to its place in the document, and what no link leads to
loses its name, since names that the pages repeat are not allowed there.
"""

import re

from bs4 import Tag
from onpaper import Chapter

UNFIT = re.compile(r"[^\w.-]")  # for a name in XML
# Addresses that hold in any folder. Sphinx takes DATA@SIZE for somebody's mail.
ELSEWHERE = re.compile(r"#|(?!mailto:)[a-z]+:|$")


def anchor(page: str, part: str = "") -> str:
    """Name a page, or a place of it."""
    return UNFIT.sub("-", f"{page}--{part}" if part else page)


def join_names(chapter: Chapter, pages: set[str], above: str) -> None:
    """Rename a chapter's anchors, and lead its links there.

    `above` leads from the document to the folder of the built book.
    """
    for tag in chapter.body.find_all(id=True):
        tag["id"] = anchor(chapter.name, tag["id"])
    for tag in chapter.body.select("svg *"):
        for key, value in tag.attrs.items():
            if isinstance(value, str):  # a class is a list
                tag[key] = value.replace("url(#", f"url(#{chapter.name}--")
    for tag in chapter.body.find_all(["a", "use"], href=True):
        _lead(tag, chapter.name, pages)
    for tag in chapter.body.find_all(["img", "image"]):
        key = "src" if tag.name == "img" else "href"
        if not ELSEWHERE.match(tag[key]):
            tag[key] = f"{above}/{tag[key].removeprefix('../')}"


def _lead(tag: Tag, home: str, pages: set[str]) -> None:
    """Let a link lead to a place in the document, or be mere text."""
    page, _, part = tag["href"].partition("#")
    name = page.removesuffix(".html") or home
    if name in pages:
        tag["href"] = f"#{anchor(name, part)}"
    elif not ELSEWHERE.match(page):
        tag.unwrap()


def forget_names(document: Tag) -> None:
    """Drop names that no link needs; a link to none leads to its page."""
    links = document.select("[href^='#']")
    there = {tag["id"] for tag in document.find_all(id=True)}
    for tag in links:
        if tag["href"][1:] not in there:
            tag["href"] = tag["href"].partition("--")[0]
    wanted = {tag["href"][1:] for tag in links}
    for tag in document.find_all(id=True):
        name = tag["id"]
        if name not in wanted and not tag.find_parent("svg"):
            del tag["id"]
        wanted -= {name}  # the first of a name keeps it
