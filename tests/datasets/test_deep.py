"""Images of 16 bits a channel: all levels read, by their profile, and written."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from image_files import ADOBE_D50, ADOBE_GAMMA, icc
from PIL import ExifTags, Image, ImageCms

from colorlab.datasets.deep import join_bytes, read_levels, save_deep, save_deep_pages
from colorlab.datasets.images import open_image


def noise(*shape):
    return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)


def png(values):
    """A PNG of 16 bits, unfiltered, byte by byte."""
    kind = {1: 0, 3: 2, 4: 6}[values.shape[2]]
    rows = values.astype(">u2").reshape(len(values), -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", *values.shape[1::-1], 16, kind, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(name + data))
        content += struct.pack(">I", len(data)) + name + data + check
    return io.BytesIO(content)


def tiff(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_levels_of_a_png(channels):
    values = noise(9, 7, channels)
    found = read_levels(png(values))
    assert found.notes == []
    expected = values[..., 0] if channels == 1 else values[..., :3]
    assert np.array_equal(found.values, expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_levels_of_a_tiff(order, packed, channels):
    values = noise(9, 7, channels).squeeze()
    kind = "rgb" if channels == 3 else "minisblack"
    more = {"photometric": kind, "byteorder": order, "compression": packed}
    found = read_levels(tiff(values, predictor=bool(packed), **more))
    assert np.array_equal(found.values, values)


def test_files_of_8_bits_have_none():
    file = io.BytesIO()
    Image.new("RGB", (3, 3)).save(file, "PNG")
    assert read_levels(file) == (None, [])


def test_levels_are_turned_as_exif_says():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    file, values = io.BytesIO(), noise(9, 7)
    Image.fromarray(values).save(file, "PNG", exif=exif)
    assert np.array_equal(read_levels(file).values, np.rot90(values, -1))


@pytest.mark.parametrize("color", [False, True])
def test_profiles_are_followed_as_by_littlecms(color):
    """At the levels that 8 bits have, too."""
    ramp = np.arange(256, dtype=np.uint8)
    eight = np.stack(np.meshgrid(ramp[::15], ramp[::15], ramp[::15]), -1)
    eight = eight.reshape(-1, 18, 3) if color else ramp.reshape(16, 16)
    space, columns = (b"RGB ", ADOBE_D50) if color else (b"GRAY", ())
    gamma = 1 / ADOBE_GAMMA if color else 1.8
    profile = icc(space, gamma, columns)
    file = tiff(
        eight.astype(np.uint16) * 257,
        photometric="rgb" if color else "minisblack",
        iccprofile=profile,
    )
    found = read_levels(file)
    assert found.notes == []
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    expected = ImageCms.profileToProfile(
        Image.fromarray(eight),
        source,
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        "RGB",
    )
    expected = np.asarray(expected) if color else np.asarray(expected)[..., 1]
    assert abs(found.values / 257 - expected).max() < 1.5


def test_dark_levels_stay_apart_under_a_profile():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    file = tiff(values, photometric="minisblack", iccprofile=icc(b"GRAY", 1.8))
    assert len(np.unique(read_levels(file).values)) > 2000


def test_profiles_that_are_not_followed():
    values = noise(4, 5)
    plain = icc(b"GRAY", 1.8)
    table = plain[:20] + b"Lab " + plain[24:]  # it ends in Lab, not in XYZ
    found = read_levels(tiff(values, photometric="minisblack", iccprofile=table))
    assert found == (
        None,
        ["it is read with 8 bits, as its profile is a table, not a matrix"],
    )
    broken = tiff(values, photometric="minisblack", iccprofile=b"broken" * 40)
    assert np.array_equal(read_levels(broken).values, values)  # as sRGB
    assert "not followed, and sRGB assumed" in open_image(broken).info["notes"][0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_what_is_written_is_read(kind, mode):
    values, image = (
        noise(130, 7, 3),
        Image.new(mode, (7, 130), (9, 9, 9, 77)[: len(mode)]),
    )
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    exif.get_ifd(ExifTags.IFD.Exif)[0x9003] = "1950:05:01 12:00:00"
    told = {"exif": exif.tobytes(), "dpi": (600.0, 600.0), "software": "colorlab 0 a b"}
    image.info = told | {"xmp": "<x:xmpmeta>made</x:xmpmeta>"}
    file = io.BytesIO()
    save_deep([values[:64], values[64:128], values[128:]], image, file, kind)
    assert np.array_equal(read_levels(file).values, values)
    if kind == "TIFF":
        file.seek(0)
        assert np.array_equal(tifffile.imread(file)[..., :3], values)
    opened = open_image(file)
    assert opened.mode == mode
    assert abs(np.asarray(opened)[..., :3] - (values >> 8).astype(int)).max() <= 1
    assert mode == "RGB" or np.ptp(np.asarray(opened)[..., 3]) == 0
    assert round(opened.info["dpi"][0]) == 600
    kept = Image.Exif()
    kept.load(opened.info["exif"])
    assert kept[ExifTags.Base.Artist] == "Ada"
    assert kept.get_ifd(ExifTags.IFD.Exif)[0x9003] == "1950:05:01 12:00:00"
    assert b"made" in opened.info.get("xmp", b"") or "XMP" in str(opened.info["notes"])
    with Image.open(file) as written:
        assert "icc_profile" in written.info


def test_pages_are_written_and_read_one_by_one():
    """Of different sizes, one transparent; tifffile reads what we write."""
    pages = [noise(5 + n, 7, 3) for n in range(3)]
    modes = ["RGB", "RGBA", "RGB"]

    def made():
        for values, mode in zip(pages, modes, strict=True):
            image = Image.new(mode, values.shape[1::-1])
            image.info["dpi"] = (300, 300)
            yield [values[:2], values[2:]], image

    file = io.BytesIO()
    save_deep_pages(made(), file)
    file.seek(0)
    with tifffile.TiffFile(file) as found:
        assert len(found.pages) == 3
        for page, values in zip(found.pages, pages, strict=True):
            assert np.array_equal(page.asarray()[..., :3], values)
            assert page.tags["XResolution"].value == (300, 1)
    for number, values in enumerate(pages):
        assert np.array_equal(read_levels(file, page=number).values, values)


def test_other_formats_are_refused():
    with pytest.raises(ValueError, match="must be written as PNG or TIFF, not as JPEG"):
        save_deep([], Image.new("RGB", (1, 1)), io.BytesIO(), "JPEG")


def test_8_bits_as_16():
    assert join_bytes(Image.new("RGB", (1, 1), (255, 1, 0))).tolist() == [
        [[65535, 257, 0]]
    ]
