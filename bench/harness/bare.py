"""The *no-framework page*: the plain dashboard's rows by raw SQL and string formatting, in bare WSGI.

The least that such a page can cost on this server: no framework, no row-level security, one connection per thread, and
the session's signature is not checked.
"""

import base64
import html
import json
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any

import psycopg

SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > now()"
USER = "SELECT id, email FROM accounts_user WHERE id = %s AND is_active"
ACCOUNTS = """
    SELECT item.institution_name, item.checked_at, account.name, account.type, account.current, account.limit
    FROM banking_item AS item JOIN banking_account AS account ON account.item_id = item.id
    WHERE item.owner_id = %s AND item.connection = 'active' AND account.closed_at IS NULL
    ORDER BY item.connected_at, account.name
"""
SPENDING = """
    SELECT category, sum(amount) FILTER (WHERE day >= current_date - 30),
        sum(amount) FILTER (WHERE day >= current_date - 90), sum(amount)
    FROM banking_transaction
    WHERE owner_id = %s AND day >= current_date - 365 AND amount < 0 AND removed_at IS NULL
    GROUP BY category ORDER BY 4
"""
HISTORY = """
    SELECT snapshot.day, sum(snapshot.current)
    FROM banking_balancesnapshot AS snapshot
    JOIN banking_account AS account ON account.owner_id = snapshot.owner_id AND account.id = snapshot.account_id
    WHERE account.owner_id = %s AND account.type = 'depository' AND snapshot.day >= current_date - 91
    GROUP BY snapshot.day ORDER BY snapshot.day
"""
LATEST = """
    SELECT t.day, coalesce(nullif(t.merchant_name, ''), t.name), t.category, t.amount, t.currency, account.name
    FROM banking_transaction AS t JOIN banking_account AS account ON account.id = t.account_id
    WHERE t.owner_id = %s AND t.removed_at IS NULL
    ORDER BY t.day DESC, t.id DESC LIMIT 50
"""

per_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Respond to every path with the overview of the session's user."""
    database = open_connection()
    email, owner = find_user(database, environ["HTTP_COOKIE"].partition("=")[2])
    body = "".join(render_page(database, owner, email)).encode()
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def open_connection() -> psycopg.Connection[Any]:
    """Return the thread's connection, opened at its first request."""
    if not hasattr(per_thread, "connection"):
        per_thread.connection = psycopg.connect(os.environ["DATABASE_OPS_URL"], autocommit=True)
    return per_thread.connection  # type: ignore[no-any-return]


def find_user(database: psycopg.Connection[Any], key: str) -> tuple[str, str]:
    """Return the email address and the id of the session's user, empty if there is none."""
    (data,) = database.execute(SESSION, [sha256(key.encode()).hexdigest()[:40]]).fetchone() or ("",)
    payload = data.split(":")[0]
    text = base64.urlsafe_b64decode(payload.lstrip(".") + "=" * (-len(payload.lstrip(".")) % 4))
    session = json.loads(zlib.decompress(text) if payload.startswith(".") else text)
    owner, email = database.execute(USER, [session["_auth_user_id"]]).fetchone() or ("", "")
    return email, owner


def render_page(database: psycopg.Connection[Any], owner: str, email: str) -> Iterator[str]:
    yield f"<!doctype html><title>Overview</title><p>{html.escape(email)}</p><ul>"
    for bank, checked, name, kind, current, limit in database.execute(ACCOUNTS, [owner]):
        yield f"<li>{html.escape(bank)} {checked:%b %d}: {html.escape(name)} ({kind}) {current:,.2f} {limit or 0:,.2f}"
    yield "</ul><ul>"
    for category, month, quarter, year in database.execute(SPENDING, [owner]):
        yield f"<li>{html.escape(category)}: {month or 0:,.2f}, {quarter or 0:,.2f}, {year:,.2f}"
    points = " ".join(f"{place},{balance:.1f}" for place, (_, balance) in enumerate(database.execute(HISTORY, [owner])))
    yield f'</ul><svg><path d="M{points}"/></svg><table>'
    for day, label, category, amount, currency, account in database.execute(LATEST, [owner]):
        yield f"<tr><td>{day:%b %d}<td>{html.escape(label)}<td>{category}<td>{account}<td>{amount:,.2f} {currency}"
    yield "</table>"
