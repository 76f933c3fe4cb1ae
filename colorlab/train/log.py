"""What a run writes down as it goes: records and validation images (chapter: train)."""

import json
import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from colorlab.datasets.batches import Batch, central_image
from colorlab.datasets.sources import ImageSource
from colorlab.files import whole_file, write_json
from colorlab.lab import rgb_to_lab
from colorlab.losses import NOT_GRAY, label_ab
from colorlab.train.diagnostics import (
    colorize_batch,
    contact_sheet,
    diagnose,
    diagnostics,
)
from colorlab.train.run import read_json
from colorlab.transfer import Network
from colorlab.weights import save_model

VALIDATED, SHOWN = 64, 8  # images measured at each save, and drawn
LOOKED_AT = 8  # images of a batch that `diagnostics` looks at
REMEMBERED = 1000  # records that `diagnose` can look back on


class Log:
    """Sums up steps into records (book chapter: train).

    Parameters
    ----------
    accelerator : Accelerator
        Its processes share one log, which the main one writes.
    model : Network
        The network that is trained.
    out : Path
        The run's folder.
    loss : str
        "rebal", "class" or "l2"; decides what `diagnose` expects.
    records : sequence of dict
        What the run did before.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: Network,
        out: Path,
        loss: str = "rebal",
        records: Sequence[dict] = (),
    ) -> None:
        self.accelerator, self.model, self.out = accelerator, model, out
        self.loss = loss
        self.recent = deque(records, REMEMBERED)
        known = out / "skipped.json"
        remedy = "delete it: it only lists images that could not be read"
        self.skipped = read_json(known, remedy, dict) if known.is_file() else {}
        self._begin()

    def _begin(self) -> None:
        self.losses: list[Tensor] = []
        self.images, self.started = 0, time.perf_counter()

    def add(
        self, batch: Batch, loss: Tensor, norm: Tensor, output: Tensor, ab: Tensor
    ) -> None:
        """Add a step.

        Parameters
        ----------
        batch : Batch
            What it learned from.
        loss, norm, output, ab : Tensor
            What `train_step` returned.
        """
        self.losses.append(loss)  # numbers stay on the device: no step waits
        self.images += batch.photos
        self.skipped |= batch.skipped
        self.epoch, self.norm = batch.epoch, norm
        self.last = output[:LOOKED_AT].clone(), ab[:LOOKED_AT].clone()

    def record(self, step: int, lr: float) -> dict:
        """Return the record of the steps since the last one. All processes must call.

        Parameters
        ----------
        step : int
            Steps done.
        lr : float
            Learning rate of the last one.

        Returns
        -------
        dict
            step, epoch, loss (mean of these steps), grad_norm (of the last step,
            before clipping), lr, images, seconds, the metrics of `diagnostics`, skipped
            (images so far).
        """
        if self.accelerator.num_processes > 1:
            for skipped in gather_object([self.skipped]):
                self.skipped |= skipped
        loss = self.accelerator.reduce(torch.stack(self.losses).mean(), "mean").item()
        output, ab = self.last
        record = {
            "step": step,
            "epoch": self.epoch,
            "loss": loss,
            "grad_norm": self.norm.item(),
            "lr": lr,
            "images": self.images,
            "seconds": time.perf_counter() - self.started,
            **diagnostics(self.model, output, ab),
            "skipped": len(self.skipped),
        }
        self._begin()
        return record

    def diagnose(self, record: dict) -> str | None:
        """Return what `diagnose` finds in the records, this one being the newest."""
        self.recent.append(record)
        return diagnose([*self.recent], self.loss)

    def write(self, record: dict) -> None:
        """Write a record, for people and for TensorBoard.

        Parameters
        ----------
        record : dict
            Numbers that are not finite are written as null.
        """
        kinds = (int, float)
        numbers = {k: v for k, v in record.items() if isinstance(v, kinds)}
        self.accelerator.log(numbers, step=record["step"])
        if not self.accelerator.is_main_process:
            return
        finite = {
            key: None if key in numbers and not math.isfinite(value) else value
            for key, value in record.items()
        }
        with open(self.out / "metrics.jsonl", "a") as file:
            file.write(json.dumps(finite) + "\n")
        if self.skipped:
            write_json(self.out / "skipped.json", self.skipped)


def val_images(images: ImageSource, size: int) -> Tensor:
    """Read the validation images of a run, spread over a data set.

    Parameters
    ----------
    images : ImageSource
        Those that cannot be read are left out.
    size : int
        Height and width, in pixels.

    Returns
    -------
    Tensor of uint8, shape (N, 3, size, size)
        At most 64.

    Raises
    ------
    ValueError
        If none can be read.
    """
    stride = max(1, len(images) // VALIDATED)
    numbers, square = range(0, len(images), stride), partial(central_image, size=size)
    read = [*images.read_each(numbers[:VALIDATED], square, {})]
    if not read:
        raise ValueError(f"val_data must hold images that can be read; {images.root}")
    return torch.stack(read)


class Validation:
    """Images that are measured and drawn at each save (book chapter: train).

    Parameters
    ----------
    rgb : Tensor of uint8, shape (N, 3, H, W)
        The images.
    objective : callable
        From output and true ab, in full size, to the loss.
    out : Path
        The run's folder.
    records : sequence of dict
        What the run did before: its least held-out loss is to be beaten.

    Warns
    -----
    UserWarning
        If images have no color: they say nothing about a network.
    """

    def __init__(
        self,
        rgb: Tensor,
        objective: Callable[[Tensor, Tensor], Tensor],
        out: Path,
        records: Sequence[dict] = (),
    ) -> None:
        ab = label_ab(rgb_to_lab(rgb)[:, 1:])
        colorful = int((ab.abs() > NOT_GRAY).flatten(1).any(1).sum())
        if colorful < len(rgb):
            warnings.warn(
                f"{len(rgb) - colorful} of {len(rgb)} validation images have no color"
                + ("" if colorful else ": no held-out loss, no best network"),
                stacklevel=2,
            )
        self.rgb, self.objective, self.out = rgb, objective, out
        self.colorful = colorful > 0
        found = [record.get("held_out") for record in records]
        self.best = min((x for x in found if x is not None), default=math.inf)

    def look(self, network: Network, step: int) -> float | None:
        """Measure a network, draw a contact sheet, and keep the best one so far.

        Parameters
        ----------
        network : Network
            In eval mode.
        step : int
            Steps done.

        Returns
        -------
        float or None
            The mean loss of the images; None if none of them has color.
        """
        ab_hat, loss = colorize_batch(network, self.rgb, self.objective)
        sheet = contact_sheet(self.rgb[:SHOWN], ab_hat[:SHOWN])
        with whole_file(self.out / "samples" / f"step-{step:08d}.png") as file:
            sheet.save(file, "PNG")
        if self.colorful and loss < self.best:
            self.best = loss
            save_model(
                network, self.out / "best.safetensors", steps=step, held_out=loss
            )
        return loss if self.colorful else None
