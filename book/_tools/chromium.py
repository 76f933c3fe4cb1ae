"""Open a page in Chromium, without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SHELL = "chromium-headless-shell"  # no window: a quarter of the time to a page
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run")
PATIENCE = 1_800_000  # milliseconds, for busy machines
MISSING = """Chromium is missing, which sets the pages. Install it:
  apt install chromium                     (Debian)
  .venv/bin/playwright install chromium    (any system)
or install Chrome, or set CHROMIUM to the path of one."""
READY = "MathJax.startup.promise.then(() => true)"


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    names = (os.environ.get("CHROMIUM", ""), *NAMES)
    return next(filter(None, map(shutil.which, filter(None, names))), None)


@contextmanager
def open_page(path: Path) -> Iterator[Page]:
    """Give a page that can set its formulas."""
    with sync_playwright() as playwright:
        kind = playwright.chromium
        found = find_chromium() or kind.executable_path
        if not Path(found).exists():
            raise SystemExit(MISSING)
        browser = kind.launch(executable_path=found, args=[*FLAGS])
        page = browser.new_page(viewport={"width": 800, "height": 1100})
        page.set_default_timeout(PATIENCE)
        page.goto(path.resolve().as_uri(), wait_until="load")
        page.evaluate(READY)
        yield page
        browser.close()
