"""The book's own Sphinx extensions and tools, for the tests."""

import importlib
import importlib.util
import sys

from book_pages import BOOK

sys.path += [str(BOOK / "_ext"), str(BOOK / "_tools")]  # they import each other


def load(path):
    """Import a file that belongs to no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def import_tool(name):
    """Import a tool as the others do, so that there is one of it."""
    return importlib.import_module(name)


NAMES = "ahead backmatter charts excerpts figures glossed journey light quiz share"
ahead, backmatter, charts, excerpts, figures, glossed, journey, light, quiz, share = (
    load(BOOK / f"_ext/{name}.py") for name in NAMES.split()
)
plain_math = load(BOOK / "_ext/plainmath.py").plain_math
