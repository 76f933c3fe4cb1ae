"""Pack a data set into tar files, for disks and networks that like few, large files.

The tars are what webdataset calls shards: one file a photo, named by its number. An
`index.json` beside them says where in which tar each photo lies (chapter: datasets).
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from colorlab.datasets.images import open_rgb
from colorlab.datasets.sources import INDEX, ImageSource

PER_SHARD = 1000  # photos
QUALITY = 95  # of photos that are made smaller
SUFFIX = {"JPEG": "jpg", "MPO": "jpg"}  # MPO: as many cameras write .jpg


def write_shards(
    photos: ImageSource,
    out: str | Path,
    per_shard: int = PER_SHARD,
    shorter: int = 0,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, str]:
    """Pack photos into tar files, in an order of chance (book chapter: datasets).

    Parameters
    ----------
    photos : PhotoSet
        What to pack.
    out : str or Path
        A new folder.
    per_shard : int
        Photos in a tar file.
    shorter : int
        Photos whose shorter side has more pixels are made smaller, to this; 0 keeps
        all files as they are.
    seed : int
        Decides the order.
    progress : callable, optional
        Wraps the numbers of the photos, for a progress bar.

    Returns
    -------
    dict of str to str
        The photos left out, as they could not be read, and why.

    Raises
    ------
    ValueError
        If `out` holds shards, no photo can be read, or a number is not positive.

    Notes
    -----
    The index comes last: a run that was killed leaves a folder without one, which a
    new run writes over.
    """
    out = Path(out)
    if per_shard < 1 or shorter < 0:
        raise ValueError(
            f"per_shard must be at least 1 and shorter at least 0, "
            f"got {per_shard} and {shorter}"
        )
    if (out / INDEX).exists():
        raise ValueError(f"out must be a new folder; {out} holds shards")
    out.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(seed).permutation(len(photos)).tolist()
    shards, waiting, skipped = [], [], {}
    for number in progress(order):
        try:
            waiting.append(_packed(photos, number, shorter))
        except ValueError as error:
            skipped[photos.name(number)] = str(error)
        if len(waiting) == per_shard:
            shards.append(_write_tar(out, len(shards), waiting))
            waiting = []
    if waiting:
        shards.append(_write_tar(out, len(shards), waiting))
    if not shards:
        raise ValueError(f"photos must hold one that can be read, of {len(photos)}")
    partial = out / f"{INDEX}.partial"
    partial.write_text(json.dumps({"shards": shards}) + "\n")
    os.replace(partial, out / INDEX)
    return skipped


def _packed(photos: ImageSource, number: int, shorter: int) -> tuple[str, bytes]:
    """Give suffix and content of a photo, after a look at the whole of it."""
    with photos.open(number) as file:
        content = file.read()
    image = open_rgb(io.BytesIO(content))
    if not shorter or min(image.size) <= shorter:
        kind = Image.open(io.BytesIO(content)).format
        return SUFFIX.get(kind, kind.lower()), content
    scale = shorter / min(image.size)
    image = image.resize(
        [round(side * scale) for side in image.size], Image.Resampling.BOX
    )
    smaller = io.BytesIO()
    image.save(smaller, "JPEG", quality=QUALITY)
    return "jpg", smaller.getvalue()


def _write_tar(out: Path, number: int, photos: list[tuple[str, bytes]]) -> dict:
    """Write one shard; gives its entry in the index."""
    path = out / f"shard-{number:06d}.tar"
    with tarfile.open(path, "w") as tar:
        for place, (suffix, content) in enumerate(photos):
            member = tarfile.TarInfo(f"{number:06d}{place:06d}.{suffix}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with tarfile.open(path, "r:") as tar:
        places = [[member.offset_data, member.size] for member in tar]
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "sha256": digest, "photos": places}
