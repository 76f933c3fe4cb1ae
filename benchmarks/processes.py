"""Two processes of one thread each, against one: the same batches, the same network.

On CPUs, batch norm sees the images of its own process, so the one process takes each
batch in two parts.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import save
from photos import write_photos

from colorlab.train.run import read_records

ROUNDS, STEPS, TOGETHER = 3, 15, 5  # steps a record holds


def seconds_a_step(processes: int, photos: Path, out: Path) -> list[float]:
    """Train for some steps under torchrun; gives the seconds of each step."""
    torchrun = ["-m", "torch.distributed.run", "--standalone"]
    options = ["--steps", STEPS + 1, "--log-every", TOGETHER, "--workers", 0]
    options += ["--grad-accum-steps", 2 // processes]
    command = [sys.executable, *torchrun, "--nproc-per-node", processes]
    command += ["-m", "colorlab", "train", photos, "--out", out, *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    subprocess.run([*map(str, command)], check=True, env=environment, stderr=-3)
    records = read_records(out / "metrics.jsonl")
    # The first steps warm up, and the last one saves.
    return [record["seconds"] / TOGETHER for record in records[1:-1]]


def main() -> None:
    """Take turns, and check that both train the same network."""
    seconds = {"two processes": [], "one process": []}
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        write_photos(photos, 1024)
        for turn in range(ROUNDS):
            for processes, name in ((2, "two processes"), (1, "one process")):
                out = Path(folder, f"{processes}-{turn}")
                seconds[name] += seconds_a_step(processes, photos, out)
        losses = [
            read_records(Path(folder, f"{processes}-0", "metrics.jsonl"))[0]["loss"]
            for processes in (1, 2)
        ]
    assert abs(losses[0] - losses[1]) < 1e-4 * losses[0], losses
    about = "The laptop recipe, one thread a process, seconds a step"
    save("processes", about, {"a step of 64 photos": seconds})


if __name__ == "__main__":
    main()
