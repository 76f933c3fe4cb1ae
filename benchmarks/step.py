"""A whole training step, JPEG bytes to new weights, against the bare network's."""

import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from measure import save
from photos import write_photos

from colorlab import ColorNet, bin_centers, load_prior, rebalance_weights, smooth_prior
from colorlab.datasets.batches import training_batches
from colorlab.datasets.sources import find_images
from colorlab.losses import color_loss, label_ab
from colorlab.train.config import TrainConfig, fast_precision
from colorlab.train.log import Log
from colorlab.train.loop import train_step

CONFIG = TrainConfig()  # width 32, batches of 64 photos of 64 x 64 pixels
ROUNDS, STEPS, SETTLING = 4, 5, 3  # SETTLING more: readers have read ahead meanwhile


def contestant() -> tuple[torch.nn.Module, torch.optim.Optimizer, Accelerator]:
    """Build a network and its optimizer."""
    accelerator = Accelerator(mixed_precision=fast_precision())
    model = ColorNet(CONFIG.width).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), CONFIG.lr)
    return *accelerator.prepare(model, optimizer), accelerator


def main() -> None:
    """Take turns: some steps of the one, some of the other."""
    torch.manual_seed(0)
    model, optimizer, accelerator = contestant()
    L = 100 * torch.rand(CONFIG.batch_size, 1, CONFIG.size, CONFIG.size)
    L = L.contiguous(memory_format=torch.channels_last)
    gradient = torch.randn(model(L).shape).to(model(L).dtype) * 1e-6

    def bare() -> None:
        optimizer.zero_grad()
        model(L).backward(gradient)
        optimizer.step()

    whole_model, whole_optimizer, whole_accelerator = contestant()
    centers = bin_centers()
    w = rebalance_weights(smooth_prior(load_prior(), centers)).float()
    loss = partial(color_loss, head="bins", centers=centers, w=w, skip_gray=True)

    def objective(output: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
        return loss(output, label_ab(ab))

    seconds = {"the bare network": [], "a training step": []}
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), 1024)
        sources = [(find_images(folder), CONFIG.size)]
        batches = training_batches(sources, CONFIG.batch_size, seed=0, workers=1)
        log = Log(whole_accelerator, whole_model, Path(folder))

        def whole() -> None:
            batch = next(batches)
            parts = [(batch.rgb, 1.0)]
            log.add(
                batch,
                *train_step(
                    whole_model,
                    parts,
                    objective,
                    whole_optimizer,
                    whole_accelerator,
                    CONFIG.clip,
                ),
            )

        for _ in range(ROUNDS):
            seconds["the bare network"] += timed(bare, STEPS)
            seconds["a training step"] += timed(whole, STEPS + SETTLING)[SETTLING:]
    about = f"Width 32, 64 photos of 64 x 64, precision {fast_precision()}"
    save("step", about, {"training step": seconds})


def timed(run: object, times: int) -> list[float]:
    """Give the seconds of each call."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
