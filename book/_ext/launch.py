"""Show repository and launch buttons only where `repository: url:` is set.

Without an address Jupyter Book would put in its own repository's.
"""

PLACEHOLDER = "executablebooks/jupyter-book"


def _choose_buttons(app, config):
    options = config.html_theme_options
    known = PLACEHOLDER not in options.get("repository_url", PLACEHOLDER)
    options["use_repository_button"] = known
    if not known:
        options["launch_buttons"] = {}


def setup(app):
    """Register with Sphinx, before the theme reads its options."""
    app.connect("config-inited", _choose_buttons, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
