"""What a run tells about itself: records, and photos to look at (chapter: train)."""

import contextlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from colorlab.datasets.batches import Batch, ImageDataset
from colorlab.datasets.sources import ImageSource
from colorlab.network import ColorNet
from colorlab.train.diagnostics import (
    ADVICE,
    LASTING,
    NOT_A_NUMBER,
    colorize_batch,
    contact_sheet,
    diagnose,
    diagnostics,
)
from colorlab.train.run import read_records, write_json
from colorlab.weights import save_model

WATCHED, SHOWN = 64, 8  # photos measured at each save, and shown
LOOKED_AT = 8  # photos of a batch that `diagnostics` looks at


class Log:
    """Sums up steps into records (book chapter: train).

    Parameters
    ----------
    accelerator : Accelerator
        Its processes share one log, which the main one writes.
    model : ColorNet
        The network that is trained.
    out : Path
        The run's folder.
    """

    def __init__(self, accelerator: Accelerator, model: ColorNet, out: Path) -> None:
        self.accelerator, self.model, self.out = accelerator, model, out
        self.recent: list[dict] = []
        known = out / "skipped.json"
        self.skipped = json.loads(known.read_text()) if known.is_file() else {}
        self._begin()

    def _begin(self) -> None:
        self.losses, self.photos, self.started = [], 0, time.perf_counter()

    def add(
        self, batch: Batch, loss: Tensor, norm: Tensor, output: Tensor, ab: Tensor
    ) -> None:
        """Add a step.

        Parameters
        ----------
        batch : Batch
            What it learned from.
        loss, norm, output, ab : Tensor
            What `train_step` gives.
        """
        self.losses.append(loss)  # numbers stay on the device: no step waits
        self.photos += batch.photos
        self.skipped |= batch.skipped
        self.epoch, self.norm = batch.epoch, norm
        self.last = output[:LOOKED_AT].clone(), ab[:LOOKED_AT].clone()

    def record(self, step: int, lr: float) -> dict:
        """Give the record of the steps since the last one. All processes must call.

        Parameters
        ----------
        step : int
            Steps done.
        lr : float
            Learning rate of the last one.

        Returns
        -------
        dict
            step, epoch, loss (mean of these steps), norm (of the last gradient), lr,
            photos, seconds, the figures of `diagnostics`, skipped (photos so far), and
            trouble, the failure that `diagnose` names.

        Raises
        ------
        FloatingPointError
            If the loss is no number.
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
            "norm": self.norm.item(),
            "lr": lr,
            "photos": self.photos,
            "seconds": time.perf_counter() - self.started,
            **diagnostics(self.model, output, ab),
            "skipped": len(self.skipped),
        }
        self.recent = [*self.recent[1 - LASTING :], record]
        record["trouble"] = diagnose(self.recent)
        if record["trouble"] == NOT_A_NUMBER:
            raise FloatingPointError(
                f"the loss is {loss} at step {step}: {ADVICE[NOT_A_NUMBER]}. "
                "Checkpoints are kept"
            )
        self._begin()
        return record

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


def val_images(photos: ImageSource, size: int) -> Tensor:
    """Take photos to be watched during a run, spread over a data set.

    Parameters
    ----------
    photos : PhotoSet
        Those that cannot be read are left out.
    size : int
        Height and width.

    Returns
    -------
    Tensor of uint8, shape (N, 3, size, size)
        At most 64.

    Raises
    ------
    ValueError
        If none can be read.
    """
    read = []
    for number in range(0, len(photos), max(1, len(photos) // WATCHED)):
        with contextlib.suppress(ValueError):
            read.append(ImageDataset([(photos, size)], seed=None)[number])
    if not read:
        raise ValueError(f"watch must hold photos that can be read; {photos.root}")
    return torch.stack(read[:WATCHED])


class Validation:
    """Photos that are measured and shown at each save (book chapter: train).

    Parameters
    ----------
    rgb : Tensor of uint8, shape (N, 3, H, W)
        The photos.
    objective : callable
        From output and true ab, in full size, to the loss.
    out : Path
        The run's folder.
    """

    def __init__(
        self, rgb: Tensor, objective: Callable[[Tensor, Tensor], Tensor], out: Path
    ) -> None:
        self.rgb, self.objective, self.out = rgb, objective, out
        records = read_records(out / "metrics.jsonl")
        self.best = min(
            (r["held_out"] for r in records if "held_out" in r), default=1e9
        )

    def look(self, network: ColorNet, step: int) -> float:
        """Measure a network, draw a contact sheet, and keep the best one so far.

        Parameters
        ----------
        network : ColorNet
            In eval mode.
        step : int
            Steps done.

        Returns
        -------
        float
            The mean loss of the photos.
        """
        ab_hat, loss = colorize_batch(network, self.rgb, self.objective)
        sheet = contact_sheet(self.rgb[:SHOWN], ab_hat[:SHOWN])
        sheet.save(self.out / "samples" / f"step-{step:08d}.png")
        if loss < self.best:
            self.best = loss
            network.card = {"steps": step, "held_out": loss}
            save_model(network, self.out / "best.safetensors")
        return loss
