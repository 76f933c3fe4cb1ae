"""All systems on the same photos: what a person gives, and what comes of it.

    python benchmarks/systems.py [table] [dots]

By the measuring protocol, on the 18 photos of data/photos, which no network was trained
on. `table` writes data/evaluations/systems.json: of each system of `SYSTEMS` what a
person gives, what the machine has seen, its measures with their intervals, and the
seconds of one core that a photo takes, without what can be done before (reading
weights, training a perceptron, describing the other photos). `dots` writes
data/evaluations/dots.json: of each photo the PSNR and the rebalanced AuC of Levin's
method, and of networks helped by it, for numbers of color dots, ten draws of each.
About ten minutes on an idle core for both.
"""

import functools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from descriptors import named_encoder
from measure import machine
from torch import Tensor
from tqdm import tqdm

from colorlab import (
    bin_centers,
    load_pretrained,
    load_prior,
    nearest_bin,
    rgb_to_lab,
    upsample,
)
from colorlab.classics import descriptors, multimodal
from colorlab.classics.example import welsh
from colorlab.classics.filters import joint_bilateral
from colorlab.classics.scribbles import geodesic_shares, propagate
from colorlab.colorize import output_to_ab
from colorlab.datasets.batches import central_image
from colorlab.decode import T_PAPER
from colorlab.evaluate.bootstrap import intervals, read_sums, resample
from colorlab.evaluate.measure import P_FLOOR, SIZE, measure_images
from colorlab.evaluate.metrics import auc, error_histogram, psnr, rebalancing_weight
from colorlab.files import write_json
from colorlab.hints import blend, sureness
from colorlab.lab import lab_to_rgb

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
COUNTS = (1, 3, 10, 30, 100, 300)  # of dots
DRAWS = 10
NETWORKS = ("flagship", "borrowed")
HINTS = "borrowed, hints"  # as chapter hints joins the two
TABLE = ("psnr", "auc", "auc_rebalanced", "auc_rebalanced_by_photo", "chroma")
SEED = 0
EVERY, SMOOTHNESS = 20, 0.05  # multimodal: pixels remembered of each photo; nats a unit
LEARNED = 1000  # descriptors: pixels of each photo


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


class System(NamedTuple):
    """A row of the table."""

    name: str
    gives: str  # a person, for each photo
    seen: str  # by the machine, before
    color: Callable[[Photo], Tensor]  # -> ab (1, 2, 128, 128)
    prepare: Callable[[Photo], object] = lambda photo: None  # what takes no time


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


def draw_corners(count: int, draw: int) -> np.ndarray:
    """Return the upper left pixels of dots of 3x3, (count, 2)."""
    rng = np.random.default_rng([SEED, draw])  # with more dots, the first ones stay
    return rng.integers(0, SIZE - 2, (count, 2))


def place_dots(count: int, draw: int) -> np.ndarray:
    """Return labels, shape (128, 128): dot n covers 3x3 pixels; 0 elsewhere."""
    labels = np.zeros((SIZE, SIZE), dtype=int)
    for n, (y, x) in enumerate(draw_corners(count, draw), start=1):
        labels[y : y + 3, x : x + 3] = n
    return labels


def list_dots(photo: Photo, count: int, draw: int) -> np.ndarray:
    """Return the same dots as `colorlab.hints` takes them, (count, 4)."""
    corners = draw_corners(count, draw)
    ab = photo.ab[0].double().numpy()
    colors = [ab[:, y : y + 3, x : x + 3].mean(axis=(1, 2)) for y, x in corners]
    return np.concatenate([corners + 1, colors], axis=1)


def hinted(photo: Photo, said: tuple[Tensor, Tensor], dots: np.ndarray) -> Tensor:
    """Return what becomes of a network's answer with dots, by `colorlab.hints`."""
    ab, sure = (each[0].double().numpy() for each in said)
    return torch.from_numpy(blend(photo.gray, ab, sure, dots)).float()[None]


def dot_colors(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return values (C, H, W) with each dot's mean on its pixels."""
    numbers = np.unique(labels)[1:]
    result = np.zeros_like(values)
    for n in numbers:
        result[:, labels == n] = values[:, labels == n].mean(axis=1, keepdims=True)
    return result


def spread(photo: Photo, labels: np.ndarray, *guesses: Tensor) -> list[Tensor]:
    """Return Levin's colors from dots, and each guess corrected by the dots."""
    starts = [torch.zeros_like(photo.ab), *guesses]
    missing = torch.cat([photo.ab - start for start in starts], dim=1)[0].double()
    known = dot_colors(missing.numpy(), labels)
    found = torch.from_numpy(propagate(photo.gray, known, labels > 0)).float()[None]
    return [s + f for s, f in zip(starts, found.split(2, dim=1), strict=True)]


def by_distance(photo: Photo, labels: np.ndarray) -> Tensor:
    """Return the colors of dots, shared by the distance to each."""
    numbers, inverse = np.unique(labels, return_inverse=True)  # covered ones are gone
    shares = geodesic_shares(photo.gray, inverse.reshape(labels.shape))
    ab = dot_colors(photo.ab[0].double().numpy(), labels)
    colors = np.stack([ab[:, labels == n][:, 0] for n in numbers[1:]])
    return torch.from_numpy(np.einsum("shw,sc->chw", shares, colors)).float()[None]


def by_example(photo: Photo, step: int) -> Tensor:
    """Color by the photo that stands some steps further in its kind; 0: itself."""
    same = [other for other in photos() if other.kind == photo.kind]
    names = [other.name for other in same]
    other = same[(names.index(photo.name) + step) % len(same)]
    rgb = lab_to_rgb(torch.cat([other.L, other.ab], dim=1))[0].permute(1, 2, 0).numpy()
    return torch.from_numpy(welsh(photo.gray, rgb)).float()[None]


def others(name: str) -> list[Photo]:
    """Return all photos but one: what a system may have seen when it is asked."""
    return [photo for photo in photos() if photo.name != name]


@functools.cache
def remembered(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return some looks of all photos but one, and the bins of their colors."""
    looks, bins = [], []
    for photo in others(name):
        look = multimodal.describe(photo.gray)
        looks.append(look.reshape(len(look), -1).T[::EVERY])
        bins.append(nearest_bin(photo.ab, bin_centers()).numpy().ravel()[::EVERY])
    return np.concatenate(looks), np.concatenate(bins)


def by_distribution(photo: Photo) -> Tensor:
    """Color by a distribution over bins for each pixel, decided for all at once."""
    known, bins = remembered(photo.name)
    looks, centers = multimodal.describe(photo.gray), bin_centers()
    looks = looks.reshape(len(looks), -1).T
    p = multimodal.predict(looks, known, bins, len(centers))
    logits = np.log(p).T.reshape(-1, SIZE, SIZE)
    chosen = multimodal.coherent(logits, centers.numpy(), SMOOTHNESS)
    return centers[torch.from_numpy(chosen)].permute(2, 0, 1)[None]


encoder = functools.cache(named_encoder)


@torch.inference_mode()
def encode(photo: Photo) -> np.ndarray:
    """Return what the encoder sees, one number a channel and 16 x 16 pixels."""
    return encoder().encode(photo.L)[2][0].numpy()  # (112, 8, 8)


def describe(photo: Photo, mean: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return patch, DAISY and semantic feature of each pixel, (128, 128, 128)."""
    seen = np.einsum("kc,chw->khw", axes, encode(photo) - mean[:, None, None])
    semantic = upsample(torch.from_numpy(seen)[None], (SIZE, SIZE))[0].numpy()
    parts = descriptors.patches(photo.gray), descriptors.daisy(photo.gray)
    return np.concatenate([*parts, semantic])


@functools.cache
def learned(name: str) -> tuple[torch.nn.Sequential, np.ndarray, np.ndarray]:
    """Return a perceptron trained on all photos but one, and the semantic axes."""
    known = others(name)
    places = [encode(photo).reshape(112, -1).T for photo in known]
    mean, axes = descriptors.principal_axes(np.concatenate(places))
    at = np.random.default_rng(SEED).choice(SIZE**2, LEARNED, replace=False)
    pairs = [
        (describe(photo, mean, axes), photo.ab[0].double().numpy()) for photo in known
    ]
    features, colors = (
        np.concatenate([maps.reshape(len(maps), -1)[:, at].T for maps in part])
        for part in zip(*pairs, strict=True)
    )
    return descriptors.fit_perceptron(features, colors), mean, axes


def by_descriptors(photo: Photo) -> Tensor:
    """Color pixel by pixel by a perceptron, and clean up along the edges."""
    perceptron, mean, axes = learned(photo.name)
    told = descriptors.color_pixels(perceptron, describe(photo, mean, axes))
    return torch.from_numpy(joint_bilateral(told, photo.gray)).float()[None]


NOTHING = "nothing"
SEVENTEEN = "the 17 other photos"
SCRATCH = "72,469 photos, then 127,721 with most of them; no labels"
BORROWED = "127,721 photos; its encoder, ImageNet with labels"
SYSTEMS = [
    System("gray", NOTHING, NOTHING, lambda photo: 0 * photo.ab),
    System(
        "by example, another photo",
        "a photo of the same kind",
        NOTHING,
        lambda photo: by_example(photo, 1),
    ),
    System(
        "by example, the photo itself",
        "the photo in color",
        NOTHING,
        lambda photo: by_example(photo, 0),
    ),
    System(
        "multimodal",
        NOTHING,
        SEVENTEEN,
        by_distribution,
        lambda photo: remembered(photo.name),
    ),
    System(
        "descriptors",
        NOTHING,
        f"{SEVENTEEN}; its encoder, ImageNet with labels",
        by_descriptors,
        lambda photo: learned(photo.name),
    ),
    System(
        "10 dots, by distance",
        "10 true colors",
        NOTHING,
        lambda photo: by_distance(photo, place_dots(10, 0)),
    ),
    System(
        "10 dots, solved",
        "10 true colors",
        NOTHING,
        lambda photo: spread(photo, place_dots(10, 0))[0],
    ),
    System(
        "100 dots, solved",
        "100 true colors",
        NOTHING,
        lambda photo: spread(photo, place_dots(100, 0))[0],
    ),
    System("flagship", NOTHING, SCRATCH, lambda photo: answer("flagship", photo)),
    System(
        "borrowed",
        NOTHING,
        BORROWED,
        lambda photo: answer("borrowed", photo),
    ),
    System(
        "borrowed and 10 dots",
        "10 true colors",
        BORROWED,
        lambda photo: spread(photo, place_dots(10, 0), answer("borrowed", photo))[1],
    ),
    System(
        "borrowed and 10 dots, hints",
        "10 true colors",
        BORROWED,
        lambda photo: hinted(photo, ask("borrowed", photo), list_dots(photo, 10, 0)),
    ),
]


def measure_system(system: System) -> dict:
    """Return a row: the measures over all photos, each with its interval."""
    rows, seconds = [], []
    for photo in photos():
        system.prepare(photo)
        start = time.process_time()  # of one core, however busy the machine is
        ab = system.color(photo)
        seconds.append(time.process_time() - start)
        rows.append(measure_images(photo.L, ab, photo.ab, photo.weight))
    times = resample(len(rows), torch.Generator().manual_seed(SEED))
    sums = {name: times @ torch.cat([row[name] for row in rows]) for name in rows[0]}
    found = intervals(read_sums(sums))
    row = {name: [round(value, 2) for value in found[name]] for name in TABLE}
    median = round(statistics.median(seconds), 3)
    return {"gives": system.gives, "seen": system.seen, "seconds": median, **row}


def write_table() -> None:
    """Measure all systems, with one thread."""
    torch.set_num_threads(1)
    load = round(os.getloadavg()[0], 1)
    rows = {system.name: measure_system(system) for system in tqdm(SYSTEMS)}
    truth = torch.cat([photo.ab.norm(dim=1).mean()[None] for photo in photos()])
    about = {
        "photos": len(photos()),
        "true_chroma": round(truth.mean().item(), 2),
        "size": SIZE,
        "machine": machine(),
        "load": load,  # programs that ran or waited when the measuring began
    }
    write_json(FOLDER / "systems.json", {"about": about, "systems": rows})


def scores(photo: Photo, ab: Tensor) -> list[float]:
    """Return PSNR in dB and the rebalanced AuC in percent."""
    rgb_hat, rgb = (lab_to_rgb(torch.cat([photo.L, c], dim=1)) for c in (ab, photo.ab))
    within = auc(error_histogram(ab, photo.ab, photo.weight))
    return [round(psnr(rgb_hat, rgb).item(), 2), round(within.item(), 2)]


def dot_scores(photo: Photo) -> dict:
    """Return the scores of one photo, by system: for 0 dots, and draws for each."""
    asked = {name: ask(name, photo) for name in NETWORKS}
    said = [ab for ab, _ in asked.values()]
    names = ("levin", *NETWORKS, HINTS)
    start = (torch.zeros_like(photo.ab), *said, asked["borrowed"][0])
    bare = [scores(photo, ab) for ab in start]
    found: dict = {name: {"0": [row]} for name, row in zip(names, bare, strict=True)}
    for count in COUNTS:
        for draw in range(DRAWS):
            colored = spread(photo, place_dots(count, draw), *said)
            dots = list_dots(photo, count, draw)
            colored.append(hinted(photo, asked["borrowed"], dots))
            for name, ab in zip(names, colored, strict=True):
                found[name].setdefault(str(count), []).append(scores(photo, ab))
    return {"kind": photo.kind, **found}


def write_dots() -> None:
    """Measure how much dots are worth, photo by photo."""
    rows = {photo.name: dot_scores(photo) for photo in tqdm(photos())}
    about = {"measures": ["psnr", "auc_rebalanced"], "counts": [0, *COUNTS]}
    write_json(FOLDER / "dots.json", {"about": about, "photos": rows})


def main(*wanted: str) -> None:
    """Write what is wanted, or both."""
    jobs = {"table": write_table, "dots": write_dots}
    for name in wanted or jobs:
        jobs[name]()


if __name__ == "__main__":
    main(*sys.argv[1:])
