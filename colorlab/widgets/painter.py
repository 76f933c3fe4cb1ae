"""Paint strokes on a gray photo; their color flows (book chapter: scribbles)."""

from collections.abc import Sequence

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image

from colorlab.classics.scribbles import VARIANCE_SCALE
from colorlab.colorize import DEFAULT_SIZE, network_size, output_to_ab
from colorlab.lab import rgb_to_lab
from colorlab.transfer import Network
from colorlab.widgets.front import front, to_jpeg

QUALITY = 93  # of the JPEG; its artifacts must be fainter than a photo's own noise
RADIUS = 2.5  # pixels, of the strokes that are there at first
VIEWS = ("strokes", "result", "network", "truth")
Line = Sequence[tuple[float, float]]


class Painter(anywidget.AnyWidget):
    """Strokes on a gray photo, and the colors that follow from them alone.

    The weights, the exact solution and the distribution over the strokes are computed
    in the page, by `flow.js` and `dissection.js`, as `colorlab.classics.scribbles`
    computes them.

    Parameters
    ----------
    model : Network
        In eval mode; what it says at its own size can be looked at.
    photos : list of (str, PIL.Image.Image, list of lines)
        Name, RGB picture, and the strokes at first: each a list of points (x, y) in
        shares of width and height. They have the photo's own color, the mean of the
        true colors under the stroke.
    size : int
        Shorter side in pixels; both sides are rounded to multiples of 8.

    Raises
    ------
    ValueError
        If there is no photo, or a stroke has no point or leaves its photo.
    """

    _esm, _css = front("painter")
    photos = traitlets.List(traitlets.Dict()).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)
    network = traitlets.Bytes().tag(sync=True)
    strokes = traitlets.List(traitlets.List(traitlets.Dict())).tag(sync=True)
    photo = traitlets.Int(min=0).tag(sync=True)
    view = traitlets.Enum(VIEWS, VIEWS[0]).tag(sync=True)
    T = traitlets.Float(1.0, min=0, max=1).tag(sync=True)
    variance_scale = traitlets.Float(VARIANCE_SCALE, min=0.1, max=20).tag(sync=True)
    edge_stop = traitlets.Float(0.0, min=0, max=20).tag(sync=True)

    def __init__(
        self,
        model: Network,
        photos: list[tuple[str, Image.Image, list[Line]]],
        size: int = 176,
    ) -> None:
        if not photos:
            raise ValueError("photos must hold one or more, got none")
        packed = [pack_scribbled(model, image, size) for _, image, _ in photos]
        super().__init__(
            photos=[
                {"name": name, **layout}
                for (name, _, _), (layout, _, _) in zip(photos, packed, strict=True)
            ],
            pixels=b"".join(file for _, file, _ in packed),
            lengths=[len(file) for _, file, _ in packed],
            network=b"".join(said for _, _, said in packed),
            strokes=[[_stroke(line) for line in lines] for _, _, lines in photos],
        )


@torch.inference_mode()
def pack_scribbled(
    model: Network, image: Image.Image, size: int
) -> tuple[dict, bytes, bytes]:
    """Return a photo's layout, the photo as JPEG, and what a network says of it.

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
        height, width, and rows and columns of the network's answer.
    file : bytes
        A JPEG of height x width pixels.
    said : bytes
        The network's ab (rows x columns x 2), one signed byte each.

    Examples
    --------
    >>> from colorlab.network import ColorNet
    >>> image = Image.new("RGB", (48, 32))
    >>> layout, file, said = pack_scribbled(ColorNet(width=1).eval(), image, 32)
    >>> layout, len(said)
    ({'height': 32, 'width': 48, 'rows': 32, 'columns': 48}, 3072)
    """
    sides = image.height, image.width
    height, width = network_size(*sides, size)
    seen = network_size(*sides, model.card.get("size", DEFAULT_SIZE))
    pixels = torch.from_numpy(np.array(image.resize(seen[::-1]))).permute(2, 0, 1)
    L = rgb_to_lab(pixels[None])[:, :1].to(model.centers.device)
    ab = output_to_ab(model, model(L))[0].permute(1, 2, 0).cpu()
    rows, columns, _ = ab.shape
    layout = {"height": height, "width": width, "rows": rows, "columns": columns}
    said = ab.round().to(torch.int8).contiguous().numpy().tobytes()
    return layout, to_jpeg(image.resize((width, height)), QUALITY), said


def _stroke(line: Line) -> dict:
    points = [[float(x), float(y)] for x, y in line]
    if not points or not all(0 <= share <= 1 for point in points for share in point):
        raise ValueError(f"a line must have points in 0..1, got {list(line)}")
    return {"color": None, "points": points, "radius": RADIUS}
