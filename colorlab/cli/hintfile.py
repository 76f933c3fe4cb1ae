"""Files of hints: dots on one photo, made by the page `photo` or by hand."""

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import torch
from torch import Tensor

from colorlab.hints import GIVE_UP, apply
from colorlab.lab import rgb_to_lab
from colorlab.transfer import Network
from colorlab.weights import shipped

FORMAT = "colorlab hints 1"
UNITS = ("relative", "pixels")
ENTRIES = ("format", "size", "units", "dots", "model", "T", "seen", "give_up")
MOST_BYTES, MOST_DOTS, MOST_AB = 1_000_000, 10_000, 128.0  # a and b of a dot
MOST_SIDE = 1_000_000  # pixels


Dot = tuple[float, float, float, float]  # y and x in shares, a, b


@dataclass(frozen=True)
class Hints:
    """Dots on one photo, as a file holds them (book chapter: hints).

    Attributes
    ----------
    width, height : int
        Of the photo as it is seen, upright, in pixels.
    dots : tuple of (y, x, a, b)
        Places in shares of height and width, 0..1; colors in Lab units.
    model, T, size, give_up : optional
        The name of the network, and the settings, that they were made with.
    """

    width: int
    height: int
    dots: tuple[Dot, ...]
    model: str | None = None
    T: float | None = None
    size: int | None = None
    give_up: float | None = None

    def __str__(self) -> str:
        """Return how many there are and, where it is said, how far they reach."""
        if not self.dots:
            return ""
        far = "" if self.give_up is None else f" with give_up {self.give_up:g}"
        return f"{len(self.dots)} of a person's dots{far}"

    def check(self, width: int, height: int) -> "Hints":
        """Return the same; refuse an image of another shape by a ValueError."""
        off = max(width * self.height, height * self.width)
        if off > 1.02 * min(width * self.height, height * self.width):
            raise ValueError(
                f"hints must be of this image, got those of {self.width} x "
                f"{self.height} pixels for one of {width} x {height}"
            )
        return self

    def fill_in(
        self, model: str | None, T: float | None, size: int | None
    ) -> tuple[str | None, float | None, int | None]:
        """Return the settings, and where there is none, what the file says."""
        return (
            self.model if model is None else model,
            self.T if T is None else T,
            self.size if size is None else size,
        )

    def predict(self, model: Network, L: Tensor, T: float) -> Tensor:
        """Color lightness of any size with these dots, for `colorize`."""
        height, width = L.shape[-2:]
        dots = torch.tensor(self.dots, dtype=torch.float64).view(-1, 4)
        dots[:, :2] *= torch.tensor([height, width])
        dots[:, 0].clamp_(max=height - 1)
        dots[:, 1].clamp_(max=width - 1)
        return apply(
            model, L, dots, T, GIVE_UP if self.give_up is None else self.give_up
        )


def read_hints(path: str | Path) -> Hints:
    """Read a file of hints (book chapter: hints).

    Parameters
    ----------
    path : str or Path
        JSON, as the page `photo` writes it or a person: an object with "format":
        "colorlab hints 1"; "size": [width, height] of the photo in pixels, upright;
        "units": "relative" (shares of width and height) or "pixels" (counted from 0);
        "dots": a list of objects with "x", "y", and either "ab": [a, b] in Lab units
        or "color": "#rrggbb", of which the lightness does not count. Optional are
        "model", a shipped network, "T", "seen", the `size` of `colorize`, and
        "give_up", as for `colorlab.hints.blend`.

    Returns
    -------
    Hints
        The dots and the rest.

    Raises
    ------
    ValueError
        If the file cannot be read, is no such JSON, or a dot is outside the photo;
        the message names the file, the entry, and what was expected.

    Examples
    --------
    >>> import tempfile
    >>> dot = {"x": 10, "y": 5, "color": "#ff0000"}
    >>> content = {"format": FORMAT, "size": [40, 20], "units": "pixels", "dots": [dot]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "hints.json").write_text(json.dumps(content))
    ...     hints = read_hints(Path(folder, "hints.json"))
    >>> [round(number, 2) for number in hints.dots[0]]
    [0.28, 0.26, 80.09, 67.2]
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise ValueError(f"it must have at most {MOST_BYTES} bytes")
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"hints must be a JSON file; {path}: {error}") from error
    try:
        return _parse(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _parse(content: object) -> Hints:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'hints must be an object with "format": "{FORMAT}"')
    if extra := [name for name in content if name not in ENTRIES]:
        raise ValueError(f"hints must hold {', '.join(ENTRIES)}; got {extra[0]!r}")
    match content.get("size"):
        case [int(width), int(height)] if _are_sides(width, height):
            across = {"relative": (1, 1), "pixels": (width, height)}
        case other:
            raise ValueError(f"size must be [width, height] in pixels, got {other!r}")
    units, dots = content.get("units"), content.get("dots")
    if units not in UNITS:
        raise ValueError(f"units must be one of {', '.join(UNITS)}, got {units!r}")
    if not isinstance(dots, list) or len(dots) > MOST_DOTS:
        raise ValueError(f"dots must be a list of at most {MOST_DOTS}")
    placed = tuple(_parse_dot(dot, n, across[units]) for n, dot in enumerate(dots))
    model = content.get("model")
    if model is not None and model not in shipped():
        raise ValueError(f"model must be one of {', '.join(shipped())}, got {model!r}")
    T, seen = (_positive(content, name) for name in ("T", "seen"))
    size = round(seen) if seen else None
    give_up = content.get("give_up")
    if give_up is not None and not (_is_number(give_up) and 0 <= give_up <= 1):
        raise ValueError(f"give_up must be in 0..1, got {give_up!r}")
    return Hints(width, height, placed, model, T, size, give_up)


def _parse_dot(dot: object, number: int, across: tuple[int, int]) -> Dot:
    """Return y, x in shares, a, b of one entry."""
    where = f"dots[{number}]"
    if not isinstance(dot, dict) or not dot.keys() <= {"x", "y", "ab", "color"}:
        raise ValueError(f'{where} must be {{"x", "y", "ab" or "color"}}, got {dot!r}')
    place = []
    for name, length in zip("xy", across, strict=True):
        value = dot.get(name)
        if not _is_number(value) or not 0 <= value <= length - (length > 1):
            raise ValueError(f"{where}: {name} must be within the photo, got {value!r}")
        place.append((math.floor(value) + 0.5) / length if length > 1 else value)
    return place[1], place[0], *_parse_color(dot, where)


def _parse_color(dot: dict, where: str) -> tuple[float, float]:
    match dot.get("ab"), dot.get("color"):
        case [[a, b], None] if all(_is_number(v) and abs(v) <= MOST_AB for v in (a, b)):
            return float(a), float(b)
        case [None, str(color)] if len(color) == 7 and color[0] == "#":
            try:
                rgb = torch.tensor([*bytes.fromhex(color[1:])], dtype=torch.uint8)
                _, a, b = rgb_to_lab(rgb.view(3, 1, 1)).flatten().tolist()
                return a, b
            except ValueError:
                pass  # said below
    raise ValueError(
        f'{where} must have one of "ab": [a, b], each within {MOST_AB:g}, and "color": '
        f'"#rrggbb", got {dot!r}'
    )


def _are_sides(*sides: int) -> bool:
    return all(type(side) is int and 0 < side <= MOST_SIDE for side in sides)


def _positive(content: dict, name: str) -> float | None:
    value = content.get(name)
    if value is not None and not (_is_number(value) and value > 0):
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return value


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # an integer may be larger; NaN is not
