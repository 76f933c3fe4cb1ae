"""You are the network: what travels, its arguments, and whole games played."""

import io
import json
import re

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from ipywidgets.embed import dependency_state
from PIL import Image
from test_widget_pages import open_on_phone, open_widget, swipe
from torch.nn.functional import adaptive_avg_pool2d

from colorlab import ColorNet, bin_centers, load_prior, smooth_prior, soft_encode
from colorlab.evaluate.game import read_games, share_chips, spread_chips
from colorlab.lab import rgb_to_lab
from colorlab.losses import soft_cross_entropy
from colorlab.network import layer_table
from colorlab.widgets.game import LAYERS, NetworkGame, Round, list_windows, pack_round

CENTERS = bin_centers()
SPAN, LOW = 236, -118  # ab units: the plane's frame
ROUNDS, CHIPS, WINDOWS = 10, 10, 4
BETS = [(0, 0), (20, 30), (-20, 20), (0, -30)]  # colors that a round's chips go to


def noise(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return ColorNet(width=4).eval()


def make_game(network, rounds=10):
    names = [f"photo-{n}" for n in range(rounds)]
    given = {
        name: Round(noise(48, 72, n), 0.1 + 0.08 * n, 0.5, f"Lesson {n}.")
        for n, name in enumerate(names)
    }
    return NetworkGame(network, given, "abc", size=48)


# Python's side


def test_windows_are_the_networks_own():
    fields = {row.name: row.receptive_field for row in layer_table(ColorNet(width=2))}
    assert [w["side"] for w in list_windows(LAYERS)] == [fields[n] for n in LAYERS]
    assert [w["side"] for w in list_windows(LAYERS)] == [5, 37, 85, 277]


def test_a_round_holds_what_the_network_says_there(network):
    image = noise(48, 72, 0)
    small, layout, p = pack_round(network, Round(image, 0.5, 0.25, ""), 48)
    assert (small.size, layout["cell"]) == ((72, 48), [9, 3])
    lab = rgb_to_lab(torch.from_numpy(np.array(small)).permute(2, 0, 1)[None])
    L, a, b = adaptive_avg_pool2d(lab, (12, 18))[0, :, 3, 9].tolist()
    assert (layout["L"], *layout["ab"]) == pytest.approx((L, a, b))
    with torch.inference_mode():
        expected = network(lab[:, :1])[0, :, 3, 9].softmax(0)
    assert torch.allclose(p, expected)


def test_photos_travel_at_the_networks_size(network):
    game = make_game(network, rounds=2)
    first = Image.open(io.BytesIO(game.pixels[: game.lengths[0]]))
    assert first.size == (72, 48)
    assert len(game.probabilities) == 2 * 313 * 4
    assert [each["lesson"] for each in game.rounds] == ["Lesson 0.", "Lesson 1."]


def test_impossible_games_are_refused(network):
    one = {"sky": Round(noise(48, 72, 0), 0.5, 0.5, "")}
    with pytest.raises(ValueError, match="rounds must be one or more"):
        NetworkGame(network, {}, "abc")
    with pytest.raises(ValueError, match="version must not be empty"):
        NetworkGame(network, one, "")
    with pytest.raises(ValueError, match=r"x and y must be in 0..1, got 1\.0"):
        NetworkGame(network, {"sky": one["sky"]._replace(x=1.0)}, "abc")
    with pytest.raises(ValueError, match="head of 'ab'"):
        NetworkGame(ColorNet(width=2, out_channels=2).eval(), one, "abc")


def test_data_is_light(network):
    state = dependency_state([make_game(network)], drop_defaults=False)
    code = len(NetworkGame._esm) + len(NetworkGame._css)
    assert len(json.dumps(state)) - code < 150_000


# Whole games


def bin_of(a, b):
    return CENTERS.tolist().index([a, b])


def place_of(plane, a, b):
    width = plane.bounding_box()["width"]
    return {"x": (a - LOW) * width / SPAN, "y": (b + LOW) * -width / SPAN}


def losses(game, i, chips):
    """What colorlab says of a round: the reader's loss, and that of the network."""
    prior = smooth_prior(load_prior(), CENTERS)
    p = torch.from_numpy(np.frombuffer(game.probabilities, dtype=np.float32).copy())
    ab = torch.tensor(game.rounds[i]["ab"]).view(1, 2, 1, 1)
    target = soft_encode(ab, CENTERS)
    mine = torch.zeros(313)
    for bet in chips:
        mine[bin_of(*bet)] += 1
    bets = [mine, share_chips(p.view(-1, 313)[i])]
    spread = [spread_chips(each, prior, CENTERS).log() for each in bets]
    return [soft_cross_entropy(q.view(1, -1, 1, 1), *target).item() for q in spread]


def told(figure):
    text = figure.locator(".status").inner_text()
    return [float(n) for n in re.findall(r"(\d+\.\d+)", text)]


def play_round(figure, place, press_next):
    """Spread ten chips over the windows, and see the truth."""
    for window in range(WINDOWS):
        assert figure.get_attribute("data-phase") == "place"
        for n in range(2 if window < WINDOWS - 1 else CHIPS - 2 * (WINDOWS - 1)):
            place(*BETS[(window + n) % len(BETS)])
        press_next()
    assert figure.get_attribute("data-phase") == "told"


PLACED = [
    BETS[(window + n) % len(BETS)]
    for window in range(WINDOWS)
    for n in range(2 if window < WINDOWS - 1 else CHIPS - 2 * (WINDOWS - 1))
]


def check_told(figure, game, i):
    mine, theirs = losses(game, i, PLACED)
    assert told(figure) == pytest.approx([mine, theirs], abs=0.0051)  # two decimals
    assert f"Lesson {i}." in figure.locator(".under").inner_text()


def check_result(figure, folder):
    with figure.page.expect_download() as waiting:
        figure.get_by_text("Download the result file").click()
    folder.mkdir()
    waiting.value.save_as(folder / waiting.value.suggested_filename)
    ((name, answers),) = read_games(folder, rounds="abc").items()
    assert name.startswith("game-")
    assert [*answers] == [f"photo-{n}" for n in range(ROUNDS)]
    for windows in answers.values():
        assert [int(chips.sum()) for chips in windows] == [2, 4, 6, 10]
        assert sorted(windows[-1].nonzero().flatten().tolist()) == sorted(
            {bin_of(*bet) for bet in PLACED}
        )


@pytest.mark.browser
def test_ten_rounds_by_mouse(browser, network, tmp_path):
    game = make_game(network)
    with open_widget(browser, game, tmp_path) as (_, figure):
        plane, on = figure.locator("canvas.mine"), figure.locator(".next")
        on.click()
        for i in range(ROUNDS):
            play_round(figure, lambda *ab: click(plane, *ab), on.click)
            check_told(figure, game, i)
            on.click()
        headline = figure.locator(".status").inner_text()
        assert re.match(r"You were closer than the network in \d+ of 10", headline)
        text = figure.get_by_label("Your result, to copy").input_value()
        assert re.search("[\u25cb\u25d0\u25cf]{10} closer in", text)
        assert figure.locator(".rounds canvas").count() == ROUNDS
        check_result(figure, tmp_path / "results")


def click(plane, *ab):
    plane.click(position=place_of(plane, *ab))


@pytest.mark.browser
def test_ten_rounds_by_keys(browser, network, tmp_path):
    game = make_game(network)
    with open_widget(browser, game, tmp_path) as (page, figure):
        plane, on = figure.locator("canvas.mine"), figure.locator(".next")
        on.press("Enter")
        at = [0, 0]

        def place(a, b):
            assert plane.evaluate("(node) => node === document.activeElement")
            for axis, goal, keys in ((0, a, "Left Right"), (1, b, "Down Up")):
                key = f"Arrow{keys.split()[goal > at[axis]]}"
                for _ in range(abs(goal - at[axis]) // 10):
                    page.keyboard.press(key)
                at[axis] = goal
            page.keyboard.press("Enter")

        def press_next():
            on.press("Enter")

        for i in range(ROUNDS):
            at[:] = [0, 0]
            play_round(figure, place, press_next)
            check_told(figure, game, i)
            page.keyboard.press("Enter")  # the button has the focus
        has_focus = "(node) => node === document.activeElement"
        assert figure.locator(".status").evaluate(has_focus)
        check_result(figure, tmp_path / "results")
        figure.get_by_role("button", name="Play again").press("Enter")
        assert figure.locator(".next, .mine").evaluate_all(
            f"(nodes) => nodes.some({has_focus})"
        )


def flat_targets(figure):
    """Find what can be pressed, but is less than 44 pixels high or wide."""
    targets = figure.locator("button:visible, a:visible").all()
    boxes = {target.inner_text(): target.bounding_box() for target in targets}
    assert boxes
    return [n for n, box in boxes.items() if min(box["width"], box["height"]) < 44]


@pytest.mark.browser
def test_ten_rounds_by_finger(browser, network, tmp_path):
    game = make_game(network)
    with open_on_phone(browser, game, tmp_path) as (page, figure):
        plane, on = figure.locator("canvas.mine"), figure.locator(".next")
        on.tap()
        assert flat_targets(figure) == []
        for i in range(ROUNDS):
            play_round(
                figure, lambda *ab: plane.tap(position=place_of(plane, *ab)), on.tap
            )
            check_told(figure, game, i)
            on.tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert flat_targets(figure) == []
        whole = "(area) => area.scrollHeight <= area.clientHeight"
        assert figure.locator("textarea").evaluate(whole)
        check_result(figure, tmp_path / "results")


@pytest.mark.browser
def test_on_a_phone_nothing_gapes_and_nothing_jumps(browser, network, tmp_path):
    with open_on_phone(browser, make_game(network), tmp_path) as (page, figure):
        head, rules = figure.locator(".status"), figure.locator("ol")
        line = float(head.evaluate("e => parseFloat(getComputedStyle(e).lineHeight)"))
        gap = rules.bounding_box()["y"] - head.bounding_box()["y"]
        assert gap < 2 * line  # the heading has one line
        plane, on = figure.locator("canvas.mine"), figure.locator(".next")
        on.tap()
        seen = set()
        for ab in ((0, 0), (70, 70)):  # of the second, the page has more to say
            plane.tap(position=place_of(plane, *ab))
            seen.add(on.bounding_box()["y"] + page.evaluate("scrollY"))
        assert "No screen" in figure.locator(".picked").inner_text()
        assert len(seen) == 1


def lying(figure):
    label = figure.locator("canvas.mine").get_attribute("aria-label")
    pairs = re.findall(r"\((-?\d+), (-?\d+)\)", label)
    return sorted((int(a), int(b)) for a, b in pairs)


@pytest.mark.browser
def test_chips_are_moved_and_taken_back(browser, network, tmp_path):
    with open_widget(browser, make_game(network), tmp_path) as (page, figure):
        plane, on = figure.locator("canvas.mine"), figure.locator(".next")
        on.click()
        for ab in ((0, 0), (0, 0), (40, 40)):
            click(plane, *ab)
        assert lying(figure) == [(0, 0), (0, 0), (40, 40)]
        plane.scroll_into_view_if_needed()
        box = plane.bounding_box()

        def point(a, b):
            spot = place_of(plane, a, b)
            return box["x"] + spot["x"], box["y"] + spot["y"]

        page.mouse.move(*point(40, 40))
        page.mouse.down()
        page.mouse.move(*point(-20, 30), steps=4)
        page.mouse.up()
        assert lying(figure) == [(-20, 30), (0, 0), (0, 0)]
        page.mouse.move(*point(0, 0))
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] + 40, box["y"] + 50, steps=4)
        page.mouse.up()
        assert lying(figure) == [(-20, 30), (0, 0)]  # drawn off the plane
        click(plane, 10, 10)
        plane.press("Delete")
        figure.get_by_role("button", name="Take one back").click()
        assert len(lying(figure)) == 1
        for _ in range(12):
            click(plane, 20, 20)
        assert len(lying(figure)) == CHIPS
        assert "All ten chips" in figure.locator(".picked").inner_text()
        figure.get_by_role("button", name="Take all back").click()
        assert lying(figure) == []
        for _ in range(3):
            on.click()
        assert on.get_attribute("aria-disabled") == "true"  # ten are missing
        on.click(force=True)
        assert figure.get_attribute("data-phase") == "place"


@pytest.mark.browser
def test_a_finger_moves_a_chip_and_else_scrolls(browser, network, tmp_path):
    with open_on_phone(browser, make_game(network), tmp_path) as (page, figure):
        plane = figure.locator("canvas.mine")
        figure.locator(".next").tap()
        plane.tap(position=place_of(plane, 0, 0))
        box = plane.bounding_box()

        def point(a, b):
            spot = place_of(plane, a, b)
            return box["x"] + spot["x"], box["y"] + spot["y"]

        swipe(page, point(2, 2), point(10, 10), point(30, 20), point(40, 30))
        assert lying(figure) == [(40, 30)]
        assert page.evaluate("scrollY") == 0
        page.wait_for_timeout(500)
        swipe(page, point(-60, -60), point(-60, -40), point(-60, 20))
        assert lying(figure) == [(40, 30)]


@pytest.mark.browser
def test_after_a_reload_the_game_goes_on(browser, network, tmp_path):
    with open_widget(browser, make_game(network), tmp_path) as (page, figure):
        plane, on = figure.locator("canvas.mine"), figure.locator(".next")
        on.click()
        play_round(figure, lambda *ab: click(plane, *ab), on.click)
        seen = figure.locator(".status").inner_text()
        page.reload()
        figure.wait_for()
        assert figure.locator(".status").inner_text() == seen
        on.click()
        click(plane, 20, 20)
        on.click()
        click(plane, 0, -30)
        page.reload()
        figure.wait_for()
        assert "Round 2 of 10, window 2" in figure.locator(".status").inner_text()
        assert lying(figure) == [(0, -30), (20, 20)]
