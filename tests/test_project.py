"""The files around the code agree with each other."""

import csv
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import colorlab.train
from colorlab import _lazy

ROOT = Path(__file__).parents[1]
KEPT = {"source", "read", "used"}  # columns that are no reason to drop an image
FIXED = "jupyter-book torch numpy matplotlib scikit-image ipywidgets pytest nbval"


OURS = "colorization-lab"  # on PyPI, "colorlab" is another project


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pyproject_requirements(extra="test"):
    """What an extra brings, with the extras that it names."""
    wanted = pyproject()["optional-dependencies"][extra]
    found = split(pyproject()["dependencies"])
    for requirement in wanted:
        if requirement.startswith(f"{OURS}["):
            for inner in requirement[len(OURS) + 1 : -1].split(","):
                found |= pyproject_requirements(inner)
        else:
            found |= split([requirement])
    return found


def environment_requirements():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip[:2] == ["-c constraints.txt", "-e ."]
    return split(pip[2:])


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


def test_coloring_needs_little():
    needed = split(pyproject()["dependencies"])
    assert sorted(needed) == "numpy pillow safetensors torch tqdm typer".split()


def test_what_is_installed_is_called_by_its_name():
    # `pip install colorlab` gives a stranger's package.
    assert pyproject()["name"] == OURS
    wrong = re.compile(r"(?<!not type `)pip install [^\n`]*\bcolorlab\b")
    for path in told():
        found = wrong.findall(path.read_text(encoding="utf-8"))
        assert found == [], path


def told():
    """Files that readers see."""
    listed = ["git", "ls-files", "*.md", "*.ipynb", "*.py", "*.yml", "Makefile"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    this = Path(__file__).name
    return [ROOT / name for name in names.stdout.split() if not name.endswith(this)]


def test_every_requirement_has_a_range_and_a_pin():
    pins = constraints()
    for name, wanted in pyproject_requirements().items():
        assert wanted.startswith(">="), name
        assert name in pins, name


def test_peers_of_the_benchmarks_have_a_range_and_a_pin():
    for name, wanted in pyproject_requirements("bench").items():
        assert wanted.startswith(">="), name
        assert name in constraints(), name


def test_no_benchmark_is_long():
    lines = {path.name: len(path.read_text().splitlines()) for path in scripts()}
    assert max(lines.values()) <= 400, lines


def scripts():
    return sorted((ROOT / "benchmarks").glob("*.py"))


def test_make_bench_runs_every_benchmark():
    others = {
        "measure",
        "photos",
        "same_photos",
        "gpu_check",
    }  # and what measures networks
    others |= {"evaluations", "semantic", "controls", "systems", "dots"}
    others |= {"descriptors", "doubt", "heads", "hints", "hintreader"}
    others |= {"labels", "probe"}
    others |= {"pages", "painting", "gimp"}  # which keep nothing
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - others
    (names,) = re.findall(r"for name in ([\w ]+);", (ROOT / "Makefile").read_text())
    assert set(names.split()) == scripts
    files = (ROOT / "benchmarks/results").glob("*.json")
    results = {path.stem.split("-")[0] for path in files}  # some have two tables
    assert results == scripts


@pytest.mark.parametrize(
    "file",
    ["colorlab/lab.py", "colorlab/widgets/page.js", "data/evaluations/semantic.json"],
)
def test_chapters_run_again_when_what_they_show_has_changed(file):
    # As if READY and the book were up to date, and then the file had changed.
    make = ["make", "-n", "-o", ".venv/ready-book", "-W", file, "book"]
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


def test_sources_of_images_agree_with_the_readme():
    with (ROOT / "data/recipes/sources.csv").open() as file:
        counted = list(csv.DictReader(file))
    shares = json.loads((ROOT / "data/recipes/borrowed.json").read_text())["sources"]
    text = (ROOT / "data/README.md").read_text()
    rows = re.findall(r"\| ([\d,]+) \| ([\d,]+) \| ([\d.]+) % \|$", text, re.M)
    told = [(int(a.replace(",", "")), int(b.replace(",", ""))) for a, b, _ in rows]
    assert told == [(int(row["read"]), int(row["used"])) for row in counted]
    assert [float(share) for *_, share in rows] == [*shares.values()]
    assert [row["source"] for row in counted] == [*shares]
    for row in counted:
        left = [int(count) for rule, count in row.items() if rule not in KEPT]
        assert int(row["read"]) - sum(left) == int(row["used"]), row["source"]


def test_contributing_stays_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 60


def test_no_address_is_invented():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    url = config.get("repository", {}).get("url")
    assert url is None or re.match(r"https://(github|gitlab|bitbucket)\.\w+/\w", url)


def test_each_extra_is_told_where_it_is_missing():
    extras = pyproject()["optional-dependencies"]
    for extra, modules in _lazy.EXTRAS.items():
        named = {name.replace("-", "_") for name in split(extras[extra])}
        assert named == set(modules), extra
    assert _lazy.NAME == OURS


def test_an_import_without_its_extra_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.delitem(sys.modules, "colorlab.train.loop", raising=False)
    monkeypatch.delitem(sys.modules, "colorlab.train.log", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"install 'colorization-lab\[train"):
        _ = colorlab.train.train


def test_release_and_version_agree():
    version = colorlab.__version__
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## \[(.*)\]", changes, re.M)[1] == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


def test_workflows_can_be_read():
    steps = {}
    for path in (ROOT / ".github").rglob("*.yml"):
        steps[path.stem] = yaml.safe_load(path.read_text())
    matrix = steps["test"]["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.13"]
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos"}
    assert steps["release"][True]["push"]["tags"] == ["v*"]  # YAML reads `on` as true
