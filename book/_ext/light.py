"""Have a page show its text and pictures before anything is run.

A page's scripts come to 3 MB, and none of them draws what one reads first. Here
the heavy ones are taken out of its head: `pages.js` loads MathJax after the
first picture, icons come from the theme's font, the search belongs to its own
page. The other scripts and the state of the figures with controls move to the
end. And a formula keeps the full stop behind it on its line.
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
# All scripts of a head but the theme's first, which says whether it is dark.
HEAD_SCRIPT = re.compile(
    r"\s*<script(?![^>]*data-cfasync)[^>]*>.*?</script>", re.DOTALL
)
PRELOAD = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
# The theme's first sheet asks for another: both are asked for at once.
SHEET = re.compile(r'<link href="([^"]*/)styles/theme\.css[^"]*"[^>]*>')
# Whether code is hidden is known before it could be seen; `pages.js` remembers.
EARLY = (
    '<script data-cfasync="false">try { if (localStorage.getItem('
    '"colorlab-code") === "hidden") document.documentElement.dataset.code = '
    '"hidden"; } catch { /* a reader may forbid it */ }</script>'
)
BASIC = r'<link rel="preload" as="style" href="\1basic.css">'
END = "</body>"
# A formula never leaves its full stop alone on the next line.
STOPPED = re.compile(
    r'(?<!class="kept">)'
    r'(<span class="math notranslate nohighlight">[^<]*</span>[.,;:!?)]+)'
)


def lighten(page: str, searches: bool) -> str:
    """Return a page's text without what it need not wait for.

    Only a page that `searches` keeps the search's index, and its scripts in
    the head.
    """
    head, body = page.split("<body", 1)
    body = STOPPED.sub(r'<span class="kept">\1</span>', body)
    head = LATE.sub("", head)
    late = STATE.findall(head)
    head = STATE.sub("", head)
    if not searches:
        head = PRELOAD.sub("", SEARCH.sub("", head))
        late = HEAD_SCRIPT.findall(head) + late
        head = HEAD_SCRIPT.sub("", head)
    if EARLY not in head:
        head = SHEET.sub(rf"{EARLY}\n{BASIC}\n\g<0>", head)
    before, end, after = body.rpartition(END)
    return f"{head}<body{before}{''.join(late)}{end}{after}"


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
