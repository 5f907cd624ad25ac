"""Builds the whole report on a persona in one month."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sandbox.bureau import summaries
from sandbox.bureau.encoding import UNKNOWN, amount, count, day, present
from sandbox.bureau.months import ReportMonth, between
from sandbox.bureau.personas import Persona, quirks
from sandbox.bureau.personas.drafts import Address, File, Inquiry, Record, Statement
from sandbox.bureau.tradelines import tradeline, visible

# The difference between a model's score and VantageScore 4.0. The keys are the models that this subscriber may request.
MODELS = {"V4": 0, "V3": -6, "F9": 8}
FICO = {"13": "9", "32": "10", "30": "10", "84": "8", "85": "8", "9": "18", "5": "13", "11": "39"}
INQUIRY_MONTHS = 24
# The account type of an inquiry by the kind of business; 31 for an unknown one.
INQUIRY_TYPES = {"BC": "18", "DC": "07", "FA": "00", "FP": "01", "FM": "26", "YC": "48"}
FROZEN = Statement("25", "SECURITY FREEZE: FILE FROZEN DUE TO STATE LEGISLATION. CONSUMER HAS NOT AUTHORIZED ACCESS.")
ADDRESS_NOT_ON_FILE = "03"

Section = dict[str, Any]


@dataclass(frozen=True)
class AddOns:
    """The add-ons of a request, and its subscriber."""

    subscriber: str
    models: tuple[str, ...] = ("V4",)
    percentile: bool = False
    summary: bool = False
    fraud_shield: bool = False
    long_grid: bool = False
    trend: bool = False
    unique_id: bool = False


def report(
    persona: Persona, report_month: ReportMonth, add_ons: AddOns, *, at: datetime, complete: bool = True
) -> Section:
    """Build the report on a persona. ``complete`` says whether all details of the request match the file."""
    file = persona.file
    rows = [
        tradeline(trade, report_month, long_grid=add_ons.long_grid, trend=add_ons.trend)
        for trade in file.trades
        if visible(trade, report_month)
    ]
    if file.quirks:
        quirks.apply_to_trades(rows)
    inquiries = [_inquiry(inquiry, report_month) for inquiry in file.inquiries if _is_on_file(inquiry, report_month)]
    records = [_record(record, report_month) for record in file.records]
    profile = present(
        {
            **_personal_sections(persona, report_month, add_ons, at, complete),
            "fraudShield": [_fraud_shield(persona, report_month, complete)] if add_ons.fraud_shield else [],
            "ofac": {"messageNumber": file.ofac[0], "messageText": file.ofac[1]} if file.ofac else {},
            "inquiry": inquiries,
            "publicRecord": records,
            "riskModel": _scores(file, report_month, add_ons),
            "tradeline": rows,
            "summaries": [summaries.summary(rows, inquiries, records, report_month.today)] if add_ons.summary else [],
            "statement": [
                _statement(statement, report_month)
                for statement in file.statements
                if statement.since <= report_month.number
            ],
        }
    )
    return finish_profile(quirks.apply_to_profile(profile) if file.quirks else profile, persona, add_ons)


def frozen_profile(persona: Persona, report_month: ReportMonth, add_ons: AddOns, *, at: datetime) -> Section:
    """Build the report of a frozen file: the consumer's identity and a statement. Its form is our choice."""
    sections = _personal_sections(persona, report_month, add_ons, at, complete=True)
    identity = {name: sections[name] for name in ("headerRecord", "consumerIdentity")}
    return finish_profile({**identity, "statement": [_statement(FROZEN, report_month)]}, persona, add_ons)


def no_record(persona: Persona, report_month: ReportMonth, add_ons: AddOns, *, at: datetime) -> Section:
    """Build a report without a file: a message says that no record was found."""
    return finish_profile(
        {
            "headerRecord": [_header(report_month.today, add_ons, at)],
            "informationalMessage": [_message("07", "0007", "NO RECORD FOUND")],
        },
        persona,
        replace(add_ons, unique_id=False),
    )


def response_body(*profiles: Section) -> Section:
    return {"creditProfile": list(profiles)}


def finish_profile(profile: Section, persona: Persona, add_ons: AddOns) -> Section:
    """Add the last sections of a profile: the consumer's id, if requested, and the end totals."""
    if add_ons.unique_id:
        profile["uniqueConsumerIdentifier"] = [{"value": _unique_id(persona, add_ons)}]
    segments = sum(len(section) if isinstance(section, list) else 1 for section in profile.values())
    profile["endTotals"] = [{"totalSegments": count(segments, 4), "totalLength": count(len(str(profile)), 5)}]
    return profile


def _personal_sections(
    persona: Persona, report_month: ReportMonth, add_ons: AddOns, at: datetime, complete: bool
) -> Section:
    """Build the sections about the consumer, with the bureau's messages about the request."""
    file = persona.file
    reported = (address for address in file.addresses if address.since <= report_month.number)
    moved = sorted(reported, key=lambda address: -address.since)
    not_entitled = [model for model in add_ons.models if model not in MODELS]
    messages = [_message("84", "0084", "SSN MATCHES")] if complete else [_message("84", "0085", "SSN DOES NOT MATCH")]
    messages += [_message("16", "1616", f"RISK MODEL {model} NOT AVAILABLE TO SUBSCRIBER") for model in not_entitled]
    return {
        "headerRecord": [_header(report_month.today, add_ons, at)],
        "consumerIdentity": [_identity(persona)],
        "ssn": [
            present(
                {
                    "number": persona.ssn,
                    "ssnIndicators": "YYYYYYYYY" if complete else "YYYYYNNNN",
                    "variationIndicator": "" if complete else "Y",
                }
            )
        ],
        "addressInformation": [_address(address, report_month) for address in [*moved, persona.address]],
        "employmentInformation": _employment(file, report_month),
        "informationalMessage": messages,
    }


def _header(today: date, add_ons: AddOns, at: datetime) -> Section:
    return {
        "reportDate": today.strftime("%m%d%y"),
        "reportTime": at.strftime("%H%M%S"),
        "y2kReportedDate": day(today),
        "preamble": "TCA2",
        "versionNo": "07",
        "inquiringSubcode": add_ons.subscriber,
    }


def _identity(persona: Persona) -> Section:
    born = persona.birth
    return {
        "dob": {"day": f"{born.day:02d}", "month": f"{born.month:02d}", "year": str(born.year)},
        "name": [{"surname": persona.surname, "firstName": persona.first_name, "type": "N"}],
    }


def _address(address: Address, report_month: ReportMonth) -> Section:
    return {
        "streetPrefix": address.number,
        "streetName": address.street,
        "streetSuffix": address.suffix,
        "city": address.city,
        "state": address.state,
        "zipCode": address.zip_code,
        "dwellingType": "S",
        "source": "1",
        "timesReported": count(min(report_month.number - address.since, 99)),
        "firstReportedDate": day(report_month.as_of(address.since)),
        "lastUpdatedDate": day(report_month.as_of(report_month.number)),
    }


def _employment(file: File, report_month: ReportMonth) -> list[Section]:
    """Build the employment section, as it was reported long ago."""
    if not file.employer:
        return []
    since = {"firstReportedDate": day(report_month.as_of(-30)), "lastUpdatedDate": day(report_month.as_of(-8))}
    return [{"name": file.employer, **since}]


def _message(number: str, detailed: str, text: str) -> Section:
    return {"messageNumber": number, "messageNumberDetailed": detailed, "messageText": text}


def _fraud_shield(persona: Persona, report_month: ReportMonth, complete: bool) -> Section:
    file = persona.file
    alarms = [*file.alarms, *([] if complete else [ADDRESS_NOT_ON_FILE])]
    return present(
        {
            "type": "99",
            "addressCount": count(len(file.addresses) + 1),
            "socialCount": "01",
            "dateOfDeath": "" if file.died is None else day(report_month.as_of(file.died)),
            "fraudShieldIndicators": {"indicator": alarms} if alarms else {},
        }
    )


def _is_on_file(inquiry: Inquiry, report_month: ReportMonth) -> bool:
    """Whether an inquiry is in the report: from its month on, for two years."""
    return (
        inquiry.month <= report_month.number
        and between(_inquiry_date(inquiry, report_month), report_month.today) < INQUIRY_MONTHS
    )


def _inquiry_date(inquiry: Inquiry, report_month: ReportMonth) -> date:
    return date.fromordinal(report_month.as_of(inquiry.month).toordinal() - inquiry.days)


def _inquiry(inquiry: Inquiry, report_month: ReportMonth) -> Section:
    return {
        "date": day(_inquiry_date(inquiry, report_month)),
        "subscriberName": inquiry.creditor,
        "subscriberCode": inquiry.member,
        "kob": inquiry.business,
        "type": inquiry.type or INQUIRY_TYPES.get(inquiry.business, "31"),
        "terms": "UNK",
        "amount": UNKNOWN,
    }


def _record(record: Record, report_month: ReportMonth) -> Section:
    return present(
        {
            "courtName": record.court,
            "courtCode": record.court_code,
            "status": record.status,
            "statusDate": day(report_month.as_of(record.settled)),
            "filingDate": day(report_month.as_of(record.filed)),
            "amount": amount(record.amount),
            "referenceNumber": record.reference,
            "evaluation": "N",
            "ecoa": "1",
            "plaintiffName": record.plaintiff,
            "bankruptcyAssetAmount": amount(record.assets),
            "bankruptcyVoluntaryIndicator": "" if record.assets is None else "V",
            "repaymentPercent": "" if record.repays is None else count(record.repays, 3),
        }
    )


def _scores(file: File, report_month: ReportMonth, add_ons: AddOns) -> list[Section]:
    """Build a score for each requested model that the subscriber may request."""
    scores = []
    for model in add_ons.models:
        if model in MODELS and (file.exclusion or file.score):
            scores.append(_score(file, report_month, add_ons, model))
    return scores


def _score(file: File, report_month: ReportMonth, add_ons: AddOns, model: str) -> Section:
    """Build one score. An exclusion code replaces the score: 9002 is not a high score."""
    if file.exclusion or file.score is None:
        return {"modelIndicator": model, "score": file.exclusion, "evaluation": "P"}
    value = min(850, max(300, file.score(report_month.number) + MODELS[model]))
    factors = _factors(file.factors(report_month.number), model)
    return present(
        {
            "modelIndicator": model,
            "score": f"{value:04d}",
            "evaluation": "P",
            "scorePercentile": str(max(1, (value - 300) * 99 // 550)) if add_ons.percentile else "",
            "scoreFactors": [{"importance": str(place), "code": code} for place, code in enumerate(factors, 1)],
        }
    )


def _factors(codes: tuple[str, ...], model: str) -> list[str]:
    """Return a model's own codes of the score factors: FICO has other codes than VantageScore."""
    known: Mapping[str, str] = FICO if model.startswith("F") else {}
    return list(dict.fromkeys(known.get(code, code) for code in codes))


def _statement(statement: Statement, report_month: ReportMonth) -> Section:
    reported = max(statement.since, -1)
    return {"type": statement.type, "dateReported": day(report_month.as_of(reported)), "statementText": statement.text}


def _unique_id(persona: Persona, add_ons: AddOns) -> str:
    """Return 17 characters that are always the same for a subscriber and a consumer."""
    return sha256(f"{add_ons.subscriber}/{persona.surname}/{persona.birth}".encode()).hexdigest()[:17].upper()
