"""From what is typed, to a network, a device, and a file to write."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import torch

    from colorlab.transfer import Network

RESULTS = ("model.safetensors", "best.safetensors")  # of a run, the first that exists
PICKLES = {".pth", ".pt", ".ckpt", ".bin", ".pkl", ".caffemodel"}

ModelName = Annotated[
    str,
    typer.Argument(help="A file, the folder of a run, or the name of a shipped one."),
]
Device = Annotated[
    str,
    typer.Option(help="cpu, cuda, mps, or auto: a GPU if there is one."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace OUT where it exists.")
]


def load_network(model: str, device: str = "cpu") -> "Network":
    """Load a network: a file or a run's folder, else the shipped one of that name."""
    from colorlab.weights import ASSETS, load_model, load_pretrained

    target = choose_device(device)
    path = Path(model)
    shipped = sorted(file.stem for file in ASSETS.glob("*.safetensors"))
    found = [path / name for name in RESULTS if (path / name).is_file()]
    if path.suffix.lower() in PICKLES:
        raise ValueError(
            f"model must be a safetensors file or one of {', '.join(shipped)}; "
            f"{model} is another program's format, which is not read"
        )
    if path.is_file() or found:
        file = found[0] if found else path
        if model in shipped:
            _note(f"{model} is the one here, not the shipped network of that name")
        if file.name == RESULTS[1]:
            _note(f"{model} is not finished; using its best network so far, {file}")
        return load_model(file, target)
    if model in shipped:
        return load_pretrained(model, target)
    if path.is_dir():
        raise ValueError(f"model: {model} holds no {' and no '.join(RESULTS)}")
    raise ValueError(
        f"model must be one of {', '.join(shipped)}, or a file or a run's folder; "
        f"there is no {model}"
    )


def _note(text: str) -> None:
    print(f"colorlab: {text}", file=sys.stderr)


def choose_device(name: str) -> "torch.device":
    """Return the device of a name; "auto" takes a GPU where there is one."""
    import torch

    from colorlab.network import best_device

    best = best_device()
    try:
        device = best if name == "auto" else torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device must be auto, cpu, cuda or mps, got {name!r}"
        ) from None
    if device.type not in ("cpu", best.type):
        raise ValueError(f"device {name} is not there, as torch sees it; {best} is")
    return device


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
