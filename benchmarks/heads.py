"""Train heads for color in the manner of three systems of 2016, all alike otherwise.

    python benchmarks/heads.py DATA [DATA ...]

Photos as for `descriptors.py`; the encoder is frozen, and every head has the same
layers, steps and batches. It answers with ab, by squared error, from all four maps of
the encoder (Dahl); or from three, without and with one vector for the whole photo
(Iizuka et al.); with histograms of hue and of chroma (Larsson et al.); or with 313 bins
(Zhang et al., without rebalancing). Then two photos of the book exchange that vector.
Writes data/evaluations/heads.json. Some ten minutes on one core.
"""

import sys
from pathlib import Path

import torch
from descriptors import SIZE, encode, measure, named_encoder, read_photos
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from colorlab import annealed_mean, bin_centers, rgb_to_lab, soft_encode, upsample
from colorlab.datasets.batches import central_image
from colorlab.files import write_json
from colorlab.losses import l2_loss, label_ab, soft_cross_entropy
from colorlab.transfer import READ, STAGES, TYPICAL

ROOT = Path(__file__).parents[1]
FILE = ROOT / "data" / "evaluations" / "heads.json"
WIDTH, STEPS, BATCH, LR, SEEDS = 48, 400, 16, 2e-3, (0, 1)
SCALE = 20.0  # ab units: a head's numbers are about 1
BINS, CHROMA_STEP = 32, 4.0  # of hue and of chroma; ab units
HUES = (torch.arange(BINS) + 0.5) * 2 * torch.pi / BINS - torch.pi
PAIRS = (("autumn-ridge", "summit-sunset"), ("forest-stream", "rocket-at-dusk"))


class Head(nn.Module):
    """The head of `BorrowedNet`, narrower, over some of the encoder's maps."""

    def __init__(self, outputs: int, maps: int = 4, whole: bool = False) -> None:
        super().__init__()
        channels = [STAGES[stage][-1] for stage in READ]
        self.lateral = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in channels[:maps])
        self.whole = nn.Linear(channels[-1], WIDTH) if whole else None
        self.refine = nn.ModuleList(
            nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU())
            for _ in range(2)
        )
        self.output = nn.Conv2d(WIDTH, outputs, 1)

    def forward(self, maps: list[Tensor], of: Tensor | None = None) -> Tensor:
        """Answer at stride 4; `of`: the coarsest map that the vector is taken from."""
        pairs = [*zip(self.lateral, maps, strict=False)]
        x = 0
        for lateral, seen in reversed(pairs):
            x = lateral(seen / TYPICAL) + (
                interpolate(x, scale_factor=2, mode="bilinear")
                if torch.is_tensor(x)
                else 0
            )
        if self.whole is not None:
            vector = (maps[-1] if of is None else of).mean(dim=(2, 3)) / TYPICAL
            x = x + self.whole(vector)[:, :, None, None]
        for refine in self.refine:
            x = x + refine(x)
        return self.output(x)


def hue_and_chroma(ab: Tensor) -> tuple[Tensor, Tensor]:
    """Return polar coordinates, (N, H, W) each: radians, and ab units."""
    return torch.atan2(ab[:, 1], ab[:, 0]), ab.norm(dim=1)


def histogram_loss(output: Tensor, ab: Tensor) -> Tensor:
    """Cross-entropy of chroma, and of hue by chroma: gray has none (Larsson et al.)."""
    hue, chroma = hue_and_chroma(ab)
    hue_bin = ((hue + torch.pi) / (2 * torch.pi) * BINS).long().clamp(0, BINS - 1)
    chroma_bin = (chroma / CHROMA_STEP).long().clamp(max=BINS - 1)
    each = cross_entropy(output[:, :BINS], hue_bin, reduction="none")
    weight = chroma / chroma.mean()
    return (weight * each).mean() + cross_entropy(output[:, BINS:], chroma_bin)


def read_histograms(output: Tensor) -> Tensor:
    """Decode: the median chroma, and the direction of the mean hue on the circle."""
    hue, chroma = output.split(BINS, dim=1)
    median = (chroma.softmax(1).cumsum(1) < 0.5).sum(dim=1, keepdim=True)
    around = torch.stack([HUES.cos(), HUES.sin()])
    mean = torch.einsum("nqhw,dq->ndhw", hue.softmax(1), around)
    return (median + 0.5) * CHROMA_STEP * mean / mean.norm(dim=1, keepdim=True)


def bins_loss(output: Tensor, ab: Tensor) -> Tensor:
    """Cross-entropy on the 313 bins, all of them alike."""
    return soft_cross_entropy(output, *soft_encode(ab, bin_centers()))


def squared(output: Tensor, ab: Tensor) -> Tensor:
    """Half the squared error, in units of SCALE."""
    return l2_loss(output, ab / SCALE)


def scaled(output: Tensor) -> Tensor:
    """Return ab in Lab units."""
    return output * SCALE


def read_bins(output: Tensor) -> Tensor:
    """Decode by the annealed mean at 0.38."""
    return annealed_mean(output, bin_centers())


SYSTEMS = {
    "Dahl: four maps, squared error": (squared, scaled, {"outputs": 2}),
    "three maps, squared error": (squared, scaled, {"outputs": 2, "maps": 3}),
    "Iizuka: three maps and one vector, squared error": (
        *(squared, scaled),
        {"outputs": 2, "maps": 3, "whole": True},
    ),
    "Larsson: four maps, hue and chroma": (
        *(histogram_loss, read_histograms),
        {"outputs": 2 * BINS},
    ),
    "Zhang: four maps, 313 bins": (bins_loss, read_bins, {"outputs": 313}),
}


def train(head: Head, maps: list[Tensor], ab: Tensor, loss_of: object) -> Head:
    """Train a head on what the frozen encoder sees."""
    optimizer = torch.optim.AdamW(head.parameters(), LR, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=STEPS)
    rng = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        at = torch.randint(len(ab), (BATCH,), generator=rng)
        loss = loss_of(head([seen[at] for seen in maps]), ab[at])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return head.eval()


@torch.inference_mode()
def exchange(head: Head, encoder: nn.Module) -> dict[str, list]:
    """Color photos of the book with their own vector and with the other's: ab bytes."""
    told = {}
    for pair in PAIRS:
        files = [ROOT / "data" / "photos" / f"{name}.jpg" for name in pair]
        lab = rgb_to_lab(torch.stack([central_image(file, SIZE) for file in files]))
        maps = encode(encoder, lab)
        for way, of in (("own", maps[-1]), ("other", maps[-1].flip(0))):
            for name, ab in zip(pair, SCALE * head(maps, of), strict=True):
                told[f"{name}, {way}"] = ab.round().int().flatten(1).tolist()
    return told


def main(*folders: str) -> None:
    """Train all heads, ask, exchange, write."""
    lab = read_photos([*folders])
    encoder = named_encoder()
    maps, others = (encode(encoder, part) for part in lab)
    ab, middle = label_ab(lab[0][:, 1:]), lab[0][:, 1:].mean(dim=(0, 2, 3))
    rows = {"gray": [measure(lab[1], torch.zeros_like(lab[1][:, 1:]), middle)]}
    for name, (loss_of, decode, shape) in SYSTEMS.items():
        for seed in SEEDS:
            torch.manual_seed(seed)
            head = train(Head(**shape), maps, ab, loss_of)
            with torch.inference_mode():
                told = upsample(decode(head(others)), (SIZE, SIZE))
            rows.setdefault(name, []).append(measure(lab[1], told, middle))
            print(name, rows[name][-1], flush=True)  # noqa: T201 - a script
        if "whole" in shape:
            exchanged = exchange(head, encoder)
            with torch.inference_mode():
                swapped = head(others, others[-1].roll(1, dims=0))
            moved = upsample(SCALE * swapped, (SIZE, SIZE)) - told
            distance = round(moved.norm(dim=1).mean().item(), 2)
    about = {
        "data": [Path(folder).name for folder in folders],
        "photos": [len(part) for part in lab],
        "size": SIZE,
        "steps": STEPS,
        "batch": BATCH,
        "moved by another photo's vector": distance,
    }
    write_json(FILE, {**about, "rows": rows, "exchanged": exchanged})


if __name__ == "__main__":
    main(*sys.argv[1:])
