"""The bureau's paths, and the operator's levers behind the sandbox's own door."""

from functools import partial
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from sandbox import admin
from sandbox.bureau import dispatcher, faults, request_log, timelines, tokens
from sandbox.context import AppContext
from sandbox.json_codec import json_response

TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - a path
TABLES = ("bureau_tokens", "bureau_stories", "bureau_faults", "bureau_calls")

Body = dict[str, Any]


def discover(context: AppContext, request: Request) -> Response:
    """What clients may look up about tokens."""
    base = request.host_url.rstrip("/")
    return json_response(
        {
            "issuer": base,
            "token_endpoint": base + TOKEN_PATH,
            "grant_types_supported": ["password"],
            "scopes_supported": ["openid"],
        }
    )


def not_here(context: AppContext, request: Request, **_: str) -> Response:
    """A path of the bureau's that is not built, or a method that it does not know."""
    known = request.path in (TOKEN_PATH, *dispatcher.REPORT_PATHS)
    return dispatcher.refuse("no_method" if known else "no_path")


def list_personas(context: AppContext, body: Body) -> Body:
    """The people, with what it takes to find them."""
    return {"personas": timelines.everybody(context)}


def change_persona(context: AppContext, body: Body, persona: str) -> Body:
    """Set a person's ``mode`` or ``month``; see ``stories.change``."""
    return timelines.change(context, persona, body)


def list_calls(context: AppContext, body: Body) -> Body:
    """The call log; ``?endpoint=`` and ``?persona=`` narrow it."""
    return {"calls": request_log.lines(context, endpoint=body.get("endpoint", ""), persona=body.get("persona", ""))}


def clear_calls(context: AppContext, body: Body) -> Body:
    """Forget the call log."""
    return {"cleared": request_log.clear(context)}


def list_faults(context: AppContext, body: Body) -> Body:
    """The faults on order."""
    return {"faults": faults.orders(context)}


def add_fault(context: AppContext, body: Body) -> Body:
    """Order one fault; see ``faults``."""
    return {"id": faults.add(context, body)}


def clear_faults(context: AppContext, body: Body) -> Body:
    """Cancel all faults."""
    return {"cleared": faults.clear(context)}


def expire_tokens(context: AppContext, body: Body) -> Body:
    """End every access token now."""
    return {"expired": tokens.expire(context)}


def reset(context: AppContext, body: Body) -> Body:
    """Forget all that the bureau has been told. The clock and the banks go on."""
    with context.store.transaction():
        for table in TABLES:
            context.store.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name
    return {}


def _lever(method: str, path: str, deed: admin.Deed) -> Rule:
    return Rule(f"/_double/bureau/{path}", endpoint=partial(admin.serve, deed=deed), methods=[method])


ROUTES = [
    Rule(TOKEN_PATH, endpoint=dispatcher.grant_token, methods=["POST"]),
    *(Rule(path, endpoint=dispatcher.tell_report, methods=["POST"]) for path in dispatcher.REPORT_PATHS),
    Rule("/eits/gdp/v1/request", endpoint=dispatcher.forward, methods=["POST"]),
    Rule("/.well-known/openid-configuration", endpoint=discover, methods=["GET"]),
    *(Rule(f"/{room}/<path:rest>", endpoint=not_here) for room in ("oauth2", "consumerservices", "eits")),
    _lever("GET", "personas", list_personas),
    _lever("POST", "personas/<persona>", change_persona),
    _lever("GET", "calls", list_calls),
    _lever("DELETE", "calls", clear_calls),
    _lever("GET", "faults", list_faults),
    _lever("POST", "faults", add_fault),
    _lever("DELETE", "faults", clear_faults),
    _lever("POST", "tokens/expire", expire_tokens),
    _lever("POST", "reset", reset),
]
