"""/_double/*: the admin endpoints of the sandbox, which Plaid doesn't have.

Every call carries ``Authorization: Bearer <token>``; the token is SANDBOX_ADMIN_TOKEN or the file ``admin-token``
in the data directory. Bodies are JSON objects; an empty body is an empty object.
"""

import hmac
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from sandbox import faults
from sandbox.admin import scenarios, schemas
from sandbox.api import rate_limits, request_log, serializers
from sandbox.api.fields import accept
from sandbox.bank import accounts, items, mutations, outages, scheduler, transaction_log
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.json_codec import json_object, json_response
from sandbox.webhooks import notifications, outbox, signing

Body = dict[str, Any]
FURTHEST = timedelta(days=schemas.LONGEST_DAYS)
Handler = Callable[..., Any]


def list_faults(context: AppContext, body: Body) -> Body:
    return {"faults": faults.list_faults(context)}


def add_fault(context: AppContext, body: Body) -> Body:
    """Add a fault; see ``faults``."""
    return {"id": faults.add(context, body)}


def clear_faults(context: AppContext, body: Body) -> Body:
    return {"cleared": faults.clear(context)}


def list_requests(context: AppContext, body: Body) -> Body:
    """List the request log; ``?path=`` and ``?item_id=`` filter it."""
    return {"requests": request_log.list_requests(context, path=body.get("path", ""), item_id=body.get("item_id", ""))}


def read_clock(context: AppContext, body: Body) -> Body:
    """Return the virtual time."""
    return {"now": stamp(context.clock.now()), "offset_seconds": context.clock.offset.total_seconds()}


def advance_clock(context: AppContext, body: Body) -> Body:
    """Advance time by ``advance_days``, ``advance_hours``, ``advance_seconds``, and run what is due then."""
    accept(schemas.CLOCK, body)
    step = timedelta(
        days=float(body.get("advance_days", 0)),
        hours=float(body.get("advance_hours", 0)),
        seconds=float(body.get("advance_seconds", 0)),
    )
    if context.clock.offset + step > FURTHEST:
        raise PlaidError("INVALID_FIELD", f"virtual time ends {FURTHEST.days} days ahead")
    context.clock.advance(step)
    scheduler.run_due(context)
    return read_clock(context, body)


def list_items(context: AppContext, body: Body) -> Body:
    """List the Items, without their access tokens."""
    columns = ("item_id", "institution_id", "persona", "products", "webhook", "error", "created_at", "first_synced_at")
    active = items.list_active(context)
    return {
        "items": [{**{n: getattr(item, n) for n in columns}, "stage": items.stage(context, item)} for item in active]
    }


def mutate_item(context: AppContext, body: Body, item_id: str) -> Body:
    """Change an Item's accounts and transactions; see ``mutations.mutate``."""
    return mutations.mutate(context, items.get(context, item_id), body)


def set_item_state(context: AppContext, body: Body, item_id: str) -> Body:
    """Change an Item's error, consent, readiness or cursors; see ``mutations.set_state``."""
    mutations.set_state(context, items.get(context, item_id), body)
    return {"item": serializers.item(context, items.get(context, item_id))}


def control_webhooks(context: AppContext, body: Body) -> Body:
    """Send webhooks again, send any webhook, hold them back or release them.

    ``{"action": "replay", "id", "times", "tamper", "delay_seconds"}``, ``{"action": "fire", "item_id", "webhook_type",
    "webhook_code", "contents"}`` with the same options, ``hold``, or ``release`` with ``order``.
    """
    match body.get("action"):
        case "fire":
            return {"ids": _fire(context, body)}
        case "replay":
            return {"ids": _replay(context, body)}
        case "hold":
            outbox.hold(context)
        case "release":
            outbox.release(context, newest_first=body.get("order") == "reversed")
        case _:
            raise PlaidError("INVALID_FIELD", "action must be replay, fire, hold or release")
    return {}


def set_outage(context: AppContext, body: Body, institution_id: str) -> Body:
    """``{"error": "INSTITUTION_DOWN", "health": "DOWN"}``: the bank's logins and data calls fail; {} ends it."""
    accept(schemas.OUTAGE, body)
    code, health = body.get("error", ""), body.get("health") or ("DOWN" if body.get("error") else "HEALTHY")
    outages.declare(context, institution_id, code, health)
    return {"error": code, "health": health}


def list_scenarios(context: AppContext, body: Body) -> Body:
    """List the scenarios that can happen to an Item."""
    return {
        "scenarios": [{"scenario": name, "title": scenario.title} for name, scenario in scenarios.SCENARIOS.items()]
    }


def run_scenario(context: AppContext, body: Body, item_id: str) -> Body:
    """``{"scenario": "login_required"}``: let a scenario happen to an Item; some need the ``code`` of an error."""
    accept(schemas.SCENARIO, body)
    return {
        "done": scenarios.run_scenario(context, items.get(context, item_id), body["scenario"], body.get("code", ""))
    }


def rotate_keys(context: AppContext, body: Body) -> Body:
    """Sign with a new key from now on."""
    return {"kid": signing.rotate(context)}


def expire_keys(context: AppContext, body: Body) -> Body:
    """Expire the key ``kid``, or all but the newest."""
    accept(schemas.KEY, body)
    return {"expired": signing.expire(context, body.get("kid", ""))}


def list_outbox(context: AppContext, body: Body) -> Body:
    """List all webhooks with their delivery status."""
    return {"webhooks": outbox.messages(context)}


def choose_limits(context: AppContext, body: Body) -> Body:
    """``{"table": "off" | "sandbox" | "production", "scale", "overrides": {path: {"per_item", "per_client"}}}``."""
    accept(schemas.LIMITS, body)
    table, overrides = body.get("table", rate_limits.OFF), body.get("overrides") or {}
    return rate_limits.choose(context, table, overrides, float(body.get("scale", 1)))


def reset(context: AppContext, body: Body) -> Body:
    """Delete everything: Items, tokens, faults, keys, mail, and the clock's offset."""
    context.store.empty()
    return {}


def read_ledger(context: AppContext, body: Body, item_id: str) -> Body:
    """Return an Item's live balances and stored rows, whether or not the site has synced them."""
    item = items.get(context, item_id)
    return {
        "item_id": item_id,
        "stage": items.stage(context, item),
        "accounts": [serializers.account(account) for account in accounts.of_item(context, item_id, live=True)],
        "transactions": [
            {**row, "amount": Decimal(row["amount"])} for row in transaction_log.current(context, item_id)
        ],
    }


def serve(context: AppContext, request: Request, handler: Handler, **parts: str) -> Response:
    """Check the admin token, call the handler, respond with JSON."""
    _authenticate(context, request)
    body = json_object(request) if request.get_data() else {}
    return json_response(handler(context, {**request.args.to_dict(), **body}, **parts))


def _authenticate(context: AppContext, request: Request) -> None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), context.admin_token.encode()):
        raise PlaidError("UNAUTHORIZED_ROUTE_ACCESS")


def _replay(context: AppContext, body: Body) -> list[int]:
    accept(schemas.REPLAY, body)
    tamper, delay = body.get("tamper", ""), float(body.get("delay_seconds", 0))
    try:
        return [outbox.replay(context, body["id"], tamper=tamper, delay=delay) for _ in range(body.get("times", 1))]
    except LookupError as error:
        raise PlaidError("INVALID_FIELD", "id must be the number of a webhook in the outbox") from error


def _fire(context: AppContext, body: Body) -> list[int]:
    accept(schemas.FIRE, body)
    return notifications.send_requested(
        context,
        items.get(context, body["item_id"]),
        body["webhook_type"],
        body["webhook_code"],
        contents=body.get("contents") or {},
        times=body.get("times", 1),
        tamper=body.get("tamper", ""),
        delay=float(body.get("delay_seconds", 0)),
    )


def _rule(method: str, path: str, handler: Handler) -> Rule:
    return Rule(f"/_double/{path}", endpoint=partial(serve, handler=handler), methods=[method])


ROUTES = [
    _rule("GET", "faults", list_faults),
    _rule("POST", "faults", add_fault),
    _rule("DELETE", "faults", clear_faults),
    _rule("GET", "requests", list_requests),
    _rule("GET", "clock", read_clock),
    _rule("POST", "clock", advance_clock),
    _rule("GET", "items", list_items),
    _rule("POST", "items/<item_id>/mutate", mutate_item),
    _rule("POST", "items/<item_id>/state", set_item_state),
    _rule("GET", "scenarios", list_scenarios),
    _rule("POST", "items/<item_id>/scenarios", run_scenario),
    _rule("POST", "institutions/<institution_id>", set_outage),
    _rule("POST", "webhooks", control_webhooks),
    _rule("POST", "keys/rotate", rotate_keys),
    _rule("POST", "keys/expire", expire_keys),
    _rule("GET", "outbox", list_outbox),
    _rule("POST", "limits", choose_limits),
    _rule("POST", "reset", reset),
    _rule("GET", "ledger/<item_id>", read_ledger),
]
