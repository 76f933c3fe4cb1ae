"""The five questions at a chapter's end: what is asked, and how a page asks it."""

import json
import re
from collections import Counter

import pytest
from book_pages import BUILT, CHAPTERS, read_notebook, source
from browser_fixtures import (  # noqa: F401 (the fixture is used by name)
    fixture_browser,
    open_page,
)
from extensions import quiz
from playwright.sync_api import expect
from test_pages import PHONE

ASKED, PLACES = 5, 3
NOT_ASKED = {"intro", "game", "turing"}  # what comes before, and pages to play
CONTENT = re.compile(r"^:::\{quiz\}\n([\s\S]*?)^:::$", re.M)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
CHOSEN = "(buttons) => buttons.filter((b) => b.checked).length"


def asking(cell):
    return "{quiz}" in source(cell)


def questions(chapter):
    (cell,) = filter(asking, read_notebook(chapter)["cells"])
    return quiz.read_quiz(CONTENT.search(source(cell))[1])


QUIZZED = [name for name in CHAPTERS if any(map(asking, read_notebook(name)["cells"]))]


def rest_of(chapter):
    """Join what a reader sees of a chapter: text, captions and outputs."""
    cells = [cell for cell in read_notebook(chapter)["cells"] if not asking(cell)]
    texts = [source(cell) for cell in cells if cell["cell_type"] == "markdown"]
    texts += [
        cell["metadata"]["mystnb"]["figure"]["caption"]
        for cell in cells
        if "figure" in cell["metadata"].get("mystnb", {})
    ]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts += [json.dumps(output) for output in outputs]
    return "\n".join(texts)


# What is asked


def test_every_chapter_asks():
    assert set(CHAPTERS) - NOT_ASKED == set(QUIZZED)


@pytest.mark.parametrize("chapter", QUIZZED)
def test_five_questions_stand_before_the_exercises(chapter):
    assert len(questions(chapter)) == ASKED
    cells = read_notebook(chapter)["cells"]
    (place,) = (n for n, cell in enumerate(cells) if asking(cell))
    assert source(cells[place]).startswith("## Five questions\n")
    assert source(cells[place + 1]).startswith("## Exercises\n")


@pytest.mark.parametrize("chapter", QUIZZED)
def test_each_question_offers_three_answers_and_says_why(chapter):
    for question in questions(chapter):
        assert question.text.endswith("?"), question.text
        texts = [answer.text for answer in question.answers]
        assert len(set(texts)) == len(texts) == PLACES, question.text
        for answer in question.answers:
            assert len(answer.reason) > 25, answer.text
            assert answer.reason.endswith("."), answer.text


@pytest.mark.parametrize("chapter", QUIZZED)
def test_numbers_of_right_answers_are_on_the_page(chapter):
    known = set(NUMBER.findall(rest_of(chapter)))
    for question in questions(chapter):
        (right,) = (answer for answer in question.answers if answer.right)
        stated = set(NUMBER.findall(f"{right.text} {right.reason}"))
        assert stated <= known, question.text


def test_a_number_that_drifts_is_noticed():
    known = set(NUMBER.findall("25.5 units, 1,936 trials, 70.3% (31.3%..35.9%)"))
    assert known == {"25.5", "1,936", "70.3", "31.3", "35.9"}


def test_neither_place_nor_length_betrays_the_right_answer():
    places, longest = Counter(), []
    for chapter in QUIZZED:
        here = set()
        for question in questions(chapter):
            (place,) = (n for n, a in enumerate(question.answers) if a.right)
            lengths = [len(answer.text) for answer in question.answers]
            longest.append(lengths[place] == max(lengths))
            places[place] += 1
            here.add(place)
        assert here == set(range(PLACES)), chapter
    total = sum(places.values())
    assert all(0.25 < count / total < 0.42 for count in places.values())
    assert sum(longest) < 0.45 * total


# How it is read

TEXT = """1. Which
   one?
   - This one.
     - Right: of two
       lines.
   - That one.
     - Wrong: no.
"""


def test_a_quiz_is_read():
    (question,) = quiz.read_quiz(TEXT)
    assert question.text == "Which one?"
    assert question.answers == [
        ("This one.", "Right: of two lines."),
        ("That one.", "Wrong: no."),
    ]
    assert [answer.right for answer in question.answers] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Right", "Wrong", "must have one right answer"),
        ("Wrong", "Right", "must have one right answer"),
        ("Wrong", "No", "a reason must say right or wrong"),
        ("     - Wrong: no.\n", "", "a reason must say right or wrong"),
        ("1. Which", "Which", "a question begins with a number"),
    ],
)
def test_a_quiz_that_is_not_whole_is_refused(old, new, message):
    with pytest.raises(ValueError, match=message):
        quiz.read_quiz(TEXT.replace(old, new))


# In a browser


def address(name):
    return (BUILT / f"book/{name}.html").as_uri()


def place_of(question, *, right):
    return next(n for n, a in enumerate(question.answers) if a.right == right)


@pytest.mark.browser
def test_answers_by_mouse_tell_why_and_are_counted(browser):
    with open_page(browser, address("decode"), settle=False) as (page, problems):
        count = page.locator(".quiz-count")
        for n, question in enumerate(questions("decode")):
            field = page.get_by_role("group").filter(has=page.locator("legend")).nth(n)
            place = place_of(question, right=n > 0)
            field.locator("label").nth(place).click()
            shown = field.locator(".reasons > p").filter(visible=True)
            assert shown.count() == 1
            word = "Right: " if n else "Wrong: "
            assert shown.inner_text().startswith(word)
        expect(count).to_have_text("All 5 answered: 4 right at the first try.")
        field = page.locator(".quiz fieldset").first
        field.locator("[value=right]").click()
        assert field.locator(".reasons > p").filter(visible=True).count() == 1
        expect(count).to_have_text("All 5 answered: 4 right at the first try.")
        page.get_by_role("button", name="Start again").click()
        assert page.locator(".quiz input").evaluate_all(CHOSEN) == 0
        assert count.inner_text() == ""
        assert problems == []


@pytest.mark.browser
def test_keys_move_without_answering(browser):
    with open_page(browser, address("decode"), settle=False) as (page, _):
        buttons = page.locator(".quiz fieldset").first.locator("input")
        buttons.first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(buttons.nth(2)).to_be_focused()
        assert buttons.evaluate_all(CHOSEN) == 0
        page.keyboard.press("ArrowDown")
        expect(buttons.first).to_be_focused()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        assert buttons.nth(2).is_checked()
        page.keyboard.press("Tab")
        second = page.locator(".quiz fieldset").nth(1)
        expect(second.locator("input").first).to_be_focused()


@pytest.mark.browser
def test_fingers_find_large_targets_and_dark_answers_can_be_read(browser):
    context = browser.new_context(**PHONE, color_scheme="dark")
    page = context.new_page()
    page.goto(address("decode"))
    labels = page.locator(".quiz label")
    boxes = [label.bounding_box() for label in labels.all()]
    assert len(boxes) == ASKED * PLACES
    assert min(min(box["height"], box["width"]) for box in boxes) >= 44
    labels.first.tap()
    assert labels.first.locator("input").is_checked()
    assert page.locator(".reasons > p").filter(visible=True).count() == 1
    again = page.get_by_role("button", name="Start again")
    assert again.bounding_box()["height"] >= 44
    context.close()


@pytest.mark.browser
def test_answers_are_told_without_scripts_and_listed_on_paper(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address("decode"))
    reasons = page.locator(".reasons > p")
    assert reasons.filter(visible=True).count() == 0
    page.locator(".quiz label").first.click()
    assert reasons.filter(visible=True).count() == 1
    page.emulate_media(media="print")
    assert reasons.filter(visible=True).count() == 0
    letters = ["abc"[place_of(q, right=True)] for q in questions("decode")]
    listed = ", ".join(f"{n} {x}" for n, x in enumerate(letters, start=1))
    key = page.locator(".quiz-key")
    assert key.is_visible()
    assert key.inner_text() == f"Answers: {listed}."
    assert page.locator(".quiz label").first.is_visible()
    context.close()
