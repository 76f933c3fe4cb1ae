"""Names of a million files, as two arrays (book chapter: datasets)."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Names:
    """Names of files, one after the other; a long one costs only its own letters.

    Examples
    --------
    >>> names = Names.of(["a.jpg", "dogs/b.jpg"])
    >>> len(names), names[1]
    (2, 'dogs/b.jpg')
    """

    letters: np.ndarray  # uint8, shape (B,): the bytes of all names
    ends: np.ndarray  # int64, shape (F,): where each name ends

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Take names as the system gives them."""
        encoded = [os.fsencode(name) for name in names]
        ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ends)

    def __getitem__(self, number: int) -> str:
        """Return one; they are counted from 0."""
        start = self.ends[number - 1] if number else 0
        return os.fsdecode(self.letters[start : self.ends[number]].tobytes())

    def tobytes(self) -> bytes:
        """Return all of it as bytes: other names give others."""
        return self.letters.tobytes() + self.ends.tobytes()
