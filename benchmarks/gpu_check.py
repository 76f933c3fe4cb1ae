"""A short training on this machine's fastest device: does it run, how fast, how big."""

import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from measure import machine
from photos import write_photos

from colorlab.train.config import PRESETS, fast_precision
from colorlab.train.loop import train
from colorlab.train.run import read_records

SHORT = {"steps": 60, "warmup": 10, "save_every": 60, "log_every": 5, "workers": 4}


def main() -> None:
    """Train the plan for one GPU for a minute, and print what there is to know."""
    if not torch.accelerator.is_available():
        sys.exit("gpu-check: PyTorch finds no GPU here")
    device = torch.accelerator.current_accelerator()
    config = replace(PRESETS["gpu_hour"], **SHORT)
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder, "photos"), 1024, size=160)
        train([(Path(folder, "photos"), None)], Path(folder, "run"), config)
        records = read_records(Path(folder, "run", "metrics.jsonl"))
    rates = [record["images"] / record["seconds"] for record in records[2:]]
    lines = [
        f"device      {device.type}, {fast_precision()}, {machine()['versions']}",
        f"loss        {records[0]['loss']:.3f} -> {records[-1]['loss']:.3f}",
        f"throughput  {statistics.median(rates):.0f} photos/s at "
        f"{config.size} x {config.size}, width {config.width}",
    ]
    if device.type == "cuda":
        name = torch.cuda.get_device_name()
        most = torch.cuda.max_memory_allocated() / 1e9
        lines.append(f"memory      {most:.2f} GB at most, on one {name}")
    sys.stdout.write("\n".join(lines) + "\n")
    if not records[-1]["loss"] < records[0]["loss"]:
        sys.exit("gpu-check: the loss does not fall")


if __name__ == "__main__":
    main()
