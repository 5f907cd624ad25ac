"""Turn Experian's response into a ``CreditReport``: a pure function that tolerates invalid values.

Only a response that is no report at all raises. Any other invalid value becomes a warning in the report. Raise
``PARSER_VERSION`` whenever the result changes: stored reports of an older version are then rebuilt.
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
from credit.experian.node import MAX_STATEMENT_LENGTH, Node, WarningList
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
MAX_FACTORS = 5

_BANKRUPTCY = re.compile(r"\bB(AN)?K(RU)?PT", re.IGNORECASE)
_CREDIT_SECTIONS = ("tradeline", "inquiry", "publicRecord")
_ALL_SECTIONS = ("tradeline", "riskModel", "inquiry", "publicRecord", "addressInformation", "consumerIdentity")


# Hides the local variables of all functions below from error reports: they hold the whole file.
@sensitive_variables()
def normalize(raw: bytes, *, asof: date, models: Mapping[str, str]) -> CreditReport:
    """Parse the bytes that Experian sent. ``models`` names the risk models that we know, by indicator.

    ``asof`` is the day of the pull: later dates add a warning. Raises ``MalformedReport``.
    """
    warnings = WarningList(asof)
    profile = _profile(_decode(raw, warnings), warnings)
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
        warnings=tuple(warnings.entries),
    )


def _decode(raw: bytes, warnings: WarningList) -> dict[str, Any]:
    """Decode JSON with every number as text, because Experian sends numbers as text."""
    response = None
    text = _text(raw, warnings)
    # A failure is raised below instead: a decoding error would hold the whole report.
    with suppress(ValueError, RecursionError):
        response = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    if not isinstance(response, dict):
        raise MalformedReport("NOT_JSON", outcome=Outcome.MADE)
    return response


def _text(raw: bytes, warnings: WarningList) -> str:
    """JSON has to be UTF-8. Other encodings that can be detected are accepted; anything else is read as Latin-1."""
    encoding = json.detect_encoding(raw)
    if not encoding.startswith("utf-8"):
        warnings.note("", "not_utf8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        warnings.note("", "not_utf8")
        return raw.decode("latin-1")


def _profile(response: dict[str, Any], warnings: WarningList) -> Node:
    """The user's own profile is the first. Any other is a copy or another person's, and is ignored."""
    if "creditProfile" not in response:
        raise MalformedReport("NO_PROFILE", outcome=Outcome.MADE)
    root, first = Node(response, "$", warnings), "$.creditProfile[0]"
    profiles = root.nodes("creditProfile")
    if any(node.path != first for node in profiles):
        root.note("creditProfile", "more_than_one_profile")
    return next((node for node in profiles if node.path == first), Node({}, first, warnings))


def _reported_on(profile: Node) -> date | None:
    """The four-digit-year date, or the two-digit-year one where the former has no day or is in the future."""
    header = profile.node("headerRecord")
    reported = header.day("y2kReportedDate")
    if reported is None or reported.precision is not Precision.DAY or header.is_future(reported.first):
        past_date = reported if reported and not header.is_future(reported.first) else None
        reported = header.short_day("reportDate") or past_date
    if reported is None:
        header.note("y2kReportedDate", "no_report_date")
    return reported.first if reported else None


def _score(row: Node, reported_on: date | None, models: Mapping[str, str]) -> Score:
    """A score is from 300 to 850. Any other value, such as 9002, is a code for why there is no score."""
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
    factors = []
    for position, factor in enumerate(row.nodes("scoreFactors"), start=1):
        code = factor.text("code", 4).lstrip("0")
        if code:
            factors.append(Factor(factor.number("importance") or position, code))
    return tuple(sorted(factors)[:MAX_FACTORS])


def _inquiry(row: Node) -> Inquiry:
    """Most inquiries have no amount, so UNKNOWN adds no warning here."""
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
        voluntary=row.meaning("bankruptcyVoluntaryIndicator", codes.VOLUNTARY, None),
        role=row.meaning("ecoa", codes.ROLES, Role.UNKNOWN),
        comment=row.text("consumerComment", MAX_STATEMENT_LENGTH),
    )


def _statements(profile: Node) -> tuple[Statement, ...]:
    return tuple(_statement(row) for row in profile.nodes("statement"))


def _statement(row: Node) -> Statement:
    text = row.text("statementText", MAX_STATEMENT_LENGTH)
    matching = (notice for pattern, notice in codes.NOTICES if re.search(pattern, text, re.IGNORECASE))
    notice = next(matching, Notice.CONSUMER)
    return Statement(row.path, notice, row.text("type", 4), row.day("dateReported"), text)


def _messages(profile: Node) -> tuple[BureauMessage, ...]:
    """The bureau's messages, and the matches in the OFAC sanctions list, which have their own section."""
    return tuple(_message(row) for name in ("informationalMessage", "ofac") for row in profile.nodes(name))


def _message(row: Node) -> BureauMessage:
    code = row.text("messageNumberDetailed", 8) or row.text("messageNumber", 8)
    return BureauMessage(row.path, code, row.text("messageText", MAX_STATEMENT_LENGTH))


def _personal(profile: Node) -> tuple[PersonalDetail, ...]:
    """The personal details in the file. The Social Security number is never read."""
    identity = profile.node("consumerIdentity")
    details = [
        *(PersonalDetail(row.path, Detail.NAME, _name(row)) for row in identity.nodes("name")),
        *(PersonalDetail(row.path, Detail.BIRTH, _birth(row)) for row in identity.nodes("dob")),
        *(PersonalDetail(row.path, Detail.PHONE, row.text("number", 20)) for row in identity.nodes("phone")),
        *(_dated_detail(row, Detail.ADDRESS, _address(row)) for row in profile.nodes("addressInformation")),
        *(_dated_detail(row, Detail.EMPLOYER, row.text("name")) for row in profile.nodes("employmentInformation")),
    ]
    return tuple(detail for detail in details if detail.text)


def _dated_detail(row: Node, kind: Detail, text: str) -> PersonalDetail:
    last = "lastUpdatedDate" if "lastUpdatedDate" in row else "lastReportedDate"
    return PersonalDetail(row.path, kind, text, row.day("firstReportedDate"), row.day(last))


def _name(row: Node) -> str:
    return _line(row, "firstName", "middleName", "surname", "secondSurname", "generationCode")


def _address(row: Node) -> str:
    street = _line(row, "streetPrefix", "streetName", "streetSuffix", "unitType", "unitId")
    return ", ".join(filter(None, (street, _line(row, "city", "state", "zipCode"))))


def _birth(row: Node) -> str:
    """A date of birth in ISO format, or the year alone. Zeros mean that the bureau does not know."""
    year, month, day = (row.text(name, 4).strip("0 ") and row.text(name, 4) for name in ("year", "month", "day"))
    return "-".join(part.zfill(2) for part in (year, month, day) if part) if year else ""


def _line(row: Node, *names: str) -> str:
    return " ".join(filter(None, (row.text(name) for name in names)))


def _flags(
    profile: Node, lines: tuple[Tradeline, ...], statements: tuple[Statement, ...], messages: tuple[BureauMessage, ...]
) -> Flags:
    shields = profile.nodes("fraudShield")
    indicators = {code for row in shields for code in row.node("fraudShieldIndicators").codes("indicator")}
    notices = {statement.notice for statement in statements}
    is_deceased = bool(indicators & codes.SHIELD_DECEASED) or any(map(_has_date_of_death, shields))
    return Flags(
        frozen=Notice.FREEZE in notices,
        fraud_alert=Notice.FRAUD_ALERT in notices,
        active_duty=Notice.ACTIVE_DUTY in notices,
        deceased=is_deceased or any(line.account_condition == "deceased" for line in lines),
        ssn_variation=any(_has_ssn_variation(row) for row in profile.nodes("ssn")),
        address_mismatch=bool(indicators & codes.SHIELD_ADDRESS),
        no_hit=_is_no_hit(profile, statements, messages),
    )


def _has_date_of_death(shield: Node) -> bool:
    day = shield.day("dateOfDeath")
    return day is not None and not shield.is_future(day.first)


def _is_no_hit(profile: Node, statements: tuple[Statement, ...], messages: tuple[BureauMessage, ...]) -> bool:
    """Whether the bureau has no file.

    With a message that says so, the response may still repeat the personal details of the request. Without the message,
    every section has to be empty.
    """
    has_message = any(message.code in codes.NO_RECORD for message in messages)
    sections = _CREDIT_SECTIONS if has_message else _ALL_SECTIONS
    return not statements and not any(map(profile.holds, sections))


def _has_ssn_variation(row: Node) -> bool:
    """Whether a digit differs from the number in our request. The number itself is not read."""
    return bool(row.text("variationIndicator").strip("N ")) or "N" in row.text("ssnIndicators").upper()
