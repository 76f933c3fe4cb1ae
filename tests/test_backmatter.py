"""Glossary, set-up, instructors' page, library page: that they stay true."""

import json
import re
import shlex

import nbformat
import pytest
import typer
from book_pages import BOOK, CHAPTERS, ROOT, prose, read_notebook, source, tags
from extensions import backmatter, load

from colorlab import bin_centers, load_pretrained, load_prior, save_counts
from colorlab.cli import app
from colorlab.train import diagnostics

ORDER = (
    "intro lab quantize prior network losses decode datasets train colorize evaluate "
    "scribbles example multimodal descriptors transfer hints film probe since"
).split()
METHOD = ORDER[1 : ORDER.index("evaluate") + 1]
COMMANDS = typer.main.get_command(app)
STORED = [name for name in ORDER if (BOOK / f"{name}.ipynb").exists()]


def read_page(name):
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


# Glossary


def glossary():
    """Give (term, definition, chapter) of each entry."""
    body = re.search(r"```\{glossary\}\n([\s\S]*?)```", read_page("glossary"))[1]
    return re.findall(r"^(\S.*)\n  (.+) \(\{doc\}`(\w+) <\w+>`\)$", body, re.M), body


def mentions(term, text):
    """Tell whether a text has the term, whatever its case, ending or hyphens."""
    words = re.split(r"[\s-]", re.sub(r"(?<=\w{4})(ing|s)$", "", term))
    pattern = r"[\s-]+".join(map(re.escape, words))
    return re.search(rf"\b{pattern}", text, re.IGNORECASE) is not None


def test_glossary_is_in_order_and_short():
    entries, body = glossary()
    terms = [term for term, _, _ in entries]
    assert len(terms) == len(re.findall(r"^\S", body, re.M))  # none misread
    assert terms == sorted(set(terms), key=str.lower)
    assert len(terms) >= 50
    assert max(len(definition.split()) for _, definition, _ in entries) <= 40


@pytest.mark.parametrize("entry", glossary()[0], ids=lambda entry: entry[0])
def test_the_chapter_of_a_term_uses_it(entry):
    term, _, chapter = entry
    assert chapter in ORDER
    if chapter in STORED:
        text = "\n".join(map(source, read_notebook(chapter)["cells"]))
        assert mentions(term, text), f"not in {chapter}"


def test_mentions_can_fail():
    assert mentions("warm-up", "The warm up, and")
    assert not mentions("AuC", "because")


# Set-up and commands


def commands(page):
    """List the lines of blocks that are for a shell."""
    blocks = re.findall(r"^```shell\n([\s\S]*?)^```", read_page(page), re.M)
    return [line for block in blocks for line in block.splitlines()]


def parse_colorlab(line):
    """Parse a command line as `colorlab` would, without running it."""
    command, words = COMMANDS, shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(line, words)


@pytest.mark.parametrize("page", ["setup", "instructors"])
def test_commands_of_colorlab_exist(page):
    text = read_page(page)
    lines = commands(page) + re.findall(r"`((?:\.venv/bin/)?colorlab \w[^`\n]*)`", text)
    lines = [re.sub(r"^.*?(-m )?colorlab ", "colorlab ", x) for x in lines]
    lines = [line for line in lines if re.match(r"colorlab [a-z]", line)]
    assert lines
    for line in lines:
        parse_colorlab(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("colorlab paint a.jpg", "paint"),
        ("colorlab train photos --out run --speed 9", "No such option"),
        ("colorlab calibrate flagship", "Missing argument|data"),
    ],
)
def test_wrong_commands_are_noticed(line, message):
    with pytest.raises(Exception, match=message):
        parse_colorlab(line)


@pytest.mark.parametrize("page", ["setup", "instructors"])
def test_targets_of_make_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split())
    named = set(re.findall(r"`(?:\w+=\S+ )?make ([a-z-]+)`", read_page(page)))
    assert named <= targets
    if page == "setup":
        assert named == targets


def test_setup_says_how_long_the_longest_command_takes():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    hours = re.search(r"^evaluations: .*; (\w+ hours)$", makefile, re.M)[1]
    (row,) = re.findall(r"^\| `make evaluations` .*$", read_page("setup"), re.M)
    assert row.endswith(f"; {hours} |")


def test_the_python_that_setup_asks_for():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.search(r'requires-python = ">=([\d.]+)"', project)[1]
    assert f"Python {wanted} or newer" in read_page("setup")


def test_files_that_the_pages_name_exist():
    for page in ("setup", "instructors", "tuning", "errata"):
        named = re.findall(r"(?:book|tests|benchmarks)/[\w/]+\.\w+", read_page(page))
        assert not [name for name in named if not (ROOT / name).exists()]


# Instructors


def plans():
    blocks = re.findall(r"```\{sessions\}\n([\s\S]*?)```", read_page("instructors"))
    return [[line.split() for line in block.splitlines()] for block in blocks]


def test_plans_have_nine_four_and_two_sessions():
    assert [len(plan) for plan in plans()] == [9, 4, 2]
    assert "in two, four or nine sessions" in read_page("instructors")
    assert "two, four and nine sessions" in prose(read_notebook("intro"))


def test_plans_name_chapters_and_the_longest_all():
    for plan in plans():
        named = [name for session in plan for name in session]
        assert len(set(named)) == len(named)
        assert set(named) <= set(ORDER)
    assert [name for session in plans()[0] for name in session] == ORDER
    assert set(CHAPTERS) <= set(ORDER) | {"photo", "game", "turing"}


def test_each_chapter_of_the_method_has_a_guess_and_two_exercises():
    row = r"^\| \{doc\}`(\w+) .* \| .*\? \| \{ref\}`(.*)` \| \{ref\}`(.*)` \|$"
    rows = re.findall(row, read_page("instructors"), re.M)
    assert [chapter for chapter, *_ in rows] == METHOD
    for chapter, quick, long in rows:
        text = prose(read_notebook(chapter))
        for label, level in ((quick, "Warm-up"), (long, "Core")):
            asked = re.search(rf":label: {label}\n`*\n?\*\*([\w-]+)", text)
            assert asked, f"{chapter} has no {label}"
            assert asked[1] == level


@pytest.mark.parametrize("name", STORED)
def test_every_chapter_states_its_minutes(name):
    read, practice = backmatter.chapter_minutes(name)
    assert 5 <= read <= 90
    assert practice <= 90
    assert f"{read} minutes" in prose(read_notebook(name))


def least_minutes(notebook):
    """Count words, figures and figures that move, up to the questions."""
    words = figures = played = 0
    for cell in notebook["cells"]:
        text, *after = re.split(
            "^## (?:Five questions|Exercises)", source(cell), flags=re.M
        )
        if cell["cell_type"] == "markdown":
            words += len(backmatter.UNREAD.sub("", text).split())
        elif "still" in tags(cell):
            played += 1
        elif "figure" in cell["metadata"].get("mystnb", {}):
            figures += 1
        if after:
            break
    return (
        words / backmatter.WORDS_A_MINUTE
        + backmatter.FIGURE * figures
        + backmatter.PLAYED * played
    )


@pytest.mark.parametrize("name", STORED)
def test_a_chapter_is_read_in_the_minutes_it_promises(name):
    read, _ = backmatter.chapter_minutes(name)
    assert read >= 0.8 * least_minutes(read_notebook(name))


@pytest.mark.parametrize("name", STORED)
def test_minutes_of_sections_sum_to_those_of_the_chapter(name):
    titles, minutes = zip(*backmatter.sections_minutes(name), strict=True)
    assert sum(minutes) == backmatter.chapter_minutes(name)[0]
    assert min(minutes) >= 0
    heads = re.findall(r"^## (.*)$", prose(read_notebook(name)), re.M)
    left_out = {"Five questions", "Exercises", "Sources"}
    assert list(titles) == ["opening", *(h for h in heads if h not in left_out)]


def test_minutes_go_where_the_words_and_the_figures_are(monkeypatch, tmp_path):
    line = "**Time:** about 10 minutes to read.\n\n"
    cells = [
        nbformat.v4.new_markdown_cell(f"# Title\n\n{line}## Long\n\n" + "word " * 420),
        nbformat.v4.new_markdown_cell("## Short\n\n" + "word " * 140),
        nbformat.v4.new_code_cell("draw()", metadata={"tags": ["still"]}),
        nbformat.v4.new_markdown_cell("## Exercises\n\n" + "word " * 900),
    ]
    path = tmp_path / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    monkeypatch.setattr(backmatter, "BOOK", tmp_path)
    # 3 minutes of words each, twice as long as the pace says
    assert backmatter.sections_minutes("one")[1:] == [("Long", 5), ("Short", 5)]


SHIPPED = ["borrowed", "flagship", "l2", "class", "rebal", "tiny"]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_sheet_of_a_network_says_what_its_card_says(name):
    told = read_page("instructors").split("## Sheets")[1]
    (row,) = [line for line in told.splitlines() if re.match(rf"\|.*`{name}`", line)]
    hours = load_pretrained(name).card["hours"]
    least, most = re.search(r"([\d.]+)(?: to ([\d.]+))? \| [\d.]+ MB", row).groups()
    assert float(least) - 0.05 <= hours <= float(most or least) + 0.05
    size = (ROOT / f"colorlab/assets/{name}.safetensors").stat().st_size / 1e6
    assert abs(float(re.search(r"([\d.]+) MB", row)[1]) - size) < 0.06


def test_sessions_are_added_up(monkeypatch, tmp_path):
    for name, minutes in {"one": 25, "two": 30}.items():
        line = f"**Time:** about {minutes} minutes to read, 40 more for exercises."
        cells = [nbformat.v4.new_markdown_cell(line)]
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb"
        )
    monkeypatch.setattr(backmatter, "BOOK", tmp_path)
    table = backmatter.sessions_table([["one", "two", "unwritten"]])
    assert table[-1].endswith("| 55 min | 80 min |")
    (tmp_path / "one.ipynb").write_text(json.dumps({"cells": []}))
    with pytest.raises(ValueError, match="one must state its time"):
        backmatter.sessions_table([["one"]])


def test_pooling_code_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n([\s\S]*?)```", read_page("instructors"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tables").mkdir()
    counts = (1000 * load_prior()).round().long()
    for n in range(2):
        save_counts(counts, bin_centers(), tmp_path / f"tables/{n}.csv", "a student")
    exec(code, {})
    rows = (tmp_path / "class.csv").read_text().splitlines()[2:]
    assert sum(int(row.split(",")[2]) for row in rows) == 2 * counts.sum()


# Copies without solutions


TOOL = load(BOOK / "_tools" / "without_solutions.py")


@pytest.mark.parametrize("name", STORED)
def test_copies_have_all_exercises_and_no_solution(name):
    notebook = nbformat.read(BOOK / f"{name}.ipynb", as_version=4)
    before = prose(notebook)
    notebook.cells = TOOL.cut(notebook.cells)
    nbformat.validate(notebook)
    after = prose(notebook)
    assert not re.search(r"\{solution", after)
    labels = r"^:label: *(ex-\S+)"
    assert re.findall(labels, after, re.M) == re.findall(labels, before, re.M)
    assert re.findall(r"^## .*", after, re.M) == re.findall(r"^## .*", before, re.M)


def test_what_stands_in_a_solution_is_gone_and_what_is_around_stays():
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    start = "````{solution-start} ex-a\n:class: dropdown\n````\n"
    cells = [
        text(f"Ask.\n\n{start}Secret."),
        code("secret = 1"),
        code("secret + 1"),
        text("Secret.\n````{solution-end}\n````\n\nNext."),
        code("check(answer)"),
        text("```{solution} ex-b\nSecret.\n```\nLast."),
    ]
    sources = [cell.source for cell in TOOL.cut(cells)]
    assert sources == ["Ask.", "", "Next.", "check(answer)", "Last."]


def test_copies_begin_with_stubs_and_are_the_same_each_time():
    notebook = nbformat.read(BOOK / "lab.ipynb", as_version=4)
    first, second = TOOL.cut(notebook.cells), TOOL.cut(notebook.cells)
    assert first == second
    answers = {cell.id: cell.source for cell in first if cell.id.startswith("answer")}
    gray = answers["answer-ex-lab-gray"]
    assert gray.startswith("def gray_of(L):\n    raise")
    assert gray.endswith("print(check_gray_of(gray_of))")
    assert answers["answer-ex-lab-half"] == ""


def test_an_untouched_copy_says_what_is_missing(capsys):
    notebook = nbformat.read(BOOK / "lab.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in TOOL.cut(notebook.cells)}
    names = {}
    exec("from colorlab.checks import check", names)
    (judge,) = [text for text in cells.values() if "def check_others" in text]
    exec(judge, names)
    exec(cells["answer-ex-lab-others"], names)
    assert "nothing came back" in capsys.readouterr().out


# The library


def test_every_module_is_on_the_library_page():
    listed = re.findall(r"automodule:: colorlab\.([\w.]+)", read_page("api"))
    paths = [
        path.relative_to(ROOT / "colorlab")
        for path in (ROOT / "colorlab").rglob("[a-z]*.py")
    ]
    names = {".".join(path.with_suffix("").parts) for path in paths}
    modules = {name for name in names if not name.startswith(("widgets.", "cli."))}
    assert len(set(listed)) == len(listed)
    assert set(listed) == modules | {"widgets"}


# Tuning


def test_tuning_says_what_training_warns_of():
    rows = re.findall(r"^\| ([\w ]+) \| (.+) \| .+ \|$", read_page("tuning"), re.M)
    told = dict(rows)
    for failure in diagnostics.ADVICE:
        assert failure.split(",")[0] in told
    assert f"above {diagnostics.EXPLODED} times" in told[diagnostics.DIVERGED]
    assert f"step {diagnostics.SETTLED}, in {diagnostics.LASTING}" in told["one color"]
    assert f"{diagnostics.ONE_BIN:.0%}".replace("%", " %") in told["one color"]
    assert f"{diagnostics.GRAY_SHARE:.0%}".replace("%", " %") in told["gray"]
    assert f"{diagnostics.WORSE - 1:.0%}".replace("%", " %") in told["overfitting"]
    assert f"{diagnostics.WAITING} records" in told["overfitting"]
