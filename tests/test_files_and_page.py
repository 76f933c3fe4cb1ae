"""The photo page and the command line see the same picture in every file both open."""

import base64
import io

import numpy as np
import pytest
import torch
from book_pages import ROOT
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
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
from PIL import Image

from colorlab.datasets.images import open_image
from colorlab.lab import rgb_to_lab

pytestmark = pytest.mark.browser
L_APART = 1.0  # unit of L: rounding to 8 bits alone costs up to 0.5, where it is dark
ORIENTATION, TURNED = 0x0112, 6
DECODE = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  let found = "";
  for (const byte of data) found += String.fromCharCode(byte);
  return [bitmap.width, bitmap.height, btoa(found)];
}"""


def lake(mode="RGB"):
    image = Image.open(ROOT / "data/photos/lake-pavilion.jpg").resize((96, 64))
    return image.convert(mode)


def ramp(deep=False):
    kind, top = (np.uint16, 65535) if deep else (np.uint8, 255)
    return Image.fromarray(np.linspace(0, top, 256).astype(kind)[None])


def turned():
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    return exif


ADOBE_ICC = icc(b"RGB ", 1 / ADOBE_GAMMA, ADOBE_D50)
FILES = {
    "gray": lambda: saved(ramp()),
    "16 bits": lambda: saved(ramp(deep=True)),
    "linear gAMA": lambda: with_chunks(ramp(), gAMA=gama(1)),
    "linear gAMA, 16 bits": lambda: with_chunks(ramp(deep=True), gAMA=gama(1)),
    "old Mac's gAMA": lambda: with_chunks(ramp(), gAMA=gama(1 / 1.8)),
    "gAMA that means sRGB": lambda: with_chunks(ramp(), gAMA=gama(1 / 2.2)),
    "gAMA and cHRM": lambda: with_chunks(
        lake(), gAMA=gama(ADOBE_GAMMA), cHRM=chrm(ADOBE)
    ),
    "cHRM alone": lambda: with_chunks(lake(), cHRM=chrm(ADOBE)),
    "gray profile": lambda: saved(ramp(), icc_profile=icc(b"GRAY", 1.8)),
    "linear gray profile": lambda: saved(ramp(), icc_profile=icc(b"GRAY", 1.0)),
    "gray JPEG, gray profile": lambda: saved(
        ramp(), "JPEG", quality=100, icc_profile=icc(b"GRAY", 1.8)
    ),
    "gray, RGB profile": lambda: saved(ramp(), icc_profile=ADOBE_ICC),
    "RGB, gray profile": lambda: saved(lake(), icc_profile=icc(b"GRAY", 1.8)),
    "Adobe RGB": lambda: saved(lake(), "JPEG", icc_profile=ADOBE_ICC),
    "Adobe RGB, WebP": lambda: saved(
        lake(), "WEBP", lossless=True, icc_profile=ADOBE_ICC
    ),
    "broken profile": lambda: saved(lake(), "JPEG", icc_profile=b"broken" * 30),
    "CMYK": lambda: saved(lake("CMYK"), "JPEG"),
    "palette": lambda: with_chunks(lake("P"), gAMA=gama(1 / 1.8)),
    "GIF": lambda: saved(lake("P"), "GIF", save_all=True, append_images=[lake("P")]),
    "AVIF": lambda: saved(lake(), "AVIF", quality=90),
    "BMP": lambda: saved(lake(), "BMP"),
    "turned": lambda: saved(lake(), "JPEG", exif=turned(), progressive=True),
}


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.goto("about:blank")
    yield page
    page.close()


def lightness(pixels):
    tensor = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
    return rgb_to_lab(tensor)[0]


@pytest.mark.parametrize("name", FILES)
def test_browser_and_command_line_see_the_same(page, name):
    content = FILES[name]()
    width, height, found = page.evaluate(DECODE, base64.b64encode(content).decode())
    shape = (height, width, 4)
    seen = np.frombuffer(base64.b64decode(found), dtype=np.uint8).reshape(shape)
    read = open_image(io.BytesIO(content)).convert("RGB")
    assert read.size == (width, height)
    apart = (lightness(seen[..., :3]) - lightness(read)).abs()
    assert apart.max() < L_APART


def test_the_comparison_can_fail(page):
    """As if gAMA were passed over, which cost 26 units."""
    content = with_chunks(ramp(), gAMA=gama(1))
    *_, found = page.evaluate(DECODE, base64.b64encode(content).decode())
    seen = np.frombuffer(base64.b64decode(found), dtype=np.uint8).reshape(1, 256, 4)
    apart = (lightness(seen[..., :3]) - lightness(ramp().convert("RGB"))).abs()
    assert apart.max() > 20
