"""Switch the parts of a pixel's descriptor on and off (book chapter: descriptors)."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import anywidget
import torch
import traitlets
from torch import Tensor, nn

from colorlab.widgets.front import front

PARTS = ("patch", "DAISY", "semantic")
SETS = tuple(" ".join(c) for n in (1, 2, 3) for c in combinations(PARTS, n))
LEVELS = 32767  # of a number that travels as 16 bits
TRUTH = 4  # true colors travel as one for so many pixels, each way


class DescriptorLab(anywidget.AnyWidget):
    """What a perceptron answers for each choice of the descriptor's parts.

    Patch, DAISY and the perceptrons are computed in the page, by `perceptron.js`; the
    semantic feature travels as it is, before it is enlarged.

    Parameters
    ----------
    perceptrons : mapping of str to nn.Sequential
        As from `fit_perceptron`, one for each choice of parts: "patch", "DAISY",
        "semantic", "patch DAISY", and so on; seven.
    photos : sequence of (str, Tensor, Tensor)
        Name; Lab, shape (3, H, W), H and W multiples of 4; and the semantic feature,
        shape (C, h, w).

    Raises
    ------
    ValueError
        If a choice of parts is missing, or there is no photo.
    """

    _esm, _css = front("descriptorlab")
    photos = traitlets.List(traitlets.Dict()).tag(sync=True)
    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)
    photo = traitlets.Int(min=0).tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0], 2, 2).tag(sync=True)  # column, row
    parts = traitlets.Enum(SETS, SETS[-1]).tag(sync=True)
    view = traitlets.Enum(("answer", "truth", "gray"), "answer").tag(sync=True)

    def __init__(
        self,
        perceptrons: Mapping[str, nn.Sequential],
        photos: Sequence[tuple[str, Tensor, Tensor]],
    ) -> None:
        if missing := [name for name in SETS if name not in perceptrons]:
            raise ValueError(
                f"perceptrons must hold {missing[0]!r}, got {[*perceptrons]}"
            )
        if not photos:
            raise ValueError("photos must hold one or more, got none")
        networks: list[dict] = []
        layouts: list[dict] = []
        numbers, blob = b"", b""
        for name in SETS:
            arrays = [p.detach() for p in perceptrons[name].parameters()]
            widths = [arrays[0].shape[1], *(len(bias) for bias in arrays[1::2])]
            scales = []
            for array in arrays:
                scale, whole = to_whole(array)
                scales.append(scale)
                numbers += whole
            networks.append({"name": name, "widths": widths, "scales": scales})
        for name, lab, semantic in photos:
            scale, whole = to_whole(semantic)
            height, width = lab.shape[1:]
            true = nn.functional.avg_pool2d(lab[1:], TRUTH).round().to(torch.int8)
            bright = (lab[0] * 2.55).round().clamp(0, 255).byte()
            layouts.append(
                {
                    "name": name,
                    "height": height,
                    "width": width,
                    "channels": len(semantic),
                    "rows": semantic.shape[1],
                    "columns": semantic.shape[2],
                    "scale": scale,
                    "offset": len(blob),
                }
            )
            colors = true.permute(1, 2, 0).contiguous().numpy().tobytes()
            blob += whole + bright.numpy().tobytes() + colors
        cell = [layouts[0]["width"] // 2, layouts[0]["height"] // 6]
        super().__init__(
            photos=layouts, networks=networks, pixels=blob, weights=numbers, cell=cell
        )


def to_whole(array: Tensor) -> tuple[float, bytes]:
    """Return an array as a scale and 16-bit whole numbers.

    Parameters
    ----------
    array : Tensor
        Any shape.

    Returns
    -------
    scale : float
        Times the numbers, it is the array to 1/65534 of its largest.
    whole : bytes
        The numbers, signed, in order.

    Examples
    --------
    >>> import numpy as np
    >>> scale, whole = to_whole(torch.tensor([0.5, -1.0]))
    >>> [round(scale * n, 3) for n in np.frombuffer(whole, np.int16).tolist()]
    [0.5, -1.0]
    """
    scale = max(array.abs().max().item(), 1e-30) / LEVELS
    return scale, (array / scale).round().to(torch.int16).numpy().tobytes()
