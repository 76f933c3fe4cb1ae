"""From the name of a network, as it is typed, to the network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from colorlab.network import ColorNet

ModelName = Annotated[
    str, typer.Argument(help="A shipped network's name, a file, or a run's folder.")
]


def load_network(model: str) -> "ColorNet":
    """Load a shipped network, a file, or what a run's folder holds."""
    from colorlab.weights import ASSETS, load_model, load_pretrained

    if (ASSETS / f"{model}.safetensors").is_file():
        return load_pretrained(model)
    result = Path(model, "model.safetensors")
    return load_model(result if Path(model).is_dir() else model)
