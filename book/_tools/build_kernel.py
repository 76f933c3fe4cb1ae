"""Compile book/_photo/kernel.c to kernel.wasm, which is stored beside it.

Needs the compiler Zig, which pip has: pip install ziglang==0.17.1. The file
ends with the hash of its source: so a test without compiler sees its age.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "_photo"
COMMAND = [
    *(sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding"),
    *("-O3", "-msimd128", "-nostdlib", "-fno-builtin"),
    *("-Wl,--no-entry", "-Wl,--strip-all"),
]
CUSTOM = 0  # the kind of a section that WebAssembly skips
NAME = b"source"


def source_hash() -> bytes:
    """Return the SHA-256 of the source."""
    return hashlib.sha256((FOLDER / "kernel.c").read_bytes()).digest()


def hash_section() -> bytes:
    """Return the section that the file ends with."""
    content = bytes([len(NAME)]) + NAME + source_hash()
    return bytes([CUSTOM, len(content)]) + content


def build(out: Path) -> None:
    """Compile, and add the hash."""
    command = [*COMMAND, "-o", str(out), str(FOLDER / "kernel.c")]
    subprocess.run(command, check=True)
    out.write_bytes(out.read_bytes() + hash_section())


if __name__ == "__main__":
    build(FOLDER / "kernel.wasm")
