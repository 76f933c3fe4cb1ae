"""Results of `colorlab colorize`: marked, so that they are known again."""

import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from colorlab import __version__

if TYPE_CHECKING:
    from colorlab.transfer import Network

DIGITS = 16  # of a hash
# The International Press Telecommunications Council's words for what this is.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
SIDE = re.compile("<!-- (colorlab .*) -->")  # the mark, in a side file
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>
</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""


class Mark(NamedTuple):
    """What a result says of itself: of which image, and how it was made."""

    source: str
    settings: str

    def __str__(self) -> str:
        """Return it as the name of a program, as the file holds it."""
        return f"colorlab {__version__} {self.source} {self.settings}"


def describe(
    model: str, T: float, size: object, strength: float, more: str = ""
) -> str:
    """Return a sentence that says of a result that its colors are made, and how."""
    by = f"Colors predicted by a neural network, not recorded: colorlab {__version__}"
    how = f"{model}, T = {T:g}, size {size}, strength {strength:g}"
    how += f", {more}" if more else ""
    return f"{by}, {how}."


def to_xmp(statement: str) -> str:
    """Return XMP that says it, and in the words of the press that it was made."""
    return XMP.format(SOURCE_TYPE, escape(statement))


def hash_settings(network: "Network", *settings: object) -> str:
    """Return a hash of all that decides a result, the image apart."""
    hashed = hashlib.sha256(repr(settings).encode())
    for tensor in network.state_dict().values():
        hashed.update(tensor.cpu().numpy().tobytes())
    return hashed.hexdigest()[:DIGITS]


def hash_file(path: Path, kind: str = "") -> str:
    """Return a hash of an image file, another one for each kind of result."""
    with open(path, "rb") as file:
        hashed = hashlib.file_digest(file, "sha256")
    hashed.update(kind.encode())
    return hashed.hexdigest()[:DIGITS]


def read_mark(path: Path) -> Mark | None:
    """Return the mark of a result; None for what is none."""
    from colorlab.datasets.images import SOFTWARE, open_checked

    try:
        with open_checked(path, sys.maxsize) as image:  # it is not decoded
            software = image.info.get("Software") or image.getexif().get(SOFTWARE)
            software = software or _comment(image.info) or _beside(path)
    except ValueError:  # a damaged file is no result
        return None
    words = str(software).split()
    return Mark(*words[2:]) if words[:1] == ["colorlab"] and len(words) == 4 else None


def _comment(info: dict) -> str:
    """Return the first line of a file's comment, if it is ours."""
    comment = info.get("comment", b"")
    comment = comment if isinstance(comment, bytes) else str(comment).encode()
    first = comment.decode("utf-8", "replace").split("\n")[0]
    return first if first.startswith("colorlab ") else ""


def _beside(path: Path) -> str:
    """Return the mark in a side file."""
    try:
        found = SIDE.search(side_file(path).read_text("utf-8", "replace"))
    except OSError:
        return ""
    return found[1] if found else ""


def side_file(target: Path) -> Path:
    """Return where the mark of a result goes whose format has no place for it."""
    return target.with_name(f"{target.name}.xmp")


def check_side_file(target: Path, overwrite: bool) -> None:
    """Refuse to replace what stands in the place of a side file, if it is not ours."""
    path = side_file(target)
    if path.exists() and not _beside(target) and not overwrite:
        raise ValueError(
            f"{path} exists, and is not of colorlab; --overwrite replaces it"
        )


def write_side_file(target: Path, mark: Mark, statement: str) -> None:
    """Write the mark of a result beside it, as image programs do; none if unmarked."""
    from colorlab.files import whole_file

    path = side_file(target)
    if _beside(target):
        path.unlink()  # it told of the picture before
    if statement:
        with whole_file(path) as file:
            file.write(f"{to_xmp(statement)}\n<!-- {mark} -->\n".encode())


def is_done(target: Path, mark: Mark) -> bool:
    """Return whether a file is this very result; refuse to replace what is another's.

    An earlier result of the same image, with other settings, may be replaced.
    """
    if not target.exists():
        return False
    there = read_mark(target)
    if there is None or there.source != mark.source:
        other = "the result of another image, or of another kind"
        whose = other if there else "not of colorlab"
        raise ValueError(f"{target} exists, and is {whose}; --overwrite replaces it")
    return there == mark
