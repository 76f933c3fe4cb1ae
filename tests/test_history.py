"""The walk through time: years in order, papers cited, the page played."""

import re
from collections import Counter

import pytest
from book_pages import BOOK, BUILT
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from playwright.sync_api import expect

TEXT = (BOOK / "history.md").read_text(encoding="utf-8")
BIB = (BOOK / "references.bib").read_text(encoding="utf-8")
YEARS = re.findall(r'id="year-(\d+)"', TEXT)


def test_each_year_has_its_entry():
    assert len(YEARS) > 20
    assert [int(year) for year in YEARS] == sorted({int(year) for year in YEARS})
    assert re.findall(r'for="year-(\d+)">\1</label>', TEXT) == YEARS
    assert re.findall(r"entry\n\*\*(\d+)\.\*\*", TEXT) == YEARS
    assert TEXT.count(" checked>") == 1


def test_forty_papers_on_colorization_are_cited():
    titles = dict(
        re.findall(r"@\w+\{(\w+),(?:(?!\n\}).)*?\btitle\s*=\s*\{(.*?)\},?\n", BIB, re.S)
    )
    pages = [*BOOK.glob("*.md"), *BOOK.glob("*.ipynb")]
    texts = [path.read_text(encoding="utf-8") for path in pages]
    cited = set(re.findall(r"\{cite:\w\}`(\w+)`", "".join(texts)))
    # Not all that have color in their title: CIE's papers are on seeing it.
    kinds = "oloriz|Coloring|Colorful Image|Color to Grey|to Color|Be Color"
    kinds += "|Control Color"
    colored = {key for key in cited if re.search(kinds, titles.get(key, ""))}
    assert not colored & {"cie2018", "luo2001", "machado2009", "reinhard2001"}
    assert len(colored) >= 40


def test_no_reference_stands_twice():
    keys = Counter(re.findall(r"^@\w+\{(\w+),", BIB, re.M))
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_arrow_keys_walk_through_the_years(browser, scripts):
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{BUILT.as_uri()}/book/history.html")
    shown = page.locator(".timeline > .entry:visible")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("1840.")
    page.locator("#year-1840").press("ArrowRight")
    expect(shown).to_contain_text("1902.")
    page.get_by_text("2004", exact=True).click()
    expect(shown).to_contain_text("neighbors of like lightness")
    page.emulate_media(media="print")
    expect(shown).to_have_count(len(YEARS))
    context.close()


@pytest.mark.browser
def test_keys_come_to_the_first_year_in_a_few_stops(browser):
    page = browser.new_page()
    page.goto(f"{BUILT.as_uri()}/book/history.html")
    for key in ("Tab", "Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    expect(page.locator("#year-1840")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline > .entry:visible")).to_contain_text("1902.")
    page.close()
