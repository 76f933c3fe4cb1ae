"""Give the search words to show below each page that it finds.

Sphinx's own search asks for every page found, to cut a piece out of it. A page
opened from a folder may not do that. So the book's prose, section by section,
is written into one script, and its code and the library's names into another.
The search's page loads both (`_static/excerpts.js`), and other pages the first
one when a link is pointed at (`_static/previews.js`).
"""

import base64
import gzip
import json
import re
from pathlib import Path

from docutils import nodes
from plainmath import plain_math
from sphinx import addnodes

FILE = "_static/excerpts-data.js"
CODE_FILE = "_static/excerpts-code.js"  # which only the search loads
PROSE = (nodes.paragraph, nodes.caption)
CODE = (nodes.literal_block,)  # and what it printed
LIBRARY = "book/api"
OPEN, CLOSE = '<details class="answers">', "</details>"


def read_sections(document: nodes.document, kinds=PROSE) -> list[list[str]]:
    """Return a page's sections: of each its anchor, its prose and its heading.

    Other kinds of nodes give another text; a section without is left out. The
    page's own heading is left out: the search names the page.
    """
    found = []
    for number, section in enumerate(document.findall(nodes.section)):
        anchor = f"#{section['ids'][0]}" if number else ""
        text = _text_of(section, kinds)
        if text or kinds is PROSE:
            found.append([anchor, text, _title_of(section) if number else ""])
    return found


def read_terms(document: nodes.document) -> list[list[str]]:
    """Return a glossary's terms: of each its anchor, its meaning, itself."""
    return [
        [
            f"#{term['ids'][0]}",
            re.sub(r"\s+", " ", _words_of(item[-1])),
            term.astext(),
        ]
        for glossary in document.findall(addnodes.glossary)
        for item in glossary.findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        if term["ids"]
    ]


def read_objects(document: nodes.document) -> list[list[str]]:
    """Return the library's names: of each its anchor, what it does, itself."""
    found = []
    for item in document.findall(addnodes.desc):
        signature, content = item[0], item[-1]
        if item.get("no-index") or not signature.get("ids"):
            continue
        told = [n for n in content if isinstance(n, nodes.paragraph)]
        text = re.sub(r"\s+", " ", " ".join(map(_words_of, told)))
        found.append([f"#{signature['ids'][0]}", text, signature["fullname"]])
    return found


def _title_of(section: nodes.section) -> str:
    title = section.next_node(nodes.title)
    return re.sub(r"\s+", " ", _words_of(title)).strip() if title else ""


def _text_of(section: nodes.section, kinds: tuple[type, ...]) -> str:
    texts = [
        _words_of(node)
        for node in section.findall(lambda n: isinstance(n, kinds))
        if _section_of(node) is section and not _is_folded(node)
    ]
    return re.sub(r"\s+", " ", " ".join(texts)).strip()


def _is_folded(node: nodes.Node) -> bool:
    """Say whether a node is between the raw tags that fold an answer."""
    while not isinstance(node.parent, nodes.section):
        node = node.parent
    around = node.parent[: node.parent.index(node)]
    raw = "".join(n.astext() for n in around if isinstance(n, nodes.raw))
    return raw.count(OPEN) > raw.count(CLOSE)


def _words_of(node: nodes.Node) -> str:
    """Return a node's text, its formulas without TeX's commands."""
    if isinstance(node, nodes.math):
        return plain_math(node.astext())
    if not node.children or isinstance(node, CODE):
        return node.astext()
    return node.child_text_separator.join(map(_words_of, node.children))


def _section_of(node: nodes.Node) -> nodes.Node | None:
    while not isinstance(node, nodes.section):
        if isinstance(node, addnodes.glossary):
            return None  # its entries stand by themselves
        node = node.parent
    return node


def pack(told: dict[str, list[list[str]]], name: str = "EXCERPTS") -> str:
    """Return the script that holds the texts of all pages, compressed."""
    text = json.dumps(told, ensure_ascii=False).encode()
    packed = base64.b64encode(gzip.compress(text, mtime=0)).decode()
    return f'const {name} = "{packed}";\n'


def unpack(script: str) -> dict[str, list[list[str]]]:
    """Return what the script holds."""
    packed = script.split('"')[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def _add_scripts(app, pagename, templatename, context, doctree):
    if pagename == "search":
        late = 900  # after pages.js
        app.add_js_file(Path(FILE).name, priority=late)
        app.add_js_file(Path(CODE_FILE).name, priority=late)
        app.add_js_file("excerpts.js", priority=late)


def _read(document, name):
    if name == LIBRARY:
        return [], read_objects(document)
    prose = read_sections(document) + read_terms(document)
    return prose, read_sections(document, CODE)


def _keep(app, document, name):
    """Read a page once its references have names and numbers."""
    app.excerpts[name] = _read(document, name)


def _begin(app):
    app.excerpts = {}


def _write(app, error):
    if error is not None or app.builder.format != "html":
        return
    pages = sorted(app.env.found_docs)
    told = [  # a page that is not written anew is read as it was kept
        app.excerpts.get(name) or _read(app.env.get_doctree(name), name)
        for name in pages
    ]
    prose, code = ({n: t[kind] for n, t in zip(pages, told)} for kind in (0, 1))
    folder = Path(app.outdir)
    (folder / FILE).write_text(pack(prose), encoding="utf-8")
    (folder / CODE_FILE).write_text(pack(code, "CODES"), encoding="utf-8")


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", _begin)
    app.connect("doctree-resolved", _keep)
    app.connect("html-page-context", _add_scripts)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
