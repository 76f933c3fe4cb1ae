"""A JPEG of 12 megapixels in color, file to file, against the usual path.

The usual path is that of most colorizers: PIL reads, scikit-image converts in float64,
the network's ab is enlarged whole, and all is joined whole. Both ask the same network,
of the same small image. Each runs in a process of its own, in turns; what is timed
begins when all is imported, the network loaded, and a small image colored.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch
from measure import busy_core, save
from PIL import Image

from colorlab import load_pretrained
from colorlab.colorize import choose_settings, colorize, network_size, output_to_ab
from colorlab.datasets.images import save_image

SIZE = (4000, 3000)
ROUNDS = 5
QUALITY = 95
TOLERANCE = 2  # of 255: both round, and sum in another order
STATUS = Path("/proc/self/status")
Run = Callable[[Path, Path], None]


def ours() -> Run:
    """Return what the command does for one file."""
    model = load_pretrained()
    return lambda path, out: save_image(colorize(path, model), out)


def usual() -> Run:
    """Return the same, written with PIL and scikit-image."""
    from skimage.color import lab2rgb, rgb2lab

    model = load_pretrained()
    T, size = choose_settings(model)

    @torch.inference_mode()
    def run(path: Path, out: Path) -> None:
        image = Image.open(path).convert("RGB")
        height, width = network_size(image.height, image.width, size)
        small = image.resize((width, height), Image.Resampling.BILINEAR)
        L_small = torch.from_numpy(rgb2lab(np.asarray(small) / 255)[..., 0]).float()
        ab = output_to_ab(model, model(L_small[None, None]), T)
        wide = torch.nn.functional.interpolate(
            ab, size=(image.height, image.width), mode="bilinear"
        )
        lab = rgb2lab(np.asarray(image) / 255)
        lab[..., 1:] = wide[0].permute(1, 2, 0).numpy()
        rgb = (lab2rgb(lab) * 255).round().astype(np.uint8)
        Image.fromarray(rgb).save(out, quality=QUALITY)

    return run


CONTESTANTS = {"colorlab": ours, "PIL, scikit-image, float64": usual}


def photograph() -> Image.Image:
    """Return an image with smooth and with noisy parts, and all colors."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC)).astype(np.int16)
    noise = rng.integers(-8, 9, (*smooth.shape[:2], 1), dtype=np.int16)
    return Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))


def color(name: str, path: Path, out: Path) -> None:
    """Color one file; prints both times and the most memory, as JSON."""
    run = CONTESTANTS[name]()
    with Image.open(path) as image:
        image.draft("RGB", (100, 100))
        image.resize((120, 90)).save(out, "JPEG")
    run(out, out)
    start = time.perf_counter(), time.process_time()
    run(path, out)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    peak = next(row for row in STATUS.read_text().splitlines() if "VmHWM" in row)
    sys.stdout.write(json.dumps([*seconds, int(peak.split()[1]) * 1024 / 1e6]))


def take_turns(path: Path, folder: Path) -> list[dict[str, list[float]]]:
    """Return seconds by the clock and of the processor, and MB, of each round."""
    results: list[dict] = [{name: [] for name in CONTESTANTS} for _ in range(3)]
    for _ in range(ROUNDS):
        for n, name in enumerate(CONTESTANTS):
            out = folder / f"{n}.jpg"
            command = [sys.executable, __file__, name, str(path), str(out)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            for kept, number in zip(results, json.loads(done.stdout), strict=True):
                kept[name].append(number)
    return results


def main() -> None:
    """Check that both give the same picture, then measure."""
    load = psutil.cpu_percent(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "photo.jpg"
        photograph().save(path, quality=92)
        clock, processor, memory = take_turns(path, folder)
        images = [np.asarray(Image.open(folder / f"{n}.jpg")) for n in (0, 1)]
        error = np.abs(np.subtract(*(image.astype(np.int16) for image in images)))
        assert np.quantile(error, 0.999) <= TOLERANCE, np.quantile(error, 0.999)
        what = "12 megapixels, JPEG to JPEG"
        times = {what: clock, f"{what}, time of the processor": processor}
        with busy_core():
            times[f"{what}, a core taken"] = take_turns(path, folder)[0]
    about = f"A photo of 12 megapixels in color; other programs took {load:.0f} %"
    save("colorizing", about, times)
    save("colorizing-memory", about, {f"most memory, {what}": memory}, unit="MB")
    first, second = memory.values()
    share = statistics.median(first) / statistics.median(second)
    sys.stdout.write(f"share of the memory: {share:.2f}\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        color(sys.argv[1], *map(Path, sys.argv[2:]))
    else:
        main()
