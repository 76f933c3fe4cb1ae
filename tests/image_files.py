"""Image files that say what their numbers mean, made byte by byte."""

import io
import struct
import zlib

ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)  # white, R, G, B
ADOBE_GAMMA = 256 / 563
# XYZ under D50 of Adobe RGB's primaries, by its specification of 1998, annex B.
ADOBE_D50 = [
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
]


def s15(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(n * 65536) for n in numbers))


def icc(space, gamma, columns=()):
    """A profile with one power as its curve, and for RGB three primaries."""
    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))
    xyz = [b"XYZ " + bytes(4) + s15(*column) for column in columns]
    tags = {b"wtpt": b"XYZ " + bytes(4) + s15(0.9642, 1, 0.8249)}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), xyz, strict=False))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC") if columns else (b"kTRC",), curve)
    start, table, data = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    body = struct.pack(">I", len(tags)) + table + data
    header = struct.pack(">I4xI", 128 + len(body), 0x02400000) + b"mntr" + space
    header += b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    return header + s15(0.9642, 1, 0.8249) + bytes(48) + body


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_chunks(image, **chunks):
    """A PNG with chunks behind its header."""
    content = saved(image)
    added = b""
    for name, data in chunks.items():
        check = struct.pack(">I", zlib.crc32(name.encode() + data))
        added += struct.pack(">I", len(data)) + name.encode() + data + check
    return content[:33] + added + content[33:]


def gama(gamma):
    return struct.pack(">I", round(gamma * 100_000))


def chrm(primaries):
    return struct.pack(">8I", *(round(each * 100_000) for each in primaries))
