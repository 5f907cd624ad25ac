"""The requests of the browser: the script and its files, and one POST for each step of a session.

A step is authenticated by its ``link_token`` alone; the client secret never reaches a browser. Every response names the
next view, so the dialog makes no decisions of its own. The response to a refused step is HTTP 200 as well, because
browsers log other statuses as errors: ``{"error": ...}`` contains Plaid's error object with two more keys for the
dialog, ``title`` and ``retry`` (see ``messages.ErrorPane``).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.routing import Rule
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request, Response

from sandbox.bank import links
from sandbox.bank.institutions import Institution
from sandbox.bank.links import AccountChoice, LinkError, Session
from sandbox.context import AppContext
from sandbox.identifiers import request_id
from sandbox.json_codec import json_object, json_response
from sandbox.link import credentials
from sandbox.link.messages import error_pane
from sandbox.personas import Challenge

ASSETS = Path(__file__).parent / "assets"
STATUSES = (
    "requires_credentials",
    "requires_questions",
    "requires_selections",
    "requires_code",
    "choose_device",
    "requires_account_selection",
    "requires_oauth",
    "institution_not_found",
    "institution_not_supported",
)
PRODUCT_LISTS = ("products", "required_if_supported_products", "optional_products", "additional_consented_products")
ERROR_FIELDS = ("error_type", "error_code", "error_message", "display_message")

JsonObject = dict[str, Any]


def asset(context: AppContext, request: Request, name: str) -> Response:
    """Serve ``link-initialize.js`` or one of the files that it loads. Browsers revalidate it each time."""
    response = send_from_directory(ASSETS, name, request.environ, max_age=None)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def step(context: AppContext, request: Request, name: str) -> Response:
    """Execute one step of a session and respond with the next view."""
    body = json_object(request)
    step_id = request_id()
    try:
        response = STEPS[name](context, body)
    except LinkError as error:
        response = {"error": {**error.body(step_id), **error_pane(error.code)._asdict()}}
    return json_response({**response, "request_id": step_id})


def _open(context: AppContext, body: JsonObject) -> JsonObject:
    """Start a session; respond with the site's request, and the bank if it is already known."""
    session = links.open_session(context, link_token=_key(body, "link_token"))
    link_request = session.link_token.request
    return {
        "view": "CREDENTIAL" if session.is_update else "CONSENT",
        "mode": "update" if session.is_update else "connect",
        "link_session_id": session.id,
        "client_name": link_request["client_name"],
        "products": _products(link_request),
        "institution": _bank(session.institution),
        "logins": credentials.as_json(),
    }


def _institutions(context: AppContext, body: JsonObject) -> JsonObject:
    """List the banks that match ``query``."""
    query = _text(body, "query")
    banks = links.search_institutions(context, session=_session(context, body), query=query)
    return {"query": query, "institutions": [_bank(bank) for bank in banks]}


def _credentials(context: AppContext, body: JsonObject) -> JsonObject:
    """Sign in at the bank ``institution_id`` with ``username`` and ``password``."""
    session = _session(context, body)
    if not session.is_update:
        session = links.choose_institution(context, session=session, institution_id=_text(body, "institution_id"))
    username, password = _text(body, "username"), _text(body, "password")
    return _next(context, links.submit_credentials(context, session=session, username=username, password=password))


def _mfa(context: AppContext, body: JsonObject) -> JsonObject:
    """Answer the bank's questions: ``answers``, one for each prompt, in their order."""
    session = _session(context, body)
    return _next(context, links.answer_challenge(context, session=session, answers=_texts(body, "answers")))


def _accounts(context: AppContext, body: JsonObject) -> JsonObject:
    """Share the accounts ``account_ids`` and finish."""
    return _finish(context, _session(context, body), _texts(body, "account_ids"))


def _exit(context: AppContext, body: JsonObject) -> JsonObject:
    """Record that the user closed Link at ``status``, after ``error`` if there was one."""
    session = _session(context, body)
    status, error = body.get("status"), body.get("error")
    error_fields = {name: error.get(name) for name in ERROR_FIELDS} if isinstance(error, dict) else None
    if session.step not in ("finished", "exited"):
        links.leave(context, session=session, status=status if status in STATUSES else "", error=error_fields)
    return {}


STEPS: dict[str, Callable[[AppContext, JsonObject], JsonObject]] = {
    "open": _open,
    "institutions": _institutions,
    "credentials": _credentials,
    "mfa": _mfa,
    "accounts": _accounts,
    "exit": _exit,
}


def _next(context: AppContext, session: Session) -> JsonObject:
    """Return the view after a successful step. An update without account selection is finished."""
    if session.challenge:
        return {"view": "MFA", "mfa": _challenge(session.challenge)}
    if not session.link_token.selects_accounts:
        return _finish(context, session, [])
    return {"view": "SELECT_ACCOUNT", "accounts": [_account(choice) for choice in session.choices]}


def _finish(context: AppContext, session: Session, account_ids: list[str]) -> JsonObject:
    success = links.finish(context, session=session, account_ids=account_ids)
    return {"view": "CONNECTED", "public_token": success.public_token, "metadata": success.metadata}


def _challenge(challenge: Challenge) -> JsonObject:
    """Build a round of questions. Its hint contains the right answers, because these are test logins."""
    answers = [prompt.answer for prompt in challenge.prompts if prompt.answer]
    prompts = [{"label": prompt.label, "options": list(prompt.options)} for prompt in challenge.prompts]
    hint = "In the sandbox the answer is " + ", then ".join(answers) + "." if answers else ""
    return {"type": challenge.kind, "prompts": prompts, "hint": hint}


def _account(choice: AccountChoice) -> JsonObject:
    return {
        "id": choice.id,
        "name": choice.name,
        "mask": choice.mask,
        "type": choice.type,
        "subtype": choice.subtype,
        "ticked": choice.ticked,
    }


def _bank(bank: Institution | None) -> JsonObject | None:
    if bank is None:
        return None
    return {"institution_id": bank.id, "name": bank.name, "url": bank.url, "primary_color": bank.color}


def _products(link_request: JsonObject) -> list[str]:
    """List all products of the request, from all of its product lists."""
    return sorted({product for name in PRODUCT_LISTS for product in link_request.get(name) or []})


def _session(context: AppContext, body: JsonObject) -> Session:
    """Return the session of this token and id. Raises LinkError INVALID_LINK_TOKEN if there is none."""
    link_token, session_id = _key(body, "link_token"), _key(body, "link_session_id")
    return links.get_session(context, link_token=link_token, session_id=session_id)


def _key(body: JsonObject, name: str) -> str:
    """Return a token or id. Raises LinkError INVALID_LINK_TOKEN for anything but a string."""
    value = body.get(name)
    if not isinstance(value, str):
        raise LinkError("INVALID_LINK_TOKEN")
    return value


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise LinkError("INVALID_FIELD", f"{name} must be a string")
    return value


def _texts(body: JsonObject, name: str) -> list[str]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise LinkError("INVALID_FIELD", f"{name} must be a list of strings")
    return value


ROUTES = [
    Rule("/link/v2/stable/<name>", endpoint=asset, methods=["GET"]),
    Rule(f"/link/session/<any({','.join(STEPS)}):name>", endpoint=step, methods=["POST"]),
]
