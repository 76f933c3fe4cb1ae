"""Run the chapters side by side before they are read one after the other.

MyST-NB runs a notebook when Sphinx reads it: one core works, the others wait.
Here jupyter-cache first runs all changed ones, as many at once as there are
cores, each in one thread, as the stored outputs were made. MyST-NB finds them
in the cache; one that failed it runs again, and says why.
"""

import logging
import os

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor


def run_ahead(app, env, docnames):
    """Run the notebooks among the documents that will be read."""
    config = env.mystnb_config
    paths = [env.doc2path(name) for name in docnames]
    paths = [path for path in paths if path.endswith(".ipynb")]
    if len(paths) < 2 or config.execution_mode != "cache":
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cache = get_cache(config.execution_cache_path)
    for path in paths:
        cache.add_nb_to_project(path)
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.INFO)  # names each notebook as it begins
    executor = load_executor("local-parallel", cache, logger)
    executor.run_and_cache(filter_uris=paths, timeout=config.execution_timeout)


def setup(app):
    """Register with Sphinx."""
    app.connect("env-before-read-docs", run_ahead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
