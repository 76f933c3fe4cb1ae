"""Which places look alike to a layer, and what excites a unit (book chapter: probe)."""

from contextlib import ExitStack

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, normalize

from colorlab.lab import rgb_to_lab
from colorlab.network import ColorNet, layer_table
from colorlab.widgets.front import front, to_jpeg

SIDE = 256  # pixels of a photo's square, as the network sees it
PLACE, STEP = 64, 32  # pixels: the side of a place, and from one to the next
ACROSS = (SIDE - PLACE) // STEP + 1
KEPT, JPEG_QUALITY = 176, 50  # pixels of a square as it travels
SPACES = ("pixels", "conv3", "conv7")
BLOCKS = ("conv2", "conv3", "conv5", "conv7")  # whose units can be picked
NEAR, BEST = 5, 6  # places shown, each in another photo
COARSE = 8  # cells, each way, of the small copy by which pixels are compared


class LookAlikes(anywidget.AnyWidget):
    """Pick a place of a photo and see the nearest ones; pick a unit and see its best.

    A place is a square of 64 of 256 pixels. What travels are the photos in gray, for
    each place the nearest in five other photos by pixels, by conv3 and by conv7, and
    for each unit of some blocks the six photos that excite it most, and where.

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    photos : dict of str to PIL.Image.Image
        Names and RGB pictures, six or more; the middle square of each is used.
    place : tuple of int
        Photo, column and row picked at first.
    unit : tuple of (str, int)
        Block and unit picked at first.

    Raises
    ------
    ValueError
        If there are fewer photos, or no such place or unit.
    """

    _esm, _css = front("lookalikes")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)  # a JPEG file a photo
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)
    spaces = traitlets.List(traitlets.Unicode(), list(SPACES)).tag(sync=True)
    near = traitlets.Bytes().tag(sync=True)  # uint16: space, place, the nearest
    blocks = traitlets.List(traitlets.Dict()).tag(sync=True)
    best = traitlets.Bytes().tag(sync=True)  # uint8: unit, rank: photo, x, y, share
    photo = traitlets.Int(0, min=0).tag(sync=True)
    cell = traitlets.List(traitlets.Int(min=0, max=ACROSS - 1), [3, 3], 2, 2).tag(
        sync=True
    )
    block = traitlets.Int(len(BLOCKS) - 1, min=0, max=len(BLOCKS) - 1).tag(sync=True)
    unit = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(
        self,
        model: ColorNet,
        photos: dict[str, Image.Image],
        place: tuple[int, int, int] = (0, 3, 3),
        unit: tuple[str, int] = ("conv7", 0),
    ) -> None:
        if not NEAR < len(photos) < 256:  # noqa: PLR2004  a byte
            raise ValueError(f"photos must be {NEAR + 1} to 255, got {len(photos)}")
        photo, *cell = place
        if not (0 <= photo < len(photos) and all(0 <= at < ACROSS for at in cell)):
            raise ValueError(
                f"place must be a photo below {len(photos)} and a column and a row "
                f"below {ACROSS}, got {place}"
            )
        squares = [middle_square(image) for image in photos.values()]
        answers, features = read_blocks(model, lightness(squares))
        table = layer_table(model, SIDE)
        best = {name: best_places(answers[name]) for name in BLOCKS}
        block, number = unit
        if block not in BLOCKS or not 0 <= number < len(best[block]):
            raise ValueError(
                f"unit must be one of the units of {', '.join(BLOCKS)}, got {unit}"
            )
        files = [
            to_jpeg(square.convert("L").resize((KEPT, KEPT)), JPEG_QUALITY)
            for square in squares
        ]
        near = torch.stack([nearest_places(features[name]) for name in SPACES])
        super().__init__(
            names=list(photos),
            pixels=b"".join(files),
            lengths=[len(file) for file in files],
            near=near.numpy().astype("<u2").tobytes(),
            blocks=[
                {
                    "name": name,
                    "units": len(places),
                    "field": max(
                        row.receptive_field for row in table if row.name[:5] == name
                    ),
                }
                for name, places in best.items()
            ],
            best=torch.cat([*best.values()]).numpy().tobytes(),
            photo=photo,
            cell=cell,
            block=BLOCKS.index(block),
            unit=number,
        )


def middle_square(image: Image.Image) -> Image.Image:
    """Return the middle square of a picture, in 256 pixels, mode RGB."""
    least = min(image.size)
    left, top = ((length - least) / 2 for length in image.size)
    box = (left, top, left + least, top + least)
    return image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)


def lightness(squares: list[Image.Image]) -> Tensor:
    """Return shape (N, 1, 256, 256), in Lab units."""
    rgb = np.stack([np.asarray(square) for square in squares])
    return rgb_to_lab(torch.from_numpy(rgb).permute(0, 3, 1, 2))[:, :1]


@torch.inference_mode()
def read_blocks(
    model: ColorNet, L: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Read what blocks answer to photos: unit by unit, and averaged over each place.

    Parameters
    ----------
    model : ColorNet
        In eval mode.
    L : Tensor, shape (N, 1, 256, 256)
        Lightness in Lab units.

    Returns
    -------
    answers : dict of str to Tensor, shape (N, C, h, w)
        Of each of `BLOCKS`: its last ReLU.
    features : dict of str to Tensor, shape (N, 7, 7, D)
        Of each of `SPACES`: means over each place, of what the block hands on or of
        8 by 8 cells of the lightness.
    """
    answers: dict[str, list[Tensor]] = {name: [] for name in BLOCKS}
    handed: dict[str, list[Tensor]] = {name: [] for name in SPACES[1:]}
    with ExitStack() as hooks:
        for kept, pick in ((answers, _last_relu), (handed, lambda block: block)):
            for name, found in kept.items():
                module = pick(getattr(model, name))
                hooks.enter_context(
                    module.register_forward_hook(
                        lambda *told, found=found: found.append(told[2].cpu().clone())
                    )
                )
        for each in L.split(1):
            model(each.to(model.centers.device))
    features = {SPACES[0]: _coarse_places(L)}
    for name, found in handed.items():
        maps = torch.cat(found)
        cells = maps.shape[-1] * PLACE // SIDE
        pooled = avg_pool2d(maps, cells, cells * STEP // PLACE)
        features[name] = pooled.permute(0, 2, 3, 1)
    return {name: torch.cat(found) for name, found in answers.items()}, features


def _last_relu(block: nn.Sequential) -> nn.Module:
    return [module for module in block if isinstance(module, nn.ReLU)][-1]


def _coarse_places(L: Tensor) -> Tensor:
    small = adaptive_avg_pool2d(L, SIDE * COARSE // PLACE)
    places = small.unfold(2, COARSE, COARSE * STEP // PLACE)
    places = places.unfold(3, COARSE, COARSE * STEP // PLACE)
    return places[:, 0].flatten(3)


def nearest_places(features: Tensor, count: int = NEAR) -> Tensor:
    """Find for each place the most alike in other photos, one in each.

    Parameters
    ----------
    features : Tensor, shape (N, 7, 7, D)
        Of the places of N photos.
    count : int
        Places wanted, below N.

    Returns
    -------
    Tensor of int64, shape (49 N, count)
        Numbers of places, photo by photo and row by row; by the cosine of features
        less their mean, the nearest first.

    Examples
    --------
    >>> places = torch.zeros(3, 7, 7, 2)
    >>> places[1, 2, 2] = places[2, 0, 1] = torch.tensor([1.0, 0.0])
    >>> nearest_places(places, 1)[49 + 16].tolist()  # 2 * 49 + 0 * 7 + 1
    [99]
    """
    photos, each = len(features), features[0, ..., 0].numel()
    x = features.reshape(photos * each, -1)
    x = normalize(x - x.mean(dim=0))
    alike = (x @ x.T).view(-1, photos, each)
    best, at = alike.max(dim=2)
    own = torch.arange(photos).repeat_interleave(each)
    best[torch.arange(len(best)), own] = -2  # below any cosine
    others = best.topk(count, dim=1).indices
    return others * each + at.gather(1, others)


def best_places(answers: Tensor, count: int = BEST) -> Tensor:
    """Find the photos that excite each unit most, and where they do.

    Parameters
    ----------
    answers : Tensor, shape (N, C, h, w)
        Of N photos, 0 or more.
    count : int
        Photos wanted, at most N.

    Returns
    -------
    Tensor of uint8, shape (C, count, 4)
        Of each unit, the strongest first: the photo, the middle of the strongest
        answer, x and y in pixels of 256, and the answer, 255 for the unit's
        strongest. All of a unit that never answers is 0.
    """
    side = answers.shape[-1]
    strongest, at = answers.flatten(2).max(dim=2)  # (N, C)
    top, photo = strongest.topk(count, dim=0)
    at = at.gather(0, photo)
    middle = [(place + 0.5) * SIDE / side for place in (at % side, at // side)]
    share = (255 * top / top[0].clamp(min=1e-6)).round()
    found = torch.stack([photo.float(), *middle, share], dim=-1).transpose(0, 1)
    found[top[0] <= 0] = 0
    return found.byte().contiguous()
