"""Who may import whom, and what `import colorlab` loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "colorlab"

# The core, in order: each may import what stands left of it. Then the rooms, each with
# what it may import of colorlab (its own modules always) and of others. This is the
# table of who knows whom; arrows go up only.
CORE = "files lab quantize prior network weights losses decode".split()
TORCH = ("torch",)
ALLOWED = {
    "__init__": (CORE, ()),
    "__main__": (("cli",), ()),
    **{name: (CORE[:place], TORCH) for place, name in enumerate(CORE)},
    "files": ((), ()),
    "weights": (CORE[:5], ("torch", "safetensors")),
    # Image files are not taught with the core; the arrow needs them.
    "colorize": ((*CORE, "datasets.images"), ("torch", "PIL")),
    "datasets": (("files", "lab"), ("torch", "PIL", "pooch")),
    "train": (
        (*CORE, "colorize", "datasets"),
        ("torch", "PIL", "accelerate", "safetensors"),
    ),
    "evaluate": ((*CORE, "colorize", "datasets"), ("torch", "PIL")),
    "plots": (
        (*CORE, "colorize", "evaluate.turing"),
        ("torch", "matplotlib", "matplotlib_inline"),
    ),
    "widgets": (
        (*CORE, "colorize", "plots", "evaluate.turing"),
        ("torch", "PIL", "matplotlib", "anywidget", "traitlets"),
    ),
    "cli": (
        (*CORE, "colorize", "datasets", "train", "evaluate"),
        ("torch", "typer", "rich", "tqdm"),
    ),
}
# Inside a room, too, arrows go one way: each module may import what stands left of it.
ORDER = {
    "datasets": "images download sources shards batches".split(),
    "train": "config run diagnostics log loop".split(),
    "evaluate": "metrics turing measure report".split(),
    "cli": "messages models colorize data train evaluate networks app".split(),
}
ALWAYS = {"numpy", *sys.stdlib_module_names}
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in PACKAGE.rglob("*.py")
}


def allowed(module):
    """What a module may import: of colorlab, and of others."""
    room, _, inner = module.partition("/")
    own, others = ALLOWED[room]
    order = ORDER.get(room, ())
    if inner in order:
        own = (*own, *(f"{room}.{name}" for name in order[: order.index(inner)]))
    elif inner:  # a face, or a widget
        own = (*own, room)
    return own, others


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
            fine = ours & {".".join([top, *rest[:depth]]) for depth in (1, 2)}
        else:
            fine = top in ALWAYS | set(others)
        if not fine:
            found.append(name)
    return found


def test_table_names_what_exists():
    assert {name.split("/")[0] for name in MODULES} == set(ALLOWED)
    for room, order in ORDER.items():
        inside = {name.split("/")[1] for name in MODULES if name.startswith(f"{room}/")}
        assert inside == {"__init__", *order}


def test_rooms_have_no_circle():
    rank = {name: place for place, name in enumerate(ALLOWED)}
    rank |= {"datasets": rank["colorize"] - 0.5}
    for room, (own, _) in ALLOWED.items():
        if room not in ("__init__", "__main__"):
            assert all(rank[name.split(".")[0]] < rank[room] for name in own), room


def test_a_face_holds_no_logic():
    for room in ("datasets", "train", "evaluate", "widgets", "cli"):
        body = ast.parse(MODULES[f"{room}/__init__"].read_text()).body
        docstring, *rest = body
        assert isinstance(docstring, ast.Expr)
        assert all(isinstance(node, ast.ImportFrom) for node in rest), room


@pytest.mark.parametrize("module", MODULES)
def test_module_keeps_to_the_table(module):
    assert forbidden(MODULES[module].read_text(), *allowed(module)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import matplotlib.pyplot as plt", ["matplotlib.pyplot"]),
        ("import torch, PIL", ["PIL"]),
        ("from colorlab.train.loop import train", ["colorlab.train.loop"]),
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
    heavy = loaded_by("import colorlab.train.loop, colorlab.plots, colorlab.widgets")
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
    assert shadowed("from colorlab.train.loop import train") == {"train"}
    assert shadowed("from colorlab.lab import rgb_to_lab as lab") == {"lab"}
