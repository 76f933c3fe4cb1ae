"""The built pages as a reader uses them: without code, on a phone, by keys, on paper.

The files of `book/_ext` that lay the pages out are tested here as well.
"""

import io
import json
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from book_pages import BUILT, CHAPTERS, PAGES, parsed, prose, read_notebook, tags
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    SETTLED,
    fixture_browser,
    open_page,
)
from bs4 import BeautifulSoup
from extensions import charts, excerpts, figures, journey, light, share
from matplotlib.colors import to_hex
from PIL import Image
from playwright.sync_api import expect
from test_widget_gamut import picked, pixel_of
from test_widget_pages import PAUSE

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
TAPPED = ("intro", "lab", "evaluate")  # one load of a page is seconds
TO_TRY = re.compile(r"^(?:Two|Three|Four|Five) things to (?:try|find):$", re.M)


def built(name):
    return parsed(f"book/{name}")


def address(name):
    return (BUILT / f"book/{name}.html").as_uri()


# Numbers


def first_numbers(soup):
    """Collect the first number of each kind on a page: of figures, of exercises."""
    found = {}
    for tag in soup.select("article .caption-number, article .admonition-title span"):
        if counted := re.match(r"(Fig|Exercise)\D+([\d.]*\d)", tag.text):
            found.setdefault(counted[1], counted[2])
    return found


def test_pages_without_a_chapter_number_count_from_one():
    numbers = {
        "book/intro": {"figure": {"a": (1,), "b": (2,)}, "exercise": {"x": (1,)}},
        "book/game": {"figure": {"c": (3,)}, "exercise": {"y": (2,), "z": (3,)}},
        "book/lab": {"figure": {"d": (1, 1), "e": (1, 2)}},
    }
    env = SimpleNamespace(toc_fignumbers=numbers)
    assert figures.number_by_page(None, env) == []
    assert numbers["book/intro"]["figure"] == {"a": (1,), "b": (2,)}
    assert numbers["book/game"]["figure"] == {"c": (1,)}
    assert numbers["book/game"]["exercise"] == {"y": (1,), "z": (2,)}
    assert numbers["book/lab"]["figure"] == {"d": (1, 1), "e": (1, 2)}


@pytest.mark.parametrize("name", ["intro", "game", "turing"])
def test_numbers_of_an_unnumbered_page_begin_with_one(name):
    assert first_numbers(built(name)) == {"Fig": "1", "Exercise": "1"}


def test_the_link_of_a_solution_begins_with_a_letter():
    titles = built("lab").select(".solution > .admonition-title")
    assert len(titles) > 5
    for title in titles:
        assert title.get_text().startswith("Solution to Exercise 1."), title
        assert title.a.get_text().startswith("Exercise 1.")


# Tables


def test_printed_table_is_read():
    text = "           AuC  rebalanced\ngray       90.1        62.2\ntruth     100.0\n"
    assert figures.read_table(text) == [
        ["", "AuC", "rebalanced"],
        ["gray", "90.1", "62.2"],
        ["truth", "100.0", ""],
    ]


def test_names_of_a_head_may_end_in_a_digit():
    text = "       conv1  conv2\ntwin    32.1   30.0\nours    57.4   56.1\n"
    assert figures.read_table(text)[0] == ["", "conv1", "conv2"]


@pytest.mark.parametrize(
    "text",
    [
        "one line  of  text\n",
        "size  64  0.03 s\nsize 128  0.04 s\nsize 256  0.09 s\n",  # no head
        "left  loss 4.6  bin 0.4\nright  loss 4.9  bin 0.1\nboth  loss 5.0  bin 0.2\n",
        "right\nrow 1, column 3 must be 5\nDo copies add up?\n",
        "name   share\nred    0.7\ngreen  0.3\n",  # two columns: a list
        3 * "a  b  c  d  e  f  g  h  i\n",  # a phone has no room for it
    ],
)
def test_other_text_is_no_table(text):
    assert figures.read_table(text) is None


@pytest.mark.parametrize(
    ("text", "aligned"),
    [
        ("red    1.7  of 4\nyellow 2.3  of 4\nblue   0.1  of 4\n", True),
        ("size  64  0.03 s\nsize 128  0.04 s\nsize 256  0.09 s\n", True),
        ("    PSNR   AuC\nall  1.7   1.2\nthe means of two\n", True),
        ("one  line\n", False),
        ("right\nrow 1,  column 3 must be 5\nDo copies add up?\n", False),
    ],
)
def test_columns_are_told_from_sentences(text, aligned):
    assert figures.is_aligned(text) == aligned


def test_numbers_of_a_table_stand_on_the_right():
    rows = [["", "AuC", "note"], ["gray", "90.1", "dull"], ["l2", "+1.0", ""]]
    classes = [
        entry["classes"]
        for entry in figures.make_table(rows).findall()
        if entry.tagname == "entry"
    ]
    assert classes[3:6] == [[], ["text-right"], []]


# Charts


def drawn(folder, *, photo, name="fig-x"):
    figure, ax = plt.subplots(figsize=(3, 2))
    if photo:
        noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
        ax.imshow(noise)
    ax.plot([0, 50], [0, 50], color="black")
    ax.set_title("title")
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    markup = charts.inline_chart(file.getvalue(), name, "A & B", folder, "../img")
    return BeautifulSoup(markup, "html.parser").svg


def test_chart_takes_ink_and_ground_of_the_page(tmp_path):
    chart = drawn(tmp_path, photo=False)
    text = str(chart)
    assert "#000000" not in text
    assert "fill: #ffffff" not in text
    assert chart["aria-label"] == "A & B"
    assert (chart["role"], chart["width"], chart["height"]) == ("img", "288", "192")
    assert chart["style"] == "aspect-ratio: 288/192"  # its place before it is laid out


def test_marks_on_a_photo_keep_their_color(tmp_path):
    chart = drawn(tmp_path, photo=True)
    assert "#000000" in str(chart.find_all("path"))


def test_photo_of_a_chart_becomes_a_file(tmp_path):
    image = drawn(tmp_path, photo=True).image
    folder, name = image["href"].rsplit("/", 1)
    assert folder == "../img"
    with Image.open(tmp_path / name) as photo:
        assert photo.format == "JPEG"


def test_letters_are_as_large_as_their_places_say(tmp_path):
    text = str(drawn(tmp_path, photo=False))
    (scale,) = set(
        re.findall(r'<path d="[^"]*" id="[^"]*" transform="scale\((\S+)\)', text)
    )
    assert abs(float(scale) * 64 - 1) < 1e-3  # of matplotlib's glyphs: 64 units a point


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("M0 0L1 0L2 0L2.51 1L2.51 3z", "M0 0H2L2.5 1V3z"),
        ("M0 0L2 0L1 0", "M0 0H2H1"),  # back again: all points count
        ("M1 1L1 1L3 4zM5 5L5 6", "M1 1H1L3 4zM5 5V6"),
        ("M0 0Q1 0 2 0", "M0 0Q1 0 2 0"),  # a curve stays
    ],
)
def test_polylines_are_said_shortly(long, short):
    assert charts._straighten(long) == short


def test_a_chart_says_nothing_twice(tmp_path):
    figure, ax = plt.subplots()
    ax.scatter(range(9), range(9), c=np.linspace(0, 1, 27).reshape(9, 3))
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    markup = charts.inline_chart(file.getvalue(), "fig-x", "", tmp_path, "../img")
    assert "<g>" not in markup
    assert "translate(" not in re.sub(r"translate\([^)]*\) (scale|rotate)", "", markup)
    marks = re.findall(r'<use x="[^"]*" y="[^"]*" style="fill: #\w+', markup)
    assert len(marks) == 9
    places = BeautifulSoup(markup, "html.parser").find_all(
        "use", style=re.compile("fill")
    )
    assert len({place.parent.name + str(id(place.parent)) for place in places}) == 1
    assert len(markup) < 0.8 * len(file.getvalue())


@pytest.mark.parametrize(("alpha", "groups"), [(1, 1), (0.5, 0)])
def test_what_paths_share_is_said_once(tmp_path, alpha, groups):
    figure, ax = plt.subplots()
    fills = [to_hex((n / 20, 0.5, 0.2)) for n in range(20)]
    for n, fill in enumerate(fills):
        side = 0.1 + n / 30  # of several sizes, so that none is another's copy
        square = plt.Rectangle((n, n), side, side, fc=fill, ec="#808080", lw=0.4)
        square.set_alpha(None if alpha == 1 else alpha)
        ax.add_patch(square)
    ax.set(xlim=(0, 20), ylim=(0, 20))
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    markup = charts.inline_chart(file.getvalue(), "fig-x", "", tmp_path, "../img")
    chart = BeautifulSoup(markup, "html.parser")
    found = [g for g in chart.find_all("g") if "#808080" in g.get("style", "")]
    assert len(found) == groups
    for group in found:
        paths = group.find_all("path", recursive=False)
        assert [path["fill"] for path in paths] == fills
        assert {*paths[0].attrs} == {"d", "fill"}
        assert "stroke-width: 0.4" in group["style"]
        assert group["clip-path"].startswith("url(#c")


def test_names_of_two_charts_never_meet(tmp_path):
    chart, other = (drawn(tmp_path, photo=False, name=n) for n in ("fig-x", "fig-y"))
    names, others = (
        {node["id"] for node in one.find_all(id=True)} for one in (chart, other)
    )
    used = re.findall(r"url\(#([^)]*)\)", str(chart))
    used += [use["href"][1:] for use in chart.find_all("use")]
    assert not names & others
    assert set(used) == names
    assert used


# What is stored


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_lists_of_things_to_try_have_a_folded_answer(chapter):
    text = prose(read_notebook(chapter))
    for found in TO_TRY.finditer(text):
        rest = text[found.end() :].lstrip("\n")
        after = re.split(r"\n\n(?!\d\. )", rest, maxsplit=1)[1]
        assert after.startswith('<details class="answers">'), found[0]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_captions_tell_the_screen_what_moves_and_paper_what_is_printed(chapter):
    for cell in read_notebook(chapter)["cells"]:
        if "still" in tags(cell):
            caption = cell["metadata"]["mystnb"]["figure"]["caption"]
            moves, paper, printed = caption.partition("On paper: ")
            assert all((moves, paper, printed)), caption
            assert "In the page" not in caption
            assert "below" not in caption


# What is built


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_bar_stands_between_a_question_and_its_picture(chapter):
    page = built(chapter)
    assert not page.select("details.hide.above-input")
    for code in page.select("details.figure-code"):
        inside = code.find_parent("figcaption")
        assert inside or code.find_parent(class_="cell"), code.summary


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_set_up_is_one_bar_at_the_end(chapter):
    bars = built(chapter).select("article details.page-code")
    cells = read_notebook(chapter)["cells"]
    assert len(bars) == any("setup" in tags(cell) for cell in cells)
    assert not [bar for bar in bars if bar.find_next("h2")]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_figures_with_controls_have_number_and_caption(chapter):
    page = built(chapter)
    views = page.select('script[type="application/vnd.jupyter.widget-view+json"]')
    for view in views:
        figure = view.find_parent("figure")
        assert figure.select_one(".tag_still :is(img, .chart)")
        assert figure.select_one("figcaption .caption-number")


def brightness(picture):
    """Give the mean of each column of a picture in a chart, from left to right."""
    with Image.open(BUILT / "book" / picture["href"]) as grid:
        return np.asarray(grid.convert("L")).mean(axis=0)


def test_brighter_is_drawn_brighter():
    """A kernel with columns -1, 0, 1 "answers where it gets brighter"."""
    chart = built("network").select_one("#fig-network-convolution svg.chart")
    _, kernel, _ = chart.select("image")
    columns = brightness(kernel)
    parts = [
        part[len(part) // 4 : -len(part) // 4] for part in np.array_split(columns, 3)
    ]
    dark, middle, light = (part.mean() for part in parts)
    assert dark + 20 < middle < light - 20


def test_exercises_say_how_to_run_them():
    section = built("lab").select_one("section#exercises")
    assert section.p.a["href"] == "setup.html"


def test_play_comes_first():
    captions = built("lab").select(".bd-sidebar .caption-text")
    assert captions[0].get_text() == "Play"


def test_pages_bring_a_card_for_messengers():
    head = built("lab").head
    told = {m["property"]: m["content"] for m in head.select("meta[property]")}
    assert told["og:title"].endswith("lab") or "Lab" in told["og:title"]
    assert "invented" in told["og:description"]
    with Image.open(BUILT / "book" / told["og:image"]) as card:
        assert card.size == share.SIZE


# In a browser

SHOWN = """() => [...document.querySelectorAll(
  ".bd-article :is(.cell_input, .highlight-ipython3, .highlight-python, .figure-code)"
)].filter((code) => code.checkVisibility()).length"""


@pytest.mark.browser
def test_code_is_hidden_on_this_page_and_the_next(browser):
    with open_page(browser, address("decode"), settle=False) as (page, problems):
        button = page.get_by_role("button", name="Hide all code")
        assert page.evaluate(SHOWN) > 20
        button.press("Enter")
        assert page.evaluate(SHOWN) == 0
        assert page.get_by_text("Which one should we paint?").is_visible()
        assert page.locator("figcaption").first.is_visible()
        page.reload()
        assert page.evaluate(SHOWN) == 0
        page.goto(address("lab"))
        assert page.evaluate(SHOWN) == 0
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        assert page.evaluate(SHOWN) > 20
        assert problems == []


@pytest.mark.browser
@pytest.mark.parametrize("chapter", ["lab", "quantize"])
def test_a_color_is_held_by_the_mouse(browser, chapter):
    with open_page(browser, address(chapter), settle=False) as (page, problems):
        explorer = page.locator(".gamut-explorer")
        plane = explorer.locator("canvas.plane")
        plane.click(position=pixel_of(explorer, 20, 30))
        held = re.search(r"a -?\d+, b -?\d+", picked(explorer))[0]
        plane.hover(position=pixel_of(explorer, -40, -40))
        lightness = explorer.get_by_label("Lightness L")
        lightness.hover()
        lightness.press("ArrowRight")
        assert held in picked(explorer)
        plane.click(position=pixel_of(explorer, -40, 40))
        assert held not in picked(explorer)
        assert problems == []


@pytest.mark.browser
def test_code_is_there_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address("decode"))
    fold = page.locator("details.figure-code").first
    assert not fold.locator("pre").is_visible()
    fold.locator("summary").click()
    assert fold.locator("pre").is_visible()
    page.locator("details.page-code summary").click()
    assert "import torch" in page.locator("details.page-code pre").first.inner_text()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    "chapter",
    [
        pytest.param(name, marks=() if name in TAPPED else pytest.mark.stress)
        for name in CHAPTERS
    ],
)
def test_phone_enlarges_figures(browser, chapter):
    context = browser.new_context(**PHONE)
    page = context.new_page()
    page.goto(address(chapter))
    pictures = page.locator("figure:not(:has(.played)) > :is(img, .chart)")
    assert page.locator("button.enlarge").count() == pictures.count()
    if not pictures.count():  # all that is shown there is played
        context.close()
        return
    box = pictures.first.bounding_box()
    pictures.first.tap(position={"x": box["width"] - 20, "y": box["height"] / 2})
    large = page.locator("dialog[open] :is(img, .chart)")
    assert (wide := large.bounding_box())["width"] >= 960
    tapped = wide["x"] + (1 - 20 / box["width"]) * wide["width"]
    assert 0 < tapped < 390  # what was tapped is in sight
    close = page.get_by_role("button", name="Close").bounding_box()
    place = page.locator("dialog .place").bounding_box()
    assert close["y"] + close["height"] <= place["y"]  # it covers no title
    page.get_by_role("button", name="Whole picture").tap()
    whole = large.bounding_box()
    assert whole["x"] >= 0
    assert whole["x"] + whole["width"] <= 390
    assert whole["y"] + whole["height"] <= page.viewport_size["height"]
    page.get_by_role("button", name="Large", exact=True).tap()
    assert large.bounding_box()["width"] >= 960
    page.keyboard.press("Escape")
    assert not large.is_visible()
    context.close()


@pytest.mark.browser
def test_figures_are_enlarged_by_keys(browser):
    with open_page(browser, address("lab"), settle=False) as (page, _):
        button = page.get_by_role("button", name="Enlarge Fig. 1.1", exact=True)
        button.press("Enter")
        assert page.get_by_role("dialog", name="Fig. 1.1").is_visible()
        page.keyboard.press("Escape")
        assert button.evaluate("(node) => node === document.activeElement")


@pytest.mark.browser
def test_keys_come_to_the_figure_in_a_few_stops(browser):
    with open_page(browser, address("lab")) as (page, _):
        assert page.locator('mjx-container[tabindex="0"]').count() == 0
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert "Skip to the figure" in page.evaluate("document.activeElement.innerText")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = "document.activeElement.closest('.lab-figure') !== null"
        assert page.evaluate(inside)
        page.mouse.wheel(0, 900)
        page.mouse.wheel(0, -200)  # where "Back to top" used to lie on the numbers
        page.wait_for_timeout(400)
        assert page.locator("#pst-back-to-top").is_hidden()


@pytest.mark.browser
def test_who_loads_a_page_again_finds_the_place_again(browser):
    with open_page(browser, address("network"), width=390) as (page, problems):
        heading = page.locator("#look-inside > h2")
        there = "(node) => Math.abs(node.getBoundingClientRect().top - 90) < 3"
        move = "(h) => scrollBy({ top: h.getBoundingClientRect().top - 90 })"
        heading.evaluate(move)
        page.wait_for_timeout(PAUSE)
        heading.evaluate(move)
        for _ in range(2):
            page.reload()
            page.wait_for_function(SETTLED)
            page.wait_for_timeout(PAUSE)
            assert heading.evaluate(there)
        page.mouse.wheel(0, 100)
        page.wait_for_function("history.scrollRestoration === 'auto'")
        assert problems == []


@pytest.mark.browser
def test_no_empty_line_stands_below_a_title_that_fills_its_line(browser):
    with open_page(browser, address("turing"), settle=False) as (page, _):
        title = page.locator(".bd-article h1").first
        size = "(h) => parseFloat(getComputedStyle(h).fontSize)"
        assert title.bounding_box()["height"] < 1.6 * title.evaluate(size)


@pytest.mark.browser
def test_charts_are_dark_in_the_dark(browser):
    with open_page(browser, address("evaluate"), dark=True, settle=False) as (page, _):
        chart = page.locator("figure > .chart").first
        ink = chart.evaluate("(node) => getComputedStyle(node).fill")
        ground = chart.locator("path").first.evaluate(
            "(node) => getComputedStyle(node).fill"
        )
        brightness = [sum(map(int, re.findall(r"\d+", c)[:3])) for c in (ink, ground)]
        assert brightness[0] > 600
        assert brightness[1] < 150


@pytest.mark.browser
def test_paper_has_no_bars_and_no_solutions(browser):
    with open_page(browser, address("decode"), settle=False) as (page, _):
        page.emulate_media(media="print")
        for folded in ("details", ".solution", "button"):
            shown = page.locator(f".bd-article {folded}").filter(visible=True)
            assert shown.count() == 0, folded
        assert page.locator("#exercises").is_visible()
        style = "(node) => { const { fontSize, marginBottom } = getComputedStyle(node);"
        style += " return [fontSize, marginBottom].map(parseFloat); }"
        size, below = page.locator("#jb-print-docs-body h1").evaluate(style)
        assert size < 30  # pixels
        assert below > 10  # the first line stands apart


@pytest.mark.browser
def test_letters_are_a_list_on_a_phone(browser):
    context = browser.new_context(**PHONE)
    page = context.new_page()
    page.goto(address("notation"))
    table = page.locator("#notation table").first
    assert table.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    widths = table.locator("td").evaluate_all(
        "(cells) => cells.map((cell) => cell.getBoundingClientRect().width)"
    )
    shown = [width for width in widths if width]
    assert min(shown) > 300
    assert len(shown) < len(widths)  # an empty one is not even named
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


@pytest.mark.browser
def test_no_word_of_a_table_is_torn(browser):
    with open_page(browser, address("instructors"), width=390, settle=False) as (
        page,
        _,
    ):
        link = page.locator("td p a", has_text="Exercise").first
        line = float(link.evaluate("(a) => parseFloat(getComputedStyle(a).lineHeight)"))
        words = len(link.inner_text().split())
        assert link.bounding_box()["height"] < (words + 0.5) * line
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


# Light pages, and the search

STATE = (
    '<script type="application/vnd.jupyter.widget-state+json">{"state": {}}</script>'
)
HEAVY = (
    '<script defer src="../_static/scripts/fontawesome.js?digest=5"></script>\n'
    '<script defer="defer" src="../_static/vendor/mathjax/tex-mml-chtml.js"></script>\n'
    '<script src="../_static/searchtools.js"></script>'
    '<script src="../searchindex.js"></script>'
)
KEPT = '<script src="../_static/pages.js"></script>'


FIRST = '<script data-cfasync="false">let theme;</script>'
SHEET = '<link href="../_static/styles/theme.css?digest=5" rel="stylesheet" />'
PRELOAD = '<link rel="preload" as="script" href="../_static/scripts/bootstrap.js" />'


def test_a_page_waits_for_nothing_that_comes_later():
    given = FIRST + SHEET + PRELOAD + HEAVY + KEPT + STATE
    page = f"<html><head>{given}</head><body><p>x</p></body></html>"
    light_page = light.lighten(page, searches=False)
    head, body = light_page.split("</head>")
    assert body == f"<body><p>x</p>{KEPT}{STATE}</body></html>"
    assert head.startswith(f"<html><head>{FIRST}")
    assert head.endswith(f'href="../_static/basic.css">\n{SHEET}')
    assert head.count("<script") == 2  # the theme, and whether code is hidden
    assert light.lighten(light_page, searches=False) == light_page  # a second build
    searching = light.lighten(page, searches=True)
    assert "searchtools" in searching.split("</head>")[0]
    assert "searchindex" in searching.split("</head>")[0]


def test_a_full_stop_stays_on_its_formulas_line():
    formula = '<span class="math notranslate nohighlight">\\(x\\)</span>'
    page = f"<html><head></head><body>{formula}. {formula} y {formula}),</body></html>"
    kept = light.lighten(page, searches=False)
    assert kept.count('<span class="kept">') == 2
    assert f'{formula}.</span> {formula} y <span class="kept">{formula}),' in kept
    assert light.lighten(kept, searches=False) == kept  # a second build


@pytest.mark.parametrize("name", [*PAGES, "genindex"])
def test_built_pages_ask_first_for_what_one_sees(name):
    page = parsed(name)
    assert not page.head.select("script[src], script[type$='widget-state+json']")
    scripts = " ".join(script["src"] for script in page.select("script[src]"))
    for late in ("mathjax", "fontawesome", "search"):
        assert late not in scripts
    assert "pages.js" in scripts


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_all_figures_with_controls_are_anywidgets(chapter):
    page = built(chapter)
    texts = [node.string for node in page.select('script[type$="widget-state+json"]')]
    states = {}
    for text in texts:
        states |= json.loads(text)["state"]
    views = page.select('script[type$="widget-view+json"]')
    shown = [json.loads(view.string)["model_id"] for view in views]
    assert {states[one]["model_name"] for one in shown} <= {"AnyModel"}
    kinds = {state["model_name"] for state in states.values()}
    assert kinds <= {"AnyModel", "LayoutModel"}


def test_excerpts_are_short_and_hold_the_prose():
    text = (BUILT / excerpts.FILE).read_text("utf-8")
    assert len(text.encode()) < 300_000
    told = excerpts.unpack(text)
    assert set(told) >= {page for page in PAGES if page != "book/api"}
    anchors = [anchor for anchor, *_ in told["book/decode"]]
    assert anchors[0] == ""
    assert "#exercises" in anchors


@pytest.mark.browser
@pytest.mark.parametrize("words", ["rebalanced", "annealed mean"])
def test_search_shows_the_words_round_what_is_found(browser, words):
    url = f"{(BUILT / 'search.html').as_uri()}?q={words.replace(' ', '+')}"
    with open_page(browser, url, settle=False) as (page, problems):
        expect(page.locator("#search-results .search-summary")).to_contain_text("found")
        shown = page.locator("#search-results p.context").all_inner_texts()
        assert len(shown) >= 3
        assert all(len(text) < 300 for text in shown)
        marked = page.locator("#search-results p.context strong").all_inner_texts()
        stems = tuple(word[:5] for word in words.split())
        assert marked
        assert all(text.lower().startswith(stems) for text in marked)
        assert problems == []


# The journey of one pixel


def test_every_chapter_is_on_the_way_or_beside_it():
    stations = [name for *_, chapters in journey.STATIONS for name in chapters]
    beside = journey.beside()
    assert not set(stations) & set(beside)
    assert set(CHAPTERS) - {"intro", "turing"} <= {*stations, *beside}


def test_a_strip_says_where_its_chapter_is():
    on, off = (
        BeautifulSoup(journey.strip(chapter, ".."), "html.parser")
        for chapter in ("decode", "scribbles")
    )
    assert on.select_one("[aria-current=step]").get_text() == "one color"
    (here,) = off.select("[aria-current]")
    assert here.get_text() == "you are here: another road, without a network"
    assert len(on.select("li")) == len(journey.STATIONS) == len(off.select("li")) - 1
