"""Chapters are run side by side before the book reads them."""

import json
import logging
from io import StringIO
from types import SimpleNamespace

import nbformat
import pytest
from extensions import ahead
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook


@pytest.fixture
def env(tmp_path):
    """A Sphinx environment, as far as it is asked."""
    config = SimpleNamespace(
        execution_mode="cache",
        execution_cache_path=str(tmp_path / "cache"),
        execution_timeout=120,
    )
    return SimpleNamespace(
        mystnb_config=config, doc2path=lambda name: str(tmp_path / name)
    )


def write(folder, name, source):
    notebook = new_notebook(cells=[new_code_cell(source)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / name)
    return notebook


def printed(cache, notebook):
    _, found = cache.merge_match_into_notebook(notebook)
    return found.cells[0].outputs[0].text


@pytest.fixture
def told():
    """What Sphinx tells while it works."""
    stream, logger = StringIO(), logging.getLogger("sphinx")
    handler, level = logging.StreamHandler(stream), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream.getvalue
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_notebooks_are_run_into_the_cache(env, tmp_path, monkeypatch, told, caplog):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # and back again in the end
    monkeypatch.delenv("OMP_NUM_THREADS")
    threads = "import os; print(os.environ['OMP_NUM_THREADS'], {})"
    texts = {"a.ipynb": threads.format(1), "b.ipynb": threads.format(2)}
    notebooks = [write(tmp_path, name, text) for name, text in texts.items()]
    failing = write(tmp_path, "c.ipynb", "1 / 0")
    (tmp_path / "d.md").write_text("no notebook")
    ahead.run_ahead(None, env, [*texts, "c.ipynb", "d.md"])
    cache = get_cache(env.mystnb_config.execution_cache_path)
    assert [printed(cache, each) for each in notebooks] == ["1 1\n", "1 2\n"]
    with pytest.raises(KeyError):
        cache.match_cache_notebook(failing)  # it is run again, where it can be told
    assert all(name in told() for name in [*texts, "c.ipynb", "100%"])
    assert f"Execution Excepted: {tmp_path / 'c.ipynb'}" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_no_more_run_at_once_than_memory_holds(env, tmp_path, monkeypatch):
    assert 1 <= ahead.AT_ONCE <= 4
    monkeypatch.setattr(ahead, "AT_ONCE", 2)
    code = "import time; a = time.time(); time.sleep(1); print(a, time.time())"
    notebooks = [write(tmp_path, f"{i}.ipynb", f"{code}  # {i}") for i in range(4)]
    ahead.run_ahead(None, env, [f"{i}.ipynb" for i in range(4)])
    cache = get_cache(env.mystnb_config.execution_cache_path)
    times = [[float(t) for t in printed(cache, each).split()] for each in notebooks]
    running = [sum(a <= begun < z for a, z in times) for begun, _ in times]
    assert max(running) == 2


@pytest.mark.parametrize(
    ("names", "mode"), [(["a.ipynb"], "cache"), (["a.ipynb", "b.ipynb"], "off")]
)
def test_one_alone_and_books_without_a_cache_are_left(env, tmp_path, names, mode):
    for name in names:
        write(tmp_path, name, "print(1)")
    env.mystnb_config.execution_mode = mode
    ahead.run_ahead(None, env, names)
    assert not (tmp_path / "cache").exists()


def test_what_is_in_the_cache_is_not_run_again(env, tmp_path):
    count = f"print(open({json.dumps(str(tmp_path / 'runs'))}, 'a').write('x'))"
    for name in ("a.ipynb", "b.ipynb"):
        write(tmp_path, name, f"{count}  # {name}")
    for _ in range(2):
        ahead.run_ahead(None, env, ["a.ipynb", "b.ipynb"])
    assert (tmp_path / "runs").read_text() == "xx"
