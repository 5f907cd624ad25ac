"""Benchmarks of Plumbline, each compared with a baseline of the same run. See docs/performance.md.

Run one with ``python -m devservices exec -- python -m bench.syncs.ingest``, or all with ``make bench``. Each bench
prints one line of JSON: its goals, the measured values, and whether they meet the goals. Importing this package sets
up Django with production's settings, but without TLS.
"""

import os

import django
from django.conf import settings

STATIC_ROOT = "BENCH_STATIC_ROOT"

os.environ.update(
    DEBUG="0",
    ALLOW_EMBEDDED="1",
    PLAID_ENV="embedded",
    PLAID_EMBEDDED_LIMITS="0",
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

# Servers that a bench starts serve the static files that the bench has collected.
if collected := os.environ.get(STATIC_ROOT):
    settings.STATIC_ROOT = collected
