"""A recipe: the file by which one command makes a network (book chapter: train).

It names folders of images and how frequent each is, what training starts from, one or
more rounds of it, each going on from the one before, and what the card is to say.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import torch

from colorlab.losses import adjust_logits
from colorlab.train.config import TrainConfig
from colorlab.train.run import read_records
from colorlab.transfer import Network
from colorlab.weights import save_model

NAME = re.compile(r"[A-Za-z0-9][\w.-]*")  # of the file written, so of no folder
MADE_OF_TRAINING = {"config", "steps", "init"}  # these a recipe's card must not say


class Recipe(NamedTuple):
    """What a file of `data/recipes` holds."""

    name: str  # of the network
    init: str  # a file beside images or recipe, or one that ships; "": random weights
    sources: dict[str, float]  # folders of images, and the share of each in a batch
    val_data: str  # the folder of those to measure at each save
    rounds: list[dict]  # fields of `TrainConfig` that differ from its defaults
    card: dict  # T, size, lam and words

    def configs(self, **changes: object) -> list[TrainConfig]:
        """Return the configuration of each round, with changes to all of them."""
        shares = ",".join(f"{share:g}" for share in self.sources.values())
        rounds = [TrainConfig(**one, shares=shares) for one in self.rounds]
        return [replace(config, **changes) for config in rounds]  # type: ignore[arg-type]


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe (book chapter: train).

    Parameters
    ----------
    path : str or Path
        A JSON file with the fields of `Recipe`.

    Returns
    -------
    Recipe
        Its rounds are possible configurations.

    Raises
    ------
    ValueError
        If it is no recipe; it names the file.

    Examples
    --------
    >>> import tempfile
    >>> recipe = Recipe("small", "", {"a": 2, "b": 1}, "a", [{"width": 8}], {})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "small.json")
    ...     _ = path.write_text(json.dumps(recipe._asdict()))
    ...     read_recipe(path).configs(steps=9)[0].shares
    '2,1'
    """
    try:
        content = json.loads(Path(path).read_bytes())
        names = {*Recipe._fields}
        if not isinstance(content, dict) or content.keys() != names:
            raise ValueError(f"it must hold {', '.join(Recipe._fields)}")
        recipe = Recipe(**content)
        _check_fields(recipe)
        recipe.configs()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"recipe must be a file of one; {path}: {error}") from error
    return recipe


def _check_fields(recipe: Recipe) -> None:
    if not (isinstance(recipe.name, str) and NAME.fullmatch(recipe.name)):
        raise ValueError(f"its name must be letters and digits, got {recipe.name!r}")
    known = {option.name for option in fields(TrainConfig)} - {"shares"}
    for config in recipe.rounds:
        if odd := config.keys() - known:
            raise ValueError(f"rounds have no {', '.join(sorted(odd))}")
    if odd := recipe.card.keys() & MADE_OF_TRAINING:
        raise ValueError(f"card must not say {', '.join(sorted(odd))}")
    if not (recipe.rounds and recipe.sources):
        raise ValueError("it must have rounds and sources")


def ship(network: Network, recipe: Recipe, rounds: Sequence[Path], out: Path) -> None:
    """Write the network of a recipe, in half precision, with its card.

    Parameters
    ----------
    network : Network
        The result of the last round; its logits and card are changed.
    recipe : Recipe
        What the card is to say; its "lam" adjusts the logits.
    rounds : sequence of Path
        Folders of the rounds, whose records say how many images were seen, and hours.
    out : Path
        The file.
    """
    if "lam" in recipe.card:
        adjust_logits(network, recipe.card["lam"])
    records = [row for run in rounds for row in read_records(run / "metrics.jsonl")]
    told = {
        "name": recipe.name,
        "sources": recipe.sources,
        "photos_seen": sum(row["images"] for row in records),
        "hours": round(sum(row["seconds"] for row in records) / 3600, 2),
    }
    save_model(network, out, dtype=torch.float16, **(told | recipe.card))
