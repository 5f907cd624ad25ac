"""The WSGI application: URL routing and error responses.

A package that serves HTTP has a module ``routes`` with a list ``ROUTES`` of werkzeug ``Rule``; the endpoint of a
rule is a function ``(context, request, **parts_of_the_path) -> Response``. A module with tables has a text
``SCHEMA``. A ``PlaidError`` (``LinkError`` is one) that an endpoint raises becomes Plaid's error JSON.
"""

from collections.abc import Iterable
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

import sandbox.admin.routes
import sandbox.bureau.faults
import sandbox.bureau.request_log
import sandbox.bureau.routes
import sandbox.bureau.timelines
import sandbox.bureau.tokens
import sandbox.console.routes
import sandbox.link.hosted
import sandbox.link.routes
import sandbox.mailbox.routes
from sandbox import faults
from sandbox.api import dispatcher, rate_limits, request_log
from sandbox.bank import (
    accounts,
    items,
    liabilities,
    links,
    outages,
    public_tokens,
    recurring,
    refreshes,
    transaction_log,
)
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import request_id
from sandbox.json_codec import json_response
from sandbox.mailbox import mails
from sandbox.webhooks import outbox, signing

MODULES_WITH_TABLES = (
    items,
    accounts,
    liabilities,
    transaction_log,
    links,
    outages,
    public_tokens,
    recurring,
    refreshes,
    signing,
    outbox,
    faults,
    rate_limits,
    request_log,
    mails,
    sandbox.bureau.tokens,
    sandbox.bureau.timelines,
    sandbox.bureau.faults,
    sandbox.bureau.request_log,
)


class Application:
    """The sandbox as a WSGI callable. Thread-safe."""

    def __init__(self, context: AppContext) -> None:
        """Create every module's tables and collect the routes."""
        self.context = context
        for module in MODULES_WITH_TABLES:
            context.store.create(module.SCHEMA)
        self.map = Map([rule.empty() for rule in _rules()], merge_slashes=False)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self.respond(request)(environ, start_response)

    def respond(self, request: Request) -> Response:
        """Find and call the endpoint; only here errors become responses."""
        try:
            endpoint, parts = self.map.bind_to_environ(request.environ).match()
            response: Response = endpoint(self.context, request, **parts)
            return response
        except (NotFound, MethodNotAllowed):
            return _error_response(PlaidError("NOT_FOUND"))
        except PlaidError as error:
            return _error_response(error)
        except HTTPException as error:
            return Response(error.description, error.code or 500, content_type="text/plain; charset=utf-8")


def healthz(context: AppContext, request: Request) -> Response:
    """Health check: the store can be read."""
    context.store.one("SELECT 1")
    return json_response({"status": "ok"})


def _rules() -> list[Rule]:
    return [
        Rule("/healthz", endpoint=healthz),
        *dispatcher.ROUTES,
        *sandbox.admin.routes.ROUTES,
        *sandbox.link.routes.ROUTES,
        *sandbox.link.hosted.ROUTES,
        *sandbox.mailbox.routes.ROUTES,
        *sandbox.console.routes.ROUTES,
        *sandbox.bureau.routes.ROUTES,
    ]


def _error_response(error: PlaidError) -> Response:
    return json_response(error.body(request_id()), error.status)
