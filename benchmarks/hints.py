"""Measure what dots of color are worth, with networks and without.

    python benchmarks/hints.py BSDS500 COCO-MINI

Dots have the true color of their pixel. First, on 24 photos of BSDS500, with dots drawn
at random: how much of a network's detail is best kept, by least squares, where it is
sure and where not. `colorlab.hints.blend` was chosen by these figures. Then, on 30
photos of COCO-MINI, none of them gray: Levin et al. 2004 alone, the networks alone, and
both by `colorlab.hints.blend`, with a walker who gives up and one who never does. Dots
are drawn at random (two draws), or put where a network is most wrong, as a person would
who looks at its picture. By the measuring protocol: middle squares at 128 x 128 pixels,
each network at its own temperature. Intervals are over photos (95 %, bootstrap). Writes
data/evaluations/hints.json. About three minutes on an idle core.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from tqdm import tqdm

from colorlab import lab_to_rgb, load_pretrained, load_prior, rgb_to_lab
from colorlab.classics.scribbles import neighbor_weights, solve
from colorlab.colorize import choose_settings
from colorlab.datasets.batches import central_image
from colorlab.decode import annealed_mean, upsample
from colorlab.evaluate import find_listed
from colorlab.evaluate.metrics import auc, error_histogram, psnr, rebalancing_weight
from colorlab.files import write_json
from colorlab.hints import GIVE_UP, apply, stamp, sureness

DATA = Path(__file__).parents[1] / "data"
FILE = DATA / "evaluations" / "hints.json"
NETWORKS = ("borrowed", "flagship")
SIZE, DRAWS, COUNTS, WORST = 128, 2, (1, 3, 10, 30, 100), (1, 3, 10)
LEAST_CHROMA = 3.0  # ab units, mean: below it a photo is gray
BLUR, APART = 5, 12  # pixels: over which an error is averaged; between worst places
FITTED, MEASURED = 24, 30  # photos
BANDS = 8  # of sureness, with equally many pixels each
FLOOR, RESAMPLES, SEED = 1e-4, 2000, 0


class Answer(NamedTuple):
    """What a network says of a photo, at the photo's size."""

    ab: np.ndarray  # (2, H, W)
    sure: np.ndarray  # (H, W), 0..1


class Spread(NamedTuple):
    """Dots on a photo, spread."""

    said: np.ndarray  # (2, H, W): their colors
    own: dict[str, np.ndarray]  # each network's colors at the dots
    met: np.ndarray  # (H, W): how likely a walker meets a dot


@torch.inference_mode()
def ask(L, models) -> dict[str, Answer]:
    """Ask all networks about one photo."""
    answers = {}
    for name, model in models.items():
        output = model(L)
        maps = [annealed_mean(output, model.centers, choose_settings(model)[0])]
        maps += [sureness(output)]
        large = upsample(
            torch.cat([maps[0], maps[1].expand(-1, 2, -1, -1)]), (SIZE,) * 2
        )
        answers[name] = Answer(large[0].double().numpy(), large[1, 0].double().numpy())
    return answers


def draw_dots(ab: np.ndarray, count: int, seed: list[int]) -> np.ndarray:
    """Draw places, and take the true colors there: (n, 4)."""
    places = np.random.default_rng(seed).permutation(SIZE * SIZE)[:count]
    y, x = np.divmod(places, SIZE)
    return np.stack([y, x, *ab[:, y, x]], axis=1)


def worst_dots(ab: np.ndarray, ab_hat: np.ndarray, count: int) -> np.ndarray:
    """Put dots where a network is most wrong, some pixels apart: (n, 4)."""
    error = uniform_filter(np.hypot(*(ab_hat - ab)), BLUR)
    dots = []
    for _ in range(count):
        y, x = np.unravel_index(error.argmax(), error.shape)
        dots.append([y, x, *ab[:, y, x]])
        error[max(0, y - APART) : y + APART + 1, max(0, x - APART) : x + APART + 1] = -1
    return np.array(dots)


def spread(weights, dots: np.ndarray, answers, give_up: float) -> Spread:
    """Spread dots; one system for all networks."""
    mask, given = stamp(dots, weights.shape[1:])
    channels = np.stack(
        [mask, *given, *(row for each in answers.values() for row in each.ab)]
    )
    met, *rest = solve((1 - give_up) * weights, channels, mask)
    said, *own = np.reshape(rest, (-1, 2, *met.shape))
    return Spread(said, dict(zip(answers, own, strict=True)), met)


def blended(it: Spread, answer: Answer, name: str) -> np.ndarray:
    """Color as `colorlab.hints.blend` does."""
    detail = it.met * answer.ab - it.own[name]
    return it.said + (1 - it.met) * answer.ab + answer.sure * detail


def weigh(L) -> np.ndarray:
    """Return the weights of a photo's neighbors, (8, H, W)."""
    return neighbor_weights((L[0, 0].double().numpy() / 100).clip(0, 1))


def read(photos, number: int):
    """Read a photo as L (1, 1, H, W) and ab (2, H, W)."""
    lab = rgb_to_lab(central_image(photos.open(number), SIZE)[None])
    return lab[:, :1], lab[0, 1:].double().numpy()


def is_colored(photos, number: int) -> bool:
    """Tell whether a photo is not gray, which has a PSNR without end."""
    return bool(np.hypot(*read(photos, number)[1]).mean() > LEAST_CHROMA)


def best_shares(photos, rows, models) -> dict[str, dict[int, list]]:
    """Return, by network and number of dots, [sureness, best share] of each band."""
    seen: dict[tuple[str, int], list[np.ndarray]] = {}
    for number in tqdm(rows):
        L, ab = read(photos, number)
        answers, weights = ask(L, models), weigh(L)
        for count in COUNTS:
            dots = draw_dots(ab, count, [SEED, number])
            it = spread(weights, dots, answers, 0)
            missing = ab - it.said
            for name, answer in answers.items():
                detail = answer.ab - it.own[name]
                sums = [(detail * missing).sum(0), (detail**2).sum(0)]
                columns = np.stack([answer.sure, *sums]).reshape(3, -1)
                seen.setdefault((name, count), []).append(columns)
    found: dict[str, dict[int, list]] = {name: {} for name in models}
    for (name, count), parts in seen.items():
        sorted_ = np.concatenate(parts, axis=1)
        sorted_ = sorted_[:, sorted_[0].argsort()]
        found[name][count] = [
            [round(band[0].mean(), 3), round(band[1].sum() / band[2].sum(), 3)]
            for band in np.array_split(sorted_, BANDS, axis=1)
        ]
    return found


def guesses(weights, dots, answers) -> Iterator[tuple[str, np.ndarray]]:
    """Color by each method."""
    far, near = (spread(weights, dots, answers, give_up) for give_up in (0, GIVE_UP))
    yield "levin", far.said
    for name, answer in answers.items():
        yield name, blended(near, answer, name)
        yield f"{name}, never gives up", blended(far, answer, name)
        yield f"{name}, all kept", far.said + answer.ab - far.own[name]


def all_guesses(ab, answers, weights, number: int):
    """Color one photo by each method, with dots of all kinds: method, count, ab."""
    yield "gray", 0, 0 * ab
    for name, answer in answers.items():
        yield name, 0, answer.ab
    for count in COUNTS:
        for draw in range(DRAWS):
            dots = draw_dots(ab, count, [SEED, number, draw])
            for method, ab_hat in guesses(weights, dots, answers):
                yield method, count, ab_hat
    for name, answer in answers.items():
        for count in WORST:
            dots = worst_dots(ab, answer.ab, count)
            for method, ab_hat in guesses(weights, dots, {name: answer}):
                yield f"{method}; worst of {name}", count, ab_hat


def measure(photos, rows, models) -> dict:
    """Return PSNR and histogram of each photo and draw, by method and dots."""
    prior = load_prior("tiny-imagenet").clamp(min=FLOOR)
    centers = next(iter(models.values())).centers
    scores: dict[tuple[str, int], list] = {}
    for number in tqdm(rows):
        L, ab = read(photos, number)
        true = torch.from_numpy(ab).float()[None]
        weight = rebalancing_weight(true, centers, prior)
        answers, weights = ask(L, models), weigh(L)
        for method, count, ab_hat in all_guesses(ab, answers, weights, number):
            scored = score(L, true, ab_hat, weight)
            scores.setdefault((method, count), []).append(scored)
        for name, model in models.items():
            check(L, worst_dots(ab, answers[name].ab, 9), name, model, weights, answers)
    return scores


def score(L, true, ab_hat: np.ndarray, weight) -> tuple[float, np.ndarray]:
    """Return the PSNR of a picture, and its weighted histogram of errors."""
    hat = torch.from_numpy(ab_hat).float()[None]
    pictures = [lab_to_rgb(torch.cat([L, each], dim=1)) for each in (hat, true)]
    return psnr(*pictures).item(), error_histogram(hat, true, weight)[0].numpy()


@torch.inference_mode()
def check(L, dots, name: str, model, weights, answers) -> None:
    """Compare with `colorlab.hints.apply`."""
    it = spread(weights, dots, {name: answers[name]}, GIVE_UP)
    mine = blended(it, answers[name], name)
    assert (
        np.abs(apply(model, L, torch.from_numpy(dots))[0].numpy() - mine).max() < 1e-2
    )


def intervals(scores: dict, other: str = "levin") -> dict:
    """Return mean and interval of each measure, and of what is gained over another."""
    photos = len(scores["gray", 0])
    again = np.random.default_rng(SEED).integers(photos, size=(RESAMPLES, photos))
    again = np.concatenate([np.arange(photos)[None], again])
    found: dict[str, dict] = {}
    samples: dict[tuple[str, str, int], np.ndarray] = {}
    for (method, count), rows in scores.items():
        quality = np.array([row[0] for row in rows]).reshape(photos, -1).mean(axis=1)
        histograms = np.array([row[1] for row in rows])
        histograms = histograms.reshape(photos, -1, histograms.shape[1]).sum(axis=1)
        pooled = torch.from_numpy(np.stack([histograms[some].sum(0) for some in again]))
        samples["psnr", method, count] = quality[again].mean(axis=1)
        samples["auc_rebalanced", method, count] = auc(pooled).numpy()
    for (kind, method, count), values in samples.items():
        row = found.setdefault(kind, {}).setdefault(method, {})
        row[count] = with_interval(values)
        rival = other + "; ".join(["", *method.split("; ")[1:]])
        if method != rival and (kind, rival, count) in samples:
            gained = values - samples[kind, rival, count]
            row = found.setdefault(f"{kind}_over_{other}", {}).setdefault(method, {})
            row[count] = with_interval(gained)
    return found


def with_interval(values: np.ndarray) -> list[float]:
    """Return the value, and its interval."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return [round(float(value), 3) for value in (values[0], low, high)]


def measured_photos(coco_mini: str):
    """Return the data set that is measured on, and the numbers of its photos."""
    photos = find_listed(coco_mini, DATA / "lists/coco-mini.txt")
    spaced = range(0, len(photos), len(photos) // (MEASURED + 5))
    measured = [n for n in spaced if is_colored(photos, n)][:MEASURED]
    assert len(measured) == MEASURED
    return photos, measured


def main(bsds500: str, coco_mini: str) -> None:
    """Fit, measure, write."""
    models = {name: load_pretrained(name) for name in NETWORKS}
    known = find_listed(bsds500, DATA / "lists/bsds500.txt")
    other, measured = measured_photos(coco_mini)
    fitted = range(0, len(known), len(known) // FITTED)[:FITTED]
    shares = best_shares(known, fitted, models)
    scores = measure(other, measured, models)
    content = {
        "fitted": {"data": "bsds500", "photos": FITTED, "best_shares": shares},
        "measured": {"data": "coco-mini", "photos": MEASURED, "draws": DRAWS},
        "size": SIZE,
        **intervals(scores),
    }
    write_json(FILE, content)


if __name__ == "__main__":
    main(*sys.argv[1:])
