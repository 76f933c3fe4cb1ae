"""One training loop, from a laptop to many GPUs (book chapter: train)."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from colorlab.datasets.batches import (
    Batch,
    Sources,
    batch_sizes_per_source,
    training_batches,
)
from colorlab.datasets.sources import find_images
from colorlab.lab import rgb_to_lab
from colorlab.losses import color_loss, label_ab
from colorlab.network import ColorNet
from colorlab.prior import load_prior, rebalance_weights, smooth_prior
from colorlab.quantize import N_BINS, bin_centers
from colorlab.train.config import (
    TrainConfig,
    check_config,
    fast_precision,
    learning_rate,
)
from colorlab.train.log import Log, Validation, val_images
from colorlab.train.run import (
    Stopped,
    asked_to_stop,
    check_run,
    load_checkpoint,
    open_run,
    save_checkpoint,
    stop_signals,
)
from colorlab.weights import save_model

Data = list[tuple[str | Path, int | None]]
Objective = Callable[[Tensor, Tensor], Tensor]


def train_step(
    model: torch.nn.Module,
    parts: list[tuple[Tensor, float]],
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    clip: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Learn from one batch (book chapter: train).

    Parameters
    ----------
    model : Module
        Takes L, gives the output that `objective` compares with ab.
    parts : list of (Tensor of uint8 of shape (N, 3, H, W), float)
        Color photos, and the weight of their mean loss. With several parts, the
        gradients add up, so that a large batch fits into little memory.
    objective : callable
        From output and true ab, in full size, to the loss.
    optimizer, accelerator
        As prepared by accelerate.
    clip : float
        Largest gradient norm.

    Returns
    -------
    loss, norm : Tensor, scalar
        The loss, and the gradient's norm before clipping.
    output, ab : Tensor
        Of the last part: what the network said, and the truth, in full size.
    """
    optimizer.zero_grad()
    total = torch.zeros((), device=parts[0][0].device)
    for place, (rgb, weight) in enumerate(parts, start=1):
        last = place == len(parts)  # then processes exchange gradients
        with nullcontext() if last else accelerator.no_sync(model):
            L, ab = rgb_to_lab(rgb).split([1, 2], dim=1)
            output = model(L.contiguous(memory_format=torch.channels_last)).float()
            loss = weight * objective(output, ab)
            accelerator.backward(loss)
        total += loss.detach()
    norm = accelerator.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return total, torch.as_tensor(norm), output.detach(), ab


def train(
    data: Data,
    out: str | Path,
    config: TrainConfig,
    resume: bool = False,
    init: ColorNet | None = None,
    val_data: str | Path | None = None,
    on_step: Callable[[int, dict | None], None] | None = None,
) -> ColorNet:
    """Train a network, or go on training it (book chapter: train).

    Parameters
    ----------
    data : list of (path, int or None)
        What `find_images` reads, each with the size at which to show it, or None for
        `config.size`.
    out : str or Path
        The run's folder; `colorlab.train.run` says what is in it.
    config : TrainConfig
        The recipe.
    resume : bool
        Go on from the last checkpoint in `out`, if there is one.
    init : ColorNet, optional
        Start from these weights; width, variant and head must be those of `config`.
    val_data : str or Path, optional
        Photos to measure and show at each save; None takes the held-out ones of the
        last data set.
    on_step : callable, optional
        Called after each step with its number and, at every `log_every`-th, its
        record, else None.

    Returns
    -------
    ColorNet
        In eval mode, on the CPU.

    Raises
    ------
    ValueError
        If the data or the configuration cannot be used, `out` holds a run that
        `resume` does not ask for, or holds another one.
    FloatingPointError
        If the loss is no longer a number; checkpoints are kept.
    OSError
        If the folder cannot be written; checkpoints are kept.
    Stopped
        On Ctrl-C or SIGTERM, once a checkpoint is written.

    Notes
    -----
    Started by `torchrun`, each process takes its share of every batch: any number of
    processes trains the same network on the same photos.
    """
    out = Path(out)
    sources = _sources(data, config)
    rgb = val_images(
        find_images(val_data or data[-1][0], "val", hold_out=not val_data),
        sources[-1][1],
    )
    origin = [
        {"size": size, "photos": len(photos), "fingerprint": photos.fingerprint()}
        for photos, size in sources
    ]
    check_run(out, asdict(config), origin, resume)
    accelerator, model, optimizer = _start(config, init, out)
    _check_shares(
        accelerator, batch_sizes_per_source(sources, config.batch_size), config
    )
    objective = _objective(config, accelerator.device)
    averaged = _averaged(accelerator, model, optimizer, config.ema_decay)
    step = load_checkpoint(accelerator, out)
    open_run(accelerator, out, asdict(config), origin, step)
    log, watched = (
        Log(accelerator, _unwrapped(model), out),
        Validation(rgb, objective, out),
    )
    batches = training_batches(
        sources,
        config.batch_size,
        config.seed,
        step,
        config.workers,
        config.stretch,
        share=(accelerator.process_index, accelerator.num_processes),
    )
    with stop_signals() as stop:
        while step < config.steps:
            batch = _next(batches, stop)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, config)
            parts = _parts(batch, accelerator, config.grad_accum_steps)
            log.add(
                batch,
                *train_step(
                    model, parts, objective, optimizer, accelerator, config.clip
                ),
            )
            step += 1
            logging = step % config.log_every == 0 or step == config.steps
            stopping = asked_to_stop(stop, accelerator, logging)
            saving = stopping or step % config.save_every == 0 or step == config.steps
            record = None
            if logging or saving:
                record = log.record(step, learning_rate(step - 1, config))
                if saving and accelerator.is_main_process:
                    record["held_out"] = watched.look(_bare(averaged, config), step)
                log.write(record)
            if saving:
                save_checkpoint(accelerator, out, step)
            if on_step and accelerator.is_main_process:
                on_step(step, record)
            if stopping:
                raise Stopped(f"stopped and saved after step {step} of {config.steps}")
    network = _finish(accelerator, averaged, out, config)
    accelerator.end_training()
    return network


def _sources(data: Data, config: TrainConfig) -> Sources:
    for _, size in data:
        check_config(replace(config, size=size or config.size))
    return [(find_images(path), size or config.size) for path, size in data]


def _start(
    config: TrainConfig, init: ColorNet | None, out: Path
) -> tuple[Accelerator, torch.nn.Module, torch.optim.Optimizer]:
    """Build the network and the optimizer, on the device."""
    precision = fast_precision() if config.precision == "auto" else config.precision
    accelerator = Accelerator(
        cpu=not torch.accelerator.is_available(),  # else it forms no group of CPUs
        mixed_precision=precision,
        log_with="tensorboard",
        project_dir=out,
    )
    set_seed(config.seed)
    model = _network(config)
    if init is not None:
        shape = (init.width, init.variant, init.out_channels)
        if shape != (model.width, model.variant, model.out_channels):
            raise ValueError(f"init must be like the config, got a network of {shape}")
        model.load_state_dict(init.state_dict())
    model.to(accelerator.device, memory_format=torch.channels_last)
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    optimizer = kind(
        model.parameters(),
        config.lr,
        betas=(0.9, config.beta2),
        weight_decay=config.weight_decay,
    )
    return accelerator, *accelerator.prepare(model, optimizer)


def _averaged(
    accelerator: Accelerator,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    keep: float,
) -> torch.nn.Module:
    """Give the running mean of the weights, or the model itself if it keeps nothing."""
    if not keep:
        return model
    averaged = AveragedModel(
        _unwrapped(model), multi_avg_fn=get_ema_multi_avg_fn(keep), use_buffers=True
    )
    optimizer.optimizer.register_step_post_hook(
        lambda *_: averaged.update_parameters(model)
    )
    return accelerator.prepare_model(averaged, evaluation_mode=True)  # saved with it


def _check_shares(
    accelerator: Accelerator, batch_sizes: list[int], config: TrainConfig
) -> None:
    parts = accelerator.num_processes * config.grad_accum_steps
    if min(batch_sizes) < parts:
        raise ValueError(
            f"batch_size must give each of {accelerator.num_processes} processes "
            f"{config.grad_accum_steps} photos or more, got batches of {batch_sizes}"
        )


def _network(config: TrainConfig) -> ColorNet:
    out_channels = 2 if config.loss == "l2" else N_BINS
    return ColorNet(config.width, config.variant, out_channels)


def _objective(config: TrainConfig, device: torch.device) -> Objective:
    """Give the function from output and true ab, in full size, to the loss."""
    centers = bin_centers().to(device)
    head = "ab" if config.loss == "l2" else "bins"
    lam = config.lam if config.loss == "rebal" else 1.0
    w = rebalance_weights(smooth_prior(load_prior(config.prior), bin_centers()), lam)
    w = w.float().to(device)

    def objective(output: Tensor, ab: Tensor) -> Tensor:
        label = label_ab(ab, config.labels)
        return color_loss(output, label, head, centers, w, config.k, config.skip_gray)

    return objective


def _next(batches: Iterator[Batch], stop: Event) -> Batch:
    """Take a batch; if the signal to stop has ended the readers, that is no error."""
    try:
        return next(batches)
    except RuntimeError as error:
        if stop.is_set():
            raise Stopped("stopped; resume goes on from the last checkpoint") from error
        raise


def _parts(
    batch: Batch, accelerator: Accelerator, number: int
) -> list[tuple[Tensor, float]]:
    """Cut this process's photos into parts, each with the weight of its mean loss.

    Processes average their gradients, so that a photo's weight must be the number of
    processes over the photos in the whole batch.
    """
    rgb = batch.rgb.to(accelerator.device, non_blocking=True)
    weight = accelerator.num_processes / batch.photos
    return [(part, len(part) * weight) for part in rgb.tensor_split(number)]


def _unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    while hasattr(model, "module"):  # of accelerate, DDP, AveragedModel
        model = model.module
    return model


def _bare(model: torch.nn.Module, config: TrainConfig) -> ColorNet:
    """Copy the network out of what has been wrapped around it."""
    model = _unwrapped(model)
    network = _network(config).to(model.centers.device)
    network.load_state_dict(model.state_dict())
    return network.eval()


def _finish(
    accelerator: Accelerator, model: torch.nn.Module, out: Path, config: TrainConfig
) -> ColorNet:
    """Write the network."""
    network = _bare(model, config).cpu()
    network.card = {"steps": config.steps, "config": asdict(config)}
    if accelerator.is_main_process:
        save_model(network, out / "model.safetensors")
    accelerator.wait_for_everyone()
    return network
