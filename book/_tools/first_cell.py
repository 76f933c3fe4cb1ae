"""Fetch the project that this notebook belongs to, unless it is here."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ADDRESS, BRANCH, COPY = "", "", Path("colorization-lab")
NEEDED = "accelerate anywidget matplotlib scipy skimage tensorboard"


def ready():
    """Tell whether the package, what it needs, and the photos are here."""
    try:
        importlib.import_module("colorlab._notebook").book_data()
    except (ImportError, FileNotFoundError):
        return False
    return all(map(find_spec, NEEDED.split()))


def run(*words, hint):
    """Run a command; if it fails, say what may help."""
    try:
        subprocess.run(words, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"{error}\n{hint}") from None


if not ready():
    if not ADDRESS and not COPY.exists():
        raise RuntimeError(
            "This notebook needs its project, The Colorization Lab, and does "
            "not know its address: copy it here, as folder colorization-lab."
        )
    if not COPY.exists():
        hint = "Is there git, and internet? (In Kaggle: Settings, Internet.)"
        branch = ["--branch", BRANCH] if BRANCH else []
        git = ["git", "clone", "--quiet", "--depth", "1", *branch]
        run(*git, ADDRESS, str(COPY), hint=hint)
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    run(*pip, f"./{COPY}[chapters]", hint="pip said above what is missing.")
    importlib.invalidate_caches()
    for name in [n for n in sys.modules if n.split(".")[0] == "colorlab"]:
        del sys.modules[name]  # what was there before
