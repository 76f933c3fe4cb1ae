"""Measure the shipped networks, for the chapter evaluate and the cards.

    python benchmarks/evaluations.py IMAGENETTE TINY_IMAGENET [NAME=NETWORK ...]

By the measuring protocol, on photos that no network was trained on; what comes out is
data/evaluations/. The networks that ship need no naming; another is NAME=PATH. The
flagship is also measured at other temperatures and at a larger size, the small ones at
the size they were trained for. About a minute for each, on two cores.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from colorlab import (
    ColorNet,
    bin_centers,
    load_model,
    load_pretrained,
    load_prior,
    rebalance_weights,
    smooth_prior,
)
from colorlab.evaluate import SIZE, evaluate_photos
from colorlab.network import ASSETS
from colorlab.photosets import find_photos
from colorlab.prior import LAM
from colorlab.report import write_scores

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
SMALL = ("l2", "class", "rebal")
MOST = 1000  # photos: every so many-th, so that all classes are there


def tilted(name: str, lam: float) -> ColorNet:
    """Give a network trained without weights the logits of training with them."""
    network = load_pretrained(name)
    w = rebalance_weights(smooth_prior(load_prior(), bin_centers()), lam)
    network.head.bias.data += w.log().float()
    return network


def main(imagenette: str, tiny_imagenet: str, *named: str) -> None:
    """Measure each network on both data sets."""
    shipped = sorted(file.stem for file in ASSETS.glob("*.safetensors"))
    networks = {name: load_pretrained(name) for name in shipped}
    networks |= {n: load_model(path) for n, path in (x.split("=") for x in named)}
    places = {"imagenette": imagenette, "tiny-imagenet": tiny_imagenet}
    jobs = [(d, name, net, FIRST) for d in places for name, net in networks.items()]
    flagship = networks["flagship"]
    jobs += [("imagenette", "flagship", flagship, terms) for terms in FLAGSHIP]
    jobs += [("tiny-imagenet", name, networks[name], TRAINED) for name in SMALL]
    jobs += [("imagenette", "class-tilted", tilted("class", LAM), FIRST)]
    FOLDER.mkdir(exist_ok=True)
    for data, name, network, (end, T, size) in jobs:
        photos = find_photos(places[data], "val")
        photos = replace(photos, place=photos.place[:: max(1, len(photos) // MOST)])
        file = FOLDER / f"{data}-{name}{end}.json"
        watch = partial(tqdm, desc=file.stem)
        scores = evaluate_photos(network, photos, T, size, watch=watch)
        about = {"model": name, "data": data, "photos": len(photos)}
        write_scores(file, {**about, "T": T, "size": size}, scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
