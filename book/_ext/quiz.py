"""Ask questions in a page: a tap shows whether an answer is right, and why.

    :::{quiz}
    1. How many bins has the plane?
       - 625.
         - Wrong: that is the whole grid, before the hull.
       - 313.
         - Right: the hull, and one bin of padding.
    :::

Numbered lines ask, the lines below offer answers, and what stands below an
answer gives its reason, which begins with "Right:" or "Wrong:". Radio buttons
and a style do it all; `_static/quiz.js` only counts.
"""

import re
from typing import NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ITEM = re.compile(r"^( {3}| {5}|)(?:\d+\.|-) ", re.M)
RIGHT, WRONG = "Right: ", "Wrong: "
VOID = {"input"}  # HTML elements without an end
HOW = (
    "About five minutes. Tap an answer to see whether it is right, and why: "
    "all of it is on this page. With keys, arrows move and Space answers."
)


class Answer(NamedTuple):
    """One answer, and why it is right or wrong."""

    text: str
    reason: str

    @property
    def right(self) -> bool:
        """Tell by the reason's first word."""
        return self.reason.startswith(RIGHT)


class Question(NamedTuple):
    """What is asked, and the answers offered."""

    text: str
    answers: list[Answer]


def read_quiz(text: str) -> list[Question]:
    """Read the content of the directive, or say what is wrong with it."""
    before, *pieces = ITEM.split(text)
    if before.strip():
        raise ValueError(f"a question begins with a number, not {before!r}")
    questions = []
    for indent, piece in zip(map(len, pieces[::2]), pieces[1::2]):
        told = " ".join(piece.split())
        if indent == 0:
            questions.append(Question(told, []))
        elif indent == 3:
            questions[-1].answers.append(Answer(told, ""))
        else:
            last = questions[-1].answers.pop()
            questions[-1].answers.append(last._replace(reason=told))
    for question in questions:
        _check(question)
    return questions


def _check(question: Question) -> None:
    for answer in question.answers:
        if not answer.reason.startswith((RIGHT, WRONG)):
            raise ValueError(
                f"{answer.text!r}: a reason must say right or wrong"
            )
    if sum(answer.right for answer in question.answers) != 1:
        raise ValueError(f"{question.text!r} must have one right answer")


class Tag(nodes.General, nodes.Element):
    """An HTML element; other formats show what is in it."""


def _visit_tag(writer, node):
    told = writer.starttag(node, node["tag"], "", **node["told"])
    writer.body.append(told)


def _depart_tag(writer, node):
    if node["tag"] not in VOID:
        writer.body.append(f"</{node['tag']}>\n")


def _pass(writer, node):
    """Show the content alone: not every builder can ask."""


def tag(element: str, *content: nodes.Node, kind: str = "", **told: str) -> Tag:
    """Make an HTML element of a class."""
    classes = [kind] if kind else []
    return Tag("", *content, tag=element, told=told, classes=classes)


class Quiz(SphinxDirective):
    """`{quiz}`: its content is a list of questions."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make a field of radio buttons of each question."""
        try:
            questions = read_quiz("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        fields = [self._field(n, q) for n, q in enumerate(questions, start=1)]
        how = tag("p", nodes.Text(HOW), kind="quiz-how")
        count = tag("p", kind="quiz-count", role="status")
        return [tag("div", how, *fields, count, _key(questions), kind="quiz")]

    def _field(self, number: int, question: Question) -> Tag:
        answers, reasons = [], []
        for letter, answer in zip("abcd", question.answers):
            button = tag(
                "input",
                type="radio",
                name=f"quiz-{number}",
                value=answer.reason[:5].lower(),
                autocomplete="off",
            )
            text = tag(
                "span", nodes.Text(f"{letter}. "), *self._inline(answer.text)
            )
            answers.append(tag("label", button, text))
            reasons.append(tag("p", *self._inline(answer.reason)))
        asked = nodes.Text(f"{number}. "), *self._inline(question.text)
        told = tag("div", *reasons, kind="reasons", role="status")
        return tag("fieldset", tag("legend", *asked), *answers, told)

    def _inline(self, text: str) -> list[nodes.Node]:
        return self.parse_inline(text)[0]


def _key(questions: list[Question]) -> Tag:
    """Give the answers in one line, for paper."""
    letters = [
        f"{number} {'abcd'[[a.right for a in question.answers].index(True)]}"
        for number, question in enumerate(questions, start=1)
    ]
    told = nodes.Text(f"Answers: {', '.join(letters)}.")
    return tag("p", told, kind="quiz-key")


def _add_script(app, pagename, templatename, context, doctree):
    if doctree is not None and any(
        n["tag"] == "fieldset" for n in doctree.findall(Tag)
    ):
        app.add_js_file("quiz.js", loading_method="defer")


def setup(app):
    """Register with Sphinx."""
    app.add_node(
        Tag,
        html=(_visit_tag, _depart_tag),
        latex=(_pass, _pass),
        text=(_pass, _pass),
    )
    app.add_directive("quiz", Quiz)
    app.connect("html-page-context", _add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
