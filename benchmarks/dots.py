"""What color dots are worth: Levin's method, and networks that dots correct.

    python benchmarks/dots.py

Writes data/evaluations/dots.json: of each photo of `same_photos.py` the PSNR and the
rebalanced AuC of Levin's method, and of networks helped by it, for numbers of color
dots, ten draws of each.
"""

import numpy as np
import torch
from same_photos import FOLDER, NETWORKS, SEED, Photo, ask, photos
from torch import Tensor
from tqdm import tqdm

from colorlab.classics.scribbles import geodesic_shares, propagate
from colorlab.evaluate.measure import SIZE
from colorlab.evaluate.metrics import auc, error_histogram, psnr
from colorlab.files import write_json
from colorlab.hints import blend
from colorlab.lab import lab_to_rgb

COUNTS = (1, 3, 10, 30, 100, 300)  # of dots
DRAWS = 10
HINTS = "borrowed, hints"  # as chapter hints joins the two


def draw_corners(count: int, draw: int) -> np.ndarray:
    """Return the upper left pixels of dots of 3x3, (count, 2)."""
    rng = np.random.default_rng([SEED, draw])  # with more dots, the first ones stay
    return rng.integers(0, SIZE - 2, (count, 2))


def place_dots(count: int, draw: int) -> np.ndarray:
    """Return labels, shape (128, 128): dot n covers 3x3 pixels; 0 elsewhere."""
    labels = np.zeros((SIZE, SIZE), dtype=int)
    for n, (y, x) in enumerate(draw_corners(count, draw), start=1):
        labels[y : y + 3, x : x + 3] = n
    return labels


def list_dots(photo: Photo, count: int, draw: int) -> np.ndarray:
    """Return the same dots as `colorlab.hints` takes them, (count, 4)."""
    corners = draw_corners(count, draw)
    ab = photo.ab[0].double().numpy()
    colors = [ab[:, y : y + 3, x : x + 3].mean(axis=(1, 2)) for y, x in corners]
    return np.concatenate([corners + 1, colors], axis=1)


def hinted(photo: Photo, said: tuple[Tensor, Tensor], dots: np.ndarray) -> Tensor:
    """Return what becomes of a network's answer with dots, by `colorlab.hints`."""
    ab, sure = (each[0].double().numpy() for each in said)
    return torch.from_numpy(blend(photo.gray, ab, sure, dots)).float()[None]


def dot_colors(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return values (C, H, W) with each dot's mean on its pixels."""
    numbers = np.unique(labels)[1:]
    result = np.zeros_like(values)
    for n in numbers:
        result[:, labels == n] = values[:, labels == n].mean(axis=1, keepdims=True)
    return result


def spread(photo: Photo, labels: np.ndarray, *guesses: Tensor) -> list[Tensor]:
    """Return Levin's colors from dots, and each guess corrected by the dots."""
    starts = [torch.zeros_like(photo.ab), *guesses]
    missing = torch.cat([photo.ab - start for start in starts], dim=1)[0].double()
    known = dot_colors(missing.numpy(), labels)
    found = torch.from_numpy(propagate(photo.gray, known, labels > 0)).float()[None]
    return [s + f for s, f in zip(starts, found.split(2, dim=1), strict=True)]


def by_distance(photo: Photo, labels: np.ndarray) -> Tensor:
    """Return the colors of dots, shared by the distance to each."""
    numbers, inverse = np.unique(labels, return_inverse=True)  # covered ones are gone
    shares = geodesic_shares(photo.gray, inverse.reshape(labels.shape))
    ab = dot_colors(photo.ab[0].double().numpy(), labels)
    colors = np.stack([ab[:, labels == n][:, 0] for n in numbers[1:]])
    return torch.from_numpy(np.einsum("shw,sc->chw", shares, colors)).float()[None]


def scores(photo: Photo, ab: Tensor) -> list[float]:
    """Return PSNR in dB and the rebalanced AuC in percent."""
    rgb_hat, rgb = (lab_to_rgb(torch.cat([photo.L, c], dim=1)) for c in (ab, photo.ab))
    within = auc(error_histogram(ab, photo.ab, photo.weight))
    return [round(psnr(rgb_hat, rgb).item(), 2), round(within.item(), 2)]


def dot_scores(photo: Photo) -> dict:
    """Return the scores of one photo, by system: for 0 dots, and draws for each."""
    asked = {name: ask(name, photo) for name in NETWORKS}
    said = [ab for ab, _ in asked.values()]
    names = ("levin", *NETWORKS, HINTS)
    start = (torch.zeros_like(photo.ab), *said, asked["borrowed"][0])
    bare = [scores(photo, ab) for ab in start]
    found: dict = {name: {"0": [row]} for name, row in zip(names, bare, strict=True)}
    for count in COUNTS:
        for draw in range(DRAWS):
            colored = spread(photo, place_dots(count, draw), *said)
            dots = list_dots(photo, count, draw)
            colored.append(hinted(photo, asked["borrowed"], dots))
            for name, ab in zip(names, colored, strict=True):
                found[name].setdefault(str(count), []).append(scores(photo, ab))
    return {"kind": photo.kind, **found}


def main() -> None:
    """Measure how much dots are worth, photo by photo."""
    rows = {photo.name: dot_scores(photo) for photo in tqdm(photos())}
    about = {"measures": ["psnr", "auc_rebalanced"], "counts": [0, *COUNTS]}
    write_json(FOLDER / "dots.json", {"about": about, "photos": rows})


if __name__ == "__main__":
    main()
