"""The list of symbols: its names exist in the code, its letters cover the chapters."""

import inspect
import re

import pytest
from book_pages import BOOK, prose, read_notebook
from extensions import backmatter

GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa "
    "lambda mu nu xi pi rho sigma tau upsilon phi varphi chi psi omega ell Gamma Delta "
    "Theta Lambda Xi Pi Sigma Phi Psi Omega"
).split()
ACCENTS = "hat tilde bar vec mathcal mathbf mathbb boldsymbol".split()
SAME = {r"\widehat": r"\hat", r"\widetilde": r"\tilde", r"\overline": r"\bar"}
WORDS = (
    r"\\(?:text\w*|mathrm|mathit|operatorname|label|begin|end)\*?\{[^{}]*\}"
    r"|\\\\\[[^\]]*\]"  # a line break and its height
)
LETTER = rf"(?:[A-Za-z]|\\(?:{'|'.join(GREEK)})(?![A-Za-z]))"
SYMBOL = re.compile(
    rf"\\(?P<accent>{'|'.join(ACCENTS)})(?![A-Za-z])\s*\{{?\s*(?P<under>{LETTER})"
    rf"|(?P<plain>{LETTER})|\\[A-Za-z]+|\\."
)
FENCE = re.compile(
    r"^(?P<marks>`{3,})(?P<head>.*)\n(?P<body>[\s\S]*?)^(?P=marks)`*", re.M
)
NOTEBOOKS = sorted(path.stem for path in BOOK.glob("*.ipynb"))

GROUPS = backmatter.load_notation()
LOCAL = GROUPS.pop("local")
ROWS = [row for rows in GROUPS.values() for row in rows]


def formulas(text):
    """Find what stands in math directives, between dollars, and in roles."""
    found = []

    def take(fence):
        if fence["head"].startswith("{math}"):
            lines = fence["body"].splitlines()
            found.append("\n".join(x for x in lines if not x.startswith(":")))
            return " "
        # Directives such as exercises hold prose; code does not.
        return fence["body"] if fence["head"].startswith("{") else " "

    text = FENCE.sub(take, text)
    found += re.findall(r"\{math\}`([^`]+)`", text)
    text = re.sub(r"`[^`\n]*`", " ", text)
    for mark in (r"\$\$([\s\S]+?)\$\$", r"(?<![\\$])\$([^$]+?)(?<!\\)\$"):
        found += re.findall(mark, text)
        text = re.sub(mark, " ", text)
    return found


def symbols(formula):
    """Reduce a formula to its letters, each with its accent."""
    for name, other in SAME.items():
        formula = formula.replace(name, other)
    formula = re.sub(WORDS, " ", formula)
    for match in SYMBOL.finditer(formula):
        if match["accent"]:
            yield rf"\{match['accent']} {match['under']}"
        elif match["plain"]:
            yield match["plain"]


def symbols_of(notebook):
    captions = [
        cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", "")
        for cell in notebook["cells"]
    ]
    text = "\n\n".join([prose(notebook), *captions])
    return {symbol for formula in formulas(text) for symbol in symbols(formula)}


def listed(chapter):
    """Collect the symbols that a chapter may use."""
    known = {symbol for row in ROWS for symbol in symbols(row["symbol"])}
    for entry in LOCAL:
        if entry["chapters"] == "all" or chapter in entry["chapters"]:
            known |= set(entry["symbols"])
    return known


def unlisted(chapter, notebook):
    return sorted(symbols_of(notebook) - listed(chapter))


@pytest.mark.parametrize("chapter", NOTEBOOKS)
def test_every_symbol_of_a_chapter_is_listed(chapter):
    missing = unlisted(chapter, read_notebook(chapter))
    assert not missing, f"{missing}: add a row, or a reason, to book/notation.yml"


@pytest.mark.parametrize(
    "name", sorted({name for row in ROWS for name in row.get("code", [])})
)
def test_every_code_name_exists(name):
    found, _, variable = backmatter.find_code(name)  # AttributeError: no such name
    if variable:
        assert variable in inspect.unwrap(found).__code__.co_varnames


def test_every_group_is_shown():
    page = (BOOK / "notation.md").read_text(encoding="utf-8")
    assert re.findall(r"^```\{notation\} (.+)$", page, re.M) == list(GROUPS)


def test_local_names_are_needed_and_have_reasons():
    assert len(LOCAL) <= 20
    for entry in LOCAL:
        assert entry["reason"]
        for chapter in entry["chapters"] if entry["chapters"] != "all" else []:
            if chapter in NOTEBOOKS:
                used = symbols_of(read_notebook(chapter))
                assert set(entry["symbols"]) & used, f"{chapter} uses none of them"


# The tests can fail


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\hat Z_{h,w,q} = \hat{Z}", {r"\hat Z", "h", "w", "q"}),
        (r"\widetilde{p}_q \cdot \sigma^2", {r"\tilde p", "q", r"\sigma"}),
        (r"\sum_{q'} \exp(\log z_{q'} / T)", {"q", "z", "T"}),
        (r"x_q \text{ the logit of bin } q \quad\label{eq-x}", {"x", "q"}),
        (r"\mathcal{L}\left(\mathbf x\right)", {r"\mathcal L", r"\mathbf x"}),
        (r"\operatorname{softmax}(x) \in \mathbb R^2 \times \R", {"x", r"\mathbb R"}),
        (r"10^{-5}\,\mathrm{ab} \neq 3 \\[2pt]", set()),
    ],
)
def test_symbols_are_letters_with_accents(formula, expected):
    assert set(symbols(formula)) == expected


def test_formulas_are_found_and_code_is_not():
    text = (
        "Let $x$ and\n$$\ny\n$$\nbut `$n$`, \\$5 and {math}`u`.\n\n"
        "```{math}\n:label: eq-a\nz\n```\n\n```python\n$m$\n```\n\n"
        "````{exercise}\n:label: ex-a\nFind $v$.\n````\n"
    )
    found = {symbol for formula in formulas(text) for symbol in symbols(formula)}
    assert found == {"x", "y", "u", "z", "v"}


def test_a_new_letter_is_noticed():
    cell = {"cell_type": "markdown", "metadata": {}, "source": [r"So $\Xi = \hat w$."]}
    assert unlisted("decode", {"cells": [cell]}) == ["\\Xi", "\\hat w"]
    caption = {"mystnb": {"figure": {"caption": r"Over $\omega$."}}}
    cell = {"cell_type": "code", "metadata": caption, "source": []}
    assert unlisted("decode", {"cells": [cell]}) == ["\\omega"]


def test_a_local_name_stays_local():
    assert "s" in listed("decode")
    assert "s" not in listed("intro")


@pytest.mark.parametrize("name", ["lab.rgb_to_hsv", "nowhere.f", "quantize.no.name"])
def test_a_wrong_code_name_is_noticed(name):
    with pytest.raises((AttributeError, ModuleNotFoundError)):
        backmatter.find_code(name)


def test_a_wrong_variable_is_noticed():
    found, _, variable = backmatter.find_code("decode.annealed_mean(temperature)")
    assert variable not in found.__code__.co_varnames
