"""Pack a data set into tar files, for disks and networks that like few, large files.

The tars are what webdataset calls shards: one file a photo, named by its number. An
`index.json` beside them says where in which tar each photo lies (chapter: datasets).
"""

import hashlib
import io
import json
import os
import tarfile
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from colorlab.datasets.download import Progress, staging
from colorlab.datasets.images import open_rgb
from colorlab.datasets.index import INDEX
from colorlab.datasets.sources import ImageSource

PER_SHARD = 1000  # photos
QUALITY = 95  # of photos that are made smaller
SUFFIX = {"JPEG": "jpg", "MPO": "jpg"}  # MPO: as many cameras write .jpg


def write_shards(
    splits: dict[str, ImageSource],
    out: str | Path,
    per_shard: int = PER_SHARD,
    shorter: int = 0,
    seed: int = 0,
    progress: Progress = iter,
) -> dict[str, str]:
    """Pack images into tar files, in random order (book chapter: datasets).

    Parameters
    ----------
    splits : dict of str to ImageSource
        What to pack, as "train" and "val": see `find_splits`. Empty ones are passed
        over.
    out : str or Path
        A new or empty folder. It appears whole or not at all.
    per_shard : int
        Images in a tar file.
    shorter : int
        Images whose shorter side has more pixels are made smaller, to this; 0 keeps
        all files as they are.
    seed : int
        Decides the order.
    progress : callable, optional
        Wraps the numbers of the images of each split, for a progress bar.

    Returns
    -------
    dict of str to str
        The images left out, as they could not be read, and why.

    Raises
    ------
    ValueError
        If `out` is not empty or lies in the folder of the images, no image can be
        read, or a number is not positive.
    OSError
        If files cannot be read or written at all.

    Examples
    --------
    >>> import tempfile
    >>> from colorlab.datasets import find_splits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "in").mkdir()
    ...     for name in ("one.png", "two.png", "three.png"):
    ...         Image.new("RGB", (8, 8)).save(f"{folder}/in/{name}")
    ...     skipped = write_shards(find_splits(f"{folder}/in"), f"{folder}/out")
    ...     sorted(path.name for path in Path(folder, "out").iterdir())
    ['index.json', 'shard-000000.tar', 'shard-000001.tar']
    """
    out = Path(out)
    if per_shard < 1 or shorter < 0:
        raise ValueError(
            f"per_shard must be at least 1 and shorter at least 0, "
            f"got {per_shard} and {shorter}"
        )
    roots = [Path(s.root).resolve() for s in splits.values() if not s.place[:, 1].any()]
    inside = any(out.resolve().is_relative_to(root) for root in roots)
    if inside or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise ValueError(f"out must be a new folder outside of the data, got {out}")
    shards: list[dict] = []
    skipped: dict[str, str] = {}
    with staging(out) as staged:
        for split, images in splits.items():
            order = np.random.default_rng(seed).permutation(len(images)).tolist()
            pack = partial(_packed, shorter=shorter)
            packed = images.read_each(progress(order), pack, skipped)
            while group := [*islice(packed, per_shard)]:
                shards.append(_write_tar(staged, len(shards), group) | {"split": split})
        if not shards:
            number = sum(map(len, splits.values()))
            raise ValueError(f"splits must hold an image that can be read, of {number}")
        (staged / INDEX).write_text(json.dumps({"shards": shards}) + "\n")
        if out.is_dir():
            out.rmdir()  # it is empty
        os.replace(staged, out)
    return skipped


def _packed(file: BinaryIO, shorter: int) -> tuple[str, bytes]:
    """Return suffix and content of an image, after a look at the whole of it."""
    content = file.read()
    image = open_rgb(file)
    if not shorter or min(image.size) <= shorter:
        kind = Image.open(file).format or ""
        return SUFFIX.get(kind, kind.lower()), content
    scale = shorter / min(image.size)
    image = image.resize(
        [round(side * scale) for side in image.size], Image.Resampling.BOX
    )
    smaller = io.BytesIO()
    image.save(smaller, "JPEG", quality=QUALITY)
    return "jpg", smaller.getvalue()


def _write_tar(out: Path, number: int, images: list[tuple[str, bytes]]) -> dict:
    """Write one shard, and return its entry in the index."""
    path = out / f"shard-{number:06d}.tar"
    with tarfile.open(path, "w") as tar:
        for place, (suffix, content) in enumerate(images):
            member = tarfile.TarInfo(f"{number:06d}{place:06d}.{suffix}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with tarfile.open(path, "r:") as tar:
        places = [[member.offset_data, member.size] for member in tar]
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "sha256": digest, "photos": places}
