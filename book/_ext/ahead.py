"""Run the chapters side by side before they are read one after the other.

MyST-NB runs a notebook when Sphinx reads it: one core works, the others wait.
Here jupyter-cache first runs all changed ones, as many at once as there are
cores but at most four, each in one thread, as the stored outputs were made.
MyST-NB finds them in the cache; one that failed it runs again, and says why.
"""

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx.util.display import status_iterator

AT_ONCE = min(os.cpu_count() or 1, 4)  # a notebook takes up to 1 GB of memory


def run_ahead(app, env, docnames):
    """Run the notebooks among the documents that will be read."""
    config = env.mystnb_config
    paths = [env.doc2path(name) for name in docnames]
    paths = [path for path in paths if path.endswith(".ipynb")]
    if len(paths) < 2 or config.execution_mode != "cache":
        return  # one alone has nobody beside it
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cache = get_cache(config.execution_cache_path)
    for path in paths:
        cache.add_nb_to_project(path)
    stale = [each.uri for each in cache.list_unexecuted(filter_uris=paths)]

    def run(path):
        executor = load_executor("local-serial", cache)
        timeout = config.execution_timeout
        executor.run_and_cache(filter_uris=[path], timeout=timeout)
        return Path(path).name

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = as_completed([pool.submit(run, path) for path in stale])
        names = (job.result() for job in jobs)
        title = "notebooks run... "
        for _ in status_iterator(names, title, "purple", len(stale)):
            pass  # it names each as it is done


def setup(app):
    """Register with Sphinx."""
    app.connect("env-before-read-docs", run_ahead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
