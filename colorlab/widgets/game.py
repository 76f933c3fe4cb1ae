"""You are the network: ten chips on the ab plane (book page: game)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from colorlab.colorize import network_size
from colorlab.evaluate.game import GAME_FORMAT, GAME_KIND, N_CHIPS, PRIOR_SHARE
from colorlab.lab import rgb_to_lab
from colorlab.network import ColorNet, layer_table
from colorlab.prior import load_prior, smooth_prior
from colorlab.quantize import N_BINS, N_NEIGHBORS, SIGMA, bin_centers
from colorlab.transfer import Network
from colorlab.widgets.front import front, to_jpeg

JPEG_QUALITY = 85
SIDE = 4  # pixels, each way, of the cell that the ring marks
LAYERS = ("conv1_2", "conv3_3", "conv4_3", "conv6_3")  # ends of blocks 1, 3, 4 and 6


class Round(NamedTuple):
    """A photo, the place that is asked for (0..1), and what the round teaches."""

    image: Image.Image
    x: float
    y: float
    lesson: str


class NetworkGame(anywidget.AnyWidget):
    """Bet ten chips on the color of a ringed cell, and see what the network bets.

    The reader sees the gray photo through windows as wide as the receptive fields of
    `LAYERS`. Then the truth appears, with the network's distribution. What travels is
    the photo at the network's size, the true color of the cell and 313 probabilities.

    Parameters
    ----------
    model : Network
        A network whose distribution is meant as one: of one logit a bin, with no
        adjustment by weights. In eval mode.
    rounds : dict of str to Round
        In the order of play, each under its photo's name.
    version : str
        What tells these rounds from others: results of one version can be pooled.
    size : int
        Shorter side in pixels of a photo as the network and the reader see it.

    Raises
    ------
    ValueError
        If the network does not give one logit a bin, there is no round, `version` is
        empty or a place is outside 0..1.
    """

    _esm, _css = front("game")
    rounds = traitlets.List(traitlets.Dict()).tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes of each JPEG
    pixels = traitlets.Bytes().tag(sync=True)
    probabilities = traitlets.Bytes().tag(sync=True)
    prior = traitlets.Bytes().tag(sync=True)
    centers = traitlets.Bytes().tag(sync=True)
    windows = traitlets.List(traitlets.Dict()).tag(sync=True)
    rule = traitlets.Dict().tag(sync=True)
    version = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode(GAME_KIND).tag(sync=True)
    format = traitlets.Int(GAME_FORMAT).tag(sync=True)

    def __init__(
        self,
        model: Network,
        rounds: Mapping[str, Round],
        version: str,
        size: int = 128,
    ) -> None:
        if model.head != "bins":
            raise ValueError(
                f"model must give {N_BINS} bins, got a head of {model.head!r}"
            )
        if not rounds or not version:
            raise ValueError(
                "rounds must be one or more and version must not be empty, "
                f"got {len(rounds)} rounds and {version!r}"
            )
        packed = [pack_round(model, each, size) for each in rounds.values()]
        files = [to_jpeg(image, JPEG_QUALITY) for image, _, _ in packed]
        centers = bin_centers()
        super().__init__(
            rounds=[
                {"photo": name, "lesson": each.lesson, **layout}
                for (name, each), (_, layout, _) in zip(
                    rounds.items(), packed, strict=True
                )
            ],
            lengths=[len(file) for file in files],
            pixels=b"".join(files),
            probabilities=torch.stack([p for *_, p in packed]).numpy().tobytes(),
            prior=smooth_prior(load_prior(), centers).float().numpy().tobytes(),
            centers=centers.numpy().tobytes(),
            windows=list_windows(LAYERS),
            rule={
                "chips": N_CHIPS,
                "sigma": SIGMA,
                "neighbors": N_NEIGHBORS,
                "priorShare": PRIOR_SHARE,
            },
            version=version,
        )


def read_rounds(path: Path, photos: Path) -> dict[str, Round]:
    """Read the rounds of a game: places of photos, and what is told of them.

    Parameters
    ----------
    path : Path
        A JSON list, in the order of play, of "photo", "x", "y" and "lesson".
    photos : Path
        The folder of the photos, JPEG files of those names.

    Returns
    -------
    dict of str to Round
        Each under its photo's name. Book page: game.

    Examples
    --------
    >>> rounds = read_rounds(Path("data/game.json"), Path("data/photos"))
    >>> rounds["coffee-cup"].x
    0.22
    """
    rounds = {}
    for given in json.loads(path.read_text(encoding="utf-8")):
        with Image.open(photos / f"{given['photo']}.jpg") as image:
            place = (given["x"], given["y"])
            rounds[given["photo"]] = Round(
                image.convert("RGB"), *place, given["lesson"]
            )
    return rounds


def list_windows(layers: Sequence[str]) -> list[dict]:
    """List how many pixels, each way, one number of some layers depends on.

    Parameters
    ----------
    layers : sequence of str
        Names as in `layer_table`.

    Returns
    -------
    list of dict
        "name" and "side" of each; the side is the layer's receptive field. Book page:
        game.

    Examples
    --------
    >>> [window["side"] for window in list_windows(LAYERS)]
    [5, 37, 85, 277]
    """
    with torch.device("meta"):  # only shapes are asked for
        fields = {row.name: row.receptive_field for row in layer_table(ColorNet(1))}
    return [{"name": name, "side": fields[name]} for name in layers]


@torch.inference_mode()
def pack_round(
    model: Network, given: Round, size: int
) -> tuple[Image.Image, dict, Tensor]:
    """Return a photo as the network sees it, the ringed cell, and what is said of it.

    Parameters
    ----------
    model : Network
        In eval mode, with one logit a bin.
    given : Round
        Its picture is of mode RGB.
    size : int
        Shorter side in pixels; both sides are rounded to multiples of 8.

    Returns
    -------
    image : PIL.Image.Image
        In color, at the network's size.
    layout : dict
        Height and width, "cell" (column, row), and of that cell the mean lightness
        "L" and the true "ab".
    p : Tensor of float32, shape (313,)
        The network's distribution for the cell.

    Raises
    ------
    ValueError
        If the place is outside 0..1.

    Examples
    --------
    >>> given = Round(Image.new("RGB", (48, 32), "white"), 0.5, 0.5, "")
    >>> image, layout, p = pack_round(ColorNet(width=1).eval(), given, 32)
    >>> image.size, layout["cell"], round(layout["L"]), p.shape
    ((48, 32), [6, 4], 100, torch.Size([313]))
    """
    if not (0 <= given.x < 1 and 0 <= given.y < 1):
        raise ValueError(f"x and y must be in 0..1, got {given.x} and {given.y}")
    height, width = network_size(given.image.height, given.image.width, size)
    image = given.image.resize((width, height))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    lab = rgb_to_lab(pixels)
    rows, columns = height // SIDE, width // SIDE
    column, row = int(given.x * columns), int(given.y * rows)
    L, a, b = adaptive_avg_pool2d(lab, (rows, columns))[0, :, row, column].tolist()
    logits = model(lab[:, :1].to(model.centers.device))[0, :, row, column]
    layout = {
        "height": height,
        "width": width,
        "cell": [column, row],
        "L": L,
        "ab": [a, b],
    }
    return image, layout, logits.float().softmax(0).cpu()
