"""Writes values in Python as ``column_sql`` writes them in SQL: the same text for the same value."""

import csv
import io
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from compliance.vault.secret import Secret
from formats.spreadsheets import escape_formula

_encoder: Final = msgspec.json.Encoder()


def to_json_value(value: Any) -> Any:
    """Return a column's value as JSON has it: amounts and times as text, bytes as base64, secrets revealed.

    Raises ``SealError`` for a secret that does not open.
    """
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


def write_json_line(values: Mapping[str, Any]) -> bytes:
    """Write one row as a line of JSON."""
    return _encoder.encode(values) + b"\n"


def write_csv_line(values: Mapping[str, Any]) -> bytes:
    """Write one row as a line of CSV. Texts are safe in a spreadsheet, and numbers stay numbers."""
    line = io.StringIO()
    # With this end of a line, the writer quotes cells with either of its characters. COPY ends lines with the second.
    csv.writer(line, lineterminator="\r\n").writerow(map(_to_csv_cell, values.values()))
    return line.getvalue().removesuffix("\r\n").encode() + b"\n"


def _to_csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        value = msgspec.json.encode(value).decode()
    if isinstance(value, Secret):
        value = value.reveal()
    return escape_formula(value) if isinstance(value, str) else to_json_value(value)
