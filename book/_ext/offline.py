"""Keep thebe out of the pages.

Jupyter Book always loads `sphinx_thebe`, which writes an address on the network
into every page and raises an error there. The book needs neither.
"""

EVENTS = ("doctree-resolved", "env-before-read-docs")


def _is_local(asset):
    # Not "thebe" alone: a figure's base64 data may hold the letters by chance.
    body = asset.attributes.get("body", "").lower()
    return "thebe" not in (asset.filename or "") and "thebe_" not in body


def _drop_assets(app, pagename, templatename, context, doctree):
    for kind in ("script_files", "css_files"):
        context[kind] = [
            asset for asset in context.get(kind, []) if _is_local(asset)
        ]


def _unhook(app):
    for event in EVENTS:
        app.events.listeners[event] = [
            listener
            for listener in app.events.listeners.get(event, [])
            if not listener.handler.__module__.startswith("sphinx_thebe")
        ]


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", _unhook)
    app.connect("html-page-context", _drop_assets, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
