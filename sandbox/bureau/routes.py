"""The bureau's URLs, and its admin endpoints."""

from functools import partial
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from sandbox.admin.routes import Handler, serve
from sandbox.bureau import dispatcher, faults, request_log, timelines, tokens
from sandbox.context import AppContext
from sandbox.json_codec import json_response

TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - a path
TABLES = ("bureau_tokens", "bureau_stories", "bureau_faults", "bureau_calls")

Body = dict[str, Any]


def discover(context: AppContext, request: Request) -> Response:
    """The OpenID configuration."""
    base = request.host_url.rstrip("/")
    return json_response(
        {
            "issuer": base,
            "token_endpoint": base + TOKEN_PATH,
            "grant_types_supported": ["password"],
            "scopes_supported": ["openid"],
        }
    )


def refuse_unknown(context: AppContext, request: Request, **_: str) -> Response:
    """Respond to unknown paths and methods of the bureau."""
    known = request.path in (TOKEN_PATH, *dispatcher.REPORT_PATHS)
    return dispatcher.refuse("no_method" if known else "no_path")


def list_personas(context: AppContext, body: Body) -> Body:
    """List the personas, with the details that requests need."""
    return {"personas": timelines.list_personas(context)}


def change_persona(context: AppContext, body: Body, persona: str) -> Body:
    """Set a persona's ``mode`` or ``month``; see ``timelines.change``."""
    return timelines.change(context, persona, body)


def list_calls(context: AppContext, body: Body) -> Body:
    """List the call log; ``?endpoint=`` and ``?persona=`` filter it."""
    return {
        "calls": request_log.list_calls(context, endpoint=body.get("endpoint", ""), persona=body.get("persona", ""))
    }


def clear_calls(context: AppContext, body: Body) -> Body:
    return {"cleared": request_log.clear(context)}


def list_faults(context: AppContext, body: Body) -> Body:
    return {"faults": faults.list_faults(context)}


def add_fault(context: AppContext, body: Body) -> Body:
    """Add a fault; see ``faults``."""
    return {"id": faults.add(context, body)}


def clear_faults(context: AppContext, body: Body) -> Body:
    return {"cleared": faults.clear(context)}


def expire_tokens(context: AppContext, body: Body) -> Body:
    return {"expired": tokens.expire(context)}


def reset(context: AppContext, body: Body) -> Body:
    """Delete all state of the bureau; the clock and the banks stay as they are."""
    with context.store.transaction():
        for table in TABLES:
            context.store.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name
    return {}


def _admin_rule(method: str, path: str, handler: Handler) -> Rule:
    return Rule(f"/_double/bureau/{path}", endpoint=partial(serve, handler=handler), methods=[method])


ROUTES = [
    Rule(TOKEN_PATH, endpoint=dispatcher.grant_token, methods=["POST"]),
    *(Rule(path, endpoint=dispatcher.get_report, methods=["POST"]) for path in dispatcher.REPORT_PATHS),
    Rule("/eits/gdp/v1/request", endpoint=dispatcher.forward, methods=["POST"]),
    Rule("/.well-known/openid-configuration", endpoint=discover, methods=["GET"]),
    *(Rule(f"/{prefix}/<path:rest>", endpoint=refuse_unknown) for prefix in ("oauth2", "consumerservices", "eits")),
    _admin_rule("GET", "personas", list_personas),
    _admin_rule("POST", "personas/<persona>", change_persona),
    _admin_rule("GET", "calls", list_calls),
    _admin_rule("DELETE", "calls", clear_calls),
    _admin_rule("GET", "faults", list_faults),
    _admin_rule("POST", "faults", add_fault),
    _admin_rule("DELETE", "faults", clear_faults),
    _admin_rule("POST", "tokens/expire", expire_tokens),
    _admin_rule("POST", "reset", reset),
]
