"""`colorlab colorize --watch`: folders whose images are colored as they come."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from colorlab.cli.targets import plan_targets

WAIT = 1.0  # seconds between two looks
Stamp = tuple[int, int]  # of a file: its size and time
Outcomes = Iterable[tuple[str, list[str]]]


class Folders:
    """Watched folders: which of their images are complete, and new.

    Parameters
    ----------
    inputs : list of str
        The folders.
    out : str
        The folder of the results.

    Raises
    ------
    ValueError
        If one of them is no folder.
    """

    def __init__(self, inputs: list[str], out: str) -> None:
        if not all(Path(each).is_dir() for each in inputs):
            raise ValueError(f"--watch must come with folders, got {', '.join(inputs)}")
        self.inputs, self.out = inputs, out
        self.seen: dict[Path, Stamp] = {}  # at the last look
        self.taken: dict[Path, Stamp] = {}
        self.settled: dict[Path, Stamp] | None = None  # nothing is left to be done
        self.targets: dict[Path, Path] = {}

    def look(self) -> dict[Path, Path]:
        """Return images that are new, and have not changed since the last look."""
        stamps = {path: stamp for path in self._files() if (stamp := _stamp(path))}
        if stamps == self.settled:  # a plan opens each image: not for nothing
            return {}
        self.settled = stamps if stamps == self.seen else None
        planned, _ = plan_targets(self.inputs, self.out, watched=True)
        ready = [
            path
            for path in planned
            if stamps.get(path) == self.seen.get(path) != self.taken.get(path)
        ]
        self.seen = stamps
        for path in ready:  # a name once given stays, whatever comes beside it
            self.taken[path] = stamps[path]
            self.targets.setdefault(path, planned[path])
        return {path: self.targets[path] for path in ready}

    def _files(self) -> Iterator[Path]:
        from colorlab.datasets.sources import list_files

        for folder in map(Path, self.inputs):
            yield from (folder / name for name in list_files(folder))


def watch(
    folders: Folders, color: Callable[[dict[Path, Path]], Outcomes]
) -> tuple[Counter[str], Counter[str], int]:
    """Color what comes, until Ctrl-C or a full disk.

    Returns
    -------
    outcomes, notes : Counter
        What came of the images.
    given : int
        How many came; those without an outcome were not tried.
    """
    outcomes: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    given = 0
    print(f"colorlab: watching {', '.join(folders.inputs)}", file=sys.stderr)
    with suppress(KeyboardInterrupt):
        while outcomes.total() == given:
            if ready := folders.look():
                given += len(ready)
                for outcome, noted in color(ready):
                    outcomes[outcome] += 1
                    notes.update(noted)
            time.sleep(WAIT)
    return outcomes, notes, given


def _stamp(path: Path) -> Stamp | None:
    """Return what changes while a file is written; None for an empty one."""
    try:
        found = path.stat()
    except OSError:  # it is gone again
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else None
