"""Follow one pixel through the whole method (book chapter: intro)."""

from contextlib import ExitStack

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from colorlab.colorize import network_size
from colorlab.decode import T_PAPER, annealed_mean
from colorlab.lab import rgb_to_lab
from colorlab.network import ColorNet
from colorlab.quantize import N_BINS, bin_centers
from colorlab.widgets.front import front
from colorlab.widgets.temperature import L_BYTE

BLOCKS = 8
STATIONS = 6  # gray, layers, scores, temperature, one color, joined
MOST_ACROSS = 64  # cells: a map is shown small


class Journey(anywidget.AnyWidget):
    """One photo at six stations, from gray to color, and what becomes of a pixel.

    What travels is the photo's lightness, a map of each block, the decoded colors at
    the paper's temperature, and the scores of the pixels that can be followed.

    Parameters
    ----------
    model : ColorNet
        A classifying network, in eval mode.
    image : PIL.Image.Image
        RGB picture.
    pixels : dict of str to (float, float)
        Names and places, x and y in 0..1, of the pixels that can be followed.
    size : int
        Shorter side of the picture as the network sees it and the page shows it.

    Raises
    ------
    ValueError
        If the network does not give one logit a bin, or there is no pixel to follow.
    """

    _esm, _css = front("journey")
    photo = traitlets.Dict().tag(sync=True)
    stages = traitlets.Bytes().tag(sync=True)
    scores = traitlets.Bytes().tag(sync=True)
    centers = traitlets.Bytes().tag(sync=True)
    followed = traitlets.Int(0, min=0).tag(sync=True)
    station = traitlets.Int(0, min=0, max=STATIONS - 1).tag(sync=True)
    T = traitlets.Float(T_PAPER, min=0, max=1).tag(sync=True)

    def __init__(
        self,
        model: ColorNet,
        image: Image.Image,
        pixels: dict[str, tuple[float, float]],
        size: int = 128,
    ) -> None:
        if model.head != "bins" or not pixels:
            raise ValueError(
                f"model must give {N_BINS} bins and pixels must name some, got a head "
                f"of {model.head!r} and {len(pixels)} pixels"
            )
        L, maps, logits = walk(model, image, size)
        rows, columns = logits.shape[-2:]
        ab = annealed_mean(logits, bin_centers())[0].permute(1, 2, 0)
        cells = [(int(x * columns), int(y * rows)) for x, y in pixels.values()]
        parts = [(L[0, 0] * L_BYTE).round().byte(), ab.round().to(torch.int8), *maps]
        super().__init__(
            photo={
                "height": L.shape[-2],
                "width": L.shape[-1],
                "rows": rows,
                "columns": columns,
                "maps": [list(each.shape) for each in maps],
                "names": list(pixels),
                "cells": cells,
            },
            stages=b"".join(part.contiguous().numpy().tobytes() for part in parts),
            scores=torch.stack([logits[0, :, y, x] for x, y in cells])
            .numpy()
            .tobytes(),
            centers=bin_centers().numpy().tobytes(),
        )


@torch.inference_mode()
def walk(
    model: ColorNet, image: Image.Image, size: int
) -> tuple[Tensor, list[Tensor], Tensor]:
    """Return what becomes of a photo on its way through the network.

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    image : PIL.Image.Image
        Mode RGB.
    size : int
        Shorter side in pixels; both sides are rounded to multiples of 8.

    Returns
    -------
    L : Tensor, shape (1, 1, H, W)
        Lightness, 0..100.
    maps : list of Tensor of uint8
        Of each block the channel that varies most, from 0 to 255.
    logits : Tensor, shape (1, 313, H/4, W/4)
        On the CPU, as all of these.

    Examples
    --------
    >>> image = Image.new("RGB", (48, 32))
    >>> L, maps, logits = walk(ColorNet(width=1).eval(), image, 32)
    >>> L.shape[-2:], len(maps), logits.shape[-2:]
    (torch.Size([32, 48]), 8, torch.Size([8, 12]))
    """
    height, width = network_size(image.height, image.width, size)
    pixels = torch.from_numpy(np.array(image.resize((width, height))))
    L = rgb_to_lab(pixels.permute(2, 0, 1)[None])[:, :1]
    seen: list[Tensor] = []
    with ExitStack() as hooks:
        for number in range(1, BLOCKS + 1):
            block = getattr(model, f"conv{number}")
            hook = block.register_forward_hook(lambda *told: seen.append(told[2]))
            hooks.enter_context(hook)
        logits = model(L.to(model.centers.device)).cpu()
    return L, [_liveliest(each[0].cpu()) for each in seen], logits


def _liveliest(maps: Tensor) -> Tensor:
    """Return the channel (H, W) of maps (C, H, W) with most contrast, as bytes."""
    low, high = torch.quantile(maps.flatten(1), torch.tensor([0.02, 0.98]), dim=1)
    scaled = (maps - low[:, None, None]) / (high - low).clamp(min=1e-6)[:, None, None]
    scaled = scaled.clamp(0, 1)
    chosen = scaled[scaled.flatten(1).std(dim=1).argmax()]
    if max(chosen.shape) > MOST_ACROSS:
        chosen = interpolate(chosen[None, None], scale_factor=0.5, mode="area")[0, 0]
    return (255 * chosen).round().byte()
