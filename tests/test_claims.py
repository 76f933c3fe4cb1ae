"""Every number of the prose is computed on its page, or stands in claims.csv.

A claim there is computed anew by this test; or it is found in the file that measured
it; or it names the test that holds it, who published it, or what was looked at. A
number that any code or output of its page has counts as explained: a chance hit passes.
What stands in formulas and in code is not looked at: chapters run those themselves.
"""

import csv
import json
import re
from importlib import import_module
from itertools import chain
from statistics import median

import pytest
import torch
from book_pages import BOOK, CHAPTERS, PAGES, ROOT, read_notebook, source

import colorlab

TEXTS = [n for n in (page.split("/")[-1] for page in PAGES) if n not in CHAPTERS]

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
    """Join the prose of a page and the captions of its figures."""
    if name in TEXTS:
        return plain((BOOK / f"{name}.md").read_text(encoding="utf-8"))
    cells = read_notebook(name)["cells"]
    prose = [plain(source(c)) for c in cells if c["cell_type"] == "markdown"]
    figures = [c["metadata"].get("mystnb", {}).get("figure", {}) for c in cells]
    return "\n\n".join([*prose, *(plain(f.get("caption", "")) for f in figures)])


def computed(name: str) -> list[float]:
    """Find the numbers of a chapter's code and of what it prints."""
    if name in TEXTS:
        return []
    cells = [c for c in read_notebook(name)["cells"] if c["cell_type"] == "code"]
    outputs = chain.from_iterable(cell["outputs"] for cell in cells)
    printed = (
        "".join(out.get("text", out.get("data", {}).get("text/plain", "")))
        for out in outputs
    )
    return numbers("\n".join(chain(map(source, cells), printed)))


def numbers(text: str) -> list[float]:
    """Find all numbers of a text, of prose or code."""
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


def weights(name: str) -> int:
    """Count the weights of a network."""
    return sum(p.numel() for p in colorlab.load_pretrained(name).parameters())


def ratio(file: str, what: str, contestant: str) -> float:
    """Give how many times as long as the first a contestant took, round by round."""
    rounds = read(f"benchmarks/results/{file}.json")["results"][what]
    first = next(iter(rounds.values()))
    return median(a / b for a, b in zip(rounds[contestant], first, strict=True))


def lightnesses(a: float, b: float) -> list[int]:
    """List the whole lightnesses at which a screen has a color."""
    lab = torch.tensor([[L, a, b] for L in range(101)], dtype=torch.float64)
    lab = lab.T[None, ..., None]
    off = colorlab.rgb_to_lab(colorlab.lab_to_rgb(lab)) - lab
    return (off.abs().amax(dim=1).flatten() < 0.01).nonzero().flatten().tolist()


def missed(ab: list[float], k: int) -> float:
    """Tell how far the mean of a color's k nearest bins is from it."""
    color, centers = torch.tensor(ab), colorlab.bin_centers()
    bins, shares = colorlab.soft_encode(color.view(1, 2, 1, 1), centers, k=k)
    return (shares.flatten() @ centers[bins.flatten()] - color).norm().item()


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


@pytest.mark.parametrize("name", [*CHAPTERS, *TEXTS])
def test_numbers_of_the_prose_come_from_somewhere(name):
    assert unexplained(name) == []


@pytest.mark.parametrize("name", [*CHAPTERS, *TEXTS])
def test_claims_stand_on_their_page(name):
    text = spoken(name)
    stated = {found[1] for found in STATED.finditer(text)}
    for claim in claims_of(name):
        assert claim["says"] in text
        assert set(claim["number"].split()) <= stated, claim


def test_every_claim_is_of_a_page():
    assert {claim["page"] for claim in CLAIMS} <= {*CHAPTERS, *TEXTS, "*"}


TOOLS = {"colorlab": colorlab, "ROOT": ROOT, "module": import_module}
TOOLS |= {"read": read, "card": card, "weights": weights, "ratio": ratio}
TOOLS |= {"lightnesses": lightnesses, "missed": missed}


def holds(claim: dict) -> bool:
    """Tell whether what a claim names does hold its numbers."""
    said, origin = claim["number"].split(), claim["origin"]
    place, _, rest = origin.partition(", ")
    match claim["kind"]:
        case "computed":
            value = eval(origin, TOOLS)
            return all(agrees(number, value) for number in said)
        case "measured":
            found = numbers((ROOT / place).read_text(encoding="utf-8"))
            return {float(number.replace(",", "")) for number in said} <= {*found}
        case "tested":
            return f"def {rest}(" in (ROOT / place).read_text(encoding="utf-8")
        case "observed":  # read off a figure, or of a program that was tried
            return (ROOT / place).is_file()
        case "published":
            return place.startswith("https://") or f"{{{place}," in PAPERS
        case "given":  # an example's, which no one measures
            return origin == "the example's own number"
    return False


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: f"{c['page']}: {c['number']}")
def test_a_claim_is_held_by_what_it_names(claim):
    assert holds(claim)


def test_a_claim_that_nothing_holds_is_found():
    claim = {"number": "313", "kind": "measured", "origin": "book/claims.csv, a row"}
    assert holds(claim)
    assert not holds(claim | {"number": "31337"})
    assert not holds(claim | {"kind": "computed", "origin": "311 + 1"})
    assert not holds(claim | {"kind": "tested", "origin": "tests/conftest.py, test_it"})
    assert not holds(claim | {"kind": "published", "origin": "nobody2016, page 1"})
    assert not holds(claim | {"kind": "hearsay"})


def test_a_wrong_number_is_found():
    assert not agrees("52.7", 0.532)
    assert agrees("52.7", 0.5268)
    assert agrees("390,152", 390152.0)
    text = "from 12.5 to 13,000, S29 and 3x3 of B-4"
    assert [found[1] for found in STATED.finditer(text)] == ["12.5", "13,000"]
