"""The bundled photographs: table, licenses, checksums, size and colors."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab import rgb_to_lab

DATA = Path(__file__).parent.parent / "data"
COLUMNS = ["file", "what it shows", "author", "license", "source", "sha256"]
LICENSES = {
    "CC0 1.0",
    "public domain",
    "CC BY 2.0",
    "CC BY 4.0",
    "CC BY-SA 3.0",
    "CC BY-SA 4.0",
}
MAX_BYTES = 6_000_000
MAX_SIDE = 640
COLORED = 5  # mean chroma a color photograph exceeds
NEUTRAL = 0.1  # mean chroma a gray file stays below
TONED = 20  # mean chroma a toned print stays below


def read_table():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    text = text.partition("## Images to learn from")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    assert cells[0] == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in cells)
    return [dict(zip(COLUMNS, row, strict=True)) for row in cells[2:]]


ROWS = read_table()
PATHS = [row["file"].strip("`") for row in ROWS]
HISTORIC = [path for path in PATHS if path.startswith("photos/historic/")]
COLOR = [path for path in PATHS if path not in HISTORIC]


def chroma(path):
    with Image.open(DATA / path) as image:
        rgb = np.array(image.convert("RGB"))
    lab = rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1))
    return lab[1:].norm(dim=0).mean().item()


def test_rows_and_files_correspond():
    folders = (DATA / "photos", DATA / "turing")
    files = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    assert sorted(PATHS) == sorted(p.relative_to(DATA).as_posix() for p in files)


def test_size_and_number():
    assert sum((DATA / path).stat().st_size for path in PATHS) <= MAX_BYTES
    assert len(COLOR) >= 12
    assert len(HISTORIC) >= 6


@pytest.mark.parametrize("row", ROWS, ids=PATHS)
def test_row_is_complete(row):
    assert all(row.values())
    assert row["license"] in LICENSES
    content = (DATA / row["file"].strip("`")).read_bytes()
    assert row["sha256"].strip("`") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("path", PATHS)
def test_file_is_small_and_without_metadata(path):
    with Image.open(DATA / path) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= MAX_SIDE
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)


@pytest.mark.parametrize("path", COLOR)
def test_color_photograph_is_colored(path):
    with Image.open(DATA / path) as image:
        assert image.mode == "RGB"
    assert chroma(path) > COLORED


@pytest.mark.parametrize("path", HISTORIC)
def test_historic_photograph_is_gray_or_toned(path):
    row = ROWS[PATHS.index(path)]
    toned = row["what it shows"].endswith("toned print")
    with Image.open(DATA / path) as image:
        assert image.mode == ("RGB" if toned else "L")
    assert chroma(path) < (TONED if toned else NEUTRAL)
