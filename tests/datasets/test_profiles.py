"""Numbers mean what the file says: profiles, gamma, depth, which end is white."""

import io
import struct
from itertools import product

import numpy as np
import pytest
from image_files import (
    ADOBE,
    ADOBE_D50,
    ADOBE_GAMMA,
    chrm,
    gama,
    icc,
    saved,
    with_chunks,
)
from PIL import Image, ImageCms

from colorlab.datasets.images import open_image, open_rgb, random_crop
from colorlab.datasets.profiles import srgb_profile, to_rgb


def srgb_of_light(light):
    """The 8-bit number of sRGB for linear light, by its definition."""
    low, high = 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    return 255 * np.where(light <= 0.0031308, low, high)


def ramp(deep=False):
    kind, top = (np.uint16, 65535) if deep else (np.uint8, 255)
    return Image.fromarray(np.linspace(0, top, 256).astype(kind)[None])


def read(content):
    return np.asarray(open_rgb(io.BytesIO(content))).astype(float)


CURVES = {
    "gray profile 1.8": (lambda d: saved(ramp(d), icc_profile=icc(b"GRAY", 1.8)), 1.8),
    "gray profile 1": (lambda d: saved(ramp(d), icc_profile=icc(b"GRAY", 1.0)), 1.0),
    "RGB profile 2.2": (
        lambda d: saved(ramp(d), icc_profile=icc(b"RGB ", 563 / 256, ADOBE_D50)),
        563 / 256,
    ),
    "TIFF": (lambda d: saved(ramp(d), "TIFF", icc_profile=icc(b"GRAY", 1.8)), 1.8),
    "gAMA 1": (lambda d: with_chunks(ramp(d), gAMA=gama(1)), 1),
    "gAMA 1/1.8": (lambda d: with_chunks(ramp(d), gAMA=gama(1 / 1.8)), 1.8),
    "cHRM": (
        lambda d: with_chunks(ramp(d), gAMA=gama(1 / 1.8), cHRM=chrm(ADOBE)),
        1.8,
    ),
}


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("name", CURVES)
def test_gray_goes_through_its_curve_and_stays_neutral(name, deep):
    make, gamma = CURVES[name]
    pixels = read(make(deep))
    assert (pixels == pixels[..., :1]).all()
    wanted = srgb_of_light(np.linspace(0, 1, 256) ** gamma)
    # Curves of 8 bits in ICC have 8 bits behind the point: 1.8 is 1.8008.
    assert np.abs(pixels[0, :, 0] - wanted).max() < 1.1


@pytest.mark.parametrize(
    "make",
    [
        lambda image: saved(
            image,
            "JPEG",
            quality=100,
            subsampling=0,
            icc_profile=icc(b"RGB ", 1 / ADOBE_GAMMA, ADOBE_D50),
        ),
        lambda image: saved(
            image, "TIFF", icc_profile=icc(b"RGB ", 1 / ADOBE_GAMMA, ADOBE_D50)
        ),
        lambda image: with_chunks(image, gAMA=gama(ADOBE_GAMMA), cHRM=chrm(ADOBE)),
        lambda image: with_chunks(
            image.quantize(256), gAMA=gama(ADOBE_GAMMA), cHRM=chrm(ADOBE)
        ),
    ],
    ids=["JPEG", "TIFF", "cHRM", "palette"],
)
def test_colors_of_adobe_rgb(make):
    colors = [(200, 120, 60), (60, 200, 120), (90, 90, 200), (128, 128, 128)]
    blocks = np.repeat(np.repeat([colors], 8, axis=1), 8, axis=0).astype(np.uint8)
    pixels = read(make(Image.fromarray(blocks)))[4, 4::8]
    light = (np.array(colors) / 255) ** (1 / ADOBE_GAMMA)
    to_srgb = [  # linear Adobe RGB to linear sRGB, both of D65
        [1.39836, -0.39836, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, -0.04293, 1.04293],
    ]
    wanted = srgb_of_light((light @ np.transpose(to_srgb)).clip(0, 1))
    assert np.abs(pixels - wanted).max() < 2.5  # JPEG and 8-bit tables round
    assert np.abs(np.array(colors) - wanted).max() > 20  # it is not the same


def test_srgb_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    for content in (
        saved(image, icc_profile=srgb_profile()),
        with_chunks(image, gAMA=gama(1 / 2.2)),  # as most writers mean it
        with_chunks(image, gAMA=gama(1), sRGB=b"\0"),  # sRGB overrules
        with_chunks(image, cHRM=chrm(ADOBE)),  # says nothing of the curve
    ):
        assert np.array_equal(read(content), pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_profiles_of_transparent_pictures(mode):
    image = Image.new("RGBA", (4, 4), (128, 128, 128, 99)).convert(mode)
    opened = open_image(io.BytesIO(with_chunks(image, gAMA=gama(1))))
    assert opened.getpixel((0, 0)) == (188, 188, 188, 99)[: len(opened.mode)]


@pytest.mark.parametrize(
    ("mode", "profile", "words"),
    [
        ("RGB", b"broken" * 40, "sRGB assumed: "),
        ("RGB", icc(b"GRAY", 1.8), "a profile of L for an image of RGB"),
        ("CMYK", icc(b"RGB ", 1.8, ADOBE_D50), "a profile of RGB for an image of CMYK"),
        ("RGB", icc(b"HSV ", 1.8), "a profile of HSV"),
    ],
)
def test_a_profile_that_does_not_fit_is_told(mode, profile, words):
    image = Image.new("RGB", (8, 8), (10, 90, 200)).convert(mode)
    plain = saved(image, "TIFF")
    opened = open_image(io.BytesIO(saved(image, "TIFF", icc_profile=profile)))
    assert np.array_equal(opened, open_rgb(io.BytesIO(plain)))
    (note,) = opened.info["notes"]
    assert words in note
    assert open_image(io.BytesIO(plain)).info["notes"] == []


def test_profiles_are_followed_once():
    linear = with_chunks(ramp(), gAMA=gama(1))
    once = open_image(io.BytesIO(linear))
    assert np.array_equal(to_rgb(once), once)
    assert np.array_equal(open_image(once), once)


def test_cmyk_follows_its_profile(monkeypatch):
    """Without a profile of CMYK at hand: what is asked of lcms is looked at."""
    asked = []

    class Profile:
        class profile:  # noqa: N801 (as Pillow has it)
            xcolor_space = "CMYK"

    def build(source, target, mode, *rest):
        asked.append(mode)
        return type(
            "", (), {"apply": lambda self, image: Image.new("RGB", image.size)}
        )()

    monkeypatch.setattr(ImageCms, "ImageCmsProfile", lambda file: Profile())
    monkeypatch.setattr(ImageCms, "buildTransform", build)
    content = saved(Image.new("CMYK", (4, 4)), "TIFF", icc_profile=b"this one alone")
    assert read(content).max() == 0
    assert asked == ["CMYK"]


# Depth, and which end is white


def tiff(pixels, bits, photometric=1, sample_format=1, order="<"):
    """An uncompressed gray TIFF."""
    height, width = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    if bits == 12:
        values = pixels.ravel()
        data = b"".join(
            bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255])
            for a, b in values.reshape(-1, 2).tolist()
        )
    entries = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1)]
    entries += [(262, 3, photometric), (273, 4, 8), (277, 3, 1), (278, 4, height)]
    entries += [(279, 4, len(data)), (339, 3, sample_format)]
    head = b"II*\0" if order == "<" else b"MM\0*"
    table = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        shown = struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", value)
        table += struct.pack(f"{order}HHI", tag, kind, 1) + shown
    return head + struct.pack(f"{order}I", 8 + len(data)) + data + table + bytes(4)


LEVELS = np.linspace(0, 1, 256)


@pytest.mark.parametrize(
    ("depth", "white_is_zero", "order"),
    [
        *product([8, "float"], [False, True], "<>"),
        *[(16, False, "<"), (16, False, ">"), (16, True, "<"), (12, False, "<")],
    ],  # Pillow reads no others
)
def test_every_depth_and_both_ends(depth, white_is_zero, order):
    stored = 1 - LEVELS if white_is_zero else LEVELS
    if depth == "float":
        content = tiff(stored[None].astype(np.float32), 32, not white_is_zero, 3, order)
    else:
        values = (stored * (2**depth - 1)).round()
        kind = np.uint8 if depth == 8 else np.uint16
        content = tiff(values[None].astype(kind), depth, not white_is_zero, 1, order)
    pixels = read(content)
    assert np.abs(pixels[0, :, 0] - 255 * LEVELS).max() <= 0.51
    crop = random_crop(io.BytesIO(content), 1, np.random.default_rng(0))
    assert crop.mode == "RGB"


def test_12_bits_in_a_file_that_says_16_are_dark_as_declared():
    values = np.array([[0, 4095]], dtype=np.uint16)
    assert read(tiff(values, 16))[0, :, 0].tolist() == [0, 16]


@pytest.mark.parametrize("bits", [10, 16])
def test_pgm_of_more_than_8_bits(bits):
    top = 2**bits - 1
    values = np.array([0, top // 2, top], dtype=">u2")
    content = b"P5 3 1 %d\n" % top + values.tobytes()
    assert read(content)[0, :, 0].tolist() == [0, 127, 255]


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.array([[0.0, 255.0]], dtype=np.float32), "0 to 255, is white"),
        (np.array([[-3.0, 1.0]], dtype=np.float32), "-3 to 1, is white"),
        (np.array([[0, np.nan]], dtype=np.float32), "is white"),
        (np.array([[0, 70_000]], dtype=np.int32), "0 to 70000, is white"),
        (np.array([[-1, 5]], dtype=np.int32), "-1 to 5, is white"),
    ],
)
def test_numbers_without_a_rule_are_refused(pixels, words):
    content = saved(Image.fromarray(pixels), "TIFF")
    with pytest.raises(ValueError, match=f"whole image file; .*{words}"):
        read(content)


def test_floats_may_overshoot_a_little():
    overshot = np.array([[-0.1, 0.5, 1.2]], dtype=np.float32)
    assert read(saved(Image.fromarray(overshot), "TIFF"))[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]
