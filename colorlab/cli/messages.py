"""What every command prints alike: progress, errors, and what was left out."""

import os
import sys
from functools import partial

from tqdm import tqdm

from colorlab._lazy import is_out_of_memory, say_what_to_install

LISTED = 5  # skipped images

count_members = partial(tqdm, unit=" files", disable=None)  # of an archive
count_parts = partial(tqdm, unit=" MB or files", disable=None)  # come, then unpacked
count_images = partial(tqdm, unit=" images", disable=None)
count_pages = partial(tqdm, unit=" pages", disable=None, leave=False)  # of one image


def print_skipped(skipped: dict[str, str]) -> None:
    """List images that could not be read: the first few, and how many."""
    told = [f"{name}: {reason}" for name, reason in skipped.items()]
    print_names(told, "images could not be read and were skipped")


def print_names(names: list[str], what: str) -> None:
    """List what was left out, if anything: the first few, and how many."""
    if names:
        lines = [f"{len(names)} {what}:", *(f"  {name}" for name in names[:LISTED])]
        lines += [f"  and {len(names) - LISTED} more"] * (len(names) > LISTED)
        print(*lines, sep="\n", file=sys.stderr)


def say_reason(error: Exception) -> str | None:
    """Return one line on an error that the user can mend; None for a bug."""
    told = " ".join(_told(error).split()) or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        advice = say_what_to_install(error)
        return advice if advice != str(error) else None
    if is_out_of_memory(error):
        return "there is not enough memory: take a smaller --size or --batch-size"
    return told if isinstance(error, ValueError | ArithmeticError | OSError) else None


def _told(error: Exception) -> str:
    """Return what an error says; of a system's, without its number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    if error.filename is None:
        return error.strerror
    return f"{os.fsdecode(error.filename)} cannot be read or written: {error.strerror}"
