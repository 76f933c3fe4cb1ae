"""What is made when the book is built, and so cannot drift.

`{notation} GROUP` gives a table of `notation.yml`; `{sessions}` adds up the
minutes that the chapters state, and `{minutes}` shares them out among their
sections. Sphinx's autodoc makes the page `api`; how it
reads our docstrings is settled here.
"""

import importlib
import inspect
import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

BOOK = Path(__file__).parents[1]
CODE = re.compile(r"(\w+)\.([\w.]+)(?:\((\w+)\))?")  # module.name(variable)
# "**Time:** about 25 minutes to read, 30 more for the exercises."
TIME = re.compile(
    r"\*\*Time:\*\* (?:about )?(\d+) minutes(?:[^.\n]*?(\d+) more)?"
)
# A student's pace. What is folded, or is no text, is not read.
WORDS_A_MINUTE, FIGURE, PLAYED = 140, 0.4, 2  # minutes to look, and to play
UNREAD = re.compile(r"<details[\s\S]*?</details>|(`{3,})\{[a-z-]+\}[\s\S]*?\1")
NOT_READ = ("Five questions", "Exercises", "Sources")  # not counted as reading


def load_notation() -> dict[str, list[dict]]:
    """Read the symbols by group; "local" lists those without a row."""
    text = (BOOK / "notation.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def find_code(name: str) -> tuple[object, str, str]:
    """Find "module.name(variable)": the object, its path, the variable."""
    module, path, variable = CODE.fullmatch(name).groups()
    found = importlib.import_module(f"colorlab.{module}")
    for part in path.split("."):
        found = getattr(found, part)
    return found, f"colorlab.{module}.{path}", variable or ""


def chapter_minutes(name: str) -> tuple[int, int]:
    """Read a chapter's own figures: to read, and for its exercises."""
    text = (BOOK / f"{name}.ipynb").read_text(encoding="utf-8")
    cells = ("".join(cell["source"]) for cell in json.loads(text)["cells"])
    found = TIME.search("\n".join(cells))
    if not found:
        raise ValueError(f"{name} must state its time as {TIME.pattern}")
    return int(found[1]), int(found[2] or 0)


def sections_minutes(name: str) -> list[tuple[str, int]]:
    """Share a chapter's minutes to read out among its sections.

    Each gets its share of words, figures and figures that move, in whole
    minutes that sum to the chapter's.
    """
    text = (BOOK / f"{name}.ipynb").read_text(encoding="utf-8")
    times: dict[str, float] = {}
    title = ""
    for cell in json.loads(text)["cells"]:
        source, metadata = "".join(cell["source"]), cell["metadata"]
        if cell["cell_type"] == "code":
            shown = "figure" in metadata.get("mystnb", {})
            played = "still" in metadata.get("tags", [])
            times[title] += PLAYED if played else FIGURE if shown else 0
            continue
        parts = re.split(r"^(?=##? )", UNREAD.sub("", source), flags=re.M)
        for part in filter(str.strip, parts):
            if head := re.match(r"##? (.*)", part):
                title = head[1] if part.startswith("## ") else "opening"
            times[title] = times.get(title, 0)
            times[title] += len(part.split()) / WORDS_A_MINUTE
    times = {t: m for t, m in times.items() if t not in NOT_READ}
    return list(
        zip(times, _whole(list(times.values()), chapter_minutes(name)[0]))
    )


def _whole(parts: list[float], total: int) -> list[int]:
    """Scale to whole numbers of a sum, with the largest remainders up."""
    scaled = [part * total / sum(parts) for part in parts]
    order = sorted(range(len(parts)), key=lambda n: int(scaled[n]) - scaled[n])
    up = set(order[: total - sum(map(int, scaled))])
    return [int(part) + (n in up) for n, part in enumerate(scaled)]


def minutes_table(names: list[str]) -> list[str]:
    """Return the lines of a Markdown table, a chapter a row."""
    lines = ["| chapter | its sections, with minutes |", "|---|---|"]
    for name in names:
        told = (
            f"{title} **{minutes}**" if minutes else title
            for title, minutes in sections_minutes(name)
        )
        lines.append(f"| {{doc}}`{name} <{name}>` | {'; '.join(told)} |")
    return lines


def notation_table(rows: list[dict]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [
        "| symbol | meaning | shape; unit | in code |",
        "|---|---|---|---|",
    ]
    for row in rows:
        size = "; ".join(filter(None, [_shape(row["shape"]), row["unit"]]))
        code = "; ".join(map(_link, row.get("code", [])))
        lines.append(
            f"| ${row['symbol']}$ | {row['meaning']} | {size} | {code} |"
        )
    return lines


def sessions_table(sessions: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table; a session is a list of chapters."""
    lines = ["| session | chapters | read | exercises |", "|---|---|---|---|"]
    for number, chapters in enumerate(sessions, start=1):
        links = ", ".join(f"{{doc}}`{name} <{name}>`" for name in chapters)
        stored = [c for c in chapters if (BOOK / f"{c}.ipynb").exists()]
        minutes = map(sum, zip((0, 0), *map(chapter_minutes, stored)))
        read, practice = (f"{sum_} min" for sum_ in minutes)
        lines.append(f"| {number} | {links} | {read} | {practice} |")
    return lines


def _shape(text: str) -> str:
    return f"`{text}`" if text.startswith("(") else text


def _link(name: str) -> str:
    """Write a code name, with a link where the page `api` has it."""
    found, path, variable = find_code(name)
    short = path.split(".", 2)[-1]
    roles = {"func": inspect.isfunction(found), "class": inspect.isclass(found)}
    kind = next((role for role, fits in roles.items() if fits), None)
    if kind and not short.startswith("_"):
        kind = "meth" if "." in short else kind
        link = f"{{py:{kind}}}`{short} <{path}>`"
    else:
        link = f"`{path.removeprefix('colorlab.')}`"
    return f"`{variable}` in {link}" if variable else link


class _Table(SphinxDirective):
    def _show(self, lines: list[str]) -> list[nodes.Node]:
        for path in (BOOK / "notation.yml", *BOOK.glob("*.ipynb")):
            self.env.note_dependency(str(path))  # read the page again
        return self.parse_text_to_nodes("\n".join(lines))


class Notation(_Table):
    """`{notation} GROUP`."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Make the table of one group."""
        return self._show(notation_table(load_notation()[self.arguments[0]]))


class Sessions(_Table):
    """`{sessions}`: each line of its content names a session's chapters."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        return self._show(sessions_table([s.split() for s in self.content]))


class Minutes(_Table):
    """`{minutes}`: its content names chapters."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        return self._show(minutes_table(" ".join(self.content).split()))


def _settle_autodoc(app, config):
    config.autodoc_member_order = "bysource"
    config.autodoc_typehints = "none"  # the text has types, with shapes
    config.default_role = "code"  # `name` in docstrings
    config.napoleon_google_docstring = False
    config.napoleon_use_param = False  # else types are taken for links
    config.napoleon_use_rtype = False


def _escape(app, what, name, obj, options, lines):
    """Let nothing but `names` be a mark of reStructuredText."""
    for place, line in enumerate(lines):
        line = re.sub(r"(`[^`]+`)(?=\w)", r"\1\\ ", line)  # `name`s
        line = re.sub(r"(?<!-)--(?!-)", r"\-\-", line)  # but not an underline
        lines[place] = line.replace("|", r"\|")


def _list_references(app, pagename, templatename, context, doctree):
    """Call a reference an item of its list: Sphinx gives an outdated role."""
    body = context.get("body", "")
    context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("config-inited", _settle_autodoc)
    before_napoleon = 100
    app.connect("autodoc-process-docstring", _escape, priority=before_napoleon)
    app.connect("html-page-context", _list_references)
    app.add_directive("notation", Notation)
    app.add_directive("sessions", Sessions)
    app.add_directive("minutes", Minutes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
