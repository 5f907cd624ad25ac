"""Faults on order: what can go wrong between a site and Plaid, set off by path, Item or bank.

A fault is ``{"match": {...}, "action": {...}, "nth": 1, "times": 1, "probability": 1}``. It fires on the
``nth`` matching call and the ones after it, at most ``times`` times (null: always), each with ``probability``.

Actions, by ``kind``:
    error        answer Plaid's error ``code`` (with ``status`` instead of the usual one)
    http         answer ``status``, ``body`` and ``headers`` exactly
    latency      wait ``ms`` milliseconds, then go on
    hang         wait ``seconds``, then drop the connection
    drop         close the connection without a byte, ``when`` = before or after the work is done
    truncate     do the work, promise the whole answer and send half of it
    redirect     answer 302 to ``location``
    malformed    do the work and spoil the answer, ``how`` = missing (drop ``key``), null (empty ``key``), html,
                 nan (``key`` becomes NaN) or empty
    replace      do the work and answer something else: ``page`` instead of the whole body, then every value of
                 ``set`` at its path, as ``{"added.0.account_id": "nobody", "added.*.iso_currency_code": null}``.
                 The cursor that an answer really had is lost with it; the ledger knows nothing of all this
"""

import json
import random
from typing import Any

from waitress.channel import ClientDisconnected
from werkzeug.wrappers import Response

from sandbox.api import control_schemas, response_paths
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
    """Order a fault; gives its id. Raises PlaidError for one that could never work."""
    control_schemas.accept_fault(spec, matches=("path", "item_id", "institution_id"), actions=control_schemas.ACTIONS)
    if spec["action"]["kind"] == "replace" and not {"page", "set"} & set(spec["action"]):
        raise PlaidError("INVALID_FIELD", "replace needs page, set or both")
    return context.store.insert("INSERT INTO faults (spec) VALUES (?)", dumps(spec))


def clear(context: AppContext) -> int:
    """Cancel every fault; gives how many there were."""
    return context.store.execute("DELETE FROM faults")


def list_faults(context: AppContext) -> list[Fault]:
    """Every fault with how many calls it has seen and how often it fired."""
    rows = context.store.all("SELECT * FROM faults ORDER BY id")
    return [{"id": row["id"], "seen": row["seen"], "fired": row["fired"], **loads(row["spec"])} for row in rows]


def due(context: AppContext, facts: dict[str, str]) -> list[Fault]:
    """The actions to apply to a call with these facts (path, item_id, institution_id), in the order they were made."""
    if context.store.one("SELECT 1 FROM faults") is None:
        return []
    with context.store.transaction():
        return [order["action"] for order in list_faults(context) if _fires(context, order, facts)]


def before(context: AppContext, actions: list[Fault]) -> Response | None:
    """Apply what comes before the work; an answer means the work is not done at all."""
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


def after(actions: list[Fault], answer: Response) -> Response:
    """Apply what comes after the work to the answer that would have been given."""
    for action in actions:
        match action["kind"]:
            case "drop" if action.get("when") == "after":
                raise ClientDisconnected
            case "truncate":
                answer = _truncate(answer)
            case "malformed":
                answer = _malform(action, answer)
            case "replace" if answer.status_code == 200:
                answer = _replace_values(action, answer)
    return answer


def concerns(order: Fault, facts: dict[str, str]) -> bool:
    """Whether an order means a call with these facts."""
    return all(facts.get(name) == value for name, value in (order.get("match") or {}).items())


def strikes(order: Fault, seen: int) -> bool:
    """Whether an order fires at its ``seen``-th matching call: not too early, not spent, and with luck."""
    times = order.get("times", 1)
    spent = times is not None and order["fired"] >= times
    chance = random.Random(f"{order['id']}/{seen}").random()  # noqa: S311 - the same at every run, which is the point
    lucky = chance < float(order.get("probability", 1))
    return seen >= order.get("nth", 1) and not spent and lucky


def _fires(context: AppContext, order: Fault, facts: dict[str, str]) -> bool:
    if not concerns(order, facts):
        return False
    context.store.execute("UPDATE faults SET seen = seen + 1 WHERE id = ?", order["id"])
    if not strikes(order, order["seen"] + 1):
        return False
    context.store.execute("UPDATE faults SET fired = fired + 1 WHERE id = ?", order["id"])
    return True


def _error(action: Fault) -> Response:
    error = PlaidError(action["code"], action.get("message", ""))
    return json_response(error.body("injectedfault00"), action.get("status") or error.status)


def _truncate(answer: Response) -> Response:
    """Half the body under the length of the whole."""
    body = answer.get_data()
    cut = Response([body[: len(body) // 2]], answer.status_code, content_type=answer.content_type)
    cut.headers["Content-Length"] = str(len(body))
    return cut


def _malform(action: Fault, answer: Response) -> Response:
    if action["how"] in ("html", "empty"):
        return Response(PAGE if action["how"] == "html" else "", answer.status_code, content_type="text/html")
    body = loads(answer.get_data())
    holder, key = response_paths.locate(body, str(action.get("key", "request_id")))
    if action["how"] == "missing":
        holder.pop(key, None)
    else:
        holder[key] = None if action["how"] == "null" else float("nan")
    spoiled = json.dumps(body, default=float, allow_nan=True)
    return Response(spoiled, answer.status_code, content_type="application/json")


def _replace_values(action: Fault, answer: Response) -> Response:
    """The page of the order, or the true one, with the values of the order in it; a page keeps the request's id."""
    body = loads(answer.get_data())
    if "page" in action:
        body = {"request_id": body["request_id"], **action["page"]}
    for path, value in action.get("set", {}).items():
        response_paths.put(body, path, value)
    return json_response(body, answer.status_code)
