import hashlib
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
import urllib3

from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, wait_for
from sandbox.webhooks.outbox import deliver, messages


def verify(plaid: SandboxClient, headers: dict[str, str], body: bytes) -> None:
    """Verify a delivery by Plaid's documentation. Raises jwt.InvalidTokenError or AssertionError."""
    signed = headers["Plaid-Verification"]
    header = jwt.get_unverified_header(signed)
    assert header["alg"] == "ES256"
    status, response = plaid.call("/webhook_verification_key/get", key_id=header["kid"])
    assert status == 200
    claims = jwt.decode(signed, jwt.PyJWK(response["key"]), algorithms=["ES256"])
    assert abs(time.time() - claims["iat"]) < 300
    assert claims["request_body_sha256"] == hashlib.sha256(body).hexdigest()
    assert set(claims) == {"iat", "request_body_sha256"}


CODE = "NEW_ACCOUNTS_AVAILABLE"


def fire_webhook(plaid: SandboxClient, receiver: WebhookReceiver, statuses: list[int] | None = None) -> dict[str, str]:
    """Link an Item and fire one webhook after those of its history; the receiver responds with ``statuses``."""
    linked = plaid.link(webhook=receiver.url)
    wait_for(lambda: "HISTORICAL_UPDATE" in receiver.codes())
    receiver.statuses = statuses or []
    plaid.ok("/sandbox/item/fire_webhook", access_token=linked["access_token"], webhook_type="ITEM", webhook_code=CODE)
    wait_for(lambda: CODE in receiver.codes())
    return linked


def test_it_signs_every_webhook(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = fire_webhook(own_plaid, receiver)
    headers, body = receiver.deliveries[-1]
    verify(own_plaid, headers, body)
    assert json.loads(body) == {
        "webhook_type": "ITEM",
        "webhook_code": "NEW_ACCOUNTS_AVAILABLE",
        "item_id": linked["item_id"],
        "error": None,
        "environment": "sandbox",
    }
    assert body == json.dumps(json.loads(body), indent=2).encode()


@pytest.mark.parametrize("tamper", ["body", "sig", "iat", "kid", "alg"])
def test_it_sends_an_invalid_signature_when_requested(
    own_plaid: SandboxClient, receiver: WebhookReceiver, tamper: str
) -> None:
    fire_webhook(own_plaid, receiver)
    first = messages(own_plaid.context)[-1]["id"]
    before = len(receiver.deliveries)
    own_plaid.admin("POST", "webhooks", {"action": "replay", "id": first, "tamper": tamper})
    wait_for(lambda: len(receiver.deliveries) > before)
    with pytest.raises((AssertionError, jwt.InvalidTokenError)):
        verify(own_plaid, *receiver.deliveries[-1])


def test_it_signs_with_the_new_key_and_still_returns_the_old_one(
    own_plaid: SandboxClient, receiver: WebhookReceiver
) -> None:
    linked = fire_webhook(own_plaid, receiver)
    old = jwt.get_unverified_header(receiver.deliveries[-1][0]["Plaid-Verification"])["kid"]
    new = own_plaid.admin("POST", "keys/rotate")["kid"]
    own_plaid.admin("POST", "keys/expire")
    own_plaid.ok("/sandbox/item/reset_login", access_token=linked["access_token"])
    wait_for(lambda: "ERROR" in receiver.codes())
    assert jwt.get_unverified_header(receiver.deliveries[-1][0]["Plaid-Verification"])["kid"] == new
    assert own_plaid.ok("/webhook_verification_key/get", key_id=old)["key"]["expired_at"] is not None
    assert own_plaid.ok("/webhook_verification_key/get", key_id=new)["key"]["expired_at"] is None


def test_it_refuses_an_unknown_key(plaid: SandboxClient) -> None:
    assert plaid.expect_error("/webhook_verification_key/get", key_id="x") == "INVALID_WEBHOOK_VERIFICATION_KEY_ID"


def test_it_retries_with_longer_delays_until_the_webhook_is_accepted(
    own_plaid: SandboxClient, receiver: WebhookReceiver
) -> None:
    fire_webhook(own_plaid, receiver, [500, 503])
    for attempts, seconds in ((1, 30), (2, 120)):
        assert wait_for(lambda attempts=attempts: last_message_after(own_plaid, attempts))["status"] == "waiting"
        assert receiver.codes().count(CODE) == attempts
        own_plaid.admin("POST", "clock", {"advance_seconds": seconds - 5})
        assert last_message_after(own_plaid, attempts)
        own_plaid.admin("POST", "clock", {"advance_seconds": 5})
    assert wait_for(lambda: last_message_after(own_plaid, 3))["status"] == "delivered"
    signatures = {headers["Plaid-Verification"] for headers, _ in receiver.deliveries[-3:]}
    assert len(signatures) == 3


def last_message_after(plaid: SandboxClient, attempts: int) -> dict[str, Any] | None:
    """Return the last message if it has had this many attempts and is not being sent."""
    message = messages(plaid.context)[-1]
    return message if message["attempts"] == attempts and message["status"] != "sending" else None


def test_it_gives_up_after_seven_deliveries(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    fire_webhook(own_plaid, receiver, [500] * 7)
    for attempts in range(1, 7):
        wait_for(lambda attempts=attempts: last_message_after(own_plaid, attempts))
        own_plaid.admin("POST", "clock", {"advance_hours": 9})
    assert wait_for(lambda: last_message_after(own_plaid, 7))["status"] == "failed"
    assert receiver.codes().count(CODE) == 7


def test_it_does_not_follow_a_redirect(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    fire_webhook(own_plaid, receiver, [302])
    assert wait_for(lambda: last_message_after(own_plaid, 1))["last_status"] == 302


def test_it_records_that_no_server_listens(own_plaid: SandboxClient) -> None:
    own_plaid.link(webhook="http://127.0.0.1:9/")
    wait_for(lambda: messages(own_plaid.context))
    message = wait_for(lambda: last_message_after(own_plaid, 1))
    assert (message["status"], message["last_status"], message["last_error"]) == ("waiting", None, "NewConnectionError")


def test_it_sends_again_what_was_being_sent_when_it_stopped(
    own_plaid: SandboxClient, receiver: WebhookReceiver
) -> None:
    fire_webhook(own_plaid, receiver)
    row = own_plaid.context.store.all("SELECT * FROM outbox")[-1]
    with urllib3.PoolManager(retries=False) as http:
        deliver(own_plaid.context, http, row)
    assert receiver.codes()[-2:] == ["NEW_ACCOUNTS_AVAILABLE"] * 2


def test_it_holds_webhooks_and_releases_them_in_reverse_order(
    own_plaid: SandboxClient, receiver: WebhookReceiver
) -> None:
    access = {"access_token": own_plaid.link(webhook=receiver.url)["access_token"]}
    wait_for(lambda: "HISTORICAL_UPDATE" in receiver.codes())
    own_plaid.admin("POST", "webhooks", {"action": "hold"})
    for code in ("ERROR", "LOGIN_REPAIRED"):
        own_plaid.ok("/sandbox/item/fire_webhook", **access, webhook_type="ITEM", webhook_code=code)
    own_plaid.admin("POST", "webhooks", {"action": "release", "order": "reversed"})
    wait_for(lambda: "ERROR" in receiver.codes())
    assert receiver.codes() == ["HISTORICAL_UPDATE", "LOGIN_REPAIRED", "ERROR"]


def test_it_replays_a_webhook_several_times(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    fire_webhook(own_plaid, receiver)
    last = messages(own_plaid.context)[-1]["id"]
    own_plaid.admin("POST", "webhooks", {"action": "replay", "id": last, "times": 3})
    wait_for(lambda: receiver.codes().count("NEW_ACCOUNTS_AVAILABLE") == 4)


def test_it_gives_no_two_webhooks_the_same_signature(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    """Two webhooks of one second with the same body have different signatures, in ``r`` and ``s``."""
    fire_webhook(own_plaid, receiver)
    first, before = messages(own_plaid.context)[-1]["id"], len(receiver.deliveries)
    own_plaid.admin("POST", "webhooks", {"action": "replay", "id": first, "times": 8})
    wait_for(lambda: len(receiver.deliveries) == before + 8)
    signatures = [headers["Plaid-Verification"].rpartition(".")[2] for headers, _ in receiver.deliveries[before:]]
    decoded = [jwt.utils.base64url_decode(signature) for signature in signatures]
    assert len({both[:32] for both in decoded}) == len({both[32:] for both in decoded}) == 8


def test_it_sends_no_webhook_for_an_item_without_a_url(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    own_plaid.ok("/sandbox/item/reset_login", access_token=linked["access_token"])
    own_plaid.admin("POST", "clock", {"advance_days": 1})
    assert own_plaid.admin("GET", "outbox")["webhooks"] == []


def test_it_announces_history_in_two_stages_after_the_first_sync(
    slow_plaid: SandboxClient, receiver: WebhookReceiver
) -> None:
    linked = slow_plaid.link("user_living", webhook=receiver.url, transactions={"days_requested": 730})
    access = {"access_token": linked["access_token"]}
    first = slow_plaid.ok("/transactions/sync", **access)
    assert (first["transactions_update_status"], first["next_cursor"], first["added"]) == ("NOT_READY", "", [])
    slow_plaid.admin("POST", "clock", {"advance_seconds": 11})
    wait_for(lambda: len(receiver.deliveries) == 2)
    recent, cursor = slow_plaid.sync(access["access_token"])
    slow_plaid.admin("POST", "clock", {"advance_seconds": 60})
    wait_for(lambda: len(receiver.deliveries) == 4)
    older, _ = slow_plaid.sync(access["access_token"], cursor)
    webhooks = {body["webhook_code"]: body for body in receiver.bodies()[:2]}
    assert webhooks["SYNC_UPDATES_AVAILABLE"]["initial_update_complete"]
    assert not webhooks["SYNC_UPDATES_AVAILABLE"]["historical_update_complete"]
    assert webhooks["INITIAL_UPDATE"]["new_transactions"] == len(recent)
    assert {body["webhook_code"] for body in receiver.bodies()[2:]} == {"SYNC_UPDATES_AVAILABLE", "HISTORICAL_UPDATE"}
    oldest = slow_plaid.context.clock.today() - timedelta(days=30)
    assert min(row["date"] for row in recent.values()) >= oldest.isoformat()
    assert max(row["date"] for row in older.values()) < oldest.isoformat()


def test_it_sends_no_sync_webhook_before_the_first_sync(slow_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    slow_plaid.link(webhook=receiver.url)
    slow_plaid.admin("POST", "clock", {"advance_seconds": 100})
    wait_for(lambda: receiver.codes() == ["HISTORICAL_UPDATE"])
    assert [m["body"]["webhook_code"] for m in messages(slow_plaid.context)] == ["HISTORICAL_UPDATE"]


def test_it_acknowledges_a_new_webhook_url(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link()
    own_plaid.ok("/item/webhook/update", access_token=linked["access_token"], webhook=receiver.url)
    wait_for(lambda: "WEBHOOK_UPDATE_ACKNOWLEDGED" in receiver.codes())
    assert receiver.bodies()[-1]["new_webhook_url"] == receiver.url


@pytest.mark.parametrize("webhook", ["ftp://site.example/", "http://site.example/", "nonsense", "https://"])
def test_it_refuses_a_webhook_url_to_which_it_would_not_send(plaid: SandboxClient, webhook: str) -> None:
    linked = plaid.link()
    assert (
        plaid.expect_error("/item/webhook/update", access_token=linked["access_token"], webhook=webhook)
        == "INVALID_FIELD"
    )


def test_it_records_the_last_webhook_on_the_item(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = fire_webhook(own_plaid, receiver)
    last_webhook = own_plaid.ok("/item/get", access_token=linked["access_token"])["status"]["last_webhook"]
    assert last_webhook["code_sent"] == "NEW_ACCOUNTS_AVAILABLE"


def test_it_refuses_to_fire_without_a_url_or_with_an_invalid_type(plaid: SandboxClient) -> None:
    path = "/sandbox/item/fire_webhook"
    access = {"access_token": plaid.link()["access_token"]}
    assert plaid.expect_error(path, **access, webhook_code="ERROR", webhook_type="ITEM") == "SANDBOX_WEBHOOK_INVALID"
    access = {"access_token": plaid.link(webhook="http://127.0.0.1:9/")["access_token"]}
    assert plaid.expect_error(path, **access, webhook_code="ERROR", webhook_type="HOLDINGS") == "INVALID_FIELD"
