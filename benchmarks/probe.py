"""Probe what the layers of networks know about things, and keep the figures.

    python benchmarks/probe.py IMAGENETTE [NAME ...] [NAME=FILE ...] [SET=FOLDER ...]

For each network (those that ship, if none is named) and for the same layers with random
weights, one network a shape: linear probes of every block, and k nearest neighbors; of
the flagship and its twin also probes of one block for 1 to 200 labels of each class.
The classes are those of Imagenette, whose labels no network from scratch has seen;
asked are the photos of data/lists/imagenette-1000.txt. SET is any other folder of
classes, of which at most 20 are taken, with 30 labels of each, for two blocks. Writes
data/evaluations/probe.json after each network and set, and goes on where it was
stopped. Five minutes a network on an idle core, and one more a set.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from colorlab import load_model, load_pretrained, rgb_to_lab
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource, find_images
from colorlab.evaluate import find_listed
from colorlab.files import write_json
from colorlab.probe import (
    choose_images,
    class_names,
    class_splits,
    nearest_images,
    probe_features,
    random_twin,
    read_features,
    share_interval,
)
from colorlab.probe.features import Features
from colorlab.transfer import Network
from colorlab.weights import ASSETS, shape_of

ROOT = Path(__file__).parents[1]
FILE = ROOT / "data" / "evaluations" / "probe.json"
LIST = ROOT / "data" / "lists" / "imagenette-1000.txt"
OWN, LABELS, SEEDS, SIZE = "imagenette", 200, (0, 1), 128
COUNTS = (1, 5, 20, 100, 200)  # labels of each class
FEW, FEW_SEEDS = 20, range(4)  # where labels are few, their choice matters
CLASSES, SET_LABELS, SET_ASKED, SET_SHARE = 20, 30, 50, 0.4  # of another set
BLOCK = {True: "conv7", False: "stage5"}  # of a network from scratch, of an encoder
CURVE = "flagship"  # probed with fewer labels, too
EARLY = {True: "conv2", False: "stage2"}
PAIRS = (("class", "rebal"), ("class", "l2"), ("rebal", "l2"))  # as long trained


def percent(interval: tuple[float, float, float]) -> list[float]:
    """Round a share and the ends of its interval for the file."""
    return [round(100 * x, 1) for x in interval]


def pack(right: torch.Tensor) -> list[str]:
    """Write answers, shape (seeds, n), as hexadecimal digits, zeros before them."""
    digits = -(-right.shape[1] // 4)
    rows = ["".join("01"[bit] for bit in row) for row in right.int().tolist()]
    return [f"{int(row, 2):0{digits}x}" for row in rows]


def unpack(texts: list[str], count: int) -> torch.Tensor:
    """Turn what `pack` wrote back into answers, shape (seeds, count)."""
    rows = [f"{int(text, 16):0{count}b}" for text in texts]
    return torch.tensor([[float(bit) for bit in row] for row in rows])


def some(images: ImageSource, chosen: torch.Tensor) -> ImageSource:
    """Take those of a data set with these numbers."""
    return replace(images, place=images.place[chosen.numpy()])


def labels_of(sources: list[ImageSource]) -> list[torch.Tensor]:
    """Turn the classes of two data sets into numbers, the same in both."""
    names = [class_names(images) for images in sources]
    classes = sorted(set(names[0]))
    return [torch.tensor([classes.index(n) for n in each]) for each in names]


def other_set(folder: str) -> list[ImageSource]:
    """Take every so many classes of a set, and not too many images of each."""
    sources = class_splits(folder, SET_SHARE)
    labels = labels_of(sources)
    classes = int(labels[0].max()) + 1
    kept = torch.arange(0, classes, -(-classes // CLASSES))
    own = [torch.isin(each, kept).nonzero().flatten() for each in labels]
    few = choose_images(labels[1][own[1]], SET_ASKED, seed=0).sort().values
    return [some(sources[0], own[0]), some(sources[1], own[1][few])]


def table(scores: dict) -> dict:
    """Write for each block: accuracy with interval, the same of each seed, answers."""
    return {
        block: {
            "accuracy": percent(score.accuracy),
            "each": [round(100 * float(r.double().mean()), 1) for r in score.right],
            "grids": list(score.grids),
            "right": pack(score.right),
        }
        for block, score in scores.items()
    }


def by_labels(x: Features, labels: torch.Tensor, y: Features, truth: torch.Tensor):
    """Probe one block, with more and more labels of each class."""
    block, found = BLOCK["conv7" in x], {}
    for count in COUNTS:
        seeds = FEW_SEEDS if count <= FEW else SEEDS
        one = [{block: features[block]} for features in (x, y)]
        scores = probe_features(one[0], labels, one[1], truth, count, seeds)
        found[str(count)] = percent(scores[block].accuracy)
    return found


def probe_set(
    network: Network, sources: list[ImageSource], per_class: int, curve: bool
) -> dict:
    """Probe the blocks of a network on one set, and let neighbors vote."""
    labels, truth = labels_of(sources)
    few = [choose_images(labels, per_class, seed) for seed in SEEDS]
    if curve:
        few += [choose_images(labels, FEW, seed) for seed in FEW_SEEDS]
    chosen = torch.cat(few).unique()
    known, labels = some(sources[0], chosen), labels[chosen]
    x, y = (
        read_features(network, each, SIZE, {}, lambda n: tqdm(n, leave=False))
        for each in (known, sources[1])
    )
    block = BLOCK["conv7" in x]
    result = {"images": len(truth), "classes": int(labels.max()) + 1, "block": block}
    if curve:
        result["labels"] = by_labels(x, labels, y, truth)
    if per_class != LABELS:
        kept = (EARLY["conv7" in x], block)
        x, y = ({name: each[name] for name in kept} for each in (x, y))
    scores = probe_features(x, labels, y, truth, per_class, SEEDS)
    flat = [each[block].float().mean(dim=(2, 3)) for each in (x, y)]
    near = labels[nearest_images(flat[1], flat[0])]
    votes = torch.stack([row.bincount(minlength=result["classes"]) for row in near])
    rate = share_interval((votes.argmax(dim=1) == truth)[None])
    return result | {"blocks": table(scores), "neighbors": percent(rate)}


def leads(results: dict) -> dict:
    """Compare, on the same images, networks with their twins and with each other."""
    networks, found = results["networks"], {}
    pairs = [*results["twins"].items(), *PAIRS]
    for one, other in (p for p in pairs if all(name in networks for name in p)):
        for where in (s for s in networks[one] if s in networks[other]):
            count = networks[one][where]["images"]
            tables = [networks[name][where]["blocks"] for name in (one, other)]
            if not all("right" in each for t in tables for each in t.values()):
                continue  # older rows keep no answers
            found.setdefault(where, {})[f"{one} less {other}"] = {
                block: percent(
                    share_interval(
                        unpack(tables[0][block]["right"], count)
                        - unpack(tables[1][block]["right"], count)
                    )
                )
                for block in tables[0]
            }
    return found


def twin_name(network: Network) -> str:
    """Name the layers of a network; those of one shape share a twin."""
    shape = shape_of(network)
    kind = "random" if shape["variant"] == "paper" else f"random {shape['variant']}"
    return f"{kind}, width {shape['width']}"


def main() -> None:
    """Measure what is missing, and write after each network and set."""
    data, *words = sys.argv[1:]
    pairs = [word.partition("=")[::2] for word in words]
    folders = {name: file for name, file in pairs if Path(file or "-").is_dir()}
    files = {name: file for name, file in pairs if name not in folders}
    files = files or {path.stem: "" for path in sorted(ASSETS.glob("*.safetensors"))}
    sets = {OWN: [find_images(data, "train"), find_listed(data, LIST)]}
    sets |= {name: other_set(folder) for name, folder in folders.items()}
    first = sets[OWN][0]
    step = len(first) // 320
    first = replace(first, place=first.place[::step][:320])
    L = [rgb_to_lab(rgb)[:, :1] for rgb in image_batches(first, SIZE, 32, {})]
    models = {n: load_model(f) if f else load_pretrained(n) for n, f in files.items()}
    twins = {name: twin_name(network) for name, network in models.items()}
    models |= {twins[name]: random_twin(models[name], L) for name in [*models]}
    results = json.loads(FILE.read_text()) if FILE.exists() else {}
    results = {"networks": {}, "twins": {}, "leads": {}} | results
    results["twins"] |= twins
    for where, sources in sets.items():
        for name, network in models.items():
            rows = results["networks"].setdefault(name, {})
            if where not in rows:
                per_class = LABELS if where == OWN else SET_LABELS
                curve = where == OWN and name in (CURVE, twins.get(CURVE))
                rows[where] = probe_set(network, sources, per_class, curve)
                results["leads"] = leads(results)
                write_json(FILE, results)


if __name__ == "__main__":
    main()
