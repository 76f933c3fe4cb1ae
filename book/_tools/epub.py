"""Pack the built book for readers of e-books: `make epub`.

    python book/_tools/epub.py out/colorization-lab.epub

Chromium sets the formulas, and writes each as MathML, which needs no script,
and every page as XHTML. Here they become files that know of each other.
"""

import re
import sys
import uuid
from html import escape
from itertools import pairwise
from mimetypes import guess_type
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from onpaper import BUILT
from playwright.sync_api import Page
from whole import LINES, above_of, open_whole, settings, version

HERE = Path(__file__).parent
COVER = {"width": 1200, "height": 1600}
COVER_CSS = """html { font-size: 28px; background: #fff; }
.cover { height: 1600px; padding: 200px 100px 0; text-align: center; }
.cover p { font-size: 40px; }
.cover .cover-title { font-size: 92px; font-weight: 700; line-height: 1.1; }
.cover .cover-small { margin-top: 60px; font-size: 28px; }
.cover img { width: 100%; margin: 60px 0; }
nav, article { display: none; }"""
XHTML = "application/xhtml+xml"
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"
 xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en"
 data-theme="light">
<head><title>{title}</title>
<link rel="stylesheet" href="book/_static/pygments.css" type="text/css"/>
<link rel="stylesheet" href="epub.css" type="text/css"/></head>
<body>{body}</body></html>
"""
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0"
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf"
 media-type="application/oebps-package+xml"/></rootfiles></container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" xml:lang="en"
 unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{id}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:date>{day}</dc:date>
<dc:description>Version {version}</dc:description>
<dc:rights>Text and figures: CC BY 4.0. Code: MIT.</dc:rights>
<meta property="dcterms:modified">{day}T00:00:00Z</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta name="cover" content="cover.jpg"/>
</metadata>
<manifest>
{items}
</manifest>
<spine>
{spine}
</spine>
</package>
"""


class Part(NamedTuple):
    """A file of the book that one reads."""

    name: str
    title: str
    body: str


def read_parts(page: Page) -> list[Part]:
    """Have the page write its parts as XHTML."""
    script = (HERE / "epub.js").read_text("utf-8")
    return [Part(*each) for each in page.evaluate(script)]


def photograph_cover(page: Page) -> bytes:
    """Return the cover as a JPEG."""
    page.set_viewport_size(COVER)
    page.add_style_tag(content=COVER_CSS)
    return page.screenshot(type="jpeg", quality=85)


def link_files(parts: list[Part], above: str) -> tuple[list[Part], set[str]]:
    """Lead links to files; give also the files of the built book in use."""
    homes = {
        name: part.name
        for part in parts
        for name in re.findall(r'\bid="([^"]+)"', part.body)
    }
    used = set()

    def lead(found: re.Match) -> str:
        return f'<a{found[1]}href="{homes[found[2]]}.xhtml#{found[2]}"'

    def take(found: re.Match) -> str:
        used.add(found[1])
        return f'"book/{found[1]}"'

    linked = []
    for part in parts:
        body = re.sub(r'<a([^>]*\b)href="#([^"]+)"', lead, part.body)
        body = re.sub(f'"{re.escape(above)}/([^"]+)"', take, body)
        linked.append(part._replace(body=body))
    return linked, used


def nested(items: list[tuple[int, str]]) -> str:
    """Write items, each after its depth, as lists in lists."""
    if not items:
        return ""
    starts = [n for n, (depth, _) in enumerate(items) if depth == items[0][0]]
    within = (
        f"<li>{items[start][1]}{nested(items[start + 1 : end])}</li>\n"
        for start, end in pairwise([*starts, len(items)])
    )
    return f"<ol>{''.join(within)}</ol>"


def contents(lines: list, parts: list[Part]) -> Part:
    """Write the contents, which a reader shows beside the text."""
    names = {part.name for part in parts}
    items, parted, home = [], 0, ""
    for kind, title, place in lines:
        if kind == "in-part":
            parted = 1
            items.append((0, f"<span>{escape(title)}</span>"))
            continue
        home = place if place in names else home
        link = f'<a href="{home}.xhtml#{place}">{escape(title)}</a>'
        items.append((parted + (kind == "in-section"), link))
    nav = f'<nav epub:type="toc"><h1>Contents</h1>{nested(items)}</nav>'
    return Part("contents", "Contents", nav)


def package(parts: list[Part], used: set[str]) -> str:
    """Write the list of all files, and the order in which one reads."""
    items = ['<item id="css" href="epub.css" media-type="text/css"/>']
    for number, path in enumerate(["cover.jpg", *sorted(used)]):
        kind, path = guess_type(path)[0], f"book/{path}" if number else path
        told = f'id="file{number}" href="{path}" media-type="{kind}"'
        cover = "" if number else ' properties="cover-image"'
        items.append(f"<item {told}{cover}/>")
    for part in parts:
        has = [kind for kind in ("math", "svg") if f"<{kind}" in part.body]
        has = [{"math": "mathml"}.get(kind, kind) for kind in has]
        has += ["nav"] if part.name == "contents" else []
        told = f' properties="{" ".join(has)}"' if has else ""
        name = f'id="{part.name}" href="{part.name}.xhtml"'
        items.append(f'<item {name} media-type="{XHTML}"{told}/>')
    spine = [f'<itemref idref="{part.name}"/>' for part in parts]
    (number, day), told = version(), settings()
    return PACKAGE.format(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{told['title']} {number}"),
        title=escape(told["title"]),
        author=escape(told["author"]),
        day=day,
        version=number,
        items="\n".join(items),
        spine="\n".join(spine),
    )


def main(target: Path, built: Path = BUILT) -> None:
    """Write the e-book."""
    with open_whole(target, built) as page:
        lines = page.evaluate(LINES)
        parts, used = link_files(read_parts(page), above_of(target, built))
        cover = photograph_cover(page)
    front, *chapters = parts
    shown = Part("cover", "Cover", '<p><img src="cover.jpg" alt="Cover"/></p>')
    parts = [shown, front, contents(lines, chapters), *chapters]
    used |= {"_static/pygments.css"}
    unfinished = target.with_suffix(".unfinished.epub")
    with ZipFile(unfinished, "w", ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("OEBPS/book.opf", package(parts, used))
        book.writestr("OEBPS/cover.jpg", cover)
        book.write(HERE / "epub.css", "OEBPS/epub.css")
        for part in parts:
            page = PAGE.format(title=escape(part.title), body=part.body)
            book.writestr(f"OEBPS/{part.name}.xhtml", page)
        for path in sorted(used):
            book.write(built / path, f"OEBPS/book/{path}")
    unfinished.replace(target)
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
