"""Photos under several colorings, behind a curtain (book chapter: losses)."""

from collections.abc import Mapping

import anywidget
import traitlets
from PIL import Image

from colorlab.widgets.front import front, to_jpeg

JPEG_QUALITY = 80
LARGEST_PICTURE, LARGEST_SUM = 110_000, 500_000  # bytes; in a page they take 4/3
LONGEST_SIDE = 720  # pixels: the width of a page's column
GLOSSES = {  # what the networks' names stand for; "true" is no network
    "l2": "regression",
    "class": "classification",
    "rebal": "rebalanced",
    "flagship": "the largest",
    "borrowed": "pretrained encoder",
    "true": "the photo",
}


class Curtain(anywidget.AnyWidget):
    """Draw a curtain over one coloring of a photo to see another.

    The pictures travel as JPEG, shrunk until each is at most 110 kB and all together
    at most 500 kB.

    Parameters
    ----------
    pictures : dict of str to PIL.Image.Image, or dict of str to such a dict
        2 to 8 pictures of one size, under the names that the reader sees. The names
        of our networks, and "true", are explained by a word. For several photos to
        choose from, such pictures of each, all of one size and with the same names.
    left, right : str, optional
        Which ones are shown at first; without them, the first and the last.

    Raises
    ------
    ValueError
        If there are too few or too many pictures, they differ in size, photos differ
        in their names, or `left` and `right` do not name two of them.
    """

    _esm, _css = front("curtain")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes of each JPEG
    pixels = traitlets.Bytes().tag(sync=True)
    size = traitlets.List(traitlets.Int()).tag(sync=True)  # width, height
    photos = traitlets.List(traitlets.Unicode()).tag(sync=True)  # names, if several
    photo = traitlets.Int(min=0).tag(sync=True)
    left = traitlets.Unicode().tag(sync=True)
    right = traitlets.Unicode().tag(sync=True)
    share = traitlets.Float(0.5, min=0, max=1).tag(sync=True)  # left of the curtain

    def __init__(
        self,
        pictures: Mapping[str, Image.Image | dict[str, Image.Image]],
        left: str | None = None,
        right: str | None = None,
    ) -> None:
        photos, names, flat = _by_photo(pictures)
        left, right = left or names[0], right or names[-1]
        if left == right or not {left, right} <= set(names):
            raise ValueError(
                f"left and right must be two of {names}, got {left!r} and {right!r}"
            )
        size, files = pack_pictures(flat)
        super().__init__(
            names=[explain(name) for name in names],
            lengths=[len(file) for file in files],
            pixels=b"".join(files),
            size=list(size),
            photos=photos,
            left=explain(left),
            right=explain(right),
        )

    @traitlets.validate("photo")
    def _check_photo(self, proposal: dict) -> int:
        count = max(1, len(self.photos))
        if proposal["value"] >= count:
            raise traitlets.TraitError(
                f"photo must be below {count}, got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.validate("left", "right")
    def _check_name(self, proposal: dict) -> str:
        name = proposal["value"]
        if name not in self.names and explain(name) not in self.names:
            raise traitlets.TraitError(
                f"name must be one of {self.names}, got {name!r}"
            )
        return name if name in self.names else explain(name)


def _by_photo(
    pictures: Mapping[str, Image.Image | dict[str, Image.Image]],
) -> tuple[list[str], list[str], list[Image.Image]]:
    """Return the names of photos and colorings, and all pictures, photo by photo."""
    sets = {name: x for name, x in pictures.items() if isinstance(x, dict)}
    single = {n: x for n, x in pictures.items() if isinstance(x, Image.Image)}
    first, *others = [list(each) for each in sets.values()] or [list(single)]
    if sets and (single or any(names != first for names in others)):
        raise ValueError(f"photos must have the same names, got {first} and others")
    if not 2 <= len(first) <= 8:
        raise ValueError(f"pictures must be 2 to 8, got {len(first)}")
    flat = [x for each in sets.values() or [single] for x in each.values()]
    sizes = sorted({picture.size for picture in flat})
    if len(sizes) > 1:
        raise ValueError(f"pictures must be of one size, got {sizes}")
    return list(sets), first, flat


def explain(name: str) -> str:
    """Add to a network's name what it stands for, as "l2: regression".

    Parameters
    ----------
    name : str
        Of a network of ours, or any other name, which stays as it is.

    Returns
    -------
    str
        What the reader sees (book chapter: losses).

    Examples
    --------
    >>> explain("l2"), explain("mine")
    ('l2: regression', 'mine')
    """
    return f"{name}: {GLOSSES[name]}" if name in GLOSSES else name


def pack_pictures(pictures: list[Image.Image]) -> tuple[tuple[int, int], list[bytes]]:
    """Write pictures of one size as JPEG, all shrunk alike until they are light.

    Parameters
    ----------
    pictures : list of PIL.Image.Image
        Any mode; few enough that small ones fit the bounds at the top.

    Returns
    -------
    size : tuple of int
        Width and height of all.
    files : list of bytes
        One JPEG each. Book chapter: losses.

    Examples
    --------
    >>> size, files = pack_pictures([Image.new("RGB", (1440, 720))] * 2)
    >>> size, len(files)
    ((720, 360), 2)
    """
    width, height = pictures[0].size
    scale = min(1, LONGEST_SIDE / max(width, height))
    while True:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = [picture.convert("RGB").resize(size) for picture in pictures]
        files = [to_jpeg(picture, JPEG_QUALITY, progressive=True) for picture in small]
        sizes = [len(file) for file in files]
        if max(sizes) <= LARGEST_PICTURE and sum(sizes) <= LARGEST_SUM:
            return size, files
        scale *= 0.9
