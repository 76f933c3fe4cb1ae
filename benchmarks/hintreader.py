"""Measure a network that was fine-tuned to read dots, by the protocol of hints.py.

    python benchmarks/hintreader.py COCO-MINI

`data/recipes/hintreader.py` made it from `class`. On the same photos with the same dots
drawn at random: `class` with what the dots say spread and added (`colorlab.hints`), by
a walker who never gives up; the reader, which has the dots as input; and the reader
with what it missed of them spread and added. Intervals are over photos (95 %,
bootstrap), also of what is gained over `class`. Writes
data/evaluations/hintreader.json. About a minute on an idle core.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from hints import (
    COUNTS,
    DRAWS,
    FILE,
    FLOOR,
    SEED,
    SIZE,
    Answer,
    ask,
    blended,
    draw_dots,
    intervals,
    measured_photos,
    read,
    score,
    spread,
    weigh,
)
from tqdm import tqdm

from colorlab import load_model, load_pretrained, load_prior
from colorlab.colorize import choose_settings
from colorlab.decode import annealed_mean, upsample
from colorlab.evaluate.metrics import rebalancing_weight
from colorlab.files import write_json
from colorlab.hints import as_inputs, sureness

READER = Path(__file__).parents[1] / "data/networks/hintreader.safetensors"
BASE = "class"


@torch.inference_mode()
def ask_reader(L, reader, dots) -> Answer:
    """Ask the reader about a photo with dots."""
    output = reader(L, *as_inputs(torch.from_numpy(dots), L))
    found = annealed_mean(output, reader.centers, choose_settings(reader)[0])
    both = [found, sureness(output).expand(-1, 2, -1, -1)]
    large = upsample(torch.cat(both), (SIZE,) * 2).double().numpy()
    return Answer(large[0], large[1, 0])


def guesses(L, weights, dots, answers, reader):
    """Color by each method."""
    answers = answers | {"reader": ask_reader(L, reader, dots)}
    yield "reader", answers["reader"].ab
    far = spread(weights, dots, answers, 0)
    yield "levin", far.said
    yield BASE, blended(far, answers[BASE], BASE)
    yield "reader, and spread", blended(far, answers["reader"], "reader")


def measure(photos, rows, base, reader) -> dict:
    """Return PSNR and histogram of each photo and draw, by method and dots."""
    prior = load_prior("tiny-imagenet").clamp(min=FLOOR)
    scores: dict[tuple[str, int], list] = {}
    for number in tqdm(rows):
        L, ab = read(photos, number)
        true = torch.from_numpy(ab).float()[None]
        weight = rebalancing_weight(true, base.centers, prior)
        answers, weights = ask(L, {BASE: base}), weigh(L)
        none = np.zeros((0, 4))
        made = [("gray", 0, 0 * ab), (BASE, 0, answers[BASE].ab)]
        made += [("reader", 0, ask_reader(L, reader, none).ab)]
        for count in COUNTS:
            for draw in range(DRAWS):
                dots = draw_dots(ab, count, [SEED, number, draw])
                found = guesses(L, weights, dots, answers, reader)
                made += [(method, count, ab_hat) for method, ab_hat in found]
        for method, count, ab_hat in made:
            scored = score(L, true, ab_hat, weight)
            scores.setdefault((method, count), []).append(scored)
    return scores


def main(coco_mini: str) -> None:
    """Measure, check that photos and dots are those of hints.json, write."""
    base, reader = load_pretrained(BASE), load_model(READER)
    scores = measure(*measured_photos(coco_mini), base, reader)
    content = intervals(scores) | intervals(scores, BASE)
    before = json.loads(FILE.read_text())["psnr"]["levin"]
    now = {str(count): row for count, row in content["psnr"]["levin"].items()}
    assert now == before, (now, before)
    write_json(FILE.with_name("hintreader.json"), content)


if __name__ == "__main__":
    main(*sys.argv[1:])
