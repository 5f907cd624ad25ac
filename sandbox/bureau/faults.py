"""Injected faults between a site and the bureau: those that both services share, and the bureau's own.

A fault is ``{"match": {"endpoint", "path", "persona"}, "action": {...}, "nth": 1, "times": 1, "probability": 1}``, as
in ``sandbox.faults``. An endpoint is ``token`` or ``report``.

Actions, by ``kind``, beside ``latency``, ``hang``, ``drop``, ``redirect``, ``http``, ``truncate`` and ``malformed``:
    error        respond with the bureau's error ``name`` (with ``retry_after`` seconds in its header, if given)
    hang_after   build the report, wait ``seconds``, then drop the connection: billed, but not delivered
    half_json    half of the JSON, as a complete HTTP response
    encoding     ``how`` = utf-16, latin-1, bom, gzip (with its header), gzip_unsaid (without it)
    type         ``value`` as the content type
    profiles     ``how`` = none (a response without profiles), empty (with an empty one), twice
    big          pad the response to ``megabytes``
    merge        put ``fields`` into the response's JSON, such as ``{"expires_in": "1800"}``
"""

import gzip
import json
from collections.abc import Callable
from typing import Any

from waitress.channel import ClientDisconnected
from werkzeug.wrappers import Response

import sandbox.faults
from sandbox.admin.schemas import ACTIONS, Shape, accept_fault
from sandbox.api.fields import Field, between, integer, object_of, one_of, text
from sandbox.bureau.errors import CATALOGUE, BureauError
from sandbox.context import AppContext
from sandbox.json_codec import dumps, json_response, loads

SCHEMA = """
CREATE TABLE IF NOT EXISTS bureau_faults (
    id INTEGER PRIMARY KEY, spec TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0
);
"""
SHARED = ("latency", "hang", "drop", "redirect", "http", "truncate", "malformed")
ENCODINGS = ("utf-16", "latin-1", "bom", "gzip", "gzip_unsaid")
PROFILES = ("none", "empty", "twice")
MEGABYTE = 1_000_000
OWN: dict[str, Shape] = {
    "error": {"name": Field(one_of(*CATALOGUE), required=True), "retry_after": Field(integer(0, 1_000_000))},
    "hang_after": {"seconds": Field(between(0, 86_400))},
    "half_json": {},
    "encoding": {"how": Field(one_of(*ENCODINGS), required=True)},
    "type": {"value": Field(text(), required=True)},
    "profiles": {"how": Field(one_of(*PROFILES), required=True)},
    "big": {"megabytes": Field(between(0, 100))},
    "merge": {"fields": Field(object_of(), required=True)},
}
ALLOWED_ACTIONS = {**{kind: ACTIONS[kind] for kind in SHARED}, **OWN}

Fault = dict[str, Any]


def add(context: AppContext, spec: Fault) -> int:
    """Add a fault; return its id. Raises PlaidError for an invalid one."""
    accept_fault(spec, matches=("endpoint", "path", "persona"), actions=ALLOWED_ACTIONS)
    return context.store.insert("INSERT INTO bureau_faults (spec) VALUES (?)", dumps(spec))


def clear(context: AppContext) -> int:
    """Delete all faults; return how many there were."""
    return context.store.execute("DELETE FROM bureau_faults")


def list_faults(context: AppContext) -> list[Fault]:
    """List all faults, each with the number of matching calls and of times that it fired."""
    rows = context.store.all("SELECT * FROM bureau_faults ORDER BY id")
    return [{"id": row["id"], "seen": row["seen"], "fired": row["fired"], **loads(row["spec"])} for row in rows]


def due(context: AppContext, call: dict[str, str]) -> list[Fault]:
    """Return the actions for a call with these fields (endpoint, path, persona), oldest fault first."""
    if context.store.one("SELECT 1 FROM bureau_faults") is None:
        return []
    with context.store.transaction():
        return [fault["action"] for fault in list_faults(context) if _fires(context, fault, call)]


def before(context: AppContext, actions: list[Fault]) -> Response | None:
    """Apply actions before the call is processed; a response means that it is not."""
    for action in actions:
        if action["kind"] == "error":
            return _error(action)
        if action["kind"] in SHARED and (instead := sandbox.faults.before(context, [action])) is not None:
            return instead
    return None


def after(context: AppContext, actions: list[Fault], response: Response) -> Response:
    """Apply actions to the response."""
    for action in actions:
        if action["kind"] == "hang_after":
            context.stopping.wait(float(action.get("seconds", 60)))
            raise ClientDisconnected
        damage = DAMAGES.get(action["kind"])
        response = damage(action, response) if damage else sandbox.faults.after([action], response)
    return response


def _fires(context: AppContext, fault: Fault, call: dict[str, str]) -> bool:
    if not sandbox.faults.matches(fault, call):
        return False
    context.store.execute("UPDATE bureau_faults SET seen = seen + 1 WHERE id = ?", fault["id"])
    if not sandbox.faults.is_due(fault, fault["seen"] + 1):
        return False
    context.store.execute("UPDATE bureau_faults SET fired = fired + 1 WHERE id = ?", fault["id"])
    return True


def _error(action: Fault) -> Response:
    error = BureauError(action["name"])
    response = json_response(error.body(), error.status)
    response.headers.update(error.headers)
    if "retry_after" in action:
        response.headers["Retry-After"] = str(action["retry_after"])
    return response


def _half_json(action: Fault, response: Response) -> Response:
    body = response.get_data()
    return _with_body(response, body[: len(body) // 2])


def _recode(action: Fault, response: Response) -> Response:
    """Encode the text differently; JSON must be UTF-8."""
    text = json.dumps(loads(response.get_data()), ensure_ascii=False)
    match action["how"]:
        case "gzip" | "gzip_unsaid":
            packed = _with_body(response, gzip.compress(text.encode(), mtime=0))
            if action["how"] == "gzip":
                packed.headers["Content-Encoding"] = "gzip"
            return packed
        case "bom":
            return _with_body(response, text.encode("utf-8-sig"))
        case how:
            return _with_body(response, text.encode(how, errors="replace"))


def _set_content_type(action: Fault, response: Response) -> Response:
    response.headers["Content-Type"] = action["value"]
    return response


def _profiles(action: Fault, response: Response) -> Response:
    body = loads(response.get_data())
    profiles = body.get("creditProfile", [])
    match action["how"]:
        case "none":
            body.pop("creditProfile", None)
        case "empty":
            body["creditProfile"] = [{}]
        case "twice":
            body["creditProfile"] = [*profiles, *profiles]
    return _with_body(response, dumps(body).encode())


def _big(action: Fault, response: Response) -> Response:
    body = loads(response.get_data())
    body["padding"] = "0" * int(float(action.get("megabytes", 10)) * MEGABYTE)
    return _with_body(response, dumps(body).encode())


def _merge_fields(action: Fault, response: Response) -> Response:
    return _with_body(response, dumps({**loads(response.get_data()), **action["fields"]}).encode())


def _with_body(response: Response, body: bytes) -> Response:
    return Response(body, response.status_code, content_type=response.content_type)


DAMAGES: dict[str, Callable[[Fault, Response], Response]] = {
    "half_json": _half_json,
    "encoding": _recode,
    "type": _set_content_type,
    "profiles": _profiles,
    "big": _big,
    "merge": _merge_fields,
}
