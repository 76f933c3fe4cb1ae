"""Small JPEG files to train on, cut from the project's own photos."""

from pathlib import Path

import numpy as np
from PIL import Image

from colorlab.datasets.images import open_rgb

PHOTOS = Path(__file__).parents[1] / "data" / "photos"


def write_photos(folder: Path, number: int, size: int = 64) -> None:
    """Cut squares by chance, seeded, and save each as a JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    pictures = [open_rgb(path) for path in sorted(PHOTOS.glob("*.jpg"))]
    for n in range(number):
        picture = pictures[n % len(pictures)]
        shorter = min(picture.size)
        side = rng.integers(min(2 * size, shorter - 1), shorter)
        left, top = (rng.integers(0, length - side + 1) for length in picture.size)
        box = (left, top, left + side, top + side)
        cut = picture.resize((size, size), Image.Resampling.BILINEAR, box=box)
        cut.save(folder / f"{n:06d}.jpg", quality=90)
