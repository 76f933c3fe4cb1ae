"""Training diagnostics: metrics, the classic failures, a picture (chapter: train)."""

from collections.abc import Callable, Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from colorlab.colorize import output_to_ab, to_image
from colorlab.decode import mode, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.quantize import nearest_bin
from colorlab.transfer import Network

SETTLED = 500  # steps; before them every network has one color for all
LASTING = 10  # records that must show it together
WAITING = 40  # records earlier, since when a rebalanced run must not have improved
GROWTH = 1.2  # of the spread of hues in that time: less is no improvement
NOISE = 1e-5  # of that spread: sums of float32 are no more exact
GRAY_SHARE = 0.6  # of the data's chroma: less is gray
ONE_BIN = 0.95  # of all pixels: more is one color
EXPLODED = 100  # times the first loss, or times 1 if that was less
HIGHEST = 1e5  # no young network begins near it, nor does L2 (the gamut squared)
WORSE, SAVES = 1.02, 3  # held-out loss over its least, after so many saves
AT_ONCE = 8  # images
DIVERGED, NO_COLOR = "diverged", "no color"
ADVICE = {
    DIVERGED: "lower lr, lengthen warmup or lower clip; with fp16 use bf16",
    NO_COLOR: "no image of these batches has color, so nothing is learned: use color "
    "images",
    "overfitting": "the held-out loss rises while the training loss falls: use more "
    "images or stop here; best.safetensors is the best network so far",
    "gray": "the predictions are much duller than the truth and do not improve: raise "
    "lr, or lower lam",
    "gray, l2": "the predictions are dull, as an l2 loss averages all colors: use "
    "--loss rebal",
    "gray, class": "the predictions are dull, as most pixels are and all count the "
    "same: use --loss rebal",
    "one color": "all pixels take one color and do not improve: lower lr or lengthen "
    "warmup; check prior and lam; start from a trained network (--init)",
}


@torch.no_grad()
def diagnostics(model: Network, output: Tensor, ab: Tensor) -> dict[str, float]:
    """Measure what a network predicts, beside the truth (book chapter: train).

    Parameters
    ----------
    model : Network
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
    ab = adaptive_avg_pool2d(ab, (output.shape[-2], output.shape[-1]))
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


def diagnose(records: Sequence[dict], loss: str = "rebal") -> str | None:
    """Name the failure that records show (book chapter: train).

    Parameters
    ----------
    records : sequence of dict
        Those of a run, newest last, with step, loss and the metrics of `diagnostics`;
        those of a save have held_out, too.
    loss : str
        "rebal", "class" or "l2".

    Returns
    -------
    str or None
        A key of `ADVICE`; None for a healthy run. "diverged" and "no color" at once;
        "overfitting" once three saves, over 40 records or more, were worse than one
        before; "gray" and "one color" only after step 500, by the mean of the last 10
        records. Every young network has one color, so these two wait (but for "l2")
        while 1 - one_way, the spread of hues, grows by a fifth in 40 records.

    Examples
    --------
    >>> diagnose([{"step": 1, "loss": 4.9}, {"step": 2, "loss": 9e19}])
    'diverged'
    """
    newest, lasting = records[-1], records[-LASTING:]
    ceiling = min(EXPLODED * max(1.0, records[0]["loss"] or 0.0), HIGHEST)
    held_out = newest.get("held_out")  # that of a save, else missing
    if newest["loss"] is None or not newest["loss"] < ceiling:
        return DIVERGED
    if held_out is not None and not held_out < EXPLODED * ceiling:
        return DIVERGED
    if newest["loss"] == 0:
        return NO_COLOR
    if _overfits(records):
        return "overfitting"
    if len(lasting) < LASTING or lasting[0]["step"] < SETTLED:
        return None
    if loss != "l2" and _improves(records):
        return None
    if _mean(lasting, "chroma") < GRAY_SHARE * _mean(lasting, "true_chroma"):
        return "gray" if loss == "rebal" else f"gray, {loss}"
    return "one color" if _mean(lasting, "top_bin") > ONE_BIN else None


def _mean(records: Sequence[dict], name: str) -> float:
    return sum(record[name] for record in records) / len(records)


def _improves(records: Sequence[dict]) -> bool:
    """Return True if hues spread more than before, or if it is too early to know."""
    before = records[-LASTING - WAITING : -WAITING]
    if len(before) < LASTING:
        return True
    spread, earlier = (
        1 - _mean(part, "one_way") for part in (records[-LASTING:], before)
    )
    return spread > max(GROWTH * earlier, NOISE)


def _overfits(records: Sequence[dict]) -> bool:
    """Return True if the held-out loss has risen while the training loss has fallen."""
    saves = [n for n, r in enumerate(records) if r.get("held_out") is not None]
    best = min(saves, key=lambda n: records[n]["held_out"], default=0)
    if len([n for n in saves if n > best]) < SAVES or best < LASTING:
        return False
    if len(records) - best <= WAITING:  # saves close together differ by chance
        return False
    now, then = records[-LASTING:], records[best + 1 - LASTING : best + 1]
    worse = records[saves[-1]]["held_out"] > WORSE * records[best]["held_out"]
    return worse and _mean(now, "loss") < _mean(then, "loss")


@torch.no_grad()
def colorize_batch(
    network: Network, rgb: Tensor, objective: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, float]:
    """Colorize images, and compare with the truth (book chapter: train).

    Parameters
    ----------
    network : Network
        In eval mode.
    rgb : Tensor of uint8, shape (N, 3, H, W)
        The images.
    objective : callable
        From output and true ab, in full size, to the loss.

    Returns
    -------
    ab_hat : Tensor, shape (N, 2, H, W)
        In Lab units, on the CPU.
    loss : float
        Mean over the images.
    """
    colors, losses = [], 0.0
    for part in rgb.split(AT_ONCE):
        L, ab = rgb_to_lab(part.to(network.centers.device)).split([1, 2], dim=1)
        output = network(L)
        losses += objective(output, ab).item() * len(part)
        colors.append(upsample(output_to_ab(network, output), L.shape[-2:]).cpu())
    return torch.cat(colors), losses / len(rgb)


def contact_sheet(rgb: Tensor, ab_hat: Tensor) -> Image.Image:
    """Draw images in three rows: gray, predicted, true (book chapter: train).

    Parameters
    ----------
    rgb : Tensor of uint8, shape (N, 3, H, W)
        The images.
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
