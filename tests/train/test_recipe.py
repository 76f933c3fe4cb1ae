"""Recipes: from folders of images to a file with its card, by one command."""

import json
import sys
from pathlib import Path

import pytest
import torch

from colorlab.__main__ import main
from colorlab.network import ColorNet
from colorlab.train.recipe import Recipe, read_recipe, ship
from colorlab.weights import load_model, load_pretrained, save_model

RECIPES = sorted((Path(__file__).parents[2] / "data" / "recipes").glob("*.json"))
SMALL = {"width": 2, "size": 16, "batch_size": 4, "steps": 3, "precision": "no"}
SMALL |= {"save_every": 2, "log_every": 1, "workers": 0}
RECIPE = Recipe(
    name="small",
    init="start.safetensors",
    sources={"many": 3, "few": 1},
    val_data="few",
    rounds=[{**SMALL, "lam": 0.6}, {**SMALL, "lam": 0.8, "seed": 1}],
    card={"T": 0.5, "size": 64, "lam": 0.7, "data": "noise"},
)


def written(folder, **changes):
    path = folder / "small.json"
    path.write_text(json.dumps({**RECIPE._asdict(), **changes}))
    return path


@pytest.fixture
def shards(save_photos, tmp_path):
    save_photos(tmp_path / "shards" / "many", 20, size=24)
    save_photos(tmp_path / "shards" / "few", 18, size=24)
    torch.manual_seed(0)
    save_model(ColorNet(2), tmp_path / "shards" / "start.safetensors", name="start")
    return tmp_path / "shards"


@pytest.fixture
def follow(shards, tmp_path, monkeypatch, capsys):
    """Run the command with a recipe; gives its exit code, and what it printed."""

    def call(recipe, *words):
        words = ["train", shards, "--recipe", recipe, "--out", tmp_path / "out", *words]
        monkeypatch.setattr(sys, "argv", ["colorlab", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_of_the_repository_are_possible(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert sum(recipe.sources.values()) == 100  # percent
    assert all(config.shares.startswith("16,22,8") for config in recipe.configs())


def test_controls_differ_in_the_encoder_alone():
    controls = [read_recipe(path) for path in RECIPES if "control" in path.stem]
    encoder = {"encoder_lr", "encoder_after", "frozen_norm"}
    others = [
        {k: v for k, v in c.rounds[0].items() if k not in encoder} for c in controls
    ]
    assert len(controls) == 3
    assert others[0] == others[1] == others[2]
    assert len({tuple(c.sources.items()) for c in controls}) == 1


def test_one_command_makes_a_network_with_its_card(follow, tmp_path):
    code, told, _ = follow(written(tmp_path))
    assert code == 0
    result = tmp_path / "out" / "small.safetensors"
    assert f"1 network of 2 rounds in {result}" in told
    card = load_model(result).card
    assert (card["name"], card["T"], card["lam"]) == ("small", 0.5, 0.7)
    assert card["sources"] == RECIPE.sources
    assert card["photos_seen"] == 2 * 3 * 4
    assert card["config"]["lam"] == 0.8  # the last round's, which began with
    assert card["init"]["config"]["lam"] == 0.6  # the first one's, and that with
    assert card["init"]["init"]["name"] == "start"
    trained = load_model(tmp_path / "out" / "round-2" / "model.safetensors")
    assert not torch.equal(load_model(result).output.bias, trained.output.bias)  # lam


def test_the_same_command_goes_on(follow, tmp_path):
    recipe = written(tmp_path)
    assert follow(recipe)[0] == 0
    whole = (tmp_path / "out" / "small.safetensors").read_bytes()
    for file in ("small.safetensors", "round-2/model.safetensors"):
        (tmp_path / "out" / file).unlink()
    assert follow(recipe)[0] == 0
    assert (tmp_path / "out" / "small.safetensors").read_bytes() == whole


def test_training_may_start_from_a_file_beside_the_recipe(follow, shards, tmp_path):
    (tmp_path / "else").mkdir()
    (shards / "start.safetensors").rename(tmp_path / "else" / "other.safetensors")
    recipe = written(tmp_path, init="else/other.safetensors")
    assert follow(recipe, "--steps", 1)[0] == 0
    card = load_model(tmp_path / "out" / "small.safetensors").card
    assert card["init"]["init"]["name"] == "start"


def test_the_flagship_goes_on_from_what_is_in_the_repository():
    [path] = [path for path in RECIPES if path.stem == "flagship"]
    start = load_model(path.parent / read_recipe(path).init)
    card = load_pretrained("flagship").card
    assert card["steps"] == start.card["steps"] + read_recipe(path).rounds[0]["steps"]
    assert card["rounds"][:-1] == start.card["rounds"]


def test_options_hold_for_all_rounds(follow, tmp_path):
    assert follow(written(tmp_path), "--steps", 1)[0] == 0
    card = load_model(tmp_path / "out" / "small.safetensors").card
    assert card["photos_seen"] == 2 * 4


def test_a_foreign_folder_is_left_as_it_is(follow, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    code, _, error = follow(written(tmp_path))
    assert code == 2
    assert "out must hold nothing but this recipe's" in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_what_the_recipe_says_cannot_be_an_option(follow, tmp_path):
    code, _, error = follow(written(tmp_path), "--preset", "smoke")
    assert code == 2
    assert "without --preset" in error


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rounds": [{"speed": 1}]}, "rounds have no speed"),
        ({"rounds": [{"shares": "1"}]}, "rounds have no shares"),
        ({"rounds": [{"width": 0}]}, "width must be at least 1"),
        ({"rounds": []}, "it must have rounds and sources"),
        ({"sources": {"many": 0}}, "shares must be positive"),
        ({"sources": ["many"]}, "'list' object"),
        ({"card": {"steps": 9}}, "card must not say steps"),
        ({"extra": 1}, "it must hold name, init, sources"),
        ({"name": "../evil"}, "its name must be letters and digits, got '../evil'"),
        ({"name": ""}, "its name must be letters"),
        ({"name": 5}, "its name must be letters"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, changes, told):
    path = written(tmp_path, **changes)
    with pytest.raises(ValueError, match=f"recipe must be .*{path}.*{told}"):
        read_recipe(path)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(ValueError, match="nothing.json"):
        read_recipe(tmp_path / "nothing.json")


def test_without_lam_the_logits_stay(tmp_path):
    network = ColorNet(2)
    ship(network, RECIPE._replace(card={"T": 0.5}), [], tmp_path / "x.safetensors")
    half = network.output.bias.half().float()
    assert torch.equal(load_model(tmp_path / "x.safetensors").output.bias, half)
