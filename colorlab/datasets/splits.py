"""Which images to learn from, and which to measure on (book chapter: datasets)."""

import hashlib
import os

from colorlab.datasets.images import is_image

SPLITS = ("train", "val")
TRAIN_FOLDERS = ("train", "training")
VAL_FOLDERS = ("val", "valid", "validation", "test")  # the first that is there counts
HELD_OUT, LEAST_HELD_OUT = 0.01, 16  # share and number of images, without a split


def split_of_each(names: list[str], hold_out: bool | None = True) -> list[str]:
    """Return the split of each file of a data set.

    Parameters
    ----------
    names : list of str
        Of all files, with slashes.
    hold_out : bool or None
        Hold out some images of a data set that is not divided; else all are of both
        splits. None: so are all images of any data set.

    Returns
    -------
    list of str
        "train", "val" or "both"; for all else why it is left out: a suffix, a folder.

    Notes
    -----
    Data is divided if it has a folder `train` (or `training`) and one that is named
    `val`, `valid`, `validation` or `test`, or if all its folders have such names. A
    class that happens to be called `train` is no split. Where there is nothing to
    measure on, 1 % of the images is held out, but 16 at least and half at most: those
    whose names have the least hash. Tiny ImageNet (known by its `wnids.txt`) keeps
    images of its training folder: those whose number ends in 9.

    Examples
    --------
    >>> split_of_each(["train/a.jpg", "Valid/b.jpg", "test/c.jpg", "d.txt"])
    ['train', 'val', 'in test', '.txt']
    """
    images = [place for place, name in enumerate(names) if is_image(name)]
    depth = _shared_depth([names[place] for place in images])
    parts = [name.split("/", depth + 1)[depth:] for name in names]
    folders = {parts[n][0] if parts[n][1:] else "" for n in images}
    split_of = _split_folders(folders)
    tiny = ["wnids.txt"] in parts and "train" in split_of.values()
    labels = [os.path.splitext(name)[1].lower() or "no suffix" for name in names]
    if hold_out is None:
        return [
            "both" if is_image(n) else k for n, k in zip(names, labels, strict=True)
        ]
    for place in images:
        top = parts[place][0] if parts[place][1:] else ""
        other = f"in {top or 'no folder'}"
        label = split_of.get(top, other if split_of else "train")
        if tiny:
            ends_in_9 = os.path.splitext(names[place])[0].endswith("9")
            label = {"train": SPLITS[ends_in_9], "val": other}.get(label, label)
        labels[place] = label
    if not tiny and "val" not in split_of.values():
        _hold_out(labels, parts, hold_out, bool(split_of))
    return labels


def _split_folders(folders: set[str]) -> dict[str, str]:
    """Return the split of each folder; none if these are just names of classes."""
    train = {name for name in folders if name.lower() in TRAIN_FOLDERS}
    known = train | {name for name in folders if name.lower() in VAL_FOLDERS}
    val = sorted(known - train, key=lambda name: VAL_FOLDERS.index(name.lower()))[:1]
    if folders == known or (train and val):
        return dict.fromkeys(train, "train") | dict.fromkeys(val, "val")
    return {}


def _hold_out(
    labels: list[str], parts: list[list[str]], hold_out: bool, divided: bool
) -> None:
    """Choose by the hash of a name, on which no other name has a say."""
    places = [place for place, label in enumerate(labels) if label == "train"]
    if not hold_out:
        for place in [] if divided else places:
            labels[place] = "both"
        return
    hashes = {place: _hash("/".join(parts[place])) for place in places}
    few = sum(value < HELD_OUT for value in hashes.values())
    number = min(max(few, LEAST_HELD_OUT), len(places) // 2)
    for place in sorted(places, key=hashes.__getitem__)[:number]:
        labels[place] = "val"


def _hash(name: str) -> float:
    """Return a number in 0..1 that depends on the name alone."""
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _shared_depth(names: list[str]) -> int:
    """Count the folders that all names share, down to a split's at most."""
    first, last = (end(names, default="").split("/")[:-1] for end in (min, max))
    depth = len(os.path.commonprefix([first, last]))
    splits = TRAIN_FOLDERS + VAL_FOLDERS
    return next((n for n in range(depth) if first[n].lower() in splits), depth)
