"""Which of two photos is painted? The colorization Turing test (turing)."""

import anywidget
import traitlets
from PIL import Image

from colorlab.evaluate.turing import PAPER_RATE, RESULT_FORMAT, RESULT_KIND
from colorlab.widgets.front import front, to_jpeg

JPEG_QUALITY = 70  # 36 pairs of 256 pixels are then 0.9 MB

Pairs = dict[str, tuple[Image.Image, Image.Image]]


class TuringTest(anywidget.AnyWidget):
    """Show pairs of a real and a painted photo, and ask which one is painted.

    A pair is seen for a second, in random order and on random sides. The reader gets
    a fooling rate with its interval, and a result file for
    `colorlab.evaluate.turing.read_results`. Both photos of a pair travel as JPEG of one
    quality, so that the encoding tells nothing.

    Parameters
    ----------
    pairs : dict of str to (PIL.Image.Image, PIL.Image.Image)
        Of each photo, by its name: the real and the painted one. All of one size.
    practice : dict of str to (PIL.Image.Image, PIL.Image.Image)
        Pairs that come first, each with its answer; they do not count.
    version : str
        What tells these pairs from others: results of one version can be pooled.
    seconds : float
        How long a pair is seen.

    Raises
    ------
    ValueError
        If there is no pair, a name is in both, sizes differ, `version` is empty or
        `seconds` not positive.
    """

    _esm, _css = front("turing")
    practice = traitlets.List(traitlets.Unicode()).tag(sync=True)  # names, come first
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes: real, painted, ..
    pixels = traitlets.Bytes().tag(sync=True)
    size = traitlets.List(traitlets.Int()).tag(sync=True)  # width, height
    seconds = traitlets.Float().tag(sync=True)
    version = traitlets.Unicode().tag(sync=True)
    paper = traitlets.Float(PAPER_RATE).tag(sync=True)
    kind = traitlets.Unicode(RESULT_KIND).tag(sync=True)
    format = traitlets.Int(RESULT_FORMAT).tag(sync=True)

    def __init__(
        self, pairs: Pairs, practice: Pairs, version: str, seconds: float = 1.0
    ) -> None:
        if not pairs:
            raise ValueError("pairs must be one or more, got none")
        if both := sorted(set(pairs) & set(practice)):
            raise ValueError(f"practice must show other photos than pairs, got {both}")
        if not version or not seconds > 0:
            raise ValueError(
                "version must not be empty and seconds must be positive, "
                f"got {version!r} and {seconds}"
            )
        pictures = [p for pair in (practice | pairs).values() for p in pair]
        if len(sizes := {picture.size for picture in pictures}) > 1:
            raise ValueError(f"pictures must be of one size, got {sorted(sizes)}")
        files = [to_jpeg(picture, JPEG_QUALITY) for picture in pictures]
        super().__init__(
            practice=list(practice),
            names=list(pairs),
            lengths=[len(file) for file in files],
            pixels=b"".join(files),
            size=list(pictures[0].size),
            seconds=seconds,
            version=version,
        )
