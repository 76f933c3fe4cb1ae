"""A network as an ONNX file, for programs without PyTorch (not taught in the book)."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from colorlab.colorize import choose_settings, eval_mode
from colorlab.files import whole_file
from colorlab.lab import lab_to_rgb
from colorlab.network import STRIDE
from colorlab.transfer import Network
from colorlab.weights import shape_of

INPUT, OUTPUT = "L", "ab"
TRIED = (1, 1, 64, 96)  # of the lightness that the network is followed with


class _Coloring(nn.Module):
    """From lightness to ab, in operations that ONNX has."""

    def __init__(self, model: Network, T: float) -> None:
        super().__init__()
        self.model, self.T = model, max(T, torch.finfo(torch.float32).tiny)
        self.register_buffer("kernel", model.centers.float().T[..., None, None])

    def forward(self, L: Tensor) -> Tensor:
        output = self.model(L)
        if self.model.head == "ab":
            return output
        # As `annealed_mean`; but a 1x1 convolution is read by all, an einsum is not.
        Z_hat = ((output - output.amax(dim=1, keepdim=True)) / self.T).softmax(dim=1)
        return conv2d(Z_hat, self.get_buffer("kernel"))


def export_onnx(model: Network, path: str | Path, T: float | None = None) -> None:
    """Write a network, with its decoding, as an ONNX file.

    Parameters
    ----------
    model : Network
        On the CPU. It is not changed.
    path : str or Path
        The file; it appears whole or not at all.
    T : float, optional
        Temperature of the annealed mean, which is fixed in the file; None takes the
        card's, else 0.38.

    Raises
    ------
    ValueError
        If T is not positive and finite.

    Notes
    -----
    The file's input "L" has shape (N, 1, H, W): lightness in Lab units, 0..100, of any
    number of images, H and W multiples of 8. Its output "ab", in Lab units, has shape
    (N, 2, H/4, W/4), or (N, 2, H, W) of siggraph17; enlarge it bilinearly to the
    photo's size and put it under the photo's own lightness. The network's card is in
    the file's metadata, as "colorlab".
    """
    T, size = choose_settings(model, T)
    lab_to_rgb(torch.zeros(1, 3, 1, 1))  # what it computes once must not be traced
    number, rows, columns = map(torch.export.Dim, ("number", "rows", "columns"))
    with torch.no_grad(), eval_mode(model), _without_advice():
        program: Any = torch.onnx.export(
            _Coloring(model, T).eval(),
            (torch.full(TRIED, 50.0),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: number, 2: STRIDE * rows, 3: STRIDE * columns},),
            dynamo=True,
            verbose=False,
        )
    card = model.card | shape_of(model) | {"T": T, "size": size}
    program.model.metadata_props["colorlab"] = json.dumps(card)
    with whole_file(path) as file:
        file.write(program.model_proto.SerializeToString())


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep PyTorch's notes to its own developers, and on torchvision, from users."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)
