"""Measure the shipped networks, for the chapter evaluate and the cards.

    python benchmarks/evaluations.py IMAGENETTE TINY_IMAGENET [NAME=NETWORK ...]

By the measuring protocol, on photos that no network was trained on; what comes out is
data/evaluations/. The networks that ship need no naming; another is NAME=PATH. The
shipped ones are measured on more terms: their best temperature, and a larger size.
About a minute for each network, data set and term, on two cores.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from colorlab import load_model, load_pretrained
from colorlab.evaluate import SIZE, evaluate_photos
from colorlab.network import ASSETS
from colorlab.photosets import find_photos
from colorlab.report import write_scores

FOLDER = Path(__file__).parents[1] / "data" / "evaluations"
TERMS = [  # file name's end, temperature, size
    ("", 0.38, SIZE),
    ("-T-1e-6", 1e-6, SIZE),  # the mode
    ("-T-0.2", 0.2, SIZE),
    ("-T-0.6", 0.6, SIZE),
    ("-T-0.8", 0.8, SIZE),
    ("-T-1", 1.0, SIZE),
    ("-size-224", 0.38, 224),
]
MOST = 1000  # photos: every so many-th, so that all classes are there
MOST_TERMS = ("flagship",)  # the others are measured on the first


def main(imagenette: str, tiny_imagenet: str, *named: str) -> None:
    """Measure each network on both data sets."""
    shipped = sorted(file.stem for file in ASSETS.glob("*.safetensors"))
    networks = {name: load_pretrained(name) for name in shipped}
    networks |= {n: load_model(path) for n, path in (x.split("=") for x in named)}
    FOLDER.mkdir(exist_ok=True)
    for data, place in (("imagenette", imagenette), ("tiny-imagenet", tiny_imagenet)):
        photos = find_photos(place, "val")
        photos = replace(photos, place=photos.place[:: max(1, len(photos) // MOST)])
        for name, network in networks.items():
            for end, T, size in TERMS if name in MOST_TERMS else TERMS[:1]:
                file = FOLDER / f"{data}-{name}{end}.json"
                watch = partial(tqdm, desc=file.stem)
                scores = evaluate_photos(network, photos, T, size, watch=watch)
                about = {"model": name, "data": data, "photos": len(photos)}
                write_scores(file, {**about, "T": T, "size": size}, scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
