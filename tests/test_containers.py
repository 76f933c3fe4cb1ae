"""Binder, Codespaces and Docker: what can be checked without them."""

import json
import os
import re
import tomllib

import pytest
import yaml
from book_pages import BOOK, ROOT
from extensions import load
from packaging.specifiers import SpecifierSet

DOCKER = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DEVELOP = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
BINDER = ROOT / ".binder"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CPU = "https://download.pytorch.org/whl/cpu"
LAB = "https://github.com/someone/lab"


def instructions():
    """Give each instruction of the Dockerfile and what follows it."""
    text = re.sub(r"^#.*\n", "", DOCKER, flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line]


def commands():
    yield from (told for word, told in instructions() if word in ("RUN", "CMD"))
    yield DEVELOP["postCreateCommand"]
    yield (BINDER / "postBuild").read_text()
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


def test_every_command_is_one_the_project_has():
    told = "\n".join(commands())
    targets = set(re.findall(r"^([\w/.%-]+):", (ROOT / "Makefile").read_text(), re.M))
    made = set(re.findall(r"\bmake (?!-r)([\w./-]+)", told))
    assert {"book", "live", ".venv/ready-book"} <= made
    assert {re.sub("ready-.*", "ready-%", name) for name in made} <= targets
    scripts = set(re.findall(r"\b(book/\S+\.py)", told))
    assert scripts == {"book/_tools/live.py"}
    assert all((ROOT / name).is_file() for name in scripts)


def test_the_dockerfile_is_one():
    words = [word for word, _ in instructions()]
    known = "FROM RUN USER WORKDIR ENV COPY EXPOSE CMD".split()
    assert set(words) == set(known)
    assert (words[0], words[-1]) == ("FROM", "CMD")
    told = dict(instructions())
    version = re.fullmatch(r"python:(3\.\d+)-slim", told["FROM"])[1]
    assert version in SpecifierSet(PYPROJECT["requires-python"])
    # Not as root: what students run is theirs alone.
    assert told["USER"] == "reader"
    assert words.index("USER") < words.index("COPY")
    assert json.loads(told["CMD"])[:2] == ["sh", "-c"]
    for port in told["EXPOSE"].split():
        assert f"-p {port}:{port}" in DOCKER
        assert f"-p {port}:{port}" in (BOOK / "setup.md").read_text()


def test_pytorch_comes_without_cuda():
    told = dict(instructions())["ENV"]
    lists = [DEVELOP["containerEnv"]["PIP_EXTRA_INDEX_URL"]]
    lists += re.findall(r"PIP_EXTRA_INDEX_URL=(\S+)", told)
    first = (BINDER / "requirements.txt").read_text().splitlines()[0]
    lists.append(first.removeprefix("--extra-index-url "))
    assert lists == [CPU] * 3


def test_binder_installs_this_project_with_its_pins():
    _, pins, project = (BINDER / "requirements.txt").read_text().splitlines()
    assert (BINDER / pins.removeprefix("-c ")).resolve() == ROOT / "constraints.txt"
    extra = re.fullmatch(r"-e \.\[(\w+)\]", project)[1]
    assert extra in PYPROJECT["optional-dependencies"]
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert version in SpecifierSet(PYPROJECT["requires-python"])
    assert os.access(BINDER / "postBuild", os.X_OK)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (
            "https://colab.research.google.com/github/someone/lab/blob/main/book/lab.ipynb",
            "https://colab.research.google.com/github/someone/lab/blob/notebooks/lab.ipynb",
        ),
        (
            "https://mybinder.org/v2/gh/someone/lab/main?urlpath=lab/tree/book/lab.ipynb",
            "https://mybinder.org/v2/gh/someone/lab/main?urlpath=lab/tree/out/live/lab.ipynb",
        ),
    ],
)
def test_buttons_open_plain_notebooks(made, wanted):
    assert load(BOOK / "_ext/launch.py").plain_address(made) == wanted


def test_where_an_address_is_set_there_is_a_button_for_kaggle():
    launch = load(BOOK / "_ext/launch.py")
    url = (
        "https://colab.research.google.com/github/someone/lab/blob/main/book/lab.ipynb"
    )
    group = {"label": "launch-buttons", "buttons": [{"text": "Colab", "url": url}]}
    context = {"header_buttons": [group]}
    launch._open_plain_notebooks(None, "book/lab", "", context, None)
    assert [b["text"] for b in group["buttons"]] == ["Colab", "Kaggle"]
    kaggle = group["buttons"][1]["url"]
    assert kaggle.endswith(f"?src={LAB}/blob/notebooks/lab.ipynb")


def test_the_branch_of_the_buttons_is_the_one_published():
    branch = load(BOOK / "_ext/launch.py").BRANCH
    assert load(BOOK / "_tools/live.py").BRANCH == branch
    published = (ROOT / ".github/workflows/publish.yml").read_text()
    assert f"git push --force origin {branch}" in published
