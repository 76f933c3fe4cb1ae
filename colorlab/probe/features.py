"""What each block of a network answers, as features of images (book chapter: probe)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, normalize

from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource
from colorlab.lab import rgb_to_lab
from colorlab.transfer import BorrowedNet, Network, make_network
from colorlab.weights import calibrate, shape_of

GRID = 4  # cells of a block's map, each way, that features are averaged over
SIZE = 128  # pixels, as in the measuring protocol
AT_ONCE = 32  # images in a batch
NEIGHBORS = 20

Features = dict[str, Tensor]  # for each block: images, channels, GRID, GRID


def blocks(model: Network) -> dict[str, nn.Module]:
    """Return the parts of a network whose answers are probed.

    Parameters
    ----------
    model : Network
        Any network.

    Returns
    -------
    dict of str to Module
        conv1 to conv8 of the paper's network; the seven stages of a pretrained encoder.

    Examples
    --------
    >>> from colorlab import ColorNet
    >>> [*blocks(ColorNet(width=2))][-2:]
    ['conv7', 'conv8']
    """
    if isinstance(model, BorrowedNet):
        return {f"stage{n}": stage for n, stage in enumerate(model.stages, start=1)}
    return {n: m for n, m in model.named_children() if n.startswith("conv")}


@torch.inference_mode()
def block_features(model: Network, L: Tensor) -> Features:
    """Return what each block answers, averaged over the cells of a grid.

    Parameters
    ----------
    model : Network
        In eval mode.
    L : Tensor, shape (N, 1, H, W)
        Lightness in Lab units.

    Returns
    -------
    dict of str to Tensor, shape (N, C, 4, 4)
        For each block, in order. The mean over the grid is that of the whole map.

    Examples
    --------
    >>> from colorlab import ColorNet
    >>> answers = block_features(ColorNet(width=2).eval(), torch.zeros(1, 1, 32, 32))
    >>> answers["conv4"].shape
    torch.Size([1, 16, 4, 4])
    """
    found: Features = {}

    def keep(name: str) -> Callable[[nn.Module, tuple, Tensor], None]:
        def hook(_: nn.Module, __: tuple, answer: Tensor) -> None:
            found[name] = adaptive_avg_pool2d(answer, GRID)

        return hook

    with ExitStack() as hooks:
        for name, module in blocks(model).items():
            hooks.enter_context(module.register_forward_hook(keep(name)))
        model(L)
    return found


def read_features(
    model: Network,
    images: ImageSource,
    size: int = SIZE,
    skipped: dict[str, str] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Features:
    """Show all images of a data set to a network, in gray, and keep its features.

    Parameters
    ----------
    model : Network
        Is set to eval mode.
    images : ImageSource
        A data set.
    size : int
        The middle square of each image is resized to this.
    skipped : dict, optional
        Takes up the images that cannot be read, and why.
    progress : callable, optional
        Wraps the numbers of the images, for a progress bar.

    Returns
    -------
    dict of str to Tensor, shape (n, C, 4, 4)
        On the CPU, for each block; n images could be read.
    """
    skipped = {} if skipped is None else skipped
    model.eval()
    found: dict[str, list[Tensor]] = defaultdict(list)
    for rgb in image_batches(images, size, AT_ONCE, skipped, progress):
        L = rgb_to_lab(rgb.to(model.centers.device))[:, :1]
        for name, answer in block_features(model, L).items():
            found[name].append(answer.cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def nearest_images(x: Tensor, known: Tensor, count: int = NEIGHBORS) -> Tensor:
    """Find the images whose features point most nearly the same way.

    Parameters
    ----------
    x : Tensor, shape (n, D)
        Features of some images.
    known : Tensor, shape (m, D)
        Of others, or the same.
    count : int
        Neighbors wanted, at most m.

    Returns
    -------
    Tensor of int64, shape (n, count)
        Rows of `known`, by cosine, the nearest first.

    Raises
    ------
    ValueError
        If there are not so many.

    Examples
    --------
    >>> known = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> nearest_images(torch.tensor([[2.0, 0.1]]), known, count=2)
    tensor([[0, 2]])
    """
    if not 1 <= count <= len(known):
        raise ValueError(f"count must be in 1..{len(known)}, got {count}")
    return (normalize(x) @ normalize(known).T).topk(count, dim=1).indices


def random_twin(model: Network, L: Sequence[Tensor], seed: int = 0) -> Network:
    """Return the same layers with random weights: what the shape alone is worth.

    Parameters
    ----------
    model : Network
        Gives the layers.
    L : sequence of Tensor, shape (N, 1, H, W)
        Lightness of photos, by which its batch norm is measured.
    seed : int
        Of the weights.

    Returns
    -------
    Network
        In eval mode, on the device of `L`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        twin = make_network(**shape_of(model), frozen_norm=False)
    return calibrate(twin.to(L[0].device), L)
