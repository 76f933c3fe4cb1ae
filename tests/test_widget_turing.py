"""The Turing test: what travels, its arguments, and a test played."""

import io
import json
import re

import numpy as np
import pytest
from browser_fixtures import fixture_browser  # noqa: F401
from PIL import Image
from test_widget_pages import (
    open_on_phone,
    open_widget,
    screenshot,
)

from colorlab.evaluate.turing import rate_interval, read_results
from colorlab.widgets import TuringTest

NAMES = [f"photo-{n}" for n in range(6)]
REAL, PAINTED = (40, 160, 40), (200, 40, 40)
# Whether a page may be left without a question.
LEAVE = "() => dispatchEvent(new Event('beforeunload', { cancelable: true }))"
WAIT = 60_000  # ms, for busy machines


def pair():
    return tuple(Image.new("RGB", (48, 48), color) for color in (REAL, PAINTED))


def make_widget(names=NAMES, practice=("drill-1", "drill-2"), **given):
    options = {"version": "abc", "seconds": 0.25} | given
    pairs, drills = ({n: pair() for n in each} for each in (names, practice))
    return TuringTest(pairs, drills, **options)


def test_pairs_travel_as_they_are():
    widget = make_widget()
    assert (widget.practice, widget.names) == (["drill-1", "drill-2"], NAMES)
    assert (widget.size, widget.version) == ([48, 48], "abc")
    at = 0
    for i, length in enumerate(widget.lengths):
        image = Image.open(io.BytesIO(widget.pixels[at : at + length]))
        at += length
        color = np.array((REAL, PAINTED)[i % 2])
        assert (image.format, image.size) == ("JPEG", (48, 48))
        assert np.abs(np.array(image) - color).max() <= 3  # of JPEG
    assert at == len(widget.pixels)


def test_both_photos_are_encoded_alike():
    widget = make_widget()
    first = [widget.pixels[: widget.lengths[0]], widget.pixels[widget.lengths[0] :]]
    tables = [Image.open(io.BytesIO(file)).quantization for file in first]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"names": []}, "pairs must be one or more"),
        ({"practice": ["photo-1"]}, "other photos .*photo-1"),
        ({"version": ""}, "version must not be empty"),
        ({"seconds": 0}, "seconds must be positive.* 0"),
        ({"seconds": float("nan")}, "seconds must be positive"),
    ],
)
def test_impossible_arguments_are_refused(given, told):
    with pytest.raises(ValueError, match=told):
        make_widget(**given)


def test_pictures_of_two_sizes_are_refused():
    odd = {"odd": (Image.new("RGB", (48, 48)), Image.new("RGB", (48, 40)))}
    with pytest.raises(ValueError, match="one size"):
        TuringTest(odd, {}, "abc")


# A test, played


def wait_for(figure, *phases):
    """Wait until the figure is in one of some phases; gives which."""
    wanted = " , ".join(f'.turing[data-phase="{phase}"]' for phase in phases)
    figure.page.wait_for_selector(wanted, timeout=WAIT)
    return figure.get_attribute("data-phase")


def press_next(figure):
    figure.locator(".next").click()


def practice(figure, answer):
    """Go through start and practice; gives what was told after each answer."""
    press_next(figure)
    told = []
    while wait_for(figure, "choose", "between") == "choose":
        answer(figure)
        wait_for(figure, "told")
        told.append(figure.locator(".status").inner_text())
        press_next(figure)
    press_next(figure)
    return told


ANSWERED = """(count) => document.querySelector('.turing').dataset.phase !== 'choose'
  || document.querySelector('.turing .count').textContent !== count"""


def play(figure, answer):
    while wait_for(figure, "choose", "done") == "choose":
        count = figure.locator(".count").inner_text()
        answer(figure)
        figure.page.wait_for_function(ANSWERED, arg=count)


def click(side):
    return lambda figure: figure.locator(".side").nth(side).click()


def press(key):
    return lambda figure: figure.page.keyboard.press(key)


def flat_targets(figure):
    """Find what can be seen and pressed, but is less than 24 pixels high."""
    targets = figure.locator("button:visible, a:visible, summary:visible").all()
    boxes = {target.inner_text(): target.bounding_box() for target in targets}
    return [
        name for name, box in boxes.items() if min(box["width"], box["height"]) < 24
    ]


def download(figure, folder):
    with figure.page.expect_download() as waiting:
        figure.get_by_text("Download the result file").click()
    folder.mkdir()
    waiting.value.save_as(folder / waiting.value.suggested_filename)
    return json.loads(next(folder.iterdir()).read_text())


@pytest.mark.browser
def test_whole_test_by_mouse(browser, tmp_path):
    with open_widget(browser, make_widget(), tmp_path) as (_, figure):
        assert "Can you tell" in figure.locator(".status").inner_text()
        assert not figure.locator(".stage").is_visible()
        told = practice(figure, click(0))
        assert len(told) == 2
        assert all(re.match("(Correct|Fooled): the (left|right) one", t) for t in told)
        assert "Pair 1 of 6" in figure.locator(".count").inner_text()
        play(figure, click(0))
        result = download(figure, tmp_path / "results")
        assert sorted(a["photo"] for a in result["answers"]) == NAMES
        assert {a["chosen"] for a in result["answers"]} == {"left"}
        assert (result["round"], result["seconds"]) == (1, 0.25)
        assert min(a["shown_ms"] for a in result["answers"]) >= 240  # less half a frame
        results = read_results(tmp_path / "results", pairs="abc")
        fooled = [sum(given.values()) for given in results.values()]
        assert f"in {fooled[0]} of 6 pairs" in figure.locator(".status").inner_text()
        rate, low, high = rate_interval(fooled[0], 6)
        shown = figure.locator(".rate b").all_inner_texts()
        told = [f"{rate:.0%} ({low:.0%} to {high:.0%})", "32%", "50%"]
        assert shown == [text.replace("%", "\u00a0%") for text in told]
        assert figure.locator("details img").count() == 12
        assert flat_targets(figure) == []


@pytest.mark.browser
def test_whole_test_by_keys(browser, tmp_path):
    with open_widget(browser, make_widget(), tmp_path) as (page, figure):
        figure.locator(".next").press("Enter")
        while wait_for(figure, "choose", "between") == "choose":
            page.keyboard.press("ArrowRight")
            wait_for(figure, "told")
            page.keyboard.press("Enter")  # the button has the focus
        page.keyboard.press("Enter")
        play(figure, press("ArrowRight"))
        result = download(figure, tmp_path / "results")
        assert {a["chosen"] for a in result["answers"]} == {"right"}
        figure.get_by_role("button", name="Start over").press("Enter")
        assert "know the photos" in figure.locator(".status").inner_text()
        assert download(figure, tmp_path / "kept") == result
        practice(figure, press("ArrowLeft"))
        play(figure, press("ArrowLeft"))
        again = download(figure, tmp_path / "second")
        assert again["round"] == 2
        assert again["run"] != result["run"]
        with pytest.raises(ValueError, match="try number 2"):
            read_results(tmp_path / "second")


@pytest.mark.browser
def test_after_a_reload_the_test_goes_on(browser, tmp_path):
    with open_widget(browser, make_widget(), tmp_path) as (page, figure):
        assert page.evaluate(LEAVE)  # nothing would be lost
        practice(figure, click(0))
        for _ in range(2):
            wait_for(figure, "choose")
            assert not page.evaluate(LEAVE)
            click(0)(figure)
            wait_for(figure, "ready", "show")
        page.reload()
        figure.wait_for()
        status = figure.locator(".status").inner_text()
        assert status == "You have answered 2 of 6 pairs."
        press_next(figure)  # no practice again
        wait_for(figure, "choose")
        assert "Pair 3 of 6" in figure.locator(".count").inner_text()
        play(figure, click(0))
        first = download(figure, tmp_path / "results")
        assert first["round"] == 1  # only a whole test counts
        assert sorted(a["photo"] for a in first["answers"]) == NAMES
        assert first["width"] == pytest.approx(360, abs=20)  # of a page of 760 pixels


@pytest.mark.browser
def test_a_result_outlives_a_reload_and_a_second_try_is_told(browser, tmp_path):
    with open_widget(browser, make_widget(practice=[]), tmp_path) as (page, figure):
        press_next(figure)
        play(figure, click(0))
        page.reload()
        wait_for(figure, "done")
        assert "of 6 pairs" in figure.locator(".status").inner_text()
        first = download(figure, tmp_path / "results")
        page.reload()
        wait_for(figure, "done")
        assert download(figure, tmp_path / "again") == first
        figure.get_by_role("button", name="Start over").click()
        assert "know the photos" in figure.locator(".status").inner_text()
        press_next(figure)
        play(figure, click(0))
        assert not page.evaluate(LEAVE)
        assert download(figure, tmp_path / "second")["round"] == 2
        assert page.evaluate(LEAVE)


@pytest.mark.browser
def test_keys_count_after_a_click_beside_the_figure(browser, tmp_path):
    with open_widget(browser, make_widget(practice=[]), tmp_path) as (page, figure):
        press_next(figure)
        wait_for(figure, "choose")
        page.mouse.click(4, 4)
        assert page.evaluate("document.activeElement === document.body")
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "() => document.querySelector('.turing').dataset.phase !== 'choose'"
        )


def color_seen(figure, side):
    return (
        figure.locator("canvas")
        .nth(side)
        .evaluate(
            "(canvas) => [...canvas.getContext('2d').getImageData(20, 20, 1, 1).data]"
        )
    )


def is_painted(color):
    return color[0] > color[1] + 50


@pytest.mark.browser
def test_who_sees_which_one_is_painted_is_never_fooled(browser, tmp_path):
    widget = make_widget(practice=[], seconds=1.5)
    with open_widget(browser, widget, tmp_path) as (_, figure):
        press_next(figure)
        while wait_for(figure, "show", "done") == "show":
            colors = [color_seen(figure, side) for side in (0, 1)]
            if color_seen(figure, 0)[0] == 119:  # not yet drawn, or gone already
                if figure.get_attribute("data-phase") == "choose":
                    for name in ("Pause", "Go on"):  # and it is shown again
                        figure.get_by_role("button", name=name).click()
                continue
            painted = [is_painted(color) for color in colors]
            assert sorted(painted) == [False, True]
            figure.page.keyboard.press("ArrowLeft")  # too early: does not count
            wait_for(figure, "choose")
            assert {color_seen(figure, side)[0] for side in (0, 1)} == {119}  # gray
            click(painted.index(True))(figure)
        assert "in 0 of 6 pairs: 0\u00a0%" in figure.locator(".status").inner_text()
        assert "better than a coin" in figure.locator(".panel").inner_text()


@pytest.mark.browser
def test_pause(browser, tmp_path):
    with open_widget(browser, make_widget(practice=[]), tmp_path) as (page, figure):
        press_next(figure)
        wait_for(figure, "choose")
        figure.get_by_role("button", name="Pause").click()
        assert figure.get_attribute("data-phase") == "paused"  # at once
        assert "Paused" in figure.locator(".status").inner_text()
        sides = figure.locator(".side")
        assert sides.nth(0).get_attribute("aria-disabled") == "true"
        sides.nth(0).click(force=True)
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(600)
        assert figure.get_attribute("data-phase") == "paused"
        assert "Pair 1 of 6" in figure.locator(".count").inner_text()
        figure.get_by_role("button", name="Go on").click()
        wait_for(figure, "choose")  # the same question again
        assert "Pair 1 of 6" in figure.locator(".count").inner_text()
        play(figure, press("ArrowLeft"))
        assert "of 6 pairs" in figure.locator(".status").inner_text()


@pytest.mark.browser
def test_no_pause_where_the_reader_is_waited_for(browser, tmp_path):
    with open_widget(browser, make_widget(), tmp_path) as (_, figure):
        press_next(figure)
        wait_for(figure, "choose")
        pause = figure.get_by_text("Pause", exact=True)
        assert pause.is_visible()
        height = figure.bounding_box()["height"]
        click(0)(figure)
        wait_for(figure, "told")
        assert not pause.is_visible()
        assert figure.bounding_box()["height"] == pytest.approx(height, abs=1)


@pytest.mark.browser
def test_less_motion_waits_for_the_reader(browser, tmp_path):
    with open_widget(browser, make_widget(names=NAMES[:2]), tmp_path) as (page, figure):
        page.emulate_media(reduced_motion="reduce")
        page.reload()
        figure.wait_for()
        press_next(figure)
        figure.get_by_text("Show the pair").wait_for()
        page.wait_for_timeout(600)
        assert figure.get_attribute("data-phase") == "ready"
        press_next(figure)
        wait_for(figure, "choose")


@pytest.mark.browser
def test_on_a_phone_the_way_on_is_beside_the_count(browser, tmp_path):
    with open_on_phone(browser, make_widget(), tmp_path) as (_, figure):
        figure.locator(".next").tap()
        wait_for(figure, "choose")
        before = figure.bounding_box()
        figure.locator(".side").nth(1).tap()
        wait_for(figure, "told")
        assert figure.bounding_box() == before  # nothing grows, nothing moves
        row, on = figure.locator(".count"), figure.locator(".next")
        middle = [
            box["y"] + box["height"] / 2
            for box in (row.bounding_box(), on.bounding_box())
        ]
        assert middle[0] == pytest.approx(middle[1], abs=2)
        assert on.bounding_box()["height"] >= 44
        on.tap()
        wait_for(figure, "choose")


@pytest.mark.browser
def test_on_a_phone(browser, tmp_path):
    widget = make_widget(names=NAMES[:2], practice=[])
    with open_on_phone(browser, widget, tmp_path) as (page, figure):
        figure.locator(".next").tap()
        while wait_for(figure, "choose", "done") == "choose":
            assert "key" not in figure.locator(".status").inner_text()
            both = [figure.locator(".side").nth(i).bounding_box() for i in (0, 1)]
            assert both[0]["y"] == both[1]["y"]
            assert min(box["width"] for box in both) > 140
            figure.locator(".side").nth(1).tap()
            page.wait_for_function(
                "() => document.querySelector('.turing').dataset.phase !== 'choose'"
            )
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert "of 2 pairs" in figure.locator(".status").inner_text()
        # A phone's photos are half as wide: not the same test, and the file says so.
        seen = download(figure, tmp_path / "results")["width"]
        assert seen == pytest.approx(both[0]["width"], abs=8)
        assert screenshot(figure, tmp_path / "phone.png").width > 300
