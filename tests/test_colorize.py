"""A photo keeps its size, lightness and transparency, whatever its file is."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from colorlab._lazy import BEST
from colorlab.colorize import (
    colorize,
    network_size,
    output_to_ab,
    predict_ab,
    read_image,
)
from colorlab.datasets.images import to_rgb
from colorlab.decode import annealed_mean, upsample
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import ColorNet
from colorlab.quantize import bin_centers
from colorlab.transfer import BorrowedNet
from colorlab.weights import load_pretrained, save_model

# Half an 8-bit step in each of R, G and B moves L by up to 0.26 (measured over the
# cube): what rounding the result can cost.
HALF_STEP = 0.27
AB = (12.0, -8.0)  # what the fixture `tint` predicts everywhere
ORIENTATION = 0x0112  # the EXIF tag
TURNED = 6  # its value for a picture to be turned 90 degrees clockwise


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    network = ColorNet(2).eval()
    # As it is made, all bins are about as likely, and every color the mean of all.
    torch.nn.init.normal_(network.output.weight, std=20)
    return network


@pytest.fixture(scope="module")
def tint():
    """A network that gives AB for every pixel."""
    network = ColorNet(1, out_channels=2).eval()
    torch.nn.init.zeros_(network.output.weight)
    network.output.bias.data = torch.tensor(AB) / 110
    return network


def photo(height=48, width=64, mode="RGB"):
    """A color photo with all lightnesses, smooth and noisy."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, width)[None, :, None].repeat(height, 0)
    pixels = ramp + rng.normal(0, 20, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def gray16():
    return Image.fromarray(
        np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    )


def lab(image):
    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return rgb_to_lab(pixels.permute(2, 0, 1))


def unclipped(image):
    """Where no channel is at its limit: there, no color was cut to the gamut."""
    pixels = np.array(image)
    return torch.from_numpy(((pixels > 0) & (pixels < 255)).all(axis=2))


def assert_same_lightness(colored, original):
    inside = unclipped(colored)
    assert inside.float().mean() > 0.3  # something is compared
    error = (lab(colored)[0] - lab(original)[0]).abs()[inside]
    assert error.max() < HALF_STEP


def test_lightness_is_kept(model):
    colored = colorize(photo(), model)
    assert_same_lightness(colored, photo())
    assert lab(colored)[1:].norm(dim=0).mean() > 5  # it is colored


def test_each_color_is_where_the_network_sees_it(model):
    L = lab(photo())[None, :1]
    with torch.no_grad():
        ab = upsample(annealed_mean(model(L), bin_centers(), 0.38), (48, 64))
    wanted = (lab_to_rgb(torch.cat([L, ab], dim=1))[0] * 255).permute(1, 2, 0)
    colored = np.array(colorize(photo(), model, size=(48, 64)))  # not resized
    # Half a step by rounding, and some more as sums differ in the last digit.
    assert np.abs(colored - wanted.numpy()).max() < 0.51


def test_known_color_is_joined_with_the_lightness(tint):
    result = lab(colorize(photo(), tint))
    L = lab(photo())[:1]
    ab = torch.tensor(AB)[:, None, None].expand(2, *L.shape[1:])
    wanted = torch.cat([L, ab])
    free = lab_to_rgb(wanted, clip=False)
    inside = ((free >= 0) & (free <= 1)).all(dim=0)
    assert 0.5 < inside.float().mean() < 1  # near black and white, AB is impossible
    error = (result - wanted).abs()[:, inside]
    assert error[0].max() < HALF_STEP
    assert error[1:].mean() < 0.5  # ab is more sensitive to rounding, most near black
    assert not inside[L[0] < 1].any()


def test_colors_of_the_input_are_not_looked_at(model):
    gray = torch.cat([lab(photo())[:1], torch.zeros(2, 48, 64)])
    pixels = (lab_to_rgb(gray) * 255).round().byte().permute(1, 2, 0).numpy()
    twins = [colorize(image, model) for image in (photo(), Image.fromarray(pixels))]
    difference = np.abs(np.subtract(*(np.array(twin).astype(int) for twin in twins)))
    # The twin's L is rounded to 8 bits, and so is the network's small picture.
    assert difference.mean() < 1
    assert np.abs(np.array(photo()).astype(int) - pixels).mean() > 5  # far apart


@pytest.mark.parametrize(
    ("height", "width"), [(37, 53), (1, 1), (5, 400), (400, 5), (64, 64), (8, 1)]
)
def test_size_is_kept(model, height, width):
    colored = colorize(photo(height, width), model, size=32)
    assert colored.size == (width, height)
    assert colored.mode == "RGB"


def test_joining_in_bands_changes_nothing(model, monkeypatch):
    whole = colorize(photo(), model)
    monkeypatch.setattr("colorlab.colorize.BAND", 200)  # pixels: three rows
    assert np.array_equal(colorize(photo(), model), whole)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV"])
def test_modes_without_transparency(model, mode):
    image = photo(mode=mode)
    colored = colorize(image, model)
    assert colored.mode == "RGB"
    assert np.array_equal(colored, colorize(to_rgb(image), model))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_alpha_is_kept(model, mode):
    alpha = photo(mode="L").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = photo(mode="RGB").convert("L" if mode == "LA" else "RGB")
    image.putalpha(alpha)
    colored = colorize(image.convert(mode), model)
    assert colored.mode == "RGBA"
    assert np.array_equal(colored.getchannel("A"), alpha)
    assert np.array_equal(
        colored.convert("RGB"), colorize(to_rgb(image.convert(mode)), model)
    )


@pytest.mark.parametrize("make", [lambda: photo(mode="P"), lambda: photo(), gray16])
def test_transparent_color_becomes_alpha(model, tmp_path, make):
    image = make()
    first = image.getpixel((0, 0))
    image.save(tmp_path / "image.png", transparency=first)
    with Image.open(tmp_path / "image.png") as opened:
        assert opened.mode == image.mode  # the transparency is not a channel here
        pixels = np.array(opened)
        colored = colorize(opened, model)
    assert colored.mode == "RGBA"
    assert colored.getpixel((0, 0))[3] == 0
    same = (pixels == first).reshape(*pixels.shape[:2], -1).all(axis=2)
    assert np.array_equal(np.array(colored)[..., 3], np.where(same, 0, 255))


def test_16_bit_gray_is_scaled(model):
    colored = colorize(gray16(), model)
    assert colored.mode == "RGB"
    eight = Image.fromarray((np.array(gray16()) / 257).round().astype(np.uint8))
    assert_same_lightness(colored, eight)


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_path_equals_its_picture(model, tmp_path, as_path):
    path = tmp_path / "photo.png"
    photo().save(path)
    assert np.array_equal(colorize(as_path(path), model), colorize(photo(), model))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_array_equals_its_picture(model, mode):
    image = photo(mode=mode)
    assert np.array_equal(colorize(np.array(image), model), colorize(image, model))


@pytest.mark.parametrize("opened", [False, True])
def test_orientation_is_applied_and_dropped(model, tmp_path, opened):
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    path = tmp_path / "photo.png"
    photo().save(path, exif=exif)
    colored = colorize(Image.open(path) if opened else path, model)
    assert colored.size == (48, 64)
    assert ORIENTATION not in colored.getexif()
    assert_same_lightness(colored, photo().transpose(Image.Transpose.ROTATE_270))


def test_input_is_left_as_it_is(model):
    image = photo(mode="LA")
    colorize(image, model)
    assert np.array_equal(image, photo(mode="LA"))


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        (64, (64, 88)),  # 48 x 64 scaled by 4/3: 64 x 85.3, the latter rounded
        (1, (8, 8)),
        ((64, 64), (64, 64)),
        ((30, 100), (32, 96)),
        (None, (128, 168)),
    ],
)
def test_size_the_network_looks_at(model, size, seen):
    shapes = []
    hook = model.register_forward_hook(
        lambda _, inputs, output: shapes.append(tuple(inputs[0].shape[2:]))
    )
    colorize(photo(), model, size=size)
    hook.remove()
    assert shapes == [seen]


def test_long_photos_do_not_take_endless_memory(model):
    shapes = []
    hook = model.register_forward_hook(
        lambda _, inputs, output: shapes.append(tuple(inputs[0].shape[2:]))
    )
    colorize(photo(2, 3000), model, size=16)
    hook.remove()
    assert shapes == [(16, 128)]


def test_card_gives_the_defaults(model):
    plain = np.array(colorize(photo(), model, T=0.9, size=(40, 48)))
    model.card = {"T": 0.9, "size": [40, 48]}
    from_card = np.array(colorize(photo(), model))
    overruled = np.array(colorize(photo(), model, T=0.2))
    model.card = {}
    assert np.array_equal(from_card, plain)
    assert not np.array_equal(overruled, plain)


def test_without_model_the_shipped_one_is_taken(model, tmp_path, monkeypatch):
    monkeypatch.setattr("colorlab.weights.ASSETS", tmp_path)
    save_model(model, tmp_path / f"{BEST}.safetensors")
    assert np.array_equal(colorize(photo()), colorize(photo(), model))


def test_strength_multiplies_the_chroma(tint):
    gray, half, whole = (lab(colorize(photo(), tint, strength=s)) for s in (0, 0.5, 1))
    inside = (whole[0] > 40) & (whole[0] < 70)  # far from the gamut's ends
    assert gray[1:].norm(dim=0).max() < 1  # a channel may be rounded by itself
    assert gray[1:].norm(dim=0).mean() < 0.01
    wanted = torch.tensor(AB)[:, None] / 2
    assert (half[1:, inside] - wanted).abs().mean() < 0.5  # rounding to 8 bits
    assert (whole[1:, inside] - 2 * wanted).abs().mean() < 0.5


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_impossible_strength_is_refused(tint, strength):
    with pytest.raises(ValueError, match="strength must be a number from 0 on"):
        colorize(photo(), tint, strength=strength)


def test_lower_temperature_is_more_vivid(model):
    vivid, cautious = (lab(colorize(photo(), model, T=T)) for T in (0.05, 5))
    assert vivid[1:].norm(dim=0).mean() > cautious[1:].norm(dim=0).mean() + 2


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_file_is_refused(model, tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    photo().save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for image in (path, Image.open(path)):
        with pytest.raises(ValueError, match="image must be a whole image"):
            colorize(image, model)


@pytest.mark.parametrize("name", ["text.jpg", "absent.jpg"])
def test_file_that_is_no_image_is_refused(model, tmp_path, name):
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match="image must be a whole image"):
        colorize(tmp_path / name, model)


@pytest.mark.parametrize(
    "image",
    [
        None,
        [[0, 1]],
        np.zeros((4, 4, 5), dtype=np.uint8),
        np.full((4, 4, 3), 255.0, dtype=np.float32),  # 1 is white
        np.full((4, 4), 255.0, dtype=np.float32),
        np.zeros((4, 4), dtype=np.int32),  # 0..255 would count as 16-bit
    ],
    ids=["none", "list", "five channels", "floats", "gray floats", "int32"],
)
def test_what_is_no_picture_is_refused(model, image):
    with pytest.raises(ValueError, match="image must be"):
        colorize(image, model)


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (0, 5)), np.zeros((5, 0), dtype=np.uint8)],
    ids=["picture", "array"],
)
def test_empty_picture_is_refused(model, image):
    with pytest.raises(ValueError, match="image must"):
        colorize(image, model)


@pytest.mark.parametrize("size", [0, -8, (0, 64), (64, -1)])
def test_impossible_size_is_refused(model, size):
    with pytest.raises(ValueError, match="size must be positive"):
        colorize(photo(), model, size=size)


@pytest.mark.parametrize("size", [2049, 100_000, (64, 4096), float("nan")])
def test_too_large_a_size_is_refused(model, size):
    with pytest.raises(ValueError, match="size must be positive, at most 2048"):
        colorize(photo(), model, size=size)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_where_memory_ends_the_size_is_named(error):
    def fail(*args):
        raise error

    network = ColorNet(1).train()
    network.forward = fail
    with pytest.raises(ValueError, match="size must be smaller .*, got 64"):
        colorize(photo(), network, size=64)
    assert network.training
    error = RuntimeError("another")
    with pytest.raises(RuntimeError, match="another"):
        colorize(photo(), network)


def test_what_the_file_says_goes_with_the_result(model, tmp_path):
    pages = [photo(), photo()]
    pages[0].save(
        tmp_path / "a.tif", save_all=True, append_images=pages[1:], dpi=(300, 300)
    )
    assert colorize(tmp_path / "a.tif", model).info == {
        "notes": ["frame or page 1 of 2; the rest is left"],
        "dpi": (300, 300),
    }


def test_floats_and_16_bits_are_colored_alike(model):
    eight = np.array(photo())
    wanted = np.array(colorize(eight, model))
    assert np.array_equal(colorize(eight / 255, model), wanted)
    assert np.array_equal(colorize(eight.astype(np.uint16) * 257, model), wanted)


@pytest.mark.parametrize("T", [0, -0.38])
def test_impossible_temperature_is_refused(model, T):
    with pytest.raises(ValueError, match="T must be positive"):
        colorize(photo(), model, T=T)


def test_output_of_a_bins_head_is_decoded():
    model, L = ColorNet(2).eval(), torch.full((1, 1, 16, 16), 50.0)
    with torch.inference_mode():
        output = model(L)
        expected = annealed_mean(output, bin_centers(), 0.7)
        assert torch.equal(output_to_ab(model, output, 0.7), expected)
        model.card = {"T": 0.7}
        assert torch.equal(output_to_ab(model, output), expected)


def test_output_of_an_ab_head_is_ab():
    ab = torch.rand(1, 2, 3, 4)
    assert output_to_ab(ColorNet(1, out_channels=2), ab) is ab


def test_predicted_ab_has_the_size_of_the_lightness(tint):
    L = torch.full((2, 1, 16, 24), 50.0)
    with torch.inference_mode():
        ab = predict_ab(tint, L)
    assert ab.shape == (2, 2, 16, 24)
    expected = torch.tensor(AB).view(1, 2, 1, 1).expand_as(ab)
    torch.testing.assert_close(ab, expected)


def test_model_in_training_is_left_as_it_was(model):
    trained = ColorNet(2).train()
    before = {name: t.clone() for name, t in trained.state_dict().items()}
    colorize(photo(), trained)
    assert trained.training
    assert all(torch.equal(t, before[n]) for n, t in trained.state_dict().items())


@pytest.mark.parametrize(
    ("sides", "size", "expected"),
    [((64, 32), 16, (16, 32)), ((30, 50), 24, (40, 24)), ((3, 2000), 8, (64, 8))],
)
def test_read_image_keeps_the_aspect(tmp_path, sides, size, expected):
    photo(sides[1], sides[0]).save(tmp_path / "image.png")
    L, ab = read_image(tmp_path / "image.png", size)
    assert L.shape == (1, 1, *expected)
    assert ab.shape == (1, 2, *expected)


def test_read_image_equals_skimage(tmp_path):
    image = photo(16, 16)
    image.save(tmp_path / "image.png")
    lab = torch.cat(read_image(tmp_path / "image.png", 16), dim=1)
    expected = rgb2lab(np.array(image)).transpose(2, 0, 1)
    assert np.abs(lab[0].numpy() - expected).max() < 0.01  # float32; white point


def test_each_part_of_a_network_keeps_its_mode():
    model, gray = ColorNet(2).train(), np.full((16, 16), 100, np.uint8)
    model.conv1.eval()  # as one freezes batch norm
    modes = [module.training for module in model.modules()]
    colorize(gray, model)
    assert [module.training for module in model.modules()] == modes
    borrowed = BorrowedNet(8, frozen_norm=False).requires_grad_(False)
    colorize(gray, borrowed)
    assert not any(weight.requires_grad for weight in borrowed.parameters())


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("CUDA error: an illegal memory access was encountered", RuntimeError),
        ("CUDA out of memory. Tried to allocate 2 GiB", ValueError),
        ("[enforce fail] DefaultCPUAllocator: can't allocate memory", ValueError),
    ],
)
def test_only_too_little_memory_asks_for_a_smaller_size(told, kind):
    def fail(model, L, T):
        raise RuntimeError(told)

    with pytest.raises(kind) as raised:
        colorize(np.full((8, 8), 100, np.uint8), load_pretrained("tiny"), predict=fail)
    assert (kind is ValueError) == ("smaller" in str(raised.value))


@pytest.mark.parametrize("size", ["96", "128", (8, 8, 8), ()])
def test_a_size_is_one_number_or_two(size):
    with pytest.raises(ValueError, match="size must be a number or"):
        network_size(100, 100, size)


def test_the_usual_kind_of_number_may_be_another(monkeypatch):
    model, gray = load_pretrained("tiny"), np.full((30, 40), 100, np.uint8)
    usual = np.asarray(colorize(gray, model))
    torch.set_default_dtype(torch.float64)
    try:
        assert (np.asarray(colorize(gray, model)) == usual).all()
    finally:
        torch.set_default_dtype(torch.float32)
