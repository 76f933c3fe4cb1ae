"""Depthwise convolution: equal to torch's, but for the time of its gradient."""

import pytest
import torch
from torch.nn.functional import conv2d

from colorlab._depthwise import DepthwiseConv, _Depthwise


def gradients(function, x, weight, stride):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    output = function(x, weight, stride)
    rng = torch.Generator().manual_seed(1)
    target = torch.randn(output.shape, generator=rng, dtype=torch.float64)
    (output * target.to(output.dtype)).sum().backward()
    return output.detach(), x.grad, weight.grad


def autograd(x, weight, stride):
    return conv2d(x, weight, stride=stride, groups=len(weight))


SHAPES = [(3, 1, (12, 15)), (3, 2, (17, 12)), (5, 1, (9, 14)), (5, 2, (19, 16))]


@pytest.mark.parametrize(("kernel", "stride", "size"), SHAPES)
@pytest.mark.parametrize(
    ("dtype", "atol"),
    # Float64 sums in another order; bfloat16 keeps 8 bits of sums of some 200 terms.
    [(torch.float64, 1e-12), (torch.float32, 1e-4), (torch.bfloat16, 0.3)],
)
def test_gradient_equals_autograds(kernel, stride, size, dtype, atol):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, *size, generator=rng).to(dtype)
    weight = torch.randn(6, 1, kernel, kernel, generator=rng).to(dtype)
    mine = gradients(_Depthwise.apply, x, weight, stride)
    theirs = gradients(autograd, x, weight, stride)
    for one, other in zip(mine, theirs, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, atol=atol, rtol=0.02)


@pytest.mark.parametrize("frozen", ["x", "weight"])
def test_what_needs_no_gradient_gets_none(frozen):
    x, weight = torch.rand(1, 2, 8, 8), torch.rand(2, 1, 3, 3)
    (weight if frozen == "x" else x).requires_grad_()
    _Depthwise.apply(x, weight, 1).sum().backward()
    assert (x.grad is None) == (frozen == "x")
    assert (weight.grad is None) == (frozen == "weight")


def test_under_autocast_weights_keep_their_format():
    layer = DepthwiseConv(4, kernel=5, stride=2)
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(torch.rand(1, 4, 11, 11).bfloat16())
    assert output.dtype == torch.bfloat16
    assert "_Depthwise" in type(output.grad_fn).__name__
    output.sum().backward()
    assert layer.weight.grad.dtype == torch.float32


def test_in_float32_it_is_torchs_own():
    layer = DepthwiseConv(4, kernel=3, stride=1)
    x = torch.rand(1, 4, 9, 9)
    assert "Depthwise" not in type(layer(x).grad_fn).__name__
    assert torch.equal(layer(x), conv2d(x, layer.weight, groups=4))
