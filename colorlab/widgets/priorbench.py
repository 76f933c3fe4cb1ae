"""A bench to smooth the prior and weigh its bins (book chapter: prior)."""

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor

from colorlab.lab import rgb_to_lab
from colorlab.prior import LAM, load_prior
from colorlab.quantize import SIGMA, bin_centers, nearest_bin
from colorlab.widgets.front import front, to_jpeg

JPEG_QUALITY = 88
SCALES = ("log", "linear")


class PriorBench(anywidget.AnyWidget):
    """Turn lambda and sigma; see the prior, the weights, and a photo's pixels.

    Smoothing and weights are computed in the page, by `bins.js`.

    Parameters
    ----------
    photo : PIL.Image.Image
        Whose pixels are weighted; shrunk, never enlarged.
    p : Tensor, shape (313,), optional
        Shares or counts of the bins, not smoothed; without it, Tiny ImageNet's.
    lam : float
        Lambda at first, 0..1.
    sigma : float
        Sigma at first, 1..15 ab units.
    size : int
        Shorter side of the shrunk photo, in pixels.

    Raises
    ------
    ValueError
        If `p` does not hold one number a bin, none negative and not all 0, or a
        number is out of range.
    """

    _esm, _css = front("priorbench")
    p = traitlets.Bytes().tag(sync=True)  # float64, (Q,)
    centers = traitlets.Bytes().tag(sync=True)  # float32, (Q, 2)
    bins = traitlets.Bytes().tag(sync=True)  # uint16, one a pixel, row by row
    size = traitlets.List(traitlets.Int()).tag(sync=True)  # width, height
    jpeg = traitlets.Bytes().tag(sync=True)
    lam = traitlets.Float(min=0, max=1).tag(sync=True)
    sigma = traitlets.Float(SIGMA, min=1, max=15).tag(sync=True)
    scale = traitlets.Enum(SCALES, SCALES[0]).tag(sync=True)  # of the prior's map
    bin = traitlets.Int(min=0).tag(sync=True)  # that is framed
    pixel = traitlets.List(traitlets.Int()).tag(sync=True)  # x, y; or none

    def __init__(
        self,
        photo: Image.Image,
        p: Tensor | None = None,
        lam: float = LAM,
        sigma: float = SIGMA,
        size: int = 112,
    ) -> None:
        p, centers = load_prior() if p is None else p, bin_centers()
        if p.shape != (len(centers),) or (p < 0).any() or not p.sum() > 0:
            raise ValueError(
                f"p must hold {len(centers)} numbers, none negative, not all 0; "
                f"got shape {tuple(p.shape)}, sum {p.sum().item()}"
            )
        if not 0 <= lam <= 1:
            raise ValueError(f"lam must be in 0..1, got {lam}")
        if not 1 <= sigma <= 15:
            raise ValueError(f"sigma must be in 1..15, got {sigma}")
        small = _shrink(photo.convert("RGB"), size)
        bins, (x, y) = pixel_bins(small, centers), (side // 2 for side in small.size)
        super().__init__(
            p=(p.double() / p.sum().item()).cpu().numpy().tobytes(),
            centers=centers.numpy().tobytes(),
            bins=bins.numpy().astype("<u2").tobytes(),
            size=list(small.size),
            jpeg=to_jpeg(small, JPEG_QUALITY),
            lam=lam,
            sigma=sigma,
            bin=bins[y, x].item(),
            pixel=[x, y],
        )


def pixel_bins(photo: Image.Image, centers: Tensor) -> Tensor:
    """Find the bin of every pixel (book chapter: prior).

    Parameters
    ----------
    photo : PIL.Image.Image
        Mode RGB.
    centers : Tensor, shape (Q, 2)
        Bin centers in ab units.

    Returns
    -------
    Tensor of int64, shape (H, W)
        Indices into `centers`.

    Examples
    --------
    >>> bins = pixel_bins(Image.new("RGB", (3, 2), "gray"), bin_centers())
    >>> bins.shape, bin_centers()[bins[0, 0]].tolist()
    (torch.Size([2, 3]), [0.0, 0.0])
    """
    rgb = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None]
    return nearest_bin(rgb_to_lab(rgb)[:, 1:], centers)[0]


def _shrink(photo: Image.Image, size: int) -> Image.Image:
    scale = min(1, size / min(photo.size))
    return photo.resize([max(1, round(side * scale)) for side in photo.size])
