"""Is the run healthy? Figures, the classic failures, and a picture (chapter: train)."""

import math
from collections.abc import Callable, Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from colorlab.colorize import output_to_ab, to_image
from colorlab.decode import mode, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import ColorNet
from colorlab.quantize import nearest_bin

SETTLED = 500  # steps; before them every network has one color for all
LASTING = 10  # records that must show it together
GRAY_SHARE = 0.6  # of the data's chroma: less is gray
AT_ONCE = 8  # photos
ONE_BIN = 0.95  # of all pixels: more is one color
NOT_A_NUMBER = "not a number"
ADVICE = {
    "gray": "the pictures stay gray: is the loss rebalanced (loss=rebal)? an l2 loss "
    "averages all colors to gray; else wait, or raise lr",
    "one color": "all pictures take one color: lower lr or lengthen warmup; check the "
    "prior and lam; start from a trained network (init)",
    NOT_A_NUMBER: "lower lr, lengthen warmup or lower clip; with fp16 use bf16",
}


@torch.no_grad()
def diagnostics(model: ColorNet, output: Tensor, ab: Tensor) -> dict[str, float]:
    """Measure what a network says, beside what is true (book chapter: train).

    Parameters
    ----------
    model : ColorNet
        The network.
    output : Tensor, shape (N, Q, h, w) or (N, 2, h, w)
        What it returned.
    ab : Tensor, shape (N, 2, H, W)
        Truth, in Lab units, in full size.

    Returns
    -------
    dict of str to float
        chroma and true_chroma: mean distance from gray of the annealed mean and of
        the truth, in ab units. one_way: length of the mean ab over the mean chroma; 1
        if all pixels have one hue. top_bin: share of pixels in the most frequent bin.
        entropy: of the distributions, in nats, mean over pixels; for a network of two
        channels 0.
    """
    ab = adaptive_avg_pool2d(ab, output.shape[-2:])
    ab_hat = output_to_ab(model, output)
    chroma = ab_hat.norm(dim=1).mean().item()
    shift = ab_hat.mean(dim=(0, 2, 3)).norm().item()
    distribution = model.head == "bins"
    likeliest = mode(output, model.centers) if distribution else ab_hat
    bins = nearest_bin(likeliest, model.centers).flatten()
    log_p = output.log_softmax(dim=1)
    entropy = -(log_p.exp() * log_p).sum(dim=1).mean().item() if distribution else 0.0
    return {
        "chroma": chroma,
        "true_chroma": ab.norm(dim=1).mean().item(),
        "one_way": shift / chroma if chroma else 0.0,
        "top_bin": bins.bincount().max().item() / len(bins),
        "entropy": entropy,
    }


def diagnose(recent: Sequence[dict]) -> str | None:
    """Name the failure that records show (book chapter: train).

    Parameters
    ----------
    recent : sequence of dict
        The last records, newest last, with step, loss and the figures of `diagnostics`.

    Returns
    -------
    str or None
        "not a number" at once. After step 500, over the last 10 records: "gray" if
        the chroma is less than 0.6 of the truth's, "one color" if more than 0.95 of
        the pixels fall in one bin. None for a healthy run. `ADVICE` says what to try.
    """
    if not math.isfinite(recent[-1]["loss"]):
        return NOT_A_NUMBER
    lasting = recent[-LASTING:]
    if len(lasting) < LASTING or lasting[0]["step"] < SETTLED:
        return None
    chroma, true_chroma, top_bin = (
        sum(record[name] for record in lasting) / LASTING
        for name in ("chroma", "true_chroma", "top_bin")
    )
    if chroma < GRAY_SHARE * true_chroma:
        return "gray"
    return "one color" if top_bin > ONE_BIN else None


@torch.no_grad()
def colorize_batch(
    network: ColorNet, rgb: Tensor, objective: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, float]:
    """Color photos, and compare with the truth (book chapter: train).

    Parameters
    ----------
    network : ColorNet
        In eval mode.
    rgb : Tensor of uint8, shape (N, 3, H, W)
        The photos.
    objective : callable
        From output and true ab, in full size, to the loss.

    Returns
    -------
    ab_hat : Tensor, shape (N, 2, H, W)
        In Lab units, on the CPU.
    loss : float
        Mean over the photos.
    """
    colors, losses = [], 0.0
    for part in rgb.split(AT_ONCE):
        L, ab = rgb_to_lab(part.to(network.centers.device)).split([1, 2], dim=1)
        output = network(L)
        losses += objective(output, ab).item() * len(part)
        colors.append(upsample(output_to_ab(network, output), L.shape[-2:]).cpu())
    return torch.cat(colors), losses / len(rgb)


def contact_sheet(rgb: Tensor, ab_hat: Tensor) -> Image.Image:
    """Show photos in three rows: gray, predicted, true (book chapter: train).

    Parameters
    ----------
    rgb : Tensor of uint8, shape (N, 3, H, W)
        The photos.
    ab_hat : Tensor, shape (N, 2, H, W)
        Predicted chroma, in Lab units.

    Returns
    -------
    PIL.Image.Image
        N * W pixels wide, 3 * H high.
    """
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
    rows = [torch.cat([L, chroma], dim=1) for chroma in (0 * ab, ab_hat, ab)]
    sheet = torch.cat([torch.cat([*row], dim=-1) for row in rows], dim=-2)
    return to_image(lab_to_rgb(sheet))
