"""A short training on this machine's fastest device: does it run, how fast, how big.

Then twice a few steps with deterministic algorithms, once stopped and resumed: both
must end with the same bits.
"""

import os
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
FEW = {"steps": 8, "warmup": 2, "save_every": 4, "log_every": 4, "width": 8}


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
    pairs = zip(whole.parameters(), resumed.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def main() -> None:
    """Train the plan for one GPU for a minute, and print what there is to know."""
    if not torch.accelerator.is_available():
        sys.exit("gpu-check: PyTorch finds no GPU here")
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # else not deterministic
    device = torch.accelerator.current_accelerator()
    config = replace(PRESETS["gpu_hour"], **SHORT)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        write_photos(photos, 1024, size=160)
        train([(photos, None)], Path(folder, "run"), config)
        records = read_records(Path(folder, "run", "metrics.jsonl"))
        most = torch.cuda.max_memory_allocated() if device.type == "cuda" else 0
        same = resumes_to_the_same_bits(photos, Path(folder))
    rates = [record["images"] / record["seconds"] for record in records[2:]]
    lines = [
        f"device      {device.type}, {fast_precision()}, {machine()['versions']}",
        f"loss        {records[0]['loss']:.3f} -> {records[-1]['loss']:.3f}",
        f"throughput  {statistics.median(rates):.0f} images/s at "
        f"{config.size} x {config.size}, width {config.width}",
        f"resumed     {'to the same bits' if same else 'to OTHER bits'}",
    ]
    if device.type == "cuda":
        name = torch.cuda.get_device_name()
        lines.append(f"memory      {most / 1e9:.2f} GB at most, on one {name}")
    sys.stdout.write("\n".join(lines) + "\n")
    if not (same and records[-1]["loss"] < records[0]["loss"]):
        sys.exit("gpu-check: the loss does not fall, or a resumed run ends elsewhere")


if __name__ == "__main__":
    main()
