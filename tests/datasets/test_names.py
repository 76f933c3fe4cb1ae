"""Names of many files: what goes in comes out, and a long one costs only itself."""

import hashlib
import os

import numpy as np
import pytest

from colorlab.datasets.names import Names

ODD = ["a.jpg", "", "über/ß.png", os.fsdecode(b"caf\xe9.jpg"), "x" * 3000, "end\0"]


def size(names):
    return names.letters.nbytes + names.ends.nbytes


def test_names_come_back_as_they_were():
    names = Names.of(ODD)
    assert len(names) == len(ODD)
    assert [names[n] for n in range(len(ODD))] == ODD
    assert names[np.int64(2)] == ODD[2]


def test_no_names_are_no_names():
    names = Names.of([])
    assert len(names) == 0
    with pytest.raises(IndexError):
        names[0]


def test_one_long_name_costs_its_own_letters():
    usual = [f"photos/{n:09d}.jpg" for n in range(20_000)]
    assert size(Names.of([*usual, "x" * 3000])) == size(Names.of(usual)) + 3008


def test_other_names_are_other_bytes():
    told = {Names.of(names).tobytes() for names in (["ab", "c"], ["a", "bc"], ["abc"])}
    assert len(told) == 3


def test_bytes_are_those_of_fingerprints_written_before():
    content = Names.of(["a.jpg", "b/c.jpg"]).tobytes()
    assert (
        hashlib.sha256(content).hexdigest()
        == hashlib.sha256(
            b"a.jpgb/c.jpg" + np.array([5, 12], np.int64).tobytes()
        ).hexdigest()
    )
