"""The webhook view, with webhooks signed by a key that a local server returns as Plaid does."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse

from banking.models import Item, WebhookReceipt
from banking.tests.job_queue import queued_jobs
from banking.tests.scripted_server import http_response, scripted_server
from compliance.isolation import tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

KID = "key-1"
PRIVATE = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def plaid(settings) -> Iterator[object]:
    """A server that returns the verification key of these tests."""
    with scripted_server() as running:
        settings.PLAID_URL = running.url
        running.respond_with(http_response({"key": public_key(), "request_id": "r"}))
        yield running


@pytest.fixture
def sender(plaid: object) -> Client:
    """A client without a session and without a CSRF token."""
    return Client(enforce_csrf_checks=True)


def public_key() -> dict[str, object]:
    point = PRIVATE.public_key().public_numbers()
    place = {"x": base64url(point.x), "y": base64url(point.y)}
    kind = {"kid": KID, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    return kind | place | {"created_at": 1560466143, "expired_at": None}


def base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


def webhook_body(item: Item, **changes: str) -> bytes:
    message = {
        "environment": "sandbox",
        "item_id": item.provider_item_id,
        "webhook_code": "SYNC_UPDATES_AVAILABLE",
        "webhook_type": "TRANSACTIONS",
    }
    return json.dumps(message | changes, indent=2).encode()


def sign(body: bytes, kid: str = KID, **claims: object) -> str:
    usual = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
    return jwt.encode(usual | claims, PRIVATE, algorithm="ES256", headers={"kid": kid})


def deliver(sender: Client, body: bytes, signed: str | None = None):
    headers = {} if signed == "" else {"Plaid-Verification": signed or sign(body)}
    return sender.post(reverse("webhook-plaid"), body, content_type="application/json", headers=headers)


def is_sync_requested(item: Item) -> bool:
    with tenant(item.owner_id):
        item.refresh_from_db()
    return item.sync_requested_at is not None


def test_it_asks_for_the_items_news(sender: Client, item: Item) -> None:
    answer = deliver(sender, webhook_body(item))
    assert (answer.status_code, answer.content) == (200, b"")
    assert is_sync_requested(item)
    assert [job.arguments[-1] for job in queued_jobs(item.pk)] == ["webhook"]


def test_it_hears_each_delivery_once(sender: Client, item: Item) -> None:
    body = webhook_body(item)
    signed = sign(body)
    assert [deliver(sender, body, signed).status_code for _ in range(3)] == [200, 200, 200]
    assert len(queued_jobs(item.pk)) == 1


def test_it_answers_the_same_when_it_does_not_know_the_item(sender: Client, item: Item) -> None:
    answer = deliver(sender, webhook_body(item, item_id="somebody-elses"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert not is_sync_requested(item)


def test_it_takes_no_news_of_another_environment(sender: Client, item: Item) -> None:
    assert deliver(sender, webhook_body(item, environment="production")).status_code == 400
    assert not is_sync_requested(item)


@pytest.mark.parametrize("signed", ["", "x", "a.b.c", "." * 5000, "é.é.é"])
def test_it_refuses_what_is_not_signed(sender: Client, item: Item, plaid: object, signed: str) -> None:
    assert deliver(sender, webhook_body(item), signed).status_code == 400
    assert not is_sync_requested(item)
    assert not WebhookReceipt.objects.exists()
    assert plaid.requests == []


def test_it_refuses_a_body_that_was_changed(sender: Client, item: Item) -> None:
    body = webhook_body(item)
    assert deliver(sender, body.replace(b"  ", b" "), sign(body)).status_code == 400
    assert not is_sync_requested(item)


def test_it_refuses_what_was_signed_long_ago(sender: Client, item: Item) -> None:
    body = webhook_body(item)
    assert deliver(sender, body, sign(body, iat=int(time.time()) - 301)).status_code == 400
    assert not is_sync_requested(item)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"webhook_type": 1}', b"[" * 100_000])
def test_it_refuses_a_signed_body_that_says_nothing(sender: Client, body: bytes) -> None:
    assert deliver(sender, body).status_code == 400


def forge_signature(body: bytes, claims: bytes = b"", **head: object) -> str:
    """Build a JWT without a valid signature."""
    usual = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
    parts = [json.dumps({"alg": "ES256", "kid": KID} | head).encode(), claims or json.dumps(usual).encode(), b"x" * 64]
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
def test_it_refuses_claims_that_are_none(sender: Client, item: Item, plaid: object, claims: bytes) -> None:
    body = webhook_body(item)
    now = b"%d" % time.time()
    assert deliver(sender, body, forge_signature(body, claims.replace(b"NOW", now))).status_code == 400
    assert plaid.requests == []


def test_it_refuses_a_head_that_goes_on_without_end(sender: Client, item: Item, plaid: object) -> None:
    body = webhook_body(item)
    _, rest = forge_signature(body).split(".", 1)
    head = base64.urlsafe_b64encode(b"[" * 2_500).rstrip(b"=").decode()
    assert deliver(sender, body, f"{head}.{rest}").status_code == 400
    assert plaid.requests == []


@pytest.mark.parametrize("item_id", ["a\0b", "\ud800", "x" * 100_000, "'; --"])
def test_it_looks_for_no_item_that_cannot_be(sender: Client, item: Item, item_id: str) -> None:
    body = webhook_body(item, item_id=item_id)
    assert deliver(sender, body, forge_signature(body, kid="never-held")).status_code in (400, 503)


def test_it_refuses_a_body_that_is_too_large_to_read(sender: Client, item: Item) -> None:
    assert deliver(sender, webhook_body(item) + b" " * 2_000_000).status_code in (400, 413)
    assert not is_sync_requested(item)


def test_it_asks_for_another_delivery_while_the_key_cannot_be_had(sender: Client, item: Item, plaid: object) -> None:
    plaid.respond_with(http_response({"error_code": "INTERNAL_SERVER_ERROR", "error_type": "API_ERROR"}, status=500))
    body = webhook_body(item)
    signed = sign(body)
    assert deliver(sender, body, signed).status_code == 503
    assert not is_sync_requested(item)
    plaid.respond_with(http_response({"key": public_key(), "request_id": "r"}))
    assert deliver(sender, body, signed).status_code == 200
    assert is_sync_requested(item)


def test_it_asks_for_another_delivery_while_we_are_misconfigured(sender: Client, item: Item, settings) -> None:
    settings.PLAID_ENV = "embedded"
    settings.PLAID_CLIENT_ID = ""
    assert deliver(sender, webhook_body(item)).status_code == 503
    assert not is_sync_requested(item)


def test_it_notes_the_news_even_when_the_queue_is_away(sender: Client, item: Item, queue_down: None) -> None:
    assert deliver(sender, webhook_body(item)).status_code == 200
    assert is_sync_requested(item)


def test_it_is_no_page(sender: Client, as_alice: Client) -> None:
    assert sender.get(reverse("webhook-plaid")).status_code == 405
    assert as_alice.get(reverse("webhook-plaid")).status_code == 405


def test_it_hears_the_first_webhook_of_an_item_in_the_middle_of_a_flood(
    sender: Client, plaid: object, item: Item
) -> None:
    """The key is not cached, and webhooks with invented key ids have used up the look-ups of this minute."""
    unknown = {"error_type": "INVALID_INPUT", "error_code": "INVALID_WEBHOOK_VERIFICATION_KEY_ID"}
    plaid.respond_with(http_response(unknown, status=400))
    stranger = webhook_body(item, item_id="nobody-knows-me")
    made_up = [sign(stranger, f"made-up-{number}") for number in range(40)]
    answers = [deliver(sender, stranger, signed).status_code for signed in made_up]
    assert (answers.count(400), answers.count(503)) == (5, 35)
    plaid.respond_with(http_response({"key": public_key(), "request_id": "r"}))
    assert deliver(sender, webhook_body(item)).status_code == 200
    assert is_sync_requested(item)
