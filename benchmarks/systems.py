"""All systems on the same photos: what a person gives, and what comes of it.

    python benchmarks/systems.py

Writes data/evaluations/systems.json, for the photos of `same_photos.py`: of each system
of `SYSTEMS` what a person gives, what the machine has seen, its measures with their
intervals, and the seconds of one core that a photo takes, without what can be done
before (reading weights, training a perceptron, describing the other photos).
"""

import functools
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from descriptors import named_encoder
from dots import by_distance, hinted, list_dots, place_dots, spread
from measure import machine
from same_photos import FOLDER, SEED, Photo, answer, ask, others, photos
from torch import Tensor
from tqdm import tqdm

from colorlab import bin_centers, nearest_bin, upsample
from colorlab.classics import descriptors, multimodal
from colorlab.classics.example import welsh
from colorlab.classics.filters import joint_bilateral
from colorlab.evaluate.bootstrap import intervals, read_sums, resample
from colorlab.evaluate.measure import SIZE, measure_images
from colorlab.files import write_json
from colorlab.lab import lab_to_rgb

TABLE = ("psnr", "auc", "auc_rebalanced", "auc_rebalanced_by_photo", "chroma")
EVERY, SMOOTHNESS = 20, 0.05  # multimodal: pixels remembered of each photo; nats a unit
LEARNED = 1000  # descriptors: pixels of each photo


class System(NamedTuple):
    """A row of the table."""

    name: str
    gives: str  # a person, for each photo
    seen: str  # by the machine, before
    color: Callable[[Photo], Tensor]  # -> ab (1, 2, 128, 128)
    prepare: Callable[[Photo], object] = lambda photo: None  # what takes no time


def by_example(photo: Photo, step: int) -> Tensor:
    """Color by the photo that stands some steps further in its kind; 0: itself."""
    same = [other for other in photos() if other.kind == photo.kind]
    names = [other.name for other in same]
    other = same[(names.index(photo.name) + step) % len(same)]
    rgb = lab_to_rgb(torch.cat([other.L, other.ab], dim=1))[0].permute(1, 2, 0).numpy()
    return torch.from_numpy(welsh(photo.gray, rgb)).float()[None]


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


def main() -> None:
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


if __name__ == "__main__":
    main()
