"""The film of runs and its quiz: what is stored, what travels, and both played."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from book_pages import ROOT
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from playwright.sync_api import expect
from test_widget_pages import (
    open_on_phone,
    open_widget,
    small_targets,
    swipe,
)

from colorlab.lab import rgb_to_lab
from colorlab.train.diagnostics import contact_sheet
from colorlab.widgets import LearningFilm, WhichIsDead, film_sheet, read_film
from colorlab.widgets.film import SIDE, pack_records

MOST_BYTES = 150_000  # of data, both figures together
WHY = {"class": (60, "dull"), "rate-high": (200, "blind"), "healthy": (60, "young")}


@pytest.fixture(scope="module")
def film():
    return read_film(ROOT / "data")


@pytest.fixture
def widget(film):
    return LearningFilm(film)


@pytest.fixture
def quiz(film):
    return WhichIsDead(film, WHY, "rate-high")


# What is stored


def test_stored_runs_are_whole(film):
    steps, cells = film.about["steps"], SIDE // 16
    assert len(film.about["runs"]) >= 5
    assert 20 <= len(steps) <= 40
    for name in film.about["runs"]:
        size = (len(film.about["photos"]) * cells, len(steps) * cells)
        assert film.colors[name].size == size, name
        records = film.records[name]
        assert {*steps} <= {record["step"] for record in records}, name
        assert all(r["held_out"] for r in records if r["step"] in steps), name


def test_runs_end_as_their_titles_say(film):
    last = {name: records[-10:] for name, records in film.records.items()}
    spread = {n: 1 - np.mean([r["one_way"] for r in rs]) for n, rs in last.items()}
    assert spread["rate-high"] < 1e-5
    assert spread["healthy"] > 0.2
    told = {
        name: [warning for _, warning, _ in run["warnings"]]
        for name, run in zip(film.records, LearningFilm(film).runs, strict=True)
    }
    sick = {"rate-high": ["one color"], "class": ["gray, class"]}
    assert told == {name: sick.get(name, []) for name in film.records}
    held_out = {name: rs[-1]["held_out"] for name, rs in last.items()}
    assert held_out["exchanged"] > 1.05 * held_out["healthy"]  # its training loss not


def spread(film, name, step, n=10):
    """The mean spread of hues of the records up to a step."""
    records = [r for r in film.records[name] if r["step"] <= step][-n:]
    return 1 - np.mean([record["one_way"] for record in records])


def loss(film, name, step, kind="loss"):
    records = [r for r in film.records[name] if r["step"] <= step and kind in r]
    return np.mean([record[kind] for record in records[-10:]])


def test_the_chapters_answers_hold(film):
    assert spread(film, "healthy", 800) / spread(film, "healthy", 200) > 5
    falls = [loss(film, "healthy", step) for step in (100, 200, 800)]
    assert falls[1] - falls[2] < 0.3 * (falls[0] - falls[2])  # and before it, more
    floor = [spread(film, "rate-high", step) for step in range(100, 801, 100)]
    assert max(floor) < 1e-6
    assert spread(film, "rate-low", 400) > 1000 * spread(film, "rate-low", 20)
    assert loss(film, "rate-high", 400) < loss(film, "rate-low", 400) - 0.5
    held = {
        n: [r["held_out"] for r in rs if "held_out" in r]
        for n, rs in film.records.items()
    }
    assert abs(np.mean(held["exchanged"][-3:]) - held["exchanged"][3]) < 0.2
    assert held["healthy"][-1] < held["healthy"][3] - 0.2


def test_numbers_that_travel_are_the_records(film):
    for name, records in film.records.items():
        packed = pack_records(records, film.objectives[name])
        for record, loss, spread, share in zip(
            records, packed["loss"], packed["spread"], packed["share"], strict=True
        ):
            assert loss == pytest.approx(record["loss"], rel=1e-3)
            assert spread == pytest.approx(1 - record["one_way"], rel=1e-3, abs=2e-6)
            true = record["chroma"] / record["true_chroma"]
            assert share == pytest.approx(true, rel=1e-3)


def test_both_figures_are_light(widget, quiz):
    told = [json.dumps([each.runs for each in [widget]]), json.dumps(quiz.suspects)]
    data = len(widget.pixels) + len(quiz.pixels) + sum(map(len, told))
    assert data <= MOST_BYTES


def test_a_frame_is_what_the_contact_sheet_showed(recipe):
    rng = torch.Generator().manual_seed(0)
    ab = torch.rand(6, 2, 8, 8, generator=rng) * 40 - 20
    rgb = torch.full((6, 3, 32, 32), 120, dtype=torch.uint8)
    sheet = contact_sheet(rgb, ab.repeat_interleave(4, 2).repeat_interleave(4, 3))
    found = torch.from_numpy(recipe.said(sheet, 32)[..., :2].astype(np.float32)) - 128
    expected = torch.cat([*ab], dim=-1).permute(1, 2, 0)
    assert (found - expected).abs().max() < 1.5  # bytes of sRGB, bytes of ab


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "data/recipes")
    return __import__("film")


def test_the_recipe_records_runs(recipe, tmp_path, monkeypatch):
    (tmp_path / "photos").symlink_to(ROOT / "data/photos")
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for n in range(120):
        pixels = rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"data/{n}.jpg")
    monkeypatch.setattr(recipe, "HERE", tmp_path)
    monkeypatch.setattr(recipe, "STEPS", (1, 2))
    short = replace(recipe.HEALTHY, width=2, steps=2, save_every=1, log_every=1)
    monkeypatch.setattr(recipe, "HEALTHY", short)
    runs = {name: recipe.RUNS[name] for name in ("healthy", "exchanged")}
    monkeypatch.setattr(recipe, "RUNS", runs)
    recipe.main(str(tmp_path / "data"), tmp_path / "out")
    found = read_film(tmp_path)
    assert found.about["images"] == 104  # and 16 are held out
    assert found.colors["healthy"].size == (6 * 8, 2 * 8)
    right, wrong = (
        np.array(Image.open(tmp_path / f"out/{name}/000007.jpg"), dtype=float)
        for name in ("photos", "photos-exchanged")
    )
    assert abs(right.mean((0, 1)) - wrong.mean((0, 1))[::-1]).max() < 3  # JPEG


# Arguments


def test_what_cannot_be_shown_is_refused(film):
    with pytest.raises(ValueError, match="dead must be one of .*, got 'rate'"):
        WhichIsDead(film, WHY, "rate")
    with pytest.raises(ValueError, match="step must be one of .*, got 7"):
        WhichIsDead(film, {"healthy": (7, "")}, "healthy")
    with pytest.raises(ValueError, match="step must be one of .*, got 7"):
        film_sheet(film, "healthy", 7)


# The film played

PIXELS = """(canvas) => [...canvas.getContext("2d")
  .getImageData(0, 0, canvas.width, canvas.height).data]"""
DRAWN = "() => document.querySelector('.picture').height > 150"


def pixels(page, figure):
    page.wait_for_function(DRAWN)
    canvas = figure.locator("canvas.picture")
    flat = np.array(canvas.evaluate(PIXELS), dtype=int)
    rows = canvas.evaluate("(canvas) => canvas.height")
    return flat.reshape(rows, -1, 4)[..., :3]


def tiles(image):
    """Cut a strip of six photos into three beside each other, twice."""
    strip = np.asarray(image, dtype=int)
    six = [strip[:, SIDE * i : SIDE * (i + 1)] for i in range(6)]
    sheet = np.zeros((2 * SIDE + 4, 3 * SIDE + 8, 3), dtype=int)
    for i, tile in enumerate(six):
        y, x = (SIDE + 4) * (i // 3), (SIDE + 4) * (i % 3)
        sheet[y : y + SIDE, x : x + SIDE] = tile
    return sheet


def shown_step(figure):
    return int(figure.locator(".value").inner_text().replace(",", ""))


@pytest.mark.browser
def test_sheets_are_colorlabs(browser, tmp_path, film, widget):
    jpeg = Image.open(io.BytesIO(widget.pixels[: widget.lengths[0]]))
    as_sent = film._replace(photos=jpeg.convert("RGB"))
    with open_widget(browser, widget, tmp_path) as (page, figure):
        seen = []
        for run, frame in ((0, 0), (0, 24), (3, 12)):
            name = [*film.records][run]
            figure.get_by_label("Run", exact=True).select_option(str(run))
            figure.get_by_label("Step", exact=True).fill(str(frame))
            expected = tiles(film_sheet(as_sent, name, film.about["steps"][frame]))
            seen.append(pixels(page, figure))
            inside = expected.any(axis=-1)
            assert abs(seen[-1] - expected)[inside].max() <= 1
        assert abs(seen[0] - seen[1]).mean() > 5  # frames differ
        figure.get_by_role("button", name="the truth").click()
        truth = pixels(page, figure)
        assert abs(truth - tiles(as_sent.photos)).max() <= 1
        figure.get_by_role("button", name="gray").click()
        gray = pixels(page, figure)
        assert (gray.max(-1) - gray.min(-1)).max() <= 1
        lab = rgb_to_lab(torch.tensor(truth / 255).permute(2, 0, 1))
        light = rgb_to_lab(torch.tensor(gray / 255).permute(2, 0, 1))
        assert (lab[0] - light[0]).abs().max() < 0.5


def curve(chart, kind):
    """Read a curve's values off a chart: its axis says what a height is."""
    ticks = [
        (float(text), float(y))
        for text, y in chart.locator("text[text-anchor=end][dy]").evaluate_all(
            "(nodes) => nodes.map((n) => [n.textContent, n.getAttribute('y')])"
        )
    ]
    (low, floor), (high, ceiling) = ticks[0], ticks[-1]
    points = chart.locator(f"polyline.{kind}").get_attribute("points").split()
    heights = np.array([float(point.split(",")[1]) for point in points])
    return low + (floor - heights) / (floor - ceiling) * (high - low)


@pytest.mark.browser
def test_curves_are_the_records(browser, tmp_path, film, widget):
    with open_widget(browser, widget, tmp_path) as (_, figure):
        for run, (name, records) in enumerate(film.records.items()):
            figure.get_by_label("Run", exact=True).select_option(str(run))
            loss = np.array([record["loss"] for record in records])
            found = curve(figure.locator(".chart").first, "record")
            inside = loss < 10 * np.median(loss)  # what is far larger is at the edge
            assert inside.sum() >= len(loss) - 1
            assert abs(found - loss)[inside].max() < 0.01 * np.median(loss), name
            for frame in (0, 20):
                figure.get_by_label("Step", exact=True).fill(str(frame))
                step = film.about["steps"][frame]
                record = next(r for r in records if r["step"] == step)
                told = figure.locator(".readout").inner_text()
                assert f"After step {step}," in told
                assert f"loss {record['loss']:.2f}" in told
                assert f"held-out loss {record['held_out']:.2f}" in told
        figure.get_by_label("Figure", exact=True).select_option("top bin")
        top = np.array([record["top_bin"] for record in records])
        assert abs(curve(figure.locator(".chart").last, "record") - top).max() < 0.01


@pytest.mark.browser
def test_each_figure_says_what_its_numbers_mean(browser, tmp_path, widget):
    with open_widget(browser, widget, tmp_path) as (_, figure):
        told = set()
        for name in ("spread of hues", "chroma / true", "top bin", "held-out loss"):
            figure.get_by_label("Figure", exact=True).select_option(name)
            told.add(figure.locator(".key").last.inner_text())
        assert len(told) == 4
        assert all(len(text.split()) > 4 for text in told)


@pytest.mark.browser
def test_a_phone_has_room_for_all_runs_of_the_quiz_at_once(browser, tmp_path, quiz):
    with open_on_phone(browser, quiz, tmp_path) as (_, figure):
        cards = [card.bounding_box() for card in figure.locator(".card").all()]
        assert len(cards) == len(WHY)
        each = (cards[-1]["y"] - cards[0]["y"]) / (len(cards) - 1)
        assert 4 * each < 844 - 60  # the chapter's four, below the book's bar


@pytest.mark.browser
def test_film_by_keyboard(browser, tmp_path, film, widget):
    with open_widget(browser, widget, tmp_path) as (_, figure):
        step = figure.get_by_label("Step", exact=True)
        step.press("ArrowRight")
        step.press("ArrowRight")
        assert shown_step(figure) == film.about["steps"][2]
        step.press("ArrowLeft")
        assert shown_step(figure) == film.about["steps"][1]
        step.fill("24")
        figure.get_by_label("Run", exact=True).select_option("rate too high")
        expect(figure.locator(".verdict")).to_contain_text("warns: one color")
        assert small_targets(figure) == []
        play = figure.locator(".play")
        step.fill("18")  # so long that a busy machine sees it run
        play.press("Enter")
        expect(play).to_have_text(re.compile("pause"))
        expect(play).to_have_text(re.compile("play"))  # it has come to its end
        assert shown_step(figure) == film.about["steps"][-1]


@pytest.mark.browser
def test_film_by_mouse(browser, tmp_path, film, widget):
    with open_widget(browser, widget, tmp_path) as (page, figure):
        for chart in figure.locator(".chart").all():
            box = chart.bounding_box()
            y = box["y"] + box["height"] / 2
            page.mouse.move(box["x"] + 0.3 * box["width"], y)
            page.mouse.down()
            early = shown_step(figure)
            page.mouse.move(box["x"] + box["width"], y, steps=4)
            page.mouse.up()
            assert early < 300
            assert shown_step(figure) == film.about["steps"][-1]
            page.mouse.move(box["x"] + 0.3 * box["width"], y)
            assert shown_step(figure) == film.about["steps"][-1]  # let go
        figure.locator(".play").click()  # from its end: from the start
        figure.locator(".play").click()
        assert shown_step(figure) < 100


@pytest.mark.browser
def test_film_by_touch(browser, tmp_path, film, widget):
    with open_on_phone(browser, widget, tmp_path) as (page, figure):
        chart = figure.locator(".chart").last
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        y = box["y"] + box["height"] / 2
        page.touchscreen.tap(box["x"] + 0.5 * box["width"], y)
        middle = shown_step(figure)
        assert 300 < middle < 450
        start = box["x"] + 0.5 * box["width"]
        swipe(page, (start, y), (start + 40, y), (start + 120, y))
        assert shown_step(figure) > middle + 100


# The quiz played


def card(figure, letter):
    return figure.get_by_role("region", name=f"Run {letter},")


def answer(figure, letter):
    group = figure.get_by_role("group", name="Your answer")
    return group.get_by_role("button", name=f"I say {letter}")


@pytest.mark.browser
def test_quiz_by_mouse(browser, tmp_path, film, quiz):
    with open_widget(browser, quiz, tmp_path) as (page, figure):
        expect(figure).to_contain_text("Three runs. One of them is dead")
        first = card(figure, "A")
        first.get_by_role("button", name="loss").click()
        assert first.locator("svg polyline").count() == 2
        others = first.get_by_role("group").get_by_role("button", disabled=True)
        assert others.count() == 3
        assert others.first.get_attribute("title").startswith("One figure a run")
        expect(first).to_contain_text("One figure a run")
        second = card(figure, "B")
        second.get_by_role("button", name="its pictures").click()
        page.wait_for_function("() => document.querySelector('canvas')?.height > 150")
        text = figure.inner_text()
        assert not any(why in text for _, why in WHY.values())
        assert not any(run["title"] in text for run in film.about["runs"].values())
        answer(figure, "B").click()
        expect(figure.get_by_role("status")).to_contain_text("Right")
        assert all(why in figure.inner_text() for _, why in WHY.values())
        assert figure.get_by_role("button", disabled=True).count() == 3  # the answers
        figure.get_by_role("button", name="play again").click()
        assert figure.get_by_role("button", disabled=True).count() == 0
        assert figure.locator("svg").count() == 0


@pytest.mark.browser
def test_quiz_by_keyboard(browser, tmp_path, quiz):
    with open_widget(browser, quiz, tmp_path) as (_, figure):
        first = card(figure, "A")
        first.get_by_role("button", name="spread of hues").press("Enter")
        assert first.locator("svg").count() == 1
        answer(figure, "A").press("Space")
        expect(figure.get_by_role("status")).to_contain_text("No, B is")
        expect(figure.get_by_role("button", name="play again")).to_be_focused()
        assert small_targets(figure) == []


@pytest.mark.browser
def test_quiz_by_touch(browser, tmp_path, quiz):
    with open_on_phone(browser, quiz, tmp_path) as (_, figure):
        second = card(figure, "B")
        second.get_by_role("button", name="chroma / true").tap()
        assert second.locator("svg").count() == 1
        answer(figure, "B").tap()
        expect(figure.get_by_role("status")).to_contain_text("Right")
        expect(figure.get_by_role("status")).to_be_in_viewport(ratio=1)
