"""The environment variables of every test: the settings of production, but without TLS, which the test server lacks.

Loaded by pytest before Django reads its settings. `devservices exec` provides the database and Redis.
"""

import os

os.environ.update(
    DEBUG="0",
    READ_DOT_ENV="0",
    ALLOW_EMBEDDED="1",
    PLAID_ENV="embedded",
    SECURE_SSL_REDIRECT="0",
    STATIC_MANIFEST="0",
    EMAIL_URL="memorymail://",
    PUBLIC_URL="https://plumbline.test",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    DATABASE_CONN_MAX_AGE="0",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",
    # All test processes share one Redis, and with it one client's limits.
    PLAID_EMBEDDED_LIMITS="0",
    PLAID_CLIENT_ID="sandbox-client",
    PLAID_SECRET="sandbox-secret",
    # Nothing listens there; a test that needs the sandbox program starts its own.
    PLAID_URL="http://127.0.0.1:1",
)
