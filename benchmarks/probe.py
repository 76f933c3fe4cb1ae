"""Probe what the layers of networks know about things, and keep the figures.

    python benchmarks/probe.py IMAGENETTE [NAME ...] [NAME=FILE ...] [SET=FOLDER ...]

For each network (those that ship, if none is named): linear probes of every block, of
the same layers with random weights, and of one block for 1 to 200 labels of each class;
k nearest neighbors. The classes are those of Imagenette, whose labels no network from
scratch has seen; asked are the photos of data/lists/imagenette-1000.txt. SET is another
folder of classes, caltech, flowers or pacs, split by a hash of the names. Writes
data/evaluations/probe.json, a network at a time, so that one can be added. Five minutes
a network on an idle core.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from colorlab import load_model, load_pretrained, rgb_to_lab
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource, find_images, find_splits
from colorlab.evaluate import find_listed
from colorlab.evaluate.turing import rate_interval
from colorlab.files import write_json
from colorlab.probe import (
    choose_images,
    class_names,
    nearest_images,
    probe_features,
    random_twin,
    read_features,
)
from colorlab.weights import ASSETS

ROOT = Path(__file__).parents[1]
FILE = ROOT / "data" / "evaluations" / "probe.json"
LIST = ROOT / "data" / "lists" / "imagenette-1000.txt"
SETS = ("caltech", "flowers", "pacs")
LABELS, SEEDS, SIZE = 200, (0, 1), 128
COUNTS = (1, 5, 20, 100, 200)  # labels of each class
FEW_SEEDS = range(4)  # where labels are few, their choice matters
BLOCK = {True: "conv7", False: "stage5"}  # of a network from scratch, of an encoder


def numbers(names: list[str], classes: list[str]) -> torch.Tensor:
    """Turn names of classes into their places."""
    return torch.tensor([classes.index(name) for name in names])


def some(images: ImageSource, chosen: torch.Tensor) -> ImageSource:
    """Take those of a data set with these numbers."""
    return replace(images, place=images.place[chosen.numpy()])


def table(scores: dict) -> dict:
    """Round for the file: block, accuracy with interval, grids."""
    return {
        block: [round(100 * x, 1) for x in score.accuracy] + [list(score.grids)]
        for block, score in scores.items()
    }


def probe_all(network: object, known: ImageSource, asked: ImageSource, more: bool):
    """Probe each block with LABELS of each class; one block with fewer and more."""
    names = [class_names(images) for images in (known, asked)]
    classes = sorted(set(names[0]))
    labels, truth = (numbers(each, classes) for each in names)
    few = [choose_images(labels, LABELS, seed) for seed in SEEDS]
    few += [choose_images(labels, COUNTS[-2], seed) for seed in FEW_SEEDS if more]
    chosen = torch.cat(few).unique()
    known, labels = some(known, chosen), labels[chosen]
    x, y = (
        read_features(network, each, SIZE, {}, lambda n: tqdm(n, leave=False))
        for each in (known, asked)
    )
    result = {"blocks": table(probe_features(x, labels, y, truth, LABELS, SEEDS))}
    if not more:
        return result
    block = BLOCK["conv7" in x]
    for count in COUNTS:
        seeds = FEW_SEEDS if count < LABELS else SEEDS
        one = [{block: features[block]} for features in (x, y)]
        scores = probe_features(one[0], labels, one[1], truth, count, seeds)
        result.setdefault("labels", {})[str(count)] = table(scores)[block]
    flat = [features[block].float().mean(dim=(2, 3)) for features in (x, y)]
    near = labels[nearest_images(flat[1], flat[0])]
    votes = torch.stack([row.bincount(minlength=len(classes)) for row in near])
    right = int((votes.argmax(1) == truth).sum())
    rate = rate_interval(right, len(truth))
    return result | {"neighbors": [round(100 * v, 1) for v in rate], "block": block}


def load(name: str, file: str) -> object:
    """Load a network that ships, or a file."""
    return load_model(file) if file else load_pretrained(name)


def main() -> None:
    """Measure, and write after each network."""
    data, *words = sys.argv[1:]
    pairs = [word.partition("=")[::2] for word in words]
    others = {name: file for name, file in pairs if name in SETS}
    models = {name: file for name, file in pairs if name not in SETS}
    models = models or {path.stem: "" for path in sorted(ASSETS.glob("*.safetensors"))}
    known, asked = find_images(data, "train"), find_listed(data, LIST)
    step = len(known) // 320
    first = replace(known, place=known.place[::step][:320])
    L = [rgb_to_lab(rgb)[:, :1] for rgb in image_batches(first, SIZE, 32, {})]
    results = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name, file in models.items():
        network = load(name, file)
        twin = random_twin(network, L)
        row = {"imagenette": probe_all(network, known, asked, more=True)}
        row["random"] = probe_all(twin, known, asked, more=True)
        for other, folder in others.items():
            splits = find_splits(folder)
            row[other] = probe_all(network, splits["train"], splits["val"], more=False)
        results[name] = results.get(name, {}) | row
        write_json(FILE, results)


if __name__ == "__main__":
    main()
