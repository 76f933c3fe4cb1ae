"""Lab against scikit-image; the round trip, grays, gradients, dtypes and errors."""

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab
from torch.autograd import gradcheck

from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.quantize import bin_centers

# float32 keeps 7 digits: 1e-5 of 100, times the cube root's slope near black. In
# float64 only the order of the sums differs from scikit-image's.
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-9}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


def cube():
    """Every 5th color of the 8-bit cube, as one picture: (3, 52 * 52, 52), uint8."""
    level = torch.arange(0, 256, 5, dtype=torch.uint8)
    return torch.cartesian_prod(level, level, level).T.reshape(3, -1, len(level))


def picture():
    chance = np.random.default_rng(0)
    return torch.from_numpy(chance.random((3, 64, 48)))


def channels_last(image):
    return image.movedim(-3, -1).double().numpy()


PICTURES = pytest.mark.parametrize(
    "rgb", [cube().double() / 255, picture()], ids=["cube", "floats"]
)


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 4, 6), (2, 3, 4, 6), (2, 5, 3, 1, 2)])
def test_shape_is_kept(convert, shape):
    assert convert(torch.rand(shape)).shape == shape


@DTYPES
@PICTURES
def test_rgb_to_lab_equals_skimage(rgb, dtype):
    lab = rgb_to_lab(rgb.to(dtype))
    error = np.abs(channels_last(lab) - rgb2lab(channels_last(rgb)))
    assert error.max() < TOLERANCE[dtype]


@DTYPES
@PICTURES
def test_lab_to_rgb_equals_skimage(rgb, dtype):
    lab = rgb_to_lab(rgb)
    back = lab_to_rgb(lab.to(dtype))
    error = np.abs(channels_last(back) - lab2rgb(channels_last(lab)))
    assert error.max() < TOLERANCE[dtype]


def every_bin_at_21_lightnesses():
    """All 6,573 of them as one picture; most, no screen can show: (3, 21, 313)."""
    L = torch.linspace(0, 100, 21, dtype=torch.float64)
    a, b = bin_centers().double().T
    return torch.stack(torch.broadcast_tensors(L[:, None], a[None], b[None]))


@DTYPES
@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")  # it cuts Z, and says so
def test_dark_orange_outside_the_gamut_is_no_redder_than_skimages(dtype):
    lab = every_bin_at_21_lightnesses()
    error = np.abs(
        channels_last(lab_to_rgb(lab.to(dtype))) - lab2rgb(channels_last(lab))
    )
    assert 255 * error.max() < 0.01  # of a level; float32 keeps 7 digits


def test_without_clipping_nothing_is_cut():
    lab = every_bin_at_21_lightnesses()
    free = lab_to_rgb(lab, clip=False)
    # 1e-3: the rounded knees leave a gap of this order between line and power.
    assert (rgb_to_lab(free) - lab).abs().max() < 1e-3
    inside = ((free >= 0) & (free <= 1)).all(dim=0)
    assert inside.sum() > 1000
    assert torch.equal(lab_to_rgb(lab)[:, inside], free[:, inside])


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("dims", [0, 1])
def test_vmap_equals_the_batch(convert, dims):
    batch = picture().reshape(3, 4, 16, 48).movedim(1, dims)
    expected = convert(batch.movedim(dims, 0))
    error = (torch.func.vmap(convert, dims)(batch) - expected).abs().max()
    assert error < TOLERANCE[torch.float64]


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_forward_derivative_equals_the_numeric(convert):
    image, step = picture()[:, :4, :4] * 0.5 + 0.4, 1e-6
    direction = picture()[:, 4:8, :4]
    _, slope = torch.func.jvp(convert, (image,), (direction,))
    numeric = (convert(image + step * direction) - convert(image)) / step
    assert (slope - numeric).abs().max() < 1e-3 * slope.abs().max()


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_autocast_takes_no_digits(convert):
    image = picture().float()
    expected = convert(image)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(convert(image), expected)


def test_uint8_equals_its_floats():
    assert torch.equal(rgb_to_lab(cube()), rgb_to_lab(cube().float() / 255))


def test_batch_equals_one_by_one():
    batch = picture().reshape(3, 4, 16, 48).movedim(1, 0)
    assert torch.equal(rgb_to_lab(batch)[2], rgb_to_lab(batch[2]))


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("shape", [(3, 20, 30), (2, 3, 20, 30), (2, 5, 3, 6, 5)])
def test_tiles_equal_the_whole(monkeypatch, convert, shape):
    image = torch.rand(shape, dtype=torch.float64) * (
        80 if convert is lab_to_rgb else 1
    )
    whole = convert(image.clone().requires_grad_()).detach()  # gradients: no tiles
    monkeypatch.setattr("colorlab.lab.TILE", 100)  # parts of a picture; 4 pictures
    assert (convert(image) - whole).abs().max() < TOLERANCE[torch.float64]


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_order_in_memory_does_not_matter(convert):
    image = picture()
    channels_last_in_memory = image.movedim(0, -1).contiguous().movedim(-1, 0)
    expected = convert(image)
    error = (convert(channels_last_in_memory) - expected).abs().max()
    assert error < TOLERANCE[torch.float64]


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 3, 0, 4)])
def test_no_pixels_are_no_problem(convert, shape):
    assert convert(torch.rand(shape)).shape == shape


def test_round_trip_stays_within_half_a_step():
    back = lab_to_rgb(rgb_to_lab(cube())) * 255
    assert (back - cube()).abs().max() < 0.5  # so rounding gives the color again


def test_round_trip_outside_the_gamut():
    lab = torch.tensor([[50.0, 120.0, -120.0], [20.0, -90.0, 90.0]])[..., None, None]
    back = rgb_to_lab(lab_to_rgb(lab.double(), clip=False))
    # 1e-3: the rounded knees leave a gap of this order between line and power.
    assert (back - lab).abs().max() < 1e-3


def test_grays_have_almost_no_chroma():
    gray = torch.linspace(0, 1, 256)[None, None].repeat(3, 1, 1)
    lab = rgb_to_lab(gray)
    assert lab[1:].abs().max() < 0.01  # the constants are rounded to six digits
    assert (lab[0].diff() > 0).all()
    assert lab[0, 0, 0] == 0
    assert lab[0, 0, -1] == pytest.approx(100, abs=1e-4)


@pytest.mark.parametrize(
    ("convert", "value"),
    [
        (rgb_to_lab, 0.0),
        (rgb_to_lab, -0.1),  # below black, where the unused powers have no value
        (lab_to_rgb, 0.0),
        (lambda lab: lab_to_rgb(lab, clip=False), -20.0),
    ],
)
def test_gradient_is_finite_at_black_and_below(convert, value):
    black = torch.full((3, 1, 1), value, requires_grad=True)
    convert(black).sum().backward()
    assert black.grad.isfinite().all()
    assert black.grad.abs().max() > 0


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_numeric_gradient(convert):
    rgb = picture()[:, :4, :4].clone()
    colors = rgb_to_lab(rgb) if convert is lab_to_rgb else rgb
    assert gradcheck(convert, colors.requires_grad_())


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16]
)
def test_dtype_and_device_are_kept(convert, dtype, device):
    if (device.type, dtype) == ("mps", torch.float64):
        pytest.skip("no float64 on mps")
    result = convert(torch.rand(3, 2, 2).to(device, dtype))
    assert result.dtype == dtype
    assert result.device.type == device.type


def test_half_precision_is_computed_in_float32():
    rgb = picture().half()
    assert torch.equal(rgb_to_lab(rgb), rgb_to_lab(rgb.float()).half())


def test_uint8_gives_float32_on_its_device(device):
    lab = rgb_to_lab(cube().to(device))
    assert lab.dtype == torch.float32
    assert lab.device.type == device.type


def test_clip_cuts_each_channel():
    lab = torch.tensor([95.0, -120.0, 100.0])[:, None, None]  # beyond any green
    free, clipped = lab_to_rgb(lab, clip=False), lab_to_rgb(lab)
    assert free.min() < 0
    assert free.max() > 1
    assert torch.equal(clipped, free.clamp(0, 1))


def test_colors_above_white_are_not_clipped():
    assert rgb_to_lab(torch.full((3, 1, 1), 1.2))[0] > 100


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("shape", [(3, 4), (4, 4, 3), (1, 4, 4), (2, 4, 5, 5)])
def test_wrong_shape_is_refused(convert, shape):
    with pytest.raises(ValueError, match=r"must have shape \(\.\.\., 3, H, W\)"):
        convert(torch.zeros(shape))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.bool])
def test_other_integers_are_refused(dtype):
    with pytest.raises(ValueError, match="rgb must be floats or uint8"):
        rgb_to_lab(torch.zeros(3, 2, 2, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_lab_of_integers_is_refused(dtype):
    with pytest.raises(ValueError, match="lab must be floats"):
        lab_to_rgb(torch.zeros(3, 2, 2, dtype=dtype))
