"""Cards that show what a link leads to: by mouse, by keys, and never by finger."""

import re

import pytest
from book_pages import BUILT
from browser_fixtures import (  # noqa: F401 (the fixture is used by name)
    fixture_browser,
    open_page,
)
from docutils import nodes
from docutils.utils import new_document
from extensions import excerpts
from playwright.sync_api import expect
from sphinx import addnodes
from test_pages import PHONE

DECODE = (BUILT / "book/decode.html").as_uri()
IN_VIEW = """(node) => {
  const { left, top, right, bottom } = node.getBoundingClientRect();
  return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
}"""


def link_to(page, address):
    return page.locator(f'.bd-article p a.reference.internal[href^="{address}"]').first


@pytest.mark.browser
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("#equation-eq-softmax", r"\(\d+\.\d+\)"),
        ("references.html#", r"(19|20)\d\d"),
        ("losses.html", "A network learns by being corrected"),
        ("#fig-", r"^Fig\. "),
    ],
)
def test_a_mouse_sees_what_a_link_leads_to(browser, address, told):
    with open_page(browser, DECODE) as (page, problems):
        link, card = link_to(page, address), page.locator(".preview")
        link.scroll_into_view_if_needed()
        link.hover()
        expect(card).to_be_visible()
        assert re.search(told, card.inner_text()), card.inner_text()
        assert card.evaluate(IN_VIEW)
        card.hover()  # what it says can be read at leisure
        page.wait_for_timeout(400)
        assert card.is_visible()
        page.mouse.move(1, 1)
        expect(card).to_be_hidden()
        assert link.get_attribute("aria-describedby") is None
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
    assert excerpts.read_sections(page) == [["", "Words."]]
    assert excerpts.read_terms(page) == [["#term-AuC", "A share of pixels."]]
