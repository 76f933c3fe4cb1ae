"""Exercises as assignments: what the stub, the solution and a mistake score."""

import inspect
import re

import nbformat
import pytest
import torch
from book_pages import BOOK, CHAPTERS, prose, read_notebook
from extensions import load

exercises, assignments, anki = (
    load(BOOK / f"_tools/{name}.py") for name in ("exercises", "assignments", "anki")
)

FAST = ["lab", "network"]
MIN_PENCIL = 2
GRADED = {"grade", "solution", "locked", "task", "grade_id", "schema_version"}


def read(chapter):
    """Give the code of a chapter's text, and its exercises."""
    return exercises.read(nbformat.read(BOOK / f"{chapter}.ipynb", 4).cells)


WITH_EXERCISES = [name for name in CHAPTERS if read(name)[1]]
WITH_CHECKS = [name for name in CHAPTERS if any(e.call for e in read(name)[1])]


# What holds for the exercises of all chapters


@pytest.mark.parametrize("chapter", WITH_EXERCISES)
def test_every_exercise_is_read(chapter):
    labels = re.findall(r"^:label: *(ex-\S+)", prose(read_notebook(chapter)), re.M)
    found = read(chapter)[1]
    assert [each.label for each in found] == labels
    assert all(each.text.strip() and each.solution for each in found)


@pytest.mark.parametrize("chapter", WITH_EXERCISES)
def test_core_exercises_have_a_check_before_their_solution(chapter):
    for each in read(chapter)[1]:
        if each.level == "Core":
            assert each.call, f"{each.label}: no `check_...(answer)` in its text"
        if each.call:
            assert f"def {each.call[0]}(" in "\n".join(each.given), each.label
            assert "@check\n" in "\n".join(each.given), each.label


@pytest.mark.parametrize("chapter", WITH_CHECKS)
def test_no_check_holds_the_solution(chapter):
    for each in read(chapter)[1]:
        if each.call:
            given = re.sub(r"\s", "", "\n".join(each.given))
            lines = "\n".join(each.answer()).splitlines()
            lines = [re.sub(r"\s", "", line) for line in lines]
            shown = [line for line in lines if len(line) > 25 and line in given]
            assert not shown, f"{each.label}: {shown}"


@pytest.mark.parametrize("chapter", WITH_EXERCISES)
def test_a_chapter_asks_for_pencil_and_paper_twice(chapter):
    asked = [each for each in read(chapter)[1] if "pencil" in each.text.lower()]
    assert len(asked) >= MIN_PENCIL


# Assignments


def made(chapter):
    return assignments.assignment(BOOK / f"{chapter}.ipynb")


@pytest.mark.parametrize("chapter", WITH_EXERCISES)
def test_students_get_stubs_and_no_solution(chapter):
    notebook = assignments.released(made(chapter))
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert set(cell.metadata["nbgrader"]) >= GRADED
        assert "SOLUTION" not in cell.source
        if cell.cell_type == "code":
            compile(cell.source, cell.id, "exec")
    text = re.sub(r"\s", "", "\n".join(cell.source for cell in notebook.cells))
    for each in read(chapter)[1]:
        answer = re.sub(r"\s", "", "\n".join(each.answer())) if each.call else ""
        assert not answer or answer not in text, each.label
        if each.call:
            for name in each.call[1]:
                assert f"def{name}(" in text or f"{name}=None" in text, each.label


@pytest.mark.parametrize("chapter", WITH_CHECKS)
def test_stubs_take_what_the_text_says_they_take(chapter):
    for each in read(chapter)[1]:
        for name in each.call[1] if each.call else ():
            told = re.search(rf"`{name}\(([\w, ]+)\)`", each.text)
            if told and f"def {name}(" in each.stub():
                assert f"def {name}({told[1]}):" in each.stub(), each.label


def test_a_stub_has_an_argument_that_the_solution_gives_a_value():
    (powers,) = [e for e in read("decode")[1] if e.label == "ex-powers"]
    assert powers.stub().startswith("def from_probabilities(Z_hat, centers, T):\n")


def test_cells_keep_their_names():
    first, second = made("lab"), made("lab")
    assert first == second
    names = [cell.metadata["nbgrader"]["grade_id"] for cell in first.cells]
    assert len(set(names)) == len(names)
    assert [cell.id for cell in first.cells] == names


def test_hand_graded_exercises_come_with_a_rubric():
    notes = [c.source for c in made("lab").cells if c.id == "ex-lab-common-answer"]
    assert "5 points" in notes[0]
    assert "A limit" in notes[0]
    notes = [c.source for c in made("lab").cells if c.id == "ex-lab-foot-answer"]
    assert "one for the result" in notes[0]
    assert "6/29" in notes[0]


def mistaken(notebook, label):
    """Return a copy in which one function has no return, or a value is missing."""
    copy = nbformat.from_dict(notebook)
    (cell,) = [c for c in copy.cells if c.id == f"{label}-answer"]
    for name in re.findall(r"^def (\w+)\(", cell.source, re.M):
        cell.source += f"\ndef {name}(*given): pass"
    cell.source += "".join(
        f"\n{name} = None" for name in re.findall(r"^(\w+) = None", cell.source, re.M)
    )
    return copy


def grade(chapter):
    """Return the points of stub, solution and mistake, and what the checks say."""
    notebook, names = made(chapter), {}
    right = assignments.score(notebook, names)
    told = {}
    for each in read(chapter)[1]:
        if each.call:
            check, judged = each.call
            function = f"def {judged[0]}(" in "\n".join(each.answer())
            nothing = (lambda *given: None) if function else None
            told[each.label] = names[check](*([nothing] * len(judged)))
    wrong = assignments.score(mistaken(notebook, next(iter(right))))
    return assignments.score(assignments.released(notebook)), right, wrong, told


def judge(chapter):
    stub, right, wrong, told = grade(chapter)
    full = {each.label: each for each in read(chapter)[1] if each.call}
    assert set(right) == set(full) == set(stub)
    assert not any(stub.values())
    assert right == {label: {"Core": 3}.get(e.level, 2) for label, e in full.items()}
    assert 0 <= sum(wrong.values()) < sum(right.values())
    assert len(right) == 1 or sum(wrong.values()) > 0
    for label, sentence in told.items():
        assert "nothing came back" in sentence, f"{label}: {sentence}"
        assert "\n" not in sentence


def test_what_one_notebook_switches_off_is_on_for_the_next():
    notebook = nbformat.v4.new_notebook(
        cells=[
            assignments.cell(
                "code", "a", "import torch; torch.set_grad_enabled(False)"
            ),
            assignments.cell("code", "b", "1 / 0", grade=True, points=3),
            assignments.cell("code", "c", "1 / 1", grade=True, points=2),
        ]
    )
    assert assignments.score(notebook) == {"b": 0, "c": 2}
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("chapter", FAST)
def test_stub_solution_and_mistake_get_what_they_deserve(chapter):
    judge(chapter)


@pytest.mark.stress
@pytest.mark.parametrize("chapter", [n for n in WITH_CHECKS if n not in FAST])
def test_stub_solution_and_mistake_of_the_other_chapters(chapter):
    judge(chapter)


# What an exercise needs of its chapter


def test_a_slice_keeps_what_is_needed_and_no_more():
    code = [
        "import math\nimport os",
        "folder = make()\nprint(folder)",
        "(folder / 'a').mkdir()",
        "x = 1\ny = 2\nplt.plot(x)",
        "def area(r):\n    return scale * math.pi * r**2",
        "scale = 3",
        "x = 5\nshown = [r for r in range(3)]",
        "z = area(x)",
    ]
    kept, _ = exercises.slice_of(exercises.statements(code), {"z"})
    assert [line.split("\n")[0] for line in kept] == [
        *("import math", "def area(r):", "scale = 3", "x = 5", "z = area(x)")
    ]
    kept, left = exercises.slice_of(exercises.statements(code), {"folder"})
    assert kept == ["folder = make()", "(folder / 'a').mkdir()"]
    assert left == {"make"}


def test_a_default_is_read_where_a_function_is_defined():
    code = exercises.statements(["c = 2", "def f(x, c=c):\n    return x * c"])
    assert exercises.slice_of(code, {"f"})[0] == code


def test_stubs_tell_no_defaults():
    found = {each.label: each for each in read("lab")[1]}
    stub = found["ex-lab-write"].stub()
    assert stub.startswith("def to_lab(red, green, blue):\n    raise Not")
    names = {}
    exec(stub, names)
    assert [*inspect.signature(names["to_lab"]).parameters] == ["red", "green", "blue"]
    assert found["ex-lab-others"].stub().startswith("gaps = None")


# Cards


def test_cards_hold_words_and_exercises_that_are_solved_in_words(tmp_path, capsys):
    anki.main(tmp_path / "deck.txt")
    lines = (tmp_path / "deck.txt").read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith("#")]
    cards = [line.split("\t") for line in lines[len(head) :]]
    assert "#separator:tab" in head
    assert {len(card) for card in cards} == {4}
    names = [card[0] for card in cards]
    assert len(set(names)) == len(names)
    terms = re.findall(r"^[^\s`#].*\n  ", (BOOK / "glossary.md").read_text(), re.M)
    assert sum(name.startswith("word-") for name in names) == len(terms)
    assert "ex-lab-foot" in names
    assert "ex-lab-write" not in names  # asks for code
    for card in cards:
        assert all(card), card
        assert not re.search(r"\{\w+\}`|\$|`|\*\*|^:", "".join(card[1:])), card


def test_a_card_is_one_line_of_html_with_formulas():
    told = anki.field("If $a < b$, **stop**:\n\n$$\nx^2\n$$\n[here](x.md) `f(x)`")
    assert told.startswith(r"If \(a &lt; b\), <b>stop</b>:<br>\[x^2\]")
    assert told.endswith("here <code>f(x)</code>")
