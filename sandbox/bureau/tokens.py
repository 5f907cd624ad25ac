"""Access tokens: half an hour for a client's id and secret together with a user's name and password.

The real token endpoint is called in three ways, and all are in use: JSON with the client in headers, JSON with
everything in the body, and a form. Only digests of tokens are kept. A token's age is virtual, so that advancing the
clock ends it.
"""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Request

from sandbox.bureau.errors import BureauError
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.json_codec import json_object

SCHEMA = """
CREATE TABLE IF NOT EXISTS bureau_tokens (digest TEXT PRIMARY KEY, expires_at TEXT NOT NULL);
"""
USERNAME, PASSWORD = "bureau_user", "bureau_pass"
LIFETIME = timedelta(minutes=30)
USER_FIELDS, CLIENT_FIELDS = ("username", "password"), ("client_id", "client_secret")
HEADERS, BODY, FORM = "headers", "body", "form"


def grant(context: AppContext, request: Request) -> dict[str, Any]:
    """The answer to a good request for a token. Raises BureauError for any other."""
    given = _credentials(request)
    # The digests of both sides are compared, so that odd characters cannot break the comparison.
    if not (_same(given["client_id"], context.client_id) and _same(given["client_secret"], context.secret)):
        raise BureauError("bad_client")
    if not (_same(given["username"], USERNAME) and _same(given["password"], PASSWORD)):
        raise BureauError("bad_password")
    return _issue(context)


def style(request: Request) -> str:
    """In which of the three ways a token is asked for."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return FORM
    return HEADERS if "client_id" in request.headers else BODY


def check(context: AppContext, request: Request) -> None:
    """Let in whoever carries a living token. Raises BureauError ``invalid_token``."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = context.store.one("SELECT expires_at FROM bureau_tokens WHERE digest = ?", _digest(token))
    if scheme != "Bearer" or known is None or known["expires_at"] <= stamp(context.clock.now()):
        raise BureauError("invalid_token")


def expire(context: AppContext) -> int:
    """End every token now; gives how many there were."""
    return context.store.execute("DELETE FROM bureau_tokens")


def _issue(context: AppContext) -> dict[str, Any]:
    now, until = context.clock.real(), context.clock.now() + LIFETIME
    claims = {"sub": USERNAME, "iat": int(now.timestamp()), "exp": int((now + LIFETIME).timestamp())}
    header = _part(json.dumps({"alg": "RS256", "typ": "JWT"}).encode())
    token = f"{header}.{_part(json.dumps(claims).encode())}.{_part(secrets.token_bytes(64))}"
    context.store.execute("DELETE FROM bureau_tokens WHERE expires_at <= ?", stamp(context.clock.now()))
    context.store.insert("INSERT INTO bureau_tokens (digest, expires_at) VALUES (?, ?)", _digest(token), stamp(until))
    return {
        "issued_at": str(int(now.timestamp() * 1000)),
        "expires_in": int(LIFETIME.total_seconds()),
        "token_type": "Bearer",
        "access_token": token,
        "refresh_token": secrets.token_urlsafe(24),
    }


def _credentials(request: Request) -> dict[str, str]:
    """The four credentials, each found where its style puts it."""
    how = style(request)
    if how == FORM:
        fields = request.form.to_dict()
        if fields.pop("grant_type", "") != "password":
            raise BureauError("bad_grant")
    else:
        fields = _json(request)
        if how == BODY and request.headers.get("Grant_type") != "password":
            raise BureauError("bad_grant")
    if how == HEADERS:
        fields |= {name: request.headers.get(name, "") for name in CLIENT_FIELDS}
    wanted = {*USER_FIELDS, *CLIENT_FIELDS}
    if fields.keys() != wanted or not all(isinstance(value, str) and value for value in fields.values()):
        raise BureauError("invalid", f"a token needs exactly {', '.join(sorted(wanted))}")
    return fields


def _json(request: Request) -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise BureauError("invalid", "Content-Type must be application/json")
    try:
        return json_object(request)
    except PlaidError as error:
        raise BureauError("invalid", "the body must be a JSON object") from error


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(_digest(given), _digest(known))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
