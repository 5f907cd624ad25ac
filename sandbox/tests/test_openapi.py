"""All responses against Plaid's published OpenAPI document, which is too large for this repository.

Set PLAID_OPENAPI to the path of Plaid's ``2020-09-14.yml`` to run these.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sandbox.bank import links
from sandbox.personas import PASSWORD
from sandbox.tests.sandbox_client import SandboxClient
from sandbox.webhooks import outbox, signing

DOCUMENT = os.environ.get("PLAID_OPENAPI", "")

pytestmark = pytest.mark.skipif(not DOCUMENT, reason="PLAID_OPENAPI does not name Plaid's OpenAPI document")

US = ["US"]


def to_json_schema(node: Any) -> Any:
    """Convert ``nullable`` of OpenAPI 3.0 to JSON Schema, which has the type null."""
    if isinstance(node, list):
        return [to_json_schema(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    plain = {name: to_json_schema(value) for name, value in node.items() if name not in ("nullable", "example")}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(DOCUMENT).read_text(), loader)  # noqa: S506 - a safe loader


@pytest.fixture(scope="module")
def components(document: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": to_json_schema(document["components"]["schemas"])}


@pytest.fixture
def check(document: dict[str, Any], components: dict[str, Any], plaid: SandboxClient) -> Any:
    def check_response(path: str, **fields: Any) -> dict[str, Any]:
        response = plaid.ok(path, **fields)
        responses = document["paths"][path]["post"]["responses"]
        schema = to_json_schema(responses["200"]["content"]["application/json"]["schema"])
        problems = Draft202012Validator({**schema, "components": components}).iter_errors(response)
        assert [f"{problem.json_path}: {problem.message[:200]}" for problem in problems] == []
        return response

    return check_response


@pytest.mark.parametrize("persona", ["user_good", "user_living", "user_messy", "user_transactions_dynamic"])
def test_it_returns_items_as_documented(check: Any, plaid: SandboxClient, persona: str) -> None:
    access = {"access_token": plaid.link(persona)["access_token"]}
    check("/item/get", **access)
    accounts = check("/accounts/get", **access)["accounts"]
    check("/accounts/balance/get", **access)
    cursor = check("/transactions/sync", **access, count=500)["next_cursor"]
    check("/transactions/recurring/get", **access)
    check("/transactions/refresh", **access)
    check("/transactions/sync", **access, cursor=cursor)
    check(
        "/sandbox/item/set_verification_status",
        **access,
        account_id=accounts[0]["account_id"],
        verification_status="verification_expired",
    )
    check("/accounts/get", **access)
    check("/sandbox/item/reset_login", **access)
    check("/item/get", **access)
    check("/item/webhook/update", **access, webhook="http://127.0.0.1:9/")
    check("/sandbox/item/fire_webhook", **access, webhook_code="NEW_ACCOUNTS_AVAILABLE", webhook_type="ITEM")
    renewed = check("/item/access_token/invalidate", **access)["new_access_token"]
    check("/item/remove", access_token=renewed)


@pytest.mark.parametrize("persona", ["user_good", "user_living", "user_messy"])
def test_it_returns_liabilities_as_documented(check: Any, plaid: SandboxClient, persona: str) -> None:
    made = plaid.ok(
        "/sandbox/public_token/create",
        institution_id="ins_109508",
        initial_products=["transactions", "liabilities"],
        options={"override_username": persona, "override_password": PASSWORD},
    )
    access = {"access_token": plaid.ok("/item/public_token/exchange", **_only(made, "public_token"))["access_token"]}
    check("/liabilities/get", **access)


def test_it_returns_link_objects_as_documented(check: Any, plaid: SandboxClient) -> None:
    fields = {"client_name": "Plumbline", "language": "en", "country_codes": US, "user": {"client_user_id": "1"}}
    token = check("/link/token/create", **fields, products=["transactions"])["link_token"]
    check("/link/token/create", **fields, products=["transactions"], hosted_link={})
    check("/link/token/get", link_token=token)
    session = links.open_session(plaid.context, link_token=token)
    session = links.choose_institution(plaid.context, session=session, institution_id="ins_109511")
    session = links.submit_credentials(plaid.context, session=session, username="user_good", password="pass_good")
    success = links.finish(plaid.context, session=session, account_ids=[session.choices[0].id])
    exited = links.open_session(plaid.context, link_token=token)
    links.leave(plaid.context, session=exited, status="requires_credentials", error=None)
    check("/link/token/get", link_token=token)
    check("/item/public_token/exchange", public_token=success.public_token)


def test_it_returns_institutions_as_documented(check: Any) -> None:
    full = {"include_optional_metadata": True, "include_status": True}
    check("/institutions/get", count=500, offset=0, country_codes=["US", "CA", "GB"])
    check("/institutions/search", query="bank", country_codes=US, products=["transactions"])
    for place in ("ins_109508", "ins_132361", "ins_132363", "ins_133402", "ins_900101"):
        check("/institutions/get_by_id", institution_id=place, country_codes=US, options=full)


def test_it_returns_keys_and_sandbox_objects_as_documented(check: Any, plaid: SandboxClient) -> None:
    check("/webhook_verification_key/get", key_id=signing.rotate(plaid.context))
    signing.expire(plaid.context)
    options = {"override_username": "user_transactions_dynamic"}
    made = check(
        "/sandbox/public_token/create",
        institution_id="ins_109508",
        initial_products=["transactions"],
        options=options,
    )
    access = {"access_token": plaid.ok("/item/public_token/exchange", **_only(made, "public_token"))["access_token"]}
    today = plaid.context.clock.today().isoformat()
    row = {"date_transacted": today, "date_posted": today, "amount": -3.5, "description": "Refund"}
    check("/sandbox/transactions/create", **access, transactions=[row])


def test_it_returns_stored_data_of_an_item_with_an_error_as_documented(check: Any, plaid: SandboxClient) -> None:
    linked = plaid.link("user_living")
    plaid.admin("POST", f"items/{linked['item_id']}/state", {"error": "ITEM_LOGIN_REQUIRED", "streams": True})
    ahead = (plaid.context.clock.today() + timedelta(days=2)).isoformat()
    row = {"amount": 1, "name": "Gum", "date": ahead}
    plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"add": [row]})
    for path in ("/item/get", "/accounts/get", "/transactions/sync"):
        check(path, **_only(linked, "access_token"))


def test_it_returns_errors_as_documented(plaid: SandboxClient, components: dict[str, Any]) -> None:
    status, body = plaid.call("/item/get", access_token="access-sandbox-nobody")
    schema = {"$ref": "#/components/schemas/PlaidError", "components": components}
    assert status == 400
    assert [problem.message for problem in Draft202012Validator(schema).iter_errors(body)] == []


WEBHOOKS = {
    ("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE"): "SyncUpdatesAvailableWebhook",
    ("TRANSACTIONS", "DEFAULT_UPDATE"): "DefaultUpdateWebhook",
    ("ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED"): "WebhookUpdateAcknowledgedWebhook",
    ("LIABILITIES", "DEFAULT_UPDATE"): "LiabilitiesDefaultUpdateWebhook",
    ("TRANSACTIONS", "RECURRING_TRANSACTIONS_UPDATE"): "RecurringTransactionsUpdateWebhook",
    ("LINK", "SESSION_FINISHED"): "LinkSessionFinishedWebhook",
    ("LINK", "ITEM_ADD_RESULT"): "ItemAddResultWebhook",
    ("LINK", "EVENTS"): "LinkEventsWebhook",
    ("ITEM", "ERROR"): "ItemErrorWebhook",
    ("ITEM", "LOGIN_REPAIRED"): "ItemLoginRepairedWebhook",
    ("ITEM", "NEW_ACCOUNTS_AVAILABLE"): "NewAccountsAvailableWebhook",
    ("ITEM", "PENDING_EXPIRATION"): "PendingExpirationWebhook",
    ("ITEM", "PENDING_DISCONNECT"): "PendingDisconnectWebhook",
    ("ITEM", "USER_PERMISSION_REVOKED"): "UserPermissionRevokedWebhook",
    ("ITEM", "USER_ACCOUNT_REVOKED"): "UserAccountRevokedWebhook",
}


@pytest.mark.parametrize(("kind", "code"), WEBHOOKS)
def test_it_sends_webhooks_as_documented(
    plaid: SandboxClient, components: dict[str, Any], kind: str, code: str
) -> None:
    linked = plaid.link(webhook="http://127.0.0.1:9/")
    webhook = {"item_id": linked["item_id"], "webhook_type": kind, "webhook_code": code}
    [message_id] = plaid.admin("POST", "webhooks", {"action": "fire", **webhook})["ids"]
    [sent] = [message["body"] for message in outbox.messages(plaid.context) if message["id"] == message_id]
    check_webhook(components, sent, WEBHOOKS[kind, code])


def test_it_announces_the_end_of_hosted_link_as_documented(plaid: SandboxClient, components: dict[str, Any]) -> None:
    fields = {"client_name": "Plumbline", "language": "en", "country_codes": US, "user": {"client_user_id": "1"}}
    made = plaid.ok(
        "/link/token/create", **fields, products=["transactions"], hosted_link={}, webhook="http://127.0.0.1:9/"
    )
    session = links.open_session(plaid.context, link_token=made["link_token"])
    links.leave(plaid.context, session=session, status="requires_credentials")
    [sent] = [m["body"] for m in outbox.messages(plaid.context) if m["body"].get("link_token") == made["link_token"]]
    check_webhook(components, sent, "LinkSessionFinishedWebhook")


def check_webhook(components: dict[str, Any], sent: dict[str, Any], schema_name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{schema_name}", "components": components}
    problems = Draft202012Validator(schema).iter_errors(json.loads(json.dumps(sent)))
    assert [f"{problem.json_path}: {problem.message[:200]}" for problem in problems] == []


def _only(response: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: response[name]}
