"""What a file tells besides its pixels, and what a result keeps (chapter: colorize)."""

import re
from typing import Any
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from PIL import Image

from colorlab.datasets.formats import Refusal

ORIENTATION, SOFTWARE, XMP, IPTC = 0x0112, 0x0131, 0x02BC, 0x83BB  # tags of EXIF, TIFF
# EXIF that describes the picture: document, description, make, model, page, date,
# author, host, rating, copyright, Microsoft's title to subject. The rest is of the
# file's structure, which is another file's now.
DESCRIBING = {0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0132, 0x013B, 0x013C, 0x4746}
DESCRIBING |= {0x8298, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
# Of these: width, height, and a folder about both; color space 1 is sRGB.
SIDES, COLOR_SPACE = {0xA002, 0xA003, 0xA005}, 0xA001
MOST = 60_000  # bytes; a JPEG has room for 65,533
PHOTOSHOP_IPTC = 0x0404
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TIFF_NAMES = "http://ns.adobe.com/tiff/1.0/"
OURS = re.compile(r"\s*Colors predicted by .*", re.DOTALL)
OWN = ("Software", "XML:com.adobe.xmp", "xmp")  # texts of a PNG that stand elsewhere


def read_metadata(image: Image.Image) -> tuple[dict[str, bytes], list[str]]:
    """Return what a result keeps of a file's EXIF and XMP (book chapter: colorize).

    Parameters
    ----------
    image : PIL.Image.Image
        As opened from a file.

    Returns
    -------
    kept : dict of str to bytes
        "exif" and "xmp", if there are any: without the orientation, which is applied,
        without a preview, which would be gray, and without what describes the file and
        not the picture.
    notes : list of str
        What is not kept.

    Examples
    --------
    >>> read_metadata(Image.new("L", (1, 1)))
    ({}, [])
    """
    kept, notes = {}, []
    if exif := _describing(image.getexif()):
        kept["exif"] = exif
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = packet.encode() if isinstance(packet, str) else packet
    try:
        if packet:
            kept["xmp"] = _without_orientation(packet)
    except (ExpatError, ValueError, LookupError) as error:
        notes.append(f"its XMP is damaged, and not kept: {error}")
    for name in [name for name, content in kept.items() if len(content) > MOST]:
        notes.append(f"its {name.upper()} is larger than {MOST} bytes, and not kept")
        del kept[name]
    return kept, notes + _say_left(image)


def add_statement(packet: bytes, statement: str) -> str:
    """Add a packet of XMP to another (book chapter: colorize).

    Parameters
    ----------
    packet : bytes
        As `read_metadata` gives it; may be empty.
    statement : str
        XMP whose properties replace those of `packet`; but its description is added
        to the one there.

    Returns
    -------
    str
        XMP.

    Examples
    --------
    >>> add_statement(b"", "<x:xmpmeta/>")
    '<x:xmpmeta/>'
    """
    if not packet:
        return statement
    there, added = _parse(packet), minidom.parseString(statement.encode())
    new = _properties(added)
    for node in there.getElementsByTagNameNS(RDF, "Description"):
        for attribute in [*node.attributes.values()]:
            if _key(attribute) in new:
                node.removeAttributeNode(attribute)
        for child in [*node.childNodes]:
            if _key(child) in new:
                _describe_both(new[_key(child)], child)
                node.removeChild(child)
    rdf = there.getElementsByTagNameNS(RDF, "RDF")[0]
    for node in added.getElementsByTagNameNS(RDF, "Description"):
        rdf.appendChild(there.importNode(node, True))
    return _text(there)


def _describing(exif: Image.Exif) -> bytes:
    kept = Image.Exif()
    for tag in sorted(DESCRIBING & set(exif)):
        kept[tag] = as_read(exif[tag])
    for ifd in (EXIF_IFD, GPS_IFD):
        told = {tag: value for tag, value in exif.get_ifd(ifd).items()}
        told = {tag: as_read(v) for tag, v in told.items() if tag not in SIDES}
        told |= {COLOR_SPACE: 1} if COLOR_SPACE in told else {}
        if told:
            kept.get_ifd(ifd).update(told)
            kept[ifd] = told
    return kept.tobytes() if len(kept) else b""


def as_read(value: Any) -> Any:
    r"""Return the bytes of a text in EXIF, of which Pillow writes no others than ASCII.

    Parameters
    ----------
    value : object
        As Pillow reads it: each byte of a text becomes a letter.

    Returns
    -------
    object
        What is no text, or is ASCII, as it was.

    Examples
    --------
    >>> as_read("Gro\xc3\x9fmutter").decode()  # most programs write UTF-8
    'Großmutter'
    """
    plain = not isinstance(value, str) or value.isascii()
    return value if plain else value.encode("latin-1", "replace")


def _say_left(image: Image.Image) -> list[str]:
    """Return what else is in the file, and stays there."""
    info, tags = image.info, getattr(image, "tag_v2", {})
    photoshop = info.get("photoshop", {})
    left = []
    if IPTC in tags or (isinstance(photoshop, dict) and PHOTOSHOP_IPTC in photoshop):
        left.append("its IPTC is not kept")
    texts = sorted(set(getattr(image, "text", ())) - set(OWN))
    if texts:
        left.append(f"its texts are not kept: {', '.join(texts)[:80]}")
    comment = info.get("comment", b"")
    comment = comment.encode() if isinstance(comment, str) else comment
    if comment.strip(b"\0 \n") and not comment.startswith(b"colorlab"):
        left.append("its comment is not kept")
    return left


def _parse(packet: bytes) -> minidom.Document:
    """Return XMP as a tree; refuse what may define its own entities."""
    start, end = packet.find(b"<"), packet.rfind(b">")
    plain = packet.replace(b"\0", b"")  # also in UTF-16
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise Refusal("it defines entities")
    return minidom.parseString(packet[start : end + 1])


def _without_orientation(packet: bytes) -> bytes:
    tree = _parse(packet)
    if not tree.getElementsByTagNameNS(RDF, "RDF"):
        raise Refusal("it holds no RDF")
    for node in tree.getElementsByTagNameNS(RDF, "Description"):
        if node.hasAttributeNS(TIFF_NAMES, "Orientation"):
            node.removeAttributeNS(TIFF_NAMES, "Orientation")
    for node in tree.getElementsByTagNameNS(TIFF_NAMES, "Orientation"):
        if node.parentNode:
            node.parentNode.removeChild(node)
    return _text(tree).encode()


def _text(tree: minidom.Document) -> str:
    return tree.documentElement.toxml() if tree.documentElement else ""


def _key(node: Any) -> tuple[str | None, str | None]:
    return node.namespaceURI, node.localName


def _properties(tree: minidom.Document) -> dict[Any, Any]:
    """Return the properties of XMP by their names."""
    nodes = tree.getElementsByTagNameNS(RDF, "Description")
    named: dict[Any, Any] = {
        _key(child): child for node in nodes for child in node.childNodes
    }
    for node in nodes:
        for attribute in node.attributes.values():
            if attribute.prefix not in ("xmlns", "rdf", None):
                named[_key(attribute)] = attribute
    named.pop((None, None), None)  # text between the properties
    return named


def _describe_both(new: Any, old: Any) -> None:
    """Put an old description before a new one, unless it is one of ours."""
    texts = [node.getElementsByTagNameNS(RDF, "li") for node in (old, new)]
    if not all(texts):
        return
    before, after = (each[0].firstChild for each in texts)
    kept = OURS.sub("", before.data if before else "")
    after.data = f"{kept} {after.data}".strip()
