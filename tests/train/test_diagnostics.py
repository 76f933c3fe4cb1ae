"""Figures of health, the failures they name, and the contact sheet."""

import math

import numpy as np
import pytest
import torch

from colorlab.decode import annealed_mean
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.losses import l2_loss
from colorlab.network import ColorNet
from colorlab.quantize import N_BINS
from colorlab.train.diagnostics import (
    ADVICE,
    LASTING,
    SETTLED,
    colorize_batch,
    contact_sheet,
    diagnose,
    diagnostics,
)

BINS, AB = ColorNet(1), ColorNet(1, out_channels=2)


def sure_of(bins):
    """Logits that put all weight on one bin a pixel; bins of shape (N, h, w)."""
    return 1e3 * torch.nn.functional.one_hot(bins, N_BINS).movedim(-1, 1).float()


def test_health_of_one_color(centers):
    bins = torch.full((2, 3, 4), 300)
    figures = diagnostics(BINS, sure_of(bins), torch.zeros(2, 2, 12, 16))
    assert figures["chroma"] == pytest.approx(centers[300].norm().item())
    assert figures["true_chroma"] == 0
    assert figures["one_way"] == pytest.approx(1)
    assert figures["top_bin"] == 1
    assert figures["entropy"] == pytest.approx(0, abs=1e-6)


def test_health_of_two_opposite_colors(centers):
    opposite = [
        ((centers == torch.tensor(c)).all(1)).nonzero().item()
        for c in ([40.0, 0.0], [-40.0, 0.0])
    ]
    bins = torch.tensor(opposite).repeat(6).view(1, 3, 4)
    ab = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 12, 16)
    figures = diagnostics(BINS, sure_of(bins), ab)
    assert figures["chroma"] == pytest.approx(40)
    assert figures["true_chroma"] == pytest.approx(5)
    assert figures["one_way"] == pytest.approx(0, abs=1e-6)
    assert figures["top_bin"] == 0.5


def test_health_of_knowing_nothing(centers):
    figures = diagnostics(BINS, torch.zeros(1, N_BINS, 2, 2), torch.zeros(1, 2, 8, 8))
    assert figures["entropy"] == pytest.approx(math.log(N_BINS), rel=1e-6)
    guess = annealed_mean(torch.zeros(1, N_BINS, 1, 1), centers).norm().item()
    assert figures["chroma"] == pytest.approx(guess)


def test_health_of_two_channels(centers):
    ab = torch.randn(2, 2, 3, 4) * 20
    figures = diagnostics(AB, ab, ab)
    assert figures["chroma"] == figures["true_chroma"]
    assert figures["entropy"] == 0
    assert diagnostics(AB, 0 * ab, ab)["one_way"] == 0  # no color, no direction


HEALTHY = {"loss": 3.0, "chroma": 15.0, "true_chroma": 16.0, "top_bin": 0.5}


def records(number=LASTING, first=SETTLED, **figures):
    return [HEALTHY | figures | {"step": first + n} for n in range(number)]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, None),
        ({"chroma": 9.5}, "gray"),
        ({"chroma": 9.7}, None),  # more than 0.6 of the truth
        ({"top_bin": 0.96}, "one color"),
        ({"top_bin": 0.94}, None),
        ({"chroma": 1.0, "top_bin": 1.0}, "gray"),
        ({"loss": math.nan}, "not a number"),
        ({"loss": math.inf}, "not a number"),
    ],
)
def test_diagnose(figures, expected):
    found = diagnose(records(**figures))
    assert found == expected
    assert found is None or found in ADVICE


def test_diagnose_waits_until_a_failure_lasts():
    gray = {"chroma": 0.0}
    assert diagnose(records(LASTING - 1, **gray)) is None
    assert diagnose(records(first=SETTLED - 1, **gray)) is None
    assert diagnose(records(1) + records(LASTING, **gray)) == "gray"
    assert diagnose(records(LASTING, **gray) + records(LASTING)) is None
    dull, vivid = records(LASTING - 1, chroma=9.0), records(1, chroma=99.0)
    assert diagnose(dull + vivid) is None  # the mean counts, not the worst
    assert diagnose(records(1, first=1, loss=math.nan)) == "not a number"


def test_color_photos_is_the_network_in_full_size():
    torch.manual_seed(0)
    network = ColorNet(2, out_channels=2).eval()
    rgb = torch.randint(256, (11, 3, 16, 24), dtype=torch.uint8)  # more than at once
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)

    def objective(output, ab):
        return l2_loss(output, ab[..., ::4, ::4])

    ab_hat, loss = colorize_batch(network, rgb, objective)
    assert ab_hat.shape == (11, 2, 16, 24)
    output = network(L)
    assert loss == pytest.approx(objective(output, ab).item(), rel=1e-5)
    assert ab_hat.mean().item() == pytest.approx(output.mean().item(), rel=0.1)


def test_contact_sheet_shows_gray_predicted_and_true():
    rgb = torch.randint(256, (2, 3, 8, 16), dtype=torch.uint8)
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
    sheet = contact_sheet(rgb, -ab)
    assert sheet.size == (2 * 16, 3 * 8)
    pixels = torch.from_numpy(np.array(sheet)).long().view(3, 8, 2, 16, 3)
    pixels = pixels.permute(0, 2, 4, 1, 3)  # rows, photos, channels, H, W
    assert torch.equal(pixels[2], rgb.long())
    assert (pixels[0].amax(1) - pixels[0].amin(1)).max() <= 1  # gray
    swapped = (lab_to_rgb(torch.cat([L, -ab], 1)) * 255).round().long()
    assert torch.equal(pixels[1], swapped)
