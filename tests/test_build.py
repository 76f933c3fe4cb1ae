"""What holds for the built pages: run `make book` first, as `make test` does."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from book_pages import BUILT, PAGES, parsed
from bs4 import BeautifulSoup

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
MAX_BYTES = 1_500_000  # a page with its pictures
LOADING = {  # what a browser fetches by itself
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "src",
    "video": "src",
}
EXTERNAL = re.compile(r"^(https?:)?//", re.IGNORECASE)
FILE_NAME = re.compile(r"\.(png|jpe?g|svg|gif|webp)$|/", re.IGNORECASE)


def all_pages():
    """List the built pages, those without a source, too, such as the search."""
    return [
        path.relative_to(BUILT).with_suffix("").as_posix()
        for path in BUILT.rglob("*.html")
    ]


def external_addresses(soup):
    return [
        tag[attribute]
        for name, attribute in LOADING.items()
        for tag in soup.find_all(name)
        if EXTERNAL.match(tag.get(attribute, ""))
    ]


def images_without_alt(soup):
    told = [
        (image.get("src"), image.get("alt", "")) for image in soup.select("article img")
    ]
    told += [(c.get("id"), c.get("aria-label", "")) for c in soup.select(".chart")]
    return [
        name for name, alt in told if not alt.strip() or FILE_NAME.search(alt.strip())
    ]


def bare_figures(soup):
    """List pictures drawn by cells without a numbered caption, and such figures."""
    drawn = soup.select("article .cell_output :is(img, .chart)")
    bare = [i.get("src", "chart") for i in drawn if not i.find_parent("figure")]
    for figure in soup.select("article figure"):
        caption = figure.find("figcaption")
        if "still" in figure.get("class", []):  # on paper only, and not numbered there
            bare += [] if caption and caption.text.strip() else ["still: no caption"]
        elif not (caption and caption.select_one(".caption-text")):
            bare.append(f"{figure.get('id')}: no caption")
        elif not caption.select_one(".caption-number"):
            bare.append(f"{figure.get('id')}: no number")
    return bare


def weigh(path: Path, soup: BeautifulSoup) -> int:
    """Add a page's bytes and those of the pictures it shows."""
    local = {image["src"] for image in soup.find_all("img")}
    local |= {image["href"] for image in soup.select("svg.chart image")}
    local = {source for source in local if not source.startswith("data:")}
    images = [path.parent / unquote(source.split("?")[0]) for source in local]
    return path.stat().st_size + sum(image.stat().st_size for image in images)


def test_start_page_leads_to_the_book():
    assert f"{PAGES[0]}.html" in (BUILT / "index.html").read_text(encoding="utf-8")


def test_all_pages_are_built():
    assert not [page for page in PAGES if not (BUILT / f"{page}.html").exists()]


def test_no_page_loads_from_the_network():
    found = {page: external_addresses(parsed(page)) for page in all_pages()}
    assert found
    assert not {name: addresses for name, addresses in found.items() if addresses}


def test_no_thebe():
    for page in all_pages():
        text = (BUILT / f"{page}.html").read_text(encoding="utf-8").lower()
        for state in parsed(page).find_all("script", type=STATE):
            # In pictures' data, five letters may stand by chance.
            text = text.replace(state.string.lower(), "")
        assert "thebe" not in text, page


@pytest.mark.parametrize("page", PAGES)
def test_figures_have_their_data(page):
    soup = parsed(page)
    views, states = (soup.find_all("script", type=kind) for kind in (VIEW, STATE))
    models = [name for state in states for name in json.loads(state.string)["state"]]
    assert {json.loads(view.string)["model_id"] for view in views} <= set(models)


@pytest.mark.parametrize("page", PAGES)
def test_images_say_what_is_seen(page):
    assert not images_without_alt(parsed(page))


@pytest.mark.parametrize("page", PAGES)
def test_figures_have_numbers_and_captions(page):
    assert not bare_figures(parsed(page))


@pytest.mark.parametrize("page", PAGES)
def test_nothing_failed_or_is_raw(page):
    """No error output, no unread directive, no unresolved reference."""
    article = parsed(page).article
    assert not article.select(".traceback, .system-message, .problematic")
    assert "```" not in article.get_text()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_light(page):
    assert weigh(BUILT / f"{page}.html", parsed(page)) <= MAX_BYTES


# Each check can fail


def test_checks_can_fail(tmp_path):
    soup = BeautifulSoup(
        "<script src='https://cdn.example.org/x.js'></script><link href='//x.org/y'>"
        "<a href='https://example.org'>fine</a><img src='local.png'>"
        "<article><img src='a.png'><img src='b.png' alt='../img/b.png'>"
        "<img src='c.png' alt='A gray cat'>"
        "<div class='cell_output'><img src='d.png' alt='A curve'></div>"
        "<figure id='f'><img src='e.png' alt='A disk'></figure></article>",
        "html.parser",
    )
    assert external_addresses(soup) == ["//x.org/y", "https://cdn.example.org/x.js"]
    assert images_without_alt(soup) == ["a.png", "b.png"]
    assert bare_figures(soup) == ["d.png", "f: no caption"]
    (tmp_path / "a.png").write_bytes(b"12345")
    page = tmp_path / "page.html"
    page.write_text(text := "<img src='a.png'>")
    soup = BeautifulSoup(text, "html.parser")
    assert weigh(page, soup) == page.stat().st_size + 5
