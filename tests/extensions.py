"""The book's own Sphinx extension and tools, for the tests."""

import importlib.util

from book_pages import BOOK


def load(path):
    """Import a file that belongs to no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


backmatter = load(BOOK / "_ext" / "backmatter.py")
