"""Validation of request bodies. A misspelled or misplaced field is refused, as at Plaid.

The official client sends unknown fields without an error, so only this validation finds a site's mistakes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.errors import PlaidError

CREDENTIALS = frozenset({"client_id", "secret"})


@dataclass(frozen=True)
class Field:
    """One field: a check that returns what a valid value is, or None if the value is valid."""

    check: Callable[[Any, str], str | None]
    required: bool = False
    nullable: bool = False


def accept(shape: Mapping[str, Field], body: Mapping[str, Any], *, where: str = "") -> None:
    """Check a body against its shape.

    Raises PlaidError MISSING_FIELDS, UNKNOWN_FIELDS or INVALID_FIELD; the message names the fields with their path.
    """
    known = shape.keys() | CREDENTIALS if not where else shape.keys()
    missing = [name for name, field in shape.items() if field.required and body.get(name) is None]
    if missing:
        raise PlaidError("MISSING_FIELDS", f"the following required fields are missing: {_names(where, missing)}")
    unknown = [name for name in body if name not in known]
    if unknown:
        raise PlaidError(
            "UNKNOWN_FIELDS",
            f"the following fields are not recognized by this endpoint: {_names(where, unknown)}",
        )
    for name, field in shape.items():
        if name in body:
            _check(field, body[name], where + name)


def _check(field: Field, value: Any, path: str) -> None:
    if value is None and field.nullable:
        return
    if problem := field.check(value, path):
        raise PlaidError("INVALID_FIELD", f"{path} must be {problem}")


def _names(where: str, names: list[str]) -> str:
    return ", ".join(where + name for name in names)


def text(*, least: int = 0, most: int = 65_536, matches: str = "") -> Callable[[Any, str], str | None]:
    """A string of ``least`` to ``most`` characters that matches a pattern, if one is given."""
    pattern = re.compile(matches) if matches else None

    def check(value: Any, path: str) -> str | None:
        if not isinstance(value, str):
            return "a string"
        if not least <= len(value) <= most:
            return f"a string of {least} to {most} characters"
        return None if pattern is None or pattern.fullmatch(value) else "a properly formatted string"

    return check


def one_of(*values: str) -> Callable[[Any, str], str | None]:
    """One of these strings."""
    return lambda value, path: None if value in values else f"one of {', '.join(values)}"


def integer(least: int, most: int) -> Callable[[Any, str], str | None]:
    """An integer in this range; true and 1.0 are not integers."""

    def check(value: Any, path: str) -> str | None:
        is_valid = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if is_valid else f"an integer from {least} to {most}"

    return check


def number(value: Any, path: str) -> str | None:
    """A JSON number."""
    return None if isinstance(value, int | Decimal) and not isinstance(value, bool) else "a number"


def between(least: float, most: float) -> Callable[[Any, str], str | None]:
    """A JSON number in this range."""

    def check(value: Any, path: str) -> str | None:
        return None if number(value, path) is None and least <= value <= most else f"a number from {least} to {most}"

    return check


def money(value: Any, path: str) -> str | None:
    """A finite amount, as a number or as text."""
    try:
        is_valid = isinstance(value, int | Decimal | str) and not isinstance(value, bool) and Decimal(value).is_finite()
    except ArithmeticError:
        is_valid = False
    return None if is_valid else "an amount of money"


def flag(value: Any, path: str) -> str | None:
    """true or false."""
    return None if isinstance(value, bool) else "a boolean"


def day(value: Any, path: str) -> str | None:
    """A date as YYYY-MM-DD."""
    return _parses(date.fromisoformat, value, "a date in the format YYYY-MM-DD")


def instant(value: Any, path: str) -> str | None:
    """A date-time in ISO 8601."""
    return _parses(datetime.fromisoformat, value, "a date-time in ISO 8601")


def list_of(
    check: Callable[[Any, str], str | None], *, least: int = 0, most: int = 500
) -> Callable[[Any, str], str | None]:
    """A list of ``least`` to ``most`` valid values."""

    def check_list(value: Any, path: str) -> str | None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            return f"a list of {least} to {most} entries"
        problems = (check(entry, f"{path}[{place}].") for place, entry in enumerate(value))
        return next((f"a list in which each entry is {problem}" for problem in problems if problem), None)

    return check_list


def object_of(shape: Mapping[str, Field] | None = None) -> Callable[[Any, str], str | None]:
    """An object of this shape; any object for None. An invalid field in it is reported with its path."""

    def check(value: Any, path: str) -> str | None:
        if not isinstance(value, dict):
            return "an object"
        if shape is not None:
            accept(shape, value, where=path if path.endswith(".") else path + ".")
        return None

    return check


def map_of(check: Callable[[Any, str], str | None]) -> Callable[[Any, str], str | None]:
    """An object with any names and valid values."""

    def check_map(value: Any, path: str) -> str | None:
        if not isinstance(value, dict):
            return "an object"
        problems = (check(entry, f"{path}.{name}.") for name, entry in value.items())
        return next((f"an object in which each value is {problem}" for problem in problems if problem), None)

    return check_map


def either(*checks: Callable[[Any, str], str | None]) -> Callable[[Any, str], str | None]:
    """A value that is valid for one of these checks."""

    def check(value: Any, path: str) -> str | None:
        problems = [problem for problem in (check(value, path) for check in checks) if problem]
        return " or ".join(problems) if len(problems) == len(checks) else None

    return check


def _parses(parse: Callable[[str], Any], value: Any, message: str) -> str | None:
    if not isinstance(value, str):
        return message
    try:
        parse(value)
    except ValueError:
        return message
    return None
