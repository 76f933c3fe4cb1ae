"""Every number of the prose is computed on its page, or stands in claims.csv.

A claim there is computed anew by this test, or names who published it, or what
measured it. A number that any code or output of its page has counts as explained: a
chance hit passes. What stands in formulas and in code is not looked at:
chapters run those themselves.
"""

import csv
import json
import re
from itertools import chain

import pytest
from book_pages import BOOK, CHAPTERS, ROOT, read_notebook, source

import colorlab

with (BOOK / "claims.csv").open(encoding="utf-8", newline="") as file:
    CLAIMS = list(csv.DictReader(file))
PAPERS = (BOOK / "references.bib").read_text(encoding="utf-8")
NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
STATED = re.compile(rf"(?<![\w.\-/#:{{])({NUMBER})(?![\w-]|\.\d)")
NOT_PROSE = re.compile(
    r"^(`{3,})\{?(?:literalinclude|code|math|python|shell|text|figure|quiz)[\s\S]*?^\1"
    r"|^\*\*Time:.*$|^\*\*Paper:.*$"  # counted by another test; a place in a paper
    r"|\b(?:sections?|tables?|figures?|equations?|pages?) \d[\d.]*"
    r"|\{\w+(?::\w+)?\}`[^`]*`|`[^`]*`|\$\$[\s\S]*?\$\$|\$[^$]*\$"
    r"|\]\([^)]*\)|https?:\S+|\b[SB]\d+\b|#\d+",
    re.M,
)


def plain(text: str) -> str:
    """Leave out what is no prose: code, formulas, links and roles."""
    return NOT_PROSE.sub(" ", text)


def spoken(name: str) -> str:
    """Join the prose of a chapter and the captions of its figures."""
    cells = read_notebook(name)["cells"]
    prose = [plain(source(c)) for c in cells if c["cell_type"] == "markdown"]
    figures = [c["metadata"].get("mystnb", {}).get("figure", {}) for c in cells]
    return "\n\n".join([*prose, *(plain(f.get("caption", "")) for f in figures)])


def computed(name: str) -> list[float]:
    """Find the numbers of a chapter's code and of what it prints."""
    cells = [c for c in read_notebook(name)["cells"] if c["cell_type"] == "code"]
    outputs = chain.from_iterable(cell["outputs"] for cell in cells)
    printed = (
        "".join(out.get("text", out.get("data", {}).get("text/plain", "")))
        for out in outputs
    )
    text = "\n".join(chain(map(source, cells), printed))
    text += re.sub(r"(?<=\d)_(?=\d{3})", "", text)  # 200_000 in code
    return [float(n.replace(",", "")) for n in re.findall(NUMBER, text)]


def digits(number: str) -> int:
    """Count the digits behind the point."""
    return len(number.partition(".")[2])


def is_counted(number: str) -> bool:
    """Tell whether it is a small count or a year, which a reader checks by eye."""
    value = float(number.replace(",", ""))
    return not digits(number) and (value <= 12 or 1800 <= value <= 2030)


def agrees(number: str, value: float) -> bool:
    """Tell whether a number is a value, rounded, as such or in percent."""
    said, places = float(number.replace(",", "")), digits(number)
    half = 0.5000001 * 10.0**-places
    return min(abs(value - said), abs(100 * value - said)) <= half


def read(path: str) -> dict:
    """Read a file of measurements, for the expressions of claims.csv."""
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def card(name: str) -> dict:
    """Read what a network tells about itself."""
    return colorlab.load_pretrained(name).card


def claims_of(name: str) -> list[dict]:
    """List the rows of one page."""
    return [claim for claim in CLAIMS if claim["page"] == name]


def unexplained(name: str) -> list[str]:
    """List the numbers of a chapter that neither it nor claims.csv accounts for."""
    text, known = spoken(name), computed(name)
    claims = [c for c in CLAIMS if c["page"] in (name, "*") and c["says"] in text]
    allowed = {number for claim in claims for number in claim["number"].split()}
    return [
        f"{found[1]}: ...{text[max(found.start() - 60, 0) : found.end() + 40]}..."
        for found in STATED.finditer(text)
        if not is_counted(found[1])
        and found[1] not in allowed
        and not any(agrees(found[1], value) for value in known)
    ]


@pytest.mark.parametrize("name", CHAPTERS)
def test_numbers_of_the_prose_come_from_somewhere(name):
    assert unexplained(name) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_claims_stand_on_their_page(name):
    text = spoken(name)
    stated = {found[1] for found in STATED.finditer(text)}
    for claim in claims_of(name):
        assert claim["says"] in text
        assert set(claim["number"].split()) <= stated, claim


def test_every_claim_is_of_a_chapter():
    assert {claim["page"] for claim in CLAIMS} <= {*CHAPTERS, "*"}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: f"{c['page']}: {c['number']}")
def test_a_claim_is_computed_or_tells_who_measured_it(claim):
    origin = claim["origin"]
    if claim["kind"] == "computed":
        known = {"colorlab": colorlab, "ROOT": ROOT, "read": read, "card": card}
        assert agrees(claim["number"], eval(origin, known))
    elif claim["kind"] == "published":
        place = origin.split(",")[0]
        assert place.startswith("https://") or f"{{{place}," in PAPERS
    elif claim["kind"] == "given":  # an example's, which no one measures
        assert origin == "the example's own number"
    else:
        assert claim["kind"] == "measured"
        assert (ROOT / origin.split(",")[0]).is_file()


def test_a_wrong_number_is_found():
    assert not agrees("52.7", 0.532)
    assert agrees("52.7", 0.5268)
    assert agrees("390,152", 390152.0)
    text = "from 12.5 to 13,000, S29 and 3x3 of B-4"
    assert [found[1] for found in STATED.finditer(text)] == ["12.5", "13,000"]
