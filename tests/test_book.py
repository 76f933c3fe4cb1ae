"""What holds for every stored chapter.

A check takes a chapter's name and its notebook and returns complaints. `SPOILERS`
shows for each check a notebook that it complains about.
"""

import ast
import copy
import hashlib
import importlib.util
import re
from statistics import median

import nbformat
import pytest
import yaml
from book_pages import (
    BOOK,
    CHAPTERS,
    PAGES,
    ROOT,
    code_cells,
    prose,
    read_notebook,
    source,
    tags,
)

PLAYED = {"game", "turing"}  # pages to play, and what their results say
NO_MODULE = {"intro", "since"} | PLAYED  # chapters that explain no module
# A chapter teaches a module or a folder of its name. The exceptions, at most five:
NO_CHAPTER = {"cli", "files", "plots", "weights", "widgets"}
MOST_EXCEPTIONS = 5
CHAPTER_EACH = {"classics"}  # folders with a chapter for each of their modules
# Or with another module of theirs:
TAUGHT_WITH = {"analogy": "example", "filters": "descriptors"}
TAUGHT_WITH |= {"alternatives": "decode", "doubt": "colorize"}
TAUGHT_WITH |= {"siggraph": "hints", "released": "network", "export": "network"}
TAUGHT_WITH |= {"filmfile": "film", "retouch": "colorize", "checks": "lab"}
TOLD = {"log"}  # tested with the loop
MAX_BYTES = 300_000
MAX_LINES, MOST_LINES, MEDIAN_LINES = 30, 12, 4  # code lines of a cell
MIN_COMPARED = 3  # cells a chapter whose output nbval compares
SMALL = 6  # a page without module and with fewer code cells may compare just one
MIN_EXERCISES = 5
# Two photos and one question go through the book: each chapter ends with them.
THREAD = "The cup and the mountain"
ASKED = "hat color is the saucer, what color is the meadow, and how could anybody know?"
PHOTOS = ("coffee-cup", "mountain-path")
SECTIONS = [
    "what you will be able to do",
    "summary",
    "exercises",
    "sources",
]
BRITISH = re.compile(
    r"colour|\bgrey|\bcentre|behaviour|licence"
    r"|(?:normal|optim|regular)is(?:e|ing|ation)",
    re.IGNORECASE,
)
QUOTED = re.compile(r'"[^"\n]*"|“[^”]*”|<[^>\n]*>|\]\([^)\n]*\)')
# In two parts, as this file is searched as well.
UNWANTED = re.compile(
    "|".join([r"(?<!\w)/" + r"work\b", r"\bTO" + r"DO\b", "FIX" + "ME"])
)
LEFT_BEHIND = re.compile(r"at 0x[0-9a-f]{6,}|<Figure size|\d\.\d{8,}")


# Checks of one chapter


def stored_outputs(name, notebook):
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {})) - {"text/plain"}
            if output["output_type"] not in ("stream", "execute_result") or kinds:
                yield f"cell {number} stores {output['output_type']} {sorted(kinds)}"
            if output.get("name", "stdout") != "stdout":
                yield f"cell {number} stores {output['name']}"
        if cell["cell_type"] == "code":
            if bool(cell["outputs"]) != (cell["execution_count"] is not None):
                yield f"cell {number}: outputs and execution count go together"
    if "widgets" in notebook["metadata"]:
        yield "widget states are stored: run `make outputs`"


def outputs_that_will_not_last(name, notebook):
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            text = output.get("text", output.get("data", {}).get("text/plain", ""))
            if found := LEFT_BEHIND.search("".join(text)):
                yield f"cell {number} stores {found.group()!r}"


def cell_lengths(name, notebook):
    lengths = [
        sum(bool(re.match(r"\s*[^\s#]", line)) for line in source(cell).splitlines())
        for cell in code_cells(notebook)
    ] or [0]
    if max(lengths) > MAX_LINES:
        yield f"a cell has {max(lengths)} lines, {MAX_LINES} are allowed"
    long = sum(length > MOST_LINES for length in lengths)
    if long > max(1, len(lengths) / 10):
        yield f"{long} of {len(lengths)} cells are longer than {MOST_LINES} lines"
    if median(lengths) > MEDIAN_LINES:
        yield f"the median cell has {median(lengths)} lines, {MEDIAN_LINES} are allowed"


def one_setup(name, notebook):
    count = sum("setup" in tags(cell) for cell in code_cells(notebook))
    if count > 1:
        yield f"{count} set-up cells"


def compared_cells(name, notebook):
    cells = code_cells(notebook)
    compared = [cell for cell in cells if "nbval-check-output" in tags(cell)]
    wanted = 1 if name in NO_MODULE and len(cells) < SMALL else MIN_COMPARED
    if len(compared) < min(wanted, len(cells)):
        yield f"{len(compared)} cells tagged nbval-check-output, {wanted} needed"
    if not all(cell["outputs"] for cell in compared):
        yield "a cell tagged nbval-check-output has no stored output to compare with"


def figures_in_metadata(name, notebook):
    names = []
    for number, cell in enumerate(notebook["cells"]):
        options = cell["metadata"].get("mystnb", {})
        if not {"image", "figure"} & set(options):
            continue
        alt = options.get("image", {}).get("alt", "").strip()
        caption = options.get("figure", {}).get("caption", "").strip()
        names.append(options.get("figure", {}).get("name", ""))
        if not (alt and caption and names[-1]):
            yield f"cell {number}: a figure needs an alt text, a caption and a name"
        if alt.rstrip(".").lower() == caption.rstrip(".").lower():
            yield f"cell {number}: the alt text repeats the caption"
    if len(set(names)) < len(names):
        yield "two figures have one name"


def exercises_and_solutions(name, notebook):
    exercises, solutions = exercise_labels(prose(notebook))
    if len(set(exercises)) < len(exercises):
        yield "two exercises have one label"
    for label in sorted(set(exercises) ^ set(solutions)):
        yield f"{label}: not one exercise and one solution"
    if name not in NO_MODULE and len(exercises) < MIN_EXERCISES:
        yield f"{len(exercises)} exercises, {MIN_EXERCISES} needed"


def sections(name, notebook):
    if name in NO_MODULE:
        return
    text = prose(notebook)
    found = [line.strip().lower() for line in re.findall(r"^## +(.*)$", text, re.M)]
    places = [found.index(title) for title in SECTIONS if title in found]
    if len(places) < len(SECTIONS) or places != sorted(places):
        yield f"sections wanted, in this order: {SECTIONS}; found: {found}"


def questions_apart(name, notebook):
    if "\n## Questions people really asked\n" in prose(notebook):
        yield "questions stand apart: put each where it answers something"


def headings(notebook):
    """Return the place and the title of each heading "## Title"."""
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            for title in re.findall(r"^## +(.*)$", source(cell), re.M):
                yield number, title


def thread(name, notebook):
    titles = [title for _, title in headings(notebook)]
    if name == "intro" or name in PLAYED:
        return
    if THREAD not in titles:
        yield f"no section {THREAD!r}"
        return
    place = titles.index(THREAD)
    if titles[place - 1] != "Summary" or "Exercises" not in titles[place:]:
        yield f"{THREAD!r} stands after the summary and before the exercises"
    cells = notebook["cells"]
    first, last = [number for number, _ in [*headings(notebook), (len(cells), "")]][
        place : place + 2
    ]
    yield from missing_in_thread(name, cells[first:last])


def missing_in_thread(name, cells):
    text, code = (
        "".join(source(c) for c in cells if c["cell_type"] == kind)
        for kind in ("markdown", "code")
    )
    next_page = METHOD[METHOD.index(name) + 1 :][:1]
    wanted = {
        "the question": ASKED in text,
        "a figure": any("figure" in c["metadata"].get("mystnb", {}) for c in cells),
        "a link to the next chapter": all(f"{{doc}}`{n}`" in text for n in next_page),
    }
    wanted |= {photo: photo in code for photo in PHOTOS}
    yield from (
        f"not at its end: {what}" for what, there in wanted.items() if not there
    )


def opening(name, notebook):
    before = re.split(r"^## ", prose(notebook), maxsplit=1, flags=re.M)[0]
    if "?" not in before:
        yield "no question before the first section"
    if not re.search(r"\b\d+ minutes\b", before):
        yield "no minutes before the first section"


def objectives(name, notebook):
    _, _, after = prose(notebook).partition("\n## What you will be able to do\n")
    count = len(re.findall(r"^[-*] ", re.split(r"^## ", after, flags=re.M)[0], re.M))
    if not 3 <= count <= 5:
        yield f"{count} objectives, 3 to 5 wanted"


def american_spelling(name, notebook):
    code = "\n".join(source(cell) for cell in code_cells(notebook))
    yield from british_words(QUOTED.sub("", prose(notebook)) + "\n" + code)


CHECKS = [
    stored_outputs,
    outputs_that_will_not_last,
    cell_lengths,
    one_setup,
    compared_cells,
    figures_in_metadata,
    exercises_and_solutions,
    sections,
    questions_apart,
    thread,
    opening,
    objectives,
    american_spelling,
]


METHOD = CHAPTERS[CHAPTERS.index("lab") :]  # in the order of _toc.yml


def exercise_labels(text):
    """Return the labels of exercises and those that solutions name."""
    fence = r"^[`:]{3,}\{%s(?:-start)?\}(.*)\n((?::.*\n)*)"
    exercises = [
        re.search(r"^:label: *(\S+)", options, re.M)
        for _, options in re.findall(fence % "exercise", text, re.M)
    ]
    solutions = [label for label, _ in re.findall(fence % "solution", text, re.M)]
    labels = [match.group(1) if match else "" for match in exercises]
    return labels, [label.strip() for label in solutions]


def british_words(text):
    return sorted({found.group() for found in BRITISH.finditer(text)})


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_chapter(check, chapter):
    complaints = list(check(chapter, read_notebook(chapter)))
    assert not complaints, f"{chapter}: " + "; ".join(complaints)


# Each check can fail


def good_notebook():
    """Return a small chapter without fault."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    printed = nbformat.v4.new_output("stream", name="stdout", text="1.000\n")
    tagged = {"tags": ["nbval-check-output"]}
    compared = [
        code("print(1)", outputs=[printed], execution_count=i, metadata=tagged)
        for i in range(MIN_COMPARED)
    ]
    figure = code("draw()")
    figure.metadata["mystnb"] = {
        "image": {"alt": "A falling curve"},
        "figure": {"caption": "Chroma over temperature.", "name": "fig-chroma"},
    }
    exercises = [
        markdown(
            f"```{{exercise}}\n:label: ex-{i}\n\nWhy?\n```\n\n"
            f"```{{solution}} ex-{i}\n:class: dropdown\n\nSo.\n```"
        )
        for i in range(MIN_EXERCISES)
    ]
    ending = code("draw('coffee-cup', 'mountain-path')")
    ending.metadata["mystnb"] = {
        "image": {"alt": "A cup and a path"},
        "figure": {"caption": "The two photos.", "name": "fig-thread"},
    }
    notebook = nbformat.v4.new_notebook(
        cells=[
            markdown("# Decode\n\nWhich color? About 30 minutes."),
            markdown("## What you will be able to do\n\n- Say\n- Show\n- Find"),
            *compared,
            figure,
            markdown('## Summary\n\nOn "Colour".'),
            markdown(f"## {THREAD}\n\nW{ASKED}"),
            ending,
            markdown("It is drawn. How is it trained? See {doc}`datasets`."),
            markdown("## Exercises"),
            *exercises,
            markdown("## Sources"),
        ]
    )
    return notebook


def spoiled(change):
    notebook = copy.deepcopy(good_notebook())
    change(notebook["cells"], notebook)
    return notebook


def output(**data):
    return nbformat.v4.new_output("display_data", data=data)


def drop_text(old, new=""):
    def change(cells, notebook):
        for cell in cells:
            cell["source"] = cell["source"].replace(old, new)

    return change


SPOILERS = [
    (stored_outputs, lambda c, n: c[2]["outputs"].append(output(**{"image/png": ""}))),
    (stored_outputs, lambda c, n: c[2]["outputs"][0].update(name="stderr")),
    (stored_outputs, lambda c, n: c[2].update(execution_count=None)),
    (stored_outputs, lambda c, n: n["metadata"].update(widgets={})),
    (
        outputs_that_will_not_last,
        lambda c, n: c[2]["outputs"][0].update(text="<Canvas at 0x7f11aa22bb33>"),
    ),
    (cell_lengths, lambda c, n: c[2].update(source="x = 1\n" * 31)),
    (cell_lengths, lambda c, n: [x.update(source="x = 1\n" * 13) for x in c[2:4]]),
    (cell_lengths, lambda c, n: [x.update(source="x = 1\n" * 5) for x in c[2:5]]),
    (one_setup, lambda c, n: [x["metadata"].update(tags=["setup"]) for x in c[2:4]]),
    (compared_cells, lambda c, n: c[2]["metadata"].update(tags=[])),
    (compared_cells, lambda c, n: c[2].update(outputs=[])),
    (figures_in_metadata, lambda c, n: c[5]["metadata"]["mystnb"].pop("image")),
    (
        figures_in_metadata,
        lambda c, n: c[5]["metadata"]["mystnb"]["image"].update(
            alt="Chroma over temperature"
        ),
    ),
    (figures_in_metadata, lambda c, n: c.append(c[5])),
    (exercises_and_solutions, drop_text("{solution} ex-0", "{note}")),
    (exercises_and_solutions, drop_text("{solution} ex-0", "{solution} ex-9")),
    (exercises_and_solutions, lambda c, n: c.pop(11)),
    (sections, drop_text("## Summary", "## In short")),
    (sections, lambda c, n: c.insert(2, c.pop(10))),
    (questions_apart, drop_text("## Summary", "## Questions people really asked\n")),
    (thread, drop_text(f"## {THREAD}", "### In the end")),
    (thread, drop_text("how could anybody know", "why")),
    (thread, drop_text("mountain-path", "lake")),
    (thread, drop_text("{doc}`datasets`", "{doc}`train`")),
    (thread, lambda c, n: c[8]["metadata"].pop("mystnb")),
    (thread, lambda c, n: c.insert(6, c.pop(7))),
    (opening, drop_text("?", ".")),
    (opening, drop_text("30 minutes")),
    (objectives, drop_text("- Say\n")),
    (american_spelling, drop_text('"Colour"', "colour")),
    (american_spelling, lambda c, n: c[2].update(source="grey = 1")),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_accepts_a_good_chapter(check):
    assert list(check("decode", good_notebook())) == []


@pytest.mark.parametrize(("check", "change"), SPOILERS)
def test_check_can_fail(check, change):
    assert list(check("decode", spoiled(change)))


def test_every_check_is_shown_to_fail():
    assert {check for check, _ in SPOILERS} == set(CHECKS)


# What chapters print

COMPARED = re.compile(r"difference|apart\b|from the|\bless\b")
NOTHING = re.compile(r"\b0\.0{3,}(?![\d])")
TIMED = re.compile(r"(\S.*?):? +\d+(?:\.\d+)? m?s\b")


def printed(cell):
    told = [output.get("text", "") for output in cell.get("outputs", [])]
    return "".join("".join(text) for text in told).splitlines()


def bare_zeros(cells):
    """List differences of 0.000 without a word that both sides agree to rounding."""
    for i, cell in enumerate(cells):
        lines = [s for s in printed(cell) if COMPARED.search(s) and NOTHING.search(s)]
        told = next((c for c in cells[i:] if c["cell_type"] == "markdown"), None)
        if lines and "to rounding" not in (source(told)[:200] if told else ""):
            yield from lines


def timed_twice(cells):
    """List what is timed more than once on a page: noise that reads like a mistake."""
    found = [line for cell in cells for line in printed(cell)]
    names = [match[1] for match in map(TIMED.match, found) if match]
    return [name for name in names if names.count(name) > 1]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_printed_number_reads_like_a_mistake(chapter):
    cells = read_notebook(chapter)["cells"]
    assert list(bare_zeros(cells)) == []
    assert timed_twice(cells) == []


def half_lines(code):
    """List the calls that print a part of a line.

    What a cell prints later is joined below it where pages are made, so a line must be
    printed as a whole.
    """
    calls = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if ast.unparse(call.func) == "print"
        and any(word.arg == "end" for word in call.keywords)
    ]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_lines_are_printed_whole(chapter):
    cells = read_notebook(chapter)["cells"]
    code = [source(cell) for cell in cells if cell["cell_type"] == "code"]
    assert [found for text in code for found in half_lines(text)] == []
    assert half_lines("print(1, end='')") == ["print(1, end='')"]


def test_mistakes_in_print_are_found():
    output = {"output_type": "stream", "text": ["apart: 0.000 units\n", "ours 21 ms\n"]}
    cells = [
        {"cell_type": "code", "source": "x", "outputs": [output]},
        {"cell_type": "markdown", "source": "And so on."},
    ]
    assert list(bare_zeros(cells)) == ["apart: 0.000 units"]
    assert timed_twice(cells) == []
    assert timed_twice([*cells, *cells]) == ["ours", "ours"]
    cells[1]["source"] = "Both agree to rounding."
    assert list(bare_zeros(cells)) == []


# Files


def modules():
    files = {path.stem for path in (ROOT / "colorlab").glob("*.py")}
    folders = {path.parent.name for path in (ROOT / "colorlab").glob("*/__init__.py")}
    return {name for name in files | folders if not name.startswith("_")}


def test_every_module_has_a_chapter():
    chapters = set(CHAPTERS) - NO_MODULE
    folders = [(ROOT / "colorlab" / name).glob("[a-z]*.py") for name in CHAPTER_EACH]
    stems = {path.stem for folder in folders for path in folder}
    stems |= modules() - CHAPTER_EACH
    assert stems >= {*TAUGHT_WITH, *TAUGHT_WITH.values()}
    taught = {TAUGHT_WITH.get(stem, stem) for stem in stems}
    assert chapters <= taught, "a chapter without its module"
    assert taught <= chapters | NO_CHAPTER, "a module without its chapter"


def test_the_first_page_asks_the_question_of_the_whole_book():
    text = prose(read_notebook("intro"))
    assert f"## {THREAD}\n" in text
    assert "w" + ASKED in text
    assert "{doc}`lab`" in text


def test_lists_of_exceptions_are_tight():
    assert NO_MODULE <= set(CHAPTERS)
    assert not (NO_CHAPTER | CHAPTER_EACH) & set(CHAPTERS)
    assert NO_CHAPTER | CHAPTER_EACH <= modules()
    assert len(NO_CHAPTER) <= MOST_EXCEPTIONS


@pytest.mark.parametrize("name", sorted(modules() - {"cli", "widgets"}))
def test_every_module_has_its_tests(name):
    tests, folder = ROOT / "tests", ROOT / "colorlab" / name
    if not folder.is_dir():
        assert (tests / f"test_{name}.py").exists()
    for path in folder.glob("[a-z]*.py"):
        assert (tests / name / f"test_{path.stem}.py").exists() or path.stem in TOLD


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notebook_is_small(chapter):
    assert (BOOK / f"{chapter}.ipynb").stat().st_size <= MAX_BYTES


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notebook_is_valid(chapter):
    nbformat.validate(nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4))


def test_no_name_starts_with_a_digit():
    """Jupyter Book loses the plots of such pages in PDF."""
    assert not [page for page in PAGES if page.split("/")[-1][0].isdigit()]


def test_every_page_is_in_the_table_of_contents():
    stored = {path.stem for kind in ("ipynb", "md") for path in BOOK.glob(f"*.{kind}")}
    assert stored == {page.split("/")[-1] for page in PAGES}


def own_texts(suffixes, folders):
    """Read our own files in the project's root and in `folders`."""
    paths = [path for path in ROOT.glob("*") if path.is_file()]
    for folder in folders:
        paths += (ROOT / folder).rglob("*")
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if path.is_file() and path.suffix in suffixes and not SKIPPED & set(path.parts)
    }


SKIPPED = {".git", "vendor", ".ipynb_checkpoints", ".ruff_cache", "cache"}
FOLDERS = ["book", "colorlab", "tests", "data", "benchmarks", ".ci", ".github"]


def test_american_spelling_elsewhere():
    pages = own_texts({".md"}, ["book"])
    code = own_texts({".py", ".js", ".css"}, ["colorlab", "book"])
    assert "book/notation.md" in pages
    assert "colorlab/lab.py" in code
    texts = {name: QUOTED.sub("", text) for name, text in pages.items()} | code
    found = {name: british_words(text) for name, text in texts.items()}
    assert not {name: words for name, words in found.items() if words}


def test_nothing_unwanted_is_mentioned():
    suffixes = {".bib", ".cfg", ".css", ".ipynb", ".js", ".md", ".py", ".toml"}
    texts = own_texts(suffixes | {"", ".yml", ".yaml", ".txt"}, FOLDERS)
    assert "Makefile" in texts
    found = {name: UNWANTED.findall(text) for name, text in texts.items()}
    assert not {name: words for name, words in found.items() if words}


def test_guards_see_what_they_look_for():
    assert british_words("Greyscale, the colour of a centre, normalised") == [
        "Grey",
        "centre",
        "colour",
        "normalise",
    ]
    assert not british_words("grayscale, centered, optimist, color")
    assert UNWANTED.search("in /" + "work/main")
    assert not UNWANTED.search("the net" + "work/decoder pair")


# Scripts and fonts of other projects

VENDOR = BOOK / "_static" / "vendor"


def vendor_table():
    rows = re.findall(
        r"^\| `(\S+)` \| (.+?) \| (\S+) \| `([0-9a-f]{64})` \|$",
        (VENDOR / "README.md").read_text(encoding="utf-8"),
        re.M,
    )
    return {file: (package, sha256) for file, package, _, sha256 in rows}


def test_vendored_files_are_as_published():
    files = [path for path in VENDOR.rglob("*") if path.is_file()]
    names = {path.relative_to(VENDOR).as_posix(): path for path in files}
    third_party = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if name != "README.md" and not name.startswith("licenses/")
    }
    assert third_party == {name: row[1] for name, row in vendor_table().items()}


def test_vendored_packages_bring_their_licenses():
    text = (VENDOR / "README.md").read_text("utf-8")
    named = set(re.findall(r"`([\w-]+\.txt)`", text))
    assert named == {path.name for path in (VENDOR / "licenses").iterdir()}


# Tools and settings


def tool(name):
    path = BOOK / "_tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def store_outputs():
    return tool("store_outputs")


def stripped(*outputs):
    cell = nbformat.v4.new_code_cell("x", outputs=list(outputs), execution_count=3)
    cell.metadata["execution"] = {"started": "now"}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}})
    return store_outputs().strip(notebook)


def test_store_outputs_keeps_text():
    new = nbformat.v4.new_output
    notebook = stripped(
        new("stream", name="stdout", text="a\n"),
        new("stream", name="stderr", text="progress"),
        new("stream", name="stdout", text="b\n"),
        new("execute_result", data={"text/plain": "7"}, execution_count=3),
    )
    first, second = notebook.cells[0].outputs
    assert (first.text, second.data) == ("a\nb\n", {"text/plain": "7"})
    assert notebook.cells[0].execution_count == 3
    assert "widgets" not in notebook.metadata
    assert "execution" not in notebook.cells[0].metadata


def test_store_outputs_drops_pictures_and_what_stands_beside_them():
    new = nbformat.v4.new_output
    notebook = stripped(
        new("execute_result", data={"text/plain": "[<Line2D>]"}, execution_count=3),
        new("display_data", data={"text/plain": "<Figure>", "image/png": ""}),
    )
    assert notebook.cells[0].outputs == []
    assert notebook.cells[0].execution_count is None


def test_store_outputs_knows_the_chapters():
    assert [path.stem for path in store_outputs().chapters()] == CHAPTERS


def test_chapters_run_from_one_build_setting():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["execute"]["execute_notebooks"] == "cache"
    assert config["sphinx"]["config"]["nb_execution_raise_on_error"] is True
    assert config["only_build_toc_files"] is True


# Away from the project


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_first_cell_names_the_package_that_pypi_has(chapter):
    first = source(code_cells(read_notebook(chapter))[0])
    hint = "# No module colorlab? See page Setup: PyPI's colorlab is another package.\n"
    assert first.startswith(hint)
