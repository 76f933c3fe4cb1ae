"""Batch norm over the photos of all processes (book chapter: train).

With two processes, each sees half of a batch. Plain batch norm would then measure
mean and variance on halves, and two processes would train another network than one.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import batch_norm


def synced(model: nn.Module) -> nn.Module:
    """Let batch norm measure the whole batch, over all processes.

    Parameters
    ----------
    model : Module
        On the device it trains on.

    Returns
    -------
    Module
        The same, its batch norms replaced: by torch's own on CUDA devices, for which
        alone it has one, else by `SyncedBatchNorm`. Names of weights stay.
    """
    if next(model.parameters()).is_cuda:
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm  # the same weights, another forward
    return model


class SyncedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose mean and variance are taken over all processes."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize; in training by the whole batch.

        Parameters
        ----------
        x : Tensor, shape (N, C, H, W)
            This process's part; N may differ between processes.

        Returns
        -------
        Tensor, shape (N, C, H, W)
            In the dtype of `x`.
        """
        if not self.training:
            return super().forward(x)
        y, mean, variance, pixels = _Normalize.apply(
            x.float(), self.weight, self.bias, self.eps
        )
        self.num_batches_tracked += 1
        unbiased = variance * (pixels / (pixels - 1))
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(unbiased, self.momentum)
        return y.to(x.dtype)


class _Normalize(torch.autograd.Function):
    """Batch norm in two passes each way, with one message between processes each.

    With x_hat = (x - mean) / std, the gradient of x is

        (g - mean(g) - x_hat mean(g x_hat)) weight / std,

    where the means go over all processes, as mean and variance do.
    """

    @staticmethod
    def forward(
        ctx: object, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        here = torch.full_like(mean, x[:, 0].numel())
        # In float64, as a variance is then the difference of two large numbers.
        sums = torch.stack([here, here * mean, here * (variance + mean.double() ** 2)])
        dist.all_reduce(sums)
        pixels = sums[0]
        mean = sums[1] / pixels
        variance = (sums[2] / pixels - mean**2).clamp(min=0).float()
        mean, pixels = mean.float(), pixels.float()
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt(), pixels)
        ctx.mark_non_differentiable(mean, variance, pixels)
        y = batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)
        return y, mean, variance, pixels

    @staticmethod
    @once_differentiable
    def backward(ctx: object, gradient: Tensor, *_: Tensor) -> tuple:
        x, weight, mean, scale, pixels = ctx.saved_tensors
        x_hat = (x - mean[:, None, None]) * scale[:, None, None]
        sums = torch.stack([gradient.sum((0, 2, 3)), (gradient * x_hat).sum((0, 2, 3))])
        of_bias, of_weight = sums.clone()  # each process's own: DDP takes their mean
        dist.all_reduce(sums)
        means = (sums / pixels)[:, :, None, None]
        of_x = (gradient - means[0] - x_hat * means[1]) * (weight * scale)[
            :, None, None
        ]
        return of_x, of_weight, of_bias, None
