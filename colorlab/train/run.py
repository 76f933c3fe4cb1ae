"""A run's folder: what is in it is whole, whenever the run is stopped (chapter: train).

config.json      the configuration         checkpoints/step-...   to resume from
data.json        what it is trained on     samples/step-....png   to look at
metrics.jsonl    one record a line         best.safetensors       least held-out loss
skipped.json     images left out           model.safetensors      the result
tensorboard/     the metrics, for it       init.safetensors       what it started from
prior.csv        a prior of one's own      lock                   while the run lasts
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from colorlab.files import lock_file, whole_file, write_json
from colorlab.train.config import (
    TrainConfig,
    changed_fields,
    config_from_json,
)

CHECKPOINTS = 3  # in the folder at most: two whole ones, and one being written
RENAMED = {"trouble": "warning", "photos": "images", "norm": "grad_norm"}


def read_json(path: Path, remedy: str, kind: type = object) -> Any:
    """Read a JSON file of a run; the error for a damaged one names it and a remedy.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What to do if it is damaged.
    kind : type
        What it must hold.

    Returns
    -------
    object
        Its content.

    Raises
    ------
    ValueError
        If it is missing, cut short, or no JSON.
    """
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, kind):
            raise ValueError(f"it must hold a {kind.__name__}")
        return content
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): {remedy}") from error


def read_config(path: str | Path) -> TrainConfig:
    """Read the `config.json` of a run, also of the first edition.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    TrainConfig
        The run's configuration.

    Raises
    ------
    ValueError
        If it is damaged or not of a run; it names the file.
    """
    path = Path(path)
    remedy = (
        "copy that of a run with the same options, or start a new run with "
        f"--init {path.parent / 'best.safetensors'}"
    )
    content = read_json(path, remedy)
    try:
        return config_from_json(content)
    except ValueError as error:
        raise ValueError(
            f"{path} must be the configuration of a run: {error}"
        ) from None


def read_data(out: Path) -> dict:
    """Read what a run is trained on.

    Parameters
    ----------
    out : Path
        The run's folder.

    Returns
    -------
    dict
        train: of each source, its size, images, fingerprint and, but in the first
        edition, path; val: the same of the validation images; hold_out: whether some
        images of undivided data were kept from training, which the first edition did
        not. Empty if the file is missing.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = out / "data.json"
    if not path.exists():
        return {}
    remedy = "delete it, and name DATA again when you resume"
    content = read_json(path, remedy)
    if isinstance(content, list):  # schema 1
        content = {"train": content, "val": None, "hold_out": False}
    try:
        for source in content["train"]:
            source["images"] = source.pop("photos", source.get("images"))
            source["size"], source["fingerprint"]
        content["train"][0], content["val"]
        return content
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}): {remedy}") from error


def find_run(out: Path) -> TrainConfig | None:
    """Return the configuration of the run in a folder; refuse any other content.

    Parameters
    ----------
    out : Path
        A folder, or where one is to be made.

    Returns
    -------
    TrainConfig or None
        None if it is absent or empty.

    Raises
    ------
    ValueError
        If it holds other files, which training would mix with or write over.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"out must be a folder, {out} is a file")
    inside = {path.name for path in out.iterdir()} if out.is_dir() else set()
    inside = {name for name in inside if name != "lock" and name[:9] != ".partial-"}
    if "config.json" in inside:
        return read_config(out / "config.json")
    if inside:
        raise ValueError(
            f"out must be new, empty or the folder of a run; {out} holds "
            f"{', '.join(sorted(inside)[:4])}"
        )
    return None


@contextmanager
def lock_run(out: Path) -> Iterator[TrainConfig | None]:
    """Reserve a run's folder, which is made if need be, for this process.

    Parameters
    ----------
    out : Path
        The folder. Under `torchrun`, only the first process locks it.

    Yields
    ------
    TrainConfig or None
        What `find_run` returns. The lock ends with the block or the process, however
        that dies.

    Raises
    ------
    ValueError
        If the folder holds something else than a run, or another process trains in it.
    """
    before = find_run(out)
    if int(os.environ.get("RANK", 0)):
        yield before
        return
    out.mkdir(parents=True, exist_ok=True)
    path = out / "lock"
    with open(path, "a+") as file:
        try:
            lock_file(file)
            path.stat()  # not the file of a run that just ended
        except (BlockingIOError, PermissionError, FileNotFoundError) as error:
            file.seek(0)
            raise ValueError(
                f"out must not be in use; process {file.read().strip() or '?'} trains "
                f"in {out}"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield before
        finally:
            with suppress(PermissionError):  # Windows keeps what is open
                path.unlink(missing_ok=True)
            if not any(out.iterdir()):  # refused before anything was written
                out.rmdir()


def check_run(
    out: Path, before: TrainConfig, config: TrainConfig, known: dict, data: dict
) -> None:
    """Refuse to resume a run with another configuration or other data.

    Parameters
    ----------
    out : Path
        The run's folder.
    before, config : TrainConfig
        Of the run, and to go on with.
    known, data : dict
        Of the run, and to go on with, as `read_data` returns them.

    Raises
    ------
    ValueError
        If something differs that a run may not change; it names what.
    """
    if told := changed_fields(before, config, free=False):
        raise ValueError(
            f"config must be that of the run in {out}; changed: {', '.join(told)}"
        )
    if not known:
        return
    named = "path" in known["train"][0]  # else fingerprints are the first edition's
    old, new = (_contents(d["train"], named) for d in (known, data))
    if old != new:
        raise ValueError(
            f"data must be those of the run in {out}: of each source its size, images "
            f"and a fingerprint of their names were {old}, are {new}"
        )
    if named and _contents([known["val"]], named) != _contents([data["val"]], named):
        raise ValueError(
            f"val_data must be those of the run in {out}: the losses that choose its "
            "best network could not be compared"
        )


def _contents(sources: list[dict], named: bool) -> list[tuple]:
    return [
        (s["size"], s["images"], s["fingerprint"] if named else "") for s in sources
    ]


def open_run(
    accelerator: Accelerator, out: Path, config: dict, data: dict, step: int
) -> list[dict]:
    """Write down what a run is, and drop what it did after a step.

    Parameters
    ----------
    accelerator : Accelerator
        Its main process does it, the others wait.
    out : Path
        The folder.
    config : dict
        Content of `config.json`.
    data : dict
        Content of `data.json`.
    step : int
        Records of later steps are dropped.

    Returns
    -------
    list of dict
        The others.
    """
    records = read_records(out / "metrics.jsonl", step)
    accelerator.wait_for_everyone()  # all have read, none has written
    if accelerator.is_main_process:
        write_json(out / "config.json", config)
        write_json(out / "data.json", data)
        for folder in ("checkpoints", "samples"):
            (out / folder).mkdir(exist_ok=True)
        for left_over in [*out.glob(".partial-*"), *out.glob("samples/.partial-*")]:
            left_over.unlink()  # by a process that died
        with whole_file(out / "metrics.jsonl") as file:
            file.writelines(f"{json.dumps(record)}\n".encode() for record in records)
    accelerator.init_trackers(
        "tensorboard", init_kwargs={"tensorboard": {"purge_step": step + 1}}
    )
    accelerator.wait_for_everyone()
    return records


def disk_space(parameters: int, averaged: bool) -> int:
    """Estimate the room that a run takes, in bytes.

    Parameters
    ----------
    parameters : int
        Of the network.
    averaged : bool
        Whether an average of the weights is kept, too.

    Returns
    -------
    int
        Three checkpoints, one of them half-written, each of the weights and two
        numbers that the optimizer keeps for each; and two networks. Float32.

    Examples
    --------
    >>> disk_space(1_000_000, averaged=False)
    44000000
    """
    return 4 * parameters * (CHECKPOINTS * (3 + averaged) + 2)


def read_records(path: Path, last_step: int | None = None) -> list[dict]:
    r"""Read a file of records; a last line that a crash cut short is left out.

    Parameters
    ----------
    path : Path
        A file of JSON lines; it may be missing.
    last_step : int, optional
        Leave out records of later steps.

    Returns
    -------
    list of dict
        In order, under the names of today.

    Raises
    ------
    ValueError
        If another line is no record; it is named.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "metrics.jsonl")
    ...     _ = path.write_text('{"step": 1, "trouble": "gray"}\n{"step": 2, "lo')
    ...     read_records(path)
    [{'step': 1, 'warning': 'gray'}]
    """
    records = []
    lines = path.read_bytes().splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            record = {RENAMED.get(name, name): record[name] for name in record}
            if last_step is None or record["step"] <= last_step:
                records.append(record)
        except (ValueError, TypeError, KeyError) as error:
            if number < len(lines):
                raise ValueError(
                    f"{path}, line {number} must be a record: delete it"
                ) from error
    return records
