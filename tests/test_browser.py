"""The built pages in a browser, over http and from the folder, and in JupyterLab."""

import itertools

import pytest
from book_pages import BUILT, CHAPTERS, PAGES, ROOT
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    fixture_book_server,
    fixture_browser,
    fixture_jupyter_lab,
    open_page,
    run_all_cells,
)

pytestmark = pytest.mark.browser

PHONE = 390
VIEWS = {  # each pair of http or file, light or dark, wide or narrow is there once
    "file-dark-phone": ("file", True, PHONE),
    "http-light-phone": ("http", False, PHONE),
    "http-dark-wide": ("http", True, 1280),
    "file-light-wide": ("file", False, 1280),
}
ALL_VIEWS = {f"book/{name}" for name in ("intro", "lab", "photo", "setup")}
HAS_MATH = 'document.querySelectorAll("article .math").length'
RAW_MATH = """[...document.querySelectorAll("article .math")]
  .filter((place) => !place.querySelector("mjx-container"))
  .map((place) => place.textContent)"""
MATH_ERRORS = """[...document.querySelectorAll("mjx-merror")]
  .map((place) => place.title || place.textContent)"""
FILTERS = """[...document.querySelectorAll("article img, article canvas")]
  .map((image) => getComputedStyle(image).filter)"""
# What stands in columns may be moved by a finger; all else is seen whole.
CUT = """() => [...document.querySelectorAll(
  ".bd-article :is(.cell_output :not(.aligned) > .highlight > pre, table.printed)")]
  .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map((node) => node.textContent.slice(0, 60))"""
BROKEN = """() => [...document.querySelectorAll(".cell_output .aligned pre")]
  .filter((node) => node.checkVisibility())
  .filter((node) => {
    const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(node);
    const high = node.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    const lines = node.textContent.trimEnd().split("\\n").length;
    return Math.abs(high / parseFloat(lineHeight) - lines) > 0.5;
  })
  .map((node) => node.textContent.slice(0, 60))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def address(page, scheme, server):
    return f"{server}/{page}.html" if scheme == "http" else file_address(page)


def file_address(page):
    return (BUILT / f"{page}.html").as_uri()


def complaints(page):
    """List what is wrong with what is seen, whatever the view."""
    raw = [f"raw math: {text}" for text in page.evaluate(RAW_MATH)]
    wrong = [f"math error: {text}" for text in page.evaluate(MATH_ERRORS)]
    filters = set(page.evaluate(FILTERS)) - {"none"}
    filtered = [f"figures are filtered: {value}" for value in filters]
    over = page.evaluate(OVERFLOW)
    sideways = [f"the page scrolls sideways by {over} px"] if over > 0 else []
    cut = [f"cut: {text}" for text in page.evaluate(CUT)]
    cut += [f"lines of columns are broken: {text}" for text in page.evaluate(BROKEN)]
    return raw + wrong + filtered + sideways + cut


def lasting_complaints(page, times=20):
    """List what stays wrong: a page may be too wide while its figures are drawn."""
    while (found := complaints(page)) and (times := times - 1):
        page.wait_for_timeout(500)
    return found


def looks():
    """Give each page in each view; most are looked at once, on a phone in the dark."""
    for name, view in itertools.product(PAGES, VIEWS):
        once = name not in ALL_VIEWS and view != "file-dark-phone"
        yield pytest.param(name, view, marks=pytest.mark.stress if once else ())


@pytest.mark.parametrize(("name", "view"), [*looks()])
def test_page_is_whole(browser, book_server, name, view):
    scheme, dark, width = VIEWS[view]
    url = address(name, scheme, book_server)
    with open_page(browser, url, width=width, dark=dark) as (page, problems):
        theme = page.evaluate("document.documentElement.dataset.theme")
        assert theme == ("dark" if dark else "light")
        assert page.locator("article h1").is_visible()
        assert lasting_complaints(page) == []
        assert problems == []


def test_a_page_has_math(browser):
    """So that the test above looked at formulas at all."""
    with open_page(browser, file_address("book/lab")) as (page, _):
        assert page.evaluate(HAS_MATH) > 0


def test_start_page_leads_to_the_book(browser):
    with open_page(browser, (BUILT / "index.html").as_uri()) as (page, problems):
        page.wait_for_url(f"**/{PAGES[0]}.html")
        assert problems == []


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_search_finds_a_chapter(browser, book_server, scheme):
    url = address("search", scheme, book_server) + "?q=colorization"
    with open_page(browser, url) as (page, problems):
        page.wait_for_selector("#search-results li a")
        page.wait_for_load_state("networkidle")  # excerpts, over http
        assert problems == []


def test_paper_is_light(browser):
    theme = "document.documentElement.dataset.theme"
    with open_page(browser, file_address(PAGES[0]), dark=True) as (page, _):
        page.evaluate(f"addEventListener('beforeprint', () => window.seen = {theme})")
        assert page.pdf().startswith(b"%PDF")
        assert (page.evaluate("seen"), page.evaluate(theme)) == ("light", "dark")


def test_checks_can_fail(browser, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<script src='missing.js'></script><script>throw Error('oh')</script>"
        "<article><p style='width: 3000px' class='math'>\\(x\\)</p>"
        "<img style='filter: invert(1)' src='http://127.0.0.1:9/x.png'></article>"
    )
    with open_page(browser, bad.as_uri(), width=PHONE) as (page, problems):
        assert [text.split(":")[0] for text in complaints(page)] == [
            "raw math",
            "figures are filtered",
            "the page scrolls sideways by " + str(page.evaluate(OVERFLOW)) + " px",
        ]
        found = "; ".join(problems)
    for expected in ("page error: oh", "asks http", "failed: file", "console:"):
        assert expected in found


@pytest.mark.stress  # test_widgets.py plays a figure there, too
def test_first_chapter_runs_in_jupyterlab(browser, jupyter_lab):
    with open_page(browser, f"{jupyter_lab}/lab", settle=False) as (page, problems):
        run_all_cells(page, jupyter_lab, f"book/{CHAPTERS[0]}.ipynb")
        error = '[data-mime-type="application/vnd.jupyter.error"]'
        assert page.locator(f".jp-OutputArea-output{error}").count() == 0
        assert not [text for text in problems if text.startswith("asks")]
    assert not (ROOT / "book" / ".ipynb_checkpoints").exists()
