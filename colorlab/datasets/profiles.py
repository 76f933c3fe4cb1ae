"""What the numbers of an image mean, as 8-bit sRGB (book chapter: colorize)."""

import struct
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from colorlab.datasets.formats import Refusal

KEPT = ("exif", "dpi", "notes")  # of a file's information: not what its numbers mean
BITS, PHOTOMETRIC = 258, 262  # tags of TIFF; photometric 0: white is 0
WHITE = 65535  # of 16 bits
OVERSHOOT = 0.25  # above white or below black, that floats may have: it is clipped
BAND = 64  # rows scaled at once, to bound memory
GRAY_MODES = ("1", "L", "LA", "La", "I;16")
PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
SRGB_GAMMA = 0.45455  # in a PNG without primaries it stands for sRGB
SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # white, R, G, B
D50 = np.array([0.9642, 1.0, 0.8249])  # XYZ of the white of ICC profiles
BRADFORD = np.array(  # ICC.1, annex E: XYZ to cone responses
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
FIXED = 65536  # ICC's numbers have 16 bits behind the point

# The mode of the numbers, and what makes them sRGB: None if they are.
Way = tuple[str, ImageCms.ImageCmsTransform | None]


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to 8-bit sRGB, by its profile if it has one.

    Parameters
    ----------
    image : PIL.Image.Image
        Any mode. Gray of 16 bits is scaled by 255 / 65535, which PIL alone would
        clip; of floats, 1 is white. An ICC profile is followed, or a PNG's gAMA and
        cHRM. Of a TIFF just opened, so are WhiteIsZero and the declared depth.

    Returns
    -------
    PIL.Image.Image
        Mode RGB; gray is neutral. Transparency is dropped, EXIF (which way is up) and
        resolution are kept. If a profile cannot be followed, the numbers are taken
        as sRGB, and `info["notes"]`, a list of str, says why.

    Raises
    ------
    ValueError
        If floats or integers are out of range, so that no rule says which is white.

    Examples
    --------
    >>> to_rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
    (255, 255, 255)
    """
    image.load()
    info: dict = {key: image.info[key] for key in KEPT if key in image.info}
    if image.mode == "F" or image.mode.startswith("I"):
        image = gray16(image)
    try:
        mode, transform = way_to_srgb(image)
    except (OSError, ImageCms.PyCMSError, ArithmeticError, ValueError) as error:
        mode, transform = "RGB", None
        note = f"its color profile is not followed, and sRGB assumed: {error}"
        info["notes"] = [*info.get("notes", []), note]
    if image.mode in GRAY_MODES:
        rgb = _neutral(image, mode, transform)
    else:
        rgb = image.convert(mode) if image.mode != mode or not transform else image
        rgb = transform.apply(rgb) if transform else rgb
    rgb.info = info
    return rgb


def srgb_profile() -> bytes:
    """Return the profile of sRGB, the same at any time.

    Returns
    -------
    bytes
        ICC, 588 bytes.
    """
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    date = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return profile[:24] + date + profile[36:]


def gray16(image: Image.Image) -> Image.Image:
    """Scale integers of any depth, or floats, to the whole range of I;16."""
    tags, values = getattr(image, "tag_v2", {}), np.asarray(image)
    white = 1 if image.mode == "F" else 2 ** min(tags.get(BITS, (16,))[0], 16) - 1
    slack = OVERSHOOT if image.mode == "F" else 0
    low, high = values.min(), values.max()
    if not -slack <= low <= high <= white + slack:
        raise Refusal(
            f"no rule says which of its numbers, {low:g} to {high:g}, is white: save "
            "it with 8 or 16 bits, or as floats in 0..1"
        )
    scaled = np.empty(values.shape, np.uint16)
    for top in range(0, len(values), BAND):
        band = values[top : top + BAND]
        if white != WHITE:
            band = (band.clip(0, white) * (WHITE / white)).round()
        scaled[top : top + BAND] = band
    if tags.get(PHOTOMETRIC) == 0:
        np.subtract(WHITE, scaled, out=scaled)
    gray = Image.fromarray(scaled)
    gray.info = image.info
    return gray


def _neutral(
    image: Image.Image, mode: str, transform: ImageCms.ImageCmsTransform | None
) -> Image.Image:
    """Send gray through the curve of its profile, with R = G = B exactly."""
    ramp = Image.linear_gradient("L").crop((0, 0, 1, 256)).convert(mode)
    curve = np.asarray(transform.apply(ramp) if transform else ramp.convert("RGB"))
    curve = curve[:, 0, 1]
    if image.mode == "I;16":
        finer = np.interp(np.arange(WHITE + 1) / 257, np.arange(256), curve).round()
        gray = Image.fromarray(finer.astype(np.uint8)[np.asarray(image)])
    else:
        gray = image.convert("L").point(curve.tolist())
    return gray.convert("RGB")


def way_to_srgb(image: Image.Image) -> Way:
    """Return the mode that the image's profile is of, and the transform to sRGB."""
    profile = image.info.get("icc_profile") or png_profile(image.info)
    if not profile or image.mode == "LAB":
        return "RGB", None
    mode, transform = _transform(profile)
    fitting = {"L": image.mode in GRAY_MODES, "CMYK": image.mode == "CMYK"}
    if not fitting.get(mode, image.mode != "CMYK"):
        raise ValueError(f"it is a profile of {mode} for an image of {image.mode}")
    return mode, transform


@lru_cache(maxsize=8)
def _transform(profile: bytes) -> Way:
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    if space not in PROFILE_MODES:
        raise ValueError(f"it is a profile of {space}")
    mode, srgb = PROFILE_MODES[space], ImageCms.createProfile("sRGB")
    exact = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, srgb, mode, "RGB", intent, exact)
    if mode == "RGB":  # most often it is sRGB, and there is nothing to do
        probe = np.indices((6, 6, 6), dtype=np.uint8).reshape(3, 6, 36) * 51
        probe = np.ascontiguousarray(probe.transpose(1, 2, 0))
        changed = np.asarray(transform.apply(Image.fromarray(probe)))
        if np.abs(changed.astype(int) - probe).max() <= 1:
            return mode, None
    return mode, transform


def png_profile(info: dict) -> bytes | None:
    """Return an ICC profile of what gAMA and cHRM mean; None if that is sRGB."""
    gamma, primaries = info.get("gamma", 0), info.get("chromaticity")
    if "srgb" in info or gamma <= 0 or (gamma == SRGB_GAMMA and not primaries):
        return None
    x, y = np.reshape(primaries or SRGB_PRIMARIES, (4, 2)).T
    white, *columns = np.stack([x / y, x / x, (1 - x - y) / y], axis=1)
    matrix = np.stack(columns, axis=1)
    matrix *= np.linalg.solve(matrix, white)  # their sum is white
    cones = BRADFORD @ D50 / (BRADFORD @ white)
    matrix = np.linalg.solve(BRADFORD, cones[:, None] * (BRADFORD @ matrix))
    profile = bytearray(srgb_profile())
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix.T, strict=True))
    for tag, numbers in {**tags, b"rTRC": [1 / gamma, 1, 0, 0, 0]}.items():
        (start,) = struct.unpack_from(">I", profile, profile.index(tag, 128) + 4)
        start += 12 if tag == b"rTRC" else 8  # behind the tag's own name and kind
        fixed = [round(float(number) * FIXED) for number in numbers]
        struct.pack_into(f">{len(fixed)}i", profile, start, *fixed)
    return bytes(profile)
