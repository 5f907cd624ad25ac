"""Banks that are in trouble because an operator says so: every login and every data call of their Items fails."""

from sandbox.bank.institutions import Institution, find
from sandbox.context import AppContext
from sandbox.errors import PlaidError

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS outages (institution_id TEXT PRIMARY KEY, code TEXT NOT NULL, health TEXT NOT NULL)"
)
HEALTH = ("HEALTHY", "DEGRADED", "DOWN")


def declare(context: AppContext, institution_id: str, code: str, health: str) -> None:
    """Set a bank's error code, "" for none, and its reported health. Raises PlaidError INVALID_INSTITUTION."""
    if find(institution_id) is None:
        raise PlaidError("INVALID_INSTITUTION")
    context.store.execute("INSERT OR REPLACE INTO outages VALUES (?, ?, ?)", institution_id, code, health)


def check(context: AppContext, institution_id: str) -> None:
    """Raise PlaidError with the code of the bank's outage, if there is one."""
    row = context.store.one("SELECT code FROM outages WHERE institution_id = ?", institution_id)
    if row and row["code"]:
        raise PlaidError(row["code"])


def health_of(context: AppContext, bank: Institution) -> str:
    """Return the health that a bank reports now."""
    row = context.store.one("SELECT health FROM outages WHERE institution_id = ?", bank.id)
    return str(row["health"]) if row else bank.health
