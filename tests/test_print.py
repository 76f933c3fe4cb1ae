"""The book on paper and as an e-book: its parts, and a small book made of them."""

import re
import shutil
import xml.etree.ElementTree as ET
from zipfile import ZIP_STORED, ZipFile

import pytest
import yaml
from book_pages import BOOK, BUILT
from bs4 import BeautifulSoup
from extensions import import_tool
from pypdf import PdfReader

chromium, onpaper, crosslinks, whole, pdf, epub = (
    import_tool(name) for name in "chromium onpaper crosslinks whole pdf epub".split()
)

CHART = """<svg class="chart" viewBox="0 0 9 9" width="90" height="90">
<clipPath id="c1"><path d="M0 0H9"/></clipPath><g clip-path="url(#c1)">
<use href="#c1"/></g><text style="fill: var(--chart-ground)">word</text></svg>"""
PAGE = """<html><head><link href="../_static/pygments.css" rel="stylesheet">
<link rel="stylesheet" href="../_static/print.css" media="print"></head>
<body><nav>Menu</nav><article class="bd-article"><section id="{name}">
<h1>{number}. {title}<a class="headerlink" href="#{name}">#</a></h1>
<script>alert(1)</script><button>press</button>
<section id="text"><h2>Text<a class="headerlink" href="#text">#</a></h2>
<p>See <a href="other.html#text">there</a>, <a href="other.html">all</a>,
<a href="search.html">what paper has not</a>, <a href="https://example.org">out</a>,
<a href="mailto:DATA%40SIZE">DATA@SIZE</a>.
<span class="math">\\(x^2\\)</span></p>
<figure id="fig-one"><div class="played"><div class="cell tag_still">{chart}</div>
<div class="cell"><script>moving</script>controls</div></div>
<figcaption><p>Fig. 1</p><details class="figure-code"><summary>Code</summary>
<pre>hidden = 1</pre></details></figcaption></figure>
<details class="answers"><summary>Answers</summary><p>Forty-two.</p></details>
<details class="answers"><summary>How it works</summary><p>Aside.</p></details>
<div class="quiz"><p class="quiz-how">Press.</p><fieldset><legend>1. Why?</legend>
<label><input type="radio"><span>a. So.</span></label>
<div class="reasons">Right. So it is.</div></fieldset>
<p class="quiz-key">Answers: 1 a.</p></div></section>
<section id="exercises"><h2>Exercises</h2>
<div class="exercise admonition" id="ex-one"><p class="admonition-title">
<span class="caption-number">Exercise {number}.1 </span></p><p>Do it.</p></div>
<div class="solution dropdown admonition" id="book/one-solution-1">
<p class="admonition-title">Solution to <a href="#ex-one">Exercise</a></p>
<p>Done.</p></div></section></section>
<details class="page-code"><summary>Set-up</summary></details></article></body></html>
"""
NAMES = ("one", "other")


@pytest.fixture(name="small")
def fixture_small(tmp_path, monkeypatch):
    """Build a book of two pages."""
    built = tmp_path / "html"
    (built / "book").mkdir(parents=True)
    (built / "_static").symlink_to(BUILT / "_static")
    for number, name in enumerate(NAMES, start=1):
        title = name.title() * 2
        text = PAGE.format(name=name, number=number, title=title, chart=CHART)
        (built / f"book/{name}.html").write_text(text)
    toc = {"root": "book/one", "parts": [{"caption": "More & more"}]}
    toc["parts"][0]["chapters"] = [{"file": "book/other"}]
    (tmp_path / "_toc.yml").write_text(yaml.dump(toc))
    for name in ("_config.yml", "CHANGELOG.md"):
        shutil.copy(BOOK.parent / name, tmp_path)
    monkeypatch.setattr(whole, "ROOT", tmp_path)
    return built


@pytest.fixture(name="chapter")
def fixture_chapter(small):
    return onpaper.read_chapter("one", built=small)


# A page


def test_paper_has_nothing_to_press(chapter):
    text = str(chapter.body)
    for word in ("alert", "press", "Press", "controls", "hidden = 1", "Set-up", "Menu"):
        assert word not in text
    assert "Right. So it is." not in text  # the answer to a question of the quiz
    assert "a. So." in text
    assert chapter.title == "1. OneOne"


def test_a_still_picture_says_where_it_moves(chapter):
    assert chapter.body.select(".played svg")
    (told,) = chapter.body.select("figcaption .moves")
    assert told.get_text() == "On a screen it moves: one.html#fig-one"


def test_answers_leave_and_lead_back(chapter):
    answers = onpaper.take_answers(chapter)
    assert [tag["id"] for tag in answers][::2] == ["answers-0", "book/one-solution-1"]
    texts = [onpaper.text_of(tag) for tag in answers]
    assert texts[0] == "Answers: TextForty-two."
    assert texts[1] == "Answers: TextAnswers: 1 a."
    assert texts[2].endswith("Done.")
    assert [tag.a["href"] for tag in answers] == ["#text", "#text", "#ex-one"]
    left = chapter.body
    assert not re.search("Forty-two|Done|1 a", left.get_text())
    links = [a["href"] for a in left.select(".see a")]
    assert links == [f"#{tag['id']}" for tag in answers]
    assert left.select_one("#ex-one .see").get_text() == "solution"


def test_an_answer_has_the_name_of_its_question():
    chapter = onpaper.read_chapter("errata")
    titles = [onpaper.text_of(tag.p) for tag in onpaper.take_answers(chapter)]
    assert [title[-4:] for title in titles] == [f", B{n}" for n in range(1, 8)]


def test_what_adds_something_stands_open(chapter):
    onpaper.take_answers(chapter)
    (aside,) = chapter.body.select(".aside")
    assert onpaper.text_of(aside) == "How it worksAside."
    assert not chapter.body.find_all("details")


def test_no_answer_of_the_book_stays_where_it_is_asked():
    for name in ("lab", "photo", "errata"):
        chapter = onpaper.read_chapter(name)
        assert onpaper.take_answers(chapter), name
        assert not chapter.body.select("details, .solution, .dropdown"), name


# Names and links


def test_links_lead_on_in_one_document(chapter):
    crosslinks.join_names(chapter, set(NAMES), "../html")
    there, page, out = chapter.body.section.section.p.find_all("a")
    assert (there["href"], page["href"]) == ("#other--text", "#other")
    assert out["href"] == "https://example.org"
    assert "what paper has not" in chapter.body.get_text()
    assert "DATA@SIZE" in chapter.body.get_text()


def test_drawings_keep_their_own_names(chapter):
    crosslinks.join_names(chapter, set(NAMES), "../html")
    svg = chapter.body.svg
    assert svg.find(id=True)["id"] == "one--c1"
    assert svg.use["href"] == "#one--c1"
    assert svg.g["clip-path"] == "url(#one--c1)"


def test_names_fit_xml():
    assert crosslinks.anchor("lab", "book/lab-solution-1") == "lab--book-lab-solution-1"


def test_names_that_no_link_needs_are_dropped():
    text = """<main><p id="a--x">1</p><p id="a--x">2</p><p id="a--y">3</p>
    <a href="#a--x">x</a><a href="#a--gone">gone</a><i id="a">a</i></main>"""
    document = BeautifulSoup(text, "html.parser").main
    crosslinks.forget_names(document)
    assert [tag["id"] for tag in document.find_all(id=True)] == ["a--x", "a"]
    assert [a["href"] for a in document.find_all("a")] == ["#a--x", "#a"]


# The whole document


def test_before_its_release_a_version_has_todays_date(small):
    changes = small.parent / "CHANGELOG.md"
    changes.write_text("## [1.2.0] - unreleased\n\n## [1.1.0] - 2026-02-03\n")
    number, day = whole.version()
    assert number == "1.2.0, not yet released"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", day)
    changes.write_text("## [1.1.0] - 2026-02-03\n")
    assert whole.version() == ("1.1.0", "2026-02-03")


def test_all_links_of_the_document_lead_somewhere(small):
    document = BeautifulSoup(whole.whole("../html", small), "html.parser")
    names = [tag["id"] for tag in document.find_all(id=True)]
    assert len(names) == len(set(names))
    links = {a["href"][1:] for a in document.select("[href^='#']")}
    assert links <= set(names)
    lines = [onpaper.text_of(line) for line in document.select("nav.pages p")]
    assert lines[:4] == ["1. OneOne", "Text", "Exercises", "More & more"]
    assert lines[-3:] == ["Solutions", "1. OneOne", "2. OtherOther"]


def test_contents_are_lists_in_lists():
    nested = epub.nested([(0, "a"), (1, "b"), (2, "c"), (1, "d"), (0, "e")])
    assert re.sub(r"\s", "", nested) == (
        "<ol><li>a<ol><li>b<ol><li>c</li></ol></li><li>d</li></ol></li><li>e</li></ol>"
    )


def test_without_chromium_one_is_told_how_to_get_it(small, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with (
        pytest.raises(SystemExit, match="apt install chromium"),
        chromium.open_page(small / "book/one.html"),
    ):
        pass


# A small book, printed and packed


@pytest.fixture(name="needs_chromium")
def fixture_needs_chromium():
    if chromium.find_chromium() is None:
        pytest.skip("no Chromium found: install one, or set CHROMIUM to its path")


@pytest.mark.browser
@pytest.mark.usefixtures("needs_chromium")
def test_a_small_book_is_printed(small, tmp_path):
    path = tmp_path / "out/small.pdf"
    pdf.main(path, small)
    assert [*path.parent.iterdir()] == [path]
    reader = PdfReader(path)
    cover, contents, one, other, solutions = (p.extract_text() for p in reader.pages)
    assert "The Colorization Lab" in cover
    assert re.search(r"1\. OneOne\s*3\b", contents)
    assert re.search(r"2\. OtherOther\s*4\b", contents)
    assert re.search(r"solution\s*: page 5", one)
    assert "Forty-two" not in one + other
    assert solutions.count("Forty-two") == 2
    first, sections, part, within, *_ = reader.outline
    assert (first.title, part.title) == ("1. OneOne", "More & more")
    assert [item.title for item in sections] == ["Text", "Exercises"]
    assert reader.get_destination_page_number(within[0]) == 3  # the fourth
    assert reader.metadata.title == "The Colorization Lab"
    assert "Version" in reader.metadata.subject


@pytest.mark.browser
@pytest.mark.usefixtures("needs_chromium")
def test_a_small_book_is_packed(small, tmp_path):
    path = tmp_path / "out/small.epub"
    epub.main(path, small)
    with ZipFile(path) as book:
        first = book.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)
        text = book.read("OEBPS/one.xhtml").decode()
        ET.fromstring(text)
        assert '<a href="other.xhtml#other--text">there</a>' in text
        assert '<a href="one--solutions.xhtml#one--book-one-solution-1">' in text
        assert "<msup" in text
        assert "viewBox" in text
        assert "var(--" not in text
        nav = ET.fromstring(book.read("OEBPS/contents.xhtml"))
    links = [a.get("href") for a in nav.iter("{http://www.w3.org/1999/xhtml}a")]
    assert links[:3] == [
        "one.xhtml#one",
        "one.xhtml#one--text",
        "one.xhtml#one--exercises",
    ]
