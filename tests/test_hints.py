"""A person's dots on any network: what they reach, and what they leave alone."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from colorlab import bin_centers, load_pretrained, load_prior
from colorlab.classics.scribbles import propagate
from colorlab.colorize import predict_ab
from colorlab.hints import apply, blend, likely_colors, sureness
from colorlab.siggraph import HintReader, SiggraphNet


@pytest.fixture(scope="module")
def tiny():
    return load_pretrained("tiny")


@pytest.fixture(scope="module")
def L():
    rng = torch.Generator().manual_seed(0)
    rough = 100 * torch.rand(1, 1, 4, 6, generator=rng)
    return torch.nn.functional.interpolate(rough, size=(32, 48), mode="bicubic").clamp(
        0, 100
    )


@pytest.fixture(scope="module")
def picture():
    """Gray, a network's ab and its sureness, all uneven."""
    rng = np.random.default_rng(0)
    gray = rng.random((12, 16))
    return gray, rng.normal(0, 20, (2, 12, 16)), rng.random((12, 16))


DOTS = np.array([[2.0, 3, 50, 10], [9, 12, -30, 40]])


def dots(*rows):
    return torch.tensor(rows, dtype=torch.float32).view(-1, 4)


@torch.inference_mode()
def test_without_dots_it_is_exactly_the_networks_answer(tiny, L):
    for T in (None, 1.0):
        assert torch.equal(apply(tiny, L, dots(), T), predict_ab(tiny, L, T))


@torch.inference_mode()
@pytest.mark.parametrize("make", [SiggraphNet, lambda: HintReader(2)])
def test_a_network_that_reads_dots_is_given_them(make, L):
    torch.manual_seed(0)
    model = make().eval()
    inputs = torch.zeros(1, 2, 32, 48), torch.zeros(1, 1, 32, 48)
    inputs[0][..., 15:18, 23:26] = torch.tensor([70.0, -50.0]).view(2, 1, 1)
    inputs[1][..., 15:18, 23:26] = 1
    heard = []
    model.register_forward_hook(lambda _, given, __: heard.append(given))
    after = apply(model, L, dots([16, 24, 70, -50]))
    (given,) = heard
    for one, other in zip(given, (L, *inputs), strict=True):
        assert_allclose(one, other)
    assert_allclose(after[0, :, 16, 24], [70, -50], atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["tiny", "l2"])
def test_a_dot_keeps_its_color_and_tints_what_is_near(name, L):
    model = load_pretrained(name)
    before = predict_ab(model, L)
    after = apply(model, L, dots([16, 24, 70, -50]))
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    assert_allclose(after[0, :, 16, 24], [70, -50], atol=1e-4)
    wanted = torch.tensor([70.0, -50.0]).view(2, 1, 1)
    nearer = (before - wanted).norm(dim=1) - (after - wanted).norm(dim=1)
    assert nearer.min() > -10
    assert nearer.mean() > 5


@torch.inference_mode()
def test_where_dots_overlap_their_mean_counts(tiny, L):
    both = apply(tiny, L, dots([5, 6, 10, 0], [5.9, 6.9, 30, 20]))
    assert torch.equal(both, apply(tiny, L, dots([5, 6, 20, 10])))
    beside = apply(tiny, L, dots([5, 6, 10, 0], [5, 7, 30, 20]))
    assert_allclose(beside[0, :, 5, 5:9].T, [[10, 0], [20, 10], [20, 10], [30, 20]])


def stamped(shape):
    """DOTS as a picture, by another way than the module's."""
    mask, given = np.zeros(shape, bool), np.zeros((2, *shape))
    for y, x, *color in DOTS:
        for v in range(int(y) - 1, int(y) + 2):
            for u in range(int(x) - 1, int(x) + 2):
                mask[v, u], given[:, v, u] = True, color
    return mask, given


def test_unsure_it_is_levin_and_sure_the_difference_is_spread(picture):
    gray, ab, sure = picture
    mask, given = stamped(gray.shape)
    levin = propagate(gray, given, mask)
    assert_allclose(blend(gray, ab, 0 * sure, DOTS, 0), levin, atol=1e-9)
    halfway = blend(gray, ab, sure, DOTS, 0)
    added = ab + propagate(gray, given - ab, mask)
    assert_allclose(blend(gray, ab, 0 * sure + 1, DOTS, 0), added, atol=1e-9)
    assert_allclose(halfway, levin + sure * (added - levin), atol=1e-9)


def test_a_network_that_agrees_with_the_dots_and_is_flat_changes_nothing(picture):
    gray, ab, sure = picture
    same = DOTS * [1, 1, 0, 0] + [0, 0, 12, -7]
    flat = np.broadcast_to([[[12.0]], [[-7]]], ab.shape)
    assert_allclose(blend(gray, flat, sure, same), flat, atol=1e-9)


def test_who_gives_up_at_once_leaves_the_network_alone_but_at_the_dots(picture):
    gray, ab, sure = picture
    mask, given = stamped(gray.shape)
    assert_allclose(blend(gray, ab, sure, DOTS, 1), np.where(mask, given, ab))


def test_a_dot_stays_on_its_side_of_an_edge():
    """A face before a wall: more than half of the network's color stays on the wall."""
    gray = np.full((24, 40), 0.3) + 0.02 * np.random.default_rng(0).random((24, 40))
    gray[:, 20:] += 0.5
    ab, dot = np.zeros((2, 24, 40)), np.array([[12.0, 8, 50, 30]])
    near = blend(gray, ab, 0 * gray, dot)[0]
    assert near[:, :19].min() > 40
    assert near[:, 21:].max() < 25
    assert blend(gray, ab, 0 * gray, dot, 0)[0].min() > 49


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_probability_is_needed(picture, wrong):
    with pytest.raises(ValueError, match=r"give_up must be in 0\.\.1, got"):
        blend(*picture, DOTS, wrong)


def test_sureness_is_one_minus_the_share_of_the_largest_entropy():
    p = torch.tensor([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]])
    found = sureness(p.clamp(min=1e-20).log().view(3, 4, 1, 1))
    assert_allclose(found.flatten(), [0.5, 0, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([[1.0, 2, 3]], r"dots must have shape \(n, 4\)"),
        ([[1.0, 2, 3, float("nan")]], "finite"),
        ([[32.0, 2, 3, 4]], "dots must lie in 32 x 48 pixels, y first"),
        ([[1.0, 48, 3, 4]], "dots must lie in"),
        ([[-0.1, 2, 3, 4]], "dots must lie in"),
    ],
)
@torch.inference_mode()
def test_dots_that_cannot_be_are_refused(tiny, L, wrong, told):
    with pytest.raises(ValueError, match=told):
        apply(tiny, L, torch.tensor(wrong))


def test_two_images_or_a_huge_one_are_refused_before_the_network_runs():
    for shape in ((2, 1, 8, 8), (1, 1, 800, 800)):
        with pytest.raises(
            ValueError, match="L must hold one image, of at most 600000"
        ):
            apply(None, torch.zeros(shape), dots())


def test_likely_colors_are_the_peaks_of_a_distribution():
    centers = bin_centers()
    p = sum(
        share * (-(centers - torch.tensor(top)).square().sum(1) / 50).exp()
        for share, top in ((3.0, [40.0, 50.0]), (1.0, [-50.0, 30.0]))
    )
    colors, shares = likely_colors(p / p.sum(), centers)
    assert_allclose(colors[:2], [[40, 50], [-50, 30]], atol=1)
    assert_allclose(shares[:2], [0.75, 0.25], atol=0.01)
    assert shares[2:].sum() < 0.01


def test_likely_colors_are_sorted_by_what_they_stand_for():
    centers = torch.tensor([[0.0, 0.0], [50.0, 0.0], [60.0, 0.0]])
    colors, shares = likely_colors(torch.tensor([0.4, 0.3, 0.3]), centers)
    assert_allclose(shares, [0.6, 0.4])
    assert_allclose(colors[:, 0], [55, 0])


def test_a_flat_distribution_has_colors_all_over_the_plane():
    colors, shares = likely_colors(torch.full([313], 1 / 313), bin_centers(), 100)
    assert_allclose(shares.sum(), 1, rtol=1e-5)
    assert torch.pdist(colors).min() > 5
    assert len(likely_colors(torch.full([313], 1 / 313), bin_centers())[0]) == 6
    (one,), (share,) = likely_colors(torch.eye(313)[7], bin_centers())
    assert torch.equal(one, bin_centers()[7])
    assert share == 1


def test_hints_need_no_inference_mode():
    L, dot = torch.full((1, 1, 16, 24), 50.0), torch.tensor([[8.0, 12, 60, -20]])
    ab = apply(load_pretrained("tiny"), L, dot)
    assert ab[0, :, 8, 12].tolist() == [60, -20]
    assert not ab.requires_grad


def test_what_holds_all_is_sure():
    logits = torch.tensor([1.0, 0, 0, 0]).log().view(1, 4, 1, 1)
    assert sureness(logits).item() == 1


def test_likely_colors_of_a_prior_in_double_precision():
    colors, shares = likely_colors(load_prior(), bin_centers())
    assert colors[0].abs().max() < 10  # gray
    assert shares.sum() <= 1
