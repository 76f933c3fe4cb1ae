"""Checkpoints, and how a run is stopped and goes on (book chapter: train)."""

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors import SafetensorError

KEEP = 2  # checkpoints
STEP_NAME = re.compile(r"step-(\d{8})")  # other folders beside them are left alone
DAMAGE = (OSError, SafetensorError, RuntimeError, ValueError, LookupError, EOFError)
READABLE = 0o644  # by others on a shared disk


class Stopped(KeyboardInterrupt):
    """The run was told to stop: it has saved, and can go on from there."""


def checkpoints(out: Path) -> list[Path]:
    """List a run's checkpoints, oldest first.

    Parameters
    ----------
    out : Path
        The run's folder.

    Returns
    -------
    list of Path
        Folders named after their step; copies under other names are left out.
    """
    found = (out / "checkpoints").glob("step-*")
    return sorted(path for path in found if STEP_NAME.fullmatch(path.name))


def save_checkpoint(accelerator: Accelerator, out: Path, step: int) -> None:
    """Write a checkpoint, which appears whole or not at all, and drop older ones.

    Parameters
    ----------
    accelerator : Accelerator
        Holds model and optimizer. All processes must call.
    out : Path
        The run's folder.
    step : int
        Steps done.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk; the one before is kept.
    """
    folder = out / "checkpoints" / f"step-{step:08d}"
    if folder.is_dir():
        return
    unfinished = folder.with_name("unfinished")
    if accelerator.is_main_process:
        shutil.rmtree(unfinished, ignore_errors=True)
    accelerator.wait_for_everyone()
    try:
        accelerator.save_state(str(unfinished))
    except DAMAGE as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise OSError(
            f"the checkpoint of step {step} cannot be written to {out} ({error}); "
            "earlier ones are kept: make room and resume"
        ) from error
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        for file in unfinished.iterdir():
            file.chmod(READABLE)
            with open(file, "r+b") as written:  # Windows syncs what it may write
                os.fsync(written.fileno())  # on the disk before the name says so
        os.replace(unfinished, folder)
        for old in checkpoints(out)[:-KEEP]:
            shutil.rmtree(old)


def load_checkpoint(accelerator: Accelerator, out: Path) -> int:
    """Load the last checkpoint whose weights are finite, and drop later ones.

    Parameters
    ----------
    accelerator : Accelerator
        Holds model and optimizer.
    out : Path
        The run's folder.

    Returns
    -------
    int
        Steps done; 0 without a checkpoint.

    Raises
    ------
    ValueError
        If it is damaged, or of another network.
    """
    for folder in reversed(checkpoints(out)):
        try:
            accelerator.load_state(str(folder))
        except Exception as error:  # torch's unpickler raises many kinds
            raise ValueError(
                f"{folder} must be a whole checkpoint of this run; delete it to go on "
                f"from the one before ({type(error).__name__}: {error})"
            ) from error
        if all(is_finite(model) for model in accelerator._models):
            return int(folder.name.removeprefix("step-"))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            shutil.rmtree(folder)
    return 0


def is_finite(model: torch.nn.Module) -> bool:
    """Return True if all weights and statistics of a network are finite numbers.

    Parameters
    ----------
    model : Module
        Any network.

    Returns
    -------
    bool
        One answer of the device for all of them.
    """
    finite = [tensor.isfinite().all() for tensor in model.state_dict().values()]
    return bool(torch.stack(finite).all())


def asked_to_stop(
    asked: threading.Event, accelerator: Accelerator, together: bool
) -> bool:
    """Return True if training is to stop; all processes stop at the same step.

    Parameters
    ----------
    asked : threading.Event
        Of `stop_signals`.
    accelerator : Accelerator
        Its processes are asked.
    together : bool
        Whether all processes call at this step; else many never stop here.

    Returns
    -------
    bool
        True if any process was asked.
    """
    if accelerator.num_processes == 1 or not together:
        return accelerator.num_processes == 1 and asked.is_set()
    votes = torch.tensor(float(asked.is_set()), device=accelerator.device)
    return accelerator.reduce(votes, "sum").item() > 0


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C and `kill` into an event; a second one acts at once.

    Yields
    ------
    threading.Event
        Set once one came. Outside the main thread, none is caught.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(number, before[number])

    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield asked
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def wait_for_deaths() -> None:
    """Let the death of a data-loader process be told by `next`, not within a step.

    torch raises an error wherever the main process is when it hears of it: weights
    would be half updated. Waiting for the next batch finds out, too, in seconds.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
