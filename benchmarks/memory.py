"""Memory of a training run, which should grow neither with photos nor with steps."""

import subprocess
import sys
import tempfile
from pathlib import Path

from measure import save
from photos import write_photos

FEW, MANY = 1_000, 200_000  # photos; many names lead to the same few files
SHORT, LONG = 50, 500  # steps
RUN = """
import sys
import psutil
from pathlib import Path
from colorlab.train.config import TrainConfig
from colorlab.train.loop import train

config = TrainConfig(width=8, size=32, batch_size=16, steps=int(sys.argv[2]),
                     save_every=10**6, workers=1)
process, most = psutil.Process(), 0

def watch(step, record):
    global most
    together = [process, *process.children(recursive=True)]
    most = max(most, sum(p.memory_full_info().pss for p in together))

train([(sys.argv[1], None)], Path(sys.argv[1]).parent / f"run-{sys.argv[2]}", config,
      on_step=watch)
print(most / 1e6)
"""


def megabytes(photos: Path, steps: int) -> list[float]:
    """Train in a fresh process; gives the most memory it and its readers shared."""
    command = [sys.executable, "-c", RUN, str(photos), str(steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(done.stdout.split()[-1])]


def main() -> None:
    """Compare few photos with many, and few steps with many."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder, "few", "photos"), Path(folder, "many", "photos")
        write_photos(few, FEW, size=32)
        files = sorted(few.iterdir())
        for n in range(MANY):
            shard = many / f"{n // 1000:04d}"
            shard.mkdir(parents=True, exist_ok=True)
            (shard / f"{n:08d}.jpg").hardlink_to(files[n % FEW])
        base = megabytes(few, SHORT)
        results = {
            f"{FEW} photos, {SHORT} steps": base,
            f"{MANY} photos, {SHORT} steps": megabytes(many, SHORT),
            f"{FEW} photos, {LONG} steps": megabytes(few, LONG),
        }
    about = "Memory of a run and its reader; width 8, 32 x 32 pixels"
    save("memory", about, {"most memory of a run": results}, unit="MB")


if __name__ == "__main__":
    main()
