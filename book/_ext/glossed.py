"""Link a term to the glossary where a chapter first uses what another explains.

Only its first use in a chapter is a link, and none if the chapter itself sets
the term in bold, which explains it. `_static/previews.js` shows the meaning.
"""

import re
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "book/glossary"
ENTRY = re.compile(r"^(\S.*)\n  .+ \(\{doc\}`(\w+) <\w+>`\)$", re.M)
# Words that mean something else as often, and what every chapter says.
ALSO_COMMON = set(
    "accumulation alpha batch bin cell clipping gamma gradient head kernel "
    "loss mode padding prior regression scribbles seed shard smoothing sparse "
    "swatch temperature white width worker Lab lightness logits".split()
)
LEFT_OUT = {"exercises", "sources", "what-you-will-be-able-to-do"}  # sections
AROUND = (nodes.figure, nodes.table, nodes.title, nodes.footnote)


@cache
def load_terms(folder: Path) -> dict[str, str]:
    """Return the terms that are linked, and the chapter that explains each."""
    text = (folder / "glossary.md").read_text(encoding="utf-8")
    return {
        t: chapter for t, chapter in ENTRY.findall(text) if t not in ALSO_COMMON
    }


def pattern_of(terms: list[str]) -> re.Pattern:
    """Find any of the terms, the longest first, also capital or as a plural."""
    longest = sorted(terms, key=len, reverse=True)
    words = [
        f"[{term[0].upper()}{term[0]}]{re.escape(term[1:])}" for term in longest
    ]
    return re.compile(rf"(?<![\w-])({'|'.join(words)})(?:s|es)?(?![\w-])")


def term_of(seen: str, terms: list[str]) -> str:
    """Return the term as the glossary writes it."""
    return next(
        t for t in terms if t[0].lower() + t[1:] == seen[0].lower() + seen[1:]
    )


def link_terms(document: nodes.document, terms: list[str], link) -> list[str]:
    """Link the first use of each term in a page's prose; return these."""
    bold = {node.astext().lower() for node in document.findall(nodes.strong)}
    left = [term for term in terms if term.lower() not in bold]
    linked = []
    for text in list(document.findall(nodes.Text)):
        if not left or not _is_prose(text):
            continue
        if found := pattern_of(left).search(text):
            term = term_of(found[1], left)
            left.remove(term)
            linked.append(term)
            before, after = text[: found.start()], text[found.end() :]
            parts = [
                nodes.Text(before),
                link(term, found[0]),
                nodes.Text(after),
            ]
            text.parent.replace(text, parts)
    return linked


def _is_prose(text: nodes.Text) -> bool:
    node = text.parent
    if not isinstance(node, nodes.paragraph):
        return False
    while node is not None:
        classes = " ".join(node.get("classes", []))
        if isinstance(node, AROUND) or re.search(
            "solution|exercise|quiz", classes
        ):
            return False
        if LEFT_OUT & set(node.get("ids", [])):
            return False
        node = node.parent
    return True


class Glossed(SphinxPostTransform):
    """Link terms in the chapters, in HTML."""

    default_priority = 30
    formats = ("html",)

    def run(self, **kwargs):
        """Change the document."""
        folder, _, chapter = self.env.docname.rpartition("/")
        if not (Path(self.env.srcdir) / folder / f"{chapter}.ipynb").exists():
            return
        known = load_terms(Path(self.env.srcdir) / folder)
        objects = self.env.get_domain("std").objects
        home = self.app.builder.get_relative_uri(self.env.docname, GLOSSARY)

        def link(term, seen):
            _, anchor = objects["term", term]
            address = {"refuri": f"{home}#{anchor}", "internal": True}
            return nodes.reference("", seen, classes=["glossed"], **address)

        terms = [
            term
            for term, explains in known.items()
            if explains != chapter and ("term", term) in objects
        ]
        link_terms(self.document, terms, link)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(Glossed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
