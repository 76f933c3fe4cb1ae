"""Make matplotlib's SVG figures part of a page, in the colors of its theme.

Photos in a figure become JPEG files beside the page's other pictures. Black and
white of the drawing become the page's ink and ground; the rest keeps its color.
"""

import base64
import hashlib
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
LOWEST = "#000001"  # as good as black, which SVG leaves out
INK, GROUND = "currentColor", "var(--chart-ground)"
PX_PER_PT = 4 / 3
QUALITY = 73  # of JPEG
FEW = 256  # colors, which PNG holds exactly and in few bytes
NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-\d+)?")  # to be rounded
COMMAND = re.compile(r"\s*([A-Za-z])\s*")  # of a path, which needs no spaces
MOVED = re.compile(r"translate\((\S+) (\S+)\)")
POLYLINE = re.compile(r"(?:[ML]-?[\d.]+ -?[\d.]+|z)+")
POINT = re.compile(r"([MLz])(?:(-?[\d.]+) (-?[\d.]+))?")
FILLED = re.compile(r"fill: (#\w+); (.+)")
MANY = 8  # paths of one look, and a group is shorter
SPARED = 0.5  # of a PNG's bytes, and JPEG is worth its loss
LETTERS = ("text", "legend", "matplotlib.axis")
ET.register_namespace("", SVG[1:-1])


def inline_chart(svg: str, name: str, alt: str, folder: Path, link: str) -> str:
    """Return the markup of a figure.

    Its photos are written to `folder`, which the page reaches by `link`; `name`
    tells the figure's own names from those of the page's other figures.
    """
    root = ET.fromstring(svg)
    for metadata in root.findall(f"{SVG}metadata"):
        root.remove(metadata)
    width, height = (float(n) for n in root.get("viewBox").split()[2:])
    _paint(root, photo=False, letters=True)
    for node in root.iter():
        _join_groups(node)
        _join_paths(node)
        _say_once(node, "clip-path")
        _say_once(node, "style")
    for image in root.iter(f"{SVG}image"):
        photo = _write_photo(image.attrib.pop(LINK), folder)
        image.set("href", f"{link}/{photo}")
    for use in root.iter(f"{SVG}use"):
        use.set("href", use.attrib.pop(LINK))
        _place_shortly(use)
    for path in root.iter(f"{SVG}path"):
        if "d" in path.attrib:
            path.set("d", _straighten(COMMAND.sub(r"\1", path.attrib["d"])))
    _rename(root, name)
    _unwrap(root)
    for node in [*root.iter()]:
        _share_looks(node)
    size = {"width": width * PX_PER_PT, "height": height * PX_PER_PT}
    sides = {side: f"{pixels:.0f}" for side, pixels in size.items()}
    root.attrib = {
        "class": "chart",
        "role": "img",
        "aria-label": alt,
        "viewBox": f"0 0 {width:g} {height:g}",
        "style": "aspect-ratio: {width}/{height}".format(**sides),
    } | sides
    text = ET.tostring(root, encoding="unicode")
    text = re.sub(r"\s+", " ", NUMBER.sub(_round, text))
    return text.replace("> <", "><").replace('" />', '"/>')


def _join_groups(parent: ET.Element) -> None:
    """Make one group of neighbors that only clip, by the same path."""
    last = None
    for child in [*parent]:
        clips = child.tag == f"{SVG}g" and [*child.attrib] == ["clip-path"]
        if clips and last is not None and child.attrib == last.attrib:
            last.extend(child)
            parent.remove(child)
        else:
            last = child if clips else None


def _unwrap(parent: ET.Element) -> None:
    """Put what a group without any attribute holds in its place."""
    children = []
    for child in parent:
        _unwrap(child)
        plain = child.tag == f"{SVG}g" and not child.attrib
        children += [*child] if plain else [child]
    parent[:] = children


def _share_looks(parent: ET.Element) -> None:
    """Put paths of one look into groups, which say all but their fill."""
    rows: list[tuple[tuple[str, str] | None, list[ET.Element]]] = []
    for child in parent:
        look = _look_but_fill(child)
        if look and rows and rows[-1][0] == look:
            rows[-1][1].append(child)
        else:
            rows.append((look, [child]))
    parts: list[ET.Element] = []
    for look, row in rows:
        if not look or len(row) < MANY:
            parts += row
            continue
        group = ET.Element(f"{SVG}g", {"clip-path": look[0], "style": look[1]})
        for path in row:
            fill = FILLED.match(path.attrib.pop("style"))[1]
            group.append(path)
            path.set("fill", fill)
            del path.attrib["clip-path"]
        parts.append(group)
    parent[:] = parts


def _look_but_fill(node: ET.Element) -> tuple[str, str] | None:
    """Return clip and style, but for the fill, of a path without more."""
    if node.tag != f"{SVG}path" or {*node.attrib} != {
        "d",
        "clip-path",
        "style",
    }:
        return None
    found = FILLED.match(node.get("style", ""))
    if (
        not found or "opacity" in found[2]
    ):  # a group would be seen through as a whole
        return None
    return node.get("clip-path", ""), found[2]


def _place_shortly(use: ET.Element) -> None:
    """Write a translation, and nothing else, as the place of what is used."""
    found = MOVED.fullmatch(use.get("transform", ""))
    if not found or "x" in use.attrib or "y" in use.attrib:
        return
    del use.attrib["transform"]
    for key, value in zip("xy", found.groups()):
        if float(value):
            use.set(key, value)


def _straighten(path: str) -> str:
    """Say a polyline shortly, without points within a row or column."""
    if not POLYLINE.fullmatch(path):
        return path
    kept: list[tuple[str, str, str]] = []
    for command, x, y in POINT.findall(NUMBER.sub(_round, path)):
        lines = [one[0] for one in kept[-1:]] == ["L"] == [command]
        if lines and len(kept) > 1 and _is_between(kept[-2], kept[-1], (x, y)):
            kept.pop()
        kept.append((command, x, y))
    text, before = "", ("", "")
    for command, x, y in kept:
        if command == "L" and y == before[1]:
            text += f"H{x}"
        elif command == "L" and x == before[0]:
            text += f"V{y}"
        else:
            text += f"{command}{x} {y}".rstrip()
        before = x, y
    return text


def _is_between(one: tuple, middle: tuple, other: tuple) -> bool:
    """Tell whether a point is on the way between two of its row or column."""
    before, own = one[1:], middle[1:]
    for across, along in ((0, 1), (1, 0)):
        if before[across] == own[across] == other[across]:
            ends = sorted(float(each[along]) for each in (before, other))
            return ends[0] <= float(own[along]) <= ends[1]
    return False


def _join_paths(parent: ET.Element) -> None:
    """Make one path of neighbors that differ in nothing but where they are."""
    last = None
    for child in [*parent]:
        path = child.tag == f"{SVG}path" and "id" not in child.attrib
        look = {**child.attrib, "d": ""} if path else None
        if last is not None and look == {**last.attrib, "d": ""}:
            last.set("d", f"{last.get('d')} {child.get('d')}")
            parent.remove(child)
        else:
            last = child if path else None


def _say_once(parent: ET.Element, key: str) -> None:
    """Clip or style a group of alike parts, and not each of them."""
    said = {child.get(key) for child in parent}
    alike = key == "clip-path" or {child.tag for child in parent} == {
        f"{SVG}use"
    }
    free = parent.tag == f"{SVG}g" and key not in parent.attrib
    if (
        len(parent) > 1
        and len(said) == 1
        and None not in said
        and alike
        and free
    ):
        for child in parent:
            parent.set(key, child.attrib.pop(key))


def _round(found: re.Match) -> str:
    """Round a place to tenths; a factor, such as a letter's, keeps more."""
    value = float(found[0])
    return f"{round(value, 1):g}" if abs(value) >= 1 else f"{value:.4g}"


def _paint(node: ET.Element, photo: bool, letters: bool) -> None:
    """Take ink and ground from the page; marks on a photo keep their color."""
    kind = node.get("id", "")
    if kind.startswith("axes_"):
        photo, letters = node.find(f".//{SVG}image") is not None, False
    letters = letters or kind.startswith(LETTERS)
    letters = letters or (kind.startswith("patch") and not photo)
    if style := node.get("style"):
        if letters or not photo:
            style = style.replace("#000000", INK)
        if letters:
            style = style.replace("fill: #ffffff", f"fill: {GROUND}")
        node.set("style", style)
    for child in node:
        _paint(child, photo, letters)
        if kind.startswith("PatchCollection") and "fill:" not in child.get(
            "style", ""
        ):
            # The lowest value of a scale is black, and not ink.
            child.set("style", f"fill: {LOWEST}; {child.get('style', '')}")


def _rename(root: ET.Element, name: str) -> None:
    """Give short names to the parts that others use, and none to the rest."""
    known = {node.get("id"): node for node in root.iter() if node.get("id")}
    users = [
        (n, k)
        for n in root.iter()
        for k in ("href", "clip-path")
        if k in n.keys()
    ]
    prefix = hashlib.sha256(name.encode()).hexdigest()[:4]
    short = {}
    for node, key in users:
        address = node.get(key)
        old = address.partition("#")[2].rstrip(")")
        if old in known:
            new = short.setdefault(old, f"c{prefix}-{len(short)}")
            node.set(key, address.replace(f"#{old}", f"#{new}"))
    for old, node in known.items():
        if old in short:
            node.set("id", short[old])
        else:
            del node.attrib["id"]
        if old.startswith("text_"):
            node.set("class", "letters")  # custom.css sets them off from photos


def _write_photo(address: str, folder: Path) -> str:
    """Write what a data address holds; gives the file's name."""
    data = base64.b64decode(address.partition(",")[2])
    image = Image.open(io.BytesIO(data))
    opaque = image.mode != "RGBA" or image.getextrema()[3][0] == 255
    image = image.convert("RGB" if opaque else "RGBA")
    written = {}
    if not opaque or image.getcolors(FEW):
        written["png"] = _encode(image, "png")
    if opaque:
        written["jpg"] = _encode(
            image, "jpeg", quality=QUALITY, progressive=True
        )
    if len(written) > 1:  # a drawing, or a gray photo
        small = len(written["jpg"]) < SPARED * len(written["png"])
        del written["png" if small else "jpg"]
    ((suffix, content),) = written.items()
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path.name


def _encode(image: Image.Image, kind: str, **settings: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, optimize=True, **settings)
    return file.getvalue()
