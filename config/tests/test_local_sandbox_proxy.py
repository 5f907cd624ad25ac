"""The sandbox's pages, which show everybody's mails, open on this machine alone."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

PLACES = ["/_sandbox/mailbox/", "/_sandbox/link/v2/stable/link-initialize.js"]
# From here, whoever listens would be asked: nobody does.
ASKED, REFUSED = 503, 404


@pytest.mark.parametrize("place", PLACES)
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
def test_it_answers_this_machine(place: str, address: str, forwarded: str | None) -> None:
    assert get_status(place, address, forwarded) == ASKED


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("place", PLACES)
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
def test_it_answers_nobody_else(settings, place: str, address: str, forwarded: str | None, proxies: int) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    assert get_status(place, address, forwarded) == REFUSED


def get_status(place: str, address: str, forwarded: str | None) -> int:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return Client(REMOTE_ADDR=address, headers=headers).get(place).status_code
