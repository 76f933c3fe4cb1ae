"""The errata: what is called computed is computed here, under the same number.

A number that the page states is formatted here and searched in the entry's text, so
that page and code cannot part.
"""

import math
import re

import pytest
import torch
from book_pages import BOOK

from colorlab import (
    N_BINS,
    ColorNet,
    annealed_mean,
    bin_centers,
    lab_to_rgb,
    layer_table,
    load_prior,
    mode,
    nearest_bin,
    rebalance_weights,
    rgb_to_lab,
    smooth_prior,
    soft_cross_entropy,
    soft_encode,
    to_dense,
    upsample,
)
from colorlab.datasets import center_crop, open_rgb, to_tensor
from colorlab.lab import _undo_gamma
from colorlab.quantize import STEP
from colorlab.train.config import PRESETS

PAGE = (BOOK / "errata.md").read_text(encoding="utf-8")
LEVELS = 33  # a channel, of the colors tried


def entries(page):
    """Give each entry's text by its name, S1 or B1."""
    parts = re.split(r"^\*\*([SB]\d+)\.", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


TEXTS = entries(PAGE)


def weightless(variant):
    with torch.device("meta"):
        return ColorNet(64, variant)


@pytest.fixture(scope="module")
def gamut():
    """The Lab values of sRGB colors, (1, 3, M, 1)."""
    level = torch.linspace(0, 1, LEVELS, dtype=torch.float64)
    return rgb_to_lab(torch.cartesian_prod(level, level, level).T[None, ..., None])


@pytest.fixture(scope="module")
def p_tilde():
    return smooth_prior(load_prior(), bin_centers())


def lightness_of_gray(value):
    return rgb_to_lab(torch.full((3, 1, 1), value / 255)).flatten()[0].item()


# The page


def test_every_entry_has_a_place_and_evidence():
    for name, text in TEXTS.items():
        if name.startswith("S"):
            assert re.search(r"^[^\n]*\*\* \*[^*]+", text), f"{name}: where is it?"
            assert re.search(r"\*Evidence: (computed|from the sources)", text), name


def computed(texts):
    return {name for name, text in texts.items() if "*Evidence: computed" in text}


def with_tests(names):
    found = (re.match(r"test_(s\d+)_", name) for name in names)
    return {match[1].upper() for match in found if match}


def test_what_is_called_computed_has_a_test():
    assert computed(TEXTS) == with_tests(globals())


def test_every_entry_has_its_anchor():
    names = [name.lower() for name in TEXTS if name.startswith("S")]
    assert re.findall(r"^\((s\d+)\)=$", PAGE, re.M) == names
    assert len(set(names)) == len(names)


def test_a_missing_test_is_noticed():
    page = "**S1. A slip.** *Section I.* No. *Evidence: computed.*\n"
    assert computed(entries(page)) - with_tests(["test_s2_other"]) == {"S1"}


# Color


def test_s5_lightness_ends_at_100(gamut):
    assert gamut[:, 0].min() == pytest.approx(0, abs=1e-3)
    assert gamut[:, 0].max() == pytest.approx(100, abs=1e-3)
    right, wrong = lightness_of_gray(119), 119 * 100 / 255
    assert f"$L = {right:.1f}$, not {wrong:.1f}" in TEXTS["S5"]
    assert f"$L = {right:.1f}$, and gets {wrong:.1f}" in TEXTS["B1"]


def test_s6_colors_are_not_bin_numbers(gamut):
    (a, b), text = gamut[0, 1:, :, 0], TEXTS["S6"]
    assert f"$a$ from {a.min():.0f} to {a.max():.0f}" in text
    assert f"$b$ from {b.min():.0f} to {b.max():.0f}" in text
    assert f"between 0 and {len(bin_centers()) - 1}" in text


def test_s8_number_of_screen_colors():
    assert 256**3 == 2**24
    assert f"{2**24:,}" in TEXTS["S8"]


def test_s28_lightness_is_not_luminance():
    luminance = _undo_gamma(torch.tensor(119 / 255)).item()  # of a gray, white is 1
    assert f"{luminance:.0%}".replace("%", " %") in TEXTS["S28"]
    assert round(lightness_of_gray(119)) == 50


def test_s33_a_and_b_are_correlated():
    photos = sorted((BOOK.parent / "data/photos").glob("*.jpg"))
    squares = [to_tensor(center_crop(open_rgb(path), 128)) for path in photos]
    ab = [rgb_to_lab(square)[1:].flatten(1) for square in squares]  # as in chapter lab
    correlation = torch.corrcoef(torch.cat(ab, dim=1))[0, 1]
    assert f"a correlation of {correlation:.2f}" in TEXTS["S33"]


# Bins and targets


def test_s7_bins_are_squares_of_10():
    centers = bin_centers()
    assert len(centers) == N_BINS == 313
    assert "side 10" in TEXTS["S7"]
    assert STEP == 10
    assert (centers % STEP == 0).all()


@pytest.mark.parametrize(("T", "units"), [(1.0, "0.2"), (0.38, "1.8")])
def test_s13_the_decoder_does_not_undo_the_encoder(gamut, T, units):
    ab, centers = gamut[:, 1:, ::7], bin_centers()
    Z = to_dense(*soft_encode(ab, centers), len(centers))
    error = (annealed_mean(Z.log(), centers, T) - ab).norm(dim=1).mean()
    assert f"{error:.1f}" == units
    assert f"{units} units" in TEXTS["S13"]


def test_s23_the_output_is_a_quarter_each_way():
    assert layer_table(weightless("paper"), 224)[-1].X == 224 // 4 == 56
    assert "(224)" in TEXTS["S23"]
    assert "(56)" in TEXTS["S23"]


def test_s27_a_color_is_two_numbers_and_a_distribution_313():
    logits = torch.zeros(1, N_BINS, 4, 6)
    assert annealed_mean(logits, bin_centers()).shape == (1, 2, 4, 6)
    assert f"is {N_BINS}" in TEXTS["S27"]


# Network


def test_s2_the_network_reads_one_channel():
    for variant in ("paper", "released"):
        assert weightless(variant).conv1[0].in_channels == 1


def test_s3_the_fourth_layer_is_conv2_2():
    names = [row.name for row in layer_table(weightless("paper"))]
    assert names[2:4] == ["conv2_1", "conv2_2"]
    assert len(set(names)) == len(names)


def test_s20_effective_dilation_by_block():
    rows = layer_table(weightless("paper"))
    found = {n: {r.De for r in rows if r.name.startswith(f"conv{n}")} for n in range(9)}
    assert [found[n] for n in (5, 6, 7, 8)] == [{16}, {16}, {8}, {4}]
    assert "16 in conv5 and still 16 in conv6, then 8 in conv7 and 4 in" in TEXTS["S20"]


def test_s21_stride_skips_what_would_be_dropped():
    torch.manual_seed(0)
    picture, layer = torch.randn(1, 3, 16, 16), torch.nn.Conv2d(3, 4, 3, padding=1)
    everything = layer(picture)
    layer.stride = (2, 2)
    assert torch.allclose(layer(picture), everything[..., ::2, ::2], atol=1e-6)
    kinds = {type(module).__name__ for module in weightless("paper").modules()}
    assert not [kind for kind in kinds if "Pool" in kind]


def test_s26_batch_norm_ends_seven_blocks():
    blocks = list(weightless("paper").children())[:8]
    orders = [[type(m).__name__ for m in block] for block in blocks]
    for order in orders[:7]:
        layers = order.count("Conv2d")
        assert layers in (2, 3)
        assert order == ["Conv2d", "ReLU"] * layers + ["BatchNorm2d"]
    assert "BatchNorm2d" not in orders[7]


# Losses and weights


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    ab = rgb_to_lab(torch.rand(2, 3, 4, 4, generator=rng))[:, 1:]
    logits = torch.randn(2, N_BINS, 4, 4, generator=rng)
    return logits, ab, *soft_encode(ab, bin_centers())


def test_s11_a_pixel_has_one_weight(batch):
    logits, ab, bins, weights = batch
    w = torch.linspace(0.1, 6, N_BINS)
    v = w[nearest_bin(ab, bin_centers())]
    Z, Z_hat = to_dense(bins, weights, N_BINS), logits.softmax(dim=1)
    by_hand = -(v * (Z * Z_hat.log()).sum(dim=1)).mean()
    assert torch.allclose(soft_cross_entropy(logits, bins, weights, v), by_hand)
    one_a_bin = w.view(1, -1, 1, 1).expand_as(logits)
    with pytest.raises(ValueError, match="pixel_weight must have shape"):
        soft_cross_entropy(logits, bins, weights, one_a_bin)


def test_s12_the_formula_of_the_weight(p_tilde):
    lam = 0.5
    w = 1 / ((1 - lam) * p_tilde + lam / N_BINS)
    w /= (p_tilde * w).sum()
    assert torch.allclose(rebalance_weights(p_tilde, lam), w)
    assert f"from {w.min():.2f} (gray) to {w.max():.1f}" in TEXTS["S12"]
    assert bin_centers()[w.argmin()].tolist() == [0, 0]


# From a distribution to a color


def test_s14_lower_temperature_means_more_peaked(batch):
    logits, centers = batch[0], bin_centers()
    mean = torch.einsum("nqhw,qc->nchw", logits.softmax(dim=1), centers)
    assert torch.allclose(annealed_mean(logits, centers, T=1), mean, atol=1e-4)
    largest = [(logits / T).softmax(dim=1).amax(dim=1) for T in (1, 0.5, 0.1)]
    assert (largest[0] < largest[1]).all()
    assert (largest[1] < largest[2]).all()
    coldest = annealed_mean(logits, centers, T=1e-6)
    assert torch.allclose(coldest, mode(logits, centers), atol=1e-3)


def test_s16_the_mean_color_is_no_mauve():
    a, b = load_prior() @ bin_centers().double()
    assert f"$a = {a:.0f}$, $b = {b:.0f}$" in TEXTS["S16"]
    R, G, B = lab_to_rgb(torch.tensor([50.0, a, b]).view(3, 1, 1)).flatten()
    assert R > G > B  # brown


def test_s34_a_loss_has_no_upper_end():
    bins, share = torch.zeros(1, 1, 1, 1, dtype=torch.int64), torch.ones(1, 1, 1, 1)
    logits = torch.zeros(1, N_BINS, 1, 1)
    loss = soft_cross_entropy(logits, bins, share).item()
    assert f"pays {loss:.2f} nats" in TEXTS["S34"]
    logits[0, 0] = torch.logit(torch.tensor(1e-6)) + math.log(N_BINS - 1)
    loss = soft_cross_entropy(logits, bins, share).item()
    assert f"pays {loss:.1f}." in TEXTS["S34"]


def test_s22_colors_are_upsampled():
    assert upsample(torch.zeros(1, 2, 56, 56), (224, 224)).shape[2:] == (224, 224)
    assert "from 56 to 224" in TEXTS["S22"]


# Where paper and code differ


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_s1_parameters_and_megabytes(variant):
    count = sum(p.numel() for p in weightless(variant).parameters())
    assert f"{count / 1e6:.1f} million" in TEXTS["S1"]
    assert f"{4 * count / 1e6:.0f} MB" in TEXTS["S1"]  # four bytes each


def test_s4_outputs_for_224_and_176():
    table = {size: layer_table(weightless("paper"), size)[-1].X for size in (224, 176)}
    assert table == {224: 56, 176: 44}


def test_s9_what_ten_neighbors_hold(gamut):
    weights = soft_encode(gamut[:, 1:], bin_centers(), k=10)[1]
    beyond = weights[:, 5:].sum(dim=1)
    assert f"{100 * beyond.mean():.1f} % of the weight" in TEXTS["S9"]
    assert "never more than 6.9 %" in TEXTS["S9"]
    assert 0.066 < beyond.max() < 0.069


def test_s10_sum_over_mean(batch):
    authors = PRESETS["authors"]
    labels = (authors.size // 4) ** 2
    assert f"{labels} times" in TEXTS["S10"]
    assert authors.weight_decay * labels == pytest.approx(1e-3)
    logits, _, bins, weights = batch
    parts = [
        soft_cross_entropy(*(part[..., i : i + 1, j : j + 1] for part in pixel))
        for pixel in [(logits[:1], bins[:1], weights[:1])]
        for i in range(4)
        for j in range(4)
    ]
    mean = soft_cross_entropy(logits[:1], bins[:1], weights[:1])
    assert sum(parts).item() == pytest.approx(16 * mean.item(), rel=1e-5)


def test_s15_the_temperature_of_the_released_network():
    assert f"$T = {1 / 2.606:.4f}$" in TEXTS["S15"]


def test_s29_weighting_the_gradient_is_weighting_the_loss(batch):
    logits, ab, bins, weights = batch
    v = torch.linspace(0.1, 6, N_BINS)[nearest_bin(ab, bin_centers())]
    gradients = []
    for in_loss in (True, False):
        x = logits.clone().requires_grad_()
        seen = x * 1
        if not in_loss:  # as the authors' layer: forward a copy, backward times v
            seen.register_hook(lambda gradient: gradient * v[:, None])
        soft_cross_entropy(seen, bins, weights, v if in_loss else None).backward()
        gradients.append(x.grad)
    assert torch.allclose(*gradients, atol=1e-7)


def test_s29_a_divergence_is_printed(gamut):
    shares = soft_encode(gamut[:, 1:], bin_centers(), k=10)[1]
    own = torch.special.entr(shares).sum(dim=1).mean().item()
    assert f"ten shares have {own:.1f} nats of their own" in TEXTS["S29"]
    assert f"= {math.log(N_BINS):.2f}$ nats a label" in TEXTS["S29"]
    assert f"but about {math.log(N_BINS) - own:.1f}," in TEXTS["S29"]


# From the sources, but this book's code follows them


def test_the_authors_preset_does_as_the_sources_say():
    authors = PRESETS["authors"]
    assert (authors.skip_gray, authors.lr, authors.decay) == (True, 3.16e-5, 0.316)
    assert f"{authors.decay_every:,}" in TEXTS["S31"]
    assert authors.loss == "rebal"  # and not "l2": S18


# Bugs in re-implementations


def test_b2_where_the_naive_power_overflows():
    largest = torch.tensor(torch.finfo(torch.float32).max).log() * 0.38
    assert f"{largest:.1f}" == "33.7"
    assert "33.7" in TEXTS["B2"]


def test_b3_colors_255_times_too_bright_land_at_the_rim():
    rng = torch.Generator().manual_seed(0)
    rgb = torch.rand(1, 3, 40, 40, generator=rng)
    right, wrong = (rgb_to_lab(image)[:, 1:] for image in (rgb, 255 * rgb))
    found = bin_centers()[nearest_bin(wrong, bin_centers())].norm(dim=-1)
    assert found.median() > 2 * right.norm(dim=1).median()
    assert found.median() > 80


def test_b4_neighbors_by_number_are_opposites():
    centers = bin_centers()[[130, 131]].int().tolist()
    assert centers == [[0, 100], [10, -80]]
    assert "bins 130 and 131 are $(0, 100)$ and $(10, -80)$" in TEXTS["B4"]
    assert (bin_centers()[:, 0].diff() >= 0).all()  # columns: a is the slowest
    assert "numbered column by column" in TEXTS["B4"]


def test_b5_argmax_of_a_soft_target_is_the_nearest_bin(batch):
    _, ab, bins, weights = batch
    Z = to_dense(bins, weights, N_BINS)
    assert torch.equal(Z.argmax(dim=1), nearest_bin(ab, bin_centers()))


def test_b7_cutting_off_is_half_a_bin_off():
    a = torch.linspace(-100, 100, 10_001)
    center = ((a + 110) / 10).floor() * 10 - 110
    assert (a - center).mean() == pytest.approx(5, abs=0.05)  # the ends count half
    assert center[a < -0.05][-1] == -10
