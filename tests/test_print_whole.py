"""The whole book as a PDF and as an e-book, opened and read: minutes."""

import re
import xml.etree.ElementTree as ET
from posixpath import join, normpath
from unicodedata import normalize
from zipfile import ZIP_STORED, ZipFile

import pytest
from book_pages import BUILT, PAGES
from extensions import import_tool
from pypdf import PdfReader

chromium, onpaper, pdf, epub = map(import_tool, "chromium onpaper pdf epub".split())

pytestmark = [pytest.mark.stress, pytest.mark.browser]
NAMES = [page.split("/")[-1] for page in PAGES]
FEWEST, MOST = 250, 600  # pages
LEAST = 0.4  # of a page's height
FOOT, HEAD = 45, 795  # in points: between them stands the text of a page of A4
XHTML, OPF = "{http://www.w3.org/1999/xhtml}", "{http://www.idpf.org/2007/opf}"
TEX = re.compile(r"\\[([]|\\(?:frac|mathbb|mathrm|sum|hat|lambda|sigma)\b")


@pytest.fixture(name="built", scope="module", autouse=True)
def fixture_built():
    if not BUILT.exists():
        pytest.fail("the book is not built: run `make book` first")
    if chromium.find_chromium() is None:
        pytest.skip("no Chromium found: install one, or set CHROMIUM to its path")


# The PDF


@pytest.fixture(name="printed", scope="module")
def fixture_printed(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    pdf.main(path)
    return PdfReader(path)


@pytest.fixture(name="texts", scope="module")
def fixture_texts(printed):
    read = (page.extract_text() for page in printed.pages)
    return [normalize("NFKC", text) for text in read]  # letters, not ligatures


def titles():
    return [onpaper.read_chapter(name).title for name in NAMES]


def chapters_of(items):
    """List the outline's chapters: the first level, and the second in parts."""
    for item, within in zip(items, [*items[1:], None], strict=True):
        if isinstance(item, list):
            continue
        yield item
        if isinstance(within, list) and item.title in PARTS:
            yield from (each for each in within if not isinstance(each, list))


PARTS = [part for _, part in import_tool("whole").toc() if part] + ["Solutions"]


def test_the_pdf_has_its_pages(printed, texts):
    assert FEWEST <= len(printed.pages) <= MOST
    for word in (
        "Show code",
        "Show the output",
        "Hide the output",
        "Set-up and helpers",
    ):
        assert not [n for n, text in enumerate(texts, 1) if word in text], word


def test_the_outline_has_all_parts_and_chapters(printed):
    told = [item.title for item in chapters_of(printed.outline)]
    before = told[: told.index("Solutions")]
    assert [title for title in before if title not in PARTS] == titles()
    assert [title for title in told if title in PARTS] == PARTS


def test_chapters_begin_where_contents_and_outline_say(printed, texts):
    items = [item for item in chapters_of(printed.outline) if item.title not in PARTS]
    first = printed.get_destination_page_number(items[0])
    contents = re.sub(r"\s+", " ", " ".join(texts[1:first]))  # after the cover
    for item in items:
        number = printed.get_destination_page_number(item) + 1
        title = re.sub(r"\s+", r"\\s+", re.escape(item.title).replace(r"\ ", " "))
        assert re.search(rf"{title}\s*{number}\b", contents), item.title
        assert re.search(title, texts[number - 1]), item.title
        assert re.search(rf"^{number}$", texts[number - 1], re.M), item.title


def test_links_within_the_pdf_lead_somewhere(printed):
    places, seen = printed.named_destinations, 0
    for page in printed.pages:
        for link in page.get("/Annots") or ():
            link = link.get_object()
            goal = link.get("/Dest") or link.get("/A", {}).get("/D")
            if goal is not None:
                seen += 1
                assert str(goal) in places, goal
            else:
                assert link["/A"]["/URI"].startswith(("https://", "http://")), link
    assert seen > 1000


def test_all_fonts_are_in_the_pdf(printed):
    fonts = {}
    for page in printed.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            inner = font.get("/DescendantFonts", [font])[0].get_object()
            fonts[font.get("/BaseFont", "drawn")] = inner, font["/Subtype"]
    assert len(fonts) > 3
    for name, (font, kind) in fonts.items():
        held = font.get("/FontDescriptor", {})
        files = {"/FontFile", "/FontFile2", "/FontFile3"} & set(held)
        assert kind == "/Type3" or files, name


def lowest(page):
    """Return how far down a page's text goes, as a share of it."""
    heights = []

    def see(text, matrix, text_matrix, *rest):
        height = text_matrix[4] * matrix[1] + text_matrix[5] * matrix[3] + matrix[5]
        if text.strip() and FOOT < height < HEAD:
            heights.append(height)

    page.extract_text(visitor_text=see)
    return 1 - min(heights, default=HEAD) / float(page.mediabox.height)


def test_no_page_is_nearly_empty(printed):
    starts = {
        printed.get_destination_page_number(item)
        for item in chapters_of(printed.outline)
    }
    pages = list(printed.pages)
    ends = {n - 1 for n in starts} | {len(pages) - 1}
    empty = [n + 1 for n, p in enumerate(pages) if n not in ends and lowest(p) < LEAST]
    assert empty == []


# The e-book


@pytest.fixture(name="packed", scope="module")
def fixture_packed(tmp_path_factory):
    path = tmp_path_factory.mktemp("epub") / "book.epub"
    epub.main(path)
    with ZipFile(path) as book:
        yield book


def test_the_ebook_names_itself_first(packed):
    first = packed.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)
    assert packed.read("mimetype") == b"application/epub+zip"
    assert packed.testzip() is None


def test_every_file_of_the_ebook_is_told_and_there(packed):
    package = ET.fromstring(packed.read("OEBPS/book.opf"))
    told = {f"OEBPS/{item.get('href')}" for item in package.iter(f"{OPF}item")}
    there = {name for name in packed.namelist() if name.startswith("OEBPS/")}
    assert told == there - {"OEBPS/book.opf"}
    read = [ref.get("idref") for ref in package.iter(f"{OPF}itemref")]
    assert [name for name in read if name in NAMES] == NAMES
    assert read[0] == "cover"


def pages_of(packed):
    for name in packed.namelist():
        if name.endswith(".xhtml"):
            yield name, ET.fromstring(packed.read(name))


def test_the_ebooks_pages_are_xhtml_and_lead_on(packed):
    pages = dict(pages_of(packed))
    ids = {
        f"{name}#{tag.get('id')}" for name, page in pages.items() for tag in page.iter()
    }
    there = {*packed.namelist(), *ids}
    for name, page in pages.items():
        for tag in page.iter():
            for address in (tag.get("href"), tag.get("src")):
                if address and not re.match(r"https?:|data:|#", address):
                    assert normpath(join("OEBPS", address)) in there, (name, address)
        assert not [*page.iter(f"{XHTML}script")], name


def test_formulas_of_the_ebook_need_no_script(packed):
    formulas = 0
    for name, page in pages_of(packed):
        for code in [*page.iter(f"{XHTML}pre"), *page.iter(f"{XHTML}code")]:
            code.clear()
        text = " ".join(page.itertext())
        assert not TEX.search(text), (name, TEX.search(text))
        formulas += len([*page.iter("{http://www.w3.org/1998/Math/MathML}math")])
    assert formulas > 1000


def test_pictures_of_the_ebook_say_what_is_seen(packed):
    for name, page in pages_of(packed):
        images = [*page.iter(f"{XHTML}img")]
        assert all(image.get("alt", "").strip() for image in images), name
