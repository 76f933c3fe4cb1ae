"""Show repository and launch buttons only where `repository: url:` is set.

Without an address Jupyter Book would put in its own repository's. The buttons
open plain notebooks: Colab and Kaggle those of the branch `notebooks`, which
run alone, and Binder those that `.binder/postBuild` writes.
"""

import re

PLACEHOLDER = "executablebooks/jupyter-book"
BRANCH = "notebooks"  # as in _tools/live.py
KAGGLE = "https://www.kaggle.com/kernels/welcome?src="


def _choose_buttons(app, config):
    options = config.html_theme_options
    known = PLACEHOLDER not in options.get("repository_url", PLACEHOLDER)
    options["use_repository_button"] = known
    if not known:
        options["launch_buttons"] = {}


def plain_address(url):
    """Lead a button to the plain notebook."""
    url = re.sub(r"/blob/[^/]+/book/", f"/blob/{BRANCH}/", url)
    return url.replace("lab/tree/book/", "lab/tree/out/live/")


def kaggle(colab):
    """Make Kaggle's button of Colab's."""
    _, path = colab["url"].split("/github/")
    url = f"{KAGGLE}https://github.com/{path}"
    told = {"text": "Kaggle", "tooltip": "Launch on Kaggle", "url": url}
    return {"type": "link", "icon": "fab fa-kaggle", **told}


def _open_plain_notebooks(app, pagename, templatename, context, doctree):
    for group in context.get("header_buttons", []):
        if group.get("label") == "launch-buttons":
            for button in group["buttons"]:
                button["url"] = plain_address(button["url"])
            colab = [b for b in group["buttons"] if b["text"] == "Colab"]
            group["buttons"] += map(kaggle, colab)


def setup(app):
    """Register with Sphinx, before the theme reads its options."""
    app.connect("config-inited", _choose_buttons, priority=100)
    # The theme makes its buttons at 501.
    app.connect("html-page-context", _open_plain_notebooks, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
