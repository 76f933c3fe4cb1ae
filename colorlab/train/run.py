"""A run's folder: what is in it is whole, whenever the run is stopped (chapter: train).

config.json      the recipe                checkpoints/step-...   to go on from
data.json        what it is trained on     samples/step-....png   to look at
metrics.jsonl    one record a line         best.safetensors       least held-out loss
skipped.json     photos left out           model.safetensors      the result
tensorboard/     the same figures, for TensorBoard
"""

import json
import os
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
FREE = {"steps", "save_every", "log_every", "workers"}  # may change in a run
DAMAGE = (OSError, SafetensorError, RuntimeError, ValueError, LookupError, EOFError)


class Stopped(KeyboardInterrupt):
    """The run was told to stop: it has saved, and can go on from there."""


def write_json(path: Path, content: object) -> None:
    """Replace a file in one step, so that a crash leaves the old or the new.

    Parameters
    ----------
    path : Path
        The file.
    content : object
        What JSON can hold.
    """
    _replace(path, json.dumps(content, indent=2) + "\n")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text)
    os.replace(partial, path)


def check_run(out: Path, config: dict, data: list[dict], resume: bool) -> None:
    """See that a folder is new, or holds the run that is asked for.

    Parameters
    ----------
    out : Path
        The run's folder.
    config : dict
        The recipe.
    data : list of dict
        Of each source: size, photos, fingerprint.
    resume : bool
        Whether a run in the folder is to go on.

    Raises
    ------
    ValueError
        If not; it names what differs.
    """
    if not checkpoints(out):
        return
    if not resume:
        raise ValueError(f"out must be a new folder, or resume be set; {out} is not")
    before = json.loads((out / "config.json").read_text())
    fixed = [key for key in config if key not in FREE]
    told = [
        f"{key} {before.get(key)} -> {config[key]}"
        for key in fixed
        if before.get(key) != config[key]
    ]
    if told:
        raise ValueError(
            f"config must be that of the run in {out}; changed: {', '.join(told)}"
        )
    known = json.loads((out / "data.json").read_text())
    for place, (old, new) in enumerate(zip(known, data, strict=False)):
        if old != new:
            raise ValueError(
                f"data must be those of the run in {out}; source {place + 1} was "
                f"{old}, is {new}"
            )
    if len(known) != len(data):
        raise ValueError(
            f"data must be those of the run in {out}: {len(known)} sources, "
            f"got {len(data)}"
        )


def open_run(
    accelerator: Accelerator, out: Path, config: dict, data: list[dict], step: int
) -> None:
    """Make a run's folder, and write down what it is.

    Parameters
    ----------
    accelerator : Accelerator
        Its main process does it, the others wait.
    out : Path
        The folder.
    config : dict
        The recipe.
    data : list of dict
        The sources.
    step : int
        Records of later steps are dropped.
    """
    if accelerator.is_main_process:
        for folder in ("checkpoints", "samples"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        write_json(out / "config.json", config)
        write_json(out / "data.json", data)
        kept = read_records(out / "metrics.jsonl", step)
        lines = "".join(json.dumps(record) + "\n" for record in kept)
        _replace(out / "metrics.jsonl", lines)
    accelerator.init_trackers(
        "tensorboard", init_kwargs={"tensorboard": {"purge_step": step + 1}}
    )
    accelerator.wait_for_everyone()


def checkpoints(out: Path) -> list[Path]:
    """List a run's checkpoints, oldest first.

    Parameters
    ----------
    out : Path
        The run's folder.

    Returns
    -------
    list of Path
        Folders named after their step.
    """
    return sorted((out / "checkpoints").glob("step-*"))


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
            with open(file, "rb") as written:
                os.fsync(written.fileno())  # on the disk before the name says so
        os.replace(unfinished, folder)
        for old in checkpoints(out)[:-KEEP]:
            shutil.rmtree(old)


def load_checkpoint(accelerator: Accelerator, out: Path) -> int:
    """Take up the last checkpoint, if there is one.

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
    found = checkpoints(out)
    if not found:
        return 0
    try:
        accelerator.load_state(str(found[-1]))
    except Exception as error:  # torch's unpickler raises many kinds
        raise ValueError(
            f"{found[-1]} must be a whole checkpoint of this run; delete it to go on "
            f"from the one before ({type(error).__name__}: {error})"
        ) from error
    return int(found[-1].name.removeprefix("step-"))


def read_records(path: Path, last_step: int | None = None) -> list[dict]:
    """Read a file of records; a last line that a crash cut short is left out.

    Parameters
    ----------
    path : Path
        A file of JSON lines; it may be missing.
    last_step : int, optional
        Leave out records of later steps.

    Returns
    -------
    list of dict
        In order.
    """
    records = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if last_step is None or record["step"] <= last_step:
            records.append(record)
    return records


def asked_to_stop(
    asked: threading.Event, accelerator: Accelerator, together: bool
) -> bool:
    """Tell whether to stop; processes must all do so at the same step.

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
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield asked
    finally:
        for number in numbers:
            signal.signal(number, before[number])
