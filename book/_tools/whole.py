"""Gather the built book in one document: cover, contents, chapters, solutions.

Nothing is run: what `make book` wrote is read. Solutions come last, as far from
the exercises as in a book; those who teach can leave these pages out.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import yaml
from bs4 import Tag
from chromium import open_page
from crosslinks import anchor, forget_names, join_names
from onpaper import (
    BUILT,
    HEADING,
    Chapter,
    parse,
    read_chapter,
    take_answers,
    text_of,
)
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
LAST = "Solutions"  # the part
# Sections that every chapter has: not worth a line of the contents.
COMMON = re.compile(r"What you will|Summary|Sources|Check")
SHEET = re.compile(r'<link[^>]*href="../(_static/[^"]*\.css[^"]*)"')
MATHJAX = {
    "startup": {"typeset": False},  # an e-book wants other formulas than paper
    "options": {
        "enableMenu": False,
        "enableAssistiveMml": False,  # a reader would find all formulas twice
        "processHtmlClass": "math",
        "ignoreHtmlClass": "whole",
    },
}


def settings() -> dict[str, Any]:
    """Read the book's settings."""
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


def version() -> tuple[str, str]:
    """Read the version and its day; before its release, that is today."""
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    number, day = re.search(r"^## \[(.+)\] - (\S+)", changes, re.M).groups()
    if day[0].isdigit():
        return number, day
    return f"{number}, not yet released", date.today().isoformat()


def toc() -> Iterator[tuple[str, str]]:
    """Yield the name of each page, and the part that begins with it."""
    told = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    yield Path(told["root"]).name, ""
    for part in told["parts"]:
        for number, entry in enumerate(part["chapters"]):
            yield Path(entry["file"]).name, "" if number else part["caption"]


def all_chapters(above: str, built: Path = BUILT) -> list[Chapter]:
    """Read all chapters, and make one more of the answers of each."""
    chapters = [read_chapter(*entry, built) for entry in toc()]
    pages = {chapter.name for chapter in chapters}
    answered = []
    for chapter in chapters:
        if answers := take_answers(chapter):
            part = "" if answered else LAST
            answered.append(_of_answers(chapter, part, answers))
            join_names(answered[-1], pages, above)
        chapter.body["id"] = chapter.name
        join_names(chapter, pages, above)
    for chapter in filter(lambda each: each.part, [*chapters, *answered]):
        told = f'<p class="part">{escape(chapter.part)}</p>'
        chapter.body.insert(0, parse(told))
    return [*chapters, *answered]


def _of_answers(chapter: Chapter, part: str, answers: list[Tag]) -> Chapter:
    name = anchor(chapter.name, LAST.lower())
    head = f"<h1>{escape(chapter.title)}</h1>"
    body = parse(f'<article class="bd-article answers" id="{name}">{head}')
    body.extend(answers)
    return Chapter(chapter.name, part, body)


# What the book has more than its pages


def cover(above: str) -> str:
    """Write the first page."""
    told, (number, day) = settings(), version()
    url = (told.get("repository") or {}).get("url", "")
    return f"""<section class="cover">
<p class="cover-title">{told["title"]}</p>
<p class="cover-told">How a network learns to color a gray photograph</p>
<img src="{above}/_static/share.jpg" alt="An old photograph, half gray, half
colored by the network of this book.">
<p>{told["author"]}</p>
<p>Version {number}<br>{day}</p>
<p class="cover-small">{f'<a href="{url}">{url}</a><br>' if url else ""}Text
and figures: CC BY 4.0. Code: MIT. Photographs: their own licenses, which the
project lists. What moves on a screen stands still here.</p></section>"""


def contents(chapters: list[Chapter]) -> str:
    """List parts, chapters and sections, with room for their pages."""
    lines = ['<nav class="pages"><h1>Contents</h1>']
    for chapter in chapters:
        if chapter.part:
            lines.append(f'<p class="in-part">{escape(chapter.part)}</p>')
        lines.append(_line(chapter.body, "in-chapter", chapter.title))
        for section in chapter.body.select(":scope > section > section"):
            title = text_of(section.find(HEADING))
            if not COMMON.match(title):
                lines.append(_line(section, "in-section", title))
    return "\n".join([*lines, "</nav>"])


def _line(place: Tag, kind: str, title: str) -> str:
    link = f'<a href="#{place["id"]}">{escape(title)}'
    return f'<p class="{kind}">{link}<span class="page-number"></span></a></p>'


# Read the contents in the opened document: kind, title and place of each line.
LINES = """() => [...document.querySelectorAll("nav.pages p")].map((line) => [
  line.className,
  (line.querySelector("a") ?? line).firstChild.data,
  line.querySelector("a")?.hash.slice(1) ?? ""])"""


def running_heads(chapters: list[Chapter]) -> str:
    """Have each chapter's title stand at the head of its pages."""
    rules = []
    for chapter in chapters:
        name = chapter.body["id"]
        if "answers" in chapter.body["class"]:  # in one go, on the same pages
            title, name = json.dumps(LAST), LAST
        else:
            title = json.dumps(chapter.title, ensure_ascii=False)
        rules.append(f"#{chapter.body['id']} {{ page: {name} }}")
        rules.append(f"@page {name} {{ @top-right {{ content: {title} }} }}")
    return "\n".join(rules)


def whole(above: str, built: Path = BUILT) -> str:
    """Return the document, to be written where `above` leads to the book."""
    chapters = all_chapters(above, built)
    page = (built / f"book/{chapters[0].name}.html").read_text("utf-8")
    sheets = [
        f'<link rel="stylesheet" href="{above}/{sheet}">'
        for sheet in dict.fromkeys(SHEET.findall(page))
    ]
    head = f"""<!DOCTYPE html>
<html lang="en" data-theme="light" class="whole"><head><meta charset="utf-8">
<title>{settings()["title"]}</title>{"".join(sheets)}
<style>{running_heads(chapters)}</style>
<script>window.MathJax = {json.dumps(MATHJAX)}</script>
<script defer src="{above}/_static/vendor/mathjax/tex-mml-chtml.js"></script>
</head><body>"""
    body = parse(f"<main>{cover(above)}{contents(chapters)}</main>")
    body.extend(chapter.body for chapter in chapters)
    forget_names(body)
    return f"{head}{body}</body></html>"


def above_of(target: Path, built: Path) -> str:
    """Return the way from a file's folder to the built book."""
    return os.path.relpath(built, target.parent)


@contextmanager
def open_whole(target: Path, built: Path = BUILT) -> Iterator[Page]:
    """Open the document in Chromium, to be made into the file `target`."""
    if not built.exists():
        raise SystemExit("the book is not built: run `make book` first")
    target.parent.mkdir(parents=True, exist_ok=True)
    source = target.with_name(f"{target.name}.html")
    source.write_text(whole(above_of(target, built), built), "utf-8")
    try:
        with open_page(source) as page:
            yield page
    finally:
        source.unlink()
