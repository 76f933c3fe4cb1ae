"""Environments that hold some of what is installed, for the tests."""

from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement

LIGHT = "numpy pillow safetensors torch tqdm typer".split()


def brought_by(names):
    """The distributions that these need, extras left out."""
    found, waiting = {}, [*names]
    while waiting:
        name = waiting.pop()
        if name.lower() not in found:
            found[name.lower()] = distribution(name)
            needed = map(Requirement, requires(name) or ())
            waiting += [r.name for r in needed if not r.marker or r.marker.evaluate()]
    return found.values()


def link_into(folder, dists):
    """Have another environment hold the distributions of this one."""
    for dist in dists:
        for top in {file.parts[0] for file in dist.files} - {"..", "__pycache__"}:
            place = Path(dist.locate_file(top))
            if place.exists() and not (folder / top).exists():
                (folder / top).symlink_to(place)
