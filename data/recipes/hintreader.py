"""Teach a network that colors to read a person's dots as well (chapter: hints).

    colorlab data shard IMAGENETTE -o SHARDS/imagenette --shorter 160
    colorlab data shard TINY-IMAGENET -o SHARDS/tiny-imagenet
    python data/recipes/hintreader.py SHARDS OUT

Training starts from `class`, with three inputs more (`HintReader`). Dots are drawn as
by Zhang et al. 2017, section 3.1; unlike there, the loss is the one that `class` was
trained with, and the statistics of batch norm stay as they are. OUT
gets checkpoints, from which the same command goes on, and hintreader.safetensors, the
running mean of the weights.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from colorlab import load_pretrained, rgb_to_lab
from colorlab.datasets import find_splits
from colorlab.datasets.batches import training_batches
from colorlab.losses import color_loss, label_ab
from colorlab.siggraph import HintReader
from colorlab.train.config import TrainConfig, learning_rate
from colorlab.weights import save_model

MORE = 7 / 8  # probability of one more dot
SIDES = (1, 10)  # pixels of a dot's side, the last not taken
SPREAD = 1 / 4  # standard deviation of a dot's place, in heights and widths
ALL = 0.01  # of the photos show all of their colors

BASE = "class"
SIZES = {"tiny-imagenet": 64, "imagenette": 128}  # pixels
TURNS = 3  # epochs of the second set in one of the first: as many pixels a batch
CONFIG = TrainConfig(  # what of it is read here
    batch_size=16, steps=5000, lr=1e-3, warmup=100, cooldown=0.4, ema_decay=0.998
)
SAVE_EVERY, LOG_EVERY = 250, 50  # steps
CARD = {
    "name": "hintreader",
    "base": BASE,
    "data": "Tiny ImageNet (63,000 training photos) at 64 pixels, and Imagenette "
    "(9,469) at 128, as many pixels of each; dots as by Zhang et al. 2017, section 3.1",
    "machine": "one core of an AMD EPYC, bfloat16, shared with much other work",
    "license": "MIT",
}


def draw_dots(ab: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw dots on photos, as a person might have put them.

    ab: (N, 2, H, W). Returns ab at the dots and 0 elsewhere, and a mask, (N, 1, H, W).
    """
    given, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    for photo in range(len(ab)):
        if rng.random() < ALL:
            given[photo], mask[photo] = ab[photo], 1
            continue
        for _ in range(rng.geometric(1 - MORE) - 1):
            side = rng.integers(*SIDES)
            free = np.array(ab.shape[2:]) - side
            y, x = rng.normal(free / 2, free * SPREAD).clip(0, free).astype(int)
            here = photo, slice(None), slice(y, y + side), slice(x, x + side)
            given[here] = ab[here].mean(dim=(1, 2), keepdim=True)
            mask[here] = 1
    return given, mask


def step_on(model, optimizer, rgb: Tensor, step: int) -> float:
    """Learn from one batch, of photos in uint8; return the loss."""
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, CONFIG)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(L, *draw_dots(ab, np.random.default_rng(step)))
    w = torch.ones(len(model.centers))  # as the base was trained: no rebalancing
    loss = color_loss(
        output.float(), label_ab(ab), "bins", model.centers, w, skip_gray=True
    )
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CONFIG.clip)
    optimizer.step()
    return loss.item()


def load(parts: list, checkpoint: Path) -> tuple[int, int, float]:
    """Load model, mean and optimizer; return the steps, photos and seconds so far."""
    if not checkpoint.exists():
        return 0, 0, 0.0
    *states, told = torch.load(checkpoint, weights_only=True)
    for part, state in zip(parts, states, strict=True):
        part.load_state_dict(state)
    return told


def main(shards: str, out: Path) -> None:
    """Train; go on where a run before was stopped."""
    out.mkdir(parents=True, exist_ok=True)
    base = load_pretrained(BASE)
    model = HintReader(base.width, base).to(memory_format=torch.channels_last).eval()
    average = get_ema_multi_avg_fn(CONFIG.ema_decay)
    mean = AveragedModel(model, multi_avg_fn=average)
    optimizer = torch.optim.AdamW(
        model.parameters(), CONFIG.lr, weight_decay=CONFIG.weight_decay
    )
    parts = [model, mean, optimizer]
    step, photos, seconds = load(parts, out / "last.pt")
    sets = [(find_splits(f"{shards}/{n}")["train"], size) for n, size in SIZES.items()]
    sets += sets[1:] * (TURNS - 1)
    losses: list[float] = []
    begun = time.monotonic() - seconds
    for batch in training_batches(sets, CONFIG.batch_size, seed=0, first_step=step):
        losses.append(step_on(model, optimizer, batch.rgb, step))
        mean.update_parameters(model)
        step, photos = step + 1, photos + len(batch.rgb)
        seconds = time.monotonic() - begun
        if step % LOG_EVERY == 0:
            loss = sum(losses[-LOG_EVERY:]) / LOG_EVERY
            told = f"step {step}, {photos} photos, {seconds:.0f} s, loss {loss:.3f}"
            sys.stdout.write(f"{told}\n")
        if step % SAVE_EVERY == 0:
            states = [part.state_dict() for part in parts]
            torch.save([*states, (step, photos, seconds)], out / "last.pt")
        if step >= CONFIG.steps:
            break
    card = {**CARD, "T": base.card["T"], "size": base.card["size"], "steps": step}
    card |= {"photos_seen": photos, "hours": round(seconds / 3600, 2)}
    mean.module.card = card
    save_model(mean.module, out / "hintreader.safetensors", dtype=torch.float16)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
