"""Map Experian's error responses to credit's errors, by a table that operators can extend.

The rows come from the documented errors of the Consumer Credit Profile API and from observations in public clients;
``docs/credit.md`` says which is which. ``EXPERIAN_ERROR_RULES`` adds rows in front. Experian's messages are matched and
then dropped, because some repeat the request.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from credit.experian.transport import Response
from credit.provider import (
    BureauAuthError,
    BureauConfigError,
    BureauError,
    BureauInputError,
    BureauRateLimited,
    BureauUnavailable,
    FileFrozen,
    FileRestricted,
    NoHit,
    Outcome,
)


class Rule(NamedTuple):
    """What has to match, and the kind of error. A zero status, an empty code and an empty pattern match anything.

    ``pattern`` is searched in the message, ignoring case. ``detail`` is the field of an ``input`` error and the kind of
    a ``restricted`` one.
    """

    status: int
    code: str
    pattern: str
    kind: str
    detail: str = ""


BY_CONTENT = (
    Rule(0, "76", "", "config"),
    Rule(0, "53", "", "input", "ssn"),
    Rule(0, "1", "", "unavailable"),
    Rule(0, "9193", "", "no_hit"),
    Rule(0, "1999", "", "restricted", "alert_list"),
    Rule(0, "", r"no record found|consumer not found", "no_hit"),
    Rule(0, "", r"alert list", "restricted", "alert_list"),
    Rule(0, "", r"\b(frozen|freeze|locked file|file locked)\b", "frozen"),
    Rule(0, "", r"inquiry not allowed|not (authorized|entitled)", "config"),
    Rule(0, "", r"temporarily unavailable|resubmit", "unavailable"),
)
# The field that a 400 names. The fields that the site fills in come first: those are not the user's mistake.
BY_FIELD = (
    Rule(400, "", r"subscriber|subcode|permissible|requestor|reference ?id|vendor|add-?ons?|model", "config"),
    Rule(400, "", r"surname|last ?name", "input", "last_name"),
    Rule(400, "", r"first ?name", "input", "first_name"),
    Rule(400, "", r"middle ?name", "input", "middle_name"),
    Rule(400, "", r"\bssn\b|social", "input", "ssn"),
    Rule(400, "", r"\bdob\b|birth", "input", "birth"),
    Rule(400, "", r"zip", "input", "zip_code"),
    Rule(400, "", r"\bstate\b", "input", "state"),
    Rule(400, "", r"\bcity\b", "input", "city"),
    Rule(400, "", r"line ?1|street|address", "input", "line1"),
)
NOT_FOUND = Rule(404, "", "", "no_hit")
BY_STATUS = (
    Rule(400, "", "", "input"),
    Rule(401, "", "", "auth"),
    Rule(403, "", "", "config"),
    NOT_FOUND,
    Rule(408, "", "", "uncertain"),
    Rule(422, "", "", "restricted", "condition"),
    Rule(429, "", "", "limited"),
    Rule(500, "", "", "uncertain"),
    Rule(502, "", "", "uncertain"),
    Rule(503, "", "", "unavailable"),
    Rule(504, "", "", "uncertain"),
)
KINDS = ("auth", "config", "input", "unavailable", "uncertain", "limited", "no_hit", "frozen", "restricted")
RETRY_AFTER, MAX_RETRY_AFTER = 60, 4 * 60 * 60
MAX_MESSAGE_LENGTH = 500

_SAFE_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")


class ErrorDetails(NamedTuple):
    """One error of a response. Its message is Experian's text and must not leave this module."""

    code: str
    message: str


def error_from_response(response: Response, *, reference_id: str, extra: Iterable[Rule] = ()) -> BureauError | None:
    """Return the error of a response, or ``None`` if it may be a report; never raises."""
    errors = list(_error_details(response.body))
    if response.status == 200:
        rules = (*extra, *BY_CONTENT) if errors else ()
    else:
        rules = (*extra, *BY_CONTENT, *BY_FIELD, *BY_STATUS)
    rule = next(
        (rule for rule in rules if any(_matches(rule, response.status, details) for details in errors or _NO_DETAILS)),
        None,
    )
    if rule is None and response.status == 200:
        return None
    if rule is NOT_FOUND and not any(details.code for details in errors):
        # Without an error code of Experian's, the URL was not found, not the consumer.
        rule = None
    code = next((details.code for details in errors if details.code), f"HTTP_{response.status}")
    return _error(rule or _rule_for_status_class(response.status), code, reference_id, response)


def rules(rows: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Parse the rows of ``EXPERIAN_ERROR_RULES``. Raises ``BureauConfigError`` for an invalid one."""
    try:
        parsed = tuple(Rule(**{"status": 0, "code": "", "pattern": "", **row}) for row in rows)
        for rule in parsed:
            re.compile(rule.pattern)
    except (TypeError, re.error):
        raise BureauConfigError("ERROR_RULES_REFUSED") from None
    if not all(rule.kind in KINDS and isinstance(rule.status, int) for rule in parsed):
        raise BureauConfigError("ERROR_RULES_REFUSED")
    return parsed


_NO_DETAILS = (ErrorDetails("", ""),)


def _error_details(body: bytes) -> Iterator[ErrorDetails]:
    """Yield the errors in a body. One that has a report has none."""
    try:
        response = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return
    if not isinstance(response, dict) or response.get("creditProfile"):
        return
    errors = response.get("errors")
    for error in errors if isinstance(errors, list) else [errors]:
        if isinstance(error, dict):
            yield ErrorDetails(_code(error.get("errorCode")), str(error.get("message", ""))[:MAX_MESSAGE_LENGTH])


def _code(value: object) -> str:
    if not isinstance(value, str) or not _SAFE_CODE.fullmatch(value):
        return ""
    return value.lstrip("0") or value


def _matches(rule: Rule, status: int, details: ErrorDetails) -> bool:
    return (
        rule.status in (0, status)
        and rule.code in ("", details.code)
        and bool(not rule.pattern or re.search(rule.pattern, details.message, re.IGNORECASE))
    )


def _rule_for_status_class(status: int) -> Rule:
    """For a status without a row: 2xx and 5xx leave the outcome unknown, any other is a mistake in our settings."""
    return Rule(status, "", "", "uncertain" if status >= 500 or 200 <= status < 300 else "config")


def _error(rule: Rule, code: str, reference_id: str, response: Response) -> BureauError:
    if rule.kind == "input":
        return BureauInputError(code, field=rule.detail, reference_id=reference_id)
    if rule.kind == "restricted":
        return FileRestricted(code, kind=rule.detail, reference_id=reference_id)
    if rule.kind == "limited":
        return BureauRateLimited(code, retry_after=_seconds(response.retry_after), reference_id=reference_id)
    if rule.kind == "uncertain":
        return BureauUnavailable(code, reference_id=reference_id, outcome=Outcome.UNKNOWN)
    return _SIMPLE_ERRORS[rule.kind](code, reference_id=reference_id)


_SIMPLE_ERRORS: Mapping[str, type[BureauError]] = {
    "auth": BureauAuthError,
    "config": BureauConfigError,
    "unavailable": BureauUnavailable,
    "no_hit": NoHit,
    "frozen": FileFrozen,
}


def _seconds(retry_after: str) -> int:
    """Parse a Retry-After header in seconds. A date or an invalid value counts as not sent."""
    if not (retry_after.isascii() and retry_after.isdigit()) or len(retry_after) > 9:
        return RETRY_AFTER
    return min(max(int(retry_after), 1), MAX_RETRY_AFTER)
