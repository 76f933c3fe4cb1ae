"""What every command prints alike: progress, and what was left out."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

LISTED = 5  # skipped images


def count_members(members: Iterable) -> Iterable:
    """Show how many files of an archive have been read."""
    return tqdm(members, unit=" files", disable=None)


def count_images(numbers: Iterable) -> Iterable:
    """Show how many images have been read."""
    return tqdm(numbers, unit=" photos", disable=None)


def print_skipped(skipped: dict[str, str]) -> None:
    """List photos that could not be read: the first few, and how many."""
    if not skipped:
        return
    print(f"{len(skipped)} photos could not be read and were skipped:", file=sys.stderr)
    for name, reason in [*skipped.items()][:LISTED]:
        print(f"  {name}: {reason}", file=sys.stderr)
    if len(skipped) > LISTED:
        print(f"  and {len(skipped) - LISTED} more", file=sys.stderr)
