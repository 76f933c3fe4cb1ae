"""The layer table against the course paper's; sizes, costs, field."""

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from colorlab.network import ColorNet, best_device, layer_table
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
    rng = torch.Generator().manual_seed(0)
    return torch.rand(number, 1, height, width, generator=rng) * 100


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
    nn.init.zeros_(model.output.weight)
    model.output.bias.data = torch.tensor([0.5, -1.0])
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
    assert (rows[-1].name, rows[-1].X, rows[-1].C) == ("output", 56, N_BINS)


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


def test_the_best_device_is_the_accelerator_if_one_is_there(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: "never")
    assert best_device() == torch.device("cpu")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    there = torch.device("cuda", 0)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: there)
    assert best_device() == there


def test_layer_table_of_other_layers_is_refused():
    with pytest.raises(ValueError, match="must be a ColorNet, got Linear"):
        layer_table(nn.Linear(1, 1))
