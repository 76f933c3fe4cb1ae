"""Damaged files by the thousand, each from its number alone, through the real loaders.

python tests/fuzzing.py KIND FIRST COUNT prints as JSON what came of them.
"""

import faulthandler
import io
import json
import random
import re
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from image_files import gama, icc, saved, with_chunks
from PIL import Image
from safetensors.torch import save

from colorlab.colorize import colorize
from colorlab.datasets.deep import read_levels, save_deep
from colorlab.datasets.formats import Refusal
from colorlab.datasets.images import open_image, random_crop, save_image
from colorlab.datasets.multipage import open_pages
from colorlab.network import ColorNet
from colorlab.weights import load_model, save_model

MOST_LETTERS = 600
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<r:Description xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6"/>'
    b"</r:RDF></x:xmpmeta>"
)
STUCK = 120  # seconds of the clock after which the process ends, and says where it was
LARGE = (0, 1, 2, 3, 7, 8, 255, 256, 32767, 65500, 65535, 2**20, 2**31 - 1, 2**32 - 1)
SMALL = 24  # pixels a side


def noise(mode, size=(SMALL + 5, SMALL)):
    """A small image of all kinds of numbers."""
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3))
    if mode == "I;16":
        return Image.fromarray((pixels[..., 0] * 257).astype(np.uint16))
    if mode in "IF":
        return Image.fromarray(pixels[..., 0].astype(np.float32) / 255).convert(mode)
    image = Image.fromarray(pixels.astype(np.uint8))
    if mode == "RGBA":
        image.putalpha(image.getchannel("R"))
        return image
    return image.convert(mode)


def photoshop():
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3)
    return head + bytes(12) + b"\0\0" + bytes(3 * 64)


def deep(kind):
    """16 bits a channel, with a profile."""
    levels = np.random.default_rng(0).integers(0, 65536, (SMALL, SMALL, 3))
    image, file = noise("RGB", (SMALL, SMALL)), io.BytesIO()
    save_deep([levels.astype(np.uint16)], image, file, kind)
    return file.getvalue()


@cache
def pictures():
    """Whole files of every format that is read, in most of its forms."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    described = Image.Exif()
    described[0x010E], described[0x02BC] = "a view", XMP
    seeds = [
        saved(
            noise("RGB"),
            "JPEG",
            exif=exif,
            icc_profile=icc(b"RGB ", 2.2),
            dpi=(300, 300),
        ),
        saved(noise("RGB"), "JPEG", progressive=True, quality=95, subsampling=0),
        *(saved(noise(mode), "JPEG") for mode in ("L", "CMYK")),
        saved(noise("RGB"), "MPO", save_all=True, append_images=[noise("L")]),
        *(saved(noise(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGBA", "I;16")),
        saved(noise("P"), "PNG", transparency=3),
        saved(noise("RGB"), "PNG", icc_profile=icc(b"GRAY", 1.8), exif=exif),
        saved(
            noise("RGB"), "PNG", save_all=True, append_images=[noise("RGB").rotate(180)]
        ),
        with_chunks(noise("RGB"), gAMA=gama(0.5)),
        saved(noise("P"), "GIF", save_all=True, append_images=[noise("L")]),
        *(saved(noise(mode), "BMP") for mode in ("1", "P", "RGB", "RGBA")),
        *(saved(noise(mode), "TIFF") for mode in ("1", "L", "I;16", "I", "F", "CMYK")),
        *(
            saved(noise("RGB"), "TIFF", compression=how)
            for how in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
        ),
        saved(noise("1"), "TIFF", compression="group4"),
        saved(
            noise("RGB"),
            "TIFF",
            save_all=True,
            append_images=[noise("L")],
            big_tiff=True,
        ),
        saved(noise("RGBA"), "WEBP", lossless=True),
        saved(noise("RGB"), "WEBP", exif=exif),
        saved(
            noise("RGB"),
            "WEBP",
            save_all=True,
            append_images=[noise("RGB").rotate(180)],
        ),
        saved(noise("RGB"), "AVIF", speed=10),
        saved(noise("L"), "AVIF", speed=10),
        saved(noise("RGB"), "JPEG2000"),
        saved(noise("L"), "JPEG2000", no_jp2=True),
        *(saved(noise(mode), "PPM") for mode in ("1", "L", "RGB", "F")),
        saved(noise("RGB"), "TGA", compression="tga_rle"),
        saved(noise("P"), "TGA"),
        saved(noise("P"), "PCX"),
        photoshop(),
        deep("PNG"),
        deep("TIFF"),
        saved(noise("I;16"), "PNG", icc_profile=icc(b"GRAY", 1.8)),
        *(saved(noise("RGB"), kind, xmp=XMP, exif=exif) for kind in ("JPEG", "WEBP")),
        saved(noise("RGB"), "TIFF", exif=described),
    ]
    return seeds


def mutate(content, others, rng):
    """Damage a file in one to four ways."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        way = rng.choice(WAYS)
        damaged = bytearray(way(damaged, others, rng)) or bytearray(b"\0")
    return bytes(damaged)


def place(content, rng):
    """Somewhere in a file, most often near its start."""
    return rng.randrange(min(len(content), rng.choice((16, 64, 256, 2**20))))


def flip_bits(content, others, rng):
    for _ in range(rng.randint(1, 16)):
        content[place(content, rng)] ^= 1 << rng.randrange(8)
    return content


def set_bytes(content, others, rng):
    for _ in range(rng.randint(1, 8)):
        content[place(content, rng)] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
    return content


def set_number(content, others, rng):
    kind = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    most = 256 ** struct.calcsize(kind) - 1
    start = place(content, rng)
    number = struct.pack(kind, min(most, rng.choice(LARGE) + rng.randint(0, 1)))
    content[start : start + len(number)] = number
    return content


def cut(content, others, rng):
    return content[: rng.randrange(len(content))]


def leave_out(content, others, rng):
    start = place(content, rng)
    return content[:start] + content[start + rng.randint(1, 64) :]


def repeat(content, others, rng):
    start = place(content, rng)
    part = content[start : start + rng.randint(1, 64)]
    return content[:start] + part * rng.randint(2, 9) + content[start:]


def splice(content, others, rng):
    other = rng.choice(others)
    start, length = place(other, rng), rng.randint(1, 512)
    target = place(content, rng)
    return content[:target] + other[start : start + length] + content[target:]


def edit_chunks(content, others, rng):
    """Drop, repeat, exchange or damage chunks of a PNG, with checksums that hold."""
    chunks, at = [], 8
    while at + 12 <= len(content) and content[:4] == b"\x89PNG":
        length = int.from_bytes(content[at : at + 4], "big")
        data = content[at + 8 : at + 8 + length]
        chunks.append((bytes(content[at + 4 : at + 8]), bytearray(data)))
        at += 12 + length
    if not chunks:
        return set_number(content, others, rng)
    which = rng.randrange(len(chunks))
    match rng.randrange(5):
        case 0:
            chunks.insert(rng.randrange(len(chunks)), chunks[which])
        case 1:
            del chunks[which]
        case 2:
            rng.shuffle(chunks)
        case 3 if chunks[which][1]:
            set_number(chunks[which][1], others, rng)
        case _:
            chunks[0][1][:8] = struct.pack(">II", rng.choice(LARGE), rng.choice(LARGE))
    result = bytes(content[:8])
    for name, data in chunks:
        check = zlib.crc32(name + data)
        result += struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)
    return result


def edit_frame(content, others, rng):
    """Let a JPEG claim another size or number of channels."""
    starts = [m.start() for m in re.finditer(rb"\xff[\xc0-\xc2]\0[\x08-\x20]", content)]
    if not starts:
        return set_number(content, others, rng)
    start = rng.choice(starts)
    sizes = struct.pack(
        ">HH", *(min(65535, rng.choice(LARGE)) for _ in range(2))
    ) + bytes([rng.randint(0, 5)])
    content[start + 5 : start + rng.choice((7, 9, 10))] = sizes
    return content


WAYS = (
    flip_bits,
    set_bytes,
    set_number,
    cut,
    leave_out,
    repeat,
    splice,
    edit_chunks,
    edit_frame,
)


def picture(number):
    """Return what comes of a damaged image file: "read", or "refused"."""
    rng = random.Random(f"picture {number}")
    seeds = pictures()
    content = mutate(seeds[number % len(seeds)], seeds, rng)
    file = io.BytesIO(content)
    try:
        match rng.randrange(6):
            case 0:
                image = random_crop(file, 16, np.random.default_rng(0))
            case 1:
                image = open_image(file, allow_truncated=True)
            case 2:
                image = [*islice(open_pages(file), 3)][-1]
            case 3:
                read_levels(file)
                image = open_image(file)
            case _:
                image = open_image(file)
    except Refusal as error:
        check_words(error, Refusal, "image must be a whole image file; BytesIO: ")
        return "refused"
    assert image.mode in ("RGB", "RGBA")
    assert min(image.size) > 0
    if image.width * image.height < 10**5:  # what it kept can be written
        save_image(image, io.BytesIO(), rng.choice(("JPEG", "PNG", "TIFF")))
    return "read"


def check_words(error, kind, start):
    """Is it the documented error, in one line?"""
    told = str(error)
    assert type(error) is kind, repr(error)
    assert told.startswith(start), told
    assert "\n" not in told, told
    assert len(told) < MOST_LETTERS, told


@cache
def networks():
    """Whole files of weights: of each precision and head, and those of others."""
    torch.manual_seed(0)
    files = []
    for outputs, dtype in ((313, None), (313, torch.float16), (2, torch.int8)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a.safetensors")
            save_model(ColorNet(1, out_channels=outputs), path, dtype=dtype, T=0.4)
            files.append(path.read_bytes())
    pickled = io.BytesIO()
    torch.save({"a": torch.ones(3)}, pickled)
    return [*files, *files, save({"a": torch.ones(3)}), pickled.getvalue()]


def edit_weights(content, rng):
    """Change what the head of a safetensors file says, or numbers behind it."""
    length = int.from_bytes(content[:8], "little")
    head, body = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    for _ in range(rng.randint(1, 3)):
        body = edit_head(head, body, rng)
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


def edit_head(head, body, rng):  # noqa: C901 - one case a way
    names = [name for name in head if name != "__metadata__"]
    if not names:
        return body
    name, other = rng.choice(names), rng.choice(names)
    tensor = head[name]
    start, end, *_ = *tensor["data_offsets"], 0, 0
    if not (type(start) is type(end) is int and 0 <= start <= end <= len(body)):
        return body  # it was changed before
    odd = [0, -1, 2**62, 1.5, "x", None, [], True, rng.choice(LARGE)]
    match rng.randrange(12):
        case 0:
            tensor["dtype"] = rng.choice(
                "F64 F32 F16 BF16 I64 I8 U8 BOOL C64 X".split()
            )
        case 1:
            tensor["shape"] = rng.choice(
                [[], [0], [end - start], tensor["shape"][::-1], [2**40] * 3, odd]
            )
        case 2:
            tensor["data_offsets"] = [
                rng.choice([*odd, start]),
                rng.choice([*odd, end]),
            ]
        case 3:
            head[rng.choice((f"{name}_scale", "x" * 300, ""))] = head.pop(name)
        case 4:
            head[name], head[other] = head[other], head[name]
        case 5:
            del head[name]
        case 6:
            bad = struct.pack("<f", rng.choice((np.nan, np.inf, -1e38, 1e-45)))
            for at in range(start, min(end, start + 40, len(body) - 4), 4):
                body[at : at + 4] = bad
        case 7 | 8 | 9 | 10:
            edit_card(head, odd, rng)
        case _:
            body = body[: rng.randrange(len(body) + 1)] + bytes(rng.randint(0, 99))
    return body


def edit_card(head, odd, rng):
    try:
        card = {**json.loads(head["__metadata__"]["colorlab"])}
    except (TypeError, LookupError, ValueError, RecursionError):
        card = {}
    key = rng.choice(["T", "size", "width", "variant", "out_channels", "other"])
    value = rng.choice([*odd, 1e308, float("nan"), {}, "paper", "authors", "released"])
    card[key] = value
    text = rng.choice([json.dumps(card)] * 6 + ["[" * 9999, "", "null", "[]", "\0"])
    head["__metadata__"] = rng.choice([{"colorlab": text}] * 9 + [{}, None, 3])


def weights(number):
    """Return what comes of a damaged network: "used", or "refused"."""
    rng = random.Random(f"weights {number}")
    seeds = networks()
    content = seeds[number % len(seeds)]
    whole = content[8:9] == b"{"
    match number % 4 if whole else 0:
        case 1 | 2:
            content = edit_weights(content, rng)
        case 3:
            body = 8 + int.from_bytes(content[:8], "little")
            content = content[:body] + flip_bits(bytearray(content[body:]), seeds, rng)
        case _:
            content = mutate(content, seeds, rng)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.safetensors")
        path.write_bytes(content)
        try:
            network = load_model(path)
        except ValueError as error:
            check_words(error, ValueError, "path must be a colorlab network; ")
            return "refused"
    gray = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert colorize(gray, network, size=8).size == (8, 8)
    return "used"


def main():
    kind, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    run = {"picture": picture, "weights": weights}[kind]
    outcomes, wrong, slowest = Counter(), [], 0.0
    for number in range(first, first + count):
        faulthandler.dump_traceback_later(STUCK, exit=True)
        start = time.process_time()
        try:
            outcomes[run(number)] += 1
        except Exception as error:  # all that should not be
            where = traceback.extract_tb(error.__traceback__)[-1]
            wrong.append(f"{kind} {number}: {error!r:.300}, {where.name}")
        slowest = max(slowest, time.process_time() - start)
    faulthandler.cancel_dump_traceback_later()
    peak = Path("/proc/self/status")
    peak = re.findall(r"VmHWM:\s+(\d+)", peak.read_text()) if peak.exists() else [0]
    memory = int(peak[0]) // 1024
    told = {**outcomes, "wrong": wrong, "slowest": slowest, "MiB": memory}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
