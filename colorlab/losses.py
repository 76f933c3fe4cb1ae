"""Training losses: L2 and (rebalanced) soft cross-entropy (book chapter: losses)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import avg_pool2d

from colorlab._tiles import each_tile, in_memory
from colorlab.prior import load_prior, rebalance_weights, smooth_prior
from colorlab.quantize import N_NEIGHBORS, soft_encode
from colorlab.transfer import Network

LABEL_STRIDE = 4  # the network's output is a quarter of its input
NOT_GRAY = 5.0  # ab units; an image with no |a| or |b| above it teaches no color
TILE = 2**19  # logits: 2 MB in float32, so that all steps stay in the cache


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
        If the shapes differ or either holds integers.

    Notes
    -----
    Zhang et al. 2016, equation 1, which sums over the pixels; we take the mean, so
    that neither size nor batch changes the scale.

    Examples
    --------
    >>> l2_loss(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), torch.zeros(1, 2, 1, 1))
    tensor(12.5000)
    """
    _check_floats(ab_hat=ab_hat, ab=ab)
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
        The target's bins, as from `soft_encode`.
    weights : Tensor, shape (N, k, H, W)
        Their weights, which must sum to 1 over dim 1.
    pixel_weight : Tensor, shape (N, H, W), optional
        v of the paper: how much each pixel counts. It multiplies, and is not divided
        by its sum: the rebalancing weights already have mean 1 under their prior.

    Returns
    -------
    Tensor, scalar
        In nats, mean over all N * H * W pixels. Half-precision logits are computed
        in float32, and give a float32 loss.

    Raises
    ------
    ValueError
        If the shapes or dtypes do not fit together, or if `weights` or `pixel_weight`
        asks for a gradient: it flows to the logits alone, and once (on the CPU there
        are no second derivatives).

    Notes
    -----
    Zhang et al. 2016, equations 2 and 3; there the pixels are summed, the authors'
    released layer also divides by the batch size. Since the weights sum to 1,

        -sum_q Z_q log softmax(logits)_q = logsumexp(logits) - sum_i w_i logits[bin_i],

    so the dense target is never built. The gradient, softmax(logits) - Z, needs the
    same exponentials, so on the CPU both come from one pass, tile by tile. On other
    devices the whole batch takes torch's own log-softmax, which is few operations.
    The minimum is the target's entropy, not 0 (this is not the KL divergence; the
    gradients agree). Book chapter: losses.

    Examples
    --------
    Two bins: a prediction of 0.8 and 0.2, a target of all and nothing.

    >>> logits = torch.tensor([0.8, 0.2]).log().view(1, 2, 1, 1)
    >>> bins, weights = torch.tensor([[0], [1]]), torch.tensor([[1.0], [0.0]])
    >>> bins, weights = bins.view(1, 2, 1, 1), weights.view(1, 2, 1, 1)
    >>> soft_cross_entropy(logits, bins, weights).exp()  # 1 / 0.8
    tensor(1.2500)
    """
    _check_target(logits, bins, weights, pixel_weight)
    if not in_memory(logits):
        return _whole_cross_entropy(logits, bins, weights, pixel_weight)
    if logits.requires_grad and torch.is_grad_enabled():
        return _CrossEntropy.apply(logits, bins, weights, pixel_weight)
    return _tiled_cross_entropy(logits, bins, weights, pixel_weight)


def _check_target(
    logits: Tensor, bins: Tensor, weights: Tensor, pixel_weight: Tensor | None
) -> None:
    N, _, H, W = logits.shape
    if bins.shape != weights.shape or (N, H, W) != (len(bins), *bins.shape[2:]):
        raise ValueError(
            "bins and weights must have shape (N, k, H, W) with the N, H, W of logits "
            f"{tuple(logits.shape)}, got {tuple(bins.shape)} and {tuple(weights.shape)}"
        )
    if pixel_weight is not None and pixel_weight.shape != (N, H, W):
        raise ValueError(
            f"pixel_weight must have shape {(N, H, W)}, got {tuple(pixel_weight.shape)}"
        )
    if bins.dtype != torch.int64:
        raise ValueError(f"bins must be int64, got {bins.dtype}")
    _check_floats(logits=logits, weights=weights, pixel_weight=pixel_weight)
    others = (each for each in (weights, pixel_weight) if each is not None)
    if any(each.requires_grad for each in others):
        raise ValueError("weights and pixel_weight must not require a gradient")


def _check_floats(**tensors: Tensor | None) -> None:
    for name, tensor in tensors.items():
        if tensor is not None and not tensor.is_floating_point():
            raise ValueError(f"{name} must be floats, got {tensor.dtype}")


class _CrossEntropy(torch.autograd.Function):
    """Hand autograd the gradient that was computed together with the loss."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        bins: Tensor,
        weights: Tensor,
        pixel_weight: Tensor | None,
    ) -> Tensor:
        order = torch.channels_last
        if not logits.is_contiguous(memory_format=order):
            order = torch.contiguous_format
        exact = torch.promote_types(logits.dtype, torch.float32)  # scaled, then rounded
        gradient = torch.empty_like(logits, dtype=exact, memory_format=order)
        loss = _tiled_cross_entropy(logits, bins, weights, pixel_weight, gradient)
        ctx.save_for_backward(gradient)
        ctx.dtype = logits.dtype
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        if scale != 1:  # spare the copy in the usual case, `loss.backward()`
            gradient = gradient * scale
        return gradient.to(ctx.dtype), None, None, None


def _whole_cross_entropy(
    logits: Tensor, bins: Tensor, weights: Tensor, pixel_weight: Tensor | None
) -> Tensor:
    """Compute the mean loss by torch's own operations, on the whole batch."""
    exact = torch.promote_types(logits.dtype, torch.float32)
    log_Z_hat = logits.to(exact).log_softmax(dim=1).gather(1, bins)
    each = -(weights.to(exact) * log_Z_hat).sum(dim=1)
    return (each if pixel_weight is None else pixel_weight.to(exact) * each).mean()


def _tiled_cross_entropy(
    logits: Tensor,
    bins: Tensor,
    weights: Tensor,
    pixel_weight: Tensor | None,
    gradient: Tensor | None = None,
) -> Tensor:
    """Compute the mean loss and, if there is a tensor for it, fill in its gradient."""
    exact = torch.promote_types(logits.dtype, torch.float32)
    N, Q, H, W = logits.shape
    logits, bins, weights = (each.flatten(2) for each in (logits, bins, weights))
    v = None if pixel_weight is None else pixel_weight.flatten(1)
    slopes = None if gradient is None else gradient.flatten(2)

    def work(images: slice, part: slice) -> Tensor:
        share = logits.new_tensor(1 / (N * H * W), dtype=exact)  # in the mean
        if v is not None:
            share = share * v[images, part].to(exact)[:, None]
        return _cross_entropy(
            logits[images, :, part].to(exact),
            bins[images, :, part],
            weights[images, :, part].to(exact),
            share,
            None if slopes is None else slopes[images, :, part],
        )

    parts = each_tile(work, N, H * W, max(1, TILE // Q))
    return torch.stack(parts).sum() if parts else logits.new_zeros((), dtype=exact)


def _cross_entropy(
    logits: Tensor, bins: Tensor, weights: Tensor, share: Tensor, slope: Tensor | None
) -> Tensor:
    """Sum the loss over a tile, (n, Q, pixels), and fill in its gradient, `slope`."""
    shifted = logits - logits.amax(dim=1, keepdim=True)  # at most 0
    expected = (weights * shifted.gather(1, bins)).sum(dim=1, keepdim=True)
    Z_hat = shifted.exp_()  # but for the division by the sum
    total = Z_hat.sum(dim=1, keepdim=True)
    if slope is not None:
        Z_hat *= share / total
        slope.copy_(Z_hat.scatter_add_(1, bins, -share * weights))
    return (share * (total.log() - expected)).sum()


def label_ab(ab: Tensor, labels: str = "mean") -> Tensor:
    """Reduce the true chroma to the size of the network's output.

    Parameters
    ----------
    ab : Tensor, shape (N, 2, H, W)
        In Lab units; H and W multiples of 4.
    labels : str
        "mean" of each 4x4 pixels, or "point": the first of each, as the authors did.

    Returns
    -------
    Tensor, shape (N, 2, H/4, W/4)
        In Lab units. Book chapter: datasets.

    Examples
    --------
    >>> ramp = torch.arange(8.0).expand(1, 2, 4, 8)
    >>> label_ab(ramp)[0, 0], label_ab(ramp, "point")[0, 0]
    (tensor([[1.5000, 5.5000]]), tensor([[0., 4.]]))
    """
    if labels == "mean":
        return avg_pool2d(ab, LABEL_STRIDE)
    return ab[..., ::LABEL_STRIDE, ::LABEL_STRIDE]


def color_loss(
    output: Tensor,
    ab: Tensor,
    head: str,
    centers: Tensor,
    w: Tensor,
    k: int = N_NEIGHBORS,
    skip_gray: bool = False,
) -> Tensor:
    """Compare the network's output with the true chroma (book chapter: losses).

    Parameters
    ----------
    output : Tensor, shape (N, Q, h, w) or (N, 2, h, w)
        The network's output.
    ab : Tensor, shape (N, 2, h, w)
        Truth, in Lab units.
    head : str
        Kind of the output: "bins" (logits) or "ab".
    centers : Tensor, shape (Q, 2)
        Bin centers.
    w : Tensor, shape (Q,)
        Weight of a pixel, by its nearest bin.
    k : int
        Bins that share a pixel.
    skip_gray : bool
        Photos with no |a| or |b| above 5 count 0; the mean is still over all.

    Returns
    -------
    Tensor, scalar
        `l2_loss` for an ab head, else rebalanced `soft_cross_entropy`.

    Notes
    -----
    The gray filter is the NonGrayMaskLayer of the authors' code, which looks at the
    labels of each photo.

    Examples
    --------
    Answering 0 to all bins says that all 313 are alike; the loss is ln 313.

    >>> from colorlab.quantize import bin_centers
    >>> output, ab = torch.zeros(1, 313, 2, 2), torch.full((1, 2, 2, 2), 30.0)
    >>> color_loss(output, ab, "bins", bin_centers(), w=torch.ones(313))
    tensor(5.7462)
    """
    colorful = (ab.abs() > NOT_GRAY).flatten(1).any(dim=1)[:, None, None]
    if head == "ab":
        return l2_loss(
            *(x * colorful[:, None] if skip_gray else x for x in (output, ab))
        )
    bins, weights = soft_encode(ab, centers, k)
    v = w[bins[:, 0]]  # (N, h, w)
    return soft_cross_entropy(output, bins, weights, v * colorful if skip_gray else v)


def logit_adjustment(p: Tensor, lam: float, before: float = 1.0) -> Tensor:
    """Return what to add to logits to emulate training with another lambda.

    Parameters
    ----------
    p : Tensor of floats, shape (Q,)
        The (smoothed) prior.
    lam : float
        Lambda wanted, from 0 to 1.
    before : float
        Lambda of the training; 1 is no weights.

    Returns
    -------
    Tensor of float64, shape (Q,)
        The same for all pixels, so it may be added to the last layer's bias.

    Notes
    -----
    The best answer under weights w is proportional to p * w, so the logits differ by
    log w; a trained network is only near it. For classes: Menon et al. 2021, "logit
    adjustment". Book chapter: losses.

    Examples
    --------
    What is added to the logits of a common and a rare bin:

    >>> logit_adjustment(torch.tensor([0.9, 0.1]), lam=0.5).round(decimals=2)
    tensor([-0.1300,  0.7200], dtype=torch.float64)
    """
    return rebalance_weights(p, lam).log() - rebalance_weights(p, before).log()


def adjust_logits(network: Network, lam: float) -> None:
    """Have a network answer as if trained with another lambda, in place.

    Parameters
    ----------
    network : Network
        Its card says with which lambda, and which prior, it was trained.
    lam : float
        Lambda wanted, from 0 to 1; the card says so afterwards.

    Raises
    ------
    ValueError
        If the network gives no distribution, or its card does not say.

    Examples
    --------
    >>> from colorlab.weights import load_pretrained
    >>> network = load_pretrained("tiny")
    >>> adjust_logits(network, 0.9)
    >>> network.card["lam"]
    0.9
    """
    config = network.card.get("config", {})
    if network.head != "bins" or "lam" not in config:
        raise ValueError(
            "lam must be left out for a network that gives no distribution, or whose "
            "card does not say with which lambda it was trained"
        )
    trained = config["lam"] if config.get("loss") == "rebal" else 1.0
    before = network.card.get("lam", trained)
    bias = network.get_parameter("output.bias")
    bias.data += logit_adjustment(trained_prior(network), lam, before).to(bias)
    network.card["lam"] = lam


def trained_prior(network: Network) -> Tensor:
    """Return the smoothed prior from which a network's training took its weights.

    Parameters
    ----------
    network : Network
        Its card has a copy, or names one that ships; else it was Tiny ImageNet's.

    Returns
    -------
    Tensor of float64, shape (Q,)
        As from `smooth_prior`.

    Examples
    --------
    >>> from colorlab.weights import load_pretrained
    >>> trained_prior(load_pretrained("tiny")).shape
    torch.Size([313])
    """
    if copy := network.card.get("prior"):
        return torch.tensor(copy, dtype=torch.float64)
    name = network.card.get("config", {}).get("prior", "tiny-imagenet")
    return smooth_prior(load_prior(name), network.centers)
