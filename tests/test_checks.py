"""What a check says of an answer, and what holds for the checks of all chapters."""

import math

import numpy as np
import pytest
import torch
from book_pages import code_cells, read_notebook, source

from colorlab import rgb_to_lab
from colorlab.checks import check


@check
def check_ramp(ask):
    ask(3, want=torch.arange(3.0), why="count from 0")


@check
def check_count(ask):
    ask(want=5, slips={"one too many": 6})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda n: torch.arange(float(n)), "right"),
        (lambda n: list(range(n)), "right"),
        (lambda n: None, "given 3: nothing came back: is there a return?"),
        (lambda n: torch.zeros(2), "given 3: wanted shape (3,), got (2,)"),
        (lambda n: [0, 1, 3], "given 3: wanted [0, 1, 2], got [0, 1, 3]; count from 0"),
        (lambda n: [0, 1, np.nan], "got [0, 1, nan]; count from 0"),
        (lambda n: [[0, 1], [2]], "given 3: wanted [0, 1, 2], got [[0, 1], [2]]"),
        (lambda n: ["a", "b", "c"], "given 3: wanted float32, got <U1"),
        (lambda n: print, "given 3: wanted shape (3,), got ()"),
        (lambda n: n / 0, "given 3: ZeroDivisionError: division by zero"),
        (lambda: 0, "given 3: TypeError"),
        ([0, 1, 2], "given 3: wanted a function, got [0, 1, 2]"),
        (None, "given 3: wanted a function, got None"),
    ],
)
def test_a_function_is_judged_in_one_sentence(answer, told):
    assert told in check_ramp(answer)
    assert "\n" not in check_ramp(answer)


def test_a_value_is_judged_in_one_sentence():
    assert check_count(5) == check_count(np.int64(5)) == "right"
    assert check_count(torch.tensor([5.0])) == "right"
    assert check_count(6) == "one too many"
    assert check_count(7) == "wanted 5, got 7"
    assert check_count(None) == "nothing came back"
    assert "call it" in check_count(lambda: 5)
    assert "wanted shape ()" in check_count([5, 5])
    assert check_count("5").startswith("wanted float64")


def test_whole_numbers_may_be_floats():
    judge = check(lambda ask: ask(1.0, want=(1, 0)) is None or None)
    assert judge(lambda _: (1.0, 0.0)) == judge(lambda _: [1, 0]) == "right"


def test_fractions_are_no_numbers_of_bins():
    judge = check(lambda ask: ask(1.0, want=torch.tensor([3, 4])) and None)
    assert judge(lambda _: torch.tensor([3.0, 4.0])).endswith("int64, got float32")


def test_a_wrong_number_among_many_is_shown_with_its_place():
    judge = check(lambda ask: ask(1.0, want=np.zeros((4, 4))) is None or None)
    wrong = np.zeros((4, 4))
    wrong[2, 1] = 0.5
    assert judge(lambda _: wrong) == "given 1: wanted 0 at (2, 1), got 0.5"


def test_an_answer_that_changes_its_input_spoils_nothing():
    x = torch.zeros(3)

    @check
    def judge(ask):
        ask(x, want=torch.ones(3))
        return None if x.sum() == 0 else "the input was changed"

    assert judge(lambda given: given.add_(1)) == "right"


def test_texts_sets_and_yes_are_compared_as_they_are():
    judge = check(lambda ask: ask(want={"a", "b"}) and None)
    assert judge({"b", "a"}) == "right"
    assert judge({"a"}).startswith("wanted {")
    assert judge("ab") == "wanted a set, got ab"
    judge = check(lambda ask: ask(want=True) is None or None)
    assert judge(torch.tensor(True)) == "right"
    assert judge(False) == "wanted True, got False"


def test_what_a_reader_wrote_stands_beside_its_error(tmp_path):
    page = tmp_path / "answer.py"
    page.write_text("def answer(n):\n    return n.size_of_it\n", encoding="utf-8")
    names = {}
    exec(compile(page.read_text(), page, "exec"), names)
    assert "AttributeError" in check_ramp(names["answer"])
    assert check_ramp(names["answer"]).endswith("in `return n.size_of_it`")


# The checks of the chapters


def to_lab_by_hand(red, green, blue):
    """Convert by the matrix as the page prints it, with three digits."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (red, green, blue)
    ]
    rows = [(0.412, 0.358, 0.180), (0.213, 0.715, 0.072), (0.019, 0.119, 0.950)]
    white = (0.95047, 1, 1.08883)
    parts = [
        sum(share * c for share, c in zip(row, linear, strict=True)) / w
        for row, w in zip(rows, white, strict=True)
    ]
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in parts)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def test_to_lab_with_the_printed_digits_is_right():
    names = {"check": check, "rgb_to_lab": rgb_to_lab}
    cells = map(source, code_cells(read_notebook("lab")))
    exec(next(text for text in cells if "def check_to_lab(" in text), names)
    assert names["check_to_lab"](to_lab_by_hand) == "right"
    assert "gray 119" in names["check_to_lab"](lambda r, g, b: (100 * r, 0, 0))


def test_infinity_can_be_right():
    @check
    def check_top(ask):
        ask(want=math.inf, within=0.1)

    assert str(check_top(math.inf)) == "right"
    assert "wanted inf, got -inf" in str(check_top(-math.inf))
