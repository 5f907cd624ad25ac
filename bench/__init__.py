"""Plumbline measured against floors of its own run. See docs/performance.md.

Each bench runs by itself, ``python -m devservices exec -- python -m bench.sync``, or with the others,
``python -m bench``. It prints one line of JSON: every goal as a ratio, the goal, and whether it is met.
Importing this package prepares Django for them, with production's settings minus TLS.
"""

import os

import django
from django.conf import settings

STATIC_ROOT = "BENCH_STATIC_ROOT"

os.environ.update(
    DEBUG="0",
    ALLOW_EMBEDDED="1",
    PLAID_ENV="embedded",
    SECURE_SSL_REDIRECT="0",
    EMAIL_URL="memorymail://",
    PUBLIC_URL="https://plumbline.test",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    LOG_LEVEL="WARNING",
)
os.environ.setdefault("PLAID_CLIENT_ID", "bench-client")
os.environ.setdefault("PLAID_SECRET", "bench-secret")
os.environ.setdefault("PLAID_URL", "http://127.0.0.1:1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# The servers that a bench starts find their static files where the bench has collected them.
if collected := os.environ.get(STATIC_ROOT):
    settings.STATIC_ROOT = collected
