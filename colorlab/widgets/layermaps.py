"""What the layers of a network answer to a photo (book chapter: network)."""

import io
from contextlib import ExitStack

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor, nn

from colorlab.lab import rgb_to_lab
from colorlab.network import ColorNet, layer_table
from colorlab.widgets.front import front, to_jpeg

SIDE = 128  # pixels of a photo, what the network was trained for
ACROSS = 4  # maps in a row of a sheet
SHOWN = {1: 4, 2: 8, 3: 12, 4: 12, 5: 12, 6: 12, 7: 12, 8: 8}  # of a block's channels
JPEG_QUALITY = 85


class LayerMaps(anywidget.AnyWidget):
    """Photos beside some channels of the last layer of each block.

    What travels is the photos and, for each layer, a sheet of maps a photo. A channel
    is drawn by one scale for all photos: black is no answer, white its strongest.

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    photos : dict of str to PIL.Image.Image
        Names and RGB pictures; of each the middle is shown, 128 by 128 pixels.

    Raises
    ------
    ValueError
        If there is no photo.
    """

    _esm, _css = front("layermaps")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)  # files: photos, then sheets by layer
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)
    photo = traitlets.Int(0, min=0).tag(sync=True)
    layer = traitlets.Int(0, min=0).tag(sync=True)
    tile = traitlets.Int(0, min=0).tag(sync=True)  # of the sheet, row by row
    spot = traitlets.List(traitlets.Float(), [0.5, 0.5], 2, 2).tag(sync=True)  # 0..1

    def __init__(self, model: ColorNet, photos: dict[str, Image.Image]) -> None:
        if not photos:
            raise ValueError("photos must hold at least one picture, got none")
        squares = [_square(image) for image in photos.values()]
        layers, sheets = read_layers(model, squares)
        side = layers[0]["side"]
        first = sheets[0][0, :side, :side].flatten().argmax()  # where it answers most
        files = [to_jpeg(square.convert("L"), JPEG_QUALITY) for square in squares]
        files += [_to_png(sheet) for layer in sheets for sheet in layer]
        super().__init__(
            names=list(photos),
            layers=layers,
            pixels=b"".join(files),
            lengths=[len(file) for file in files],
            spot=[(int(at) + 0.5) / side for at in (first % side, first // side)],
        )


@torch.inference_mode()
def read_layers(
    model: ColorNet, images: list[Image.Image]
) -> tuple[list[dict], list[Tensor]]:
    """Return what the last layer of each block answers to some photos, as bytes.

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    images : list of PIL.Image.Image
        Mode RGB, all of one size.

    Returns
    -------
    layers : list of dict
        Of each, its name, side of the map, channels in all, those that are shown (as
        `unlike` gives them), the pixels from cell to cell and the receptive field.
    sheets : list of Tensor of uint8, shape (photos, rows, columns)
        Maps after ReLU, side by side, four a row. 255 is the most that a channel
        answers to any of the photos. Book chapter: network.

    Examples
    --------
    >>> photo = Image.linear_gradient("L").convert("RGB").resize((64, 64))
    >>> layers, sheets = read_layers(ColorNet(width=4).eval(), [photo])
    >>> layers[0]["name"], len(layers[0]["shown"]), sheets[0].shape
    ('conv1_2', 4, torch.Size([1, 32, 128]))
    """
    rgb = torch.stack(
        [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images]
    )
    L = rgb_to_lab(rgb)[:, :1]
    table = {row.name: row for row in layer_table(model, L.shape[-1])}
    layers, sheets = [], []
    for block, answers in _answers(model, L).items():
        row = [r for name, r in table.items() if name.startswith(f"conv{block}_")][-1]
        strongest = answers.amax(dim=(0, 2, 3)).clamp(min=1e-6)
        shares = answers / strongest[:, None, None]
        values = shares.transpose(0, 1).flatten(1)  # (C, all cells of all photos)
        across = min(ACROSS, len(values))
        shown = unlike(values, min(SHOWN[block], len(values) // across * across))
        maps = (255 * shares[:, shown]).round().byte()
        photos, count, side, _ = maps.shape
        grid = maps.view(photos, count // across, across, side, side)
        sheets.append(grid.transpose(2, 3).flatten(3).flatten(1, 2))
        layers.append(
            {
                "name": row.name,
                "side": side,
                "channels": row.C,
                "shown": shown,
                "cell": L.shape[-1] // side,
                "field": row.receptive_field,
            }
        )
    return layers, sheets


def unlike(values: Tensor, count: int) -> list[int]:
    """Choose rows that vary much and are little correlated.

    Parameters
    ----------
    values : Tensor, shape (C, n)
        What each channel answers in n places.
    count : int
        Rows wanted, at most C.

    Returns
    -------
    list of int
        The row that varies most, then again and again the one whose variation, times
        one minus its largest absolute correlation with those before, is largest.

    Examples
    --------
    >>> unlike(torch.tensor([[0.0, 0, 2], [0, 0, 3], [1, 0, 0]]), 2)
    [1, 2]
    """
    apart = values - values.mean(dim=1, keepdim=True)
    size = apart.norm(dim=1)
    directions = apart / size.clamp(min=1e-6)[:, None]
    chosen = [int(size.argmax())]
    while len(chosen) < count:
        alike = (directions @ directions[chosen].T).abs().amax(dim=1)
        score = size * (1 - alike)
        score[chosen] = -1
        chosen.append(int(score.argmax()))
    return chosen


def _answers(model: ColorNet, L: Tensor) -> dict[int, Tensor]:
    """Return the last ReLU of each block, (photos, C, side, side)."""
    found: list[Tensor] = []
    with ExitStack() as hooks:
        for block in SHOWN:
            layers = getattr(model, f"conv{block}")
            relus = [layer for layer in layers if isinstance(layer, nn.ReLU)]
            hooks.enter_context(
                relus[-1].register_forward_hook(
                    lambda *told: found.append(told[2].cpu().clone())
                )
            )
        model(L.to(model.centers.device))
    return dict(zip(SHOWN, found, strict=True))


def _square(image: Image.Image) -> Image.Image:
    least = min(image.size)
    left, top = ((length - least) / 2 for length in image.size)
    box = (left, top, left + least, top + least)
    small = image.convert("RGB")
    return small.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)


def _to_png(sheet: Tensor) -> bytes:
    file = io.BytesIO()
    Image.fromarray(sheet.numpy()).save(file, "png", optimize=True)
    return file.getvalue()
