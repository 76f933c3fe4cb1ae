"""Measure networks on photos that none of them was trained on, and keep the figures.

    python benchmarks/evaluations.py SET=FOLDER ... [NAME ...] [NAME=FILE ...]

SET is one of those that data/lists names: imagenette-1000, tiny-imagenet-held-out-1000,
bsds500, coco-mini. NAME is a network that ships, NAME=FILE any other; without one, all
that ship are measured. By the measuring protocol, as `colorlab evaluate NAME FOLDER
--list data/lists/SET.txt` does it; what comes out is data/evaluations/NAME.json, one
file a network, and for those that ship the figures in their cards. A network whose card
has another temperature is measured at that one as well, the small ones also at the size
they were trained for, and the flagship at further temperatures and a larger size. Two
to four minutes a network on an idle core, for all four sets.
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch
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
    rgb_to_lab,
    smooth_prior,
    soft_encode,
)
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource
from colorlab.decode import T_PAPER
from colorlab.evaluate import find_listed, reliability, training_adjustment
from colorlab.evaluate.measure import SIZE, evaluate_images
from colorlab.evaluate.report import rounded
from colorlab.files import write_json
from colorlab.losses import label_ab
from colorlab.prior import LAM
from colorlab.weights import ASSETS

DATA = Path(__file__).parents[1] / "data"
FOLDER = DATA / "evaluations"
SETS = {  # short names, for the files
    "imagenette-1000": "imagenette",
    "tiny-imagenet-held-out-1000": "tiny-imagenet",
    "bsds500": "bsds500",
    "coco-mini": "coco-mini",
}
FURTHER = [(T, SIZE) for T in (1e-6, 0.2, 0.6, 0.8, 1.0)] + [(T_PAPER, 224)]
TRAINED_SIZE = 64  # of the small networks
SMALL = ("l2", "class", "rebal")
PAIRS = [("rebal", "class"), ("rebal", "l2"), ("l2", "class")]
ADJUSTED = {"class-adjusted": LAM, "class-adjusted-0.7": 0.7}  # 0.7: as vivid as rebal
RELIABLE = "coco-mini"  # the set of the reliability diagram


def adjusted(name: str, lam: float) -> ColorNet:
    """Return a network trained without weights the logits of training with them."""
    network = load_pretrained(name)
    p = smooth_prior(load_prior(), bin_centers())
    network.output.bias.data += logit_adjustment(p, lam).float()
    network.card["lam"] = lam
    return network


def terms(name: str, network: ColorNet, data: str) -> list[dict]:
    """List how a network is measured on a data set."""
    first = {"T": T_PAPER, "size": SIZE}
    jobs = [first]
    if name in ADJUSTED:
        return jobs if data == "imagenette" else []
    if network.card.get("T", T_PAPER) != T_PAPER:
        jobs.append(first | {"T": network.card["T"]})
    if name == "flagship" and data == "imagenette":
        jobs += [{"T": T, "size": size} for T, size in FURTHER]
    if data == "tiny-imagenet" and name in SMALL:
        small = first | {"size": TRAINED_SIZE}
        rivals = [other for one, other in PAIRS if one == name]
        jobs += [
            small,
            *(t | {"other": other} for other in rivals for t in (first, small)),
        ]
    if name == "flagship":
        jobs.append(first | {"other": "tiny"})  # what width is worth
    if name == "rebal" and data == "imagenette":
        jobs += [first | {"other": other} for other in ADJUSTED]
    return jobs


@torch.inference_mode()
def reliable(network: ColorNet, images: ImageSource) -> dict[str, list]:
    """Compare a network's probabilities with how often it comes so."""
    added = training_adjustment(network)[:, None, None]
    sums = dict.fromkeys(("as it answers", "weights undone"), torch.zeros(()))
    for rgb in image_batches(images, SIZE, 16, {}):
        L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
        targets = soft_encode(label_ab(ab), network.centers)
        logits = network(L)
        for kind, answer in zip(sums, (logits, logits - added), strict=True):
            sums[kind] = sums[kind] + reliability(answer, *targets)
    return {
        k: [[round(x, 3) for x in row] for row in s.tolist()] for k, s in sums.items()
    }


def keep(name: str, report: dict) -> None:
    """Put a report into the network's file, in the place of an older one."""
    file = FOLDER / f"{name}.json"
    reports = json.loads(file.read_text())["reports"] if file.exists() else []

    def which(each: dict) -> tuple:
        return each["data"], each["size"], each["T"], each.get("other", "")

    kept = [each for each in reports if which(each) != which(report)]
    content = {"model": name, "reports": sorted([*kept, report], key=which)}
    write_json(file, content)


def figures(name: str) -> dict:
    """Return what was measured of a network: by data set and terms, by measure."""
    rows = {}
    for report in json.loads((FOLDER / f"{name}.json").read_text())["reports"]:
        if "other" not in report:
            told = f"{report['data']}, {report['photos']} photos, "
            told += f"size {report['size']}, T = {report['T']}"
            scores = report["scores"]
            rows[told] = {row: scores[row] for row in ("network", "gain")}
    return rows


def write_card(file: Path, **metadata: object) -> None:
    """Add to a network's card; its weights stay as they are."""
    with safe_open(file, "pt") as opened:
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        card = json.loads(opened.metadata()["colorlab"])
    save_file(tensors, file, {"colorlab": json.dumps(card | metadata)})
    file.chmod(0o644)


def measure(
    name: str, networks: dict[str, ColorNet], data: str, images: ImageSource
) -> None:
    """Measure one network on one data set, and keep what comes out."""
    network = networks[name]
    for job in terms(name, network, data):
        if job.get("other", name) not in networks:
            continue
        skipped: dict[str, str] = {}
        progress = partial(tqdm, desc=f"{name} on {data}, {job}")
        against = networks.get(job.get("other", ""))
        scores = evaluate_images(
            network, images, job["T"], job["size"], progress, skipped, against
        )
        if skipped:
            sys.exit(f"{len(skipped)} images of {data} cannot be read: {skipped}")
        report = {"data": data, "photos": len(images), **job}
        report["scores"] = rounded(scores)
        plain = job == {"T": T_PAPER, "size": SIZE}
        if data == RELIABLE and plain and network.head == "bins":
            report["reliability"] = reliable(network, images)
        keep(name, report)


def main(*words: str) -> None:
    """Measure each network on each data set."""
    named = dict((*word.split("=", 1), "")[:2] for word in words)
    places = {name: named.pop(name) for name in SETS if name in named}
    if not places:
        sys.exit(__doc__)
    networks = {
        name: load_model(path) if path else load_pretrained(name)
        for name, path in named.items()
    }
    if not networks:
        networks = {f.stem: load_model(f) for f in sorted(ASSETS.glob("*.safetensors"))}
        networks |= {name: adjusted("class", lam) for name, lam in ADJUSTED.items()}
    for listing, folder in places.items():
        images = find_listed(folder, DATA / f"lists/{listing}.txt")
        for name in networks:
            measure(name, networks, SETS[listing], images)
    for name in networks:
        file = ASSETS / f"{name}.safetensors"
        if file.exists() and not named.get(name):
            write_card(file, metrics=figures(name))


if __name__ == "__main__":
    main(*sys.argv[1:])
