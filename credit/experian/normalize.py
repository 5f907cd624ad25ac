"""Experian's report as credit's rows: pure, tolerant, and the same today as in ten years.

The only thing that it can refuse is an answer that is no report at all. Everything else that is odd becomes a
warning in the report. A change of what comes out raises ``PARSER_VERSION``, by which stored rows know that
they can be rebuilt.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables
from msgspec.structs import replace

from credit.experian import codes, totals
from credit.experian.node import LONGEST_STATEMENT, Node, WarningList
from credit.experian.row_keys import hash_key, number_duplicates
from credit.experian.tradelines import parse_tradelines
from credit.provider import MalformedReport, Outcome
from credit.report import (
    BureauMessage,
    CreditReport,
    Detail,
    Factor,
    Flags,
    Inquiry,
    Notice,
    PersonalDetail,
    Precision,
    PublicRecord,
    Role,
    Score,
    Statement,
    Tradeline,
)

PARSER_VERSION: Final = 4
LOWEST_SCORE, HIGHEST_SCORE = 300, 850
MOST_FACTORS = 5

_BANKRUPTCY = re.compile(r"\bB(AN)?K(RU)?PT", re.IGNORECASE)
_OF_A_FILE = ("tradeline", "inquiry", "publicRecord")
_NO_SUBJECT_MATTER = ("tradeline", "riskModel", "inquiry", "publicRecord", "addressInformation", "consumerIdentity")


# Hides the locals of everything beneath from error reports: they hold the whole file.
@sensitive_variables()
def normalize(raw: bytes, *, asof: date, models: Mapping[str, str]) -> CreditReport:
    """Read the bytes that Experian sent. ``models`` names the risk models that we know, by indicator.

    ``asof`` is the day of the pull: later dates are listed as odd. Raises ``MalformedReport``.
    """
    warnings = WarningList(asof)
    profile = _profile(_decoded(raw, warnings), warnings)
    reported_on = _reported_on(profile)
    lines, statements, messages = parse_tradelines(profile, reported_on), _statements(profile), _messages(profile)
    identifier = profile.node("uniqueConsumerIdentifier").text("value", 40)
    report_totals = totals.parse_totals(profile)
    totals.check_totals(report_totals, lines, warnings)
    return CreditReport(
        provider="experian",
        parser_version=PARSER_VERSION,
        sha256=hashlib.sha256(raw).hexdigest(),
        reported_on=reported_on,
        consumer_hash=hashlib.sha256(f"experian|{identifier}".encode()).hexdigest() if identifier else "",
        consumer_identifier=identifier,
        flags=_flags(profile, lines, statements, messages),
        scores=tuple(_score(row, reported_on, models) for row in profile.nodes("riskModel")),
        tradelines=lines,
        inquiries=tuple(_inquiry(row) for row in profile.nodes("inquiry")),
        public_records=_public_records(profile),
        personal=_personal(profile),
        statements=statements,
        messages=messages,
        totals=tuple((total.id, total.value) for total in report_totals),
        warnings=tuple(warnings.found),
    )


def _decoded(raw: bytes, warnings: WarningList) -> dict[str, Any]:
    """Every number as text: Experian sends texts, and a number that it should send one day is read like one."""
    answer = None
    text = _text(raw, warnings)
    # What fails is raised below, where no decoding error keeps the report.
    with suppress(ValueError, RecursionError):
        answer = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    if not isinstance(answer, dict):
        raise MalformedReport("NOT_JSON", outcome=Outcome.MADE)
    return answer


def _text(raw: bytes, warnings: WarningList) -> str:
    """JSON has to be UTF-8. Another encoding that can be told is read all the same, and anything else byte by byte."""
    encoding = json.detect_encoding(raw)
    if not encoding.startswith("utf-8"):
        warnings.note("", "not_utf8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        warnings.note("", "not_utf8")
        return raw.decode("latin-1")


def _profile(answer: dict[str, Any], warnings: WarningList) -> Node:
    """The person's own profile: the first. A second one is another person's or a copy, and is not read."""
    if "creditProfile" not in answer:
        raise MalformedReport("NO_PROFILE", outcome=Outcome.MADE)
    whole, first = Node(answer, "$", warnings), "$.creditProfile[0]"
    found = whole.nodes("creditProfile")
    if any(node.path != first for node in found):
        whole.note("creditProfile", "more_than_one_profile")
    return next((node for node in found if node.path == first), Node({}, first, warnings))


def _reported_on(profile: Node) -> date | None:
    """The longer date, or the shorter one where the longer lacks its day or lies ahead."""
    header = profile.node("headerRecord")
    found = header.day("y2kReportedDate")
    if found is None or found.precision is not Precision.DAY or header.is_ahead(found.first):
        usable = found if found and not header.is_ahead(found.first) else None
        found = header.short_day("reportDate") or usable
    if found is None:
        header.note("y2kReportedDate", "no_report_date")
    return found.first if found else None


def _score(row: Node, reported_on: date | None, models: Mapping[str, str]) -> Score:
    """A score from 300 to 850 is one. Anything else is a code for why there is none, and 9002 is no 9002."""
    indicator = row.text("modelIndicator", 8)
    if indicator not in models:
        row.note("modelIndicator", "unknown_code", indicator)
    raw = row.text("score", 8)
    value = int(raw) if raw.isascii() and raw.isdigit() else None
    if value is not None and not LOWEST_SCORE <= value <= HIGHEST_SCORE:
        row.note("score", "score_excluded", raw)
        value = None
    elif value is None:
        row.note("score", "bad_score")
    return Score(
        path=row.path,
        model=models.get(indicator, ""),
        indicator=indicator,
        value=value,
        exclusion_code="" if value is not None else raw,
        on=reported_on,
        percentile=row.number("scorePercentile"),
        factors=_factors(row),
    )


def _factors(row: Node) -> tuple[Factor, ...]:
    found = []
    for place, factor in enumerate(row.nodes("scoreFactors"), start=1):
        code = factor.text("code", 4).lstrip("0")
        if code:
            found.append(Factor(factor.number("importance") or place, code))
    return tuple(sorted(found)[:MOST_FACTORS])


def _inquiry(row: Node) -> Inquiry:
    """An inquiry seldom has an amount, so UNKNOWN is usual there and no warning."""
    stated = row.text("amount").upper()
    return Inquiry(
        path=row.path,
        on=row.day("date"),
        subscriber=row.text("subscriberName"),
        subscriber_code=row.text("subscriberCode", 20),
        business=row.text("kob", 4),
        type=row.text("type", 4),
        amount=None if stated.startswith("UNK") else row.amount("amount"),
    )


def _public_records(profile: Node) -> tuple[PublicRecord, ...]:
    records = [_public_record(row) for row in profile.nodes("publicRecord")]
    keys = number_duplicates([(record.key, ()) for record in records])
    return tuple(replace(record, key=key) for record, key in zip(records, keys, strict=True))


def _public_record(row: Node) -> PublicRecord:
    filed_on = row.day("filingDate")
    reference = row.text("referenceNumber", 40) or row.text("bookPageSequence", 40)
    court = row.text("courtName")
    parts = (row.text("courtCode", 20), reference, filed_on.first if filed_on else None)
    return PublicRecord(
        key=hash_key(parts),
        path=row.path,
        court=court,
        court_code=parts[0],
        reference=reference,
        status_code=row.text("status", 4),
        status_on=row.day("statusDate"),
        filed_on=filed_on,
        amount=row.amount("amount"),
        evaluation=row.text("evaluation", 2),
        disputed=bool(row.text("disputeFlag").strip("N ")),
        plaintiff=row.text("plaintiffName"),
        bankruptcy=bool(_BANKRUPTCY.search(court)),
        percent=row.number("repaymentPercent"),
        adjustment_percent=row.number("adjustmentPercent"),
        assets=row.amount("bankruptcyAssetAmount"),
        voluntary=row.word("bankruptcyVoluntaryIndicator", codes.VOLUNTARY, None),
        role=row.word("ecoa", codes.ROLES, Role.UNKNOWN),
        comment=row.text("consumerComment", LONGEST_STATEMENT),
    )


def _statements(profile: Node) -> tuple[Statement, ...]:
    return tuple(_statement(row) for row in profile.nodes("statement"))


def _statement(row: Node) -> Statement:
    text = row.text("statementText", LONGEST_STATEMENT)
    notice = next((notice for words, notice in codes.NOTICES if re.search(words, text, re.IGNORECASE)), Notice.CONSUMER)
    return Statement(row.path, notice, row.text("type", 4), row.day("dateReported"), text)


def _messages(profile: Node) -> tuple[BureauMessage, ...]:
    """The bureau's notes, and what it found in the government's list of sanctions, which has a section of its own."""
    return tuple(_message(row) for name in ("informationalMessage", "ofac") for row in profile.nodes(name))


def _message(row: Node) -> BureauMessage:
    code = row.text("messageNumberDetailed", 8) or row.text("messageNumber", 8)
    return BureauMessage(row.path, code, row.text("messageText", LONGEST_STATEMENT))


def _personal(profile: Node) -> tuple[PersonalDetail, ...]:
    """What the file says about the person. The Social Security number is not even read."""
    identity = profile.node("consumerIdentity")
    found = [
        *(PersonalDetail(row.path, Detail.NAME, _name(row)) for row in identity.nodes("name")),
        *(PersonalDetail(row.path, Detail.BIRTH, _birth(row)) for row in identity.nodes("dob")),
        *(PersonalDetail(row.path, Detail.PHONE, row.text("number", 20)) for row in identity.nodes("phone")),
        *(_dated(row, Detail.ADDRESS, _address(row)) for row in profile.nodes("addressInformation")),
        *(_dated(row, Detail.EMPLOYER, row.text("name")) for row in profile.nodes("employmentInformation")),
    ]
    return tuple(detail for detail in found if detail.text)


def _dated(row: Node, kind: Detail, text: str) -> PersonalDetail:
    last = "lastUpdatedDate" if "lastUpdatedDate" in row else "lastReportedDate"
    return PersonalDetail(row.path, kind, text, row.day("firstReportedDate"), row.day(last))


def _name(row: Node) -> str:
    return _line(row, "firstName", "middleName", "surname", "secondSurname", "generationCode")


def _address(row: Node) -> str:
    street = _line(row, "streetPrefix", "streetName", "streetSuffix", "unitType", "unitId")
    return ", ".join(filter(None, (street, _line(row, "city", "state", "zipCode"))))


def _birth(row: Node) -> str:
    """A date of birth as it is written in ISO, or the year alone. Zeros mean that the bureau does not know."""
    year, month, day = (row.text(name, 4).strip("0 ") and row.text(name, 4) for name in ("year", "month", "day"))
    return "-".join(part.zfill(2) for part in (year, month, day) if part) if year else ""


def _line(row: Node, *names: str) -> str:
    return " ".join(filter(None, (row.text(name) for name in names)))


def _flags(
    profile: Node, lines: tuple[Tradeline, ...], statements: tuple[Statement, ...], messages: tuple[BureauMessage, ...]
) -> Flags:
    shields = profile.nodes("fraudShield")
    signs = {code for row in shields for code in row.node("fraudShieldIndicators").codes("indicator")}
    notices = {statement.notice for statement in statements}
    died = bool(signs & codes.SHIELD_DECEASED) or any(map(_tells_death, shields))
    return Flags(
        frozen=Notice.FREEZE in notices,
        fraud_alert=Notice.FRAUD_ALERT in notices,
        active_duty=Notice.ACTIVE_DUTY in notices,
        deceased=died or any(line.account_condition == "deceased" for line in lines),
        ssn_variation=any(_varies(row) for row in profile.nodes("ssn")),
        address_mismatch=bool(signs & codes.SHIELD_ADDRESS),
        no_hit=_is_no_hit(profile, statements, messages),
    )


def _tells_death(shield: Node) -> bool:
    day = shield.day("dateOfDeath")
    return day is not None and not shield.is_ahead(day.first)


def _is_no_hit(profile: Node, statements: tuple[Statement, ...], messages: tuple[BureauMessage, ...]) -> bool:
    """Whether the bureau has no file: it says so in a message, beside what it was asked with, or sends nothing."""
    said = any(message.code in codes.NO_RECORD for message in messages)
    names = _OF_A_FILE if said else _NO_SUBJECT_MATTER
    return not statements and not any(map(profile.holds, names))


def _varies(row: Node) -> bool:
    """Whether a digit differs from what we asked with. The number itself stays where it is."""
    return bool(row.text("variationIndicator").strip("N ")) or "N" in row.text("ssnIndicators").upper()
