"""What the web server runs. It serves nobody as a database role, or with keys, that ``compliance.refusals`` refuses."""

import gc
import logging
import os

import django
from django.db import connections
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django.setup(set_prefix=False)

from compliance.refusals import refuse_to_serve  # noqa: E402  (needs the apps to be ready)
from config.http import Handler  # noqa: E402

application = Handler()

logging.captureWarnings(capture=True)
refuse_to_serve()
connections.close_all()
# Loads every view now, and not while the first person waits.
get_resolver().url_patterns  # noqa: B018
# What is loaded by now stays as long as the process does: the collector need not walk through it again and again.
gc.freeze()
