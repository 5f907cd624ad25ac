"""The call log: requests to the bureau and their results, without personal data.

It has no name, address, date of birth, digit of a Social Security number or token. ``persona`` is the id of the persona
that was found.
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
MOST_CALLS = 10_000
REDACTED = "[redacted]"
SSN = re.compile(r"666-?\d{2}-?\d{4}")
# A random id in hexadecimal digits can contain nine digits, or a first name such as Ada, by chance.
RANDOM_ID = re.compile(r"\b[0-9a-f]{32}\b")


def record(
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
    details: dict[str, Any],
) -> None:
    """Write one line and delete those before the newest ten thousand. ``status`` 0 means that no response was sent.

    ``produced``: a report was built, and would be billed, whether or not it arrived. ``leaked``: a Social Security
    number was in the URL or in a header, which proxies and servers log.
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
        json.dumps(details),
    )
    if line % 500 == 0:
        context.store.execute("DELETE FROM bureau_calls WHERE id <= ?", line - MOST_CALLS)


def list_calls(context: AppContext, *, endpoint: str = "", persona: str = "") -> list[dict[str, Any]]:
    """List the stored lines, oldest first, of one endpoint (token, report) or persona if given."""
    rows = context.store.all(
        "SELECT * FROM bureau_calls WHERE ? IN ('', endpoint) AND ? IN ('', persona) ORDER BY id", endpoint, persona
    )
    return [_line(dict(row)) for row in rows]


def clear(context: AppContext) -> int:
    """Delete the log; return how many lines there were."""
    return context.store.execute("DELETE FROM bureau_calls")


def holds_ssn(*texts: str) -> bool:
    """Whether one of these texts contains a Social Security number."""
    return any(SSN.search(RANDOM_ID.sub("", text)) for text in texts)


def redact(text: str, *secrets: str) -> str:
    """Replace the text if it contains a Social Security number or one of these secrets."""
    searched = RANDOM_ID.sub("", text).lower()
    is_secret = holds_ssn(text) or any(secret and secret.lower() in searched for secret in secrets)
    return REDACTED if is_secret else text


def _line(row: dict[str, Any]) -> dict[str, Any]:
    details = json.loads(row.pop("facts"))
    return {**row, "produced": bool(row["produced"]), "leaked": bool(row["leaked"]), **details}
