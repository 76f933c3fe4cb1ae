"""The files around the code agree with each other."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FIXED = "jupyter-book torch numpy matplotlib scikit-image ipywidgets pytest nbval"


def pyproject_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return split(project["dependencies"] + extras["book"] + extras["test"])


def environment_requirements():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert "-e ." in pip
    return split(entry for entry in pip if entry != "-e .")


def split(requirements):
    pairs = (re.fullmatch(r"([\w-]+)(.*)", entry).groups() for entry in requirements)
    return dict(pairs)


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {line.split("==")[0].lower().replace("_", "-"): line for line in lines}


def test_pyproject_and_environment_agree():
    assert pyproject_requirements() == environment_requirements()


@pytest.mark.parametrize("name", FIXED.split())
def test_the_fixed_packages_are_named(name):
    assert name in pyproject_requirements()
    assert name in environment_requirements()


def test_every_requirement_has_a_range_and_a_pin():
    pins = constraints()
    for name, wanted in pyproject_requirements().items():
        assert wanted.startswith(">="), name
        assert name in pins, name


def test_peers_of_the_benchmarks_have_a_range_and_a_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    peers = split(project["optional-dependencies"]["bench"])
    assert not peers.keys() & pyproject_requirements().keys()  # neither here nor there
    for name, wanted in peers.items():
        assert wanted.startswith(">="), name
        assert name in constraints(), name


def test_make_bench_runs_every_benchmark():
    others = {"measure", "photos", "gpu_check", "evaluations", "semantic"}
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - others
    (names,) = re.findall(r"for name in ([\w ]+);", (ROOT / "Makefile").read_text())
    assert set(names.split()) == scripts
    results = {path.stem for path in (ROOT / "benchmarks/results").glob("*.json")}
    assert results == scripts


@pytest.mark.parametrize(
    "file",
    ["colorlab/lab.py", "colorlab/widgets/page.js", "data/evaluations/semantic.json"],
)
def test_chapters_run_again_when_what_they_show_has_changed(file):
    # As if READY and the book were up to date, and then the file had changed.
    make = ["make", "-n", "-o", ".venv/ready", "-W", file, "book"]
    told = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "rm -rf _build/.jupyter_cache" in told.stdout


def test_torch_is_pinned_without_a_local_version():
    assert constraints()["torch"] == "torch==2.13.0"


def test_readme_table_lists_the_modules():
    rows = re.findall(
        r"^\|.*`colorlab/([\w/]+)\.py`", (ROOT / "README.md").read_text(), re.M
    )
    package = ROOT / "colorlab"
    paths = [path.relative_to(package) for path in package.rglob("[a-z]*.py")]
    modules = {
        path.with_suffix("").as_posix()
        for path in paths
        if path.parts[0] not in ("cli", "widgets")
    }
    assert len(rows) == len(set(rows))
    assert set(rows) == modules


def test_contributing_stays_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 60


def test_no_address_is_invented():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    url = config.get("repository", {}).get("url")
    assert url is None or re.match(r"https://(github|gitlab|bitbucket)\.\w+/\w", url)
