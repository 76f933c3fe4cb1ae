"""Checks of exercises accept what the page prints and what the exercise allows."""

import torch
from book_pages import code_cells, read_notebook, source

from colorlab import bin_centers, soft_encode


def check_of(chapter, name, **names):
    """Give a chapter's check of an answer."""
    cells = map(source, code_cells(read_notebook(chapter)))
    (text,) = (text for text in cells if text.startswith(f"def {name}("))
    exec(text, names)
    return names[name]


def to_lab_by_hand(red, green, blue):
    """Convert by the matrix as the page prints it, with three digits."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (red, green, blue)
    ]
    rows = [(0.412, 0.358, 0.180), (0.213, 0.715, 0.072), (0.019, 0.119, 0.950)]
    white = (0.95047, 1, 1.08883)
    parts = [
        sum(share * c for share, c in zip(row, linear, strict=True)) / w
        for row, w in zip(rows, white, strict=True)
    ]
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in parts)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def test_to_lab_with_the_printed_digits_is_right():
    check = check_of("lab", "check_to_lab")
    assert check(to_lab_by_hand) == "all right"
    assert "gray 119" in check(lambda r, g, b: (100 * r, 0, 0))


def test_plain_lists_are_five_bins_and_five_weights():
    centers = bin_centers()
    check = check_of(
        "quantize",
        "check_encode",
        torch=torch,
        soft_encode=soft_encode,
        centers=centers,
    )

    def answer(y):
        pairs = soft_encode(y.view(1, 2, 1, 1), centers)
        return [part.flatten().tolist() for part in pairs]

    assert check(answer) == "right"
    assert "five bins" in check(lambda y: ([1], [1.0]))
