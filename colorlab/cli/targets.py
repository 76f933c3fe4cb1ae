"""Which image goes to which file, for `colorlab colorize`."""

import os
from collections import Counter
from pathlib import Path

from colorlab.cli.results import read_mark

# Images, by their names, that are not read: tried, so that each is named.
OTHER_IMAGES = ".dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .jxl".split()


def plan_targets(
    inputs: list[str], out: str, watched: bool = False
) -> tuple[dict[Path, Path], Counter[str]]:
    """Choose a file for the result of each image; no two have the same.

    Parameters
    ----------
    inputs : list of str
        Files, and folders, which are searched.
    out : str
        A file for one image; else a folder, which need not exist. In it, results lie
        as the images do below the folder that holds them all.
    watched : bool
        More images may come, and there may be none yet: `out` is a folder.

    Returns
    -------
    targets : dict of Path to Path
        From image to result.
    others : Counter of str
        Kinds of files found in folders that are no image to color, and their number;
        earlier results of this command are among them.

    Raises
    ------
    ValueError
        If there is no image, or `out` cannot be what is asked for.
    """
    if not all([*inputs, out]):
        raise ValueError("IN and --out must not be empty")
    others: Counter[str] = Counter()
    images: dict[str, Path] = {}  # by their place, so that none is there twice
    tops = []
    for given in map(Path, inputs):
        names = _search(given, others) if given.is_dir() else [""]
        images |= {os.path.abspath(given / name): given / name for name in names}
        tops.append(os.path.abspath(given if given.is_dir() else given.parent))
    if not images and not watched:
        found = f"none in {', '.join(inputs)}{left_out(others)}"
        raise ValueError(f"IN must be images or folders of images; {found}")
    if _is_file(out, len(images) == 1 and not watched):
        return dict.fromkeys(images.values(), Path(out)), others
    top = os.path.commonpath(tops)
    named = {os.path.relpath(place, top): path for place, path in images.items()}
    results = _name_results(named)
    targets = zip(images.values(), (Path(out, name) for name in results), strict=True)
    return dict(targets), others


def left_out(others: Counter[str]) -> str:
    """Return what was found and is not to be colored, for the last line."""
    parts = [f"{n} {kind or 'without suffix'}" for kind, n in others.items() if n]
    return f"; not images to color: {', '.join(parts)}" if parts else ""


def _search(folder: Path, others: Counter[str]) -> list[str]:
    """List the images below a folder that are to be colored; count the others."""
    from colorlab.datasets.images import is_image
    from colorlab.datasets.sources import list_files

    wanted = []
    for name in sorted(list_files(folder, others)):
        suffix = Path(name).suffix.lower()
        if not is_image(name) and suffix not in OTHER_IMAGES:
            others[suffix] += 1
        elif read_mark(folder / name):
            others["results of colorlab"] += 1
        else:
            wanted.append(name)
    return wanted


def _is_file(out: str, one_image: bool) -> bool:
    """Return whether OUT names a file, not a folder; refuse a name that misleads."""
    from colorlab.datasets.images import is_image, save_format

    if out == "-" and not one_image:
        raise ValueError("out may be - for one image only")
    if Path(out).is_dir() or out.endswith(("/", os.sep)) or not Path(out).suffix:
        return False
    if one_image:
        try:
            save_format(out)
        except ValueError as error:
            raise ValueError(f"out: {error} (a folder: {out}/)") from error
    elif is_image(out):
        raise ValueError(f"out must be a folder for more than one image, got {out}")
    return one_image


def _name_results(images: dict[str, Path]) -> list[str]:
    """Replace each suffix by .png; where that would make two names one, add it.

    What has several pages or frames keeps its format, to hold them.
    """
    from colorlab.datasets.multipage import SUFFIX_OF, paged_format

    stems = [os.path.splitext(name)[0] for name in images]
    taken = Counter(text.casefold() for text in [*images, *stems])
    return [
        (stem if taken[stem.casefold()] == 1 else name)
        + SUFFIX_OF.get(paged_format(path), ".png")
        for (name, path), stem in zip(images.items(), stems, strict=True)
    ]
