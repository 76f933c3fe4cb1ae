"""The bins against the reference set; the encoding against brute force."""

import math

import pytest
import torch
from scipy.spatial import cKDTree

from colorlab.lab import rgb_to_lab
from colorlab.quantize import (
    N_BINS,
    bin_centers,
    nearest_bin,
    soft_encode,
    to_dense,
)

# The authors' pts_in_hull.npy, row by row: a, then the first and the last b, which
# rises in steps of 10.
REFERENCE = (
    (-90, 50, 90),
    (-80, 20, 90),
    (-70, 0, 90),
    (-60, -20, 90),
    (-50, -30, 100),
    (-40, -40, 100),
    (-30, -50, 100),
    (-20, -50, 100),
    (-10, -60, 100),
    (0, -70, 100),
    (10, -80, 90),
    (20, -80, 90),
    (30, -90, 90),
    (40, -100, 90),
    (50, -100, 80),
    (60, -110, 80),
    (70, -110, 80),
    (80, -110, 70),
    (90, -110, 70),
    (100, -90, 0),
)
GRAY = 120  # its bin in that order
FAR = [(150.0, 150.0), (-150.0, -150.0), (125.0, -125.0), (0.0, 1000.0), (-95.0, -3.0)]
SIGMA = 5.0


def column(colors):
    """Colors (M, 2) as a picture of one column, (1, 2, M, 1)."""
    return colors.T[None, :, :, None]


def brute_force(colors, centers, k):
    """Distances to the k nearest centers, (M, k), from all of them."""
    delta = colors[:, None] - centers.to(colors)
    return delta.square().sum(-1).topk(k, largest=False)[0].sqrt()


@pytest.fixture(scope="module")
def gamut():
    """A million sRGB colors' ab, and their distances to the 10 nearest centers."""
    chance = torch.Generator().manual_seed(0)
    rgb = torch.rand(1_000_000, 3, 1, 1, generator=chance, dtype=torch.float64)
    colors = rgb_to_lab(rgb)[:, 1:, 0, 0]
    # SciPy's search is exact and ten times faster; the first test proves it.
    nearest = cKDTree(bin_centers().double()).query(colors, k=10)[0]
    return colors, torch.from_numpy(nearest)


@pytest.fixture
def some_ab():
    chance = torch.Generator().manual_seed(1)
    return rgb_to_lab(torch.rand(2, 3, 6, 4, generator=chance))[:, 1:]


def test_oracle_is_brute_force(gamut, centers):
    colors, expected = (part[:20_000] for part in gamut)
    assert (brute_force(colors, centers, 10) - expected).abs().max() < 1e-9


def test_bin_centers_are_the_reference():
    rows = [[a, b] for a, low, high in REFERENCE for b in range(low, high + 1, 10)]
    centers = bin_centers()
    assert centers.dtype == torch.float32
    assert centers.tolist() == rows


def test_number_of_bins():
    assert len(bin_centers()) == N_BINS


@pytest.mark.parametrize("levels", [5, 9, 17])
@pytest.mark.parametrize("directions", [720, 3600])
def test_bin_centers_do_not_hinge_on_tuning(monkeypatch, centers, levels, directions):
    monkeypatch.setattr("colorlab.quantize.GAMUT_LEVELS", levels)
    monkeypatch.setattr("colorlab.quantize.DIRECTIONS", directions)
    assert torch.equal(bin_centers(), centers)


def test_bin_centers_do_hinge_on_the_gamut(monkeypatch):
    monkeypatch.setattr("colorlab.quantize.GAMUT_LEVELS", 2)  # the corners alone
    assert len(bin_centers()) != N_BINS


def test_bin_of_gray(centers):
    assert nearest_bin(torch.zeros(1, 2, 1, 1), centers).item() == GRAY


def test_nearest_bin_shape(some_ab, centers):
    bins = nearest_bin(some_ab, centers)
    assert bins.shape == (2, 6, 4)
    assert bins.dtype == torch.int64


def test_nearest_bin_is_as_near_as_brute_force(gamut, centers):
    colors, expected = gamut
    bins = nearest_bin(column(colors), centers).flatten()
    distance = (colors - centers[bins]).norm(dim=1)
    # Distances, as two bins may tie; 1e-9 is the rounding of float64.
    assert (distance - expected[:, 0]).abs().max() < 1e-9


def test_nearest_bin_of_each_center_is_itself(centers):
    bins = nearest_bin(column(centers), centers).flatten()
    assert torch.equal(bins, torch.arange(N_BINS))


@pytest.mark.parametrize("k", [1, 5, 10])
def test_soft_encode_shape(some_ab, centers, k):
    bins, weights = soft_encode(some_ab, centers, k)
    assert bins.shape == weights.shape == (2, k, 6, 4)
    assert bins.dtype == torch.int64
    assert weights.dtype == some_ab.dtype


@pytest.mark.parametrize("k", [5, 10])
def test_soft_encode_equals_brute_force(gamut, centers, k):
    # In parts that fit the processor's cache.
    for colors, nearest in zip(*(part.split(10_000) for part in gamut), strict=True):
        encoded = soft_encode(column(colors), centers, k)
        bins, weights = (part[0, :, :, 0].T for part in encoded)
        distance = (colors[:, None] - centers[bins]).norm(dim=2)
        expected = nearest[:, :k]
        assert (distance - expected).abs().max() < 1e-9  # rounding of float64
        assert (bins.sort(dim=1)[0].diff(dim=1) > 0).all()  # no bin twice
        gauss = (-expected.square() / (2 * SIGMA**2)).exp()
        formula = gauss / gauss.sum(dim=1, keepdim=True)
        assert (weights - formula).abs().max() < 1e-9


@pytest.mark.parametrize("k", [5, 10])
def test_soft_encode_in_float32(gamut, centers, k):
    colors, expected = (part[:100_000] for part in gamut)
    bins, weights = (
        p[0, :, :, 0].T for p in soft_encode(column(colors.float()), centers, k)
    )
    distance = (colors[:, None] - centers[bins]).norm(dim=2)
    # Squared distances up to 400 keep 18 bits (k = 10) of 24, so nearly equal ones may
    # change places: 2**-17 of 400, halved by the root and divided by 20.
    assert (distance - expected[:, :k]).abs().max() < 1e-3
    assert (bins.sort(dim=1)[0].diff(dim=1) > 0).all()  # no bin twice
    formula = (-expected[:, :k].square() / (2 * SIGMA**2)).softmax(dim=1)
    assert (weights - formula).abs().max() < 1e-4  # the same 2**-17, of 400 / 50


@pytest.mark.parametrize("k", [1, 2, 5, 10, 16, 17])  # above 16, no window
def test_soft_encode_equals_brute_force_all_over_the_plane(centers, k):
    chance = torch.Generator().manual_seed(0)
    colors = torch.rand(10_000, 2, generator=chance, dtype=torch.float64) * 320 - 160
    bins = soft_encode(column(colors), centers, k)[0][0, :, :, 0].T
    distance = (colors[:, None] - centers[bins]).norm(dim=2)
    # Rounding of float64.
    assert (distance - brute_force(colors, centers, k)).abs().max() < 1e-9


@pytest.mark.parametrize("k", [1, 5, 10, N_BINS])
@pytest.mark.parametrize("color", FAR)
def test_soft_encode_far_outside_the_gamut(centers, color, k):
    colors = torch.tensor([color], dtype=torch.float64)
    bins, weights = soft_encode(column(colors), centers, k)
    distance = (colors - centers[bins.flatten()]).norm(dim=1)
    expected = brute_force(colors, centers, k)[0]
    assert (distance - expected).abs().max() < 1e-9  # rounding of float64
    assert weights.sum().item() == pytest.approx(1)


def test_a_far_color_does_not_disturb_its_neighbors(some_ab, centers):
    spoiled = some_ab.clone()
    spoiled[0, :, 0, 0] = 150
    for clean, dirty in zip(
        soft_encode(some_ab, centers), soft_encode(spoiled, centers), strict=True
    ):
        assert torch.equal(clean[..., 1:, :], dirty[..., 1:, :])
        assert torch.equal(clean[1], dirty[1])


def test_weights_sum_to_one_and_fall(some_ab, centers):
    weights = soft_encode(some_ab, centers)[1]
    assert (weights >= 0).all()
    assert (weights.diff(dim=1) <= 0).all()  # nearest first
    assert (weights.sum(dim=1) - 1).abs().max() < 1e-6  # rounding of float32


def test_smaller_sigma_is_sharper(some_ab, centers):
    sharp, soft = (soft_encode(some_ab, centers, sigma=s)[1][:, 0] for s in (2, 5))
    assert (sharp > soft).all()


def test_encode_keeps_dtype_and_device(some_ab, centers, device):
    ab = some_ab.to(device)
    bins, weights = soft_encode(ab, centers.to(device))
    assert bins.device.type == weights.device.type == device.type
    assert torch.equal(bins.cpu(), soft_encode(some_ab, centers)[0])
    assert nearest_bin(ab, centers.to(device)).device.type == device.type


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(some_ab, centers, dtype):
    half = some_ab.to(dtype)
    bins, weights = soft_encode(half, centers)
    expected_bins, expected_weights = soft_encode(half.float(), centers)
    assert torch.equal(bins, expected_bins)
    assert torch.equal(weights, expected_weights.to(dtype))


@pytest.mark.parametrize("k", [1, 4, 5])
def test_any_centers_on_the_grid_will_do(k):
    centers = torch.tensor([[0.0, 0], [-120, 120], [30, -40], [10, 0], [120, -120]])
    chance = torch.Generator().manual_seed(0)
    colors = torch.rand(1000, 2, generator=chance, dtype=torch.float64) * 280 - 140
    bins = soft_encode(column(colors), centers, k)[0][0, :, :, 0].T
    distance = (colors[:, None] - centers[bins]).norm(dim=2)
    assert (distance - brute_force(colors, centers, k)).abs().max() < 1e-9


def test_distances_to_all_bins_keep_their_digits(centers):
    weights = soft_encode(column(centers[:100]), centers, k=20)[1]  # no window
    expected = soft_encode(column(centers[:100].double()), centers, k=20)[1]
    assert (weights - expected).abs().max() < 2e-6  # rounding of float32


def test_to_dense_puts_each_weight_at_its_bin():
    bins = torch.tensor([2, 0]).view(1, 2, 1, 1)
    weights = torch.tensor([0.75, 0.25]).view(1, 2, 1, 1)
    assert to_dense(bins, weights, 4).flatten().tolist() == [0.25, 0, 0.75, 0]


def test_to_dense_is_the_sparse_target(some_ab, centers):
    bins, weights = soft_encode(some_ab, centers)
    Z = to_dense(bins, weights, N_BINS)
    assert Z.shape == (2, N_BINS, 6, 4)
    assert torch.equal(Z.gather(1, bins), weights)
    assert ((Z > 0).sum(dim=1) == bins.shape[1]).all()


@pytest.mark.parametrize("shape", [(2, 6, 4), (1, 3, 6, 4), (1, 1, 2, 6, 4)])
def test_wrong_shape_is_refused(centers, shape):
    for encode in (nearest_bin, soft_encode):
        with pytest.raises(ValueError, match=r"ab must have shape \(N, 2, H, W\)"):
            encode(torch.zeros(shape), centers)


@pytest.mark.parametrize("k", [0, -1, N_BINS + 1])
def test_impossible_k_is_refused(some_ab, centers, k):
    with pytest.raises(ValueError, match="k must be in 1..313"):
        soft_encode(some_ab, centers, k)


@pytest.mark.parametrize("sigma", [0.0, -5.0, float("nan")])
def test_impossible_sigma_is_refused(some_ab, centers, sigma):
    with pytest.raises(ValueError, match="sigma must be positive"):
        soft_encode(some_ab, centers, sigma=sigma)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_integers_are_refused(centers, dtype):
    for encode in (nearest_bin, soft_encode):
        with pytest.raises(ValueError, match=f"ab must be floats, got {dtype}"):
            encode(torch.ones(1, 2, 3, 4, dtype=dtype), centers)


@pytest.mark.parametrize("shape", [(313,), (2, 313), (313, 3)])
def test_centers_of_another_shape_are_refused(some_ab, shape):
    with pytest.raises(ValueError, match=r"centers must have shape \(Q, 2\)"):
        soft_encode(some_ab, torch.zeros(shape))


def test_centers_elsewhere_are_refused(some_ab, centers):
    with pytest.raises(ValueError, match="on the device of ab, cpu, got meta"):
        soft_encode(some_ab, centers.to("meta"))


@pytest.mark.parametrize(
    "centers",
    [
        [[0.0, 0], [5, 0], [10, 0]],  # off the grid
        [[0.0, 0], [10, 1e-3], [20, 0]],
        [[0.0, 0], [130, 0], [10, 0]],  # beyond its reach
        [[0.0, 0], [10, 0], [10, 0]],  # one twice
        [[0.0, 0], [-3.3, 8.1], [101.0, -55]],
    ],
)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_centers_off_the_grid_are_found(centers, k):
    centers = torch.tensor(centers)
    rng = torch.Generator().manual_seed(0)
    colors = torch.rand(1000, 2, generator=rng, dtype=torch.float64) * 280 - 140
    bins, weights = (p[0, :, :, 0].T for p in soft_encode(column(colors), centers, k))
    distance = (colors[:, None] - centers[bins]).norm(dim=2)
    assert (distance - brute_force(colors, centers, k)).abs().max() < 1e-9
    assert (bins.sort(dim=1)[0].diff(dim=1) > 0).all()  # no bin twice
    assert torch.equal(nearest_bin(column(colors), centers).flatten(), bins[:, 0])


def test_a_center_between_two_grid_points():
    centers = torch.tensor([[0.0, 0], [5, 0], [10, 0]])
    assert nearest_bin(column(torch.tensor([[6.0, 0]])), centers).item() == 1


def test_the_whole_batch_at_once_equals_tiles(monkeypatch, gamut, centers):
    colors = gamut[0][:20_000]
    tiles = soft_encode(column(colors), centers)
    monkeypatch.setattr("colorlab.quantize.in_memory", lambda ab: False)
    whole = soft_encode(column(colors), centers)
    assert torch.equal(tiles[0], whole[0])
    assert (tiles[1] - whole[1]).abs().max() < 1e-9  # rounding of float64


@pytest.mark.parametrize("shape", [(3, 2, 20, 30), (20, 2, 3, 6), (0, 2, 4, 4)])
def test_tiles_equal_the_whole(monkeypatch, centers, shape):
    rng = torch.Generator().manual_seed(0)
    ab = torch.rand(shape, generator=rng, dtype=torch.float64) * 300 - 150
    whole = (*soft_encode(ab, centers), nearest_bin(ab, centers))
    monkeypatch.setattr("colorlab.quantize.TILE", 100)  # parts; several images
    tiles = (*soft_encode(ab, centers), nearest_bin(ab, centers))
    for one, other in zip(whole, tiles, strict=True):
        # Bins alike; a processor may round the last weights of a row otherwise.
        assert ((one - other).abs() < 1e-9).all()


def test_no_number_gives_weights_that_are_none(some_ab, centers):
    spoiled = some_ab.clone()
    spoiled[0, 0, 0, 0] = float("nan")
    bins, weights = soft_encode(spoiled, centers)
    assert weights[0, :, 0, 0].isnan().all()
    assert weights.isnan().sum() == 5
    assert bins.min() >= 0


def test_autocast_takes_no_digits(some_ab, centers):
    expected = soft_encode(some_ab, centers)
    with torch.autocast("cpu", torch.bfloat16):
        found = soft_encode(some_ab, centers)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


def test_what_is_no_number_gets_some_bin():
    ab = torch.tensor([[math.nan, 115.0], [math.nan, math.nan], [0, math.inf]])
    ab, centers = ab.T.reshape(1, 2, 1, 3), bin_centers()
    for bins in (nearest_bin(ab, centers), soft_encode(ab, centers)[0]):
        assert bins.min() >= 0
        assert bins.max() < 313


@pytest.mark.parametrize(
    "shape", [(3, 2, 7, 5), (40, 2, 1, 3), (0, 2, 4, 4), (2, 2, 0, 4)]
)
def test_off_the_cpu_parts_give_the_whole(shape, monkeypatch):
    ab = 60 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    wanted = soft_encode(ab, bin_centers())
    monkeypatch.setattr("colorlab.quantize.in_memory", lambda image: False)
    monkeypatch.setattr("colorlab.quantize.AT_ONCE", 30)
    found = soft_encode(ab, bin_centers())
    assert torch.equal(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1])
