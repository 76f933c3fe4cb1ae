"""Which files are images; what strangers' files may do: be refused, in one line."""

import io
import struct
import sys
import types
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from colorlab.datasets.formats import (
    FORMATS,
    IMAGE_SUFFIXES,
    is_image,
    open_checked,
)
from colorlab.datasets.images import open_image, open_rgb, random_crop

READERS = {
    "open_rgb": open_rgb,
    "open_image": open_image,
    "random_crop": lambda file: random_crop(file, 16, np.random.default_rng(0)),
}
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%EndComments\n{} loop\n"
# How each begins, and a word of the answer.
FOREIGN = {
    "empty": (b"", "empty"),
    "eps": (EPS, "PostScript"),
    "wmf": (b"\xd7\xcd\xc6\x9a" + bytes(100), "no format"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(100), "pillow-heif"),
    "cr3": (b"\0\0\0\x18ftypcrx " + bytes(100), "raw"),
    "fuji": (b"FUJIFILMCCD-RAW " + bytes(100), "raw"),
    "mp4": (b"\0\0\0\x18ftypisom" + bytes(100), "video"),
    "mov": (b"\0\0\0\x08wide\0\0\0\x10mdat" + bytes(100), "no format"),
    "avi": (b"RIFF\0\0\1\0AVI LIST" + bytes(100), "video"),
    "mkv": (b"\x1aE\xdf\xa3" + bytes(100), "video"),
    "pdf": (b"%PDF-1.7\n" + bytes(100), "PDF"),
    "html": (b"\n<!DOCTYPE html><html>404", "web page"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "pth": (b"PK\x03\x04" + bytes(100), "weights"),
    "pickle": (b"\x80\x02}q\0" + bytes(100), "weights"),
    "text": (b"no image", "no format that is known"),
}


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(height=40, width=50, mode="RGB"):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


def test_suffixes_are_those_that_pillow_gives_the_formats():
    registered = {f: set() for f in FORMATS}
    for suffix, name in Image.registered_extensions().items():
        registered.setdefault(name, set()).add(suffix)
    for name in set(FORMATS) - {"HEIF"}:
        assert registered[name] <= set(FORMATS[name].split()), name
    assert not set(FORMATS) & {"EPS", "WMF"}  # these run programs


def test_is_image_goes_by_the_suffix():
    assert all(is_image(f"a/b.c{suffix.upper()}") for suffix in IMAGE_SUFFIXES)
    found = "a.HEIC a.avif a.jfif a.jp2 a.JPG a.pgm a.jpe caf\udce9.jpg".split()
    assert all(map(is_image, found))
    assert not any(map(is_image, ["a.txt", "jpg", ".jpg", "a.jpg/b", "a.jpg.tar"]))


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("read", READERS)
def test_what_is_no_image_is_named(tmp_path, kind, read):
    content, words = FOREIGN[kind]
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"whole image file; .*photo.jpg: .*{words}"):
        READERS[read](path)


def test_no_program_is_started(tmp_path, monkeypatch):
    def start(*args, **options):
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", start)
    monkeypatch.setattr("os.system", start)
    for read in READERS.values():
        with pytest.raises(ValueError, match="PostScript"):
            read(io.BytesIO(EPS))


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", "http:/a.org/b.png"])
def test_an_address_is_told_from_a_file(address):
    with pytest.raises(ValueError, match="an address: download the image"):
        open_image(address)


def test_a_name_that_is_no_text_can_be_printed(tmp_path):
    with pytest.raises(ValueError, match=r"caf\\xe9.jpg: No such file") as told:
        open_image(tmp_path / "caf\udce9.jpg")
    str(told.value).encode("utf-8")


def test_a_raw_file_is_not_taken_for_its_thumbnail():
    tags = Image.Exif()
    tags[50706] = b"\1\4\0\0"
    with pytest.raises(ValueError, match="raw file: develop it"):
        open_image(io.BytesIO(saved(noise(), "TIFF", tiffinfo=tags)))


@pytest.mark.parametrize(
    ("bits", "samples", "kind"),
    [(32, 3, 3), (16, 2, 1), (8, 99, 1)],
    ids=["colors of floats", "16-bit gray with alpha", "99 channels"],
)
def test_tiffs_that_pillow_cannot_read_are_named(capsys, bits, samples, kind):
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, bits), (259, 3, 1, 1)]
    entries += [(262, 3, 1, 2 if samples == 3 else 1), (273, 4, 1, 8)]
    entries += [(277, 3, 1, samples), (279, 4, 1, 12), (339, 3, 1, kind)]
    content = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for entry in entries:
        content += struct.pack("<HHII", *entry)
    with pytest.raises(ValueError, match="a TIFF of a kind that is not read"):
        open_image(io.BytesIO(content + bytes(20)))
    assert capsys.readouterr() == ("", "")


def test_heic_is_read_where_the_package_is(monkeypatch):
    heic = b"\0\0\0\x18ftypheic" + bytes(100)
    called = []
    package = types.ModuleType("pillow_heif")
    package.register_heif_opener = lambda: called.append(1)
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    with pytest.raises(ValueError, match="a HEIC photo"):  # the package cannot, either
        open_image(io.BytesIO(heic))
    assert called == [1]


# Damage


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, NotImplementedError])
@pytest.mark.parametrize("read", READERS)
def test_whatever_a_decoder_raises_is_a_refusal(monkeypatch, read, error):
    def load(image):
        raise error("of a library")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(ValueError, match="image must be a whole image file") as told:
        READERS[read](io.BytesIO(saved(noise())))
    assert not str(told.value).endswith(": of a library")  # never its words alone


# What is missing at the end of a JPEG


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [2, 40, 400])
def test_a_jpeg_without_its_end_is_read_when_asked(tmp_path, lost, progressive):
    whole = saved(noise(), "JPEG", quality=95, progressive=progressive)
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[:-lost])
    with pytest.raises(ValueError, match=r"cut short.*allow_truncated"):
        open_image(path)
    image = open_image(path, allow_truncated=True)
    assert image.info["notes"] == [
        "it is cut short: what is missing at its end is gray"
    ]
    wanted = np.array(open_rgb(io.BytesIO(whole)))
    if not progressive:
        assert np.array_equal(np.array(image)[:16], wanted[:16])
    if lost == 2:
        assert np.array_equal(image, wanted)


def test_a_whole_file_is_not_called_cut():
    for content in (saved(noise(), "JPEG"), saved(noise())):
        opened = open_image(io.BytesIO(content), allow_truncated=True)
        assert opened.info["notes"] == []
        assert np.array_equal(opened, open_rgb(io.BytesIO(content)))


def test_other_files_cut_short_are_refused_all_the_same():
    with pytest.raises(ValueError, match="cut short"):
        open_image(io.BytesIO(saved(noise())[:-2000]), allow_truncated=True)


# What a small file may claim


def claiming(width, height, bits=1, length=0):
    """A PNG that says how large it is, and holds `length` bytes of nothing."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(9)))):
        check = struct.pack(">I", zlib.crc32(name + data))
        content += struct.pack(">I", len(data)) + name + data + check
    return content + bytes(length)


GIF = b"GIF89a" + struct.pack("<HHBBB", 13_000, 13_000, 0, 0, 0) + b",\0\0\0\0"
GIF += struct.pack("<HHB", 13_000, 13_000, 0) + b"\2\2\x4c\1\0;"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", [GIF, claiming(13_000, 13_000, 1, 500_000)])
def test_small_files_may_not_claim_much(read, content):
    with pytest.raises(ValueError, match=r"169 megapixels in .*max_pixels") as told:
        READERS[read](io.BytesIO(content))
    assert "bomb" not in str(told.value)
    assert "DOS" not in str(told.value)


def test_large_scans_are_opened_without_a_warning():
    scan = claiming(16_000, 12_625, 1, 2_000_000)  # 202 megapixels in 2 MB
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_checked(io.BytesIO(scan)) as image:
            assert image.size == (16_000, 12_625)
    assert Image.MAX_IMAGE_PIXELS  # others' limit is as it was


def test_pillows_limit_is_lifted_while_reading_only(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # a TIFF asks when it loads
    for kind in ("PNG", "TIFF"):
        with warnings.catch_warnings(action="error"):
            assert open_image(io.BytesIO(saved(noise(), kind))).size == (50, 40)
        assert Image.MAX_IMAGE_PIXELS == 500


def test_warnings_are_told_again_when_the_last_is_read():
    before, content = list(warnings.filters), saved(noise(), "PNG")
    first, second = (open_checked(io.BytesIO(content)) for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)  # as threads do it
    assert warnings.filters != before
    second.__exit__(None, None, None)
    assert warnings.filters == before


def test_the_limit_can_be_set():
    content = saved(noise(40, 50))
    assert open_image(io.BytesIO(content), max_pixels=2000).size == (50, 40)
    with pytest.raises(ValueError, match="are more than the limit"):
        open_image(io.BytesIO(content), max_pixels=1999)
    with open_checked(io.BytesIO(claiming(20_000, 20_000)), max_pixels=10**9) as image:
        assert image.size == (20_000, 20_000)


def test_jpegs_of_a_thousand_scans_are_refused(monkeypatch):
    content = saved(noise(), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    many = content[:-2] + content[start:-2] * 1000 + content[-2:]
    open_rgb(io.BytesIO(content))
    monkeypatch.setattr("colorlab.datasets.formats.MOST_WORK", 40 * 50 * 100)
    open_rgb(io.BytesIO(content))
    for read in READERS.values():
        with pytest.raises(ValueError, match="a JPEG of 999 scans"):
            read(io.BytesIO(many))
