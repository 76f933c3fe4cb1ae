"""Write files that appear whole or not at all (not taught in the book)."""

import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

NUMBERS = r"\[\n[^][{}\"]*\]"  # a list of them; strings of JSON hold no line ends


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces `path` only when it is complete.

    Parameters
    ----------
    path : str or Path
        The file to write. Its folder must exist.

    Yields
    ------
    BinaryIO
        A file beside it. When the block ends it takes the place of `path` in one
        step; if the block raises, or the process dies, `path` is as it was.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk; the message names `path`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(f"{folder}/note.txt") as file:
    ...         _ = file.write(b"done")
    ...     Path(folder, "note.txt").read_text()
    'done'
    """
    path = Path(path)
    partial = (
        path.parent / f".partial-{secrets.token_hex(4)}"
    )  # short: names are limited
    try:
        with open(partial, "x+b") as file:  # pages are read again
            yield file
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name says so
        os.replace(partial, path)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def lock_file(file: IO) -> None:
    """Lock a file for this process; unlike flock's, a fork does not inherit the lock.

    Parameters
    ----------
    file : IO
        Open for writing. The lock ends when it is closed, or with the process.

    Raises
    ------
    OSError
        BlockingIOError or PermissionError, if another process holds the lock.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     lock_file(file)
    """
    if sys.platform == "win32":
        import msvcrt

        file.seek(1000)  # beyond the process's number, which others shall read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_json(path: str | Path, content: object) -> None:
    """Write JSON with each list of numbers on one line, so that it can be read.

    Parameters
    ----------
    path : str or Path
        The file; it appears whole or not at all.
    content : object
        Anything JSON can hold.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(f"{folder}/a.json", {"row": [1, None]})
    ...     print(Path(folder, "a.json").read_text().strip())
    {
     "row": [1, null]
    }
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    lines = re.sub(
        NUMBERS, lambda found: re.sub(r"\s+", "", found[0]).replace(",", ", "), text
    )
    with whole_file(path) as file:
        file.write(f"{lines}\n".encode())
