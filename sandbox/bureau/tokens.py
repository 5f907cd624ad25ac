"""Access tokens, valid for half an hour, for a client's id and secret and a user's name and password.

Clients call the real token endpoint in three styles: JSON with the client in headers, JSON with everything in the body,
and a form. Only digests of tokens are stored. Tokens expire by virtual time, so that advancing the clock expires them.
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
    """Return the response to a valid token request. Raises BureauError."""
    given = _credentials(request)
    # Digests are compared, because ``compare_digest`` refuses text that is not ASCII.
    if not (_same(given["client_id"], context.client_id) and _same(given["client_secret"], context.secret)):
        raise BureauError("bad_client")
    if not (_same(given["username"], USERNAME) and _same(given["password"], PASSWORD)):
        raise BureauError("bad_password")
    return _issue(context)


def style(request: Request) -> str:
    """Return the style of a token request."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return FORM
    return HEADERS if "client_id" in request.headers else BODY


def check(context: AppContext, request: Request) -> None:
    """Check that the request has a valid token. Raises BureauError ``invalid_token``."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = context.store.one("SELECT expires_at FROM bureau_tokens WHERE digest = ?", _hash(token))
    if scheme != "Bearer" or known is None or known["expires_at"] <= stamp(context.clock.now()):
        raise BureauError("invalid_token")


def expire(context: AppContext) -> int:
    """Delete all tokens; return how many there were."""
    return context.store.execute("DELETE FROM bureau_tokens")


def _issue(context: AppContext) -> dict[str, Any]:
    now, until = context.clock.real(), context.clock.now() + LIFETIME
    claims = {"sub": USERNAME, "iat": int(now.timestamp()), "exp": int((now + LIFETIME).timestamp())}
    header = _part(json.dumps({"alg": "RS256", "typ": "JWT"}).encode())
    token = f"{header}.{_part(json.dumps(claims).encode())}.{_part(secrets.token_bytes(64))}"
    context.store.execute("DELETE FROM bureau_tokens WHERE expires_at <= ?", stamp(context.clock.now()))
    context.store.insert("INSERT INTO bureau_tokens (digest, expires_at) VALUES (?, ?)", _hash(token), stamp(until))
    return {
        "issued_at": str(int(now.timestamp() * 1000)),
        "expires_in": int(LIFETIME.total_seconds()),
        "token_type": "Bearer",
        "access_token": token,
        "refresh_token": secrets.token_urlsafe(24),
    }


def _credentials(request: Request) -> dict[str, str]:
    """Return the four credentials, from where the request's style has them."""
    request_style = style(request)
    if request_style == FORM:
        fields = request.form.to_dict()
        if fields.pop("grant_type", "") != "password":
            raise BureauError("bad_grant")
    else:
        fields = _json(request)
        if request_style == BODY and request.headers.get("Grant_type") != "password":
            raise BureauError("bad_grant")
    if request_style == HEADERS:
        fields |= {name: request.headers.get(name, "") for name in CLIENT_FIELDS}
    expected = {*USER_FIELDS, *CLIENT_FIELDS}
    if fields.keys() != expected or not all(isinstance(value, str) and value for value in fields.values()):
        raise BureauError("invalid", f"a token needs exactly {', '.join(sorted(expected))}")
    return fields


def _json(request: Request) -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise BureauError("invalid", "Content-Type must be application/json")
    try:
        return json_object(request)
    except PlaidError as error:
        raise BureauError("invalid", "the body must be a JSON object") from error


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(_hash(given), _hash(known))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
