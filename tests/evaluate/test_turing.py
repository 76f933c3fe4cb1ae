"""Rates and their intervals, against numbers known by hand and by simulation."""

import json

import pytest
import torch

from colorlab.evaluate.turing import (
    RESULT_FORMAT,
    RESULT_KIND,
    fooling_by_photo,
    fooling_rate,
    rate_interval,
    read_results,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # from the quadratic (seen - rate)^2 = 1.96^2 rate (1 - rate) / trials
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 2, 0.0945, 0.9055),
        (32, 100, 0.2367, 0.4166),
    ],
)
def test_rate_interval_by_hand(successes, trials, low, high):
    expected = (successes / trials, low, high)
    assert rate_interval(successes, trials) == pytest.approx(expected, abs=1e-4)


def test_ends_of_the_interval_are_just_plausible():
    rate, low, high = rate_interval(13, 40)
    for end in (low, high):
        assert abs(rate - end) == pytest.approx(
            1.959964 * (end * (1 - end) / 40) ** 0.5, rel=1e-6
        )


def test_interval_holds_the_rate_as_often_as_it_says():
    rng = torch.Generator().manual_seed(0)
    rate, trials = 0.3, 40
    drawn = (torch.rand(4000, trials, generator=rng) < rate).sum(dim=1)
    intervals = [rate_interval(n, trials) for n in drawn.tolist()]
    held = sum(low <= rate <= high for _, low, high in intervals) / len(intervals)
    assert held == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(ValueError, match=r"successes must be in 0\.\.trials"):
        rate_interval(successes, trials)


def people(spread, number=60, trials=40):
    """Answers of people whose own rates spread around 0.3."""
    rng = torch.Generator().manual_seed(1)
    own = 0.3 + spread * (torch.rand(number, 1, generator=rng) - 0.5)
    fooled = torch.rand(number, trials, generator=rng) < own
    return {f"person {n}": row.tolist() for n, row in enumerate(fooled)}


def test_fooling_rate_is_that_of_all_trials():
    answers = {"a": [True, False, False], "b": [True]}
    assert fooling_rate(answers)[0] == pytest.approx(2 / 4)


def test_people_alike_give_the_binomial_interval():
    answers = people(spread=0)
    value, low, high = fooling_rate(answers)
    fooled, trials = sum(sum(row) for row in answers.values()), 60 * 40
    _, low_2, high_2 = rate_interval(fooled, trials)
    assert high - low == pytest.approx(high_2 - low_2, rel=0.25)
    assert low < value < high


def test_people_unlike_give_a_wider_one():
    value, low, high = fooling_rate(people(spread=0.6))
    _, low_2, high_2 = rate_interval(round(value * 2400), 2400)
    assert high - low > 1.5 * (high_2 - low_2)


def test_one_person_gives_an_interval_of_trials():
    assert fooling_rate({"a": [True, False]}) == rate_interval(1, 2)


@pytest.mark.parametrize("answers", [{}, {"a": []}, {"a": [True], "b": []}])
def test_no_answers_are_refused(answers):
    with pytest.raises(ValueError, match="answers must hold a person or more"):
        fooling_rate(answers)


# Result files


def result(run="1", fooled=(True, False), **changes):
    """Give what the page writes, for photos "a", "b" ..."""
    answers = [
        {"photo": name, "painted": "left", "chosen": "right" if wrong else "left"}
        for name, wrong in zip("abcdef", fooled, strict=False)
    ]
    whole = {"kind": RESULT_KIND, "format": RESULT_FORMAT, "pairs": "p1", "run": run}
    return whole | {"round": 1, "seconds": 1, "answers": answers} | changes


def write(folder, **results):
    for name, content in results.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)
    return folder


def test_results_of_a_class(tmp_path):
    write(tmp_path, ann=result("1"), bob=result("2", fooled=(True, True)))
    (tmp_path / "notes.txt").write_text("left out")
    assert read_results(tmp_path) == {
        "ann": {"a": True, "b": False},
        "bob": {"a": True, "b": True},
    }
    assert read_results(tmp_path, pairs="p1") == read_results(tmp_path)


BAD_ANSWER = {"photo": "a", "painted": "left", "chosen": "both"}
GOOD_ANSWER = {"photo": "a", "painted": "left", "chosen": "left"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"kind": "colorlab turing te', "damaged, no whole JSON"),
        ("[1, 2]", "no result of the turing test"),
        ({"kind": "something else"}, "no result of the turing test"),
        (result("2", format=0), "format must be 1, got 0: .* another version"),
        (result("2", pairs="p0"), "one version of the pairs, p1; this is of p0"),
        (result("1"), "the same result as .*ann.json"),
        (result("2", round=2), "try number 2 of one person"),
        (result("2", answers=[]), "answers is missing"),
        (result("2", answers=[{"painted": "left"}]), "an answer without its photo"),
        (result("2", answers=[BAD_ANSWER]), "painted and chosen must be in .* for a"),
        (result("2", answers=[GOOD_ANSWER | {"painted": []}]), "must be in .* for a"),
        (result("2", answers=[GOOD_ANSWER] * 2), "a photo is answered twice"),
        (result(None), "run is missing or no str"),
        (result("2", round=True), "round is missing or no int"),
        (result("2", answers=[GOOD_ANSWER | {"chosen": True}]), "must be in .* for a"),
        (result("2", fooled=(True,)), "same photos; 'b' is not in all"),
        (result("2", answers=[GOOD_ANSWER | {"photo": "\udce9"}]), "damaged, no whole"),
        ("[" * 200_000, "damaged, no whole JSON"),
    ],
)
def test_files_that_cannot_be_pooled(tmp_path, content, told):
    write(tmp_path, ann=result("1"), bob=content)
    with pytest.raises(ValueError, match=told) as refusal:
        read_results(tmp_path)
    assert "bob.json" in str(refusal.value)


def test_letters_that_are_none_are_damage(tmp_path):
    (tmp_path / "bob.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="damaged"):
        read_results(tmp_path)


def test_other_pairs_than_wanted(tmp_path):
    write(tmp_path, ann=result("1"))
    with pytest.raises(ValueError, match="version of the pairs, new"):
        read_results(tmp_path, pairs="new")


def test_no_files(tmp_path):
    with pytest.raises(ValueError, match="must hold .json files"):
        read_results(tmp_path)


def test_photos_by_how_often_they_fooled():
    results = {
        "ann": {"a": False, "b": True, "c": False},
        "bob": {"a": False, "b": True, "c": True},
        "eve": {"b": False},  # fewer photos: another page
    }
    photos = fooling_by_photo(results)
    assert [*photos] == ["b", "c", "a"]
    assert photos["b"] == rate_interval(2, 3)
    assert photos["a"] == rate_interval(0, 2)
