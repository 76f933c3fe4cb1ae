"""How runs go from three starts: random filters, unit responses, k-means filters.

Zhang et al. 2016 start from filters that k-means finds in the data (magic_init). Here
the same loop starts from PyTorch's random filters, from these scaled so that every
response has mean 0 and variance 1, and from k-means filters scaled so. What counts is
the loss on held-out photos. `init.py DATA` takes a data set of your own.
"""

import sys
import tempfile
from pathlib import Path

import torch
from measure import save
from photos import write_photos
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn
from torch.nn.functional import unfold

from colorlab import ColorNet, rgb_to_lab
from colorlab.datasets.batches import training_batches
from colorlab.datasets.sources import find_images
from colorlab.train.config import TrainConfig
from colorlab.train.loop import train
from colorlab.train.run import read_records

SEEDS, PATCHES, FLOOR = 2, 20_000, 1e-3  # FLOOR: of the whitening, as in magic_init
CONFIG = TrainConfig(
    width=8,
    size=32,
    batch_size=32,
    steps=300,
    lr=5e-3,
    warmup=50,
    save_every=300,
    workers=0,
)


@torch.no_grad()
def from_data(model: ColorNet, L: Tensor, clusters: bool, seed: int) -> ColorNet:
    """Set each convolution by what it is given: unit responses, maybe of k-means."""
    model.train()  # batch norm by this batch

    def set_up(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        if clusters and isinstance(layer, nn.Conv2d):
            layer.weight.copy_(_clusters(layer, inputs[0], seed))
        layer.bias.zero_()
        response = layer.forward(inputs[0])
        mean, std = response.mean((0, 2, 3)), response.std((0, 2, 3)) + 1e-6
        outputs = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
        shape = [1, 1, 1, 1]
        shape[outputs] = -1
        layer.weight /= std.view(shape)
        layer.bias.copy_(-mean / std)

    convolutions = (nn.Conv2d, nn.ConvTranspose2d)
    hooks = [
        layer.register_forward_pre_hook(set_up)
        for layer in model.modules()
        if isinstance(layer, convolutions) and layer is not model.output
    ]
    model(L)
    for hook in hooks:
        hook.remove()
    return model


def _clusters(layer: nn.Conv2d, x: Tensor, seed: int) -> Tensor:
    """Give the centers of whitened patches, as filters."""
    patches = unfold(x, layer.kernel_size, layer.dilation, layer.padding)
    patches = patches.transpose(1, 2).flatten(0, 1)
    rng = torch.Generator().manual_seed(seed)
    patches = patches[torch.randperm(len(patches), generator=rng)[:PATCHES]]
    patches = patches - patches.mean(0)
    values, axes = torch.linalg.eigh(patches.T @ patches / len(patches))
    whiten = axes / (values.clamp(min=0) + FLOOR).sqrt()
    means = MiniBatchKMeans(layer.out_channels, random_state=seed, n_init=1)
    centers = means.fit((patches @ whiten).numpy()).cluster_centers_
    return (torch.from_numpy(centers).float() @ whiten.T).view_as(layer.weight)


def main() -> None:
    """Train from each start, seed by seed."""
    losses = {"PyTorch's": [], "unit responses": [], "k-means": []}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(sys.argv[1] if len(sys.argv) > 1 else Path(folder, "photos"))
        if len(sys.argv) == 1:
            write_photos(data, 2048, size=CONFIG.size)
        batches = training_batches([(find_images(data), CONFIG.size)], 256, seed=99)
        L = rgb_to_lab(next(batches).rgb)[:, :1]
        for seed in range(SEEDS):
            for name, each in losses.items():
                torch.manual_seed(seed)
                model = ColorNet(CONFIG.width)
                if each is not losses["PyTorch's"]:
                    model = from_data(model, L, name == "k-means", seed)
                out = Path(folder, f"{name}-{seed}")
                train([(data, None)], out, CONFIG, init=model)
                each.append(read_records(out / "metrics.jsonl")[-1]["held_out"])
    about = f"Loss after {CONFIG.steps} steps, by start, on {data.name}"
    save("init", about, {"held-out loss": losses}, unit="nats")


if __name__ == "__main__":
    main()
