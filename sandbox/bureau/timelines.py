"""Where each person's story stands, and how the bureau treats them: what an operator may change.

A story begins with the first report anybody asks for, unless an operator says which month it is.
"""

from datetime import date
from typing import Any

from sandbox.api.fields import Field, accept, integer, one_of
from sandbox.bureau.months import StoryMonth, month_of_story, plus
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


def advance_month(context: AppContext, persona: Persona) -> StoryMonth:
    """The page that is read today. The first reader opens the story at page 0."""
    today = context.clock.today()
    context.store.execute(
        "INSERT INTO bureau_stories (persona, began) VALUES (?, ?) "
        "ON CONFLICT (persona) DO UPDATE SET began = excluded.began WHERE began = ''",
        persona.id,
        today.isoformat(),
    )
    return _page(context, persona.id)


def mode(context: AppContext, persona: Persona) -> str:
    """How the bureau treats a person: as an operator has said, else as is usual for them."""
    row = context.store.one("SELECT mode FROM bureau_stories WHERE persona = ?", persona.id)
    return (row["mode"] if row else "") or persona.mode


def change(context: AppContext, persona_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Set ``mode`` ("usual" takes a change back) and ``month``, the page that shall be today's.

    Raises PlaidError INVALID_FIELD for an unknown person.
    """
    persona = _get_persona(persona_id)
    accept(CHANGES, body)
    with context.store.transaction():
        context.store.execute("INSERT OR IGNORE INTO bureau_stories (persona) VALUES (?)", persona.id)
        if "mode" in body:
            kept = "" if body["mode"] == "usual" else body["mode"]
            context.store.execute("UPDATE bureau_stories SET mode = ? WHERE persona = ?", kept, persona.id)
        if "month" in body:
            _begin(context, persona, body["month"])
    return describe(context, persona)


def describe(context: AppContext, persona: Persona) -> dict[str, Any]:
    """What an operator sees of a person. ``month`` is null until somebody has asked for a report."""
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
        "month": _page(context, persona.id).number if row and row["began"] else None,
    }


def everybody(context: AppContext) -> list[dict[str, Any]]:
    """All people."""
    return [describe(context, persona) for persona in PERSONAS.values()]


def _begin(context: AppContext, persona: Persona, month: int) -> None:
    """Let the story have begun so long ago that today's page has this number."""
    began = plus(context.clock.today(), -month)
    context.store.execute("UPDATE bureau_stories SET began = ? WHERE persona = ?", began.isoformat(), persona.id)


def _page(context: AppContext, persona_id: str) -> StoryMonth:
    row = context.store.one("SELECT began FROM bureau_stories WHERE persona = ?", persona_id)
    if row is None:
        raise LookupError(f"the story of {persona_id} has not begun")
    return month_of_story(date.fromisoformat(row["began"]), context.clock.today())


def _get_persona(persona_id: str) -> Persona:
    if persona_id not in PERSONAS:
        raise PlaidError("INVALID_FIELD", f"persona must be one of {', '.join(PERSONAS)}")
    return PERSONAS[persona_id]
