"""Public tokens, with which a session of Link ends: valid for 30 minutes and for one exchange."""

from datetime import timedelta

from sandbox.bank import items
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import token

SCHEMA = """
CREATE TABLE IF NOT EXISTS public_tokens (
    token TEXT PRIMARY KEY, item_id TEXT NOT NULL, expires_at TEXT NOT NULL, exchanged_at TEXT
);
"""
LIFE = timedelta(minutes=30)


def issue_public_token(context: AppContext, item_id: str) -> str:
    """Create a public token for an Item."""
    made = token("public")
    expires = stamp(context.clock.now() + LIFE)
    context.store.execute("INSERT INTO public_tokens VALUES (?, ?, ?, NULL)", made, item_id, expires)
    return made


def exchange(context: AppContext, *, public_token: str) -> tuple[str, str]:
    """Exchange a public token for (access_token, item_id), once; after an update the access token stays the same.

    Raises PlaidError INVALID_PUBLIC_TOKEN for an unknown, used or expired one.
    """
    now = stamp(context.clock.now())
    with context.store.transaction():
        spent = context.store.execute(
            "UPDATE public_tokens SET exchanged_at = ? WHERE token = ? AND exchanged_at IS NULL AND expires_at > ?",
            *(now, public_token, now),
        )
        if not spent:
            raise PlaidError("INVALID_PUBLIC_TOKEN")
        row = context.store.one("SELECT item_id FROM public_tokens WHERE token = ?", public_token)
        if row is None:
            raise PlaidError("INVALID_PUBLIC_TOKEN")
        known = items.get(context, row["item_id"]).access_token
        return known or items.grant(context, item_id=row["item_id"]), row["item_id"]
