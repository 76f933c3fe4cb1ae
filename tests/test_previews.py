"""Cards that show what a link leads to: by mouse, by keys, and never by finger."""

import re

import pytest
from book_pages import BOOK, BUILT
from browser_fixtures import (  # noqa: F401 (the fixture is used by name)
    fixture_browser,
    open_page,
)
from docutils import nodes
from docutils.utils import new_document
from extensions import excerpts, glossed
from playwright.sync_api import expect
from sphinx import addnodes
from test_pages import PHONE

DECODE = (BUILT / "book/decode.html").as_uri()
TOLD = {  # where a link leads, and what its card says
    "#equation-eq-softmax": r"\(\d+\.\d+\)",
    "references.html#": r"(19|20)\d\d",
    "losses.html": "A network learns by being corrected",
    "#fig-": r"^Fig\. ",
    "glossary.html#term-encoder": "[a-z]{3}",
}
IN_VIEW = """(node) => {
  const { left, top, right, bottom } = node.getBoundingClientRect();
  return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
}"""


def link_to(page, address):
    return page.locator(f'.bd-article p a.reference.internal[href^="{address}"]').first


@pytest.mark.browser
def test_a_mouse_sees_what_a_link_leads_to(browser):
    with open_page(browser, DECODE) as (page, problems):
        card = page.locator(".preview")
        for address, told in TOLD.items():
            link = link_to(page, address)
            link.scroll_into_view_if_needed()
            link.hover()
            expect(card).to_be_visible()
            assert re.search(told, card.inner_text()), card.inner_text()
            assert card.evaluate(IN_VIEW)
            page.mouse.move(1, 1)
            expect(card).to_be_hidden()
            assert link.get_attribute("aria-describedby") is None
        link.hover()
        card.hover()  # what it says can be read at leisure
        page.wait_for_timeout(400)
        assert card.is_visible()
        assert problems == []


@pytest.mark.browser
def test_keys_see_it_too_and_escape_closes_it(browser):
    with open_page(browser, DECODE, settle=False) as (page, problems):
        link, card = link_to(page, "losses.html"), page.locator(".preview")
        link.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(link).to_be_focused()
        expect(card).to_contain_text("A network learns by being corrected")
        assert card.get_attribute("role") == "tooltip"
        assert link.get_attribute("aria-describedby") == card.get_attribute("id")
        page.keyboard.press("Escape")
        assert card.is_hidden()
        expect(link).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/losses.html*")
        assert problems == []


def test_what_is_folded_is_not_told():
    document = new_document("page")
    section = nodes.section(ids=["a"])
    document += section
    section += nodes.title(text="A question")
    for kind, text in (
        (nodes.paragraph, "What is seen?"),
        (nodes.raw, '<details class="answers"><summary>Answers</summary>'),
        (nodes.paragraph, "The answer."),
        (nodes.raw, "</details>"),
        (nodes.paragraph, "And more."),
    ):
        section += kind(text, text)
    ((_, told, _),) = excerpts.read_sections(document)
    assert told == "What is seen? And more."


@pytest.mark.browser
def test_a_finger_follows_the_link(browser):
    context = browser.new_context(**PHONE)
    page = context.new_page()
    page.goto(DECODE)
    link_to(page, "losses.html").tap()
    page.wait_for_url("**/losses.html*")
    page.go_back()
    assert page.locator(".preview:visible").count() == 0
    context.close()


def test_terms_of_a_glossary_stand_by_themselves():
    term = nodes.term("", "AuC", ids=["term-AuC"])
    meaning = nodes.definition("", nodes.paragraph("", "A share\nof pixels."))
    entries = nodes.definition_list("", nodes.definition_list_item("", term, meaning))
    before = nodes.paragraph("", "Words.")
    section = nodes.section(
        "", before, addnodes.glossary("", entries), ids=["glossary"]
    )
    page = new_document("glossary")
    page += section
    assert excerpts.read_sections(page) == [["", "Words.", ""]]
    assert excerpts.read_terms(page) == [["#term-AuC", "A share of pixels.", "AuC"]]


# Terms of the glossary


def linked(*parts, terms=("entropy", "cross-entropy", "AuC")):
    """Return the first paragraph of a page with its links in brackets."""
    page = new_document("page")
    page += nodes.section("", *parts, ids=["a"])
    glossed.link_terms(
        page, list(terms), lambda term, seen: nodes.emphasis("", f"[{term}: {seen}]")
    )
    return page[0][0].astext()


def test_a_term_is_linked_once_and_the_longer_one_first():
    first = nodes.paragraph("", "Cross-entropy, not entropy.")
    assert linked(first) == "[cross-entropy: Cross-entropy], not entropy."
    twice = nodes.paragraph("", "Entropies, the AuC and AuC.")
    assert linked(twice) == "Entropies, the [AuC: AuC] and AuC."


def test_what_a_chapter_explains_itself_is_not_linked():
    bold = nodes.paragraph("", "", nodes.strong("", "entropy"))
    assert linked(nodes.paragraph("", "The entropy is"), bold) == "The entropy is"
    part = nodes.paragraph("", "Entropy-like, AuCX, but no link")
    assert linked(part) == "Entropy-like, AuCX, but no link"


def test_code_titles_and_exercises_have_no_such_links():
    code = nodes.paragraph("", "", nodes.literal("", "entropy"))
    box = nodes.admonition("", nodes.paragraph("", "entropy"), classes=["exercise"])
    assert linked(code, box) == "entropy"
    assert linked(box) == "entropy"


def test_words_that_are_left_out_are_terms():
    terms = [
        term for term, _ in glossed.ENTRY.findall((BOOK / "glossary.md").read_text())
    ]
    assert set(terms) >= glossed.ALSO_COMMON
    assert glossed.load_terms(BOOK)["AuC"] == "decode"
