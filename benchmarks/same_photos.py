"""The photos of `systems.py` and `dots.py`, and what the networks say of them.

By the measuring protocol: the 18 photos of data/photos, on which no network was
trained.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from colorlab import bin_centers, load_pretrained, load_prior, rgb_to_lab, upsample
from colorlab.colorize import output_to_ab
from colorlab.datasets.batches import central_image
from colorlab.decode import T_PAPER
from colorlab.evaluate.measure import P_FLOOR, SIZE
from colorlab.evaluate.metrics import rebalancing_weight
from colorlab.hints import sureness

DATA = Path(__file__).parents[1] / "data"
FOLDER = DATA / "evaluations"
KINDS = {
    "outdoors": "autumn-ridge bridge-cables forest-stream lake-pavilion mountain-path "
    "summit-sunset",
    "animals and flowers": "cat-chelsea dahlia dandelions dragonfly nuthatch "
    "spaniels-at-window",
    "people and things": "astronaut coffee-cup drum-and-wine fig-in-bowl paint-brushes "
    "rocket-at-dusk",
}
NETWORKS = ("flagship", "borrowed")
SEED = 0


class Photo(NamedTuple):
    """A photo as it is measured."""

    name: str
    kind: str
    L: Tensor  # (1, 1, 128, 128)
    ab: Tensor  # (1, 2, 128, 128)
    weight: Tensor  # (1, 128, 128), for the rebalanced AuC

    @property
    def gray(self) -> np.ndarray:
        """Lightness in 0..1, shape (128, 128)."""
        return (self.L[0, 0].double().numpy() / 100).clip(0, 1)


def read_photo(name: str, kind: str) -> Photo:
    """Return a photo by the measuring protocol."""
    pixels = central_image(DATA / f"photos/{name}.jpg", SIZE)
    L, ab = rgb_to_lab(pixels[None]).split([1, 2], dim=1)
    p = load_prior().clamp(min=P_FLOOR).float()
    return Photo(name, kind, L, ab, rebalancing_weight(ab, bin_centers(), p))


@functools.cache
def photos() -> list[Photo]:
    """Return all photos, kind by kind."""
    pairs = [(name, kind) for kind, names in KINDS.items() for name in names.split()]
    return [read_photo(*pair) for pair in pairs]


def others(name: str) -> list[Photo]:
    """Return all photos but one: what a system may have seen when it is asked."""
    return [photo for photo in photos() if photo.name != name]


@functools.cache
def network(name: str) -> torch.nn.Module:
    """Return a network that ships."""
    return load_pretrained(name)


@torch.inference_mode()
def ask(name: str, photo: Photo) -> tuple[Tensor, Tensor]:
    """Return what a network says of a photo, and how sure it is, (1, 128, 128)."""
    output = network(name)(photo.L)
    ab = output_to_ab(network(name), output, T_PAPER)
    sure = sureness(output).expand(-1, 2, -1, -1)
    ab, sure = (upsample(each, (SIZE, SIZE)) for each in (ab, sure))
    return ab, sure[:, 0]


def answer(name: str, photo: Photo) -> Tensor:
    """Return what a network says of a photo."""
    return ask(name, photo)[0]
