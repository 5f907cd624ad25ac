"""Read one object of Experian's JSON tolerantly: an invalid value becomes a warning, and nothing raises.

Experian copies the fields of fixed-width segments into JSON. So every scalar is text padded with zeros, an empty
field has no key, and a section is usually an array but sometimes a single object. Warnings name the path and never
the value, except for short codes.
"""

import calendar
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from credit.report import ParseWarning, PartialDate, Precision

MAX_WARNINGS = 1000
# Ten times the largest section in a real report. A million empty rows would keep a worker busy for minutes.
MAX_ROWS = 1000
MAX_TEXT_LENGTH, MAX_STATEMENT_LENGTH = 120, 1000
# What Experian sends for a value that it does not have.
UNSTATED = frozenset({"UNKNOWN", "UNK", "N/A"})
FIRST_YEAR = 1900

_CODE = re.compile(r"[A-Za-z0-9]{1,4}")
_AMOUNT = re.compile(r"-?[0-9]{1,12}")
_DIGITS = re.compile(r"[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{8}")
_SHORT_DATE = re.compile(r"[0-9]{6}")

Meaning = TypeVar("Meaning")


@dataclass(slots=True)
class WarningList:
    """The warnings collected while a report is parsed, at most ``MAX_WARNINGS`` of them."""

    asof: date
    entries: list[ParseWarning] = field(default_factory=list)

    def note(self, path: str, problem: str, code: str = "") -> None:
        """Add a warning. Of the bureau's own text it keeps only a short code."""
        if len(self.entries) < MAX_WARNINGS:
            self.entries.append(ParseWarning(path, problem, code if _CODE.fullmatch(code) else ""))
        elif len(self.entries) == MAX_WARNINGS:
            self.entries.append(ParseWarning("", "too_many_warnings"))


class Node:
    """One object of the report and its path."""

    __slots__ = ("_fields", "_warnings", "path")

    def __init__(self, fields: Mapping[str, Any], path: str, warnings: WarningList) -> None:
        self._fields = fields
        self._warnings = warnings
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def note(self, name: str, problem: str, code: str = "") -> None:
        """Add a warning about one field, or about the object itself if ``name`` is empty."""
        self._warnings.note(f"{self.path}.{name}" if name else self.path, problem, code)

    # --- Sections ---------------------------------------------------------------------------------------------

    def nodes(self, name: str) -> list["Node"]:
        """The objects of a section that are not empty, whether the section is an array, an object, null or missing."""
        return list(self._iterate_nodes(name, self._fields.get(name)))

    def holds(self, name: str) -> bool:
        """Whether a section has any object that is not empty."""
        value = self._fields.get(name)
        return any(isinstance(row, dict) and row for row in (value if isinstance(value, list) else [value]))

    def node(self, name: str) -> "Node":
        """The first object of a section, or an empty one."""
        return next(iter(self.nodes(name)), Node({}, f"{self.path}.{name}", self._warnings))

    def codes(self, name: str) -> list[str]:
        """The short texts of a list; a lone text counts as a list of one."""
        value = self._fields.get(name)
        return [code.strip() for code in (value if isinstance(value, list) else [value]) if isinstance(code, str)]

    def _iterate_nodes(self, name: str, value: object) -> Iterator["Node"]:
        if value is None or value == "":
            return
        rows = value if isinstance(value, list) else [value]
        if len(rows) > MAX_ROWS:
            self.note(name, "too_many_rows")
        for index, row in enumerate(rows[:MAX_ROWS]):
            path = f"{self.path}.{name}[{index}]"
            if isinstance(row, dict) and row:
                yield Node(row, path, self._warnings)
            elif row not in (None, {}):
                self._warnings.note(path, "not_an_object")

    # --- Scalars ----------------------------------------------------------------------------------------------

    def text(self, name: str, max_length: int = MAX_TEXT_LENGTH) -> str:
        """A text on one line, without characters that cannot be stored or shown. Missing is empty."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "not_a_text")
            return ""
        if value.isalnum():
            return value[:max_length]
        return " ".join(_replace_unprintable(value).split())[:max_length]

    def marks(self, name: str, max_length: int) -> str:
        """A text in which every position counts, so blanks stay, except at the end."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "not_a_text")
            return ""
        return _replace_unprintable(value[:max_length]).rstrip()

    def amount(self, *names: str, signed: bool = False) -> int | None:
        """Whole dollars. ``UNKNOWN``, blanks and a missing field are ``None`` and never zero.

        Further names are misspelled keys that Experian is known to send.
        """
        name = self._key_in_use(names)
        text = self._figure(name)
        if not text:
            return None
        if not _AMOUNT.fullmatch(text):
            self.note(name, "unstated" if text.upper() in UNSTATED else "bad_amount")
            return None
        value = int(text)
        if value < 0 and not signed:
            self.note(name, "negative_amount")
            return None
        return value

    def number(self, name: str) -> int | None:
        """A count or a rank. Missing is ``None``."""
        text = self._figure(name)
        if not text:
            return None
        if not _DIGITS.fullmatch(text):
            self.note(name, "bad_number")
            return None
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether a field says yes. An unknown value adds a warning and counts as no."""
        text = self.text(name).upper()
        if text not in ("", "Y", "N", "TRUE", "FALSE"):
            self.note(name, "bad_flag", text)
        return text in ("Y", "TRUE")

    def short_day(self, name: str) -> PartialDate | None:
        """A day MMDDYY of this century or, if that is in the future, of the last one. Else ``None`` and no warning."""
        text, century = self._figure(name), self._warnings.asof.year // 100
        if not _SHORT_DATE.fullmatch(text):
            return None
        days = (parse_date(f"{text[:4]}{first_digits}{text[4:]}") for first_digits in (century, century - 1))
        past_days = (day for day in days if day and day.precision is Precision.DAY and not self.is_future(day.first))
        return next(past_days, None)

    def is_future(self, day: date) -> bool:
        """Whether a day is in the future. One day ahead is not: the bureau's day may begin before ours."""
        return day > self._warnings.asof + timedelta(days=1)

    def day(self, name: str) -> PartialDate | None:
        """A date MMDDCCYY. Day 00 means that only the month is known, 0000 only the year; all zeros are ``None``."""
        text = self._figure(name)
        if not text.strip("0"):
            return None
        day = parse_date(text)
        if day is None:
            self.note(name, "bad_date")
        elif day.first > self._warnings.asof:
            self.note(name, "future_date")
        elif day.precision is not Precision.DAY:
            self.note(name, "partial_date")
        return day

    def meaning(self, name: str, meanings: Mapping[str, Meaning], default: Meaning) -> Meaning:
        """What a code means, or ``default``. An unknown code adds a warning."""
        code = self.text(name)
        if code and code not in meanings:
            self.note(name, "unknown_code", code)
        return meanings.get(code, default)

    def _figure(self, name: str) -> str:
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "not_a_text")
            return ""
        return value.strip()

    def _key_in_use(self, names: Iterable[str]) -> str:
        correct, *misspelled = names
        for name in misspelled:
            if name in self._fields and correct not in self._fields:
                self.note(name, "misspelt_key")
                return name
        return correct


@lru_cache(maxsize=4096)
def parse_date(text: str) -> PartialDate | None:
    """Parse a date MMDDCCYY. Return ``None`` if it is not a date."""
    if not _DATE.fullmatch(text):
        return None
    month, day, year = int(text[:2]), int(text[2:4]), int(text[4:])
    if year < FIRST_YEAR or month > 12 or (day and not month):
        return None
    if not month:
        return PartialDate(date(year, 1, 1), Precision.YEAR)
    if not day:
        return PartialDate(date(year, month, 1), Precision.MONTH)
    return PartialDate(date(year, month, day)) if day <= calendar.monthrange(year, month)[1] else None


def _replace_unprintable(text: str) -> str:
    """Replace control characters and lone surrogates, both of which JSON can carry."""
    if text.isascii() and text.isprintable():
        return text
    without_surrogates = text.encode("utf-8", "replace").decode()
    return "".join(character if character.isprintable() else " " for character in without_surrogates)
