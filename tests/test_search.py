"""The search, from a folder: numbers, names of code, letters with accents, nothing."""

import re

import pytest
from book_pages import BUILT
from browser_fixtures import (  # noqa: F401 (the fixture is used by name)
    fixture_browser,
    open_page,
)
from docutils import nodes
from docutils.utils import new_document
from extensions import excerpts, plain_math
from playwright.sync_api import expect

ASKED = {  # what is typed, and what is marked then
    "313": "313",
    "0.38": "0.38",
    "annealed_mean": "annealed_mean",
    "krahenbuhl": "Krähenbühl",
    "Fréchet": "Fréchet",
    "frechet": "Fréchet",
}


def search_for(page, words):
    page.goto(f"{(BUILT / 'search.html').as_uri()}?q={words.replace(' ', '+')}")
    summary = page.locator("#search-results .search-summary")
    expect(summary).not_to_be_empty()
    return summary.inner_text()


@pytest.mark.browser
def test_search_finds_numbers_code_and_accents(browser):
    url = (BUILT / "search.html").as_uri()
    with open_page(browser, url, settle=False) as (page, problems):
        for words, seen in ASKED.items():
            assert "found" in search_for(page, words), words
            marked = page.locator("#search-results p.context strong")
            expect(marked.first).to_be_visible()
            assert marked.first.inner_text() == seen
        links = page.locator("#search-results li > a").all()
        places = [link.evaluate("(node) => node.href.split('?')[0]") for link in links]
        assert len(set(places)) == len(places)  # what is added was not there
        assert problems == []


@pytest.mark.browser
@pytest.mark.parametrize("words", ["annealed", "entropies"])
def test_every_found_page_shows_what_was_looked_for(browser, words):
    url = (BUILT / "search.html").as_uri()
    stem = words[:6].rstrip("i")
    with open_page(browser, url, settle=False) as (page, problems):
        search_for(page, words)
        expect(page.locator("#search-results p.context strong").first).to_be_visible()
        told = page.locator("#search-results p.context").all_inner_texts()
        assert len(told) > 5
        assert [text for text in told if stem not in text.lower()] == []
        of_glossary = page.locator("#search-results li", has_text="annealed mean: The")
        shown = [item for item in of_glossary.all() if item.is_visible()]
        assert len(shown) == (words == "annealed")  # not the term and its page
        assert problems == []


@pytest.mark.browser
def test_the_page_of_the_library_shows_what_was_found(browser):
    url = (BUILT / "search.html").as_uri()
    with open_page(browser, url, settle=False) as (page, problems):
        search_for(page, "annealed")
        library = page.locator("#search-results li", has_text="The library").last
        expect(library.locator("p.context strong").first).to_have_text("annealed")
        assert problems == []


@pytest.mark.browser
def test_search_says_so_if_nothing_is_found(browser):
    url = (BUILT / "search.html").as_uri()
    with open_page(browser, url, settle=False) as (page, problems):
        for words in ("qqqzzz", "313 qqqzzz"):
            assert "did not match" in search_for(page, words)
            page.wait_for_timeout(500)
            assert page.locator("#search-results li").count() == 0
        assert problems == []


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\lambda", "lambda"),
        (r"\hat Z_q \approx 0.5", "Ẑ_q ≈ 0.5"),
        (r"\sum_q \tilde p_q w_q", "sum_q p\u0303_q w_q"),
        (r"1 - \frac{8}{27} \le \tfrac13", "1 - 8/27 ≤ 1/3"),
        (
            r"\frac{2 \cdot 5^3}{\sqrt{\sigma^2 + 1}}",
            "(2 · 5^3)/(√(sigma^2 + 1))",
        ),
        (r"L_{\text{cell}}, L_\mathrm{new}", "L_cell, L_new"),
        (r"e^{-\left(a - b\right)^2}", "e^(-(a - b)^2)"),
        (r"\{0, \dots, 9\}", "{0, …, 9}"),
    ],
)
def test_a_piece_of_prose_shows_no_tex(tex, text):
    assert plain_math(tex) == text
    page = new_document("page")
    words = nodes.paragraph("", "Any ", nodes.math("", tex), nodes.Text("."))
    page += nodes.section("", words, ids=["a"])
    assert excerpts.read_sections(page) == [["", f"Any {text}.", ""]]


def test_no_found_piece_of_the_book_shows_tex():
    told = excerpts.unpack((BUILT / excerpts.FILE).read_text("utf-8"))
    texts = [text for page in told.values() for _, text, _ in page]
    commands = r"\\(?:frac|sqrt|hat|tilde|lambda|sigma|cdot|mathrm|text|log)\b"
    assert [found for text in texts for found in re.findall(commands, text)] == []


def test_code_of_a_section_is_kept_apart_from_its_prose():
    code = nodes.literal_block("", "x =  1")
    section = nodes.section("", nodes.paragraph("", "Words."), code, ids=["a"])
    page = new_document("page")
    page += section
    assert excerpts.read_sections(page) == [["", "Words.", ""]]
    assert excerpts.read_sections(page, excerpts.CODE) == [["", "x = 1", ""]]
    script = excerpts.pack({"page": [["", "x = 1"]]}, "CODES")
    assert script.startswith('const CODES = "')
    assert excerpts.unpack(script) == {"page": [["", "x = 1"]]}
