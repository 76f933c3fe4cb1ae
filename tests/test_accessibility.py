"""Contrast, names and roles on every page, by axe-core, and the keyboard's way.

Axe reads what a browser computed: text against its ground, names of controls and
pictures, roles. What it does not read, the contrast of edges, tracks and focus rings,
is computed here from the colors that the panels' style names.
"""

import re
from contextlib import contextmanager

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from book_pages import PAGES
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    PATIENCE,
    PLACED,
    fixture_book_server,
    fixture_browser,
)
from test_widget_pages import open_widget

from colorlab.widgets import TwoColors

pytestmark = pytest.mark.browser

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
THEMES = ["light", "dark"]
OF_COLORS = ["color-contrast", "link-in-text-block"]  # slow: most of axe's time
LONG = {"book/api"}  # minutes, for what other pages have, too
# What takes its color from the theme is of the same kinds everywhere.
OF_ALL_KINDS = {f"book/{name}" for name in ("lab", "evaluate", "photo", "setup")}
AT_ONCE = "* { transition: none !important }"  # no color is on its way
SET_THEME = "(name) => { document.documentElement.dataset.theme = name; }"
RUN = """([only, rules]) => axe.run(document, {
  preload: false, resultTypes: ["violations"], runOnly: only, rules,
})"""
# Axe takes as long as a page has parts. A chart is one picture with a name, and each
# kind of word in code is read once in each kind of listing.
THIN_OUT = """() => {
  for (const chart of document.querySelectorAll("svg.chart"))
    chart.replaceChildren();
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight pre span")) {
    const kind = word.closest(".highlight").parentElement.className;
    const look = `${kind}: ${word.className}`;
    if (seen.has(look)) word.replaceWith(...word.childNodes);
    seen.add(look);
  }
}"""


@contextmanager
def open_plainly(browser, url, width=1280):
    """Open a page without MathJax: formulas have the ink of their text."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    context.route("**/mathjax/**", lambda route: route.abort())
    page = context.new_page()
    try:
        page.goto(url, wait_until="load")
        page.wait_for_function(PLACED)
        page.add_style_tag(content=AT_ONCE)
        yield page
    finally:
        context.close()


def faults(page, rules=None, without=()):
    """List what axe finds by some rules, or by all but some, a line each."""
    tags = {"type": "tag", "values": LEVELS}
    only = {"type": "rule", "values": rules} if rules else tags
    left_out = {rule: {"enabled": False} for rule in without}
    found = page.evaluate(RUN, [only, left_out])["violations"]
    return [
        f"{rule['id']}: {node['target']} {first_message(node)}"
        for rule in found
        for node in rule["nodes"]
    ]


def first_message(node):
    checks = node["any"] + node["all"] + node["none"]
    return checks[0]["message"] if checks else ""


def stressed(names):
    """Give all pages; those of the names are looked at by `make stress` alone."""
    marks = {name: pytest.mark.stress for name in names}
    return [pytest.param(name, marks=marks.get(name, ())) for name in PAGES]


@contextmanager
def open_for_axe(browser, url):
    with open_plainly(browser, url) as page:
        page.evaluate(AXE_SCRIPT)
        page.evaluate(THIN_OUT)
        yield page


@pytest.mark.parametrize("name", stressed(LONG))
def test_page_is_accessible(browser, book_server, name):
    with open_for_axe(browser, f"{book_server}/{name}.html") as page:
        found = faults(page, without=OF_COLORS)
        assert not found, "\n" + "\n".join(found)
        assert unreached(page) == []


@pytest.mark.parametrize("name", stressed({*PAGES} - OF_ALL_KINDS))
def test_colors_can_be_read(browser, book_server, name):
    with open_for_axe(browser, f"{book_server}/{name}.html") as page:
        found = []
        for theme in THEMES:
            page.evaluate(SET_THEME, theme)
            found += [f"{theme} {line}" for line in faults(page, OF_COLORS)]
        assert not found, "\n" + "\n".join(found)


def test_axe_finds_faults(browser, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<!doctype html><html lang="en"><title>bad</title>'
        '<p style="color: #999; background: #fff">pale</p><button></button>'
        '<img src="data:,"><div role="slider" tabindex="0" aria-label="x"></div>'
    )
    with open_plainly(browser, bad.as_uri()) as page:
        page.evaluate(AXE_SCRIPT)
        rules = {line.split(":")[0] for line in faults(page)}
        of_colors = {line.split(":")[0] for line in faults(page, OF_COLORS)}
        others = {line.split(":")[0] for line in faults(page, without=OF_COLORS)}
    assert of_colors == {"color-contrast"}
    assert others == rules - of_colors
    wanted = {"color-contrast", "button-name", "image-alt", "aria-required-attr"}
    assert wanted <= rules


# The keyboard's way through the figures

CONTROLS = """() => {
  const kinds = 'button, select, input, summary, a[href], [tabindex="0"]';
  window.controls = [...document.querySelectorAll(".lab-figure")].flatMap((figure) =>
    [...figure.querySelectorAll(kinds)].filter((node) =>
      node.checkVisibility({visibilityProperty: true})));
  return controls.length;
}"""
FOCUSED = """(i) => {
  const node = document.activeElement, style = getComputedStyle(node);
  const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  if (node === controls[i] && ringed) return "";
  return `${controls[i].outerHTML.slice(0, 90)}: ${ringed ? "not reached" : "no ring"}`;
}"""
STEP_IN = "(n) => controls[n].focus({preventScroll: true})"
SAME_FIGURE = """(n) => controls[n].closest(".lab-figure")
  === controls[n - 1].closest(".lab-figure")"""


def unreached(page):
    """List controls of figures that Tab does not reach in turn, or without a ring."""
    found = []
    for i in range(page.evaluate(CONTROLS)):
        if i and page.evaluate(SAME_FIGURE, i):
            page.keyboard.press("Tab")
        else:
            page.evaluate(STEP_IN, i)
            page.keyboard.press("Shift+Tab")  # only what Tab has reached gets a ring
            page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUSED, i))
    return [line for line in found if line]


# Contrast of what is no text: WCAG 2.1, 1.4.11 and 1.4.3

TEXT, SHAPE = 4.5, 3
PAIRS = {
    ("ink", "paper"): TEXT,  # the slider's thumb and its filled part, too
    ("ink", "control"): TEXT,
    ("ink", "sheet"): TEXT,
    ("on-pressed", "pressed"): TEXT,
    ("edge", "paper"): SHAPE,  # borders, and the rest of the slider's track
    ("edge", "control"): SHAPE,
    ("pressed", "paper"): SHAPE,
    ("focus", "paper"): SHAPE,
    ("alarm", "control"): SHAPE,
    ("line", "sheet"): SHAPE,
    ("dropped", "sheet"): SHAPE,
    ("ends", "paper"): SHAPE,  # the rim of an interval's line is paper
}
READ = """(names) => {
  const figure = document.querySelector(".lab-figure");
  const probe = figure.appendChild(document.createElement("i"));
  const read = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(read);
}"""


def luminance(color):
    """Give WCAG's relative luminance of a color such as rgb(255, 0, 0)."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    ]
    return sum(k * s for k, s in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_as_defined():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    # The lightest gray that passes for text on white.
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") > TEXT
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") < TEXT


def test_panels_colors_are_told_apart(browser, tmp_path):
    names = sorted({name for pair in PAIRS for name in pair})
    with open_widget(browser, TwoColors(), tmp_path) as (page, figure):
        seen = {}
        for theme in THEMES:
            page.evaluate(SET_THEME, theme)
            colors = seen[theme] = page.evaluate(READ, names)
            low = {
                pair: round(contrast(*(colors[name] for name in pair)), 2)
                for pair, least in PAIRS.items()
                if contrast(*(colors[name] for name in pair)) < least
            }
            assert not low, theme
            border = "(node) => getComputedStyle(node).borderTopColor"
            button = figure.get_by_role("button", name="half and half")
            assert button.evaluate(border) == colors["edge"]
        assert seen["light"]["paper"] != seen["dark"]["paper"]
