"""Networks as steps: what they hold; test_javascript compares what they give."""

import pytest
import torch

from colorlab import ColorNet
from colorlab.transfer import BorrowedNet
from colorlab.widgets.engine import pack_network, round_kernels


@pytest.fixture(scope="module")
def borrowed():
    torch.manual_seed(0)
    return pack_network(BorrowedNet().eval(), fine_below=2**15)


def test_every_convolution_is_a_step(borrowed):
    program, _ = borrowed
    layers = [m for m in BorrowedNet().modules() if hasattr(m, "kernel_size")]
    steps = [step for step in program["steps"] if "doubles" not in step]
    assert [step["outputs"] for step in steps if step["depthwise"]] == [
        layer.out_channels for layer in layers if layer.groups > 1
    ]
    assert len(steps) == len(layers)
    assert len(program["steps"]) - len(steps) == 3  # strides 32 to 16, 8 and 4


def test_steps_read_maps_that_are_made_before(borrowed):
    program, block = borrowed
    for number, step in enumerate(program["steps"], start=1):
        assert 0 <= step["from"] < number
        assert 0 <= step.get("added", 0) < number
        for part in step.get("parts", ()):
            assert part["weights"] % 4 == 0
            assert part["weights"] < len(block)


def test_few_weights_keep_sixteen_bits(borrowed):
    sizes = {step["bytes"] for step in borrowed[0]["steps"] if step.get("depthwise")}
    assert sizes == {2}
    assert {step["bytes"] for step in pack_network(ColorNet(width=2))[0]["steps"]} == {
        1
    }


@pytest.mark.parametrize("kind", [torch.int8, torch.int16])
def test_rounding_is_at_least_as_good_as_by_the_largest(kind):
    weight = torch.randn(6, 50, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[0] = 0  # a dead channel
    rounded, scale = round_kernels(weight, kind)
    assert rounded.dtype == kind
    most = torch.iinfo(kind).max
    step = weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-30) / most
    plain = (weight / step).round() * step
    apart = [
        (each - weight).square().sum((1, 2, 3))
        for each in (rounded * scale[:, None, None, None], plain)
    ]
    assert (apart[0] <= apart[1] * 1.001).all()
    assert rounded[0].abs().max() == 0


def test_a_network_that_answers_with_ab_is_refused():
    with pytest.raises(ValueError, match="model must answer with"):
        pack_network(ColorNet(width=2, out_channels=2))
