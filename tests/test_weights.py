"""A network's file: what comes back, what is refused, how small it is."""

import json
import math
from copy import deepcopy

import pytest
import torch
from book_pages import ROOT
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from colorlab._lazy import BEST
from colorlab.colorize import predict_ab, read_image
from colorlab.network import ColorNet
from colorlab.quantize import N_BINS
from colorlab.transfer import BorrowedNet
from colorlab.weights import (
    ASSETS,
    calibrate,
    load_model,
    load_pretrained,
    save_model,
    shipped,
)


@pytest.fixture
def narrow():
    torch.manual_seed(0)
    return ColorNet(2).eval()


def picture(height=16, width=24, number=2):
    rng = torch.Generator().manual_seed(0)
    return torch.rand(number, 1, height, width, generator=rng) * 100


@pytest.mark.parametrize("half", [False, True])
def test_saved_network_comes_back(narrow, tmp_path, half):
    path = tmp_path / "model.safetensors"
    card = {"T": 0.5, "size": [64, 96], "note": "sigma, \u03c3"}
    save_model(narrow.half() if half else narrow, path, **card)
    stored = {tensor.dtype for tensor in load_file(path).values()}
    assert stored == {torch.float16 if half else torch.float32, torch.int64}
    back = load_model(path)
    assert card.items() <= back.card.items()
    assert not back.training
    assert {p.dtype for p in back.parameters()} == {torch.float32}
    assert torch.equal(back(picture()), narrow.float()(picture()))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_saved_shape_comes_back(tmp_path):
    save_model(ColorNet(3, "released", 2), tmp_path / "model.safetensors")
    back = load_model(tmp_path / "model.safetensors")
    assert (back.width, back.variant, back.out_channels) == (3, "released", 2)


def test_card_is_added_to(narrow, tmp_path):
    save_model(narrow, tmp_path / "first.safetensors", T=0.5, data="ours")
    again = load_model(tmp_path / "first.safetensors")
    save_model(again, tmp_path / "second.safetensors", T=0.6)
    card = load_model(tmp_path / "second.safetensors").card
    assert (card["T"], card["data"]) == (0.6, "ours")


def test_saving_replaces(narrow, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text("older")
    save_model(narrow, path)
    assert load_model(path).width == narrow.width


def forge(model, path, metadata):
    """Write the weights of `model` with another's metadata."""
    save_file(model.state_dict(), path, metadata=metadata)


CARD = {"width": 2, "variant": "paper", "out_channels": N_BINS}


def test_forged_file_is_accepted_when_true(narrow, tmp_path):
    path = tmp_path / "true.safetensors"
    forge(narrow, path, {"colorlab": json.dumps(CARD)})
    assert load_model(path).card == CARD


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"format": "pt"},
        {"colorlab": "{"},
        {"colorlab": "[]"},
        {"colorlab": "{}"},
        {"colorlab": json.dumps(CARD | {"width": "2"})},
        {"colorlab": json.dumps(CARD | {"width": 10**30})},
        {"colorlab": json.dumps(CARD | {"variant": "other"})},
        {"colorlab": json.dumps(CARD | {"variant": "released"})},
        {"colorlab": json.dumps(CARD | {"out_channels": 2})},
    ],
    ids=lambda metadata: str(metadata)[:60],
)
def test_false_metadata_are_refused(narrow, tmp_path, metadata):
    path = tmp_path / "forged.safetensors"
    forge(narrow, path, metadata)
    with pytest.raises(ValueError, match="."):
        load_model(path)


def test_gigantic_width_is_not_allocated(narrow, tmp_path):
    # conv1_2 alone would take 3.6 petabytes, more than any address space: if the
    # network were built in memory, the complaint would be about memory.
    path = tmp_path / "forged.safetensors"
    forge(narrow, path, {"colorlab": json.dumps(CARD | {"width": 10_000_000})})
    with pytest.raises(ValueError, match="size mismatch"):
        load_model(path)


@pytest.mark.parametrize("content", ["", "text", "truncated", "missing", "folder"])
def test_what_is_no_model_file_is_refused(narrow, tmp_path, content):
    path = tmp_path / "model.safetensors"
    if content == "truncated":
        save_model(narrow, path)
        path.write_bytes(path.read_bytes()[:-100])
    elif content == "folder":
        path.mkdir()
    elif content != "missing":
        path.write_text(content)
    with pytest.raises(ValueError, match="path must be a"):
        load_model(path)


def test_load_pretrained(narrow, tmp_path, monkeypatch):
    monkeypatch.setattr("colorlab.weights.ASSETS", tmp_path)
    save_model(narrow, tmp_path / f"{BEST}.safetensors", note="ours")
    assert shipped() == [BEST]
    model = load_pretrained()
    assert model.card["note"] == "ours"
    assert torch.equal(model(picture()), narrow(picture()))


def test_unknown_pretrained_name_is_refused(narrow, tmp_path, monkeypatch):
    monkeypatch.setattr("colorlab.weights.ASSETS", tmp_path)
    save_model(narrow, tmp_path / "tiny.safetensors")
    with pytest.raises(ValueError, match=r"name must be one of \['tiny'\], got 'huge'"):
        load_pretrained("huge")


def test_float16_keeps_large_statistics(tmp_path):
    torch.manual_seed(0)
    model = ColorNet(width=2).eval()
    model.conv6[-1].running_var.fill_(
        1e9
    )  # as a trained network's; float16 has no such
    L = 100 * torch.rand(1, 1, 16, 16)
    expected = model(L)
    path = tmp_path / "half.safetensors"
    save_model(model, path, dtype=torch.float16)
    loaded = load_model(path)
    assert loaded.conv6[-1].running_var.min() == 1e9
    # Eleven bits of mantissa, through 23 layers.
    assert (loaded(L) - expected).abs().max() < 0.02 * expected.abs().max()


def test_save_refuses_what_is_not_finite(tmp_path):
    model = ColorNet(width=2)
    model.conv6[-1].running_var.fill_(torch.inf)
    with pytest.raises(ValueError, match="conv6"):
        save_model(model, tmp_path / "broken.safetensors")
    assert not list(tmp_path.iterdir())


def int8_file(model, path, **changes):
    """Save in int8, then change or drop (None) tensors of the file."""
    save_model(model, path, dtype=torch.int8)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path) | changes
    kept = {name: t.contiguous() for name, t in tensors.items() if t is not None}
    save_file(kept, path, metadata=metadata)
    return path


@pytest.mark.parametrize("out_channels", [N_BINS, 2])
def test_int8_comes_back_to_half_a_step(tmp_path, out_channels):
    torch.manual_seed(0)
    model = ColorNet(4, out_channels=out_channels).eval()
    model.conv3[2].weight.data[1] = 0  # a dead channel
    back = load_model(int8_file(model, tmp_path / "int8.safetensors"))
    loaded = dict(back.named_parameters())
    for name, weight in model.named_parameters():
        if weight.ndim == 1:
            assert torch.equal(loaded[name], weight)
            continue
        axes = (0, 2, 3) if name == "conv8.0.weight" else (1, 2, 3)  # but the outputs'
        step = weight.abs().amax(axes, keepdim=True) / 127
        assert ((loaded[name] - weight).abs() <= 0.501 * step).all(), name
        assert loaded[name].dtype == torch.float32
    assert (back(picture()) - model(picture())).abs().max() < 0.05


def test_int8_takes_a_quarter(tmp_path):
    model = ColorNet(8)
    save_model(model, tmp_path / "whole.safetensors")
    save_model(model, tmp_path / "int8.safetensors", dtype=torch.int8)
    whole, small = ((tmp_path / f"{n}.safetensors").stat() for n in ("whole", "int8"))
    assert small.st_size < 0.3 * whole.st_size


def test_int8_keeps_the_colors_of_a_network_with_depthwise_layers(tmp_path):
    model, path = load_pretrained("borrowed"), tmp_path / "int8.safetensors"
    save_model(model, path, dtype=torch.int8)
    assert path.stat().st_size < 5e6  # what a page may load
    kinds = {name: tensor.dtype for name, tensor in load_file(path).items()}
    depthwise = {f"{n}.weight" for n, m in model.named_modules() if is_depthwise(m)}
    assert len(depthwise) == 16
    assert {kinds[name] for name in depthwise} == {torch.float32}
    assert kinds["stages.6.0.layers.1.weight"] == torch.int8
    back = load_model(path)
    with torch.inference_mode():
        for photo in ("dandelions", "coffee-cup", "historic/dust-bowl-home"):
            L, _ = read_image(ROOT / f"data/photos/{photo}.jpg", size=128)
            moved = (predict_ab(back, L) - predict_ab(model, L)).norm(dim=1)
            # Measured over the 26 photos: mean 0.16, 95 % of the pixels below 0.5.
            assert moved.mean() < 0.5, photo
            assert moved.quantile(0.99) < 2, photo


def is_depthwise(module):
    return getattr(module, "groups", 1) > 1


@pytest.mark.parametrize(
    "changes",
    [
        {"output.weight_scale": None},
        {"output.weight_scale": torch.ones(313, 16, 1, 1).expand(-1, -1, 9, 9)},
        {"output.weight_scale": torch.ones(500, 1, 1, 1)},
        {"output.weight": torch.ones(1, 4, 1, 1, dtype=torch.int8)},
        {"output.bias": torch.ones(313, dtype=torch.int8)},
        {"other.weight_scale": torch.ones(1)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_false_scales_are_refused(narrow, tmp_path, changes):
    path = int8_file(narrow, tmp_path / "forged.safetensors", **changes)
    with pytest.raises(ValueError, match="path must be a"):
        load_model(path)


def test_tiny_ships_and_is_small():
    model = load_pretrained("tiny")
    assert (model.width, model.out_channels) == (16, N_BINS)
    assert model.card["name"] == "tiny"
    assert (ASSETS / "tiny.safetensors").stat().st_size < 2e6


def test_calibrate_takes_the_mean_of_the_batches():
    model = ColorNet(width=2).train()
    first, *_, norm = model.conv1
    seen = []
    norm.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    rng = torch.Generator().manual_seed(0)
    batches = [100 * torch.rand(n, 1, 16, 16, generator=rng) for n in (1, 3)]
    weights = first.weight.clone()
    assert not calibrate(model, iter(batches)).training
    assert torch.equal(first.weight, weights)
    means = torch.stack([x.mean(dim=(0, 2, 3)) for x in seen]).mean(dim=0)
    variances = torch.stack([x.var(dim=(0, 2, 3)) for x in seen]).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)


BAD = [
    ("output.bias", torch.nan),
    ("conv3.6.running_mean", torch.inf),
    ("conv5.6.running_var", -1.0),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_weights_that_are_no_numbers_are_refused(narrow, tmp_path, name, value):
    path = tmp_path / "model.safetensors"
    state = narrow.state_dict()
    state[name] = torch.full_like(state[name], value)
    save_file(state, path, metadata={"colorlab": json.dumps(CARD)})
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        load_model(path)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_weights_of_other_kinds_are_refused(narrow, tmp_path, dtype):
    path = tmp_path / "model.safetensors"
    state = narrow.state_dict()
    state["output.bias"] = torch.ones(N_BINS, dtype=dtype)
    save_file(state, path, metadata={"colorlab": json.dumps(CARD)})
    with pytest.raises(ValueError, match="must hold floats"):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [{"T": t} for t in ("x", None, [1], {}, 0, -1, True, float("nan"), float("inf"))]
    + [{"size": s} for s in ("x", None, [1], {}, 0, 7, 3000, 1e9, float("inf"))]
    + [{"size": [128, "x"]}, {"size": [128, 4000]}],
    ids=str,
)
def test_a_card_out_of_range_is_refused(narrow, tmp_path, change):
    path = tmp_path / "model.safetensors"
    forge(narrow, path, {"colorlab": json.dumps(CARD | change)})
    with pytest.raises(ValueError, match="the card's"):
        load_model(path)


def test_a_card_that_nests_too_deep_is_refused(narrow, tmp_path):
    path = tmp_path / "model.safetensors"
    forge(narrow, path, {"colorlab": "[" * 100_000})
    with pytest.raises(ValueError, match="path must be a colorlab network"):
        load_model(path)


@pytest.mark.parametrize("card", ["[1]", "{", json.dumps(CARD | {"width": 3})])
def test_a_card_that_does_not_fit_is_one_line(narrow, tmp_path, card):
    path = tmp_path / "model.safetensors"
    forge(narrow, path, {"colorlab": card})
    with pytest.raises(ValueError, match="its card and its weights do not fit") as told:
        load_model(path)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300 + len(str(path))


def test_files_of_version_0_1_are_read(narrow, tmp_path):
    path = tmp_path / "old.safetensors"
    state = narrow.state_dict()
    for name in ("weight", "bias"):
        state[f"head.{name}"] = state.pop(f"output.{name}")
    save_file(state, path, metadata={"colorlab": json.dumps(CARD)})
    assert torch.equal(load_model(path)(picture()), narrow(picture()))


def test_the_file_can_be_read_by_others(narrow, tmp_path):
    save_model(narrow, tmp_path / "model.safetensors")
    (tmp_path / "plain").touch()
    modes = {file.stat().st_mode for file in tmp_path.iterdir()}
    assert len(modes) == 1


def test_save_leaves_the_model_as_it_was(narrow, tmp_path):
    before = {name: p.clone() for name, p in narrow.named_parameters()}
    save_model(narrow, tmp_path / "half.safetensors", dtype=torch.float16)
    assert all(torch.equal(p, before[name]) for name, p in narrow.named_parameters())


def test_other_dtypes_are_refused(narrow, tmp_path):
    with pytest.raises(ValueError, match=r"dtype must be float16, int8 or None"):
        save_model(narrow, tmp_path / "model.safetensors", dtype=torch.float64)


def test_loaded_network_has_its_centers(narrow, tmp_path, centers, device):
    save_model(narrow, tmp_path / "model.safetensors")
    model = load_model(tmp_path / "model.safetensors", device)
    assert model.centers.device.type == device.type
    assert torch.equal(model.centers.cpu(), centers)
    assert model.head == "bins"


def test_weights_of_others_are_named(tmp_path):
    torch.save({"conv1.weight": torch.zeros(2)}, tmp_path / "theirs.pth")
    legacy = {"_use_new_zipfile_serialization": False}
    torch.save({"conv1.weight": torch.zeros(2)}, tmp_path / "old.pth", **legacy)
    (tmp_path / "theirs.caffemodel").write_bytes(b"\n\x05CaffeNet" + bytes(100))
    for name in ("theirs.pth", "old.pth", "theirs.caffemodel"):
        with pytest.raises(ValueError, match=f"{name}: weights of PyTorch or Caffe"):
            load_model(tmp_path / name)
    (tmp_path / "photo.jpg").write_bytes(b"no network, but long enough to be one")
    with pytest.raises(ValueError, match="no whole safetensors file"):
        load_model(tmp_path / "photo.jpg")
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="its card lacks 'colorlab'"):
        load_model(tmp_path / "other.safetensors")


def test_calibrate_leaves_a_frozen_encoder_as_it_is():
    model = BorrowedNet().eval()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    with pytest.raises(ValueError, match="pretrained encoder stays as it came"):
        calibrate(model, [torch.full((1, 1, 16, 16), 50.0)])
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert not model.training


def test_weights_too_large_for_float16_are_refused(narrow, tmp_path):
    narrow.output.bias.data[3] = 1e5
    with pytest.raises(ValueError, match=r"output\.bias must hold finite numbers"):
        save_model(narrow, tmp_path / "half.safetensors", dtype=torch.float16)
    assert not [*tmp_path.iterdir()]


def broken():
    yield torch.full((1, 1, 16, 16), 50.0)
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("batches", "error"),
    [([], ValueError), (iter([]), ValueError), (broken(), OSError)],
)
def test_a_calibration_that_fails_changes_nothing(batches, error):
    model = load_pretrained("class").train()
    before = deepcopy(model.state_dict())
    with pytest.raises(error):
        calibrate(model, batches)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert model.training
    assert model.conv1[-1].momentum is not None


@pytest.mark.parametrize(
    "card", [{"T": 0}, {"T": None}, {"T": math.nan}, {"size": 5000}, {"size": 4}]
)
def test_no_card_is_saved_that_would_be_refused(card, tmp_path):
    with pytest.raises(ValueError, match="the card's"):
        save_model(ColorNet(2), tmp_path / "a.safetensors", **card)
    assert not list(tmp_path.iterdir())


def test_a_compiled_network_is_saved_as_it_was(tmp_path):
    model = ColorNet(2).eval()
    save_model(torch.compile(model), tmp_path / "a.safetensors")
    loaded = load_model(tmp_path / "a.safetensors").state_dict()
    assert all(torch.equal(t, loaded[name]) for name, t in model.state_dict().items())
