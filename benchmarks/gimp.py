"""Open a layer of `colorlab colorize --layer` in GIMP; compare with the colored photo.

    python benchmarks/gimp.py [GIMP-CONSOLE]

GIMP (2.10; not 3) opens a gray photo, lays the layer over it in the mode Linear light,
and writes what it shows. The photo and its colored result have 8 bits, the layer 8,
then 16. Prints the largest difference, of 255. Half a minute.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

PHOTO = Path(__file__).parents[1] / "data/photos/dahlia.jpg"
LAY = """
(define (lay gray layer out)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE gray gray))))
    (gimp-image-convert-rgb image)
    (let ((top (car (gimp-file-load-layer RUN-NONINTERACTIVE image layer))))
      (gimp-image-insert-layer image top 0 0)
      (gimp-layer-set-mode top LAYER-MODE-LINEAR-LIGHT)
      (let ((flat (car (gimp-image-flatten image))))
        (file-png-save RUN-NONINTERACTIVE image flat out out 0 9 0 0 0 0 0)))))
(lay "gray.png" "layer-8.png" "shown-8.png")
(lay "gray.png" "layer-16.png" "shown-16.png")
(gimp-quit 0)
"""


def read(path: Path) -> np.ndarray:
    """Read an image of 8 bits."""
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def main(gimp: str = "gimp-console") -> None:
    """Color, open, compare."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        Image.open(PHOTO).convert("L").save(folder / "gray.png")
        color = [sys.executable, "-m", "colorlab", "colorize", "gray.png", "-o"]
        layer = ["--layer", "--bits"]
        made = [["colored.png"], ["layer-8.png", *layer, "8"]]
        made += [["layer-16.png", *layer, "16"]]
        for words in made:
            subprocess.run([*color, *words], check=True, cwd=folder)
        options = [gimp, "-i", "-d", "-f", "-b", "-"]
        subprocess.run(options, input=LAY.encode(), check=True, cwd=folder)
        colored = read(folder / "colored.png")
        for bits in (8, 16):
            off = abs(read(folder / f"shown-{bits}.png") - colored)
            told = f"at most {off.max()}, {off.mean():.2f} on average"
            sys.stdout.write(f"a layer of {bits} bits: off by {told}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
