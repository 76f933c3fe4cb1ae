"""Short trainings on this machine's GPU: do they run, how fast, how big.

Two plans are tried, `gpu_hour` and `authors`: the whole loop, steps on one batch that
is there already, the network's passes in them, forward and backward, and reading alone.
Then twice a few steps with deterministic algorithms, once stopped and resumed: both
must end with the same bits. At last photos are colored, on the GPU and on the
processor. All of it goes into out/gpu_check.json; gpu_check.json beside this file is
what one such machine gave.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import torch
from measure import machine
from photos import PHOTOS, write_photos

from colorlab import ColorNet, layer_table, load_pretrained
from colorlab.colorize import colorize
from colorlab.datasets.images import open_rgb
from colorlab.lab import rgb_to_lab
from colorlab.train.config import PRESETS, TrainConfig, fast_precision
from colorlab.train.loop import split_batch, train, train_step
from colorlab.train.prepare import prepare
from colorlab.train.run import lock_run, read_records

OUT = Path(__file__).parents[1] / "out" / "gpu_check.json"
PLANS = ("gpu_hour", "authors")
SHORT = {"steps": 100, "warmup": 10, "save_every": 100, "log_every": 5}
FEW = {"steps": 8, "warmup": 2, "save_every": 4, "log_every": 4, "width": 8}
SETTLING, TIMED = 20, 40  # steps, batches or photos, before the clock and on it


class PowerCut(Exception):
    """Ends a run between two checkpoints."""


def cut_power(step: int, record: dict | None) -> None:
    """End the run after step 6."""
    if step == 6:
        raise PowerCut


def resumes_to_the_same_bits(photos: Path, out: Path) -> bool:
    """Compare a run with one that was interrupted."""
    torch.use_deterministic_algorithms(True)
    config = replace(PRESETS["gpu_hour"], **FEW)
    whole = train([(photos, None)], out / "whole", config)
    try:
        train([(photos, None)], out / "cut", config, on_step=cut_power)
    except PowerCut:
        resumed = train(None, out / "cut", resume=True)
    torch.use_deterministic_algorithms(False)
    pairs = zip(whole.parameters(), resumed.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def rate(run: Callable[[], object], number: int) -> float:
    """Return how many things a second `run` does, if each call does `number`."""
    for _ in range(SETTLING):
        run()
    torch.accelerator.synchronize()
    start = time.perf_counter()
    for _ in range(TIMED):
        run()
    torch.accelerator.synchronize()
    return TIMED * number / (time.perf_counter() - start)


def try_plan(photos: Path, out: Path, config: TrainConfig) -> dict:
    """Train a few steps by a plan; return the losses, photos a second, and memory."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    train([(photos, None)], out / "run", replace(config, **SHORT))
    records = read_records(out / "run" / "metrics.jsonl")
    rates = [record["images"] / record["seconds"] for record in records[2:-1]]
    most = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    with lock_run(out / "bare") as before:
        run = prepare([(photos, None)], out / "bare", before, config, False, None, None)
    batch = next(run.batches)
    parts = split_batch(batch, run.accelerator, 1)
    step = (
        run.model,
        parts,
        run.objective,
        run.optimizer,
        run.accelerator,
        config.clip,
    )
    alone = rate(lambda: train_step(*step), config.batch_size)
    L = rgb_to_lab(parts[0][0])[:, :1].contiguous(memory_format=torch.channels_last)

    def passes() -> None:
        run.optimizer.zero_grad()
        run.accelerator.backward(run.model(L).float().mean())

    network = ColorNet(config.width, config.variant)
    macs = sum(row.macs for row in layer_table(network, config.size))
    return {
        "loss": [records[0]["loss"], records[-1]["loss"]],
        "photos_per_second": round(statistics.median(rates)),
        "steps_alone": round(alone),
        "passes_alone": round(rate(passes, config.batch_size)),
        "reading_alone": round(rate(lambda: next(run.batches), config.batch_size)),
        "tflops_alone": round(6 * macs * alone / 1e12, 1),
        "hours_of_the_plan": round(
            config.steps * config.batch_size / statistics.median(rates) / 3600, 2
        ),
        "gigabytes": round(most / 1e9, 2),
    }


def coloring(device: torch.device) -> float:
    """Return how many of the project's photos are colored in a second."""
    model = load_pretrained("borrowed").to(device)
    turns = cycle([open_rgb(path) for path in sorted(PHOTOS.glob("*.jpg"))])
    return round(rate(lambda: colorize(next(turns), model, device=device), 1), 1)


def main() -> None:
    """Try both plans, and print what there is to know."""
    if not torch.accelerator.is_available():
        sys.exit("gpu-check: PyTorch finds no GPU here")
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # else not deterministic
    device = torch.accelerator.current_accelerator()
    name = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    found = {"device": name, "precision": fast_precision(), "machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        write_photos(photos, 1024, size=160)
        found["plans"] = {
            plan: try_plan(photos, Path(folder, plan), PRESETS[plan]) for plan in PLANS
        }
        found["resumed_to_the_same_bits"] = resumes_to_the_same_bits(
            photos, Path(folder)
        )
    found["photos_colored_per_second"] = {
        str(where): coloring(where) for where in (device, torch.device("cpu"))
    }
    text = json.dumps(found, indent=1)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text + "\n")
    sys.stdout.write(f"{text}\n\nwritten: {OUT}\n")
    fell = all(
        first > last for first, last in (p["loss"] for p in found["plans"].values())
    )
    if not (found["resumed_to_the_same_bits"] and fell):
        sys.exit("gpu-check: the loss does not fall, or a resumed run ends elsewhere")


if __name__ == "__main__":
    main()
