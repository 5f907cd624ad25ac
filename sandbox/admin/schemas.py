"""The schemas of the admin endpoints, so that an invalid request is refused before it can break a call."""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.api.fields import (
    Field,
    accept,
    between,
    day,
    either,
    flag,
    instant,
    integer,
    list_of,
    map_of,
    money,
    object_of,
    one_of,
    text,
)
from sandbox.bank.items import STAGES
from sandbox.bank.outages import HEALTH
from sandbox.errors import CATALOGUE, LOGIN_REASONS, PlaidError
from sandbox.webhooks.signing import TAMPERINGS

Shape = Mapping[str, Field]

MANY = 1_000_000_000
A_DAY = 86_400
LONGEST_DAYS = 36_525
DAMAGES = ("missing", "null", "html", "nan", "empty")

TEXT, FLAG, OBJECT, MONEY = Field(text()), Field(flag), Field(object_of()), Field(money, nullable=True)
WORDS = Field(text(), nullable=True)
STATUS = Field(integer(200, 599))

FAULT: Shape = {
    "action": Field(object_of(), required=True),
    "nth": Field(integer(1, MANY)),
    "times": Field(integer(0, MANY), nullable=True),
    "probability": Field(between(0, 1)),
}
ACTIONS: Mapping[str, Shape] = {
    "error": {"code": Field(one_of(*CATALOGUE), required=True), "status": STATUS, "message": TEXT},
    "http": {"status": Field(integer(200, 599), required=True), "body": TEXT, "headers": Field(map_of(text()))},
    "latency": {"ms": Field(between(0, A_DAY * 1000))},
    "hang": {"seconds": Field(between(0, A_DAY))},
    "drop": {"when": Field(one_of("before", "after"))},
    "truncate": {},
    "redirect": {"location": TEXT},
    "malformed": {"how": Field(one_of(*DAMAGES), required=True), "key": TEXT},
    "replace": {"page": OBJECT, "set": OBJECT},
}
CLOCK: Shape = {
    "advance_days": Field(between(0, LONGEST_DAYS)),
    "advance_hours": Field(between(0, LONGEST_DAYS * 24)),
    "advance_seconds": Field(between(0, LONGEST_DAYS * A_DAY)),
}
LIMIT: Shape = dict.fromkeys(("per_item", "per_client"), Field(integer(0, MANY), nullable=True))
LIMITS: Shape = {
    "table": TEXT,
    "scale": Field(between(0, 1000)),
    "overrides": Field(map_of(object_of(LIMIT)), nullable=True),
}
KEY: Shape = {"kid": TEXT}
DELIVERY: Shape = {
    "action": TEXT,
    "times": Field(integer(1, 1000)),
    "tamper": Field(one_of("", *TAMPERINGS)),
    "delay_seconds": Field(between(0, A_DAY)),
}
REPLAY: Shape = {**DELIVERY, "id": Field(integer(1, MANY), required=True)}
FIRE: Shape = {
    **DELIVERY,
    **dict.fromkeys(("item_id", "webhook_type", "webhook_code"), Field(text(least=1), required=True)),
    "contents": OBJECT,
}
OUTAGE: Shape = {"error": Field(one_of("", *CATALOGUE)), "health": Field(one_of(*HEALTH))}
SCENARIO: Shape = {"scenario": Field(text(least=1), required=True), "code": Field(one_of(*CATALOGUE))}
STATE: Shape = {
    "error": Field(one_of("", *CATALOGUE)),
    "error_code_reason": Field(one_of(*LOGIN_REASONS)),
    "streams": FLAG,
    "consent_expires_at": Field(instant, nullable=True),
    "force_status": Field(one_of("", *STAGES)),
    "expire_cursors": FLAG,
    "webhook": FLAG,
}
ROW: Shape = {
    **dict.fromkeys(("transaction_id", "account_id"), Field(text(least=1))),
    **dict.fromkeys(("name", "category", "confidence", "payment_channel"), TEXT),
    **dict.fromkeys(("iso_currency_code", "unofficial_currency_code", "merchant_name"), WORDS),
    **dict.fromkeys(("pending_transaction_id", "original_description", "check_number", "city", "region"), WORDS),
    "amount": Field(money),
    "date": Field(day),
    "authorized_date": Field(day, nullable=True),
    "pending": FLAG,
}
FIGURES: Shape = dict.fromkeys(("current", "available", "limit"), MONEY)
ACCOUNT: Shape = {
    **dict.fromkeys(("name", "type", "subtype"), Field(text(least=1), required=True)),
    **dict.fromkeys(("official_name", "mask", "currency", "unofficial", "persistent"), WORDS),
    **FIGURES,
    "key": Field(text(least=1)),
    "holder": TEXT,
    "liability": Field(object_of(), nullable=True),
}
MUTATION: Shape = {
    "new_account": Field(object_of(ACCOUNT)),
    "offer_account": Field(object_of(ACCOUNT)),
    **dict.fromkeys(("close_account", "revoke_account"), TEXT),
    "rotate_account_ids": FLAG,
    "balances": Field(map_of(object_of(FIGURES))),
    "liabilities": Field(map_of(object_of())),
    "remove": Field(list_of(text())),
    "modify": Field(list_of(object_of(ROW))),
    "keep_pending": FLAG,
    "post_pending": Field(either(flag, list_of(text()))),
    "add": Field(list_of(object_of(ROW))),
    "unfetched": FLAG,
    "webhook": FLAG,
}


def accept_fault(spec: Mapping[str, Any], *, matches: Iterable[str], actions: Mapping[str, Shape]) -> None:
    """Check that a fault has only these match fields and one of these actions. Raises PlaidError."""
    accept({"match": Field(object_of(dict.fromkeys(matches, TEXT)), nullable=True), **FAULT}, spec)
    kind = spec["action"].get("kind")
    if kind not in tuple(actions):
        raise PlaidError("INVALID_FIELD", f"action.kind must be one of {', '.join(actions)}")
    accept({"kind": TEXT, **actions[kind]}, spec["action"], where="action.")
