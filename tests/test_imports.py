"""Who may import whom, and what `import colorlab` loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "colorlab"

NUMERIC = ("decode", "lab", "losses", "network", "prior", "quantize")
# The plumbing of a training run, which the chapters datasets and train explain.
DATA = ("images", "photosets", "datasets")
RUN = ("config", "syncnorm", "health", "runs", "log")
# module: (modules of colorlab, packages of others) that it may import. NumPy may be
# used beside torch.
ALLOWED = {
    "__init__": (NUMERIC, ()),
    "__main__": (("cli",), ()),
    "lab": ((), ("torch",)),
    "quantize": (("lab",), ("torch",)),
    "prior": (("lab", "quantize"), ("torch",)),
    "network": (("quantize",), ("torch", "safetensors")),
    "losses": ((), ("torch",)),
    "decode": ((), ("torch",)),
    "images": (("lab",), ("torch", "PIL")),
    "fetch": (("images",), ("pooch",)),
    "photosets": (("images", "fetch"), ()),
    "shards": (("images", "photosets"), ("PIL",)),
    "datasets": (("images", "photosets"), ("torch",)),
    "config": (("network", "prior", "quantize"), ("torch",)),
    "syncnorm": ((), ("torch",)),
    "health": (NUMERIC, ("torch", "PIL")),
    "runs": ((), ("torch", "accelerate", "safetensors")),
    "log": (
        ("network", "quantize", *DATA, "health", "runs"),
        ("torch", "accelerate"),
    ),
    "train": ((*NUMERIC, *DATA, *RUN), ("torch", "accelerate")),
    "evaluate": ((*NUMERIC, *DATA), ("torch",)),
    "turing": ((), ("torch",)),
    "report": ((*NUMERIC, *DATA, "evaluate"), ("torch", "PIL")),
    "colorize": (
        ("lab", "quantize", "network", "decode", "images"),
        ("torch", "PIL"),
    ),
    "plots": ((*NUMERIC, "turing"), ("torch", "matplotlib", "matplotlib_inline")),
    "cli": (
        (*NUMERIC, *DATA, *RUN, "fetch", "shards", "train", "evaluate", "colorize")
        + ("plots", "report"),
        ("torch", "typer", "rich", "tqdm"),
    ),
}
WIDGETS = (
    (*NUMERIC, "turing", "plots", "widgets"),
    ("torch", "PIL", "matplotlib", "anywidget", "traitlets"),
)
ALWAYS = {"numpy", *sys.stdlib_module_names}
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in PACKAGE.rglob("*.py")
}


def allowed(module):
    return WIDGETS if module.startswith("widgets/") else ALLOWED[module]


def imported(source):
    """Every module that a source names in an import, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            if node.module == "colorlab":  # `from colorlab import train`
                yield from (f"colorlab.{alias.name}" for alias in node.names)


def forbidden(source, own, others):
    """The imports that are in neither list, in order."""
    ours = {f"colorlab.{module}" for module in own}
    found = []
    for name in imported(source):
        top, *rest = name.split(".")
        if top == "colorlab" and rest:
            fine = ".".join([top, rest[0]]) in ours
        else:
            fine = top in ALWAYS | set(others)
        if not fine:
            found.append(name)
    return found


def test_table_names_what_exists():
    flat = {name for name in MODULES if "/" not in name}
    assert flat == set(ALLOWED)
    assert {name.split("/")[0] for name in set(MODULES) - flat} <= {"widgets"}


@pytest.mark.parametrize("module", MODULES)
def test_module_keeps_to_the_table(module):
    assert forbidden(MODULES[module].read_text(), *allowed(module)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import matplotlib.pyplot as plt", ["matplotlib.pyplot"]),
        ("import torch, PIL", ["PIL"]),
        ("from colorlab.train import train", ["colorlab.train"]),
        ("from colorlab import rgb_to_lab", ["colorlab", "colorlab.rgb_to_lab"]),
        ("import colorlab", ["colorlab"]),
        ("from . import lab", ["."]),
        ("from .lab import rgb_to_lab", [".lab"]),
        ("def later():\n    from skimage.color import rgb2lab", ["skimage.color"]),
        ("if True:\n    import colorlab.network", ["colorlab.network"]),
        ("import math, numpy, torch.nn\nfrom colorlab.lab import rgb_to_lab", []),
    ],
)
def test_checker_finds_what_is_forbidden(source, found):
    assert forbidden(source, ("lab",), ("torch",)) == found


def loaded_by(statement):
    """Packages that a fresh Python holds after a statement."""
    script = f"import sys; {statement}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


HEAVY = {"matplotlib", "ipywidgets", "anywidget", "PIL", "accelerate", "skimage"}


def test_import_colorlab_is_light():
    loaded = loaded_by("import colorlab")
    assert not loaded & HEAVY
    beside_torch = loaded - loaded_by("import torch, numpy")
    # safetensors reads and writes the networks' files.
    packages = {name for name in beside_torch - ALWAYS if not name.startswith("_")}
    assert packages == {"colorlab", "safetensors"}


def test_check_of_what_is_loaded_can_fail():
    heavy = loaded_by("import colorlab.train, colorlab.plots, colorlab.widgets")
    assert {"PIL", "accelerate", "matplotlib", "anywidget"} <= heavy & HEAVY


def exported(source):
    """The names that a source imports."""
    nodes = [node for node in ast.parse(source).body if hasattr(node, "names")]
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def shadowed(source):
    modules = {name.split("/")[0] for name in MODULES}
    return exported(source) & modules


def test_no_exported_name_is_a_modules_name():
    source = MODULES["__init__"].read_text()
    assert len(exported(source)) > 10
    assert shadowed(source) == set()


def test_check_of_exported_names_can_fail():
    assert shadowed("from colorlab.train import train") == {"train"}
    assert shadowed("from colorlab.lab import rgb_to_lab as lab") == {"lab"}
