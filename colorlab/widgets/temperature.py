"""Pick a point of a photo and drag the temperature (book chapter: decode)."""

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from colorlab.colorize import network_size
from colorlab.decode import T_PAPER
from colorlab.lab import rgb_to_lab
from colorlab.quantize import N_BINS, bin_centers
from colorlab.transfer import Network
from colorlab.widgets.front import front

L_BYTE = 2.55  # lightness travels as one byte
VIEWS = ("colored", "truth", "gray", "uncertainty")


class TemperatureExplorer(anywidget.AnyWidget):
    """Real predictions for several photos, decoded in the page at any temperature.

    What travels is what the network sees just before its last layer, one byte a
    number; that layer, the softmax, the mean and the way to RGB are computed in the
    page, by `bins.js` and `color.js`.

    Parameters
    ----------
    model : Network
        A classifying network, in eval mode.
    photos : list of (str, PIL.Image.Image, float, float)
        Name, RGB picture, and the point picked at first: x and y in 0..1.
    size : int
        Shorter side of a picture as the network sees it and the page shows it.
    T : float
        Temperature at first.

    Raises
    ------
    ValueError
        If the network does not give one logit a bin.
    """

    _esm, _css = front("temperature")
    photos = traitlets.List(traitlets.Dict()).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    output = traitlets.Bytes().tag(sync=True)
    centers = traitlets.Bytes().tag(sync=True)
    T = traitlets.Float(T_PAPER, min=0, max=1).tag(sync=True)
    photo = traitlets.Int(min=0).tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0], 2, 2).tag(sync=True)  # column, row
    view = traitlets.Enum(VIEWS, VIEWS[0]).tag(sync=True)

    def __init__(
        self,
        model: Network,
        photos: list[tuple[str, Image.Image, float, float]],
        size: int = 128,
        T: float = T_PAPER,
    ) -> None:
        if model.head != "bins":
            raise ValueError(
                f"model must give {N_BINS} bins, got a head of {model.head!r}"
            )
        layouts: list[dict] = []
        blobs: list[bytes] = []
        for name, image, x, y in photos:
            layout, blob = pack_photo(model, image, size)
            offset = sum(len(blob) for blob in blobs)
            sides = zip((x, y), (layout["columns"], layout["rows"]), strict=True)
            cell = [int(share * (side - 1) + 0.5) for share, side in sides]
            layouts.append({"name": name, "cell": cell, "offset": offset, **layout})
            blobs.append(blob)
        output = [each.detach().flatten() for each in model.output.parameters()]
        super().__init__(
            photos=layouts,
            pixels=b"".join(blobs),
            output=torch.cat(output).cpu().numpy().tobytes(),
            centers=bin_centers().numpy().tobytes(),
            T=T,
            cell=layouts[0]["cell"],
        )


@torch.inference_mode()
def pack_photo(model: Network, image: Image.Image, size: int) -> tuple[dict, bytes]:
    """Return a photo's layout, and its lightness, truth and features as bytes.

    Parameters
    ----------
    model : Network
        In eval mode.
    image : PIL.Image.Image
        Mode RGB.
    size : int
        Shorter side in pixels; both sides are rounded to multiples of 8.

    Returns
    -------
    layout : dict
        height, width, rows, columns, and each feature's scale.
    blob : bytes
        L (height x width), true ab (rows x columns x 2, signed) and features
        (F x rows x columns), one byte each.

    Examples
    --------
    >>> from colorlab.network import ColorNet
    >>> image = Image.new("RGB", (48, 32))
    >>> layout, blob = pack_photo(ColorNet(width=1).eval(), image, 32)
    >>> layout["height"], layout["width"], layout["rows"], layout["columns"]
    (32, 48, 8, 12)
    """
    height, width = network_size(image.height, image.width, size)
    pixels = torch.from_numpy(np.array(image.resize((width, height))))
    L, ab = rgb_to_lab(pixels.permute(2, 0, 1)[None]).split([1, 2], dim=1)
    seen = _before_output(model, L.to(model.centers.device))
    features = seen[0].cpu()  # (F, rows, columns), none negative
    F, rows, columns = features.shape
    most = features.amax(dim=(1, 2)).clamp(min=1e-6)
    truth = adaptive_avg_pool2d(ab, (rows, columns))[0].permute(1, 2, 0)
    parts = [
        (L * L_BYTE).round().byte(),
        truth.round().to(torch.int8),
        (features / most[:, None, None] * 255).round().byte(),
    ]
    layout = {
        "height": height,
        "width": width,
        "rows": rows,
        "columns": columns,
        "scale": (most / 255).tolist(),
    }
    return layout, b"".join(part.contiguous().numpy().tobytes() for part in parts)


def _before_output(model: Network, L: Tensor) -> Tensor:
    seen: list[Tensor] = []
    with model.output.register_forward_pre_hook(lambda _, given: seen.append(given[0])):
        model(L)
    return seen[0]
