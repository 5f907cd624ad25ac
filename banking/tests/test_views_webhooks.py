"""The webhook view, with webhooks signed by a key that a local server returns as Plaid does."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from banking.models import Item
from banking.tests.job_queue import queued_jobs
from banking.tests.received_webhooks import list_events
from banking.tests.scripted_server import http_response, scripted_server
from banking.webhooks import inbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

KID = "key-1"
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def plaid(settings) -> Iterator[object]:
    """A server that returns the verification key of these tests."""
    with scripted_server() as scripted:
        settings.PLAID_URL = scripted.url
        scripted.respond_with(http_response({"key": make_public_key(), "request_id": "r"}))
        yield scripted


@pytest.fixture
def sender(plaid: object) -> Client:
    """A client without a session and without a CSRF token."""
    return Client(enforce_csrf_checks=True)


def make_public_key() -> dict[str, object]:
    point = PRIVATE_KEY.public_key().public_numbers()
    coordinates = {"x": base64url(point.x), "y": base64url(point.y)}
    parameters = {"kid": KID, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    return parameters | coordinates | {"created_at": 1560466143, "expired_at": None}


def base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


def make_webhook_body(item: Item, **changes: str) -> bytes:
    message = {
        "environment": "sandbox",
        "item_id": item.provider_item_id,
        "webhook_code": "SYNC_UPDATES_AVAILABLE",
        "webhook_type": "TRANSACTIONS",
    }
    return json.dumps(message | changes, indent=2).encode()


def sign(body: bytes, kid: str = KID, **claims: object) -> str:
    defaults = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
    return jwt.encode(defaults | claims, PRIVATE_KEY, algorithm="ES256", headers={"kid": kid})


def deliver(sender: Client, body: bytes, signed: str | None = None):
    headers = {} if signed == "" else {"Plaid-Verification": signed or sign(body)}
    return sender.post(reverse("webhook-plaid"), body, content_type="application/json", headers=headers)


def test_it_stores_and_queues_a_webhook(sender: Client, item: Item) -> None:
    response = deliver(sender, make_webhook_body(item))
    assert (response.status_code, response.content) == (200, b"")
    [event] = list_events()
    assert (event.provider_item_id, event.type, event.code) == (
        item.provider_item_id,
        "TRANSACTIONS",
        "SYNC_UPDATES_AVAILABLE",
    )
    assert (event.provider, event.environment, event.outcome) == ("plaid", "embedded", "new")
    assert [job.task for job in queued_jobs(event.pk)] == ["process_webhook"]


def test_it_works_for_whoever_is_signed_in(as_mallory: Client, plaid: object, item: Item) -> None:
    assert deliver(as_mallory, make_webhook_body(item)).status_code == 200
    assert len(list_events()) == 1


def test_it_stores_each_delivery_once(sender: Client, item: Item) -> None:
    body = make_webhook_body(item)
    signed = sign(body)
    assert [deliver(sender, body, signed).status_code for _ in range(3)] == [200, 200, 200]
    [event] = list_events()
    assert len(queued_jobs(event.pk)) == 1


def test_it_responds_the_same_for_an_unknown_item(sender: Client, item: Item) -> None:
    response = deliver(sender, make_webhook_body(item, item_id="somebody-elses"))
    assert (response.status_code, response.content) == (200, b"")
    assert [event.provider_item_id for event in list_events()] == ["somebody-elses"]


def test_it_rejects_a_webhook_of_another_environment(sender: Client, item: Item) -> None:
    assert deliver(sender, make_webhook_body(item, environment="production")).status_code == 400
    assert list_events() == []


@pytest.mark.parametrize("signed", ["", "x", "a.b.c", "." * 5000, "é.é.é"])
def test_it_refuses_an_unsigned_webhook(sender: Client, item: Item, plaid: object, signed: str) -> None:
    assert deliver(sender, make_webhook_body(item), signed).status_code == 400
    assert list_events() == []
    assert plaid.requests == []


def test_it_refuses_a_body_that_was_changed(sender: Client, item: Item) -> None:
    body = make_webhook_body(item)
    assert deliver(sender, body.replace(b"  ", b" "), sign(body)).status_code == 400
    assert list_events() == []


def test_it_refuses_an_old_signature(sender: Client, item: Item) -> None:
    body = make_webhook_body(item)
    assert deliver(sender, body, sign(body, iat=int(time.time()) - 301)).status_code == 400
    assert list_events() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"webhook_type": 1}', b"[" * 100_000])
def test_it_refuses_a_signed_body_without_a_message(sender: Client, body: bytes) -> None:
    assert deliver(sender, body).status_code == 400


def forge_signature(body: bytes, claims: bytes = b"", **header: object) -> str:
    """Build a JWT without a valid signature."""
    defaults = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
    parts = [
        json.dumps({"alg": "ES256", "kid": KID} | header).encode(),
        claims or json.dumps(defaults).encode(),
        b"x" * 64,
    ]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize(
    "claims",
    [
        b"[" * 2_500,
        b'{"iat": NOW, "request_body_sha256": "\\ud800"}',
        b'{"iat": 1e999, "request_body_sha256": ""}',
        b'{"iat": NaN}',
        b"{}",
        b"5",
    ],
)
def test_it_refuses_invalid_claims(sender: Client, item: Item, plaid: object, claims: bytes) -> None:
    body = make_webhook_body(item)
    now = b"%d" % time.time()
    assert deliver(sender, body, forge_signature(body, claims.replace(b"NOW", now))).status_code == 400
    assert plaid.requests == []


def test_it_refuses_a_deeply_nested_header(sender: Client, item: Item, plaid: object) -> None:
    body = make_webhook_body(item)
    _, rest = forge_signature(body).split(".", 1)
    header = base64.urlsafe_b64encode(b"[" * 2_500).rstrip(b"=").decode()
    assert deliver(sender, body, f"{header}.{rest}").status_code == 400
    assert plaid.requests == []


@pytest.mark.parametrize("item_id", ["a\0b", "\ud800", "x" * 100_000, "'; --"])
def test_it_handles_invalid_item_ids(sender: Client, item: Item, item_id: str) -> None:
    body = make_webhook_body(item, item_id=item_id)
    assert deliver(sender, body, forge_signature(body, kid="never-held")).status_code in (400, 503)


def test_it_refuses_a_body_that_is_too_large_to_read(sender: Client, item: Item) -> None:
    assert deliver(sender, make_webhook_body(item) + b" " * 2_000_000).status_code in (400, 413)
    assert list_events() == []


def test_it_requests_another_delivery_if_the_key_is_unavailable(sender: Client, item: Item, plaid: object) -> None:
    plaid.respond_with(http_response({"error_code": "INTERNAL_SERVER_ERROR", "error_type": "API_ERROR"}, status=500))
    body = make_webhook_body(item)
    signed = sign(body)
    assert deliver(sender, body, signed).status_code == 503
    assert list_events() == []
    plaid.respond_with(http_response({"key": make_public_key(), "request_id": "r"}))
    assert deliver(sender, body, signed).status_code == 200
    assert len(list_events()) == 1


def test_it_requests_another_delivery_if_the_site_is_misconfigured(sender: Client, item: Item, settings) -> None:
    settings.PLAID_ENV = "embedded"
    settings.PLAID_CLIENT_ID = ""
    assert deliver(sender, make_webhook_body(item)).status_code == 503
    assert list_events() == []


def test_it_stores_a_webhook_if_the_queue_is_unavailable(sender: Client, item: Item, queue_down: None) -> None:
    assert deliver(sender, make_webhook_body(item)).status_code == 200
    assert [event.outcome for event in list_events()] == ["new"]


def test_it_acknowledges_no_webhook_that_was_not_stored(
    sender: Client, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(event: object) -> bool:
        raise OperationalError("the database is shutting down")

    monkeypatch.setattr(inbox, "add_event", fail)
    sender.raise_request_exception = False
    assert deliver(sender, make_webhook_body(item)).status_code >= 500


def test_it_rejects_get_requests(sender: Client, as_alice: Client) -> None:
    assert sender.get(reverse("webhook-plaid")).status_code == 405
    assert as_alice.get(reverse("webhook-plaid")).status_code == 405


def test_it_accepts_the_first_webhook_of_an_item_during_a_flood(sender: Client, plaid: object, item: Item) -> None:
    """The key is not cached, and webhooks with invented key ids have used up the look-ups of this minute."""
    unknown = {"error_type": "INVALID_INPUT", "error_code": "INVALID_WEBHOOK_VERIFICATION_KEY_ID"}
    plaid.respond_with(http_response(unknown, status=400))
    unknown_item = make_webhook_body(item, item_id="nobody-knows-me")
    invented = [sign(unknown_item, f"made-up-{number}") for number in range(40)]
    statuses = [deliver(sender, unknown_item, signed).status_code for signed in invented]
    assert (statuses.count(400), statuses.count(503)) == (5, 35)
    plaid.respond_with(http_response({"key": make_public_key(), "request_id": "r"}))
    assert deliver(sender, make_webhook_body(item)).status_code == 200
    assert [event.provider_item_id for event in list_events()] == [item.provider_item_id]
