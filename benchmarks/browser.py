"""The page `photo`: what runs its network fastest in a browser, and how heavy it is.

Our kernel, the same loops in JavaScript, and the runtimes that one would use instead:
onnxruntime-web, on the processor and by WebGPU, and TensorFlow.js. `browser.js` makes
them all from one file of weights; their scores must be alike.

Needs a Chromium (CHROMIUM names it). The runtimes, and what writes the network as ONNX,
are installed into a folder that is removed in the end; without npm they take no part.
"""

import contextlib
import gzip
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import torch
from measure import Seconds, save
from playwright.sync_api import Error, Page, sync_playwright

from colorlab import load_pretrained
from colorlab.weights import ASSETS

ROOT = Path(__file__).parents[1]
SIDE = 256  # pixels
ROUNDS = 5
NAMES = ["chromium", "chromium-browser", "google-chrome"]
TIMES = 3  # runs between two looks at a clock that ticks every 10 ms
AGREE = 1e-3  # of logits, which reach 30
OURS = ["WebAssembly, ours", "JavaScript"]
PEERS = ["onnxruntime-web, WebAssembly", "TensorFlow.js, WebAssembly"]
WEBGPU = "onnxruntime-web, WebGPU"
RUNTIMES = {
    "onnxruntime-web": "1.30.0",
    "@tensorflow/tfjs-core": "4.22.0",
    "@tensorflow/tfjs-backend-wasm": "4.22.0",
}
EXPORTERS = {
    "onnx": "1.23.2",
    "onnxscript": "0.7.2",
    "onnx-ir": "1.1.0",
    "ml_dtypes": "0.6.0",
    "protobuf": "7.36.2",
}
PATIENCE = 300  # seconds, for a first run
# Without a graphics card Chromium offers WebGPU by SwiftShader, that is, the processor.
FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu"]


class Listing(SimpleHTTPRequestHandler):
    """A server that notes what it is asked for."""

    asked: set[str] = set()

    def log_message(self, text, *args):
        """Note the path of a request."""
        self.asked.add(self.path)


def load_page():
    """Import the extension that makes the page's scripts."""
    path = ROOT / "book/_ext/photo.py"
    spec = importlib.util.spec_from_file_location("photo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install_peers(folder: Path) -> bool:
    """Install the runtimes and write the network as ONNX; False without npm."""
    npm = shutil.which("npm")
    if npm is None:
        return False
    wanted = [f"{name}@{version}" for name, version in RUNTIMES.items()]
    options = ["--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"]
    run_quietly(npm, "install", *options, *wanted)
    wanted = [f"{name}=={version}" for name, version in EXPORTERS.items()]
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target"]
    run_quietly(*pip, folder / "python", *wanted)
    sys.path.append(str(folder / "python"))
    export_onnx(folder / "tiny.onnx")
    return True


def run_quietly(*command: object) -> None:
    """Run a command, and show what it says only if it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


def export_onnx(path: Path) -> None:
    """Write the network as ONNX, in one file."""
    example = (torch.zeros(1, 1, SIDE, SIDE),)
    names = {"input_names": ["L"], "output_names": ["logits"]}
    model = load_pretrained("tiny")
    torch.onnx.export(model, example, path, external_data=False, verbose=False, **names)


def find_browser() -> str:
    """Give the path of a Chromium."""
    names = [os.environ.get("CHROMIUM", ""), *NAMES]
    found = next(filter(None, map(shutil.which, filter(None, names))), None)
    if found is None:
        raise FileNotFoundError("no Chromium found: set CHROMIUM to its path")
    return found


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder; gives its address."""
    handler = partial(Listing, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextlib.contextmanager
def open_page(address: str) -> Iterator[tuple[Page, str]]:
    """Open the page of the race; gives it and the browser's version."""
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        browser = launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        yield page, browser.version
        browser.close()


def enter(page: Page, name: str, parts: dict, folder: Path) -> float:
    """Make a contestant in the page; gives what its runtime weighs, in MB."""
    Listing.asked.clear()
    given = [name, parts["worker"], parts, SIDE, PATIENCE]
    apart = page.evaluate("given => enter(...given)", given)
    assert apart < AGREE, f"{name} is off by {apart}"
    return compressed(*(folder / path[1:] for path in Listing.asked - {"/tiny.onnx"}))


def try_webgpu(address: str, parts: dict, folder: Path) -> tuple[bool, str]:
    """Tell whether WebGPU answers, and on what; in a browser that is closed again."""
    with open_page(address) as (page, _):
        adapter = page.evaluate("findAdapter()")
        if adapter is None:
            return False, "no adapter"
        try:
            for name in (OURS[0], WEBGPU):
                enter(page, name, parts, folder)
        except Error as error:
            return False, f"{adapter}, {error.message.splitlines()[0]}"
    return True, adapter


def race(page: Page, names: list[str]) -> tuple[Seconds, Seconds]:
    """Let all take turns; gives seconds of the processor, and of the clock."""
    processor, clock = ({name: [] for name in names} for _ in range(2))
    for _ in range(ROUNDS):
        for name in names:
            start = processor_seconds()
            taken = page.evaluate("given => race(...given)", [name, TIMES])
            processor[name].append((processor_seconds() - start) / TIMES)
            clock[name].append(taken)
    return processor, clock


def processor_seconds() -> float:
    """Give what the browser's processes have taken of the processor."""
    taken = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            taken += sum(process.cpu_times()[:2])
    return taken


def compressed(*paths: Path) -> float:
    """Give what files weigh on the wire, in MB."""
    return sum(len(gzip.compress(path.read_bytes())) for path in paths) / 1e6


def main() -> None:
    """Run all; save times, weights, and what WebGPU ran on."""
    photo = load_page()
    parts = photo.engine_parts() | {"program": photo.program("tiny")}
    parts["worker"] = photo.bundle(photo.SOURCES / "network.js")
    weights = {OURS[0]: compressed(photo.SOURCES / "kernel.wasm")}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        shutil.copy(Path(__file__).with_suffix(".js"), folder)
        (folder / "index.html").write_text(
            "<!doctype html><title>race</title><link rel='icon' href='data:,'>"
            "<script src='browser.js'></script>"
        )
        names, graphics = OURS, "not tried"
        address = stack.enter_context(serve(folder))
        if install_peers(folder):
            answers, graphics = try_webgpu(address, parts, folder)
            names = OURS + PEERS + [WEBGPU] * answers
        page, version = stack.enter_context(open_page(address))
        for name in names:
            entered = enter(page, name, parts, folder)
            weights[name] = weights.get(name, 0) + entered
        times = race(page, names)
    network = compressed(ASSETS / "tiny.safetensors")
    label = {name: f"{name}, {weights[name] + network:.1f} MB" for name in names}
    about = (
        "Processor time, one thread. MB on the wire, compressed, with the network. "
        f"Chromium {version}; WebGPU: {graphics}. "
    ) + ", ".join(" ".join(item) for item in RUNTIMES.items())
    titles = [f"tiny, {SIDE} x {SIDE}, in a page", "the same, by the clock"]
    results = {
        title: {label[name]: each for name, each in seconds.items()}
        for title, seconds in zip(titles, times, strict=True)
    }
    save("browser", about, results)


if __name__ == "__main__":
    main()
