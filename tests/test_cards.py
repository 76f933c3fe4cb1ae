"""What the shipped networks say of themselves agrees with the committed figures."""

import json
import sys

import pytest
from book_pages import ROOT

from colorlab.weights import ASSETS, load_model, load_pretrained

sys.path.insert(0, str(ROOT / "benchmarks"))
from evaluations import FOLDER, figures, write_card

SHIPPED = ["borrowed", "class", "flagship", "l2", "rebal", "tiny"]


def test_these_networks_ship():
    assert sorted(file.stem for file in ASSETS.glob("*.safetensors")) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_card_carries_all_figures(name):
    card = load_pretrained(name).card
    assert card["metrics"] == figures(name)
    measured = {terms.split(",")[0] for terms in card["metrics"]}
    assert {"imagenette", "tiny-imagenet"} <= measured
    assert {"name", "T", "size", "data", "photos_seen", "hours", "failures"} <= {*card}


@pytest.mark.parametrize("name", SHIPPED)
def test_gray_is_the_same_whoever_is_measured(name):
    for data in ("imagenette", "tiny-imagenet"):
        rows = [
            json.loads((FOLDER / f"{data}-{n}.json").read_text())["scores"]["gray"]
            for n in (name, "rebal")
        ]
        assert rows[0] == rows[1]


def test_readme_says_what_was_measured():
    scores = json.loads((FOLDER / "imagenette-flagship.json").read_text())["scores"]
    told = (ROOT / "README.md").read_text()
    for row in ("network", "gray"):
        rare, plain = (
            "{:.1f} ({:.1f}..{:.1f})".format(*scores[row][measure])
            for measure in ("auc_rebalanced", "auc")
        )
        assert f"| {rare} | {plain} | {scores[row]['chroma'][0]:.3g} |" in told
    gain = "{:.1f} points ({:.1f}..{:.1f})".format(*scores["gain"]["auc_rebalanced"])
    assert gain in told
    assert f"({load_pretrained().card['steps']:,} steps)" in told


def test_writing_a_card_leaves_the_weights(tmp_path):
    copy = tmp_path / "tiny.safetensors"
    copy.write_bytes((ASSETS / "tiny.safetensors").read_bytes())
    write_card(copy, metrics={"none": 0})
    before, after = load_pretrained("tiny"), load_model(copy)
    assert after.card == {**before.card, "metrics": {"none": 0}}
    for one, other in zip(
        before.state_dict().values(), after.state_dict().values(), strict=True
    ):
        assert (one == other).all()


def test_curve_of_the_flagship_holds_what_ships():
    card = load_pretrained("flagship").card
    [ships] = [row for row in card["curve"] if row["steps"] == card["steps"]]
    for key in ("photos_seen", "hours", "lam"):
        assert ships[key] == card[key]
    for data in ("imagenette", "tiny-imagenet"):
        shown = card["metrics"][f"{data}, 1000 photos, size 128, T = 0.38"]
        for measure in ("auc", "auc_rebalanced"):
            assert ships[data][measure] == shown["gain"][measure]
        assert ships[data]["chroma"] == shown["network"]["chroma"]
    hours = [row["hours"] for row in card["curve"]]
    assert hours == sorted(hours)
