"""Injected faults: what can go wrong between a site and Plaid, matched by path, Item or bank.

A fault is ``{"match": {...}, "action": {...}, "nth": 1, "times": 1, "probability": 1}``. It fires on the
``nth`` matching call and the ones after it, at most ``times`` times (null: always), each with ``probability``.

Actions, by ``kind``:
    error        respond with Plaid's error ``code`` (with ``status`` instead of the usual one)
    http         respond with exactly ``status``, ``body`` and ``headers``
    latency      wait ``ms`` milliseconds, then continue
    hang         wait ``seconds``, then drop the connection
    drop         close the connection without a byte, ``when`` = before or after the endpoint has run
    truncate     run the endpoint and send half of the response under the whole Content-Length
    redirect     respond with 302 to ``location``
    malformed    run the endpoint and damage the response, ``how`` = missing (without ``key``), null (``key`` is
                 null), html, nan (``key`` is NaN) or empty
    replace      run the endpoint and change the response: ``page`` replaces the whole body, then every value of
                 ``set`` is set at its path, as ``{"added.0.account_id": "nobody", "added.*.iso_currency_code": null}``.
                 A cursor in the replaced body is lost; the stored transactions do not change
"""

import json
import random
from typing import Any

from waitress.channel import ClientDisconnected
from werkzeug.wrappers import Response

from sandbox.admin import schemas
from sandbox.api import response_paths
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.json_codec import dumps, json_response, loads

SCHEMA = """
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY, spec TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0
);
"""
PAGE = "<!doctype html><title>Bad gateway</title><h1>502</h1>"

Fault = dict[str, Any]


def add(context: AppContext, spec: Fault) -> int:
    """Add a fault; return its id. Raises PlaidError for an invalid one."""
    schemas.accept_fault(spec, matches=("path", "item_id", "institution_id"), actions=schemas.ACTIONS)
    if spec["action"]["kind"] == "replace" and not {"page", "set"} & set(spec["action"]):
        raise PlaidError("INVALID_FIELD", "replace needs page, set or both")
    return context.store.insert("INSERT INTO faults (spec) VALUES (?)", dumps(spec))


def clear(context: AppContext) -> int:
    """Delete all faults; return how many there were."""
    return context.store.execute("DELETE FROM faults")


def list_faults(context: AppContext) -> list[Fault]:
    """List all faults, each with the number of matching calls and of times that it fired."""
    rows = context.store.all("SELECT * FROM faults ORDER BY id")
    return [{"id": row["id"], "seen": row["seen"], "fired": row["fired"], **loads(row["spec"])} for row in rows]


def due(context: AppContext, call: dict[str, str]) -> list[Fault]:
    """Return the actions for a call with these fields (path, item_id, institution_id), oldest fault first."""
    if context.store.one("SELECT 1 FROM faults") is None:
        return []
    with context.store.transaction():
        return [fault["action"] for fault in list_faults(context) if _fires(context, fault, call)]


def before(context: AppContext, actions: list[Fault]) -> Response | None:
    """Apply actions before the endpoint runs; a response means that it does not run."""
    for action in actions:
        match action["kind"]:
            case "latency":
                context.stopping.wait(float(action.get("ms", 1000)) / 1000)
            case "hang":
                context.stopping.wait(float(action.get("seconds", 60)))
                raise ClientDisconnected
            case "drop" if action.get("when", "before") == "before":
                raise ClientDisconnected
            case "redirect":
                return Response(status=302, headers={"Location": action.get("location", "https://example.com/")})
            case "http":
                return Response(action.get("body", PAGE), action["status"], action.get("headers") or {})
            case "error":
                return _error(action)
    return None


def after(actions: list[Fault], response: Response) -> Response:
    """Apply actions to the endpoint's response."""
    for action in actions:
        match action["kind"]:
            case "drop" if action.get("when") == "after":
                raise ClientDisconnected
            case "truncate":
                response = _truncate(response)
            case "malformed":
                response = _malform(action, response)
            case "replace" if response.status_code == 200:
                response = _replace_values(action, response)
    return response


def matches(fault: Fault, call: dict[str, str]) -> bool:
    """Whether a fault matches a call with these fields."""
    return all(call.get(name) == value for name, value in (fault.get("match") or {}).items())


def is_due(fault: Fault, seen: int) -> bool:
    """Whether a fault fires at its ``seen``-th matching call, by ``nth``, ``times`` and ``probability``."""
    times = fault.get("times", 1)
    is_used_up = times is not None and fault["fired"] >= times
    number = random.Random(f"{fault['id']}/{seen}").random()  # noqa: S311 - the same in every run
    is_chosen = number < float(fault.get("probability", 1))
    return seen >= fault.get("nth", 1) and not is_used_up and is_chosen


def _fires(context: AppContext, fault: Fault, call: dict[str, str]) -> bool:
    if not matches(fault, call):
        return False
    context.store.execute("UPDATE faults SET seen = seen + 1 WHERE id = ?", fault["id"])
    if not is_due(fault, fault["seen"] + 1):
        return False
    context.store.execute("UPDATE faults SET fired = fired + 1 WHERE id = ?", fault["id"])
    return True


def _error(action: Fault) -> Response:
    error = PlaidError(action["code"], action.get("message", ""))
    return json_response(error.body("injectedfault00"), action.get("status") or error.status)


def _truncate(response: Response) -> Response:
    """Send half of the body under the Content-Length of the whole."""
    body = response.get_data()
    truncated = Response([body[: len(body) // 2]], response.status_code, content_type=response.content_type)
    truncated.headers["Content-Length"] = str(len(body))
    return truncated


def _malform(action: Fault, response: Response) -> Response:
    if action["how"] in ("html", "empty"):
        return Response(PAGE if action["how"] == "html" else "", response.status_code, content_type="text/html")
    body = loads(response.get_data())
    holder, key = response_paths.locate(body, str(action.get("key", "request_id")))
    if action["how"] == "missing":
        holder.pop(key, None)
    else:
        holder[key] = None if action["how"] == "null" else float("nan")
    malformed = json.dumps(body, default=float, allow_nan=True)
    return Response(malformed, response.status_code, content_type="application/json")


def _replace_values(action: Fault, response: Response) -> Response:
    """Replace the body by ``page``, if given, and set the values of ``set``; the request id stays."""
    body = loads(response.get_data())
    if "page" in action:
        body = {"request_id": body["request_id"], **action["page"]}
    for path, value in action.get("set", {}).items():
        response_paths.put(body, path, value)
    return json_response(body, response.status_code)
