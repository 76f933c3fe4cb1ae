"""The evaluation of a network against brute force, and its intervals."""

import copy
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn.functional import avg_pool2d

from colorlab.colorize import predict_ab, to_image
from colorlab.datasets.batches import central_image
from colorlab.datasets.images import open_rgb, to_tensor
from colorlab.datasets.sources import find_images
from colorlab.evaluate.bootstrap import read_sums
from colorlab.evaluate.measure import MEASURES, evaluate_images, measure_images
from colorlab.lab import lab_to_rgb, rgb_to_lab
from colorlab.network import ColorNet
from colorlab.prior import load_prior, smooth_prior
from colorlab.quantize import N_BINS, soft_encode, to_dense

SIZE = 16


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return ColorNet(2).eval()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five photos of random size, of noise in a few tones."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for n in range(5):
        middle = rng.integers(40, 215, 3)
        noise = rng.normal(0, 15, (SIZE, SIZE, 3))
        pixels = (middle + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return find_images(folder, hold_out=False)


@pytest.fixture(scope="module")
def report(model, photos):
    return evaluate_images(model, photos, size=SIZE)


def share_within(distance, weight):
    """Percent: the weighted share within t, averaged over t = 0..150."""
    shares = [(weight * (distance <= t)).sum() / weight.sum() for t in range(151)]
    return 100 * np.mean(shares)


def test_report_names_every_measure(report):
    assert list(report) == ["network", "gray", "truth", "gain"]
    assert all([*row] == [*MEASURES] for row in report.values())


def test_truth_is_perfect(report):
    assert report["truth"]["auc"] == (100, 100, 100)
    assert report["truth"]["auc_rebalanced"] == (100, 100, 100)
    assert report["truth"]["psnr"] == pytest.approx((100, 100, 100))


def test_gray_row_equals_brute_force(report, photos, centers):
    rgb = np.stack([np.array(Image.open(photos.path(n))) for n in range(5)]) / 255
    lab = rgb2lab(rgb)
    distance = np.linalg.norm(lab[..., 1:], axis=-1)
    to_bins = np.linalg.norm(lab[..., None, 1:] - centers.numpy(), axis=-1)
    bins = to_bins.argmin(-1)
    rare = 1 / np.maximum(load_prior().numpy(), 1e-4)[bins]
    gray = lab2rgb(np.concatenate([lab[..., :1], 0 * lab[..., 1:]], axis=-1))
    pairs = [*zip(rgb, gray, strict=True)]
    noise = [peak_signal_noise_ratio(t, g, data_range=1) for t, g in pairs]
    alike = [structural_similarity(*p, data_range=1, channel_axis=2) for p in pairs]
    seen = deltaE_ciede2000(lab, lab * [1, 0, 0])
    value = {measure: row[0] for measure, row in report["gray"].items()}
    # float32 there, float64 here: a pixel may fall on the other side of a threshold
    # (0.0005 % of the area each) or, for the weights, of a border between bins.
    assert value["auc"] == pytest.approx(share_within(distance, 1 + 0 * rare), abs=2e-3)
    expected = share_within(distance, rare)
    assert value["auc_rebalanced"] == pytest.approx(expected, abs=0.05)
    alone = [share_within(*pair) for pair in zip(distance, rare, strict=True)]
    by_photo = value["auc_rebalanced_by_photo"]
    assert by_photo == pytest.approx(np.mean(alone), abs=0.05)
    assert value["colorfulness"] == pytest.approx(0, abs=5e-3)  # float32, of 255
    assert value["psnr"] == pytest.approx(np.mean(noise), abs=1e-3)
    assert value["ssim"] == pytest.approx(np.mean(alike), abs=1e-3)
    expected = share_within(seen, 1 + 0 * rare)
    assert value["auc_ciede2000"] == pytest.approx(expected, abs=2e-3)
    vivid = report["truth"]["colorfulness"][0]
    assert value["colorfulness_difference"] == pytest.approx(vivid, abs=1e-2)
    assert value["chroma"] == 0
    assert report["truth"]["chroma"][0] == pytest.approx(distance.mean(), abs=1e-3)


def test_interval_contains_the_value(report):
    for name in ("network", "gray"):
        for value, low, high in report[name].values():
            assert low - 1e-9 <= value <= high + 1e-9  # sums of 1000 in other orders
    value, low, high = report["network"]["auc"]
    assert low < value < high  # five unequal photos leave some doubt


def test_gain_is_of_pairs(report):
    """Network and gray are resampled together: what they share cancels."""
    for measure, (value, low, high) in report["gain"].items():
        network, gray = report["network"][measure], report["gray"][measure]
        assert value == pytest.approx(network[0] - gray[0])
        assert low <= value <= high
        if measure.startswith("cross_entropy"):
            continue  # that of an untrained network hardly varies
        assert high - low < (network[2] - network[1]) + (gray[2] - gray[1]) + 1e-9


def test_two_networks_are_compared_on_the_same_resamples(model, photos, report):
    both = evaluate_images(model, photos, size=SIZE, against=model)
    assert {name: both[name] for name in report} == report
    assert both["other"] == both["network"]
    assert set(both["lead"].values()) == {(0.0, 0.0, 0.0)}  # not only in the middle
    torch.manual_seed(5)
    other = ColorNet(width=2).eval()
    both = evaluate_images(model, photos, size=SIZE, against=other)
    alone = evaluate_images(other, photos, size=SIZE)
    assert both["other"] == alone["network"]
    for measure, (lead, low, high) in both["lead"].items():
        mine, its = report["network"][measure][0], alone["network"][measure][0]
        assert lead == pytest.approx(mine - its, abs=1e-9)
        assert low <= lead <= high


def test_pooled_and_by_photo_can_disagree(photos):
    """One photo of rare colors outweighs four: the order depends on the pooling."""
    error = torch.tensor([0.0, 30, 30, 30, 30])
    weight = torch.tensor([100.0, 1, 1, 1, 1])[:, None, None]
    ab = torch.zeros(5, 2, 8, 8)
    L = torch.full((5, 1, 8, 8), 50.0)
    rows = []
    for e in (error, 30 - error):
        ab_hat = ab + torch.stack([e, 0 * e], 1)[..., None, None]
        columns = measure_images(L, ab_hat, ab, weight.expand(5, 8, 8))
        rows.append(read_sums({k: c.sum(0, keepdim=True) for k, c in columns.items()}))
    one, other = rows
    assert one["auc_rebalanced"] > other["auc_rebalanced"] + 10
    assert one["auc_rebalanced_by_photo"] < other["auc_rebalanced_by_photo"] - 10


def test_cross_entropy_is_beside_the_prior_and_the_targets(report, photos, model):
    rgb = torch.stack([central_image(photos.open(n), SIZE) for n in range(5)])
    L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
    Z = to_dense(*soft_encode(avg_pool2d(ab, 4), model.centers), N_BINS)
    p = smooth_prior(load_prior(), model.centers).float()
    with torch.inference_mode():
        guess = model(L).log_softmax(dim=1)
    for row, log in {
        "network": guess,
        "gray": p.log()[:, None, None],
        "truth": Z.clamp(min=1e-30).log(),
    }.items():
        expected = -(Z * log).sum(dim=1).mean().item()
        for name in ("cross_entropy", "cross_entropy_unweighted"):
            assert report[row][name][0] == pytest.approx(expected, abs=1e-4), row


def test_a_network_of_two_channels_has_no_cross_entropy(photos):
    report = evaluate_images(ColorNet(1, out_channels=2).eval(), photos, size=SIZE)
    assert math.isnan(report["network"]["cross_entropy"][0])
    assert report["gray"]["cross_entropy"][0] > 1


def test_pictures_are_measured_as_a_network_is(model, photos, report, tmp_path):
    for n in range(5):
        with photos.open(n) as file:
            rgb = to_tensor(open_rgb(file))
        lab = rgb_to_lab(rgb[None])
        with torch.inference_mode():
            lab[:, 1:] = predict_ab(model, lab[:, :1], T=0.38)
        to_image(lab_to_rgb(lab)[0]).save(tmp_path / f"{n}.png")
    pictures = find_images(tmp_path, hold_out=False)
    result = evaluate_images(pictures, photos, size=SIZE)
    assert result["gray"] == report["gray"]
    for measure in ("auc", "auc_rebalanced_by_photo", "psnr", "chroma"):
        value = report["network"][measure][0]  # 8 bits cost some
        assert result["network"][measure][0] == pytest.approx(value, abs=0.5)


def test_batches_change_nothing(report, model, photos, monkeypatch):
    monkeypatch.setattr("colorlab.evaluate.measure.AT_ONCE", 2)
    parts = evaluate_images(model, photos, size=SIZE)
    for measure, values in parts["network"].items():
        # Convolutions of another batch size sum in another order.
        assert values == pytest.approx(report["network"][measure], abs=1e-3)


def test_two_channel_network_is_measured(photos):
    network = ColorNet(1, out_channels=2).eval()
    torch.nn.init.zeros_(network.output.weight)
    network.output.bias.data = torch.tensor([3.0, 4.0]) / 110
    report = evaluate_images(network, photos, size=SIZE)
    assert report["network"]["chroma"][0] == pytest.approx(5, abs=1e-4)


def test_photos_can_be_watched(model, photos):
    seen = []

    def progress(numbers):
        for number in numbers:
            seen.append(number)
            yield number

    evaluate_images(model, photos, size=SIZE, progress=progress)
    assert seen == [0, 1, 2, 3, 4]


def test_unreadable_photos_are_skipped_and_told(model, photos, report, tmp_path):
    shutil.copytree(photos.root, tmp_path, dirs_exist_ok=True)
    for name in ("00.png", "3a.png"):
        (tmp_path / name).write_text("no image")
    skipped = {}
    damaged = find_images(tmp_path, hold_out=False)
    assert len(damaged) == 7
    result = evaluate_images(model, damaged, size=SIZE, skipped=skipped)
    assert result == report
    assert [*skipped] == ["00.png", "3a.png"]
    assert evaluate_images(model, damaged, size=SIZE) == report


def test_one_image_has_no_interval(model, photos):
    one = replace(photos, place=photos.place[:1])
    report = evaluate_images(model, one, size=SIZE)
    for value, low, high in report["gain"].values():
        assert math.isfinite(value)
        assert math.isnan(low)
        assert math.isnan(high)


def test_a_network_on_a_device_is_measured_there(device, photos, report, model):
    result = evaluate_images(copy.deepcopy(model).to(device), photos, size=SIZE)
    for measure, values in report["network"].items():
        # Devices sum in other orders; a pixel may fall into the next slot.
        assert result["network"][measure] == pytest.approx(values, abs=0.05)


def test_no_readable_photo_is_refused(model, tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ValueError, match="images must hold one that can be read, of 1"):
        evaluate_images(model, find_images(tmp_path, hold_out=False), size=SIZE)
