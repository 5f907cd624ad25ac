"""A raw report for its page: with secrets masked, one page at a time.

Pure functions. Secrets are Social Security numbers, wherever they are, account numbers, license numbers, and the
bureau's permanent id of the consumer. Of a long secret, the last four characters are shown.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.html import escape

PROFILES_KEY: Final = "creditProfile"
PAGE_BYTES: Final = 24 * 1024
MAX_LINE_LENGTH: Final = 400
MASK: Final = "•"
VISIBLE_CHARACTERS: Final = 4
MIN_PARTIALLY_MASKED: Final = 8

# Below these keys, every value with digits is masked.
SECRET_PLACES: Final = frozenset({"ssn", "driverslicense", "uniqueconsumeridentifier"})
SECRET_KEY: Final = re.compile(r"(account|card|license|socialsecurity)(number|no|num|nbr)|^ssn|ssn$|^social$", re.ASCII)
INDICATORS: Final = re.compile(r"indicator|count|date", re.ASCII)
SSN: Final = re.compile(r"\d{3}-?\d{2}-?\d{4}", re.ASCII)


class InvalidJson(Exception):
    """The raw report is not JSON, so its secrets cannot be masked."""


@dataclass(frozen=True, slots=True)
class RawSection:
    """A section of a raw report: its name, and its number of rows."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page of a section as indented JSON. ``before`` and ``after`` are the numbers of its neighbors, 0 if none."""

    text: str
    number: int
    count: int

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1 if self.number < self.count else 0


# --- Masking ----------------------------------------------------------------------------------------------


def redact(raw: bytes) -> Any:
    """Parse a raw report and mask its secrets. Raises ``InvalidJson``."""
    try:
        # As text, so that a number with a decimal point is shown as it was sent.
        document = json.loads(raw, parse_float=str)
    except (ValueError, RecursionError):
        raise InvalidJson from None
    numbers = sorted({number for number in _find_ssns(document, ()) if len(set(number)) > 1})
    known = re.compile("|".join(f"{n[:3]}-?{n[3:5]}-?{n[5:]}" for n in numbers)) if numbers else None
    return _mask_value(document, (), known)


def _find_ssns(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the full Social Security numbers in their fields."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _find_ssns(item, (*path, _letters_of(key)))
    elif isinstance(value, list):
        for item in value:
            yield from _find_ssns(item, path)
    elif "ssn" in "".join(path) and SSN.fullmatch(str(value)):
        yield str(value).replace("-", "")


def _mask_value(value: Any, path: tuple[str, ...], known: re.Pattern[str] | None) -> Any:
    if isinstance(value, Mapping):
        return {key: _mask_value(item, (*path, _letters_of(key)), known) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask_value(item, path, known) for item in value]
    if _is_secret(value, path):
        return mask(str(value))
    if known is not None and isinstance(value, str | int) and not isinstance(value, bool):
        text = known.sub(lambda match: mask(match.group()), str(value))
        return value if text == str(value) else text
    return value


def _is_secret(value: Any, path: tuple[str, ...]) -> bool:
    if not path or isinstance(value, bool) or not re.search(r"\d", str(value)):
        return False
    if SECRET_KEY.search(path[-1]):
        return True
    return bool(SECRET_PLACES & set(path)) and not INDICATORS.search(path[-1])


def mask(text: str) -> str:
    """Mask a secret. If it has at least eight characters, the last four are shown."""
    visible = VISIBLE_CHARACTERS if len(text) >= MIN_PARTIALLY_MASKED else 0
    return MASK * (len(text) - visible) + text[len(text) - visible :]


def _letters_of(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.casefold())


# --- Paging -----------------------------------------------------------------------------------------------


def split_sections(document: Any) -> dict[str, Any]:
    """Split a raw report by the names of its sections. One with another structure is one section."""
    if not isinstance(document, Mapping):
        return {"answer": document}
    profiles = document.get(PROFILES_KEY, [])
    parts: dict[str, Any] = {}
    for place, profile in enumerate(profiles if isinstance(profiles, list) else [profiles]):
        suffix = f" ({place + 1})" if place else ""
        section = profile if isinstance(profile, Mapping) else {PROFILES_KEY: profile}
        parts |= {f"{name}{suffix}": part for name, part in section.items()}
    return parts | {name: part for name, part in document.items() if name != PROFILES_KEY}


def list_sections(parts: Mapping[str, Any]) -> list[RawSection]:
    return [RawSection(name, len(part) if isinstance(part, list) else 1) for name, part in parts.items()]


def render_page(part: Any, *, number: int) -> RawPage:
    """Return one page of a section, counted from 1. A number out of range returns the nearest page."""
    pages = list(_pages(json.dumps(part, indent=2, ensure_ascii=False)))
    number = min(max(number, 1), len(pages))
    return RawPage(pages[number - 1], number, len(pages))


def _pages(text: str) -> Iterator[str]:
    """Split a text into pages at the ends of lines. A line that is too long is split as well."""
    lines: list[str] = []
    size = 0
    for line in _lines(text):
        weight = len(escape(line).encode()) + 1
        if lines and size + weight > PAGE_BYTES:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += weight
    yield "\n".join(lines)


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from (line[start : start + MAX_LINE_LENGTH] for start in range(0, len(line) or 1, MAX_LINE_LENGTH))
