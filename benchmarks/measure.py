"""Time contestants fairly, and keep what came out as a table, JSON and a chart."""

import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import torch
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
PACKAGES = "torch numpy scikit-image kornia scipy scikit-learn".split()
FACTOR = {"ms": 1000}  # of what is shown to what is given
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end -->)", re.DOTALL)

Seconds = dict[str, list[float]]  # of each contestant, round by round
Contestants = dict[str, Callable[[], object]]


def alternate(contestants: Contestants, rounds: int = 7) -> Seconds:
    """Time each contestant once a round, after one round of warming up.

    Taking turns in one process, all meet the same machine: what slows a round down
    slows all of them.
    """
    for run in contestants.values():
        run()
    seconds = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def quiet_and_busy(contests: dict[str, Contestants], rounds: int) -> dict[str, Seconds]:
    """Time contests twice: as it is, and with another program on one of the cores.

    The second is every reader's machine. What shares each operation among all cores
    then waits, in each, for the one that has only a part of its time.
    """
    results = {what: alternate(each, rounds) for what, each in contests.items()}
    with busy_core():
        for what, each in contests.items():
            results[f"{what}, a core taken"] = alternate(each, rounds)
    return results


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Let a program take all it gets of one core meanwhile."""
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


def save(name: str, about: str, results: dict[str, Seconds], unit: str = "ms") -> None:
    """Write results/NAME.json and its chart, print the table and renew the README.

    Parameters
    ----------
    name : str
        Of the files.
    about : str
        What was measured, in a line.
    results : dict
        A title for each comparison, with what `alternate` gave: the first contestant
        is the one that the others are compared with.
    unit : str
        "ms", for seconds given; other numbers are shown as they are, as "MB".
    """
    RESULTS.mkdir(exist_ok=True)
    rounded = {
        what: {name: [round(s, 6) for s in each] for name, each in seconds.items()}
        for what, seconds in results.items()
    }
    record = {"about": about, "unit": unit, "machine": machine(), "results": rounded}
    text = json.dumps(record, indent=1)
    text = re.sub(r"\[[^][]*\]", lambda row: " ".join(row[0].split()), text)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    _draw(record, RESULTS / f"{name}.png")
    table = Table("what", "contestant", "median", "times as much", title=about)
    for row in rows(record):
        table.add_row(*row)
    Console(width=100).print(table)
    readme = FOLDER / "README.md"
    readme.write_text(TABLE.sub(lambda _: markdown(), readme.read_text()))


def machine() -> dict[str, object]:
    """Describe the machine and the versions, without names of hosts or users."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }


def rows(record: dict) -> list[tuple[str, str, str, str]]:
    """Return a table's rows: medians, and the median of the rounds' ratios."""
    found, unit = [], record["unit"]
    for what, seconds in record["results"].items():
        first = next(iter(seconds.values()))
        for name, each in seconds.items():
            ratio = statistics.median(a / b for a, b in zip(each, first, strict=True))
            median = statistics.median(each) * FACTOR.get(unit, 1)
            found.append((what, name, f"{median:.1f} {unit}", f"{ratio:.2f}"))
    return found


def markdown() -> str:
    """Return the README's table, from all results."""
    lines = ["| what | contestant | median | times as much |", "|---|---|--:|--:|"]
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text())
        lines += [f"| {' | '.join(row)} |" for row in rows(record)]
    return "\n".join(lines) + "\n"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _draw(record: dict, path: Path) -> None:
    """Draw the medians as bars, one panel a comparison; the first one is dark."""
    results, factor = record["results"], FACTOR.get(record["unit"], 1)
    bars = sum(map(len, results.values()))
    figure, panels = plt.subplots(
        len(results),
        figsize=(6, 0.3 * bars + 0.6 * len(results)),
        height_ratios=[len(seconds) for seconds in results.values()],
        squeeze=False,
        layout="constrained",
    )
    for axes, (what, seconds) in zip(panels[:, 0], results.items(), strict=True):
        medians = [statistics.median(each) * factor for each in seconds.values()]
        colors = ["0.25"] + ["0.75"] * (len(medians) - 1)
        bar = axes.barh(list(seconds), medians, color=colors)
        axes.bar_label(bar, fmt="%.0f", padding=3)
        axes.margins(x=0.12)
        axes.invert_yaxis()
        axes.set_title(what, fontsize="medium", loc="left")
    panels[-1, 0].set_xlabel(f"median, {record['unit']}")
    figure.savefig(path, dpi=72)
    plt.close(figure)
