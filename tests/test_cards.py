"""What the shipped networks say of themselves agrees with the committed figures."""

import sys

import pytest
from book_pages import ROOT

from colorlab._lazy import BEST
from colorlab.evaluate import MEASURES, read_scores
from colorlab.weights import ASSETS, load_model, load_pretrained, shipped

sys.path.insert(0, str(ROOT / "benchmarks"))
from evaluations import DATA, FOLDER, SETS, figures, write_card

SHIPPED = ["borrowed", "class", "flagship", "l2", "rebal", "tiny"]


def test_these_networks_ship():
    assert shipped() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_card_agrees_with_all_figures(name):
    card, kept = load_pretrained(name).card, figures(name)
    measured = {terms.split(",")[0] for terms in card["metrics"]}
    assert {"imagenette", "tiny-imagenet"} <= measured
    for terms, rows in card["metrics"].items():
        for row, measures in rows.items():
            both = measures.keys() & kept[terms][row].keys()  # cards older than some
            assert {"auc", "auc_rebalanced", "auc_rebalanced_by_photo"} <= both
            for measure in both:
                wanted = pytest.approx(kept[terms][row][measure], abs=2e-3)
                assert measures[measure] == wanted, (terms, measure)
    assert {"name", "T", "size", "data", "photos_seen", "hours", "failures"} <= {*card}


@pytest.mark.parametrize("name", SHIPPED)
def test_gray_is_the_same_whoever_is_measured(name):
    for data in ("imagenette", "tiny-imagenet"):
        files = (FOLDER / f"{n}.json" for n in (name, "rebal"))
        mine, other = (read_scores(file, data)["gray"] for file in files)
        for measure in mine.keys() & other.keys():
            assert mine[measure] == pytest.approx(other[measure], abs=2e-3)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("data", SETS.values())
def test_every_network_is_measured_on_every_set(name, data):
    scores = read_scores(FOLDER / f"{name}.json", data)
    assert {tuple(row) for row in scores.values()} == {tuple(MEASURES)}
    value, low, high = scores["gain"]["auc_rebalanced_by_photo"]
    assert low < value < high


def test_lists_are_those_that_data_has():
    assert {*SETS} == {file.stem for file in (DATA / "lists").glob("*.txt")}


@pytest.mark.parametrize(("name", "T"), [("flagship", 0.38), ("borrowed", 0.6)])
def test_readme_says_what_was_measured(name, T):
    scores = read_scores(FOLDER / f"{name}.json", "imagenette", T=T)
    told = (ROOT / "README.md").read_text().replace("\n", " ")
    for row, shown in (
        ("network", f"`{name}`, T = {T:g}"),
        ("gray", "leaving all gray"),
    ):
        rare, plain = (
            "{:.1f} ({:.1f}..{:.1f})".format(*scores[row][measure])
            for measure in ("auc_rebalanced", "auc")
        )
        chroma = scores[row]["chroma"][0]
        assert f"| {shown} | {rare} | {plain} | {chroma:.3g} |" in told
    for measure in ("auc_rebalanced", "auc_rebalanced_by_photo"):
        gain = "{:.1f} points ({:.1f}..{:.1f})".format(*scores["gain"][measure])
        assert gain in told
    card = load_pretrained(name).card
    assert card["T"] == T
    assert name != "flagship" or f"({card['steps']:,} steps)" in told


def test_readme_says_which_network_colors():
    assert f"`colorlab colorize` takes `{BEST}`;" in (ROOT / "README.md").read_text()


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
    hours = [row["hours"] for row in card["curve"] if row["round"] != 5]
    assert hours == sorted(hours)  # round 5 led nowhere; round 6 began where it did
