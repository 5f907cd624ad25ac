"""The current month and mode of each persona, which the operator can change.

Month 0 is the month of the first requested report, unless the operator sets the current month.
"""

from datetime import date
from typing import Any

from sandbox.api.fields import Field, accept, integer, one_of
from sandbox.bureau.months import ReportMonth, current_report_month, plus
from sandbox.bureau.personas import PERSONAS, Persona
from sandbox.context import AppContext
from sandbox.errors import PlaidError

SCHEMA = """
CREATE TABLE IF NOT EXISTS bureau_stories (
    persona TEXT PRIMARY KEY, began TEXT NOT NULL DEFAULT '', mode TEXT NOT NULL DEFAULT ''
);
"""
MODES = ("normal", "frozen", "frozen_422", "no_hit", "no_hit_message", "empty", "mismatch", "alert_list")
CHANGES = {"mode": Field(one_of("usual", *MODES)), "month": Field(integer(0, 240))}


def advance_month(context: AppContext, persona: Persona) -> ReportMonth:
    """Return the month of a report of today. The first request starts at month 0."""
    today = context.clock.today()
    context.store.execute(
        "INSERT INTO bureau_stories (persona, began) VALUES (?, ?) "
        "ON CONFLICT (persona) DO UPDATE SET began = excluded.began WHERE began = ''",
        persona.id,
        today.isoformat(),
    )
    return _current_month(context, persona.id)


def mode(context: AppContext, persona: Persona) -> str:
    """Return the persona's mode: the operator's, else its default."""
    row = context.store.one("SELECT mode FROM bureau_stories WHERE persona = ?", persona.id)
    return (row["mode"] if row else "") or persona.mode


def change(context: AppContext, persona_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Set ``mode`` ("usual" restores the default) and ``month``, the current month.

    Raises PlaidError INVALID_FIELD for an unknown persona.
    """
    persona = _get_persona(persona_id)
    accept(CHANGES, body)
    with context.store.transaction():
        context.store.execute("INSERT OR IGNORE INTO bureau_stories (persona) VALUES (?)", persona.id)
        if "mode" in body:
            stored = "" if body["mode"] == "usual" else body["mode"]
            context.store.execute("UPDATE bureau_stories SET mode = ? WHERE persona = ?", stored, persona.id)
        if "month" in body:
            _set_month(context, persona, body["month"])
    return describe(context, persona)


def describe(context: AppContext, persona: Persona) -> dict[str, Any]:
    """Describe a persona to the operator. ``month`` is null before the first report."""
    row = context.store.one("SELECT began FROM bureau_stories WHERE persona = ?", persona.id)
    return {
        "id": persona.id,
        "about": persona.about,
        "first_name": persona.first_name,
        "surname": persona.surname,
        "ssn": persona.ssn,
        "dob": persona.birth.strftime("%m%d%Y"),
        "line1": f"{persona.address.number} {persona.address.street} {persona.address.suffix}",
        "city": persona.address.city,
        "state": persona.address.state,
        "zip": persona.address.zip_code,
        "mode": mode(context, persona),
        "month": _current_month(context, persona.id).number if row and row["began"] else None,
    }


def list_personas(context: AppContext) -> list[dict[str, Any]]:
    return [describe(context, persona) for persona in PERSONAS.values()]


def _set_month(context: AppContext, persona: Persona, month: int) -> None:
    """Set the date of month 0 so that the current month has this number."""
    began = plus(context.clock.today(), -month)
    context.store.execute("UPDATE bureau_stories SET began = ? WHERE persona = ?", began.isoformat(), persona.id)


def _current_month(context: AppContext, persona_id: str) -> ReportMonth:
    row = context.store.one("SELECT began FROM bureau_stories WHERE persona = ?", persona_id)
    if row is None:
        raise LookupError(f"{persona_id} has no report yet")
    return current_report_month(date.fromisoformat(row["began"]), context.clock.today())


def _get_persona(persona_id: str) -> Persona:
    if persona_id not in PERSONAS:
        raise PlaidError("INVALID_FIELD", f"persona must be one of {', '.join(PERSONAS)}")
    return PERSONAS[persona_id]
