"""Images as upright sRGB, saved with what they say; crops their rng alone decides."""

import io
import struct

import numpy as np
import pytest
import torch
from image_files import gama, with_chunks
from PIL import Image, ImageCms, JpegImagePlugin

from colorlab.datasets.images import (
    center_crop,
    open_image,
    open_rgb,
    random_crop,
    save_format,
    save_image,
    to_tensor,
)

ORIENTATION = 0x0112  # the EXIF tag
# Its values, and how NumPy makes upright what was stored so.
UPRIGHT = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: np.rot90,
}
TURNED = 6  # to be turned 90 degrees clockwise


class Still:
    """A generator that takes the first crop, at the top left, and never mirrors."""

    def uniform(self, low, high):
        return low + 0.0 * high

    def random(self):
        return 1.0


def rng(seed=0):
    return np.random.default_rng(seed)


def colored(height=4, width=6, mode="RGB"):
    """A small picture whose pixels all differ."""
    pixels = rng().integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def ramp(width, height):
    """A smooth picture: red grows to the right, green downward."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 0 * x + 128], axis=-1).astype(np.uint8))


def saved(image, kind="PNG", **options):
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned_as(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def crop(content, size, generator=None, stretch=0):
    return random_crop(io.BytesIO(content), size, generator or rng(), stretch)


@pytest.fixture
def sizes(monkeypatch):
    """The size at which each JPEG of a test is decoded."""
    decoded, draft = [], JpegImagePlugin.JpegImageFile.draft

    def spy(image, mode, size):
        result = draft(image, mode, size)
        decoded.append(image.size)
        return result

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", spy)
    return decoded


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_open_rgb_converts(tmp_path, mode):
    image = colored(mode=mode)
    image.save(tmp_path / "image.png")
    opened = open_rgb(tmp_path / "image.png")
    assert opened.mode == "RGB"
    assert np.array_equal(opened, image.convert("RGB"))


def odd_files():
    """A file of 30 x 20 pixels for each odd mode."""
    palette = colored(20, 30, "P")
    gray = np.arange(600, dtype=np.float32).reshape(20, 30)
    return {
        "CMYK": saved(colored(20, 30, "CMYK"), "JPEG"),
        "CMYK tif": saved(colored(20, 30, "CMYK"), "TIFF"),
        "LA": saved(colored(20, 30, "LA")),
        "L jpg": saved(colored(20, 30, "L"), "JPEG"),
        "P with transparency": saved(palette, transparency=bytes(range(256))),
        "gif": saved(palette, "GIF", transparency=3),
        "RGBA": saved(colored(20, 30, "RGBA")),
        "I;16": saved(Image.fromarray((gray * 100).astype(np.uint16))),
        "I;16 transparent": saved(Image.new("I;16", (30, 20)), transparency=40_000),
        "I;16B": saved(Image.new("I;16B", (30, 20)), "TIFF"),
        "I": saved(Image.fromarray(gray.astype(np.int32)), "TIFF"),
        "1": saved(colored(20, 30, "1")),
        "F": saved(Image.fromarray(gray / 599), "TIFF"),
        "gAMA": with_chunks(colored(20, 30), gAMA=gama(1)),
        "gray gAMA": with_chunks(colored(20, 30, "L"), gAMA=gama(1)),
    }


@pytest.mark.parametrize("kind", odd_files())
def test_every_mode_is_cropped_and_opened(kind):
    content = odd_files()[kind]
    assert crop(content, 16).mode == open_rgb(io.BytesIO(content)).mode == "RGB"
    # A crop of the whole is the whole.
    whole = center_crop(open_rgb(io.BytesIO(content)).crop((0, 0, 20, 20)), 20)
    assert np.array_equal(crop(content, 20, Still()), whole)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_open_rgb_scales_16_bit_gray(tmp_path, suffix):
    gray = np.array([[0, 257, 32640, 65535]], dtype=np.uint16)
    Image.fromarray(gray).save(tmp_path / f"image{suffix}")
    pixels = np.array(open_rgb(tmp_path / f"image{suffix}"))
    assert pixels.tolist() == [[[0] * 3, [1] * 3, [127] * 3, [255] * 3]]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_pictures_are_turned_as_exif_says(kind, orientation):
    options = {"lossless": True} if kind == "WEBP" else {}
    image = colored(8, 8)
    content = saved(image, kind, exif=turned_as(orientation), **options)
    upright = UPRIGHT[orientation](np.array(image))
    assert np.array_equal(open_rgb(io.BytesIO(content)), upright)
    assert np.array_equal(crop(content, 8, Still()), upright)


def test_orientation_in_xmp_alone_turns_nothing():
    """Browsers and viewers do not look there."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    content = saved(colored(), "JPEG", xmp=xmp)
    with Image.open(io.BytesIO(content)) as image:
        assert image.getexif().get(ORIENTATION) == TURNED  # Pillow does
    assert open_rgb(io.BytesIO(content)).size == colored().size
    assert open_image(io.BytesIO(content)).size == colored().size


def test_16_bit_gray_is_turned_too():
    gray = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    content = saved(Image.fromarray(gray), exif=turned_as(TURNED))
    turned = open_rgb(io.BytesIO(content))
    assert np.array(turned)[0, 0, 0] == round(56_000 * 255 / 65535)  # bottom left
    assert np.array_equal(crop(content, 8, Still()), turned)


def test_scaled_jpegs_are_turned_too(sizes):
    content = saved(ramp(256, 256), "JPEG", exif=turned_as(TURNED), quality=95)
    pixels = np.array(crop(content, 32, Still())).astype(int)
    assert sizes == [(64, 64)]
    # Red, which grew to the right, grows downward; green, to the left.
    assert (np.diff(pixels[..., 0], axis=0) > 0).all()
    assert (np.diff(pixels[..., 1], axis=1) < 0).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif"])
def test_truncated_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    colored(64, 64).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for read in (open_rgb, lambda path: random_crop(path, 16, rng())):
        with pytest.raises(ValueError, match=f"whole image file; .*image{suffix}: "):
            read(path)


@pytest.mark.parametrize("name", ["text.jpg", "empty.png", "absent.png", "folder"])
def test_what_is_no_image_is_refused(tmp_path, name):
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    for read in (open_rgb, lambda path: random_crop(path, 16, rng())):
        with pytest.raises(ValueError, match=f"whole image file; .*{name}: "):
            read(str(tmp_path / name))


@pytest.mark.filterwarnings("ignore:Metadata Warning")
def test_damaged_exif_is_refused():
    # A text where two numbers must be: PIL raises TypeError, which would end a run.
    exif = turned_as(TURNED)
    exif[0x011A] = (72, 1)  # resolution, a fraction
    content = saved(colored(), "JPEG", exif=exif)
    entry = struct.pack(">HH", 0x011A, 5)
    assert content.count(entry) == 1
    damaged = content.replace(entry, struct.pack(">HH", 0x011A, 2))
    assert open_rgb(io.BytesIO(content)).size == (4, 6)
    for read in (open_rgb, lambda file: random_crop(file, 16, rng())):
        with pytest.raises(ValueError, match="must be a whole image file"):
            read(io.BytesIO(damaged))


ARRAYS = {
    "uint8": np.array([[0, 128, 255]], dtype=np.uint8),
    "uint16": np.array([[0, 32896, 65535]], dtype=np.uint16),
    "float64": np.array([[0, 128 / 255, 1]]),
    "float32": np.array([[0, 128 / 255, 1]], dtype=np.float32),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("channels", [0, 3, 4])
def test_arrays_are_scaled_by_their_kind(kind, channels):
    array = ARRAYS[kind]
    if channels:
        array = np.repeat(array[..., None], channels, axis=2)
    pixels = np.array(open_image(array))
    assert pixels.shape == (1, 3, max(channels, 3))
    assert pixels[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 4), dtype=np.int32), "uint8, uint16, or floats.*got int32"),
        (np.full((4, 4), 1.01), "0..1"),
        (np.full((4, 4), np.nan), "0..1"),
        (np.zeros((4, 4, 5), dtype=np.uint8), r"got \(4, 4, 5\)"),
        (np.zeros((4, 0), dtype=np.uint8), "pixels"),
        (Image.new("RGB", (0, 4)), "pixels"),
        ([[0, 1]], "a path, an image or an array"),
        (None, "a path, an image or an array"),
    ],
)
def test_what_has_no_clear_meaning_is_refused_in_one_line(image, words):
    with pytest.raises(ValueError, match=f"image must be a whole.*{words}") as told:
        open_image(image)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("kind", "count"), [("GIF", 3), ("PNG", 3), ("WEBP", 3), ("TIFF", 3), ("MPO", 1)]
)
def test_frames_that_are_left_are_told(kind, count):
    pages = [colored(), colored().rotate(90), colored().rotate(180)]
    content = saved(pages[0], kind, save_all=True, append_images=pages[1:])
    notes = [f"frame or page 1 of {count}; the rest is left"] * (count > 1)
    assert open_image(io.BytesIO(content)).info["notes"] == notes


def test_a_page_that_was_chosen_is_taken():
    first, second = colored(), colored().transpose(Image.Transpose.ROTATE_180)
    pages = saved(first, "TIFF", save_all=True, append_images=[second])
    assert np.array_equal(open_image(io.BytesIO(pages)), first)
    with Image.open(io.BytesIO(pages)) as image:
        image.seek(1)
        opened = open_image(image)
    assert np.array_equal(opened, second)
    assert opened.info["notes"] == ["frame or page 2 of 2; the rest is left"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_a_scan_prints_at_its_size(kind):
    scan = open_image(io.BytesIO(saved(colored(), "JPEG", dpi=(600, 300))))
    file = io.BytesIO()
    assert save_image(scan, file, kind) == []
    with Image.open(file) as written:
        assert np.round(np.array(written.info["dpi"], dtype=float)).tolist() == [
            600,
            300,
        ]
    turned = saved(colored(), "JPEG", dpi=(600, 300), exif=turned_as(TURNED))
    assert open_image(io.BytesIO(turned)).info["dpi"] == (300, 600)
    # One pixel an inch is what writers say that know none.
    unknown = saved(colored(), "TIFF", dpi=(1, 1))
    assert "dpi" not in open_image(io.BytesIO(unknown)).info


@pytest.mark.parametrize(
    "suffix", ".jpg .png .tif .webp .avif .jp2 .gif .bmp .ppm".split()
)
def test_every_format_written_is_read_back(tmp_path, suffix):
    path, image = tmp_path / f"image{suffix.upper()}", ramp(40, 30)
    notes = save_image(image, path)
    assert [note for note in notes if "256 colors" not in note] == []
    with Image.open(path) as written:
        assert written.format == save_format(path)
    back = np.array(open_rgb(path)).astype(int)
    # Chroma at half resolution, or the 256 colors of a GIF, cost some levels.
    assert np.abs(back - np.array(image)).mean() < (6 if suffix == ".gif" else 2.5)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_results_are_tagged_as_srgb_and_the_same_at_any_time(kind):
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        save_image(colored(), file, kind)
    assert files[0].getvalue() == files[1].getvalue()
    with Image.open(files[0]) as written:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(written.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    if kind in ("PNG", "TIFF"):
        assert np.array_equal(open_rgb(files[0]), colored())  # sRGB changes nothing


def test_white_lies_under_transparency_where_a_format_has_none():
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    file = io.BytesIO()
    assert save_image(clear, file, "JPEG") == [
        "JPEG holds no transparency: white lies under it"
    ]
    assert np.array(Image.open(file)).min() > 250
    file = io.BytesIO()
    assert save_image(clear, file, "PNG") == []
    assert Image.open(file).mode == "RGBA"


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_pixel_of_a_gif_is_there_or_not(mode):
    fades = Image.new(mode, (256, 9), 120)
    fades.putalpha(Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (9, 1))))
    file = io.BytesIO()
    notes = save_image(fades, file, "GIF")
    assert [note.partition(":")[0] for note in notes] == [
        "a GIF has 256 colors a frame",
        "a GIF has no half-transparent pixels",
    ]
    written = np.asarray(Image.open(file).convert("RGBA"))
    assert (written[..., 3] == np.where(np.arange(256) > 127, 255, 0)).all()
    fades.putalpha(fades.getchannel("A").point(lambda value: 255 * (value > 9)))
    assert len(save_image(fades, io.BytesIO(), "GIF")) == 1


def test_what_a_format_cannot_hold_is_one_line(tmp_path):
    with pytest.raises(ValueError, match="70000 x 1 pixels cannot be written as JPEG"):
        save_image(Image.new("RGB", (70_000, 1)), tmp_path / "long.jpg")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["a.heic", "a.pdf", "a.txt", "a", "a.psd"])
def test_formats_that_are_not_written_are_refused(name):
    with pytest.raises(ValueError, match=r"must end in one of \.jpg .*got a"):
        save_format(name)


def test_square_takes_the_middle():
    image = colored(4, 8)
    assert np.array_equal(center_crop(image, 4), np.array(image)[:, 2:6])


def test_square_averages():
    stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    pixels = np.array(center_crop(Image.fromarray(stripes), 4)).astype(int)
    # A nearest or plain bilinear pixel would be 0, 100 by luck, or 200; the averaging
    # triangle is 16 wide, and cut at the rim.
    assert abs(pixels - 100).max() <= 10


@pytest.mark.parametrize("sides", [(1, 1), (3, 2000), (2000, 3)])
@pytest.mark.parametrize("stretch", [0, 40])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_strange_shapes_are_cropped(sides, stretch, kind):
    image = Image.new("RGB", sides, (200, 100, 50))
    for seed in range(10):
        cropped = crop(saved(image, kind), 32, rng(seed), stretch)
        assert cropped.size == (32, 32)
        # JPEG rounds colors, by a few levels.
        assert abs(np.array(cropped).astype(int) - (200, 100, 50)).max() <= 3
    assert center_crop(image, 32).size == (32, 32)


def test_crop_is_a_function_of_the_generator_alone(tmp_path):
    colored(60, 90).save(tmp_path / "image.png")
    first = random_crop(tmp_path / "image.png", 16, rng(5))
    np.random.default_rng().random()
    with open(tmp_path / "image.png", "rb") as file:
        assert random_crop(file, 16, rng(5)) == first
    assert random_crop(tmp_path / "image.png", 16, rng(6)) != first


def test_crops_are_mirrored_half_the_time():
    content = saved(ramp(32, 32))
    crops = [np.array(crop(content, 16, rng(seed))) for seed in range(40)]
    mirrored = sum(pixels[0, 0, 0] > pixels[0, -1, 0] for pixels in crops)
    assert 8 <= mirrored <= 32  # 20 expected; this far off once in 10,000 seeds


def spans(content, size, stretch=0):
    """Left and right end of 60 crops from a ramp, as shares of its width."""
    for seed in range(60):
        red = np.array(crop(content, size, rng(seed), stretch))[0, :, 0] / 255
        half_a_pixel = abs(red[-1] - red[0]) / (size - 1) / 2
        yield min(red[0], red[-1]) - half_a_pixel, max(red[0], red[-1]) + half_a_pixel


@pytest.mark.parametrize(
    ("size", "least"),
    [
        (16, 2 / 3),  # 1 / 1.5
        (60, 60 / 64),  # a smaller one would have to be enlarged
        (100, 1),  # any has to be enlarged: all of it is shown
    ],
)
def test_crop_shows_most_of_the_shorter_side(size, least):
    lefts, rights = np.array([*spans(saved(ramp(64, 64)), size)]).T
    # Levels are whole numbers, and the rim averages half a window: 0.02.
    assert least - 0.02 <= (rights - lefts).min() <= least + 0.03
    assert (rights - lefts).max() >= 0.98
    assert lefts.min() < 0.01
    assert rights.max() > 0.99


@pytest.mark.parametrize("sides", [(256, 256), (500, 100), (90, 300)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_stretched_crop_is_the_authors(sides, kind):
    # 176 of 256, wherever, however long the photo is.
    content = saved(ramp(*sides), kind)
    lefts, rights = np.array([*spans(content, 176, stretch=256)]).T
    assert abs(rights - lefts - 176 / 256).max() < 0.03  # levels are whole numbers
    assert lefts.min() < 0.03
    assert rights.max() > 0.97
    green = np.array(crop(content, 176, Still(), stretch=256))[:, 0, 1] / 255
    assert abs(green[-1] - green[0] - 176 / 256) < 0.02  # of the height, too


def test_stretch_below_the_size_is_refused():
    with pytest.raises(ValueError, match="stretch must be size or more, 32; got 31"):
        crop(saved(colored()), 32, stretch=31)


@pytest.mark.parametrize(("size", "stretch"), [(64, 0), (100, 0), (64, 96), (128, 0)])
def test_big_jpegs_are_decoded_small_with_enough_pixels(sizes, size, stretch):
    content = saved(ramp(1021, 767), "JPEG", quality=95)
    boxes, resize = [], Image.Image.resize

    def spy(image, *args, box, **rest):
        boxes.append(box)
        return resize(image, *args, box=box, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image.Image, "resize", spy)
        for seed in range(20):
            crop(content, size, rng(seed), stretch)
    assert max(width for width, _ in sizes) <= 511  # at half the size or less
    assert len(boxes) == 20
    for left, top, right, bottom in boxes:
        assert min(right - left, bottom - top) >= size


def test_small_jpegs_are_decoded_whole(sizes):
    crop(saved(ramp(100, 80), "JPEG"), 64)
    assert sizes == [(100, 80)]


@pytest.mark.parametrize("stretch", [0, 100])
def test_scaled_decoding_shows_the_same(sizes, stretch):
    content = saved(ramp(1021, 767), "JPEG", quality=95)
    png = saved(open_rgb(io.BytesIO(content)))  # the same pixels, never scaled
    for seed in range(10):
        scaled = np.array(crop(content, 64, rng(seed), stretch)).astype(int)
        whole = np.array(crop(png, 64, rng(seed), stretch)).astype(int)
        # One pixel of the crop is 2 to 4 levels of the ramp. The grid of the scaled
        # picture is off by a fraction of that, and rounds once more.
        assert abs(scaled - whole).max() <= 2
    assert max(sizes) < (1021, 767)


def test_to_tensor_is_a_copy():
    image = colored()
    tensor = to_tensor(image)
    assert tensor.dtype == torch.uint8
    assert torch.equal(tensor.permute(1, 2, 0), torch.from_numpy(np.array(image)))
    tensor.zero_()
    assert np.array(image).any()
