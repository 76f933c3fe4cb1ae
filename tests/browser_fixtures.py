"""A headless Chromium, a server of the built book and a live JupyterLab.

A test module imports the `fixture_...` functions it needs and then asks for `browser`,
`book_server` and `jupyter_lab`.
"""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from book_pages import BOOK, BUILT, ROOT
from extensions import import_tool
from playwright.sync_api import Browser, Page, expect, sync_playwright

find_chromium = import_tool("chromium").find_chromium
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL = ("data:", "blob:", "about:")
OFTEN = "Multiple readback operations"  # a hint at tests that look at a canvas
PATIENCE = 120  # seconds, for busy machines
expect.set_options(timeout=PATIENCE * 1000)

# Each widget's place has got an element.
PLACED = """() => [...document.querySelectorAll(
    'script[type="application/vnd.jupyter.widget-view+json"]')].every(
  (place) => place.parentElement.querySelector(".widget-subarea > *"))"""
# And formulas are set. This must not be an async function: a promise counts as true.
SETTLED = f"""() => {{
  const raw = window.MathJax && document.querySelector(
    "article .math:not(:has(mjx-container))");
  return !raw && ({PLACED})();
}}"""


@pytest.fixture(name="browser", scope="module")
def fixture_browser():
    """Start Chromium; without one, skip, but fail where CI is set."""
    path = find_chromium()
    if path is None:
        message = "no Chromium found: install one, or set CHROMIUM to its path"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(name="book_server", scope="module")
def fixture_book_server():
    """Serve the built book; gives the address without a slash at the end."""
    if not BUILT.exists():
        pytest.fail("the book is not built: run `make book` first")
    handler = functools.partial(QuietHandler, directory=BUILT)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def open_page(
    browser: Browser, url: str, width: int = 1280, dark: bool = False, settle=True
):
    """Open a page; gives it and the list of its problems, which keeps growing.

    Problems are whatever is said to the console, uncaught errors, failed answers, and
    requests to anywhere but the page's own server or folder.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    problems = _watch(page, url)
    try:
        page.goto(url, wait_until="load")
        if settle:
            page.wait_for_function(SETTLED)
        yield page, problems
    finally:
        context.close()


def _watch(page: Page, url: str) -> list[str]:
    home = "file://" if url.startswith("file:") else "/".join(url.split("/")[:3]) + "/"
    allowed, problems = (home, *LOCAL), []

    def note(wrong: bool, text: str) -> None:
        if wrong:
            problems.append(text)

    page.on("console", lambda m: note(OFTEN not in m.text, f"console: {m.text}"))
    page.on("pageerror", lambda error: note(True, f"page error: {error}"))
    page.on("request", lambda r: note(not r.url.startswith(allowed), f"asks {r.url}"))
    page.on("response", lambda r: note(r.status >= 400, f"{r.status} for {r.url}"))
    # Requests are aborted when the page is left: no problem.
    aborted = "net::ERR_ABORTED"
    page.on("requestfailed", lambda r: note(r.failure != aborted, f"failed: {r.url}"))
    return problems


# JupyterLab


@pytest.fixture(name="jupyter_lab")
def fixture_jupyter_lab(tmp_path):
    """Serve a copy of the book in a live JupyterLab; gives its address."""
    folder = _copy_book(tmp_path / "project")
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "lab.log").open("wb") as log:
        process = subprocess.Popen(
            _lab_command(port, folder),
            env=_lab_environment(tmp_path),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{url}/api/status", process, tmp_path / "lab.log")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_all_cells(page: Page, url: str, notebook: str, timeout: float = 180) -> None:
    """Open a notebook such as "book/intro.ipynb" in Lab and run it to its end."""
    page.goto(f"{url}/lab/tree/{notebook}?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector("text=/ipykernel.* \\| Idle/")
    for _ in range(ATTEMPTS):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(2000)
        if page.evaluate(PROMPTS) != page.evaluate(UNTOUCHED):
            break
    page.wait_for_function(ALL_RUN, timeout=timeout * 1000)


ATTEMPTS = 5  # Lab forgets a command that comes before its kernel is connected
PROMPTS = """[...document.querySelectorAll(".jp-Notebook .jp-CodeCell")]
  .map((cell) => cell.querySelector(".jp-InputPrompt")?.textContent.trim())"""
UNTOUCHED = f"({PROMPTS}).map(() => '[ ]:')"
ALL_RUN = rf"""() => ({PROMPTS}).every((text) => /^\[\d+\]:$/.test(text ?? ""))"""


def _copy_book(project: Path) -> Path:
    shutil.copytree(BOOK, project / "book", ignore=shutil.ignore_patterns("vendor"))
    data = project / "data"  # chapters read photos from here
    data.symlink_to(ROOT / "data", target_is_directory=True)
    return project


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _lab_command(port: int, folder: Path) -> list[str]:
    return [
        sys.executable,
        *("-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"),
        *("--IdentityProvider.token=", "--ServerApp.password="),
    ]


def _lab_environment(tmp_path: Path) -> dict[str, str]:
    kinds = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    folders = {f"JUPYTER_{kind}": str(tmp_path / kind) for kind in kinds}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    folders |= {"IPYTHONDIR": str(tmp_path / "ipython"), "PATH": path}
    return os.environ | folders | {"JUPYTERLAB_SETTINGS_DIR": _lab_settings(tmp_path)}


def _lab_settings(tmp_path: Path) -> str:
    """Have Lab draw all cells, not only those in view, and ask for no news."""
    news = {"fetchNews": "false", "checkForUpdates": False}
    settings = {
        "notebook-extension/tracker": {"windowingMode": "none"},
        "apputils-extension/notification": news,
    }
    for name, values in settings.items():
        file = tmp_path / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    return str(tmp_path / "settings")


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
