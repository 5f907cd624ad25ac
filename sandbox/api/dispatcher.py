"""The steps of every API call.

In order: parse the body, check the API keys, validate the fields, apply faults, count rate limits, call the endpoint,
apply faults to the response, write the request log.
"""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

import sandbox.api.items
from sandbox import faults
from sandbox.api import accounts, controls, institutions, keys, links, rate_limits, request_log, transactions
from sandbox.api.fields import accept
from sandbox.api.request_schemas import SHAPES
from sandbox.bank import items
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import request_id
from sandbox.json_codec import json_object, json_response

Endpoint = Callable[[AppContext, dict[str, Any]], dict[str, Any]]

ENDPOINTS: dict[str, Endpoint] = {
    **links.ENDPOINTS,
    **sandbox.api.items.ENDPOINTS,
    **accounts.ENDPOINTS,
    **transactions.ENDPOINTS,
    **institutions.ENDPOINTS,
    **keys.ENDPOINTS,
    **controls.ENDPOINTS,
}
CLIENT_ID_LENGTHS = range(8, 65)


class ApiCall:
    """One API call."""

    def __init__(self, context: AppContext, request: Request) -> None:
        self.context = context
        self.request = request
        self.path = request.path
        self.id = request_id()
        self.item_id = ""
        self.code = ""
        self.actions: list[faults.Fault] = []
        self.started = time.monotonic()

    def respond(self) -> Response:
        """Return the response, with injected faults. It is logged even if the connection is dropped."""
        status = 0
        try:
            response = self._respond_with_faults()
            status = response.status_code
            return response
        finally:
            self._record(status)

    def _respond_with_faults(self) -> Response:
        try:
            body = self._accept()
            self.actions = faults.due(self.context, self._fault_context(body))
            replacement = faults.before(self.context, self.actions)
            if replacement is not None:
                return replacement
            rate_limits.count(self.context, self.path, self.item_id)
            result = ENDPOINTS[self.path](self.context, _without_credentials(body))
            if "hosted_link_url" in result:  # The page has the address under which the site calls the sandbox.
                result["hosted_link_url"] = urljoin(self.request.host_url, result["hosted_link_url"])
        except PlaidError as error:
            self.code = error.code
            return faults.after(self.actions, json_response(error.body(self.id), error.status))
        return faults.after(self.actions, json_response({**result, "request_id": self.id}))

    def _accept(self) -> dict[str, Any]:
        """Return the body after checking its API keys and fields."""
        body = json_object(self.request)
        _authenticate(self.context, self.request, body)
        accept(SHAPES[self.path], body)
        return body

    def _fault_context(self, body: dict[str, Any]) -> dict[str, str]:
        """Return the fields of the call that faults match. Also sets ``item_id`` for the log."""
        call = {"path": self.path, "institution_id": str(body.get("institution_id", ""))}
        if item := items.find_by_any_token(self.context, body.get("access_token")):
            self.item_id = item.item_id
            call["institution_id"] = item.institution_id
        return {**call, "item_id": self.item_id}

    def _record(self, status: int) -> None:
        request_log.record(
            self.context,
            path=self.path,
            item_id=self.item_id,
            status=status,
            code=self.code,
            milliseconds=round((time.monotonic() - self.started) * 1000),
            request_id=self.id,
            faults=" ".join(action["kind"] for action in self.actions),
        )


def serve(context: AppContext, request: Request, **_: str) -> Response:
    return ApiCall(context, request).respond()


def _authenticate(context: AppContext, request: Request, body: dict[str, Any]) -> None:
    """Check the API keys in headers or body. Plaid responds to wrong ones with 400."""
    client_id = request.headers.get("Plaid-Client-Id") or body.get("client_id")
    secret = request.headers.get("Plaid-Secret") or body.get("secret")
    absent = [name for name, value in (("client_id", client_id), ("secret", secret)) if not value]
    if absent:
        raise PlaidError("MISSING_FIELDS", f"the following required fields are missing: {', '.join(absent)}")
    if not isinstance(client_id, str) or len(client_id) not in CLIENT_ID_LENGTHS:
        raise PlaidError("INVALID_FIELD", "client_id must be a properly formatted, non-empty string")
    if (client_id, secret) != (context.client_id, context.secret):
        raise PlaidError("INVALID_API_KEYS")


def _without_credentials(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("client_id", "secret")}


ROUTES = [Rule(path, endpoint=serve, methods=["POST"]) for path in ENDPOINTS]
