"""Diagnostics: metrics, the failures they name, and the contact sheet."""

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
    WAITING,
    colorize_batch,
    contact_sheet,
    diagnose,
    diagnostics,
)

BINS, AB = ColorNet(1), ColorNet(1, out_channels=2)


def rng():
    return torch.Generator().manual_seed(0)


def sure_of(bins):
    """Logits that put all weight on one bin a pixel; bins of shape (N, h, w)."""
    return 1e3 * torch.nn.functional.one_hot(bins, N_BINS).movedim(-1, 1).float()


def test_diagnostics_of_one_color(centers):
    bins = torch.full((2, 3, 4), 300)
    metrics = diagnostics(BINS, sure_of(bins), torch.zeros(2, 2, 12, 16))
    assert metrics["chroma"] == pytest.approx(centers[300].norm().item())
    assert metrics["true_chroma"] == 0
    assert metrics["one_way"] == pytest.approx(1)
    assert metrics["top_bin"] == 1
    assert metrics["entropy"] == pytest.approx(0, abs=1e-6)


def test_diagnostics_of_two_opposite_colors(centers):
    opposite = [
        ((centers == torch.tensor(c)).all(1)).nonzero().item()
        for c in ([40.0, 0.0], [-40.0, 0.0])
    ]
    bins = torch.tensor(opposite).repeat(6).view(1, 3, 4)
    ab = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 12, 16)
    metrics = diagnostics(BINS, sure_of(bins), ab)
    assert metrics["chroma"] == pytest.approx(40)
    assert metrics["true_chroma"] == pytest.approx(5)
    assert metrics["one_way"] == pytest.approx(0, abs=1e-6)
    assert metrics["top_bin"] == 0.5


def test_diagnostics_of_knowing_nothing(centers):
    metrics = diagnostics(BINS, torch.zeros(1, N_BINS, 2, 2), torch.zeros(1, 2, 8, 8))
    assert metrics["entropy"] == pytest.approx(math.log(N_BINS), rel=1e-6)
    guess = annealed_mean(torch.zeros(1, N_BINS, 1, 1), centers).norm().item()
    assert metrics["chroma"] == pytest.approx(guess)


def test_diagnostics_of_two_channels(centers):
    ab = torch.randn(2, 2, 3, 4, generator=rng()) * 20
    metrics = diagnostics(AB, ab, ab)
    assert metrics["chroma"] == metrics["true_chroma"]
    assert metrics["entropy"] == 0
    assert diagnostics(AB, 0 * ab, ab)["one_way"] == 0  # no color, no direction


HEALTHY = {
    "loss": 3.0,
    "chroma": 15.0,
    "true_chroma": 16.0,
    "top_bin": 0.5,
    "one_way": 0.9,
}
LONG = LASTING + WAITING  # so long must a rebalanced run not have improved


def records(number=LONG, first=SETTLED, **metrics):
    return [HEALTHY | metrics | {"step": first + n} for n in range(number)]


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({}, None),
        ({"chroma": 9.5}, "gray"),
        ({"chroma": 9.7}, None),  # more than 0.6 of the truth
        ({"top_bin": 0.96}, "one color"),
        ({"top_bin": 0.94}, None),
        ({"chroma": 1.0, "top_bin": 1.0}, "gray"),
        ({"loss": math.nan}, "diverged"),
        ({"loss": math.inf}, "diverged"),
        ({"loss": 0.0}, "no color"),
    ],
)
def test_diagnose(metrics, expected):
    found = diagnose(records(**metrics))
    assert found == expected
    assert found is None or found in ADVICE


@pytest.mark.parametrize("loss", ["rebal", "class", "l2"])
def test_advice_is_that_of_the_loss(loss):
    found = diagnose(records(chroma=1.0), loss)
    assert ("--loss rebal" in ADVICE[found]) == (loss != "rebal")


def test_diagnose_waits_until_a_failure_lasts():
    gray = {"chroma": 0.0}
    assert diagnose(records(LONG - 1, **gray)) is None
    assert diagnose(records(LASTING, **gray), "l2") == "gray, l2"
    assert diagnose(records(first=SETTLED - LONG, **gray)) is None
    assert diagnose(records(LONG, **gray) + records(LASTING)) is None
    dull, vivid = records(LONG - 1, chroma=9.0), records(1, chroma=99.0)
    assert diagnose(dull + vivid) is None  # the mean counts, not the worst
    assert diagnose(records(1, first=1, loss=math.nan)) == "diverged"


def test_a_young_network_whose_hues_part_is_not_called_gray():
    # As seen with width 8 and the preset's other values: chroma stays at a quarter of
    # the truth for 800 steps while 1 - one_way rises from 0.14 to 0.65.
    young = records(chroma=4.0)
    for n, record in enumerate(young):
        record["one_way"] = 0.86 - 0.5 * n / LONG
    assert diagnose(young) is None
    assert diagnose(young + records(LONG, chroma=4.0, one_way=0.3)) == "gray"


def test_an_exploded_loss_is_no_sound_state():
    assert diagnose(records(1, loss=4.5) + records(1, loss=9e19)) == "diverged"
    assert diagnose(records(1, loss=4.5) + records(1, loss=400.0)) is None
    assert diagnose(records(1, loss=239.0) + records(1, loss=9e3)) is None  # l2
    # The step that breaks the weights has a good loss; only then is it measured.
    assert diagnose(records(2, held_out=1e28)) == "diverged"
    assert diagnose(records(2, held_out=math.nan)) == "diverged"


def overfitting(held_out, loss):
    """Records of saves, 20 apart; the loss of training goes from 3 to `loss`."""
    rows = records(20 * len(held_out), first=1)
    for n, row in enumerate(rows):
        row["loss"] = 3.0 + (loss - 3.0) * n / len(rows)
    for n, value in enumerate(held_out, start=1):
        rows[20 * n - 1]["held_out"] = value
    return rows


@pytest.mark.parametrize(
    ("held_out", "loss", "expected"),
    [
        ([3.6, 3.57, 3.6, 3.65, 3.7], 2.0, "overfitting"),
        ([3.6, 3.57, 3.6, 3.65, 3.58], 2.0, None),  # hardly worse
        ([3.6, 3.57, 3.6, 3.7], 2.0, None),  # two saves are not enough
        ([3.6, 3.57, 3.6, 3.65, 3.7], 4.0, None),  # both rise: something else
        ([None, None, None, None], 2.0, None),
    ],
)
def test_overfitting_is_told(held_out, loss, expected):
    assert diagnose(overfitting(held_out, loss)) == expected


def test_saves_close_together_differ_by_chance():
    # As in a run that was saved every two records: one of them was lucky.
    rows = records(60, first=1)
    for n, row in enumerate(rows):
        row["loss"] = 3.0 - n / 60
        row["held_out"] = 3.0 if n == 15 else 3.2
    assert diagnose(rows[:40]) is None
    assert diagnose(rows) == "overfitting"


def test_noise_of_a_dead_network_is_no_improvement():
    # Its hues spread by the rounding of float32, now by more and now by less.
    dead = records(one_way=1 - 1e-7, top_bin=1.0)
    for record in dead[-LASTING:]:
        record["one_way"] = 1 - 9e-7
    assert diagnose(dead) == "one color"


def test_colorize_batch_is_the_network_in_full_size():
    torch.manual_seed(0)
    network = ColorNet(2, out_channels=2).eval()
    rgb = torch.randint(
        256, (11, 3, 16, 24), dtype=torch.uint8, generator=rng()
    )  # more than at once
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)

    def objective(output, ab):
        return l2_loss(output, ab[..., ::4, ::4])

    ab_hat, loss = colorize_batch(network, rgb, objective)
    assert ab_hat.shape == (11, 2, 16, 24)
    output = network(L)
    assert loss == pytest.approx(objective(output, ab).item(), rel=1e-5)
    assert ab_hat.mean().item() == pytest.approx(output.mean().item(), rel=0.1)


def test_contact_sheet_shows_gray_predicted_and_true():
    rgb = torch.randint(256, (2, 3, 8, 16), dtype=torch.uint8, generator=rng())
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
    sheet = contact_sheet(rgb, -ab)
    assert sheet.size == (2 * 16, 3 * 8)
    pixels = torch.from_numpy(np.array(sheet)).long().view(3, 8, 2, 16, 3)
    pixels = pixels.permute(0, 2, 4, 1, 3)  # rows, photos, channels, H, W
    assert torch.equal(pixels[2], rgb.long())
    assert (pixels[0].amax(1) - pixels[0].amin(1)).max() <= 1  # gray
    swapped = (lab_to_rgb(torch.cat([L, -ab], 1)) * 255).round().long()
    assert torch.equal(pixels[1], swapped)


def test_a_loss_that_explodes_before_the_first_record_is_seen():
    for loss in (5e5, 5e10):
        records = [{"step": 10, "loss": loss}, {"step": 20, "loss": 29.0}]
        assert diagnose(records[:1]) == diagnose(records[:1], "l2") == "diverged"
    assert diagnose([{"step": 10, "loss": 2e4}], "l2") is None
