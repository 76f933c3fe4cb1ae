"""Give the search words to show below each page that it finds.

Sphinx's own search asks for every page found, to cut a piece out of it. A page
opened from a folder may not do that. So the book's prose, section by section,
is written into one script. The search's page loads it (`_static/excerpts.js`),
and other pages when a link is pointed at (`_static/previews.js`).
"""

import base64
import gzip
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

FILE = "_static/excerpts-data.js"
PROSE = (nodes.paragraph, nodes.caption)
PAGES = re.compile(
    r"(?!book/api$)"
)  # the library's page: titles and names will do


def read_sections(document: nodes.document) -> list[list[str]]:
    """Return a page's sections, in order, each as its anchor and its prose."""
    found = []
    for section in document.findall(nodes.section):
        texts = [
            node.astext()
            for node in section.findall(lambda n: isinstance(n, PROSE))
            if _section_of(node) is section
        ]
        prose = re.sub(r"\s+", " ", " ".join(texts)).strip()
        anchor = f"#{section['ids'][0]}" if found else ""
        found.append([anchor, prose])
    return found + read_terms(document)


def read_terms(document: nodes.document) -> list[list[str]]:
    """Return a glossary's terms, each as its anchor and what it means."""
    return [
        [f"#{term['ids'][0]}", re.sub(r"\s+", " ", item[-1].astext())]
        for glossary in document.findall(addnodes.glossary)
        for item in glossary.findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        if term["ids"]
    ]


def _section_of(node: nodes.Node) -> nodes.Node | None:
    while not isinstance(node, nodes.section):
        if isinstance(node, addnodes.glossary):
            return None  # its entries stand by themselves
        node = node.parent
    return node


def pack(told: dict[str, list[list[str]]]) -> str:
    """Return the script that holds the prose of all pages, compressed."""
    text = json.dumps(told, ensure_ascii=False).encode()
    packed = base64.b64encode(gzip.compress(text, mtime=0)).decode()
    return f'const EXCERPTS = "{packed}";\n'


def unpack(script: str) -> dict[str, list[list[str]]]:
    """Return what the script holds."""
    packed = script.split('"')[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def _add_scripts(app, pagename, templatename, context, doctree):
    if pagename == "search":
        late = 900  # after pages.js
        app.add_js_file(Path(FILE).name, priority=late)
        app.add_js_file("excerpts.js", priority=late)


def _write(app, error):
    if error is None and app.builder.format == "html":
        pages = filter(PAGES.match, sorted(app.env.found_docs))
        told = {
            name: read_sections(app.env.get_doctree(name)) for name in pages
        }
        (Path(app.outdir) / FILE).write_text(pack(told), encoding="utf-8")


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", _add_scripts)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
