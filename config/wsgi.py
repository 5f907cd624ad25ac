"""The WSGI application. It starts only if the serving checks of ``compliance.startup`` pass."""

import gc
import logging
import os

import django
from django.db import connections
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django.setup(set_prefix=False)

from compliance.startup import require_serving_checks  # noqa: E402  (needs the apps to be ready)
from config.http.handler import Handler  # noqa: E402  (needs the apps to be ready)

application = Handler()

logging.captureWarnings(capture=True)
require_serving_checks()
connections.close_all()
# Load every view now rather than during the first request.
get_resolver().url_patterns  # noqa: B018  (reading the property imports the URLconf)
# All objects that are loaded by now live as long as the process, so the garbage collector need not examine them again.
gc.freeze()
