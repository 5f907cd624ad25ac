"""The configuration of gunicorn, named in the Procfile. Gunicorn's documentation explains each setting.

``--workers``, ``--threads`` and ``--bind`` are in the Procfile, where operators set them.
"""

import os
from typing import Any

worker_class = "config.http.worker.BufferingWorker"
# The site is loaded once, before the first worker: the server exits at once if a check fails, and a replacement worker
# starts quickly. In development every worker loads the site itself, because macOS cannot fork a process that has used
# the network.
preload_app = os.environ.get("DEBUG", "").lower() not in {"1", "true", "yes", "on", "y", "ok"}
# A worker is replaced after this many requests, before memory leaks add up.
max_requests = 50_000
max_requests_jitter = 5_000
# A stop may take ten seconds. Workers finish within six (config/http/worker.py), or are killed after eight.
graceful_timeout = 8
# A worker without a heartbeat for this long is replaced.
timeout = 30
# An unused control socket in the home directory.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Set the short timeouts for requests in a worker process."""
    from compliance import timeouts

    timeouts.set_timeouts(timeouts.WEB)
