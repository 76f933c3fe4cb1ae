"""One training loop, from a laptop to many GPUs (book chapter: train)."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from threading import Event

import torch
from accelerate import Accelerator
from torch import Tensor

from colorlab.datasets.batches import Batch
from colorlab.lab import rgb_to_lab
from colorlab.train.checkpoint import (
    Stopped,
    asked_to_stop,
    checkpoints,
    is_finite,
    save_checkpoint,
    stop_signals,
    wait_for_deaths,
)
from colorlab.train.config import TrainConfig, encoder_rate, learning_rate
from colorlab.train.diagnostics import ADVICE, DIVERGED
from colorlab.train.model import bare
from colorlab.train.prepare import Data, Objective, Run, prepare
from colorlab.train.run import lock_run
from colorlab.transfer import Network
from colorlab.weights import save_model


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
        Takes L, returns the output that `objective` compares with ab.
    parts : list of (Tensor of uint8 of shape (N, 3, H, W), float)
        Color images, and the weight of their mean loss. With several parts, the
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
    data: Data | None,
    out: str | Path,
    config: TrainConfig | None = None,
    resume: bool = False,
    init: Network | None = None,
    val_data: str | Path | None = None,
    on_step: Callable[[int, dict | None], None] | None = None,
) -> Network:
    """Train a network, or go on training it (book chapter: train).

    Parameters
    ----------
    data : list of (path, int or None), or None
        What `find_images` reads, each with the size at which to show it, or None for
        `config.size`. None instead of the list: those that the run in `out` remembers.
    out : str or Path
        The run's folder; `colorlab.train.run` says what is in it.
    config : TrainConfig, optional
        The configuration; None: the one that the run in `out` remembers.
    resume : bool
        Go on from the last checkpoint in `out`, if there is one. Fields that are not
        `free` must be as they were. A run that is done, or has done more steps than
        `config.steps`, is left as it is.
    init : Network, optional
        Start from these weights; width, variant and head must be those of `config`. The
        run keeps a copy.
    val_data : str or Path, optional
        Images to measure and show at each save; None takes the held-out ones of the
        last data set.
    on_step : callable, optional
        Called after each step with its number and, at every `log_every`-th, its
        record, else None.

    Returns
    -------
    Network
        In eval mode, on the CPU. Its card has the steps done.

    Raises
    ------
    ValueError
        If the data or the configuration cannot be used, `out` holds a run that
        `resume` does not ask for, another one, or other files, or is in use.
    FloatingPointError
        If the loss explodes or weights are no longer numbers; the last checkpoint is
        sound.
    OSError
        If the folder cannot be written, or a data-loader process died; checkpoints
        are kept.
    Stopped
        On Ctrl-C or SIGTERM, once a checkpoint is written.

    Notes
    -----
    Started by `torchrun`, each process takes its share of every batch. On GPUs, batch
    norm is computed over all shares, so that any number of processes trains the same
    network; on CPUs each takes the statistics of its own share.
    """
    with lock_run(Path(out)) as before:
        run = prepare(data, Path(out), before, config, resume, init, val_data)
        config, step = run.config, run.step
        with stop_signals() as stop:
            while step < config.steps:
                batch = next_batch(run, step, stop)
                parts = split_batch(batch, run.accelerator, config.grad_accum_steps)
                lr, encoder_lr = learning_rate(step, config), encoder_rate(step, config)
                set_rates(run.optimizer, lr, encoder_lr)
                done = train_step(
                    run.model,
                    parts,
                    run.objective,
                    run.optimizer,
                    run.accelerator,
                    config.clip,
                )
                run.log.add(batch, *done)
                step += 1
                last = step == config.steps
                logging = last or step % config.log_every == 0
                stopping = asked_to_stop(stop, run.accelerator, logging)
                saving = last or stopping or step % config.save_every == 0
                report = logging or saving
                record = write_record(run, step, lr, saving) if report else None
                if on_step and run.accelerator.is_main_process:
                    on_step(step, record)
                if stopping:
                    raise Stopped(f"stopped and saved after step {step}")
        return finish(run, step)


def next_batch(run: Run, step: int, stop: Event) -> Batch:
    """Take a batch; if there is none, as a data-loader process died, save first."""
    try:
        batch = next(run.batches)
        wait_for_deaths()
        return batch
    except (RuntimeError, OSError, EOFError) as error:
        if run.accelerator.num_processes == 1 and step > run.step:  # else others wait
            save_checkpoint(run.accelerator, run.out, step)
        saved = [folder.name for folder in checkpoints(run.out)[-1:]] or ["nothing yet"]
        if stop.is_set():  # the signal has reached those processes, too
            raise Stopped(f"stopped; saved is {saved[0]}") from error
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise OSError(
            f"reading images failed at step {step} ({reason}); saved is {saved[0]}. If "
            "memory is short, resume with fewer workers"
        ) from error


def split_batch(
    batch: Batch, accelerator: Accelerator, number: int
) -> list[tuple[Tensor, float]]:
    """Cut this process's images into parts, each with the weight of its mean loss.

    Processes average their gradients, so that an image's weight must be the number of
    processes over the images in the whole batch.
    """
    rgb = batch.rgb.to(accelerator.device, non_blocking=True)
    weight = accelerator.num_processes / batch.photos
    return [
        (part, len(part) * weight) for part in (rgb[n::number] for n in range(number))
    ]


def set_rates(optimizer: torch.optim.Optimizer, lr: float, encoder_lr: float) -> None:
    """Set the learning rate of all weights, and that of an encoder, if there is one."""
    for group, rate in zip(optimizer.param_groups, (lr, encoder_lr), strict=False):
        group["lr"] = rate


def write_record(run: Run, step: int, lr: float, saving: bool) -> dict:
    """Record the last steps; at a save, measure the network and write a checkpoint."""
    record = run.log.record(step, lr)
    network = bare(run.averaged) if saving else None
    if network and run.accelerator.is_main_process:
        network.card = run.card
        record["held_out"] = run.validation.look(network, step)
    record["warning"] = run.log.diagnose(record)
    diverged = record["warning"] == DIVERGED or (saving and not is_finite(run.model))
    told = torch.tensor(float(diverged), device=run.accelerator.device)
    if run.accelerator.reduce(told, "sum").item():  # all processes end together
        raise FloatingPointError(
            f"the loss is {record['loss']:.4g} at step {step}: {ADVICE[DIVERGED]}. Go "
            "on from the last checkpoint with a lower rate: colorlab train "
            f"--out {run.out} --resume --lr {run.config.lr / 10:g}"
        )
    run.log.write(record)
    if saving:
        save_checkpoint(run.accelerator, run.out, step)
    return record


def finish(run: Run, step: int) -> Network:
    """Return the network; write it, unless the run has done more than was asked for."""
    network, result = bare(run.averaged).cpu(), run.out / "model.safetensors"
    network.card = run.card | {"steps": step}
    new = step > run.step or not result.exists()
    if run.accelerator.is_main_process and step == run.config.steps and new:
        save_model(network, result)
    run.accelerator.wait_for_everyone()
    run.accelerator.end_training()
    return network
