"""The losses against their dense forms, hand values and numeric gradients."""

import pytest
import torch
from torch.autograd import gradcheck

from colorlab.losses import adjust_logits, l2_loss, soft_cross_entropy
from colorlab.network import ColorNet
from colorlab.quantize import N_BINS, soft_encode, to_dense
from colorlab.weights import load_pretrained

TOLERANCE = 1e-9  # rounding of float64, in which all comparisons are made


@pytest.fixture
def target(centers):
    """Bins and weights of random ab, shape (2, 5, 3, 4), in float64."""
    chance = torch.Generator().manual_seed(0)
    ab = torch.randn(2, 2, 3, 4, generator=chance, dtype=torch.float64) * 30
    return soft_encode(ab, centers)


@pytest.fixture
def logits():
    chance = torch.Generator().manual_seed(1)
    shape = (2, N_BINS, 3, 4)
    return torch.randn(shape, generator=chance, dtype=torch.float64) * 3


@pytest.fixture
def pixel_weight():
    chance = torch.Generator().manual_seed(2)
    return torch.rand(2, 3, 4, generator=chance, dtype=torch.float64) * 5


def few_bins(requires_grad=True):
    """Logits over 6 bins, and a target on 3 of them: small enough for gradcheck."""
    chance = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 6, 2, 2, generator=chance, dtype=torch.float64)
    bins = torch.rand(2, 6, 2, 2, generator=chance).argsort(dim=1)[:, :3]
    weights = torch.rand(2, 3, 2, 2, generator=chance, dtype=torch.float64)
    return logits.requires_grad_(requires_grad), bins, weights / weights.sum(1, True)


def test_l2_by_hand():
    ab = torch.zeros(1, 2, 1, 2)
    ab_hat = torch.tensor([3.0, 1.0, 4.0, 0.0]).view(1, 2, 1, 2)  # (3, 4) and (1, 0)
    assert l2_loss(ab_hat, ab).item() == (25 + 1) / 2 / 2
    assert l2_loss(ab, ab).item() == 0


def test_l2_gradient():
    chance = torch.Generator().manual_seed(0)
    pair = torch.randn(2, 2, 2, 3, 4, generator=chance, dtype=torch.float64) * 30
    assert gradcheck(l2_loss, tuple(pair.requires_grad_()))


@pytest.mark.parametrize("shape", [(1, 2, 4, 5), (1, 2, 4, 1), (2, 4, 4)])
def test_l2_of_unequal_shapes_is_refused(shape):
    with pytest.raises(ValueError, match="must have one shape"):
        l2_loss(torch.zeros(1, 2, 4, 4), torch.zeros(shape))


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_equals_the_dense_form(logits, target, pixel_weight, weighted):
    v = pixel_weight if weighted else None
    loss = soft_cross_entropy(logits, *target, v)
    each = -(to_dense(*target, N_BINS) * logits.log_softmax(dim=1)).sum(dim=1)
    dense = (each * pixel_weight if weighted else each).sum() / (2 * 3 * 4)
    assert loss.shape == ()
    assert abs(loss - dense) < TOLERANCE


def test_cross_entropy_equals_torchs(logits, target):
    dense = to_dense(*target, N_BINS)
    expected = torch.nn.functional.cross_entropy(logits, dense)
    assert abs(soft_cross_entropy(logits, *target) - expected) < TOLERANCE


def test_cross_entropy_numeric_gradient():
    logits, bins, weights = few_bins()
    v = torch.rand(2, 2, 2, dtype=torch.float64) + 1
    assert gradcheck(lambda z: soft_cross_entropy(z, bins, weights), logits)
    assert gradcheck(lambda z: soft_cross_entropy(z, bins, weights, v), logits)


def test_gradient_is_prediction_minus_target(logits, target, pixel_weight):
    logits.requires_grad_()
    soft_cross_entropy(logits, *target, pixel_weight).backward()
    difference = logits.detach().softmax(dim=1) - to_dense(*target, N_BINS)
    expected = pixel_weight[:, None] * difference / (2 * 3 * 4)
    assert (logits.grad - expected).abs().max() < TOLERANCE


def test_gradient_follows_what_comes_after(logits, target):
    logits.requires_grad_()
    loss = soft_cross_entropy(logits, *target)
    (once,) = torch.autograd.grad(loss, logits, retain_graph=True)
    (thrice,) = torch.autograd.grad(3 * loss, logits, retain_graph=True)
    (again,) = torch.autograd.grad(loss, logits)
    assert (thrice - 3 * once).abs().max() < TOLERANCE
    assert torch.equal(again, once)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_order_in_memory_is_kept(logits, target, layout):
    expected = soft_cross_entropy(logits, *target)
    logits = logits.contiguous(memory_format=layout).requires_grad_()
    loss = soft_cross_entropy(logits, *target)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert abs(loss - expected) < TOLERANCE
    assert gradient.is_contiguous(memory_format=layout)


def test_no_gradient_is_made_unasked(monkeypatch, logits, target):
    monkeypatch.setattr("colorlab.losses._CrossEntropy", None)  # it would make one
    plain = soft_cross_entropy(logits, *target)
    logits.requires_grad_()
    with torch.no_grad():
        watched = soft_cross_entropy(logits, *target)
    assert not plain.requires_grad
    assert not watched.requires_grad
    assert torch.equal(plain, watched)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(logits, target, dtype):
    half = logits.to(dtype).requires_grad_()
    exact = half.detach().float().requires_grad_()
    losses = [soft_cross_entropy(z, *target) for z in (half, exact)]
    assert losses[0].dtype == torch.float32
    assert torch.equal(*losses)
    gradients = [
        torch.autograd.grad(loss, z)[0]
        for loss, z in zip(losses, (half, exact), strict=True)
    ]
    assert torch.equal(gradients[0], gradients[1].to(dtype))


def test_second_derivative_is_refused(logits, target):
    loss = soft_cross_entropy(logits.requires_grad_(), *target)
    (gradient,) = torch.autograd.grad(loss, logits, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()


def test_minimum_is_the_entropy():
    _, bins, weights = few_bins()
    Z = to_dense(bins, weights, 6)
    entropy = torch.special.entr(Z).sum(dim=1).mean()
    exact = Z.clamp(min=1e-300).log()  # in place of log 0
    assert abs(soft_cross_entropy(exact, bins, weights) - entropy) < TOLERANCE
    chance = torch.Generator().manual_seed(4)
    for _ in range(10):
        off = exact + torch.randn(exact.shape, generator=chance, dtype=exact.dtype)
        assert soft_cross_entropy(off, bins, weights) > entropy


def test_weight_multiplies_without_normalizing(logits, target, pixel_weight):
    once, twice = (
        soft_cross_entropy(logits, *target, times * pixel_weight) for times in (1, 2)
    )
    assert abs(twice - 2 * once) < TOLERANCE


def test_large_logits_stay_finite(logits, target):
    assert soft_cross_entropy(logits.float() * 1e4, *target).isfinite()


def test_device_is_kept(logits, target, device):
    bins, weights = target
    moved = (logits.float().to(device), bins.to(device), weights.float().to(device))
    assert soft_cross_entropy(*moved).device.type == device.type


def test_logits_are_adjusted_where_the_network_is(device):
    here, there = (load_pretrained("tiny") for _ in range(2))
    adjust_logits(here, 0.9)
    adjust_logits(there.to(device), 0.9)
    bias = there.get_parameter("output.bias")
    assert bias.device.type == device.type
    torch.testing.assert_close(bias.cpu(), here.get_parameter("output.bias"))


@pytest.mark.parametrize(
    ("bins_shape", "weights_shape"),
    [
        ((2, 3, 2, 2), (2, 4, 2, 2)),
        ((1, 3, 2, 2), (1, 3, 2, 2)),
        ((2, 3, 1, 2), (2, 3, 1, 2)),
        ((2, 3, 2), (2, 3, 2)),
    ],
)
def test_target_that_does_not_fit_is_refused(bins_shape, weights_shape):
    bins = torch.zeros(bins_shape, dtype=torch.int64)
    with pytest.raises(ValueError, match="bins and weights must have shape"):
        soft_cross_entropy(torch.zeros(2, 6, 2, 2), bins, torch.zeros(weights_shape))


@pytest.mark.parametrize("shape", [(2, 1, 2, 2), (1, 2, 2), (2, 2, 3)])
def test_pixel_weight_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="pixel_weight must have shape"):
        soft_cross_entropy(*few_bins(), torch.ones(shape))


@pytest.mark.parametrize("place", [0, 1])
def test_other_gradients_are_refused(place):
    logits, bins, weights = few_bins()
    others = [weights, torch.ones(2, 2, 2)]
    others[place].requires_grad_()
    with pytest.raises(ValueError, match="must not require a gradient"):
        soft_cross_entropy(logits, bins, *others)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_l2_of_integers_is_refused(place, dtype):
    pair = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)]
    pair[place] = pair[place].to(dtype)
    with pytest.raises(ValueError, match=f"must be floats, got {dtype}"):
        l2_loss(*pair)


@pytest.mark.parametrize(
    ("place", "dtype", "message"),
    [
        (0, torch.int64, "logits must be floats, got torch.int64"),
        (1, torch.int32, "bins must be int64, got torch.int32"),
        (1, torch.float32, "bins must be int64, got torch.float32"),
        (2, torch.int64, "weights must be floats, got torch.int64"),
        (3, torch.uint8, "pixel_weight must be floats, got torch.uint8"),
    ],
)
def test_other_dtypes_are_refused(place, dtype, message):
    given = [*few_bins(requires_grad=False), torch.ones(2, 2, 2)]
    given[place] = given[place].to(dtype)
    with pytest.raises(ValueError, match=message):
        soft_cross_entropy(*given)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_whole_batch_at_once_equals_tiles(
    monkeypatch, logits, target, pixel_weight, weighted
):
    v = pixel_weight if weighted else None
    logits.requires_grad_()
    found = []
    for tiled in (True, False):
        monkeypatch.setattr("colorlab.losses.in_memory", lambda z, t=tiled: t)
        loss = soft_cross_entropy(logits, *target, v)
        found.append((loss, *torch.autograd.grad(loss, logits)))
    for tiles, whole in zip(*found, strict=True):
        assert (tiles - whole).abs().max() < TOLERANCE


@pytest.mark.parametrize("tile", [N_BINS, 5 * N_BINS, 30 * N_BINS])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_any_tiles_give_one_loss(
    monkeypatch, logits, target, pixel_weight, tile, layout
):
    logits = logits.contiguous(memory_format=layout).requires_grad_()
    found = []
    for most in (10**9, tile):
        monkeypatch.setattr("colorlab.losses.TILE", most)
        loss = soft_cross_entropy(logits, *target, pixel_weight)
        found.append((loss, *torch.autograd.grad(loss, logits)))
    for whole, tiles in zip(*found, strict=True):
        assert (tiles - whole).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    "reorder",
    [
        lambda z: z[:1].expand(2, -1, -1, -1),
        lambda z: z.transpose(2, 3).contiguous().transpose(2, 3),
        lambda z: z[:, :, ::2],
    ],
)
def test_any_order_in_memory_will_do(logits, target, reorder):
    bins, weights = (part[:, :, : reorder(logits).shape[2]] for part in target)
    found = []
    given = reorder(logits)
    for z in (given, given.clone(memory_format=torch.contiguous_format)):
        z = z.detach().requires_grad_()
        loss = soft_cross_entropy(z, bins, weights)
        found.append((loss, *torch.autograd.grad(loss, z)))
    for one, other in zip(*found, strict=True):
        assert (one - other).abs().max() < TOLERANCE


def test_no_images_have_no_loss(centers):
    loss = soft_cross_entropy(
        torch.zeros(0, 6, 2, 2),
        torch.zeros(0, 3, 2, 2, dtype=torch.int64),
        torch.zeros(0, 3, 2, 2),
    )
    assert loss.item() == 0


def test_autocast_takes_no_digits(logits, target):
    bins, weights = target[0], target[1].float()
    expected = soft_cross_entropy(logits.float(), bins, weights)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(soft_cross_entropy(logits.float(), bins, weights), expected)


@pytest.mark.parametrize("config", [{"lam": 0.5}, {"lam": 0.5, "loss": "rebal"}])
def test_a_card_may_say_little_of_its_training(config):
    model, like = ColorNet(2), ColorNet(2)
    like.load_state_dict(model.state_dict())
    model.card = {"config": config}
    like.card = {"config": {"loss": "class", "prior": "tiny-imagenet"} | config}
    for network in (model, like):
        adjust_logits(network, 0.9)
    assert torch.equal(model.output.bias, like.output.bias)


def test_a_scaled_gradient_in_half_precision_keeps_its_small_values():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 313, 16, 16, generator=rng)
    bins = torch.randint(313, (4, 5, 16, 16), generator=rng)
    weights = torch.rand(4, 5, 16, 16, generator=rng).softmax(dim=1)
    found = []
    for dtype in (torch.float32, torch.float16):
        given = logits.detach().to(dtype, copy=True).requires_grad_()
        (soft_cross_entropy(given, bins, weights) * 2**14).backward()
        found.append(given.grad.float())
    assert (found[1] == 0).float().mean() < 0.001
    assert (found[1] - found[0]).norm() < 0.002 * found[0].norm()
