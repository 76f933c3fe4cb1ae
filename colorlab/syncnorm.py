"""Batch norm over the photos of all processes (book chapter: train).

With two processes, each sees half of a batch. Plain batch norm would then measure
mean and variance on halves, and two processes would train another network than one.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn


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
        exact = x.float()
        pixels = exact.new_tensor(float(exact[:, 0].numel()))
        pixels = _Sum.apply(pixels)
        mean = _Sum.apply(exact.sum(dim=(0, 2, 3))) / pixels
        centered = exact - mean[:, None, None]
        variance = _Sum.apply(centered.square().sum(dim=(0, 2, 3))) / pixels
        with torch.no_grad():
            self.num_batches_tracked += 1
            unbiased = variance * (pixels / (pixels - 1))
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centered * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


class _Sum(torch.autograd.Function):
    """Sum over processes; so is the gradient, as every process uses the sum."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
