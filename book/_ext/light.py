"""Have a page show its text and pictures before anything is run.

A page's scripts come to 3 MB, and none of them draws what one reads first. Here
the heavy ones are taken out of its head: `pages.js` loads MathJax after the
first picture, icons come from the theme's font, the search belongs to its own
page. The state of the figures with controls moves to the end. And a formula
keeps the full stop behind it on its line.
"""

import re
from pathlib import Path

KIND = r"application/vnd\.jupyter\.widget-state\+json"
STATE = re.compile(rf'\s*<script type="{KIND}">.*?</script>', re.DOTALL)
SCRIPT = r'\s*<script[^>]*\bsrc="[^"]*{}[^"]*"[^>]*></script>'
LATE = re.compile(SCRIPT.format(r"(?:fontawesome|mathjax/tex-mml-chtml)\.js"))
SEARCH = re.compile(
    SCRIPT.format(r"(?:searchtools|language_data|searchindex)\.js")
)
END = "</body>"
# A formula never leaves its full stop alone on the next line.
STOPPED = re.compile(
    r'(?<!class="kept">)'
    r'(<span class="math notranslate nohighlight">[^<]*</span>[.,;:!?)]+)'
)


def lighten(page: str, searches: bool) -> str:
    """Return a page's text without what it need not wait for.

    Only a page that `searches` keeps the search's index.
    """
    head, body = page.split("<body", 1)
    body = STOPPED.sub(r'<span class="kept">\1</span>', body)
    head = LATE.sub("", head)
    if not searches:
        head = SEARCH.sub("", head)
    states = "".join(STATE.findall(head))
    before, end, after = body.rpartition(END)
    return f"{STATE.sub('', head)}<body{before}{states}{end}{after}"


def _lighten_all(app, error):
    if error is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        if "<body" in page and "_static" not in path.parts:
            light = lighten(page, path.stem == "search")
            path.write_text(light, encoding="utf-8")


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", _lighten_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
