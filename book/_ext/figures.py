"""Lay out what the chapters' cells gave, for readers more than for machines.

A figure's code folds into its caption, set-up cells into one bar at the end of
the page. A figure with controls stands above the caption of its still picture.
Charts become part of the page, in the theme's colors, and printed tables real
tables. Figures and exercises of pages without a chapter number count from one.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from charts import inline_chart
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.osutil import relative_uri

SETUP = "Set-up and helpers of this page"
CODE = "Code of this figure"
LEAST_ROWS, LEAST_COLUMNS = 3, 3  # of what is taken for a table
MOST_COLUMNS = 8  # that a phone shows


class Fold(nodes.General, nodes.Element):
    """Content under a line that opens it: no script is needed."""


def _visit_fold(writer, node):
    kind, label = node["classes"][0], escape(node["label"])
    head = f'<details class="{kind}"><summary>{label}</summary>\n'
    writer.body.append(head)


def _depart_fold(writer, node):
    writer.body.append("</details>\n")


def _pass(writer, node):
    """Show the content alone: not every builder can fold."""


def fold(content: list[nodes.Node], label: str, kind: str) -> Fold:
    """Put nodes under a fold."""
    return Fold("", *content, label=label, classes=[kind])


# Tables


def read_table(text: str) -> list[list[str]] | None:
    """Read a printed table, a head and its rows; None for any other text.

    Two spaces part cells. A row may lack its last cell, the head its first.
    What is too wide for a phone is no table.
    """
    lines = [line.rstrip() for line in text.rstrip("\n").split("\n")]
    if len(lines) < LEAST_ROWS or not all(lines):
        return None
    rows = [re.split(" {2,}", line.strip()) for line in lines]
    count = max(map(len, rows))
    for line, row in zip(lines, rows, strict=True):
        if len(row) == count - 1:
            row.insert(0 if line.startswith("  ") else count, "")
    numbers = re.search(r"(?<![A-Za-z])\d", lines[0])  # "conv1" is a name
    if (
        not LEAST_COLUMNS <= count <= MOST_COLUMNS
        or numbers
        or {len(row) for row in rows} != {count}
    ):
        return None
    return rows


def is_aligned(text: str) -> bool:
    """Tell whether lines stand in columns, so that none may be broken.

    Most lines have a gap of two spaces or more between words.
    """
    lines = text.rstrip("\n").split("\n")
    gaps = sum(bool(re.search(r"\S {2,}\S", line)) for line in lines)
    return len(lines) >= LEAST_ROWS and 2 * gaps > len(lines)


def _row(cells: list[str], right: list[bool]) -> nodes.row:
    row = nodes.row()
    for cell, number in zip(cells, right, strict=True):
        entry = nodes.entry("", nodes.paragraph("", cell))
        entry["classes"] += ["text-right"] if number else []
        row += entry
    return row


def make_table(rows: list[list[str]]) -> nodes.table:
    """Build a table's nodes; numbers are aligned on the right."""
    columns = list(zip(*rows[1:], strict=True))
    numeric = re.compile(r"[-+]?[\d.,]+(e[-+]\d+)?%?")
    right = [
        all(numeric.fullmatch(c) for c in column if c) for column in columns
    ]
    group = nodes.tgroup("", cols=len(right))
    group += [nodes.colspec("", colwidth=1) for _ in right]
    group += nodes.thead("", _row(rows[0], right))
    group += nodes.tbody("", *(_row(row, right) for row in rows[1:]))
    return nodes.table("", group, classes=["printed"])


# The cells of a page


class Cells(SphinxPostTransform):
    """Lay out the cells of a page, in HTML."""

    default_priority = 20
    formats = ("html",)

    def run(self, **kwargs):
        """Change the document."""
        cells = [
            n for n in self.document.findall(nodes.container) if _is_cell(n)
        ]
        for cell in cells:
            self._draw_charts(cell)
            _set_tables(cell)
        for still, cell in zip(cells, cells[1:]):
            if "tag_still" in still["classes"]:
                _join(still, cell)
        away = [code for cell in cells for code in _fold_code(cell)]
        if away:
            self.document[0] += fold(away, SETUP, "page-code")
        for section in list(self.document.findall(nodes.section)):
            if "exercises" in section["ids"]:
                section.insert(1, self._tell_how_to_run())

    def _tell_how_to_run(self):
        home = self.env.docname
        there = self.app.builder.get_relative_uri(home, "book/setup")
        link = nodes.reference("", "Setup", refuri=there, internal=True)
        told = "To run the code of this page, and your own: see "
        return nodes.paragraph("", told, link, nodes.Text("."))

    def _draw_charts(self, cell):
        """Put a chart's drawing in place of a link to its file."""
        builder = self.app.builder
        folder = Path(builder.outdir) / builder.imagedir
        up = relative_uri(
            builder.get_target_uri(self.env.docname), builder.imagedir
        )
        for image in list(cell.findall(nodes.image)):
            path = Path(self.env.srcdir) / image["uri"].lstrip("/")
            if path.suffix != ".svg":
                continue
            name = (image.parent.get("names") or [path.stem])[0]
            svg = path.read_text(encoding="utf-8")
            chart = inline_chart(svg, name, image.get("alt", ""), folder, up)
            image.replace_self(nodes.raw("", chart, format="html"))


def _is_cell(node) -> bool:
    return node.get("nb_element") == "cell_code"


def _part(cell, kind):
    parts = [
        n for n in cell.children if n.get("nb_element") == f"cell_code_{kind}"
    ]
    return parts[0] if parts else None


def _set_tables(cell):
    output = _part(cell, "output")
    for block in list(output.findall(nodes.literal_block)) if output else []:
        if rows := read_table(block.astext()):
            block.replace_self(make_table(rows))
        elif is_aligned(block.astext()):
            block["classes"].append("aligned")


def _join(still, cell):
    """Let a figure with controls stand above its still picture's caption."""
    output, figure = (
        _part(cell, "output"),
        next(still.findall(nodes.figure), None),
    )
    if output is None or figure is None:
        return
    still["classes"].remove("tag_still")
    picture = figure.pop(0)
    media = nodes.container(classes=["played"])
    media += nodes.container("", picture, classes=["cell", "tag_still"])
    cell.remove(output)
    media += nodes.container("", output, classes=["cell"])
    figure.insert(0, media)
    if code := _part(cell, "source"):
        cell.remove(code)
        still.insert(1, code)  # after the still picture's own
    cell.parent.remove(cell)
    del cell["hide_mode"]  # nothing is left to hide


def _fold_code(cell) -> Iterator[nodes.Node]:
    """Fold a cell's hidden code; gives what belongs to the end of the page."""
    if cell.get("hide_mode") != "input":
        return
    del cell["hide_mode"]
    codes = [
        n for n in cell.children if n.get("nb_element") == "cell_code_source"
    ]
    figure = next(cell.findall(nodes.figure), None)
    check = re.search(
        r"def (check\w*)", "".join(code.astext() for code in codes)
    )
    for code in codes:
        cell.remove(code)
    if figure is not None:
        figure += nodes.legend("", fold(codes, CODE, "figure-code"))
    elif _part(cell, "output") is not None:
        cell += fold(codes, "Code", "figure-code")
    elif check:
        cell += fold(codes, f"Code of {check[1]}", "figure-code")
    else:
        cell.parent.remove(cell)
        yield from codes


def number_by_page(app, env):
    """Count anew on each page that no chapter number tells from the others."""
    for kinds in env.toc_fignumbers.values():
        for numbers in kinds.values():
            alone = [key for key, number in numbers.items() if len(number) == 1]
            numbers.update({key: (n,) for n, key in enumerate(alone, 1)})
    return []  # Sphinx, which counted first, has listed the pages to write


class SolutionTitles(SphinxPostTransform):
    """Let the link of "Solution to Exercise 1.1" begin at its first letter."""

    default_priority = 30  # sphinx-exercise makes it at 21
    formats = ("html",)

    def run(self, **kwargs):
        """Change the document."""
        for title in list(self.document.findall(nodes.title)):
            for link in title.children:
                text = link.next_node(nodes.Text)
                if isinstance(link, nodes.reference) and text[:1] == " ":
                    link.replace(text, nodes.Text(text.lstrip()))
                    title.insert(title.index(link), nodes.Text(" "))
                    break


def setup(app):
    """Register with Sphinx."""
    app.add_node(
        Fold,
        html=(_visit_fold, _depart_fold),
        latex=(_pass, _pass),
        text=(_pass, _pass),
    )
    app.add_post_transform(Cells)
    app.add_post_transform(SolutionTitles)
    after = 600  # Sphinx counts at 500
    app.connect("env-get-updated", number_by_page, priority=after)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
