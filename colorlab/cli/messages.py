"""What every command prints alike: progress, errors, and what was left out."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

from colorlab._lazy import say_what_to_install

LISTED = 5  # skipped images
MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")


def count_members(members: Iterable) -> Iterable:
    """Show how many files of an archive have been read."""
    return tqdm(members, unit=" files", disable=None)


def count_parts(parts: Iterable) -> Iterable:
    """Show how much of an archive has come, then how much is unpacked."""
    return tqdm(parts, unit=" MB or files", disable=None)


def count_images(numbers: Iterable) -> Iterable:
    """Show how many images have been read."""
    return tqdm(numbers, unit=" images", disable=None)


def print_skipped(skipped: dict[str, str]) -> None:
    """List images that could not be read: the first few, and how many."""
    told = [f"{name}: {reason}" for name, reason in skipped.items()]
    print_names(told, "images could not be read and were skipped")


def print_names(names: list[str], what: str) -> None:
    """List what was left out, if anything: the first few, and how many."""
    if not names:
        return
    print(f"{len(names)} {what}:", file=sys.stderr)
    for name in names[:LISTED]:
        print(f"  {name}", file=sys.stderr)
    if len(names) > LISTED:
        print(f"  and {len(names) - LISTED} more", file=sys.stderr)


def say_reason(error: Exception) -> str | None:
    """Return one line on an error that the user can mend; None for a bug."""
    if isinstance(error, ModuleNotFoundError):
        told = say_what_to_install(error)
        return told if told != str(error) else None
    if out_of_memory(error):
        return "there is not enough memory: take a smaller --size or --batch-size"
    if isinstance(error, ValueError | FloatingPointError | OSError):
        return " ".join(str(error).split()) or type(error).__name__
    return None


def out_of_memory(error: BaseException) -> bool:
    """Tell if an error means that the memory, of the computer or a GPU, is full."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(word in said for word in MEMORY_WORDS)
