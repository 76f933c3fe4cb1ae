"""Pick a cell and see what each layer sees of the photo (book chapter: network)."""

import anywidget
import torch
import traitlets
from PIL import Image
from torch import nn

from colorlab.network import STRIDE, ColorNet, layer_table
from colorlab.widgets.front import front, to_jpeg

JPEG_QUALITY = 88
SIZE = 224  # pixels, the paper's; it cancels out of what is computed here
LARGEST = 448  # pixels each way
CELL = 4  # pixels, each way, that an output stands for
DILATED = ("conv5", "conv6")


class ReceptiveField(anywidget.AnyWidget):
    """A gray photo, and the square of it that one number of each layer can see.

    What travels is the photo and what `layer_table` and the modules say of each
    layer; `traceRows` in `layers.js` walks back from there.

    Parameters
    ----------
    photo : PIL.Image.Image
        Any mode, it is shown in gray, pixel by pixel; sides that are multiples of 8,
        at most 448.
    x, y : float
        The place picked at first, in 0..1.
    layer : str
        The layer shown at first, such as "conv3_3" or "output".

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """

    _esm, _css = front("receptivefield")
    photo = traitlets.Bytes().tag(sync=True)
    size = traitlets.List(traitlets.Int()).tag(sync=True)  # width, height
    dilated = traitlets.List(traitlets.Dict()).tag(sync=True)
    plain = traitlets.List(traitlets.Dict()).tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0], 2, 2).tag(sync=True)  # column, row
    layer = traitlets.Unicode().tag(sync=True)
    dilation = traitlets.Int(2, min=1, max=2).tag(sync=True)
    since = traitlets.Enum(("layer", "block", "conv5"), "layer").tag(sync=True)

    def __init__(
        self,
        photo: Image.Image,
        x: float = 0.5,
        y: float = 0.5,
        layer: str = "conv4_3",
    ) -> None:
        if max(photo.size) > LARGEST or any(side % STRIDE for side in photo.size):
            raise ValueError(
                f"photo must have sides that are multiples of {STRIDE}, at most "
                f"{LARGEST}, got {photo.size}"
            )
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"x and y must be in 0..1, got {x} and {y}")
        dilated, plain = network_layers(), network_layers(dilation=1)
        names = [row["name"] for row in dilated]
        if layer not in names:
            raise ValueError(f"layer must be one of {names}, got {layer!r}")
        super().__init__(
            photo=to_jpeg(photo.convert("L"), JPEG_QUALITY),
            size=list(photo.size),
            dilated=dilated,
            plain=plain,
            cell=[_cell_at(v, n) for v, n in zip((x, y), photo.size, strict=True)],
            layer=layer,
        )


def network_layers(dilation: int = 2) -> list[dict]:
    """List for each layer how it reads its input, and how far it sees.

    Parameters
    ----------
    dilation : int
        That of blocks 5 and 6. The network has 2; 1 is no dilation.

    Returns
    -------
    list of dict
        One a convolution: its name, kernel, stride, dilation, padding and whether it
        is transposed; from `layer_table`, the pixels from one of its outputs to the
        next ("cell") and the side of its receptive field ("field"). Book chapter:
        network.

    Examples
    --------
    >>> layer = network_layers()[0]
    >>> layer["name"], layer["kernel"], layer["stride"], layer["field"]
    ('conv1_1', 3, 1, 3)
    """
    with torch.device("meta"):  # only shapes are asked for
        model = ColorNet(1)
    for block in DILATED:
        for layer in _convolutions(getattr(model, block)):
            layer.dilation = layer.padding = (dilation, dilation)
    return [
        {
            "name": row.name,
            "kernel": layer.kernel_size[0],
            "stride": layer.stride[0],
            "dilation": layer.dilation[0],
            "padding": layer.padding[0],
            "transposed": row.S < 1,
            "cell": SIZE // row.X,
            "field": row.receptive_field,
        }
        for row, layer in zip(
            layer_table(model, SIZE), _convolutions(model), strict=True
        )
    ]


def _cell_at(share: float, side: int) -> int:
    return int(share * (side / CELL - 1) + 0.5)


def _convolutions(model: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [module for module in model.modules() if isinstance(module, kinds)]
