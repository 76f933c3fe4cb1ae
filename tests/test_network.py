"""The layer table against the course paper's; sizes, costs, field, files."""

import json
import math

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from colorlab.network import (
    ASSETS,
    ColorNet,
    calibrate,
    halve,
    layer_table,
    load_model,
    load_pretrained,
    save_model,
)
from colorlab.quantize import N_BINS

# The course paper's figure 4, as printed; its second "conv2.1" is conv2.2.
# name, X, C, S, D, Sa, De, BN, L
PAPER_TABLE = [
    ("conv1_1", 224, 64, 1, 1, 1, 1, False, False),
    ("conv1_2", 112, 64, 2, 1, 1, 1, True, False),
    ("conv2_1", 112, 128, 1, 1, 2, 2, False, False),
    ("conv2_2", 56, 128, 2, 1, 2, 2, True, False),
    ("conv3_1", 56, 256, 1, 1, 4, 4, False, False),
    ("conv3_2", 56, 256, 1, 1, 4, 4, False, False),
    ("conv3_3", 28, 256, 2, 1, 4, 4, True, False),
    ("conv4_1", 28, 512, 1, 1, 8, 8, False, False),
    ("conv4_2", 28, 512, 1, 1, 8, 8, False, False),
    ("conv4_3", 28, 512, 1, 1, 8, 8, True, False),
    ("conv5_1", 28, 512, 1, 2, 8, 16, False, False),
    ("conv5_2", 28, 512, 1, 2, 8, 16, False, False),
    ("conv5_3", 28, 512, 1, 2, 8, 16, True, False),
    ("conv6_1", 28, 512, 1, 2, 8, 16, False, False),
    ("conv6_2", 28, 512, 1, 2, 8, 16, False, False),
    ("conv6_3", 28, 512, 1, 2, 8, 16, True, False),
    ("conv7_1", 28, 256, 1, 1, 8, 8, False, False),
    ("conv7_2", 28, 256, 1, 1, 8, 8, False, False),
    ("conv7_3", 28, 256, 1, 1, 8, 8, True, False),
    ("conv8_1", 56, 128, 0.5, 1, 4, 4, False, False),
    ("conv8_2", 56, 128, 1, 1, 4, 4, False, False),
    ("conv8_3", 56, 128, 1, 1, 4, 4, False, True),
]


@pytest.fixture
def narrow():
    torch.manual_seed(0)
    return ColorNet(2).eval()


def weightless(*args):
    """A network of any width that takes no memory."""
    with torch.device("meta"):
        return ColorNet(*args)


def picture(height=16, width=24, number=2):
    chance = torch.Generator().manual_seed(0)
    return torch.rand(number, 1, height, width, generator=chance) * 100


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("out_channels", [N_BINS, 2])
def test_forward_shape(variant, out_channels):
    model = ColorNet(2, variant, out_channels).eval()
    assert model(picture(16, 24)).shape == (2, out_channels, 4, 6)


def test_forward_centers_lightness(narrow):
    seen = []
    narrow.conv1[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    narrow(torch.tensor([0.0, 50.0, 100.0]).view(3, 1, 1, 1).expand(3, 1, 8, 8))
    assert seen[0][:, 0, 0, 0].tolist() == [-0.5, 0.0, 0.5]


def test_two_channels_are_in_ab_units():
    model = ColorNet(1, out_channels=2).eval()
    nn.init.zeros_(model.head.weight)
    model.head.bias.data = torch.tensor([0.5, -1.0])
    assert model(picture(8, 8, 1)).flatten().tolist() == [55] * 4 + [-110] * 4


def test_batch_norm_follows_the_last_relu_of_a_block(narrow):
    for block in list(narrow.children())[:7]:
        kinds = [type(module) for module in block]
        assert kinds[-2:] == [nn.ReLU, nn.BatchNorm2d]
        assert kinds.count(nn.BatchNorm2d) == 1
        assert block[-1].affine
    assert nn.BatchNorm2d not in [type(module) for module in narrow.conv8]


def test_forward_keeps_the_device(narrow, device):
    assert narrow.to(device)(picture().to(device)).device.type == device.type


@pytest.mark.parametrize(
    "shape", [(1, 1, 12, 16), (1, 1, 16, 12), (1, 3, 16, 16), (1, 16, 16)]
)
def test_forward_refuses_other_shapes(narrow, shape):
    with pytest.raises(ValueError, match="H and W multiples of 8"):
        narrow(torch.zeros(shape))


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match=r"variant must be in \['paper', 'released'\]"):
        ColorNet(2, "course")


@pytest.mark.parametrize(("width", "out_channels"), [(0, 313), (-1, 313), (2, 0)])
def test_impossible_numbers_are_refused(width, out_channels):
    with pytest.raises(ValueError, match="must be at least 1"):
        ColorNet(width, "paper", out_channels)


@pytest.mark.parametrize(
    ("row", "expected"),
    [*zip(layer_table(weightless(64, "paper")), PAPER_TABLE, strict=False)],
    ids=[row[0] for row in PAPER_TABLE],
)
def test_layer_table_is_the_papers(row, expected):
    shown = (row.name, row.X, row.C, row.S, row.D, row.Sa, row.De, row.BN, row.L)
    assert shown == expected


def test_layer_table_ends_with_the_head():
    rows = layer_table(weightless(64))
    assert len(rows) == len(PAPER_TABLE) + 1
    assert (rows[-1].name, rows[-1].X, rows[-1].C) == ("head", 56, N_BINS)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_layer_table_equals_what_runs(variant):
    model = ColorNet(2, variant).eval()
    shapes = []
    for module in model.modules():
        if hasattr(module, "kernel_size"):
            module.register_forward_hook(
                lambda _, inputs, output: shapes.append(output.shape[1:])
            )
    model(picture(64, 64, 1))
    table = layer_table(model, size=64)
    assert shapes == [(row.C, row.X, row.X) for row in table]


@pytest.mark.parametrize(("variant", "giga"), [("paper", 24.15), ("released", 31.98)])
def test_multiply_adds(variant, giga):
    rows = layer_table(weightless(64, variant), size=224)
    assert round(sum(row.macs for row in rows) / 1e9, 2) == giga


def test_multiply_adds_equal_torchs_own_count(narrow):
    with FlopCounterMode(display=False) as counter:
        narrow(picture(64, 64, 1))
    rows = layer_table(narrow, size=64)
    assert 2 * sum(row.macs for row in rows) == counter.get_total_flops()


def test_parameters():
    model = weightless(64, "released")
    total = sum(p.numel() for p in model.parameters())
    # The authors' 32,236,011, without their decoding layer of 2 * 313.
    assert total == sum(row.parameters for row in layer_table(model)) == 32_235_385


@pytest.mark.parametrize("last", ["conv1", "conv3", "conv5", "conv7", "conv8"])
def test_receptive_field_is_where_the_gradient_is(last):
    model = ColorNet(1).double().eval()
    # Positive, constant weights: no two paths cancel, no ReLU closes. Divided by the
    # number of inputs, so that 20 layers do not overflow.
    for module in model.modules():
        if hasattr(module, "kernel_size"):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            nn.init.zeros_(module.bias)
    table = {row.name: row.receptive_field for row in layer_table(model)}
    name, field = [row for row in table.items() if row[0].startswith(last)][-1]
    size = 8 * math.ceil((field + 40) / 8)  # larger than the field, wherever it lies
    L = torch.full((1, 1, size, size), 100.0, dtype=torch.float64, requires_grad=True)
    output = L / 100
    for block, module in model.named_children():
        output = module(output)
        if block == last:
            break
    middle = output.shape[-1] // 2
    seen = set()
    for row in (middle, middle + 1):  # a transposed layer's fields alternate
        (gradient,) = torch.autograd.grad(output[0, 0, row, row], L, retain_graph=True)
        rows = gradient[0, 0].any(dim=1).nonzero()
        assert 0 < rows.min()  # the whole field was in the picture
        assert rows.max() < size - 1
        seen.add(len(rows))
    assert max(seen) == field, name


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
    with pytest.raises(ValueError, match="path must be a colorlab network"):
        load_model(path)


def test_load_pretrained(narrow, tmp_path, monkeypatch):
    monkeypatch.setattr("colorlab.network.ASSETS", tmp_path)
    save_model(narrow, tmp_path / "flagship.safetensors", note="ours")
    model = load_pretrained()
    assert model.card["note"] == "ours"
    assert torch.equal(model(picture()), narrow(picture()))


def test_unknown_pretrained_name_is_refused(narrow, tmp_path, monkeypatch):
    monkeypatch.setattr("colorlab.network.ASSETS", tmp_path)
    save_model(narrow, tmp_path / "tiny.safetensors")
    with pytest.raises(ValueError, match=r"name must be one of \['tiny'\], got 'huge'"):
        load_pretrained("huge")


def test_halve_keeps_large_statistics(tmp_path):
    torch.manual_seed(0)
    model = ColorNet(width=2).eval()
    model.conv6[-1].running_var.fill_(
        1e9
    )  # as a trained network's; float16 has no such
    L = 100 * torch.rand(1, 1, 16, 16)
    expected = model(L)
    path = tmp_path / "half.safetensors"
    save_model(halve(model), path)
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
    save_model(model, path, int8=True)
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
    save_model(model, tmp_path / "int8.safetensors", int8=True)
    whole, small = ((tmp_path / f"{n}.safetensors").stat() for n in ("whole", "int8"))
    assert small.st_size < 0.3 * whole.st_size


@pytest.mark.parametrize(
    "changes",
    [
        {"head.weight_scale": None},
        {"head.weight_scale": torch.ones(313, 16, 1, 1).expand(-1, -1, 9, 9)},
        {"head.weight_scale": torch.ones(500, 1, 1, 1)},
        {"head.weight": torch.ones(1, 4, 1, 1, dtype=torch.int8)},
        {"head.bias": torch.ones(313, dtype=torch.int8)},
        {"other.weight_scale": torch.ones(1)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_false_scales_are_refused(narrow, tmp_path, changes):
    path = int8_file(narrow, tmp_path / "forged.safetensors", **changes)
    with pytest.raises(ValueError, match="path must be a colorlab network"):
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
    chance = torch.Generator().manual_seed(0)
    batches = [100 * torch.rand(n, 1, 16, 16, generator=chance) for n in (1, 3)]
    weights = first.weight.clone()
    assert not calibrate(model, iter(batches)).training
    assert torch.equal(first.weight, weights)
    means = torch.stack([x.mean(dim=(0, 2, 3)) for x in seen]).mean(dim=0)
    variances = torch.stack([x.var(dim=(0, 2, 3)) for x in seen]).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)
