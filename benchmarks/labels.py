"""Train the layers of a colorizer on labels: a ceiling, and how many labels it takes.

    python benchmarks/labels.py IMAGENETTE

The first seven blocks of `class`, the mean of the last one's map and a linear layer
learn Imagenette's ten classes from 1 to 900 labels of each: from random weights ("from
scratch") and from those that coloring taught ("fine-tuned"). Beside them are linear
probes of conv7 with what coloring taught ("frozen") and with random weights ("random,
frozen"), and of every block of the networks that 900 labels made. Two seeds each choose
labels, weights and order. The photos asked are those of
data/lists/imagenette-1000.txt. Both ways have the same steps; which of two learning
rates, is chosen by a fifth of 100 labels a class that is held back. Writes
data/evaluations/labels.json after each cell, and goes on where it was stopped; the
networks of 900 labels come last. About an hour on one idle core.
"""

import json
import sys
from pathlib import Path

import torch
from probe import labels_of, pack, percent, unpack
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import trange

from colorlab import load_pretrained, rgb_to_lab
from colorlab.datasets.batches import image_batches
from colorlab.datasets.sources import ImageSource, find_images
from colorlab.evaluate import find_listed
from colorlab.files import write_json
from colorlab.network import L_MIDDLE, L_RANGE, ColorNet
from colorlab.probe import (
    block_features,
    choose_images,
    probe_features,
    random_twin,
    share_interval,
)
from colorlab.transfer import make_network
from colorlab.weights import shape_of

ROOT = Path(__file__).parents[1]
FILE = ROOT / "data" / "evaluations" / "labels.json"
LIST = ROOT / "data" / "lists" / "imagenette-1000.txt"
NETWORK, BLOCKS = "class", [f"conv{n}" for n in range(1, 8)]
READ, SIZE, BATCH, SEEDS = 72, 64, 32, (0, 1)  # pixels: read, and cut out to be shown
SHOWN = {
    1: 3000,
    5: 4000,
    20: 6000,
    100: 12000,
    900: 36000,
}  # photos, by labels a class
MOST = max(SHOWN)
RATES, CHOOSE_AT, CHOOSE_SHOWN = (3e-3, 1e-3), 100, 4000
DECAY, PROBED = 0.05, 200  # of AdamW; labels a class for the probes of all blocks
TRAINED = ("from scratch", "fine-tuned")
PAIRS = [("fine-tuned", "from scratch"), ("fine-tuned", "frozen")]
PAIRS += [("frozen", "random, frozen")]
IMAGES = 1000  # of the list


class Namer(nn.Module):
    """Blocks of a colorizer, the mean of the last one's map, and a linear layer."""

    def __init__(self, network: ColorNet, classes: int) -> None:
        super().__init__()
        self.network = network
        self.head = nn.Linear(network.conv7[-1].num_features, classes)

    def forward(self, L: Tensor) -> Tensor:
        """Return logits of the classes, shape (N, classes)."""
        x = (L - L_MIDDLE) / L_RANGE
        for block in BLOCKS:
            x = getattr(self.network, block)(x)
        return self.head(x.mean(dim=(2, 3)))


def read_photos(images: ImageSource) -> Tensor:
    """Read lightness, shape (n, 1, READ, READ)."""
    batches = image_batches(images, READ, 100, {})
    return torch.cat([rgb_to_lab(rgb)[:, :1] for rgb in batches])


def middle(L: Tensor) -> Tensor:
    """Cut out the middle, as it is asked about."""
    edge = (READ - SIZE) // 2
    return L[..., edge : edge + SIZE, edge : edge + SIZE]


def cut(L: Tensor, rng: torch.Generator) -> Tensor:
    """Cut out a square of each photo, half of them mirrored."""
    corners = torch.randint(READ - SIZE + 1, (len(L), 2), generator=rng).tolist()
    mirrored = (torch.rand(len(L), generator=rng) < 0.5).tolist()
    squares = [
        x[..., top : top + SIZE, left : left + SIZE]
        for x, (top, left) in zip(L, corners, strict=True)
    ]
    return torch.stack(
        [x.flip(-1) if m else x for x, m in zip(squares, mirrored, strict=True)]
    )


def start(way: str, classes: int, seed: int) -> Namer:
    """Build a network with the weights that a way starts from."""
    trained = load_pretrained(NETWORK)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_network(**shape_of(trained)) if way == TRAINED[0] else trained
        return Namer(network, classes).to(memory_format=torch.channels_last)


def train(namer: Namer, photos: tuple, shown: int, rate: float, seed: int) -> None:
    """Learn from labels, by AdamW under one rise and fall of the learning rate."""
    L, labels = photos
    rng = torch.Generator().manual_seed(seed)
    size = min(BATCH, len(L))
    steps = -(-shown // size)
    optimizer = torch.optim.AdamW(namer.parameters(), rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    order = torch.tensor([], dtype=torch.int64)
    namer.train()
    for _ in trange(steps, leave=False):
        if len(order) < size:
            order = torch.cat([order, torch.randperm(len(L), generator=rng)])
        batch, order = order[:size], order[size:]
        loss = cross_entropy(namer(cut(L[batch], rng)), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    namer.eval()


@torch.inference_mode()
def is_right(namer: Namer, L: Tensor, truth: Tensor) -> Tensor:
    """Tell of each photo whether it is named right."""
    answers = [namer(part).argmax(dim=1) for part in middle(L).split(100)]
    return torch.cat(answers) == truth


@torch.inference_mode()
def features(network: ColorNet, L: Tensor, blocks: list[str]) -> dict[str, Tensor]:
    """Read the features of some blocks."""
    parts = [block_features(network.eval(), part) for part in middle(L).split(100)]
    return {name: torch.cat([part[name] for part in parts]) for name in blocks}


def choose_rate(way: str, known: tuple, classes: int) -> float:
    """Take the learning rate that does best on labels held back."""
    L, labels = known
    few = choose_images(labels, CHOOSE_AT, SEEDS[0])
    held = torch.arange(len(few)) % 5 == 0
    own, other = few[~held], few[held]
    scores = []
    for rate in RATES:
        namer = start(way, classes, SEEDS[0])
        train(namer, (L[own], labels[own]), CHOOSE_SHOWN, rate, SEEDS[0])
        scores.append(int(is_right(namer, L[other], labels[other]).sum()))
    return RATES[scores.index(max(scores))]


def probe_blocks(network: ColorNet, known: tuple, asked: tuple, seed: int) -> dict:
    """Probe each block with PROBED labels of each class."""
    few = choose_images(known[1], PROBED, seed)
    x, y = (features(network, L, BLOCKS) for L in (known[0][few], asked[0]))
    scores = probe_features(x, known[1][few], y, asked[1], PROBED, [seed])
    return {block: pack(score.right) for block, score in scores.items()}


def plan() -> list[tuple[int, int]]:
    """List seeds and numbers of labels; the longest come last."""
    few = [count for count in SHOWN if count < MOST]
    return [(seed, n) for seed in SEEDS for n in few] + [(s, MOST) for s in SEEDS]


def summarize(results: dict) -> None:
    """Add accuracies with intervals, over the seeds that are there."""
    for row, told in (("right", "accuracy"), ("blocks right", "blocks")):
        results[told] = {
            way: {n: percent(share_interval(answers(c))) for n, c in cells.items()}
            for way, cells in results[row].items()
        }
    results["leads"] = {}
    for one, other in PAIRS:
        rows = [results["right"].get(way, {}) for way in (one, other)]
        for n in rows[0]:
            shared = rows[0][n].keys() & rows[1].get(n, {}).keys()
            if shared:
                own, theirs = (
                    answers({seed: row[n][seed] for seed in sorted(shared)})
                    for row in rows
                )
                lead = percent(share_interval(own - theirs))
                results["leads"].setdefault(f"{one} less {other}", {})[n] = lead


def answers(cells: dict[str, list[str]]) -> Tensor:
    """Read the answers of all seeds of a cell, a row each."""
    return torch.cat([unpack(texts, IMAGES) for texts in cells.values()])


class Table:
    """The figures so far, in a file that grows cell by cell."""

    def __init__(self, images: int) -> None:
        self.results = json.loads(FILE.read_text()) if FILE.exists() else {}
        for row in ("right", "blocks right", "rates"):
            self.results.setdefault(row, {})
        self.results |= {"network": NETWORK, "size": SIZE, "images": images}
        self.results |= {"shown": SHOWN, "probed": PROBED}

    def has(self, row: str, way: str, column: object, seed: int) -> bool:
        """Tell whether a cell is filled."""
        cells = self.results[row].get(way, {}).get(str(column), {})
        return str(seed) in cells

    def keep(self, row: str, way: str, column: object, seed: int, right: list) -> None:  # noqa: PLR0913, E501  one a heading
        """Fill a cell, and write the file."""
        cells = self.results[row].setdefault(way, {}).setdefault(str(column), {})
        cells[str(seed)] = right
        summarize(self.results)
        write_json(FILE, self.results)


def probe_frozen(
    table: Table, way: str, network: ColorNet, known: tuple, asked: tuple
) -> None:
    """Fill the cells of one network that stays as it is."""
    last = BLOCKS[-1:]
    x, y = (features(network, L, last) for L, _ in (known, asked))
    for seed, count in plan():
        if not table.has("right", way, count, seed):
            one = probe_features(x, known[1], y, asked[1], count, [seed])
            table.keep("right", way, count, seed, pack(one[last[0]].right))
    for seed in SEEDS:
        if not table.has("blocks right", way, BLOCKS[0], seed):
            for block, cells in probe_blocks(network, known, asked, seed).items():
                table.keep("blocks right", way, block, seed, cells)


def fill(  # noqa: PLR0913  where in the table, and two data sets
    table: Table, way: str, count: int, seed: int, known: tuple, asked: tuple
) -> None:
    """Train one network, and keep its answers."""
    classes = int(known[1].max()) + 1
    if way not in table.results["rates"]:
        table.results["rates"][way] = choose_rate(way, known, classes)
    few = choose_images(known[1], count, seed)
    namer = start(way, classes, seed)
    rate = table.results["rates"][way]
    train(namer, (known[0][few], known[1][few]), SHOWN[count], rate, seed)
    right = is_right(namer, *asked)
    if count == MOST:
        blocks = probe_blocks(namer.network, known, asked, seed)
        for block, cells in blocks.items():
            table.keep("blocks right", way, block, seed, cells)
    table.keep("right", way, count, seed, pack(right[None]))


def main() -> None:
    """Fill the table, cell by cell."""
    data = sys.argv[1]
    sources = [find_images(data, "train"), find_listed(data, LIST)]
    known, asked = (
        (read_photos(images), each)
        for images, each in zip(sources, labels_of(sources), strict=True)
    )
    table = Table(len(asked[0]))
    frozen = load_pretrained(NETWORK)
    few = middle(known[0][:: len(known[0]) // 320][:320])
    twin = random_twin(frozen, few.split(32))
    probe_frozen(table, "frozen", frozen, known, asked)
    probe_frozen(table, "random, frozen", twin, known, asked)
    for seed, count in plan():
        for way in TRAINED:
            if not table.has("right", way, count, seed):
                fill(table, way, count, seed, known, asked)


if __name__ == "__main__":
    main()
