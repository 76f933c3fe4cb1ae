"""Fixtures for what is found, unpacked and downloaded."""

import functools
import http.server
import threading

import pytest

from colorlab.datasets import download


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """No waiting in tests: the pauses that would have been made."""
    made = []
    monkeypatch.setattr(download.time, "sleep", made.append)
    return made


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The test's own folder for what is unpacked and downloaded."""
    monkeypatch.setenv("COLORLAB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Handler(http.server.SimpleHTTPRequestHandler):
    """A server that does what the test told it to, then serves files."""

    def do_GET(self):
        self.server.asked.append(self.path)
        for_path = self.server.moods.get(self.path, [])
        mood = for_path.pop(0) if for_path else "fine"
        if isinstance(mood, int):
            self.send_error(mood)
        elif callable(mood):
            mood(self)
        elif mood == "cut short":
            body = open(self.translate_path(self.path), "rb").read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """The test's folder over HTTP: `address`, `asked` and `moods`, path by path."""
    serve = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        server.address = f"http://127.0.0.1:{server.server_port}"
        server.asked, server.moods = [], {}
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()
