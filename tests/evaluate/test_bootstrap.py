"""Intervals by resampling, against theory and numbers known by hand."""

import math

import pytest
import torch

from colorlab.evaluate.bootstrap import (
    interval_text,
    intervals,
    read_sums,
    resample,
)


def test_interval_is_as_wide_as_theory_says():
    """Of a mean over n photos, 2 * 1.96 standard errors."""
    rng = torch.Generator().manual_seed(0)
    chroma = torch.rand(400, generator=rng).double()
    times = resample(400, rng)
    values = read_sums({"chroma": times @ chroma, "images": times.sum(dim=1)})
    value, low, high = intervals(values)["chroma"]
    assert value == pytest.approx(chroma.mean().item())
    expected = 2 * 1.96 * chroma.std().item() / 400**0.5
    assert high - low == pytest.approx(expected, rel=0.1)  # of 1000 resamples
    assert (low + high) / 2 == pytest.approx(value, abs=0.1 * expected)


def test_resample_is_the_same_photo_by_photo():
    whole, pieces = (torch.Generator().manual_seed(0) for _ in range(2))
    parts = [resample(n, pieces) for n in (1, 3, 2)]
    assert torch.equal(torch.cat(parts, dim=1), resample(6, whole))


def test_read_sums_pools_histograms_and_averages_the_rest():
    histograms = torch.zeros(2, 152).double()
    histograms[0, 0], histograms[1, -1] = 3, 1  # exact, heavy; beyond all, light
    sums = {"auc": histograms.sum(0)[None], "psnr": torch.tensor([30.0])}
    values = read_sums(sums | {"images": torch.tensor([2.0])})
    assert values["auc"].item() == pytest.approx(75)
    assert values["psnr"].item() == 15
    assert [*values] == ["auc", "psnr"]


def test_an_interval_without_width_is_not_written():
    assert interval_text((1.0, 1.0, 1.004)) == "1.00"
    assert interval_text((math.nan, math.nan, math.nan)) == "-"


def test_intervals_of_single_precision():
    values = torch.arange(1001.0)
    assert intervals({"a": values}) == intervals({"a": values.double()})
