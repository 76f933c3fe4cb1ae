"""From what is typed, to a network, a device, and a file to write."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import torch

    from colorlab.transfer import Network

FINISHED, BEST_SO_FAR = "model.safetensors", "best.safetensors"  # of a run
MODEL_HELP = "A file, the folder of a run, or the name of a shipped one; or eccv16, "
MODEL_HELP += "siggraph17: the authors' networks, downloaded once."
RELEASED = ("eccv16", "siggraph17")
PICKLED = ".pth"  # of the authors' files

ModelName = Annotated[str, typer.Argument(help=MODEL_HELP)]
Device = Annotated[
    str, typer.Option(help="cpu, cuda, mps, or auto: a GPU if there is one.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace OUT where it exists.")
]


def load_network(model: str, device: str = "cpu") -> "Network":
    """Load a network: a file or a run's folder, else the shipped one of that name."""
    from colorlab.weights import load_model, load_pretrained, shipped

    path, target, ships = Path(model), choose_device(device), model in shipped()
    for file in (path, path / FINISHED, path / BEST_SO_FAR):
        if file.is_file():
            if file.suffix == PICKLED:
                return _load_released(model, file, target)
            if ships:
                _note(f"{model} is the one here, not the shipped network of that name")
            if file.name == BEST_SO_FAR:
                _note(f"{model} is not finished; using its best network so far, {file}")
            return load_model(file, target)
    if ships:
        return load_pretrained(model, target)
    if model in RELEASED:
        return _load_released(model, None, target)
    raise ValueError(
        f"model must be one of {', '.join(shipped())}, a network's file, or a folder "
        f"with {FINISHED} or {BEST_SO_FAR}; {model} is none"
    )


def _load_released(model: str, file: Path | None, device: "torch.device") -> "Network":
    """Load a network of the authors; the name of their file says which."""
    from colorlab.cli.messages import count_parts
    from colorlab.released import load_released

    name = next((name for name in RELEASED if name in Path(model).name), RELEASED[0])
    return load_released(name, file, device, count_parts)


def _note(text: str) -> None:
    print(f"colorlab: {text}", file=sys.stderr)


def choose_device(name: str) -> "torch.device":
    """Return the device of a name; "auto" takes a GPU where there is one."""
    import torch

    from colorlab.network import best_device

    best = best_device()
    each = [f"{best.type}:{n}" for n in range(torch.accelerator.device_count())]
    known = dict.fromkeys(["auto", "cpu", best.type, *each])
    if name not in known:
        raise ValueError(f"device must be one of {', '.join(known)}, got {name!r}")
    return best if name == "auto" else torch.device(name)


def check_output(out: Path, overwrite: bool) -> None:
    """Refuse a file that cannot or must not be written, before any work.

    Raises
    ------
    ValueError
        If it is a folder, its folder does not exist, or it exists.
    """
    if out.is_dir():
        raise ValueError(f"out must be a file; {out} is a folder")
    if not out.parent.is_dir():
        raise ValueError(f"out must be in a folder that exists; {out.parent} does not")
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists: choose another name, or pass --overwrite")


def check_size(size: int) -> int:
    """Refuse a size that no network takes (callback of an option)."""
    if size < 8 or size % 8:
        raise typer.BadParameter(f"must be a multiple of 8, got {size}")
    return size
