"""The page's reader of dots: it takes what the command takes, and refuses the rest."""

import json

import numpy as np
import pytest
from javascript_fixtures import fixture_node, run  # noqa: F401 (by name)
from test_cli_hints import BAD, GOOD, RED

from colorlab.cli.hintfile import MOST_BYTES, read_hints
from colorlab.hints import GIVE_UP

SCRIPT = """
import * as file from "./book/_photo/hintfile.js";
const { texts, made } = JSON.parse(process.argv[1]);
const read = (text) => {
  try {
    return { given: file.readHints(text, 90, 60) };
  } catch (error) {
    return { told: error.message, kind: error.name };
  }
};
const { dots, giveUp, ...how } = made;
const written = file.writeHints(dots, 90, 60, giveUp, how);
const limits = [file.GIVE_UP, file.MOST_BYTES];
console.log(JSON.stringify({ read: texts.map(read), written, limits }));
"""
DOTS = [
    {"x": 0, "y": 1, "a": -128, "b": 0.1},
    {"x": 1 / 3, "y": 0.7, "a": 60, "b": 128},
]
MADE = {"dots": DOTS, "giveUp": 2e-4, "model": "tiny", "T": 0.38, "seen": 256}
PIXELS = [{"x": 22, "y": 30.9, "color": "#Ff8000"}, {"x": 89, "y": 0, "ab": [3, -4]}]
TAKEN = {
    "shares": GOOD,
    "pixels": GOOD | {"units": "pixels", "dots": PIXELS},
    "no dots": GOOD | {"dots": []},
    "settings": GOOD | {"give_up": 0, "T": 2.5, "seen": 64, "model": "flagship"},
    "nothing said": GOOD | {"give_up": None, "T": None},
    "half the size": GOOD | {"size": [45, 30]},
}
TOLD = {
    "hints": "no file of dots",
    "[1, 2": "cannot be read as JSON",
    "null": "no file of dots",
    json.dumps(GOOD | {"format": "colorlab hints 2"}): "of another version: it says",
    json.dumps(
        GOOD | {"size": [60, 90]}
    ): "60 \u00d7 90 pixels, and the one here has 90",
    json.dumps(GOOD | {"dots": [RED, RED | {"x": 1.5}]}): "Dot 2 must lie on the photo",
}


def change(changes):
    return json.dumps({k: v for k, v in (GOOD | changes).items() if v is not None})


@pytest.fixture(scope="module")
def page(node):
    """What the page makes of all files."""
    texts = [json.dumps(content) for content in TAKEN.values()] + [*TOLD]
    texts += [change(changes) for changes, _ in BAD.values()]
    given = json.dumps({"texts": texts, "made": MADE})
    done = run(node, "--input-type=module", "-e", SCRIPT, given)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found | {"read": dict(zip(texts, found["read"], strict=True))}


@pytest.mark.parametrize("kind", TAKEN)
def test_the_page_reads_what_the_command_reads(page, tmp_path, kind):
    text = json.dumps(TAKEN[kind])
    (tmp_path / "hints.json").write_text(text)
    hints = read_hints(tmp_path / "hints.json")
    given = page["read"][text]["given"]
    found = [[dot[name] for name in "yxab"] for dot in given["dots"]]
    np.testing.assert_allclose(
        np.reshape(found, (-1, 4)), np.reshape(hints.dots, (-1, 4)), atol=1e-3
    )
    settings = [given.get(name) for name in ("model", "T", "seen")]
    assert settings == [hints.model, hints.T, hints.size]
    assert given["giveUp"] == (GIVE_UP if hints.give_up is None else hints.give_up)


@pytest.mark.parametrize(
    "kind", [kind for kind in BAD if kind != "model"]
)  # a network that it has not
def test_the_page_refuses_what_the_command_refuses(page, kind):
    read = page["read"][change(BAD[kind][0])]
    assert read["kind"] == "Error"  # none of JavaScript's own
    assert read["told"].endswith((".", ".\u201d"))


@pytest.mark.parametrize("text", TOLD)
def test_the_page_says_what_is_wrong_in_a_sentence(page, text):
    assert TOLD[text] in page["read"][text]["told"]


def test_what_the_page_writes_the_command_reads(page, tmp_path):
    assert page["limits"] == [GIVE_UP, MOST_BYTES]
    (tmp_path / "hints.json").write_text(page["written"])
    hints = read_hints(tmp_path / "hints.json")
    assert hints.dots == tuple(tuple(dot[name] for name in "yxab") for dot in DOTS)
    settings = hints.model, hints.T, hints.size, hints.give_up
    assert settings == ("tiny", 0.38, 256, 2e-4)
    assert (hints.width, hints.height) == (90, 60)
