"""`colorlab colorize --samples`: several different colorings of one image."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image

    from colorlab.alternatives import Alternatives
    from colorlab.colorize import Predict, Size
    from colorlab.transfer import Network


class Samples(NamedTuple):
    """What was asked for: how many, drawn how, and which of them alone."""

    wanted: int
    seed: int
    pick: int | None

    def __str__(self) -> str:
        """Say in a few words how they were drawn."""
        which = f"number {self.pick} of " if self.pick else ""
        return f"{which}{self.wanted} samples drawn with seed {self.seed}"

    def place(
        self, targets: dict[Path, Path], network: "Network", out: str
    ) -> dict[Path, Path]:
        """Name the result as asked for, else unlike a plain one.

        Raises
        ------
        ValueError
            If there is not one image, or the network answers without bins.
        """
        if len(targets) != 1:
            raise ValueError(f"--samples must come with one image, got {len(targets)}")
        if network.head != "bins":
            raise ValueError("--samples must come with a network that gives bins")
        [(path, target)] = targets.items()
        if target != Path(out):
            kind = f"sample-{self.pick}-of-{self.wanted}" if self.pick else "samples"
            target = target.with_name(f"{target.stem}-{kind}.png")
        return {path: target}

    def color(  # as `colorize` of colorlab.colorize; noqa: PLR0913
        self,
        image: "Image.Image",
        network: "Network",
        T: float,
        size: "Size",
        device: str,
        strength: float,
        predict: "Predict | None" = None,
    ) -> "Image.Image":
        """Color an image in several ways, on one sheet; or in one of these ways.

        The arguments are those of `colorize`; `predict` is not asked.
        """
        import torch

        from colorlab.alternatives import PANEL, alternatives, contact_sheet
        from colorlab.colorize import colorize, network_output, output_to_ab

        def paint(ab: torch.Tensor) -> "Image.Image":
            return colorize(image, network, T, size, device, strength, lambda *_: ab)

        output = network_output(image, network, size)
        answer = output_to_ab(network, output, T)
        rng = torch.Generator().manual_seed(self.seed)
        drawn = alternatives(output, network.centers, answer, self.wanted, rng)
        if self.pick:
            return paint(drawn.ab[self.pick - 1 : self.pick])
        print(f"colorlab: {_report(drawn)}", file=sys.stderr)
        image.thumbnail((PANEL, PANEL))
        panels = {"the answer": paint(answer)}
        for number, (ab, nats) in enumerate(zip(drawn.ab, drawn.nats, strict=True), 1):
            panels[f"{number}: {nats:.2f} nats a cell"] = paint(ab[None])
        return contact_sheet(panels)


def choose_samples(
    count: int | None, seed: int | None, pick: int | None
) -> Samples | None:
    """Read the options; None if no samples are asked for.

    Raises
    ------
    ValueError
        If numbers are out of range.
    """
    if count is None:
        for option, value in (("--pick", pick), ("--seed", seed)):
            if value is not None:
                raise ValueError(f"{option} must come with --samples")
        return None
    from colorlab.alternatives import MOST

    if not 2 <= count <= MOST:
        raise ValueError(f"--samples must be 2 to {MOST}, got {count}")
    if pick is not None and not 1 <= pick <= count:
        raise ValueError(f"--pick must be 1 to {count}, got {pick}")
    return Samples(count, seed or 0, pick)


def _report(drawn: "Alternatives") -> str:
    """Return how different and how likely they are."""
    return (
        f"on average two of them are {drawn.apart:.1f} ab units apart (of all draws: "
        f"{drawn.all_apart:.1f}); {drawn.nats.mean():.2f} nats a cell (of all draws: "
        f"{drawn.all_nats:.2f})"
    )
