"""Ask a classifier that knows color photos about gray ones and colorized ones.

    python benchmarks/semantic.py IMAGENETTE [NAME=NETWORK ...]

The semantic test of Zhang et al. 2016, section 3.1, in its smallest faithful form. They
ask a VGG network that was trained on ImageNet's color photos; here a small residual
network is trained on Imagenette's, and asked about the validation photos of
data/lists/imagenette-1000.txt in true colors, in gray, in random colors (those of
another photo), and as each network colors them. A second one, alike, learns from gray
photos and is asked about gray ones. Both are kept in out/semantic, so that a network
can be added in minutes. Writes data/evaluations/semantic.json. About a quarter of an
hour on two cores.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from tqdm import tqdm

from colorlab import lab_to_rgb, load_model, load_pretrained, rgb_to_lab
from colorlab.datasets.batches import ImageDataset, central_image
from colorlab.datasets.sources import ImageSource, find_images
from colorlab.decode import T_PAPER
from colorlab.evaluate import find_listed
from colorlab.evaluate.measure import guessed_batches
from colorlab.evaluate.turing import rate_interval
from colorlab.files import write_json
from colorlab.train.config import fast_precision
from colorlab.weights import ASSETS

ROOT = Path(__file__).parents[1]
FILE = ROOT / "data" / "evaluations" / "semantic.json"
LIST = ROOT / "data" / "lists" / "imagenette-1000.txt"
KEPT = ROOT / "out" / "semantic"
WIDTH, TRAIN_SIZE, SIZE = 24, 64, 96
EPOCHS, BATCH, LR, WEIGHT_DECAY, SMOOTHING, SEED = 8, 64, 4e-3, 0.05, 0.1, 0
RESAMPLES = 2000


class Block(nn.Module):
    """Halve the picture, then add two convolutions to what passes by."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.down = _convolution(inputs, channels, stride=2)
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, C, H, W) to (N, channels, H/2, W/2)."""
        x = self.down(x).relu()
        return (x + self.second(self.first(x).relu())).relu()


def _convolution(inputs: int, channels: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(channels))


def classifier(classes: int) -> nn.Sequential:
    """Build the small residual network: color pictures in, class scores out."""
    channels = [3, WIDTH, 2 * WIDTH, 4 * WIDTH, 8 * WIDTH]
    blocks = [Block(*pair) for pair in zip(channels, channels[1:], strict=False)]
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)]
    return nn.Sequential(*blocks, *pool, nn.Linear(channels[-1], classes))


def labels(photos: ImageSource) -> tuple[Tensor, list[str]]:
    """Read each photo's class from its folder's name."""
    folders = [Path(photos.name(n)).parent.name for n in range(len(photos))]
    classes = sorted(set(folders))
    return torch.tensor([classes.index(folder) for folder in folders]), classes


def show(rgb: Tensor) -> Tensor:
    """Scale pictures in [0, 1] to about -2..2, channels last."""
    return ((rgb - 0.5) * 4).contiguous(memory_format=torch.channels_last)


def in_gray(rgb: Tensor) -> Tensor:
    """Keep the lightness of pictures in [0, 1]."""
    L = rgb_to_lab(rgb)[:, :1]
    return lab_to_rgb(torch.cat([L, torch.zeros_like(L).expand(-1, 2, -1, -1)], dim=1))


def trained(photos: ImageSource, gray: bool) -> nn.Module:
    """Train a classifier, or load it from the last time."""
    file = KEPT / f"{'gray' if gray else 'color'}.pt"
    if file.exists():
        network = classifier(len(labels(photos)[1]))
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval()
    network = train(photos, gray)
    KEPT.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), file)
    return network


def train(photos: ImageSource, gray: bool) -> nn.Module:
    """Train the classifier on color photos, or on gray ones."""
    torch.manual_seed(SEED)
    known, classes = labels(photos)
    network = classifier(len(classes)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (len(photos) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, steps, pct_start=0.2)
    rng = torch.Generator().manual_seed(SEED)
    plan = [
        [(epoch, 0, n) for n in batch.tolist()]
        for epoch in range(EPOCHS)
        for batch in torch.randperm(len(photos), generator=rng).split(BATCH)
        if len(batch) == BATCH
    ]
    crops = ImageDataset([(photos, TRAIN_SIZE)], SEED)
    loader = DataLoader(crops, batch_sampler=plan, num_workers=1, collate_fn=list)
    bf16 = fast_precision() == "bf16"
    for indices, items in zip(plan, tqdm(loader, total=len(plan)), strict=True):
        rgb = torch.stack([item[0] for item in items]).float() / 255
        rgb = in_gray(rgb) if gray else rgb
        wanted = known[[number for _, _, number in indices]]
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            scores = network(show(rgb))
        loss = cross_entropy(scores.float(), wanted, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def ask(
    network: nn.Module, photos: ImageSource, others: ImageSource, model: nn.Module
) -> dict[str, Tensor]:
    """Ask a classifier about each photo in each kind of color: right or wrong."""
    wanted, _ = labels(photos)
    drawn = torch.Generator().manual_seed(SEED)
    right: dict[str, list[Tensor]] = {}
    at = 0
    for L, ab, guesses in guessed_batches(model, photos, T_PAPER, SIZE, tqdm):
        strangers = torch.randint(len(others), (len(L),), generator=drawn).tolist()
        rgb = torch.stack([central_image(others.open(n), SIZE) for n in strangers])
        kinds = {"true": ab, "gray": 0 * ab, "random": rgb_to_lab(rgb)[:, 1:]}
        for kind, chroma in (kinds | {"painted": guesses["network"].ab}).items():
            scores = network(show(lab_to_rgb(torch.cat([L, chroma], dim=1))))
            said = scores.argmax(dim=1) == wanted[at : at + len(L)]
            right.setdefault(kind, []).append(said)
        at += len(L)
    return {kind: torch.cat(parts) for kind, parts in right.items()}


def above_gray(right: Tensor, gray: Tensor) -> tuple[float, float, float]:
    """Return the gain over gray with its 95 % interval: the same photos, resampled."""
    gain = right.double() - gray.double()
    rng = torch.Generator().manual_seed(SEED)
    draws = torch.randint(len(gain), (RESAMPLES, len(gain)), generator=rng)
    means = gain[draws].mean(dim=1)
    low, high = means.quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    return gain.mean().item(), low, high


def main(imagenette: str, *named: str) -> None:
    """Train, ask, write."""
    known, photos = find_images(imagenette, "train"), find_listed(imagenette, LIST)
    network, learned_gray = (trained(known, gray) for gray in (False, True))
    shipped = sorted(file.stem for file in ASSETS.glob("*.safetensors"))
    networks = {name: load_pretrained(name) for name in shipped}
    networks |= {n: load_model(path) for n, path in (x.split("=") for x in named)}
    right = {}
    for name, model in networks.items():
        answers = ask(network, photos, known, model)
        right |= {kind: answers[kind] for kind in ("true", "gray", "random")}
        right[name] = answers["painted"]
    right["gray, learned from gray"] = ask(learned_gray, photos, known, model)["gray"]
    percent = {
        kind: {
            "accuracy": [
                round(100 * x, 2) for x in rate_interval(int(said.sum()), len(said))
            ],
            "above_gray": [round(100 * x, 2) for x in above_gray(said, right["gray"])],
        }
        for kind, said in right.items()
    }
    parameters = sum(p.numel() for p in network.parameters())
    about = {
        "data": "imagenette",
        "photos": len(photos),
        "size": SIZE,
        "T": 0.38,
        "parameters": parameters,
        "epochs": EPOCHS,
    }
    write_json(FILE, {**about, "percent": percent})
    for kind, row in percent.items():
        print(kind, row)  # noqa: T201 - a script


if __name__ == "__main__":
    main(*sys.argv[1:])
