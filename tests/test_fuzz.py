"""Thousands of damaged files: each is read, or refused by the documented error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZING = Path(__file__).with_name("fuzzing.py")
SECONDS = 10  # of the processor, for any one file
# Any file may claim 16.8 megapixels, and is then in memory some times over.
MIB = 700


def run(kind, first, count):
    command = [sys.executable, str(FUZZING), kind, str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]  # no crash of a decoder, no hang
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["slowest"] < SECONDS
    assert told["MiB"] < MIB
    return told


def test_900_damaged_pictures():
    told = run("picture", 0, 900)
    assert told["read"] > 90  # some damage is harmless; not all is refused
    assert told["refused"] > 450


def test_100_damaged_networks():
    told = run("weights", 0, 100)
    assert told["used"] > 10
    assert told["refused"] > 50


@pytest.mark.stress
@pytest.mark.parametrize("first", range(0, 20_000, 1000))
def test_20_000_damaged_pictures(first):
    run("picture", first, 1000)


@pytest.mark.stress
@pytest.mark.parametrize("first", range(0, 2000, 500))
def test_2000_damaged_networks(first):
    run("weights", first, 500)
