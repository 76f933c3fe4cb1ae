"""Which image goes to which file: the plan of `colorlab colorize`."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from colorlab.cli.results import read_mark

# Images, by their names, that are not read: tried, so that each is named.
OTHER_IMAGES = ".dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .jxl".split()
ADDRESSES = ("http://", "https://", "ftp://")


@dataclass
class Plan:
    """Where each image goes, and what was found in folders but is no image to color."""

    targets: dict[Path, Path] = field(default_factory=dict)  # from image to result
    others: Counter[str] = field(default_factory=Counter)  # files, by suffix or kind
    results: int = 0  # of this command

    def left_out(self) -> str:
        """Return what was found and is not to be colored, for the last line."""
        parts = [f"{self.results} results of colorlab"] if self.results else []
        parts += [
            f"{n} {kind or 'without suffix'}" for kind, n in self.others.items() if n
        ]
        return f"; not images to color: {', '.join(parts)}" if parts else ""


def plan_targets(inputs: list[str], out: str) -> Plan:
    """Choose a file for the result of each image; no two have the same.

    Parameters
    ----------
    inputs : list of str
        Files, and folders, which are searched. The place below a folder is kept.
    out : str
        A file for one image; else a folder, which need not exist.

    Returns
    -------
    Plan
        Results of earlier runs that a search finds are not images to color.

    Raises
    ------
    ValueError
        If there is no image, or `out` cannot be what is asked for.
    """
    plan, names, taken = Plan(), {}, set()
    for given in inputs:
        if given.startswith(ADDRESSES):
            raise ValueError(f"IN must be files here; download {given} first")
        path, several = Path(given), len(inputs) > 1
        found = _search(path, Path(out), plan) if path.is_dir() else [""]
        for name in found:
            image = path / name
            if (place := os.path.abspath(image)) not in taken:  # else given twice
                within = Path(path.resolve().name if several else "", name)
                names[image] = str(within) if name else path.name
            taken.add(place)
    if not names:
        raise ValueError(
            f"IN must be images or folders of images; none in {', '.join(inputs)}"
            f"{plan.left_out()}"
        )
    if _is_file(out, len(names) == 1 and not Path(inputs[0]).is_dir()):
        plan.targets = dict.fromkeys(names, Path(out))
    else:
        plan.targets = {path: Path(out, name) for path, name in _apart(names).items()}
    return plan


def _search(folder: Path, out: Path, plan: Plan) -> list[str]:
    """List the images below a folder that are to be colored; count the others."""
    from colorlab.datasets.images import is_image
    from colorlab.datasets.sources import list_files

    home, wanted = out.resolve(), []
    inside = folder.resolve() in home.parents
    for name in sorted(list_files(folder, plan.others)):
        path = folder / name
        suffix = path.suffix.lower()
        if not is_image(name) and suffix not in OTHER_IMAGES:
            plan.others[suffix] += 1
        elif (inside and home in path.resolve().parents) or read_mark(path):
            plan.results += 1
        else:
            wanted.append(name)
    return wanted


def _is_file(out: str, one_image: bool) -> bool:
    """Decide if OUT names a file or a folder; refuse a name that misleads."""
    from colorlab.datasets.images import save_format

    if Path(out).is_dir() or out.endswith(("/", os.sep)) or not Path(out).suffix:
        return False
    try:
        save_format(out)
    except ValueError as error:
        if one_image:
            raise ValueError(f"out: {error} (a folder: {out}/)") from error
        return False
    if not one_image:
        raise ValueError(f"out must be a folder for more than one image, got {out}")
    return True


def _apart(names: dict[Path, str]) -> dict[Path, str]:
    """Give each image a .png of its own: where two have one, longer names."""
    chosen = {path: str(Path(name).with_suffix(".png")) for path, name in names.items()}
    beside = {path: os.path.abspath(path.with_suffix("")) for path in names}
    for path in _twins(beside):  # a.jpg and a.png: to a.jpg.png and a.png.png
        chosen[path] = f"{names[path]}.png"
    if twins := _twins(chosen):  # 1950/1.jpg and 1960/1.jpg: with their folders
        folders = {path: os.path.dirname(os.path.abspath(path)) for path in twins}
        above = os.path.commonpath(folders.values())
        for path, folder in folders.items():
            name = os.path.basename(chosen[path])
            chosen[path] = os.path.normpath(
                os.path.join(os.path.relpath(folder, above), name)
            )
    if twins := _twins(chosen):
        raise ValueError(f"IN must not hold both {twins[0]} and {twins[1]}")
    return chosen


def _twins(chosen: dict[Path, str]) -> list[Path]:
    """List the images whose result would have the name of another's."""
    count = Counter(name.casefold() for name in chosen.values())
    return [path for path, name in chosen.items() if count[name.casefold()] > 1]
