"""The WSGI application: which path leads to which room.

A room that serves HTTP has a module ``routes`` with a list ``ROUTES`` of werkzeug ``Rule``; the endpoint of a
rule is a function ``(world, request, **parts_of_the_path) -> Response``. A room with tables has a text
``SCHEMA``. A ``PlaidError`` (``LinkError`` is one) raised by an endpoint is answered as Plaid's error JSON.
"""

from collections.abc import Iterable
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sandbox import accounts, admin, api, faults, items, journal, ledger, limits, links, outbox, refreshing, signing
from sandbox.bureau import calls as bureau_calls
from sandbox.bureau import faults as bureau_faults
from sandbox.bureau import routes as bureau_routes
from sandbox.bureau import stories as bureau_stories
from sandbox.bureau import tokens as bureau_tokens
from sandbox.errors import PlaidError
from sandbox.identifiers import request_id
from sandbox.link import routes as link_routes
from sandbox.mailbox import mails
from sandbox.mailbox import routes as mailbox_routes
from sandbox.wire import json_response
from sandbox.world import World

ROOMS = (
    items,
    accounts,
    ledger,
    links,
    refreshing,
    signing,
    outbox,
    faults,
    limits,
    journal,
    mails,
    bureau_tokens,
    bureau_stories,
    bureau_faults,
    bureau_calls,
)


class Application:
    """The sandbox as a WSGI callable. Safe to call from many threads."""

    def __init__(self, world: World) -> None:
        """Make the tables of every room and learn the routes."""
        self.world = world
        for room in ROOMS:
            world.store.create(room.SCHEMA)
        self.map = Map([rule.empty() for rule in _rules()], merge_slashes=False)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        return self.answer(request)(environ, start_response)

    def answer(self, request: Request) -> Response:
        """Find the endpoint and run it; errors become answers here and nowhere else."""
        try:
            endpoint, parts = self.map.bind_to_environ(request.environ).match()
            answer: Response = endpoint(self.world, request, **parts)
            return answer
        except (NotFound, MethodNotAllowed):
            return _refusal(PlaidError("NOT_FOUND"))
        except PlaidError as error:
            return _refusal(error)
        except HTTPException as error:
            return Response(error.description, error.code or 500, content_type="text/plain; charset=utf-8")


def healthz(world: World, request: Request) -> Response:
    """Tell a supervisor that the sandbox answers and its store can be read."""
    world.store.one("SELECT 1")
    return json_response({"status": "ok"})


def _rules() -> list[Rule]:
    return [
        Rule("/healthz", endpoint=healthz),
        *api.ROUTES,
        *admin.ROUTES,
        *link_routes.ROUTES,
        *mailbox_routes.ROUTES,
        *bureau_routes.ROUTES,
    ]


def _refusal(error: PlaidError) -> Response:
    return json_response(error.body(request_id()), error.status)
