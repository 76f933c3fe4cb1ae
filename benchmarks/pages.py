"""The built book: how soon a page shows its text, its first picture, its first figure.

Each page is opened three times, with nothing stored, from a server on this machine, by
a processor that is slowed down; medians are given. Run `make book` first. Needs a
Chromium (CHROMIUM names it). Writes nothing: the table is printed.
"""

import os
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

BUILT = Path(__file__).parents[1] / "_build/html"
NAMES = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = ["--no-sandbox", "--disable-gpu"]
RUNS = 3
SLOWER = 4  # times, as the tools of browsers slow down for "a phone"
PATIENCE = 60  # seconds
HEAD = ("page", "text", "picture", "figure", "MB")
# When a page's own pictures and figures are there: looked for at each frame.
WATCH = """(() => {
  const seen = (window.seen = {});
  const PICTURE = ".bd-article :is(img, svg.chart, canvas)";
  const FIGURE = ".bd-article .lab-figure";
  const drawn = (node) => node.checkVisibility() &&
    (node.tagName !== "IMG" || (node.complete && node.naturalWidth > 0));
  const look = () => {
    const pictures = seen.picture ? [] : [...document.querySelectorAll(PICTURE)];
    if (pictures.some(drawn)) seen.picture = performance.now();
    const figure = document.querySelector(FIGURE);
    if (!seen.figure && figure?.childElementCount) seen.figure = performance.now();
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""
DONE = """() => document.readyState === "complete" &&
  performance.getEntriesByName("first-contentful-paint").length > 0 &&
  [["picture", ".bd-article :is(img, svg.chart, #photo-lab)"],
   ["figure", ".bd-article :is(.played, #photo-lab)"]].every(
    ([kind, place]) => window.seen[kind] || !document.querySelector(place))"""
TIMES = """() => ({
  ...window.seen,
  text: performance.getEntriesByName("first-contentful-paint")[0].startTime,
})"""


class Quiet(SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, *told):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that does not mind a page that is left."""

    def handle_error(self, request, client_address):
        """Say nothing."""


def time_page(browser: Browser, address: str, slower: float) -> dict[str, float]:
    """Return milliseconds to what a reader sees, and the bytes that came."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, sizes = context.new_page(), []
    page.on("response", lambda r: sizes.append(int(r.headers.get("content-length", 0))))
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.add_init_script(WATCH)
    page.goto(address, wait_until="commit")
    page.wait_for_function(DONE, timeout=1000 * PATIENCE)
    times = page.evaluate(TIMES)
    context.close()
    return times | {"bytes": sum(sizes)}


def main(names: list[str]) -> None:
    """Print the table of these pages, or of all."""
    path = next(
        filter(None, map(shutil.which, [os.environ.get("CHROMIUM", ""), *NAMES]))
    )
    names = names or sorted(page.stem for page in BUILT.glob("book/*.html"))
    handler = partial(Quiet, directory=BUILT)
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    table = Table(
        *HEAD, title=f"seconds, {SLOWER} times slower, median of {RUNS}; MB that came"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name in names:
            address = f"http://127.0.0.1:{server.server_port}/book/{name}.html"
            runs = [time_page(browser, address, SLOWER) for _ in range(RUNS)]
            found = {key: median(run[key] for run in runs) for key in runs[0]}
            kinds = [f"{found[k] / 1000:.2f}" if k in found else "" for k in HEAD[1:4]]
            table.add_row(name, *kinds, f"{found['bytes'] / 1e6:.1f}")
        browser.close()
    server.shutdown()
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
