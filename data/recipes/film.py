"""Record the runs, healthy and sick, of the film in the book's chapter on training.

    python data/recipes/film.py DATA [OUT]

DATA is what `colorlab train` takes: a folder of photos, an archive, or shards. Small
copies of them are made first, and second ones with red and blue exchanged. Then each
run of RUNS is trained, some minutes of one core each, and data/film gets its records,
its configuration, and what it said of six photos of the book at each step of the film.
OUT, a new folder by default, keeps the runs as `train` writes them. What is done is not
done again: after a stop, the same command goes on.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d

from colorlab.datasets.images import open_rgb, to_tensor
from colorlab.datasets.sources import find_images, find_splits
from colorlab.files import whole_file, write_json
from colorlab.lab import rgb_to_lab
from colorlab.train.config import TrainConfig
from colorlab.train.log import VALIDATED
from colorlab.train.loop import train

HERE = Path(__file__).parents[1]
PHOTOS = (  # of the book, in the order of the film
    "mountain-path",
    "forest-stream",
    "autumn-ridge",
    "lake-pavilion",
    "bridge-cables",
    "cat-chelsea",
)
SHORTER = 48  # pixels of the copies: crops of 32 need no more
CELL = 4  # pixels, each way, that an answer of the network stands for
GRAY = 128  # the byte of a or b = 0
HEALTHY = TrainConfig(
    width=12,
    size=32,
    batch_size=32,
    steps=800,
    lr=5e-3,
    warmup=100,
    precision="no",
    save_every=20,
    workers=0,
    device="cpu",
)
RUNS = {  # folder: title, what was done, what differs from the healthy run
    "healthy": (
        "left alone",
        "The healthy run, to compare with: the rebalanced loss; the rate rises to "
        "0.005 in 100 steps, and falls to 0 from step 480 on.",
        {},
    ),
    "rate-high": (
        "rate too high",
        "Somebody typed 1 for 0.005, and left out the warm-up.",
        {"lr": 1.0, "warmup": 0},
    ),
    "rate-low": (
        "rate too low",
        "Somebody typed 2e-5 for 5e-3.",
        {"lr": 2e-5},
    ),
    "class": (
        "no rebalancing",
        "Every pixel counts the same, be its color common or rare: --loss class.",
        {"loss": "class"},
    ),
    "exchanged": (
        "red for blue",
        "A bug in the data: a program that made copies of the photos took red for "
        "blue. The photos that are shown and measured are right.",
        {},
    ),
}
# Often where much happens, then seldom.
STEPS = (*range(20, 200, 20), *range(200, 801, 40))


def copy_photos(data: str, folder: Path, exchange: bool) -> None:
    """Write small copies of all photos; `exchange` takes red for blue."""
    folder.mkdir()
    images = find_images(data)

    def read(file: BinaryIO) -> Image.Image:
        image = open_rgb(file)
        scale = SHORTER / min(image.size)
        image = image.resize([max(SHORTER, round(scale * x)) for x in image.size])
        return Image.fromarray(np.array(image)[..., ::-1]) if exchange else image

    for number, image in enumerate(images.read_each(range(len(images)), read, {})):
        image.save(folder / f"{number:06d}.jpg", quality=90)


def copy_validation(folder: Path, copies: Path) -> None:
    """Write the film's photos, and behind them copies that no run learns from."""
    folder.mkdir()
    paths = [HERE / "photos" / f"{name}.jpg" for name in PHOTOS]
    held_out = find_splits(copies)["val"]
    number = min(len(held_out), VALIDATED - len(PHOTOS))
    paths += [held_out.path(place) for place in range(number)]
    for number, path in enumerate(paths):
        shutil.copy(path, folder / f"{number:02d}-{path.name}")


def make(folder: Path, write: Callable[[Path], None]) -> Path:
    """Make a folder whole or not at all; one that is there is left as it is."""
    if not folder.exists():
        unfinished = folder.with_name(f".{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        write(unfinished)
        unfinished.rename(folder)
    return folder


def said(sheet: Image.Image, size: int) -> np.ndarray:
    """Return the chroma in a contact sheet's middle row, as bytes (h, w, 3)."""
    row = sheet.crop((0, size, len(PHOTOS) * size, 2 * size))
    ab = avg_pool2d(rgb_to_lab(to_tensor(row)[None])[:, 1:], CELL)[0]
    plane = torch.cat([ab, torch.zeros_like(ab[:1])]) + GRAY  # red a, green b
    return plane.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def store(run: Path, folder: Path, size: int) -> None:
    """Keep of a run what the film shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "metrics.jsonl"):
        shutil.copy(run / name, folder / name)
    sheets = [Image.open(run / f"samples/step-{step:08d}.png") for step in STEPS]
    colors = np.concatenate([said(sheet, size) for sheet in sheets])
    with whole_file(folder / "colors.png") as file:
        Image.fromarray(colors).save(file, "PNG", optimize=True)


def main(data: str, out: Path) -> None:
    """Copy the photos, train each run, and keep what the film shows."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # sums of floats depend on it
    right, wrong = out / "photos", out / "photos-exchanged"
    make(right, partial(copy_photos, data, exchange=False))
    make(wrong, partial(copy_photos, data, exchange=True))
    val_data = make(out / "validation", partial(copy_validation, copies=right))
    for name, (_, _, change) in RUNS.items():
        config = replace(HEALTHY, **change)
        copies = [(wrong if name == "exchanged" else right, None)]
        train(copies, out / name, config, resume=True, val_data=val_data)
        store(out / name, HERE / "film" / name, config.size)
    told = {n: {"title": t, "about": a} for n, (t, a, _) in RUNS.items()}
    about = {"photos": list(PHOTOS), "steps": list(STEPS), "runs": told}
    copied = len(list(right.iterdir()))
    about |= {"data": Path(data).name, "images": copied}
    write_json(HERE / "film" / "about.json", about)


if __name__ == "__main__":
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
    main(sys.argv[1], Path(folder))
