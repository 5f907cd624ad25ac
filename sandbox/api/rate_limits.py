"""Plaid's rate limits: calls per minute, for one Item and for the whole client. Off until an operator sets them.

Source: https://plaid.com/docs/errors/rate-limit-exceeded/
"""

from datetime import timedelta
from typing import Any, NamedTuple

from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.json_codec import dumps, loads

SCHEMA = """
CREATE TABLE IF NOT EXISTS hits (path TEXT NOT NULL, item_id TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS hits_in_window ON hits (path, at);
"""
SETTING = "limits"
WINDOW = timedelta(seconds=60)
OFF = "off"


class Limit(NamedTuple):
    """Calls per minute; None is no limit."""

    per_item: int | None
    per_client: int | None


TABLES: dict[str, dict[str, Limit]] = {
    OFF: {},
    "sandbox": {
        "/transactions/sync": Limit(50, 1_000),
        "/transactions/refresh": Limit(2, 100),
        "/transactions/recurring/get": Limit(20, 1_000),
        "/accounts/get": Limit(100, 5_000),
        "/accounts/balance/get": Limit(25, 100),
        "/liabilities/get": Limit(10, 1_000),
        "/item/get": Limit(40, 5_000),
        "/item/remove": Limit(100, 500),
        "/institutions/get": Limit(None, 10),
        "/institutions/get_by_id": Limit(None, 400),
        "/sandbox/transactions/create": Limit(2, 50),
    },
    "production": {
        "/transactions/sync": Limit(50, 2_500),
        "/transactions/refresh": Limit(2, 100),
        "/transactions/recurring/get": Limit(20, 1_000),
        "/accounts/get": Limit(15, 15_000),
        "/accounts/balance/get": Limit(5, 1_200),
        "/liabilities/get": Limit(15, 1_000),
        "/item/get": Limit(15, 5_000),
        "/item/remove": Limit(30, 2_000),
        "/institutions/get": Limit(None, 50),
        "/institutions/get_by_id": Limit(None, 400),
    },
}
# Plaid publishes no codes of their own for the other endpoints; they have RATE_LIMIT.
ITEM_CODES = {
    "/transactions/sync": "TRANSACTIONS_SYNC_LIMIT",
    "/transactions/refresh": "TRANSACTIONS_REFRESH_LIMIT",
    "/accounts/get": "ACCOUNTS_LIMIT",
    "/accounts/balance/get": "BALANCE_LIMIT",
    "/item/get": "ITEM_GET_LIMIT",
    "/sandbox/transactions/create": "SANDBOX_TRANSACTIONS_CREATE_LIMIT",
}
CLIENT_CODES = {
    "/accounts/balance/get": "ACCOUNTS_BALANCE_GET_LIMIT",
    "/institutions/get": "INSTITUTIONS_GET_LIMIT",
    "/institutions/get_by_id": "INSTITUTIONS_GET_BY_ID_LIMIT",
}


def choose(
    context: AppContext, table: str, overrides: dict[str, dict[str, int | None]], scale: float = 1
) -> dict[str, Any]:
    """Set one of the tables, multiplied by ``scale``, with overrides: ``{path: {"per_item": 2, "per_client": None}}``.

    Raises PlaidError INVALID_FIELD for an unknown table.
    """
    if table not in TABLES:
        raise PlaidError("INVALID_FIELD", f"table must be one of {', '.join(TABLES)}")
    context.store.set(SETTING, dumps({"table": table, "overrides": overrides, "scale": scale}))
    context.store.execute("DELETE FROM hits")
    return {"table": table, "limits": {path: limit._asdict() for path, limit in _in_force(context).items()}}


def count(context: AppContext, path: str, item_id: str) -> None:
    """Count one call. Raises PlaidError with the limit's own code (HTTP 429) when the limit is reached."""
    limit = _in_force(context).get(path)
    if limit is None:
        return
    now = context.clock.now()
    with context.store.transaction():
        context.store.execute("DELETE FROM hits WHERE at <= ?", stamp(now - WINDOW))
        if limit.per_item is not None and item_id and _hits(context, path, item_id) >= limit.per_item:
            raise PlaidError(ITEM_CODES.get(path, "RATE_LIMIT"))
        if limit.per_client is not None and _hits(context, path, "") >= limit.per_client:
            raise PlaidError(CLIENT_CODES.get(path, "RATE_LIMIT"))
        context.store.execute("INSERT INTO hits VALUES (?, ?, ?)", path, item_id, stamp(now))


def _in_force(context: AppContext) -> dict[str, Limit]:
    setting = context.store.setting(SETTING)
    if not setting:
        return {}
    chosen = loads(setting)
    scale = float(chosen.get("scale", 1))
    limits = {path: _scale(limit, scale) for path, limit in TABLES[chosen["table"]].items()}
    for path, override in chosen["overrides"].items():
        limits[path] = limits.get(path, Limit(None, None))._replace(**override)
    return limits


def _scale(limit: Limit, scale: float) -> Limit:
    """Multiply a limit; what was limited stays so, with one call at least."""
    return Limit(*(None if calls is None else max(1, round(calls * scale)) for calls in limit))


def _hits(context: AppContext, path: str, item_id: str) -> int:
    row = context.store.one("SELECT COUNT(*) AS n FROM hits WHERE path = ? AND ? IN ('', item_id)", path, item_id)
    return row["n"] if row else 0
