"""The photo page's networks in PyTorch, with weights rounded as the page has them."""

import copy

import torch
from book_pages import BOOK
from extensions import load
from torch import nn

from colorlab.transfer import BorrowedNet
from colorlab.widgets.engine import round_kernels

photo = load(BOOK / "_ext/photo.py")


@torch.no_grad()
def rounded(model, fine_below):
    """Fold batch norm where it follows a convolution, and round all kernels."""
    model = copy.deepcopy(model)
    modules = [m for m in model.modules() if not [*m.children()]]
    for layer, norm in zip(modules, [*modules[1:], None], strict=True):
        if not hasattr(layer, "kernel_size"):
            continue
        if isinstance(norm, nn.BatchNorm2d):
            assert isinstance(model, BorrowedNet)
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            layer.weight *= gain[:, None, None, None]
            norm.bias -= norm.running_mean * gain
            norm.weight[:], norm.running_mean[:] = 1, 0
            norm.running_var[:] = 1 - norm.eps
        turned = isinstance(layer, nn.ConvTranspose2d)
        weight = layer.weight.transpose(0, 1) if turned else layer.weight
        kind = torch.int16 if weight.numel() < fine_below else torch.int8
        kernels, scale = round_kernels(weight, kind)
        kernels = kernels * scale[:, None, None, None]
        layer.weight.copy_(kernels.transpose(0, 1) if turned else kernels)
    return model
