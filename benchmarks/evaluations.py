"""Measure the shipped networks, for the chapter evaluate and the cards.

    python benchmarks/evaluations.py IMAGENETTE TINY_IMAGENET [NAME=NETWORK ...]

By the measuring protocol, on photos that no network was trained on; what comes out are
data/evaluations/ and the figures in the networks' cards. The networks that ship need no
naming; another is NAME=PATH. The flagship is also measured at other temperatures, at a
larger size and against tiny, the small ones at the size they were trained for. Their
second training, from another seed, is measured like them if named, as in
rebal-seed-1=PATH; its weights do not ship. `make evaluations` also names l2-calibrated
and so on, which `colorlab calibrate` makes. About a minute for each, on two cores.
"""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from colorlab import (
    ColorNet,
    bin_centers,
    load_model,
    load_pretrained,
    load_prior,
    logit_adjustment,
    smooth_prior,
)
from colorlab.datasets import find_images
from colorlab.evaluate.measure import SIZE, evaluate_images
from colorlab.evaluate.report import write_scores
from colorlab.prior import LAM
from colorlab.weights import ASSETS

FOLDER = Path(__file__).parents[1] / "data" / "evaluations"
FIRST = ("", 0.38, SIZE)  # end of the file's name, temperature, size
FLAGSHIP = [  # on Imagenette, more terms
    ("-T-1e-6", 1e-6, SIZE),  # the mode
    ("-T-0.2", 0.2, SIZE),
    ("-T-0.6", 0.6, SIZE),
    ("-T-0.8", 0.8, SIZE),
    ("-T-1", 1.0, SIZE),
    ("-size-224", 0.38, 224),
]
TRAINED = ("-size-64", 0.38, 64)  # on Tiny ImageNet, the size of the small networks
PAIRS = [("rebal", "class"), ("rebal", "l2"), ("l2", "class")]  # so too, and as FIRST
SMALL = ("l2", "class", "rebal")
ADJUSTED = {"class-adjusted": LAM, "class-adjusted-0.7": 0.7}  # 0.7: as vivid as rebal
SEEDS = ("", "-seed-1")  # of the small ones; the first ships
MOST = 1000  # photos: every so many-th, so that all classes are there


def adjusted(name: str, lam: float) -> ColorNet:
    """Return a network trained without weights the logits of training with them."""
    network = load_pretrained(name)
    p = smooth_prior(load_prior(), bin_centers())
    network.output.bias.data += logit_adjustment(p, lam).float()
    return network


def figures(name: str) -> dict:
    """Return what was measured of a network: by data set and terms, by measure."""
    rows = {}
    for file in sorted(FOLDER.glob("*.json")):
        report = json.loads(file.read_text())
        if report.get("model") == name and "other" not in report:
            terms = f"{report['data']}, {report['photos']} photos, "
            terms += f"size {report['size']}, T = {report['T']}"
            scores = report["scores"]
            rows[terms] = {row: scores[row] for row in ("network", "gain")}
    return rows


def write_card(file: Path, **metadata: object) -> None:
    """Add to a network's card; its weights stay as they are."""
    with safe_open(file, "pt") as opened:
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        card = json.loads(opened.metadata()["colorlab"])
    save_file(tensors, file, {"colorlab": json.dumps(card | metadata)})
    file.chmod(0o644)


def main(imagenette: str, tiny_imagenet: str, *named: str) -> None:
    """Measure each network on both data sets."""
    shipped = sorted(file.stem for file in ASSETS.glob("*.safetensors"))
    networks = {name: load_pretrained(name) for name in shipped}
    networks |= {n: load_model(path) for n, path in (x.split("=") for x in named)}
    places = {"imagenette": imagenette, "tiny-imagenet": tiny_imagenet}
    jobs = [(d, name, FIRST, None) for d in places for name in networks]
    jobs += [("imagenette", "flagship", terms, None) for terms in FLAGSHIP]
    jobs += [(d, "flagship", FIRST, "tiny") for d in places]  # what width is worth
    for seed in SEEDS:
        if not {name + seed for name in SMALL} <= set(networks):
            continue
        jobs += [("tiny-imagenet", name + seed, TRAINED, None) for name in SMALL]
        jobs += [
            ("tiny-imagenet", a + seed, terms, b + seed)
            for a, b in PAIRS
            for terms in (FIRST, TRAINED)
        ]
    networks |= {name: adjusted("class", lam) for name, lam in ADJUSTED.items()}
    jobs += [("imagenette", name, FIRST, None) for name in ADJUSTED]
    jobs += [("imagenette", "rebal", FIRST, name) for name in ADJUSTED]
    FOLDER.mkdir(exist_ok=True)
    for data, name, (end, T, size), other in jobs:
        photos = find_images(places[data], "val")
        photos = replace(photos, place=photos.place[:: max(1, len(photos) // MOST)])
        less = f"-less-{other}" if other else ""
        file = FOLDER / f"{data}-{name}{less}{end}.json"
        progress, against = partial(tqdm, desc=file.stem), networks.get(other)
        scores = evaluate_images(
            networks[name], photos, T, size, progress=progress, against=against
        )
        about = {"model": name, "data": data, "photos": len(photos)}
        if other:
            about["other"] = other
        write_scores(file, {**about, "T": T, "size": size}, scores)
    for name in shipped:
        write_card(ASSETS / f"{name}.safetensors", metrics=figures(name))


if __name__ == "__main__":
    main(*sys.argv[1:])
