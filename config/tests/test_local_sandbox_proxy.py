"""The sandbox's pages, which show the mails of all users, open only on this machine."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

PATHS = [
    "/_sandbox/mailbox/",
    "/_sandbox/link/v2/stable/link-initialize.js",
    "/_sandbox/link/hosted/link-sandbox-1/",
]
# A forwarded request gets 503, because no sandbox runs.
FORWARDED, REFUSED = 503, 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("address", "forwarded"),
    [
        ("127.0.0.1", None),
        ("127.8.9.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::1, 127.0.0.1"),
    ],
)
def test_it_forwards_requests_from_this_machine(path: str, address: str, forwarded: str | None) -> None:
    assert get_status(path, address, forwarded) == FORWARDED


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("address", "forwarded"),
    [
        ("192.0.2.7", None),
        ("10.0.0.1", None),
        ("2001:db8::7", None),
        ("::ffff:192.0.2.7", None),
        ("", None),
        ("localhost", None),
        ("192.0.2.7", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7, 127.0.0.1"),
        ("127.0.0.1", "127.0.0.1, 192.0.2.7"),
        ("127.0.0.1", "unknown"),
        ("127.0.0.1", ","),
    ],
)
def test_it_refuses_requests_from_other_hosts(
    settings, path: str, address: str, forwarded: str | None, proxies: int
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    assert get_status(path, address, forwarded) == REFUSED


def get_status(path: str, address: str, forwarded: str | None) -> int:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return Client(REMOTE_ADDR=address, headers=headers).get(path).status_code
