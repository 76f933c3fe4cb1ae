"""Firefox and WebKit, each by the protocol that it speaks itself.

Firefox is asked over a WebSocket (WebDriver BiDi), WebKitGTK over http
(WebKitWebDriver, on a display of its own). Both read the book from its folder.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 120  # seconds
MINI = [*Path("/usr").glob("lib*/**/webkit2gtk-4.1/MiniBrowser")]
TAB, ENTER, UP, DOWN = "\ue004", "\ue007", "\ue013", "\ue015"  # by WebDriver's table
MOUSE = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}


def drag_actions(points: list[list[int]]) -> list[dict]:
    """Return a mouse's actions, pressed from the first point to the last."""
    moves = [
        {"type": "pointerMove", "x": x, "y": y, "duration": 20, "origin": "viewport"}
        for x, y in points
    ]
    down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
    return [MOUSE | {"actions": [moves[0], down, *moves[1:], up]}]


def key_actions(keys: str) -> list[dict]:
    """Return a keyboard's actions, one key after the other."""
    strokes = [
        {"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")
    ]
    return [{"type": "key", "id": "keys", "actions": strokes}]


class Firefox:
    """A page of Firefox, and what its console told."""

    def __init__(self, address: str) -> None:
        import websocket  # comes with jupyter-server

        self.problems: list[str] = []
        self._line = websocket.create_connection(
            f"{address}/session", timeout=PATIENCE, suppress_origin=True
        )
        self._count = 0
        self._ask("session.new", capabilities={})
        events = ["log.entryAdded", "network.beforeRequestSent"]
        self._ask("session.subscribe", events=events)
        tree = self._ask("browsingContext.getTree")
        self._page = tree["contexts"][0]["context"]

    def _ask(self, method: str, **params: object) -> dict:
        self._count += 1
        asked = {"id": self._count, "method": method, "params": params}
        self._line.send(json.dumps(asked))
        while True:
            told = json.loads(self._line.recv())
            if told.get("id") == self._count:
                if told["type"] == "error":
                    raise AssertionError(f"{method}: {told['message']}")
                return told["result"]
            self._hear(told)

    def _hear(self, told: dict) -> None:
        params = told.get("params", {})
        if told.get("method") == "log.entryAdded" and params["level"] == "error":
            self.problems.append(params["text"])
        if told.get("method") == "network.beforeRequestSent":
            url = params["request"]["url"]
            if not url.startswith(("file:", "blob:", "data:", "about:")):
                self.problems.append(f"asks {url}")

    def open(self, url: str) -> None:
        page = {"context": self._page, "url": url, "wait": "complete"}
        self._ask("browsingContext.navigate", **page)

    def run(self, script: str) -> object:
        """Give what an async function without arguments returns."""
        told = self._ask(
            "script.evaluate",
            expression=f"({script})().then((found) => JSON.stringify(found ?? null))",
            target={"context": self._page},
            awaitPromise=True,
        )
        if told["type"] == "exception":
            raise AssertionError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def drag(self, points: list[list[int]]) -> None:
        self._act(drag_actions(points))

    def press(self, keys: str) -> None:
        self._act(key_actions(keys))

    def _act(self, actions: list[dict]) -> None:
        self._ask("input.performActions", context=self._page, actions=actions)


class WebKit:
    """A page of WebKitGTK; its console is not told."""

    def __init__(self, address: str, binary: str) -> None:
        self.problems: list[str] = []
        self._home = f"{address}/session"
        options = {"binary": binary, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        made = self._ask("", capabilities=wanted)
        self._home += f"/{made['sessionId']}"
        self._ask("/timeouts", script=1000 * PATIENCE, pageLoad=1000 * PATIENCE)

    def _ask(self, path: str, **body: object) -> dict:
        sent = json.dumps(body).encode()
        request = urllib.request.Request(self._home + path, data=sent, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()[:500]}") from error

    def open(self, url: str) -> None:
        self._ask("/url", url=url)

    def run(self, script: str) -> object:
        """Give what an async function without arguments returns."""
        text = (
            f"const tell = arguments[0]; ({script})().then(tell, (e) => tell('' + e));"
        )
        return self._ask("/execute/async", script=text, args=[])

    def drag(self, points: list[list[int]]) -> None:
        self._ask("/actions", actions=drag_actions(points))

    def press(self, keys: str) -> None:
        self._ask("/actions", actions=key_actions(keys))

    def close(self) -> None:
        request = urllib.request.Request(self._home, method="DELETE")
        urllib.request.urlopen(request, timeout=PATIENCE).close()


@contextlib.contextmanager
def started(*command: str, **environment: str) -> Iterator[subprocess.Popen]:
    """Run a program meanwhile."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Firefox | None]:
    """Start Firefox with a new profile in a folder; None without one."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        yield None
        return
    options = ("--headless", "--no-remote", "--profile", str(folder))
    # Where it starts without a page, the address bar keeps the keys.
    options += ("--remote-debugging-port", "0", "data:text/html,")
    with started(path, *options) as process:
        for line in process.stderr:
            if found := re.search(r"listening on (ws://\S+)", line):
                break
        yield Firefox(found[1])


@contextlib.contextmanager
def webkit(folder: Path) -> Iterator[WebKit | None]:
    """Start WebKitGTK on a display of its own; None where one of its parts lacks."""
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    if not (driver and screen and MINI):
        yield None
        return
    port, display = _free_port(), f":{os.getpid() % 1000 + 100}"
    home = {"HOME": str(folder), "DISPLAY": display, "GDK_BACKEND": "x11"}
    size = ("-screen", "0", "1280x1024x24")
    with (
        started(screen, display, *size),
        started(driver, f"--port={port}", **home) as _,
    ):
        _wait_for(port)
        page = WebKit(f"http://127.0.0.1:{port}", str(MINI[0]))
        yield page
        page.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port)),
        ):
            return
        time.sleep(0.2)
