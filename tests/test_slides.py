"""Slides: what is on them, that all of it has room, and that what moves is played."""

import re

import nbformat
import pytest
from book_pages import BOOK, BUILT
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    PATIENCE,
    fixture_browser,
    open_page,
)
from extensions import load

slides = load(BOOK / "_tools/slides.py")
CHAPTERS = slides.chapters()
FAST = ["probe"]
SIZE = {"width": 1280, "height": 720}
WORDS, LISTED = 60, 90

# Of the slide that is shown: what stands out of its place, and text upon text.
OUTSIDE = """() => {
  const slide = document.querySelector(".slide.now");
  const boxes = (query) => [...slide.querySelectorAll(query)]
    .map((node) => [node, node.getBoundingClientRect()])
    .filter(([, box]) => box.width && box.height);
  const [[, stage]] = boxes(".slide-stage").concat([[0, {}]]);
  const wrong = [];
  const told = boxes("h2, .slide-lead, .slide-told");
  for (const [node, box] of told) {
    if (box.right > 1280 || box.bottom > 720 || box.left < 0) {
      wrong.push(node.className);
    }
    for (const [other, its] of told) {
      if (other !== node && box.top < its.bottom - 1 && its.top < box.bottom - 1 &&
          box.left < its.right && its.left < box.right) wrong.push("text upon text");
    }
  }
  const drawn = ".slide-shown :is(svg, img, canvas, table, pre, mjx-math, li, " +
    ".lab-figure, button, label, input)";
  for (const [node, box] of boxes(drawn)) {
    if (box.left < stage.left - 2 || box.right > stage.right + 2 ||
        box.top < stage.top - 2 || box.bottom > stage.bottom + 2) {
      wrong.push(`${node.tagName} ${node.className}`);
    }
  }
  return wrong;
}"""
LARGE = """() => {
  const picture = document.querySelector(
    ".slide.now[data-kind=figure] .slide-shown :is(svg, img)");
  if (!picture) return true;
  const { width, height } = picture.getBoundingClientRect();
  return width > 700 || height > 380;
}"""
MOVING = """[...document.querySelectorAll(".slide")]
  .findIndex((slide) => slide.dataset.kind === "moving") + 1"""
READY = """() => document.querySelector(".slide.now") &&
  !document.querySelector("article .math:not(:has(mjx-container))") &&
  [...document.querySelectorAll("[type='application/vnd.jupyter.widget-view+json']")]
    .every((place) => place.parentElement.querySelector(".widget-subarea > *"))"""


@pytest.fixture(name="decks", scope="module")
def fixture_decks(tmp_path_factory):
    if not BUILT.exists():
        pytest.fail("the book is not built: run `make book` first")
    return tmp_path_factory.mktemp("slides")


@pytest.fixture(name="make")
def fixture_make(decks):
    """Return a function that writes a chapter's deck, once."""

    def make(chapter):
        path = decks / f"{chapter}.html"
        if not path.exists():
            slides.main(BUILT, decks, [chapter])
        return path

    return make


def soup(path):
    return slides.soup_of(path.read_text(encoding="utf-8"))


def moving(chapter):
    """Name the figures of a chapter that have controls, as its cells do."""
    cells = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4).cells
    return {
        cell.metadata["mystnb"]["figure"]["name"]
        for cell in cells
        if "still" in cell.metadata.get("tags", [])
    }


def judge_text(path, chapter):
    found = soup(path).select(".slide")
    least = 15 if chapter != "intro" else 8
    assert least <= len(found) <= 25
    for slide in found:
        title = slide.h2
        told = [title, *slide.select(".slide-lead, .slide-told, li")]
        words = sum(map(slides.count_words, told))
        assert words <= (LISTED + 10 if slide.li else WORDS), title.get_text()
        assert slide.select(".slide-lead, .slide-shown > *"), title.get_text()
        assert not re.search(r"\{\w+\}`", str(slide))
    ids = {figure.get("id") for figure in soup(path).select(".slide figure")}
    assert moving(chapter) <= ids


def play(page, place):
    """Play the figure of a slide by its keys; tell what changed."""
    page.keyboard.press("Home")
    page.evaluate(f"location.hash = '{place + 1}'")
    shown = page.locator(".slide.now .widget-subarea")
    page.wait_for_timeout(300)
    before = shown.screenshot()
    controls = shown.locator("canvas[tabindex], input, select, button").all()
    for control in controls:
        if not control.is_visible() or control.is_disabled():
            continue
        control.focus()
        for key in ("ArrowRight", "ArrowLeft", "Space"):
            page.keyboard.press(key)
            if shown.screenshot() != before:
                return True
    return False


def judge_pages(browser, path):
    """Walk through a deck by keys: nothing is cut, what moves answers."""
    with open_page(browser, path.as_uri(), settle=False) as (page, problems):
        told = []
        page.on("console", lambda message: told.append(message.text))
        page.set_viewport_size(SIZE)
        page.wait_for_function(READY)
        kinds = page.evaluate(
            "[...document.querySelectorAll('.slide')].map((s) => s.dataset.kind)"
        )
        for place, kind in enumerate(kinds):
            page.wait_for_function(f"location.hash === '#{place + 1}'")
            title = page.locator(".slide.now h2").inner_text()
            for _ in range(PATIENCE):  # until all is drawn
                page.wait_for_timeout(120)
                outside, large = page.evaluate(OUTSIDE), page.evaluate(LARGE)
                if large and not outside:
                    break
            assert outside == [], f"{place + 1}: {title}"
            assert large, f"{place + 1}: {title}"
            if kind == "moving":
                assert play(page, place), f"{place + 1}: {title}"
                page.keyboard.press("Escape")
            page.keyboard.press("ArrowRight")
        assert problems == []
        assert told == []


@pytest.mark.browser
@pytest.mark.parametrize("chapter", FAST)
def test_a_deck_has_room_for_all_and_is_played(browser, make, chapter):
    judge_text(make(chapter), chapter)
    judge_pages(browser, make(chapter))


@pytest.mark.browser
@pytest.mark.stress
@pytest.mark.parametrize("chapter", [c for c in CHAPTERS if c not in FAST])
def test_the_other_decks(browser, make, chapter):
    judge_text(make(chapter), chapter)
    judge_pages(browser, make(chapter))


@pytest.mark.browser
def test_keys_open_code_and_notes_and_leave_a_figure(browser, make):
    with open_page(browser, make("probe").as_uri(), settle=False) as (page, _):
        page.set_viewport_size(SIZE)
        page.wait_for_function(READY)
        now = page.locator(".slide.now")
        page.keyboard.press("c")
        assert "show_images(" in now.locator(".slide-code").inner_text()
        page.keyboard.press("c")
        assert now.locator(".slide-code").is_hidden()
        page.keyboard.press("n")
        assert now.locator(".slide-notes").is_visible()
        with page.expect_popup() as opened:
            page.keyboard.press("s")
        notes = opened.value.locator("body")
        first = notes.inner_text()
        assert now.locator(".slide-notes").inner_text()[:40] in first
        opened.value.keyboard.press("PageDown")
        page.wait_for_function("location.hash === '#2'")
        assert notes.inner_text() != first
        place = page.evaluate(MOVING)
        page.evaluate(f"location.hash = '{place}'")
        now.locator(".lab-figure :is(select, input, button)").first.focus()
        page.keyboard.press("ArrowRight")  # the figure's own
        assert page.evaluate("location.hash") == f"#{place}"
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"location.hash === '#{place + 1}'")


@pytest.mark.browser
def test_on_paper_a_slide_is_a_page_with_a_still(browser, make, tmp_path):
    with open_page(browser, make("probe").as_uri(), settle=False) as (page, _):
        page.set_viewport_size(SIZE)
        page.wait_for_function(READY)
        count = page.locator(".slide").count()
        page.pdf(path=tmp_path / "deck.pdf", prefer_css_page_size=True)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        moves = page.locator("[data-kind=moving] .lab-figure").all()
        assert moves
        assert all(figure.is_hidden() for figure in moves)
        still = page.locator("[data-kind=moving] .tag_still :is(svg, img)").first
        box = still.bounding_box()
        assert box["width"] > 400
        assert box["height"] < 600
    text = (tmp_path / "deck.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", text)) == count


def test_a_cell_that_jupyter_marks_as_skipped_gives_no_slide(monkeypatch, tmp_path):
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\n## One of *two*\n\nText."),
        nbformat.v4.new_code_cell("draw()"),
    ]
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": "skip"}
    cells[1].metadata["mystnb"] = {"figure": {"name": "fig-one"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    monkeypatch.setattr(slides, "BOOK", tmp_path)
    assert {"one-of-two", "fig-one"} <= slides.skipped("one")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("One. Two <b>bold. Three</b> four? Five.", 3),
        (r"Let <span>\(x = 1.\)</span> be. Then more", 2),
        ("No end", 1),
        ("One thing: <b>batch norm</b>. Two things: <b>One</b> and more", 3),
        (r"Three more: <span>\(a\)</span> and more.", 1),
    ],
)
def test_sentences_are_not_cut_within_what_is_marked_up(text, told):
    found = slides.sentences(slides.soup_of(f"<p>{text}</p>").p)
    assert len(found) == told
    assert all(str(slides.soup_of(part)) == part for part in found)


def test_a_lead_has_the_first_sentence_and_the_last():
    said = ["One two.", "Three four five six.", "Seven eight:"]
    assert slides.framed(said, 8) == " ".join(said)
    assert slides.framed(said, 5) == "One two. Seven eight:"
    assert slides.framed(said, 3) == "Seven eight:"
    assert slides.fill(said, 1) == ""


def test_a_chapter_that_has_grown_loses_its_plainest_slides():
    kinds = ["figure", "text", "output", "math", "text", "output"]
    made = [slides.Slide(kind, str(n), "", "") for n, kind in enumerate(kinds)]
    assert [s.title for s in slides.at_most(made, 6)] == [*"012345"]
    assert [s.title for s in slides.at_most(made, 5)] == [*"01235"]
    assert [s.title for s in slides.at_most(made, 3)] == [*"023"]
    assert [s.title for s in slides.at_most(made, 1)] == [*"03"]


def test_a_long_list_becomes_two_slides():
    items = "".join(f"<li><p>Item {n} is told. More.</p></li>" for n in range(5))
    (one,) = slides.shorten(slides.soup_of(f"<ul>{items}</ul>").ul, 20)
    assert one.get_text() == "".join(f"Item {n} is told." for n in range(5))
    first, second = slides.shorten(slides.soup_of(f"<ol>{items}</ol>").ol, 12)
    assert (len(first.select("li")), len(second.select("li"))) == (3, 2)
    assert second["start"] == "4"
