"""One training loop, from a laptop to many GPUs (book chapter: train)."""

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from colorlab.datasets import Photos, find_images, training_batches
from colorlab.decode import output_to_ab, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.losses import l2_loss, soft_cross_entropy
from colorlab.network import STRIDE, ColorNet, save_model
from colorlab.prior import LAM, load_prior, rebalance_weights, smooth_prior
from colorlab.quantize import N_BINS, N_NEIGHBORS, bin_centers, soft_encode

LOSSES = ("rebal", "class", "l2")
KEEP = 2  # checkpoints
LABEL_STRIDE = 4  # the network's output is a quarter of its input


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a run (book chapter: train)."""

    width: int = 32
    variant: str = "paper"
    loss: str = "rebal"  # "class": lam = 1, no rebalancing; "l2": regression
    lam: float = LAM
    k: int = N_NEIGHBORS
    size: int = 64  # pixels; a source may ask for its own
    batch_size: int = 64
    steps: int = 10_000
    lr: float = 2e-3
    weight_decay: float = 1e-2  # AdamW's, apart from the loss
    warmup: int = 500  # steps of rising learning rate
    cooldown: float = 0.25  # share of the steps in which it falls to 0
    clip: float = 1.0  # largest gradient norm
    precision: str = "bf16"
    seed: int = 0
    save_every: int = 500
    workers: int = 1


PRESETS = {
    "laptop": TrainConfig(),
    "smoke": TrainConfig(  # does it run at all?
        width=8, size=32, batch_size=8, steps=20, warmup=5, save_every=10, workers=0
    ),
}


def learning_rate(step: int, config: TrainConfig) -> float:
    """Give the learning rate of a step: up, flat, and down to 0 in a line.

    Parameters
    ----------
    step : int
        From 0.
    config : TrainConfig
        Its lr, warmup, cooldown and steps count.

    Returns
    -------
    float
        A flat middle (unlike a cosine) lets a run be made longer before the descent
        has begun. Book chapter: train.
    """
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    fall = min(1.0, (config.steps - step) / max(1.0, config.cooldown * config.steps))
    return config.lr * min(rise, fall)


def color_loss(
    output: Tensor, ab: Tensor, centers: Tensor, w: Tensor, k: int = N_NEIGHBORS
) -> Tensor:
    """Compare the network's output with the true chroma (book chapter: train).

    Parameters
    ----------
    output : Tensor, shape (N, Q, h, w) or (N, 2, h, w)
        Logits, or ab for a network of two channels.
    ab : Tensor, shape (N, 2, h, w)
        Truth, in Lab units.
    centers : Tensor, shape (Q, 2)
        Bin centers.
    w : Tensor, shape (Q,)
        Weight of a pixel, by its nearest bin.
    k : int
        Bins that share a pixel.

    Returns
    -------
    Tensor, scalar
        `l2_loss` for two channels, else rebalanced `soft_cross_entropy`.
    """
    if output.shape[1] == ab.shape[1]:
        return l2_loss(output, ab)
    bins, weights = soft_encode(ab, centers, k)
    return soft_cross_entropy(output, bins, weights, pixel_weight=w[bins[:, 0]])


def train_step(
    model: torch.nn.Module,
    rgb: Tensor,
    objective: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    clip: float,
) -> tuple[Tensor, Tensor]:
    """Learn from one batch (book chapter: train).

    Parameters
    ----------
    model : Module
        Takes L, gives the output that `objective` compares with ab.
    rgb : Tensor of uint8, shape (N, 3, H, W)
        A batch of color photos.
    objective : callable
        From output and true ab, at a quarter of the size, to the loss.
    optimizer, accelerator
        As prepared by accelerate.
    clip : float
        Largest gradient norm.

    Returns
    -------
    loss, norm : Tensor, scalar
        The loss, and the gradient's norm before clipping.
    """
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
    output = model(L.contiguous(memory_format=torch.channels_last))
    loss = objective(output.float(), avg_pool2d(ab, LABEL_STRIDE))
    optimizer.zero_grad()
    accelerator.backward(loss)
    norm = accelerator.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.detach(), torch.as_tensor(norm)


def train(
    data: list[tuple[str | Path, int | None]],
    out: str | Path,
    config: TrainConfig,
    resume: bool = False,
    init: ColorNet | None = None,
    on_step: Callable[[dict], None] | None = None,
) -> ColorNet:
    """Train a network, or go on training it (book chapter: train).

    Parameters
    ----------
    data : list of (path, int or None)
        Folders of photos, each with the size at which to show them, or None for
        `config.size`.
    out : str or Path
        The run's folder: config.json, metrics.jsonl, checkpoints/, samples/ and, at
        the end, model.safetensors.
    config : TrainConfig
        The recipe.
    resume : bool
        Go on from the last checkpoint in `out`, if there is one.
    init : ColorNet, optional
        Start from these weights; width, variant and head must be those of `config`.
    on_step : callable, optional
        Called with each step's record: step, epoch, loss, norm, lr, seconds.

    Returns
    -------
    ColorNet
        In eval mode, on the CPU.

    Raises
    ------
    ValueError
        If the data or the configuration cannot be used, `out` holds a run that
        `resume` does not ask for, or holds one with another configuration.
    FloatingPointError
        If the loss is no longer a number; checkpoints are kept.
    """
    sources = [(find_images(path), size or config.size) for path, size in data]
    out = Path(out)
    _open_run(out, config, resume)
    accelerator, model, optimizer = _start(config, init)
    step = _restore(accelerator, out)
    device = accelerator.device
    objective = _objective(config, device)
    watched = _watched_photos(sources[-1])
    batches = training_batches(
        sources, config.batch_size, config.seed, step, config.workers
    )
    _cut_metrics(out / "metrics.jsonl", step)
    with open(out / "metrics.jsonl", "a") as metrics:
        while step < config.steps:
            start = time.perf_counter()
            epoch, rgb = next(batches)
            lr = learning_rate(step, config)
            for group in optimizer.param_groups:
                group["lr"] = lr
            loss, norm = train_step(
                model, rgb.to(device), objective, optimizer, accelerator, config.clip
            )
            step += 1
            record = {
                "step": step,
                "epoch": epoch,
                "loss": loss.item(),
                "norm": norm.item(),
                "lr": lr,
                "seconds": time.perf_counter() - start,
                "photos": len(rgb),
            }
            if not math.isfinite(record["loss"]):
                raise FloatingPointError(f"the loss is {loss} at step {step}")
            metrics.write(json.dumps(record) + "\n")
            if on_step:
                on_step(record)
            if step % config.save_every == 0 or step == config.steps:
                metrics.flush()
                _save(accelerator, out, step)
                sheet = _contact_sheet(accelerator.unwrap_model(model), watched)
                sheet.save(out / "samples" / f"step-{step:08d}.png")
    return _finish(accelerator.unwrap_model(model), out, step, config)


def _start(
    config: TrainConfig, init: ColorNet | None
) -> tuple[Accelerator, torch.nn.Module, torch.optim.Optimizer]:
    """Build the network and the optimizer, on the device."""
    accelerator = Accelerator(mixed_precision=config.precision)
    set_seed(config.seed)
    out_channels = 2 if config.loss == "l2" else N_BINS
    model = ColorNet(config.width, config.variant, out_channels)
    if init is not None:
        shape = (init.width, init.variant, init.out_channels)
        if shape != (config.width, config.variant, out_channels):
            raise ValueError(f"init must be like the config, got a network of {shape}")
        model.load_state_dict(init.state_dict())
    model.to(accelerator.device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), config.lr, weight_decay=config.weight_decay
    )
    return accelerator, *accelerator.prepare(model, optimizer)


def _restore(accelerator: Accelerator, out: Path) -> int:
    """Load the last checkpoint, if there is one, and give its step."""
    checkpoints = _checkpoints(out)
    if not checkpoints:
        return 0
    accelerator.load_state(str(checkpoints[-1]))
    return int(checkpoints[-1].name.removeprefix("step-"))


def _finish(model: ColorNet, out: Path, step: int, config: TrainConfig) -> ColorNet:
    """Write the network, as a copy that accelerate has not wrapped."""
    network = ColorNet(model.width, model.variant, model.out_channels)
    network.load_state_dict(model.state_dict())
    network.card = {"steps": step, "config": asdict(config)}
    save_model(network.eval(), out / "model.safetensors")
    return network


def _objective(
    config: TrainConfig, device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    centers = bin_centers().to(device)
    lam = config.lam if config.loss == "rebal" else 1.0
    w = rebalance_weights(smooth_prior(load_prior(), bin_centers()), lam)
    return partial(color_loss, centers=centers, w=w.float().to(device), k=config.k)


def _open_run(out: Path, config: TrainConfig, resume: bool) -> None:
    """Make the run's folder, or check that it is this run's."""
    if config.loss not in LOSSES:
        raise ValueError(f"loss must be in {LOSSES}, got {config.loss!r}")
    if config.size % STRIDE:
        raise ValueError(f"size must be a multiple of {STRIDE}, got {config.size}")
    if _checkpoints(out):
        if not resume:
            raise ValueError(
                f"out must be a new folder, or resume be set; {out} is not"
            )
        before = json.loads((out / "config.json").read_text())
        now = asdict(config)
        free = {"steps", "save_every", "workers"}
        changed = [key for key in now if key not in free and now[key] != before[key]]
        if changed:
            told = ", ".join(f"{k} {before[k]} -> {now[k]}" for k in changed)
            raise ValueError(
                f"config must be that of the run in {out}; changed: {told}"
            )
    for folder in ("checkpoints", "samples"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def _checkpoints(out: Path) -> list[Path]:
    return sorted((out / "checkpoints").glob("step-*"))


def _save(accelerator: Accelerator, out: Path, step: int) -> None:
    """Write a checkpoint, which appears whole or not at all, and drop older ones."""
    folder = out / "checkpoints" / f"step-{step:08d}"
    unfinished = folder.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    accelerator.save_state(str(unfinished))
    os.replace(unfinished, folder)
    for old in _checkpoints(out)[:-KEEP]:
        shutil.rmtree(old)


def _cut_metrics(path: Path, step: int) -> None:
    """Drop the records after the checkpoint that a run starts from."""
    if path.exists():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:step]))


def _watched_photos(source: tuple[list[Path], int]) -> Tensor:
    """Eight photos, spread over the source, to be looked at during the run."""
    paths, size = source
    spread = paths[:: max(1, len(paths) // 8)][:8]
    return torch.stack([*Photos([(spread, size)], seed=None)])


@torch.no_grad()
def _contact_sheet(model: ColorNet, rgb: Tensor) -> Image.Image:
    """Three rows: gray, predicted, true."""
    device = next(model.parameters()).device
    lab = rgb_to_lab(rgb.to(device))
    L, ab = lab[:, :1], lab[:, 1:]
    model.eval()
    ab_hat = output_to_ab(model(L), bin_centers().to(device))
    model.train()
    ab_hat = upsample(ab_hat, L.shape[-2:])
    rows = [torch.cat([L, chroma], 1) for chroma in (0 * ab, ab_hat, ab)]
    sheet = torch.cat([torch.cat([*row], dim=-1) for row in rows], dim=-2)
    pixels = (lab_to_rgb(sheet) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels)
