"""From a configuration to all that the steps of a run need (book chapter: train)."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor

from colorlab.datasets.batches import (
    Batch,
    Sources,
    batch_sizes_per_source,
    training_batches,
)
from colorlab.datasets.sources import ImageSource, find_images
from colorlab.files import whole_file
from colorlab.losses import color_loss, label_ab
from colorlab.prior import load_prior, rebalance_weights, smooth_prior
from colorlab.quantize import N_BINS, bin_centers
from colorlab.train.checkpoint import checkpoints, load_checkpoint
from colorlab.train.config import PRIOR, TrainConfig, config_to_json, parse_shares
from colorlab.train.log import Log, Validation, val_images
from colorlab.train.model import (
    make_accelerator,
    make_optimizer,
    on_device,
    running_mean,
    start_from,
    unwrapped,
)
from colorlab.train.run import check_run, open_run, read_data
from colorlab.transfer import Network, make_network
from colorlab.weights import load_model, save_model, shape_of

Data = list[tuple[str | Path, int | None]]
Objective = Callable[[Tensor, Tensor], Tensor]
SHARED = Path("/dev/shm")  # through which data-loader processes hand over batches
MADE = ("model.safetensors", "best.safetensors")
MOST_WORKERS = 8  # of each core; each worker takes memory
HEAVIEST = 1e9  # weight of a color; a prior of few photos and lam 0 give 1e75
READ_AHEAD = 2  # batches that each of them keeps ready


class Run(NamedTuple):
    """What the steps of a run need (book chapter: train)."""

    out: Path
    config: TrainConfig
    step: int  # done before
    accelerator: Accelerator
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    averaged: torch.nn.Module  # the model itself without ema_decay
    objective: Objective
    batches: Iterator[Batch]
    log: Log
    validation: Validation
    card: dict  # of the networks that it saves


def prepare(
    data: Data | None,
    out: Path,
    before: TrainConfig | None,
    config: TrainConfig | None,
    resume: bool,
    init: Network | None,
    val_data: str | Path | None,
) -> Run:
    """Check what `train` was asked for, then build what the steps need.

    Nothing is written before all is checked.

    Parameters
    ----------
    data, out, config, resume, init, val_data
        As for `train`.
    before : TrainConfig, optional
        The configuration of the run that is in `out`.

    Returns
    -------
    Run
        Its folder is open, and the last checkpoint loaded.

    Raises
    ------
    ValueError
        If `train` cannot do what it was asked for.
    """
    made = [name for name in MADE if (out / name).exists()]
    if (made or checkpoints(out)) and not resume:
        raise ValueError(
            f"out must be a new folder, or resume be set; {out} is neither"
        )
    if made and not checkpoints(out):
        raise ValueError(
            f"out must have its checkpoints to be resumed, {out} has none: start a "
            f"new run with --init {out / made[0]}"
        )
    before = before if resume else None
    config = config or before or TrainConfig()
    p = _prior(config.prior, before, out)
    known = read_data(out) if before else {}
    sources, rgb, about = _sources(data, val_data, known, config.size, config.stretch)
    if before:
        check_run(out, before, config, known, about)
        init = _kept_init(init, out, known.get("init", False))
    about["init"] = init is not None
    shares = _shares(config.shares, sources)
    accelerator = make_accelerator(out, config.precision, config.device)
    batch_sizes = batch_sizes_per_source(sources, config.batch_size, bool(shares))
    parts = config.grad_accum_steps
    _check_batches(batch_sizes, accelerator.num_processes, parts)
    _check_shared_memory(sources, batch_sizes, config.workers)

    model, optimizer, averaged = _build(accelerator, config, init)
    w = rebalance_weights(p, config.lam if config.loss == "rebal" else 1.0)
    if w.max() > HEAVIEST:
        raise ValueError(
            f"lam must be larger, got {config.lam:g}: a color that the prior hardly "
            f"has would count {w.max():.0e} times"
        )
    w = w.float().to(accelerator.device)
    head = unwrapped(model).head
    objective = _objective(head, w, config.labels, config.k, config.skip_gray)
    step, records = load_checkpoint(accelerator, out), []
    if step < config.steps:
        records = open_run(accelerator, out, config_to_json(config), about, step)
        _keep(accelerator, out, config.prior, init, before is not None)
    batches = training_batches(
        sources,
        config.batch_size,
        config.seed,
        step,
        config.workers,
        config.stretch,
        (accelerator.process_index, accelerator.num_processes),
        shares,
    )
    return Run(
        out,
        config,
        step,
        accelerator,
        model,
        optimizer,
        averaged,
        objective,
        batches,
        Log(accelerator, unwrapped(model), out, config.loss, records),
        Validation(rgb, objective, out, records),
        _card(config_to_json(config), p, init),
    )


def _build(
    accelerator: Accelerator, config: TrainConfig, init: Network | None
) -> tuple[torch.nn.Module, torch.optim.Optimizer, torch.nn.Module]:
    """Return the model, its optimizer and the running mean, on the device."""
    set_seed(config.seed)
    out_channels = 2 if config.loss == "l2" else N_BINS
    network = make_network(
        config.width, config.variant, out_channels, config.frozen_norm
    )
    start_from(network, init)
    model = on_device(accelerator, network)
    optimizer = make_optimizer(
        network,
        config.optimizer,
        frozen=not config.encoder_lr,
        weight_decay=config.weight_decay,
        betas=(0.9, config.beta2),
    )
    model, optimizer = accelerator.prepare(model, optimizer)
    averaged = running_mean(accelerator, model, optimizer, config.ema_decay)
    return model, optimizer, averaged


def _prior(name: str, before: TrainConfig | None, out: Path) -> Tensor:
    """Load the smoothed prior; a run that goes on has its own copy of the file."""
    kept = out / "prior.csv"
    if before and kept.exists():
        counted = load_prior(kept)
    else:
        counted = load_prior(before.prior if before else name)
    if before and name != before.prior and not torch.equal(load_prior(name), counted):
        raise ValueError(f"prior must hold what that of the run in {out} holds")
    return smooth_prior(counted, bin_centers())


def _sources(
    data: Data | None,
    val_data: str | Path | None,
    known: dict,
    size: int,
    stretch: int,
) -> tuple[Sources, Tensor, dict]:
    """Find the images to train on, read those to validate with, and describe them."""
    if data is None:
        if not all("path" in source for source in known.get("train", [{}])):
            raise ValueError("data must be named: no run remembers it")
        data = [(source["path"], source["size"]) for source in known["train"]]
    val_data = val_data or (known.get("val") or {}).get("path")
    for _, shown_at in data:
        TrainConfig(size=_size(shown_at, size), stretch=stretch)  # checks them
    hold_out = known.get("hold_out", True)
    sources = [
        (find_images(path, hold_out=hold_out), _size(at, size)) for path, at in data
    ]
    # Of data named for it alone, all may be taken.
    apart = hold_out and _place(val_data) in {None, *(_place(path) for path, _ in data)}
    val = find_images(val_data or data[-1][0], "val", hold_out=apart), sources[-1][1]
    about = {
        "train": [_about(path, *s) for (path, _), s in zip(data, sources, strict=True)],
        "val": _about(val_data, *val),
        "hold_out": hold_out,
    }
    return sources, val_images(*val), about


def _size(shown_at: int | None, size: int) -> int:
    return size if shown_at is None else shown_at


def _place(path: str | Path | None) -> str | None:
    """Return what tells that two names are of the same data."""
    here = path is not None and Path(path).exists()
    return str(Path(path).resolve() if here else path) if path else None


def _about(path: str | Path | None, images: ImageSource, size: int) -> dict:
    """Describe a data set, so that a resumed run can find and compare it."""
    return {
        "path": _place(path),
        "size": size,
        "images": len(images),
        "fingerprint": images.fingerprint(),
        "described": images.describe(),
    }


def _kept_init(init: Network | None, out: Path, had: bool) -> Network | None:
    """Return what a run that goes on started from: it has its own copy."""
    kept = out / "init.safetensors"
    if kept.exists():
        stored = load_model(kept)
        if init is not None and not _same(init, stored):
            raise ValueError(f"init must be what the run in {out} started from: {kept}")
        return stored
    if init is not None and checkpoints(out):
        raise ValueError(f"init must be left out: the run in {out} keeps none")
    if init is None and had:
        raise ValueError(
            f"init must be named again: the run in {out} was stopped before it had "
            "a copy"
        )
    return init


def _same(one: Network, other: Network) -> bool:
    theirs = other.state_dict()
    return all(
        name in theirs and torch.equal(mine.cpu(), theirs[name])
        for name, mine in one.state_dict().items()
    )


def _shares(text: str, sources: Sources) -> list[float]:
    """Return the share of each source, if they have shares."""
    shares = parse_shares(text)
    if shares and len(shares) != len(sources):
        raise ValueError(
            f"shares must be one for each DATA, got {len(shares)} for {len(sources)}"
        )
    if shares and len({size for _, size in sources}) > 1:
        raise ValueError("shares must be left out where DATA@SIZE differ in size")
    return shares


def _check_batches(batch_sizes: list[int], processes: int, parts: int) -> None:
    """Refuse batches that cannot be divided."""
    if min(batch_sizes) < processes * parts:
        raise ValueError(
            f"batch_size must give each of {processes} processes {parts} images or "
            f"more, got batches of {batch_sizes}"
        )


def _check_shared_memory(
    sources: Sources, batch_sizes: list[int], workers: int
) -> None:
    """Refuse more workers than have room for their batches: they would hang."""
    most = MOST_WORKERS * (os.cpu_count() or 1)
    if workers > most:
        raise ValueError(f"workers must be at most {most} here, got {workers}")
    if not SHARED.is_dir():
        return
    pairs = zip(batch_sizes, sources, strict=True)
    largest = max(3 * number * size**2 for number, (_, size) in pairs)
    room = shutil.disk_usage(SHARED).free
    most = max(0, room // largest - 1) // READ_AHEAD  # one more batch is in use
    if workers > most:
        raise ValueError(
            f"workers must be at most {most}, got {workers}: {SHARED} has only "
            f"{room >> 20} MiB for their batches; in Docker, --shm-size gives more"
        )


def _objective(head: str, w: Tensor, labels: str, k: int, skip_gray: bool) -> Objective:
    """Return the function from output and true ab, in full size, to the loss."""
    centers = bin_centers().to(w.device)

    def objective(output: Tensor, ab: Tensor) -> Tensor:
        return color_loss(output, label_ab(ab, labels), head, centers, w, k, skip_gray)

    return objective


def _keep(
    accelerator: Accelerator, out: Path, prior: str, init: Network | None, old: bool
) -> None:
    """Copy into the folder what a run started from, so that it can start again."""
    if not accelerator.is_main_process:
        return
    if not old:  # of a run that ended before its first checkpoint
        for name in ("init.safetensors", "prior.csv", "skipped.json"):
            (out / name).unlink(missing_ok=True)
    if init is not None and not (out / "init.safetensors").exists():
        save_model(init, out / "init.safetensors")
    if prior != PRIOR and Path(prior).is_file() and not (out / "prior.csv").exists():
        with whole_file(out / "prior.csv") as file:
            file.write(Path(prior).read_bytes())


def _card(settings: dict, p: Tensor, init: Network | None) -> dict:
    """Return the card of the run's networks; T and size are those of init."""
    card: dict = {"config": settings}
    if settings["prior"] != PRIOR:  # its file may be gone when the network is used
        card["prior"] = p.tolist()
    if init is not None:
        shown = {name: init.card[name] for name in ("T", "size") if name in init.card}
        card |= {**shown, "init": init.card | shape_of(init)}
    return card
