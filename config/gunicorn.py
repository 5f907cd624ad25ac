"""How gunicorn serves the site; the Procfile names this file. Each setting is explained in gunicorn's own manual.

``--workers``, ``--threads`` and ``--bind`` stand in the Procfile, where operators choose them.
"""

import os
from typing import Any

worker_class = "config.http.worker.BufferingWorker"
# The site is loaded once, before anything is served: settings and roles that are refused end the server there and
# then, and a worker that takes another's place has nothing to load. In development every worker loads it, because
# macOS does not let a process that has used the network be copied.
preload_app = os.environ.get("DEBUG", "").lower() not in {"1", "true", "yes", "on", "y", "ok"}
# A worker is replaced after so many requests, before what leaks adds up.
max_requests = 50_000
max_requests_jitter = 5_000
# Of the ten seconds that a stop may take. Workers take two less (config/http/worker.py); then they are killed.
graceful_timeout = 8
# A worker whose loop has not turned for so long is replaced.
timeout = 30
# A socket in the home directory that nobody here asks anything.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Let the process that serves people wait no longer than they do."""
    from compliance import timeouts

    timeouts.set_timeouts(timeouts.WEB)
