"""Tap a gray photo: which places of another look like it (book chapter: example)."""

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image

from colorlab.lab import rgb_to_lab
from colorlab.quantize import bin_centers
from colorlab.widgets.front import front

PIXELS = 7000  # of a photo; three bytes each
SAMPLES, MOST = 200, 50  # places to choose from; matches at most
VIEWS = ("gray", "colored", "truth")


class Matches(anywidget.AnyWidget):
    """Colors by example, point by point: matches, and the distribution they vote for.

    All is computed in the page, by `matching.js`, as `colorlab.classics.example` does.

    Parameters
    ----------
    photos : dict of str to PIL.Image.Image
        RGB pictures, each of which can be colored or be the example. The first is
        colored by the second at first.
    spot : tuple of float
        The point picked at first: x and y in 0..1.
    k : int
        Matches at first, in 1..50.

    Raises
    ------
    ValueError
        If there are fewer than two photos, or a number is out of range.
    """

    _esm, _css = front("matches")
    photos = traitlets.List(traitlets.Dict()).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    centers = traitlets.Bytes().tag(sync=True)
    most = traitlets.Int(MOST).tag(sync=True)
    photo = traitlets.Int(0, min=0).tag(sync=True)
    example = traitlets.Int(1, min=0).tag(sync=True)
    spot = traitlets.List(traitlets.Float(min=0, max=1), [0.5, 0.5], 2, 2).tag(
        sync=True
    )
    k = traitlets.Int(20, min=1, max=MOST).tag(sync=True)
    view = traitlets.Enum(VIEWS, VIEWS[0]).tag(sync=True)

    def __init__(
        self,
        photos: dict[str, Image.Image],
        spot: tuple[float, float] = (0.5, 0.5),
        k: int = 20,
    ) -> None:
        if len(photos) < 2:
            raise ValueError(f"photos must be two or more, got {len(photos)}")
        if not (len(spot) == 2 and all(0 <= share <= 1 for share in spot)):
            raise ValueError(f"spot must be two numbers in 0..1, got {spot}")
        if not 1 <= k <= MOST:
            raise ValueError(f"k must be in 1..{MOST}, got {k}")
        layouts: list[dict] = []
        blobs: list[bytes] = []
        for name, image in photos.items():
            layout, blob = pack_photo(image)
            offset = sum(len(blob) for blob in blobs)
            layouts.append({"name": name, "offset": offset, **layout})
            blobs.append(blob)
        super().__init__(
            photos=layouts,
            pixels=b"".join(blobs),
            centers=bin_centers().numpy().tobytes(),
            spot=list(spot),
            k=k,
        )


def pack_photo(image: Image.Image) -> tuple[dict, bytes]:
    """Return a photo's layout, and its lightness and chroma as bytes.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB; shrunk to about 7,000 pixels.

    Returns
    -------
    layout : dict
        height, width, and the places that matches are chosen from (pixels, counted
        row by row).
    blob : bytes
        L (height x width, 255 for white), then ab (height x width x 2, signed).

    Examples
    --------
    >>> layout, blob = pack_photo(Image.new("RGB", (300, 200)))
    >>> layout["height"], layout["width"], len(blob) == 3 * 68 * 102
    (68, 102, True)
    """
    # Only here: other figures play without scipy.
    from colorlab.classics.example import jittered_places

    scale = min(1.0, (PIXELS / (image.width * image.height)) ** 0.5)
    width, height = (max(1, round(scale * side)) for side in image.size)
    rgb = np.asarray(image.convert("RGB").resize((width, height)))
    lab = rgb_to_lab(torch.from_numpy(rgb.transpose(2, 0, 1).copy())).numpy()
    rows, columns = jittered_places(height, width, SAMPLES, np.random.default_rng(0)).T
    layout = {
        "height": height,
        "width": width,
        "places": (rows * width + columns).tolist(),
    }
    L = (lab[0] * 2.55).round().clip(0, 255).astype(np.uint8)
    ab = lab[1:].transpose(1, 2, 0).round().astype(np.int8)
    return layout, L.tobytes() + ab.tobytes()
