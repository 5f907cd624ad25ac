"""The call log: what was asked of the bureau and what came of it, without anything that tells who a person is.

No name, no address, no date of birth, no digit of a Social Security number, no token. ``persona`` is the id of the
made-up person that was found.
"""

import json
import re
from typing import Any

from sandbox.clock import stamp
from sandbox.context import AppContext

SCHEMA = """
CREATE TABLE IF NOT EXISTS bureau_calls (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, endpoint TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
    error TEXT NOT NULL, persona TEXT NOT NULL, produced INTEGER NOT NULL, leaked INTEGER NOT NULL,
    faults TEXT NOT NULL, milliseconds INTEGER NOT NULL, facts TEXT NOT NULL
);
"""
KEPT = 10_000
REDACTED = "[redacted]"
SSN = re.compile(r"666-?\d{2}-?\d{4}")


def note(
    context: AppContext,
    *,
    endpoint: str,
    path: str,
    status: int,
    error: str,
    persona: str,
    produced: bool,
    leaked: bool,
    faults: str,
    milliseconds: int,
    facts: dict[str, Any],
) -> None:
    """Write one line; lines beyond the newest ten thousand are dropped. ``status`` 0 means no answer was sent.

    ``produced`` says that a report was made, and would be billed, whether or not it arrived. ``leaked`` says that a
    Social Security number stood in the address or in a header, where it gets written into other people's logs.
    """
    line = context.store.insert(
        "INSERT INTO bureau_calls (at, endpoint, path, status, error, persona, produced, leaked, faults, milliseconds, "
        "facts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        stamp(context.clock.now()),
        endpoint,
        path,
        status,
        error,
        persona,
        produced,
        leaked,
        faults,
        milliseconds,
        json.dumps(facts),
    )
    if line % 500 == 0:
        context.store.execute("DELETE FROM bureau_calls WHERE id <= ?", line - KEPT)


def lines(context: AppContext, *, endpoint: str = "", persona: str = "") -> list[dict[str, Any]]:
    """The lines kept, oldest first, of one endpoint (token, report) or one person if named."""
    rows = context.store.all(
        "SELECT * FROM bureau_calls WHERE ? IN ('', endpoint) AND ? IN ('', persona) ORDER BY id", endpoint, persona
    )
    return [_line(dict(row)) for row in rows]


def clear(context: AppContext) -> int:
    """Forget the log; gives how many lines there were."""
    return context.store.execute("DELETE FROM bureau_calls")


def holds_ssn(*texts: str) -> bool:
    """Whether a number that could be a person's stands in one of these texts."""
    return any(SSN.search(text) for text in texts)


def redact(text: str, *secrets: str) -> str:
    """The text, unless it holds a Social Security number or one of these secrets."""
    is_secret = holds_ssn(text) or any(secret and secret.lower() in text.lower() for secret in secrets)
    return REDACTED if is_secret else text


def _line(row: dict[str, Any]) -> dict[str, Any]:
    facts = json.loads(row.pop("facts"))
    return {**row, "produced": bool(row["produced"]), "leaked": bool(row["leaked"]), **facts}
