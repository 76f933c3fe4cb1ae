"""What the network is trained to make small (book chapter: losses)."""

from torch import Tensor


def l2_loss(ab_hat: Tensor, ab: Tensor) -> Tensor:
    """Mean over pixels of half the squared ab distance (book chapter: losses).

    Parameters
    ----------
    ab_hat, ab : Tensor, shape (N, 2, H, W)
        Predicted and true chroma, in Lab units.

    Returns
    -------
    Tensor, scalar
        In squared ab units.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Zhang et al. 2016, equation 1, which sums over the pixels; we take the mean, so
    that neither size nor batch changes the scale.
    """
    if ab_hat.shape != ab.shape:
        raise ValueError(
            f"ab_hat and ab must have one shape, got {tuple(ab_hat.shape)} "
            f"and {tuple(ab.shape)}"
        )
    return (ab_hat - ab).square().sum(dim=1).mean() / 2


def soft_cross_entropy(
    logits: Tensor, bins: Tensor, weights: Tensor, pixel_weight: Tensor | None = None
) -> Tensor:
    """Cross-entropy of the prediction under a sparse soft target.

    Parameters
    ----------
    logits : Tensor, shape (N, Q, H, W)
        The network's output, before softmax.
    bins : Tensor of int64, shape (N, k, H, W)
        The target's bins, as `soft_encode` gives them.
    weights : Tensor, shape (N, k, H, W)
        Their weights, which must sum to 1 over dim 1.
    pixel_weight : Tensor, shape (N, H, W), optional
        v of the paper: how much each pixel counts. It multiplies, and is not divided
        by its sum: the rebalancing weights already have mean 1 over the data.

    Returns
    -------
    Tensor, scalar
        In nats, mean over all N * H * W pixels.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Notes
    -----
    Zhang et al. 2016, equations 2 and 3; there the pixels are summed, the authors'
    released layer also divides by the batch size. Since the weights sum to 1,

        -sum_q Z_q log softmax(logits)_q = logsumexp(logits) - sum_i w_i logits[bin_i],

    so the dense target is never built. The minimum is the target's entropy, not 0
    (this is not the KL divergence; the gradients agree). Book chapter: losses.
    """
    N, _, H, W = logits.shape
    if bins.shape != weights.shape or (N, H, W) != (len(bins), *bins.shape[2:]):
        raise ValueError(
            "bins and weights must have shape (N, k, H, W) with the N, H, W of logits "
            f"{tuple(logits.shape)}, got {tuple(bins.shape)} and {tuple(weights.shape)}"
        )
    target_logits = logits.gather(1, bins)  # (N, k, H, W)
    loss = logits.logsumexp(dim=1) - (weights * target_logits).sum(dim=1)
    if pixel_weight is None:
        return loss.mean()
    if pixel_weight.shape != loss.shape:
        raise ValueError(
            f"pixel_weight must have shape {tuple(loss.shape)}, "
            f"got {tuple(pixel_weight.shape)}"
        )
    return (pixel_weight * loss).mean()
