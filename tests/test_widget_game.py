"""You are the network: what travels, its arguments, and whole games played."""

import io

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d

from colorlab import ColorNet, bin_centers
from colorlab.lab import rgb_to_lab
from colorlab.network import layer_table
from colorlab.widgets.game import LAYERS, NetworkGame, Round, list_windows, pack_round

CENTERS = bin_centers()
GRAY = 120  # the bin of a 0, b 0
SPAN, LOW = 236, -118  # ab units of the plane


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
