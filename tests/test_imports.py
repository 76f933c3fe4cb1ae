"""Who may import whom, and what `import colorlab` loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import colorlab
import colorlab.train
from colorlab import decode, network, prior, quantize
from colorlab.cli import data, evaluate
from colorlab.datasets import shards
from colorlab.evaluate import measure
from colorlab.train import config

PACKAGE = Path(__file__).parents[1] / "colorlab"

# The core, in order: each may import what stands left of it. Then the rooms, each with
# what it may import of colorlab (its own modules always) and of others. This is the
# table of who knows whom; arrows go up only.
CORE = "_lazy _tiles _depthwise files lab quantize prior network".split()
CORE += "siggraph transfer weights losses decode".split()
TORCH = ("torch",)
ALLOWED = {
    "__init__": (("_lazy",), ()),
    "__main__": (("cli",), ()),
    **{name: (CORE[:place], TORCH) for place, name in enumerate(CORE)},
    **{name: ((), ()) for name in ("_lazy", "files")},
    "checks": ((), TORCH),
    "weights": (CORE[: CORE.index("weights")], ("torch", "safetensors")),
    # Image files are not taught with the core; the arrow needs them.
    "colorize": ((*CORE, "datasets.images"), ("torch", "PIL")),
    "datasets": (("_lazy", "files"), ("torch", "PIL", "pillow_heif", "filelock")),
    "film": ((*CORE, "colorize"), TORCH),
    "retouch": ((*CORE, "colorize"), ("torch", "PIL")),
    "filmfile": (("files",), ("PIL", "av")),
    "export": ((*CORE, "colorize"), TORCH),
    "released": (
        (*CORE, "datasets.images", "datasets.download"),
        TORCH,
    ),
    "train": (
        (*CORE, "colorize", "datasets"),
        ("torch", "PIL", "accelerate", "safetensors"),
    ),
    "evaluate": ((*CORE, "colorize", "datasets"), ("torch", "PIL")),
    "classics": (
        ("_lazy", "lab", "decode", "datasets.images"),
        ("torch", "scipy", "PIL"),
    ),
    "probe": ((*CORE, "datasets", "evaluate.bootstrap"), TORCH),
    "hints": ((*CORE, "colorize", "classics.scribbles"), TORCH),
    "alternatives": ((*CORE, "evaluate.probability"), ("torch", "PIL")),
    "doubt": ((*CORE, "colorize", "evaluate.probability"), ("torch", "PIL")),
    "_notebook": ((), ("matplotlib", "matplotlib_inline")),
    "plots": (
        (*CORE, "colorize", "evaluate.turing", "_notebook"),
        ("torch", "matplotlib"),
    ),
    "widgets": (
        (
            *(*CORE, "colorize", "plots", "classics"),
            *("evaluate.turing", "evaluate.game"),
            *("datasets.images", "train.diagnostics", "train.run"),  # the film's
        ),
        ("torch", "PIL", "matplotlib", "anywidget", "traitlets"),
    ),
    "cli": (
        (
            *(*CORE, "colorize", "hints", "alternatives", "doubt", "export", "retouch"),
            *("film", "filmfile", "released", "datasets", "train", "evaluate", "probe"),
        ),
        ("torch", "PIL", "typer", "rich", "tqdm"),
    ),
}
# Inside a room, too, arrows go one way: each module may import what stands left of it.
ORDER = {
    "datasets": (
        "formats metadata profiles images multipage deep download index splits names "
        "sources shards batches".split()
    ),
    "train": "config run checkpoint recipe diagnostics log model prepare loop".split(),
    "classics": "scribbles example analogy filters descriptors multimodal".split(),
    "probe": ["features", "linear", "table"],
    "evaluate": (
        "metrics turing game probability selection bootstrap measure report".split()
    ),
    "cli": [
        *("messages", "models", "results", "targets", "hintfile", "film"),
        *("samples", "ranking", "coloring", "watch"),
        *("colorize", "data", "train", "evaluate", "probe", "networks", "app"),
    ],
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
        elif ast.unparse(node) == "from colorlab import __version__":
            continue  # a string, which loads nothing
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


FACES = [""]
FACES += [f"{room}/" for room in (*ORDER, "widgets")]


@pytest.mark.parametrize("room", FACES)
def test_a_face_holds_no_logic(room):
    docstring, *rest = ast.parse(MODULES[f"{room}__init__"].read_text()).body
    assert isinstance(docstring, ast.Expr)
    for node in rest:
        lazy = isinstance(node, ast.Assign) and "lazy_names" in ast.unparse(node)
        version = isinstance(node, ast.Assign) and "__version__" in ast.unparse(node)
        assert isinstance(node, ast.ImportFrom) or lazy or version, room


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
    packages = loaded_by("import colorlab") - ALWAYS
    assert {name for name in packages if not name.startswith("_")} == {"colorlab"}
    names = "import colorlab; [getattr(colorlab, name) for name in colorlab.__all__]"
    loaded = loaded_by(names)
    assert not loaded & HEAVY
    beside_torch = loaded - loaded_by("import torch, numpy") - ALWAYS
    # safetensors reads and writes the networks' files.
    packages = {name for name in beside_torch if not name.startswith("_")}
    assert packages == {"colorlab", "safetensors"}


COMMANDS = "train colorize evaluate calibrate export info prior".split()


@pytest.mark.parametrize("command", ["", *COMMANDS, "data", "data get", "data shard"])
def test_help_does_not_wait_for_torch(command):
    words = ["colorlab", *command.split(), "--help"]
    loaded = loaded_by(
        f"from colorlab.cli import app; sys.argv = {words}; app(standalone_mode=False)"
    )
    assert "Usage:" in loaded
    assert not loaded & {"torch", "numpy", *HEAVY}


def test_help_shows_the_numbers_of_the_library():
    # Those that stand twice, so that the help need not load torch.
    assert evaluate.SIZE == measure.SIZE
    assert evaluate.T_PAPER == decode.T_PAPER
    assert data.PER_SHARD == shards.PER_SHARD
    assert config.VARIANTS[:-1] == tuple(network.LAST_BLOCKS)
    assert config.STRIDE == network.STRIDE
    assert config.LAM == prior.LAM
    assert config.N_NEIGHBORS == quantize.N_NEIGHBORS


def test_a_lazy_name_is_a_module_or_an_error():
    assert colorlab.colorize.colorize.__module__ == "colorlab.colorize"
    assert {"rgb_to_lab", "ColorNet"} <= {*dir(colorlab)}
    with pytest.raises(AttributeError, match="'colorlab' has no attribute 'nothing'"):
        _ = colorlab.nothing


def test_check_of_what_is_loaded_can_fail():
    heavy = loaded_by("import colorlab.train.loop, colorlab.plots, colorlab.widgets")
    assert {"PIL", "accelerate", "matplotlib", "anywidget"} <= heavy & HEAVY


@pytest.mark.parametrize("face", [colorlab, colorlab.datasets, colorlab.train])
def test_no_exported_name_is_a_modules_name(face):
    # `from colorlab import colorize` would give one or the other, by what came first.
    folder = Path(face.__file__).parent
    assert len(face.__all__) > 5
    modules = {path.stem for path in folder.iterdir()}
    same = {*face.__all__} & modules
    assert same == set()
