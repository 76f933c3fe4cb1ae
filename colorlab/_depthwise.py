"""Convolution of each channel by itself, whose gradient is fast in bfloat16 on a CPU.

There, torch's own gradient of such kernels takes half of a training step if they are
5x5 or have a stride. Both are computed here from what is fast: kernels of 3x3 without
stride. In other formats and on other devices the layer is torch's own.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d


class DepthwiseConv(nn.Conv2d):
    """A convolution with one kernel for each channel, without padding or bias.

    Parameters
    ----------
    channels : int
        Of the input and the output.
    kernel : int
        3 or 5.
    stride : int
        1 or 2.

    Examples
    --------
    >>> DepthwiseConv(8, kernel=5, stride=2)(torch.zeros(1, 8, 19, 19)).shape
    torch.Size([1, 8, 8, 8])
    """

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(
            channels, channels, kernel, stride, groups=channels, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of shape (N, channels, H', W')."""
        if x.device.type == "cpu" and x.dtype == torch.bfloat16:
            return _Depthwise.apply(x, self.weight, self.stride[0])
        return super().forward(x)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return conv2d(x, weight, stride=stride, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        inputs, kernels = (tensor.to(gradient.dtype) for tensor in (x, weight))
        if ctx.stride > 1:
            gradient = _spread(gradient, x.shape, weight.shape[-1], ctx.stride)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = _gradient(gradient, inputs, kernels, 0).to(x.dtype)
        if ctx.needs_input_grad[1]:
            to_weight = _of_weight(gradient, inputs, kernels).to(weight.dtype)
        return to_x, to_weight, None


def _spread(gradient: Tensor, shape: torch.Size, kernel: int, stride: int) -> Tensor:
    """Put zeros between the pixels: the gradient of a convolution without stride."""
    N, C, H, W = shape
    spread = gradient.new_zeros(N, H - kernel + 1, W - kernel + 1, C)
    spread = spread.permute(0, 3, 1, 2)  # in channels_last
    spread[..., ::stride, ::stride] = gradient
    return spread


def _of_weight(gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Compute 3x3 elements of the kernels' gradient at a time."""
    result = torch.empty_like(weight)
    small = weight[..., :3, :3].contiguous()
    H, W = (side + 2 for side in gradient.shape[2:])  # of x, that 3x3 kernels see
    corners = range(0, weight.shape[-1] - 2, 2)  # of 5x5: four, which overlap
    for top in corners:
        for left in corners:
            seen = x[..., top : top + H, left : left + W]
            seen = seen.contiguous(memory_format=torch.channels_last)
            part = _gradient(gradient, seen, small, 1)
            result[..., top : top + 3, left : left + 3] = part
    return result


def _gradient(gradient: Tensor, x: Tensor, weight: Tensor, which: int) -> Tensor:
    """Compute the gradient to x (0) or to the weight (1), without stride or padding."""
    mask = [which == 0, which == 1, False]
    settings = ((1, 1), (0, 0), (1, 1), False, (0, 0), len(weight), mask)
    return torch.ops.aten.convolution_backward(gradient, x, weight, None, *settings)[
        which
    ]
