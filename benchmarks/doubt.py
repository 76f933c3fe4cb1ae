"""Measure whether a network's doubt is right, and what its samples are worth.

    python benchmarks/doubt.py COCO-MINI BSDS500 IMAGENETTE

Of the network that `colorlab colorize` takes. Middle squares at 128 x 128 pixels, the
colors as the command shows them, the photos of data/lists.

Doubt: over photos, the rank correlation (Spearman) of the mean expected distance from
the truth with the true one, beside that of other guesses: the same with the weights of
the training left in, the entropy, the chroma shown. Within photos, over cells. Of the
fifth that is most wrong, how much is in the fifth that is to be looked at first.

Calibration: a temperature is fitted on 200 photos of Imagenette's list, on which
nothing is measured here. Then, on COCO-MINI: cross-entropy, entropy, the entropy of
the targets, and the expected calibration error of the likeliest bin, beside what chance
makes of it.

Samples: on 60 photos of COCO-MINI, six alternatives, beside six draws with one random
number for all cells and six with one for each cell: mean distance of two, that of the
nearest two, the first with each sixteenth of the photo averaged, nats, and the error
of the best of the six.

Intervals are over photos (95 %, bootstrap). Writes data/evaluations/doubt.json. About
three minutes on an idle core.
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d
from tqdm import tqdm

from colorlab import draw, load_pretrained, nearest_bin, rgb_to_lab, soft_encode
from colorlab._lazy import BEST
from colorlab.alternatives import T_SAMPLES, alternatives, mean_distance
from colorlab.colorize import output_to_ab
from colorlab.datasets.batches import central_image
from colorlab.doubt import doubt
from colorlab.evaluate import (
    calibration_error,
    confidence,
    find_listed,
    fit_temperature,
    image_nats,
    target_entropy,
    training_adjustment,
)
from colorlab.files import write_json
from colorlab.losses import label_ab

DATA = Path(__file__).parents[1] / "data"
SIZE, SEED, RESAMPLES = 128, 0, 2000
FITTED, EVERY = 200, 16  # photos; of their cells, one in so many
SAMPLED, COUNT, REGIONS = 60, 6, 4  # photos; samples; regions along a side


def read(photos, number: int):
    """Read a photo as L (1, 1, H, W) and ab of its cells (1, 2, h, w)."""
    lab = rgb_to_lab(central_image(photos.open(number), SIZE)[None])
    return lab[:, :1], label_ab(lab[:, 1:])


def listed(data: str, name: str):
    """Find the photos of a list."""
    return find_listed(data, DATA / "lists" / f"{name}.txt")


def entropy(logits):
    """Return the entropy of each cell, (1, h, w), in nats."""
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the place of each value, equal ones sharing theirs."""
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[inverse]


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of ranks."""
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def with_interval(measure, *columns: np.ndarray) -> list[float]:
    """Measure all photos, and resamples of them."""
    rng, n = np.random.default_rng(SEED), len(columns[0])
    values = [measure(*columns)]
    for _ in range(RESAMPLES):
        some = rng.integers(n, size=n)
        values.append(measure(*(column[some] for column in columns)))
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return [round(float(value), 3) for value in (values[0], low, high)]


def worst_found(guess: np.ndarray, error: np.ndarray) -> float:
    """Return how much of the most wrong fifth is in the fifth of the largest guess."""
    fifth = len(error) // 5
    wrong, first = ({*np.argsort(-column)[:fifth]} for column in (error, guess))
    return len(wrong & first) / fifth


def measure_doubt(model, photos) -> dict:
    """Compare guesses of the error with the error, photo by photo."""
    columns: dict[str, list[float]] = {}
    within = []
    for number in tqdm(range(len(photos))):
        L, truth = read(photos, number)
        logits = model(L)
        shown = output_to_ab(model, logits)
        weights = training_adjustment(model)[:, None, None]
        error = (shown - truth).norm(dim=1)
        maps = {
            "error": error,
            "doubt": doubt(model, logits, shown),
            "weights left in": doubt(model, logits + weights, shown),
            "entropy": entropy(logits - weights),
            "chroma shown": shown.norm(dim=1),
        }
        for name, values in maps.items():
            columns.setdefault(name, []).append(values.mean().item())
        if error.std() > 0:
            pair = maps["doubt"].flatten().numpy(), error.flatten().numpy()
            within.append(spearman(*pair))
    table = {name: np.array(values) for name, values in columns.items()}
    error = table.pop("error")
    return {
        "photos": len(photos),
        "mean_error": with_interval(np.mean, error),
        "mean_doubt": with_interval(np.mean, table["doubt"]),
        "rank_correlation": {
            name: with_interval(spearman, guess, error) for name, guess in table.items()
        },
        "worst_fifth_found": {
            name: round(worst_found(guess, error), 3) for name, guess in table.items()
        },
        "within_photos": with_interval(np.mean, np.array(within)),
    }


def fitted_temperatures(model, photos) -> dict[str, float]:
    """Fit a temperature to the logits as they are, and with the weights undone."""
    parts = []
    for number in tqdm(range(0, len(photos), len(photos) // FITTED)):
        L, truth = read(photos, number)
        some = torch.arange(0, truth[0, 0].numel(), EVERY)
        flat = (model(L), *soft_encode(truth, model.centers))
        parts.append([each.flatten(2)[:, :, None, some] for each in flat])
    logits, bins, weights = (torch.cat(each) for each in zip(*parts, strict=True))
    undone = logits - training_adjustment(model)[:, None, None]
    return {
        name: round(fit_temperature(each, bins, weights), 3)
        for name, each in {"as it answers": logits, "weights undone": undone}.items()
    }


def measure_calibration(model, photos, temperatures) -> dict:
    """Measure probabilities before and after their temperature."""
    rows: dict[str, list] = {}
    floor = []
    for number in tqdm(range(len(photos))):
        L, truth = read(photos, number)
        targets = soft_encode(truth, model.centers)
        nearest = nearest_bin(truth, model.centers)[:, None]
        hard = nearest, torch.ones_like(nearest, dtype=torch.float32)
        floor.append(target_entropy(targets[1]).item())
        logits = model(L)
        undone = logits - training_adjustment(model)[:, None, None]
        for name, each in {"as it answers": logits, "weights undone": undone}.items():
            for T in (1.0, temperatures[name]):
                scaled = each / T
                row = image_nats(scaled, *targets).item(), entropy(scaled).mean().item()
                tables = confidence(scaled, *targets), confidence(scaled, *hard)
                rows.setdefault(f"{name}, T = {T:g}", []).append((*row, *tables))
    found: dict[str, dict] = {"targets": {"entropy": round(float(np.mean(floor)), 3)}}
    for name, parts in rows.items():
        nats, own, *tables = zip(*parts, strict=True)
        errors = [
            calibration_error(torch.cat(each), torch.Generator().manual_seed(SEED))
            for each in tables
        ]
        pairs = zip(("soft targets", "nearest bin"), errors, strict=True)
        found[name] = {
            "nats": with_interval(np.mean, np.array(nats)),
            "entropy": with_interval(np.mean, np.array(own)),
            "calibration_error": {
                kind: [round(value, 4) for value in error] for kind, error in pairs
            },
        }
    return found


def least_distance(ab: torch.Tensor) -> float:
    """Return the mean distance of the two colorings that are nearest to each other."""
    pairs = combinations(range(len(ab)), 2)
    return min(mean_distance(ab[[*pair]]) for pair in pairs)


def measure_samples(model, photos) -> dict:
    """Compare three ways to draw six colorings."""
    seen: dict[str, list] = {}
    answers = []
    for number in tqdm(range(0, len(photos), len(photos) // SAMPLED)[:SAMPLED]):
        L, truth = read(photos, number)
        logits = model(L)
        shown = output_to_ab(model, logits)
        answers.append((shown - truth).norm(dim=1).mean().item())
        rng = torch.Generator().manual_seed(number)
        chosen = alternatives(logits, model.centers, shown, COUNT, rng).ab
        ways = {"chosen": chosen}
        for name, patches in {"one for all cells": 1, "one for each cell": 0}.items():
            draws = [
                draw(logits, model.centers, rng, patches, T_SAMPLES)
                for _ in range(COUNT)
            ]
            ways[name] = torch.cat(draws)
        for name, ab in ways.items():
            bins = nearest_bin(ab, model.centers)[:, None]
            even = torch.ones_like(bins, dtype=torch.float32)
            row = (
                mean_distance(ab),
                least_distance(ab),
                mean_distance(adaptive_avg_pool2d(ab, REGIONS)),
                image_nats(logits, bins, even).mean().item(),
                (ab - truth).norm(dim=1).mean(dim=(1, 2)).min().item(),
            )
            seen.setdefault(name, []).append(row)
    kinds = ("apart", "apart_least", "apart_averaged", "nats", "error_of_best")
    found = {
        name: {
            kind: with_interval(np.mean, np.array(column))
            for kind, column in zip(kinds, zip(*rows, strict=True), strict=True)
        }
        for name, rows in seen.items()
    }
    found["the answer"] = {"error": with_interval(np.mean, np.array(answers))}
    return {"photos": SAMPLED, "samples": COUNT, **found}


@torch.inference_mode()
def main(coco_mini: str, bsds500: str, imagenette: str) -> None:
    """Measure, write."""
    model = load_pretrained(BEST).eval()
    coco, bsds = listed(coco_mini, "coco-mini"), listed(bsds500, "bsds500")
    temperatures = fitted_temperatures(model, listed(imagenette, "imagenette-1000"))
    content = {
        "network": BEST,
        "size": SIZE,
        "doubt": {
            "coco-mini": measure_doubt(model, coco),
            "bsds500": measure_doubt(model, bsds),
        },
        "temperature": {"data": "imagenette", "photos": FITTED, **temperatures},
        "calibration": measure_calibration(model, coco, temperatures),
        "samples": measure_samples(model, coco),
    }
    write_json(DATA / "evaluations" / "doubt.json", content)


if __name__ == "__main__":
    main(*sys.argv[1:])
