"""The page `photo`: what runs its network fastest in a browser, and how heavy it is.

Times are those of the processor, which other work on the machine changes little.

Needs a Chromium (CHROMIUM names it). With the variable ONNXRUNTIME_WEB set to the
folder `dist` of the npm package onnxruntime-web, and with the Python packages onnx and
onnxscript, that runtime takes part as well.
"""

import contextlib
import gzip
import importlib.util
import json
import os
import shutil
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import torch
from measure import save
from playwright.sync_api import sync_playwright

from colorlab import load_pretrained

ROOT = Path(__file__).parents[1]
SIDE = 256  # pixels
ROUNDS = 5
NAMES = ["chromium", "chromium-browser", "google-chrome"]
TIMES = 3  # runs between two looks at a clock that ticks every 10 ms
FLAGS = ["--no-sandbox", "--disable-gpu"]
AGREE = 1e-3  # of logits, which reach 30

# kernel.c's loops in JavaScript: a panel of what four pixels see, by one channel.
JAVASCRIPT = """(memory) => (input, channels, height, width, taps, count, stride,
    weights, bias, gain, shift, floor, out, outputs, H, W, map, yStep, xStep, panel
  ) => {
  const f = new Float32Array(memory.buffer), steps = new Int32Array(memory.buffer);
  const depth = channels * count, pixels = H * W;
  input /= 4; taps /= 4; weights /= 4; bias /= 4; gain /= 4; shift /= 4;
  out /= 4; panel /= 4;
  for (let first = 0; first < pixels; first += 4) {
    const many = Math.min(4, pixels - first);
    for (let t = 0; t < count; t++) {
      for (let j = 0; j < 4; j++) {
        const y = Math.floor((first + j) / W) * stride + steps[taps + 2 * t];
        const x = ((first + j) % W) * stride + steps[taps + 2 * t + 1];
        const inside = j < many && y >= 0 && y < height && x >= 0 && x < width;
        let at = input + y * width + x, to = panel + 4 * t + j;
        for (let c = 0; c < channels; c++, at += height * width, to += 4 * count)
          f[to] = inside ? f[at] : 0;
      }
    }
    for (let row = 0; row < outputs; row++) {
      let w = weights + (row - (row & 3)) * depth + (row & 3);
      let a = f[bias + row], b = a, c = a, d = a;
      for (let k = 0, p = panel; k < depth; k++, w += 4, p += 4) {
        const share = f[w];
        a += share * f[p]; b += share * f[p + 1];
        c += share * f[p + 2]; d += share * f[p + 3];
      }
      const sums = [a, b, c, d];
      for (let j = 0; j < many; j++) {
        const y = Math.floor((first + j) / W), x = (first + j) % W;
        f[out + row * map + y * yStep + x * xStep] =
          Math.max(sums[j], floor) * f[gain + row] + f[shift + row];
      }
    }
  }
}"""
PREPARE = """async ([source, parts, javascript, side, onnx]) => {
  const script = source.replace("\\nonmessage", "\\nlet heard");
  const { Network, fromBase64 } =
    new Function(script + "; return { Network, fromBase64 };")();
  const file = fromBase64(parts.file);
  const { instance } = await WebAssembly.instantiate(fromBase64(parts.kernel));
  const kernel = new Network(instance, file, []);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const loops = eval(javascript)(memory);
  const plain = new Network({ exports: { memory, free_from: () => 16,
    convolve: (...given) => loops(...given) } }, file, []);
  const L = new Float32Array(side * side).map((_, i) => 50 + 40 * Math.sin(i * i));
  const contestants = {
    "WebAssembly, ours": () => kernel.run(L, side, side).logits,
    "JavaScript": () => plain.run(L, side, side).logits,
  };
  if (onnx) {
    const ort = await import("/dist/ort.wasm.bundle.min.mjs");
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = "/dist/";
    const session = await ort.InferenceSession.create("/tiny.onnx");
    contestants["onnxruntime-web"] = async () => {
      const given = new ort.Tensor("float32", L, [1, 1, side, side]);
      return (await session.run({ L: given })).logits.data;
    };
  }
  const answers = [];
  for (const run of Object.values(contestants)) answers.push(await run());
  const [first, ...others] = answers;
  if (onnx) {
    const planes = others.pop(), Q = 313, cells = planes.length / Q;
    others.push(planes.map((_, i) => planes[(i % Q) * cells + Math.floor(i / Q)]));
  }
  const apart = others.map((other) =>
    other.reduce((most, v, i) => Math.max(most, Math.abs(v - first[i])), 0));
  window.race = (name) => contestants[name]();
  return { names: Object.keys(contestants), apart: Math.max(...apart) };
}"""

RUN = f"async (name) => {{ for (let n = 0; n < {TIMES}; n++) await race(name); }}"


class Quiet(SimpleHTTPRequestHandler):
    """A server without a log."""

    def log_message(self, *args):
        """Say nothing."""


def load_page():
    """Import the extension that makes the page's scripts."""
    path = ROOT / "book/_ext/photo.py"
    spec = importlib.util.spec_from_file_location("photo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def export_onnx(path: Path) -> None:
    """Write the network as ONNX, in one file."""
    example = (torch.zeros(1, 1, SIDE, SIDE),)
    names = {"input_names": ["L"], "output_names": ["logits"]}
    torch.onnx.export(
        load_pretrained("tiny"), example, path, external_data=False, **names
    )


def find_browser() -> str:
    """Give the path of a Chromium."""
    names = [os.environ.get("CHROMIUM", ""), *NAMES]
    found = next(filter(None, map(shutil.which, filter(None, names))), None)
    if found is None:
        raise FileNotFoundError("no Chromium found: set CHROMIUM to its path")
    return found


def race(folder: Path, parts: dict, onnx: bool) -> dict:
    """Serve the folder and run all contestants in one page of it."""
    handler = partial(Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = parts.pop("worker")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/empty.html")
        given = [source, parts, JAVASCRIPT, SIDE, onnx]
        found = page.evaluate(PREPARE, given)
        runs = {name: partial(page.evaluate, RUN, name) for name in found["names"]}
        seconds = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                start = processor_seconds()
                run()
                seconds[name].append((processor_seconds() - start) / TIMES)
        browser.close()
    server.shutdown()
    assert found["apart"] < AGREE, found["apart"]
    return seconds


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
    """Run all, save times and weights."""
    photo = load_page()
    parts = json.loads(photo.engine_script()[len("colorlabPhoto.engine(") : -3])
    given = os.environ.get("ONNXRUNTIME_WEB")
    network = photo.ASSETS / "tiny.safetensors"
    weights = {
        "WebAssembly, ours": compressed(photo.SOURCES / "kernel.wasm", network),
        "JavaScript": compressed(network),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty.html").write_text("<!doctype html><title>race</title>")
        if given:
            (folder / "dist").symlink_to(Path(given).resolve())
            export_onnx(folder / "tiny.onnx")
            runtime = [
                Path(given) / f"{file}"
                for file in (
                    "ort.wasm.bundle.min.mjs",
                    "ort-wasm-simd-threaded.mjs",
                    "ort-wasm-simd-threaded.wasm",
                )
            ]
            weights["onnxruntime-web"] = compressed(*runtime, network)
        seconds = race(folder, parts, bool(given))
    wire = ", ".join(f"{name} {weight:.1f}" for name, weight in weights.items())
    about = f"Processor time, one thread. MB on the wire, compressed: {wire}"
    save("browser", about, {f"tiny, {SIDE} x {SIDE}, in a page": seconds})


if __name__ == "__main__":
    main()
