"""What is built and shipped works where nothing else of the project is."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from environments import LIGHT, brought_by, link_into
from PIL import Image

pytestmark = pytest.mark.stress
ROOT = Path(__file__).parents[1]


def run(*words, **options):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with what the project needs to color a photo, and its wheel."""
    work = tmp_path_factory.mktemp("wheel")
    names = run("git", "ls-files", "-z", "--cached", cwd=ROOT).split("\0")
    for name in filter(None, names):
        (work / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, work / "source" / name)
    build = "from setuptools.build_meta import build_sdist as b; b('../dist')"
    run(sys.executable, "-c", build, cwd=work / "source")
    (sdist,) = (work / "dist").glob("colorization_lab-*.tar.gz")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    options = ("--no-build-isolation", "--no-deps", "--no-index")
    run(*pip, "wheel", *options, "-w", work / "dist", sdist)  # from the sdist alone
    (wheel,) = (work / "dist").glob("*.whl")
    venv.create(work / "env", with_pip=False)
    python = work / "env/bin/python"
    place = run(python, "-c", "import site; print(site.getsitepackages()[0])").strip()
    link_into(Path(place), brought_by(LIGHT))
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel)
    return python


def clean(**more):
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **more}


def test_the_installed_command_colors_a_photo(python, tmp_path):
    Image.radial_gradient("L").save(tmp_path / "gray.png")
    command = python.parent / "colorlab"
    assert run(command, "--version", cwd=tmp_path, env=clean()).startswith("colorlab")
    run(command, *"colorize gray.png -o out.png".split(), cwd=tmp_path, env=clean())
    assert Image.open(tmp_path / "out.png").mode == "RGB"
    run(command, *"info tiny".split(), cwd=tmp_path, env=clean())


def test_the_installed_command_says_what_training_needs(python, tmp_path):
    with pytest.raises(AssertionError, match=r"pip install 'colorization-lab\[train"):
        run(
            *(python.parent / "colorlab", "train", tmp_path, "--out", "run"),
            cwd=tmp_path,
            env=clean(),
        )


def test_nothing_else_is_there(python):
    for name in ("accelerate", "matplotlib", "anywidget", "skimage"):
        code = f"import importlib.util as u; assert u.find_spec({name!r}) is None"
        run(python, "-c", code)
