"""Read one object of Experian's JSON, tolerantly: what cannot be read is listed, and nothing is ever raised.

Experian copies the fields of fixed-width segments into JSON. So every scalar is text padded with zeros, a key
is left out where the field is empty, and a section is an array most of the time and an object now and then.
Warnings name the path and never what stood there, except for short codes.
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
# Ten times what the largest true section holds; a million empty rows would keep a worker busy for minutes.
MOST_ROWS = 1000
LONGEST_TEXT, LONGEST_STATEMENT = 120, 1000
# Experian's words for a figure that it does not have.
UNSTATED = frozenset({"UNKNOWN", "UNK", "N/A"})
FIRST_YEAR = 1900

_CODE = re.compile(r"[A-Za-z0-9]{1,4}")
_AMOUNT = re.compile(r"-?[0-9]{1,12}")
_DIGITS = re.compile(r"[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{8}")
_SHORT_DATE = re.compile(r"[0-9]{6}")

Word = TypeVar("Word")


@dataclass(slots=True)
class WarningList:
    """The list that grows while a report is read. A hostile report may not make it endless."""

    asof: date
    found: list[ParseWarning] = field(default_factory=list)

    def note(self, path: str, problem: str, code: str = "") -> None:
        """List one. Of the bureau's own text only a short code is kept."""
        if len(self.found) < MAX_WARNINGS:
            self.found.append(ParseWarning(path, problem, code if _CODE.fullmatch(code) else ""))
        elif len(self.found) == MAX_WARNINGS:
            self.found.append(ParseWarning("", "too_many_warnings"))


class Node:
    """One object of the report and where it stands."""

    __slots__ = ("_fields", "_warnings", "path")

    def __init__(self, fields: Mapping[str, Any], path: str, warnings: WarningList) -> None:
        self._fields = fields
        self._warnings = warnings
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def note(self, name: str, problem: str, code: str = "") -> None:
        """List a warning of one field, or of the object itself where the name is empty."""
        self._warnings.note(f"{self.path}.{name}" if name else self.path, problem, code)

    # --- Sections ---------------------------------------------------------------------------------------------

    def nodes(self, name: str) -> list["Node"]:
        """The objects of a section that say something, whether it is an array, an object, null or missing."""
        return list(self._each(name, self._fields.get(name)))

    def holds(self, name: str) -> bool:
        """Whether a section has any object that says something."""
        value = self._fields.get(name)
        return any(isinstance(row, dict) and row for row in (value if isinstance(value, list) else [value]))

    def node(self, name: str) -> "Node":
        """The first object of a section, or an empty one."""
        return next(iter(self.nodes(name)), Node({}, f"{self.path}.{name}", self._warnings))

    def codes(self, name: str) -> list[str]:
        """The short texts of a list; a lone text counts as a list of one."""
        value = self._fields.get(name)
        return [each.strip() for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]

    def _each(self, name: str, value: object) -> Iterator["Node"]:
        if value is None or value == "":
            return
        rows = value if isinstance(value, list) else [value]
        if len(rows) > MOST_ROWS:
            self.note(name, "too_many_rows")
        for place, row in enumerate(rows[:MOST_ROWS]):
            path = f"{self.path}.{name}[{place}]"
            if isinstance(row, dict) and row:
                yield Node(row, path, self._warnings)
            elif row not in (None, {}):
                self._warnings.note(path, "not_an_object")

    # --- Scalars ----------------------------------------------------------------------------------------------

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """A text on one line, without what no page and no PostgreSQL can hold. Missing is empty."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "not_a_text")
            return ""
        if value.isalnum():
            return value[:longest]
        return " ".join(_storable(value).split())[:longest]

    def marks(self, name: str, longest: int) -> str:
        """A text in which every place counts: blanks stay, except at the end."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "not_a_text")
            return ""
        return _storable(value[:longest]).rstrip()

    def amount(self, *names: str, signed: bool = False) -> int | None:
        """Whole dollars. ``UNKNOWN``, blanks and a missing field are ``None`` and never zero.

        Further names are spellings that Experian is known to get wrong.
        """
        name = self._spelt(names)
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
        """Whether a field says yes. Anything but Y and N is listed and counts as no."""
        text = self.text(name).upper()
        if text not in ("", "Y", "N", "TRUE", "FALSE"):
            self.note(name, "bad_flag", text)
        return text in ("Y", "TRUE")

    def short_day(self, name: str) -> PartialDate | None:
        """A day MMDDYY, of this century unless it would lie ahead; anything else leaves nothing and is not listed."""
        text, century = self._figure(name), self._warnings.asof.year // 100
        if not _SHORT_DATE.fullmatch(text):
            return None
        days = (parse_date(f"{text[:4]}{each}{text[4:]}") for each in (century, century - 1))
        found = (day for day in days if day and day.precision is Precision.DAY and not self.is_ahead(day.first))
        return next(found, None)

    def is_ahead(self, day: date) -> bool:
        """Whether a day has not come yet. The bureau's day may have begun before ours."""
        return day > self._warnings.asof + timedelta(days=1)

    def day(self, name: str) -> PartialDate | None:
        """A date MMDDCCYY. A day of 00 leaves the month, month and day of 00 leave the year, 0000... leaves nothing."""
        text = self._figure(name)
        if not text.strip("0"):
            return None
        found = parse_date(text)
        if found is None:
            self.note(name, "bad_date")
        elif found.first > self._warnings.asof:
            self.note(name, "future_date")
        elif found.precision is not Precision.DAY:
            self.note(name, "partial_date")
        return found

    def word(self, name: str, words: Mapping[str, Word], otherwise: Word) -> Word:
        """What a code means, or ``otherwise``; an unknown code is listed."""
        code = self.text(name)
        if code and code not in words:
            self.note(name, "unknown_code", code)
        return words.get(code, otherwise)

    def _figure(self, name: str) -> str:
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "not_a_text")
            return ""
        return value.strip()

    def _spelt(self, names: Iterable[str]) -> str:
        right, *wrong = names
        for name in wrong:
            if name in self._fields and right not in self._fields:
                self.note(name, "misspelt_key")
                return name
        return right


@lru_cache(maxsize=4096)
def parse_date(text: str) -> PartialDate | None:
    """Read a date MMDDCCYY; ``None`` where it is none."""
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


def _storable(text: str) -> str:
    """JSON may carry control characters and halves of surrogate pairs."""
    if text.isascii() and text.isprintable():
        return text
    whole = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in whole)
