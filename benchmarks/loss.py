"""Targets, loss and backward of a batch, against torch's dense cross-entropy."""

from collections.abc import Callable

import torch
from measure import alternate, save
from torch import Tensor
from torch.nn.functional import cross_entropy

from colorlab import N_BINS, bin_centers, soft_cross_entropy, soft_encode, to_dense

TOLERANCE = 1e-5  # relative; both in float32


def sparse(logits: Tensor, bins: Tensor, weights: Tensor, v: Tensor | None) -> Tensor:
    """Take the loss from k pairs a pixel."""
    return soft_cross_entropy(logits, bins, weights, v)


def dense(logits: Tensor, bins: Tensor, weights: Tensor, v: Tensor | None) -> Tensor:
    """Take the loss from all bins."""
    Z = to_dense(bins, weights, N_BINS)
    if v is None:
        return cross_entropy(logits, Z)
    return (v * cross_entropy(logits, Z, reduction="none")).mean()


def step(loss: Callable[..., Tensor], logits: Tensor, *target: Tensor | None) -> tuple:
    """Give a loss and its gradient."""
    value = loss(logits, *target)
    return value, *torch.autograd.grad(value, logits)


def main() -> None:
    """Check that both agree, then time."""
    rng = torch.Generator().manual_seed(0)
    ab = 25 * torch.randn(40, 2, 56, 56, generator=rng)
    v = 2 * torch.rand(40, 56, 56, generator=rng)
    target = soft_encode(ab, bin_centers())
    scores = torch.randn(40, N_BINS, 56, 56, generator=rng)
    results = {}
    for layout in (torch.channels_last, torch.contiguous_format):
        logits = scores.contiguous(memory_format=layout).requires_grad_()
        for weight, kind in [(None, "loss"), (v, "rebalanced loss")]:
            contestants = {
                "colorlab": lambda z=logits, v=weight: step(sparse, z, *target, v),
                "torch, dense": lambda z=logits, v=weight: step(dense, z, *target, v),
            }
            pairs = zip(*(run() for run in contestants.values()), strict=True)
            for ours, theirs in pairs:
                error = (ours - theirs).abs().max() / theirs.abs().max()
                assert error < TOLERANCE, f"{kind}, {layout}: {error} off"
            name = str(layout).removeprefix("torch.").replace("_", " ")
            results[f"{kind}, {name}"] = alternate(contestants, 7)
    save("loss", "Targets, loss and backward, 40 x 313 x 56 x 56", results)


if __name__ == "__main__":
    main()
