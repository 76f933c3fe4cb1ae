"""Targets, loss and backward of a batch, against torch's dense cross-entropy."""

from collections.abc import Callable

import torch
from measure import quiet_and_busy, save
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


def contest(
    N: int, H: int, W: int, layout: torch.memory_format, weighted: bool
) -> dict:
    """Draw logits and a target, and check that both agree on loss and gradient."""
    rng = torch.Generator().manual_seed(0)
    target = soft_encode(25 * torch.randn(N, 2, H, W, generator=rng), bin_centers())
    v = 2 * torch.rand(N, H, W, generator=rng) if weighted else None
    logits = torch.randn(N, N_BINS, H, W, generator=rng)
    logits = logits.contiguous(memory_format=layout).requires_grad_()
    contestants = {
        "colorlab": lambda: step(sparse, logits, *target, v),
        "torch, dense": lambda: step(dense, logits, *target, v),
    }
    pairs = zip(*(run() for run in contestants.values()), strict=True)
    for ours, theirs in pairs:
        error = (ours - theirs).abs().max() / theirs.abs().max()
        assert error < TOLERANCE, f"{N} x {H} x {W}, {layout}: {error} off"
    return contestants


def main() -> None:
    """Check that both agree, then time: a batch as in training, and large maps."""
    batch, layouts = (40, 56, 56), (torch.channels_last, torch.contiguous_format)
    contests = {}
    for layout in layouts:
        name = str(layout).removeprefix("torch.").replace("_", " ")
        contests[f"loss, {name}"] = contest(*batch, layout, weighted=False)
        contests[f"rebalanced loss, {name}"] = contest(*batch, layout, weighted=True)
    contests["loss, 4 x 400 x 224"] = contest(4, 400, 224, layouts[1], weighted=False)
    about = "Targets, loss and backward, 40 x 313 x 56 x 56"
    save("loss", about, quiet_and_busy(contests, 7))


if __name__ == "__main__":
    main()
