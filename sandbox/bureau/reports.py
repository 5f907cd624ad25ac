"""A whole report: everything on one page of one person's file, as the bureau writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sandbox.bureau import summaries
from sandbox.bureau.encoding import UNKNOWN, amount, count, day, present
from sandbox.bureau.months import StoryMonth, between
from sandbox.bureau.personas import Persona, quirks
from sandbox.bureau.personas.drafts import Address, File, Inquiry, Record, Statement
from sandbox.bureau.tradelines import tradeline, visible

# What a model says beside VantageScore 4.0; the models that this subscriber may ask for are the keys.
MODELS = {"V4": 0, "V3": -6, "F9": 8}
FICO = {"13": "9", "32": "10", "30": "10", "84": "8", "85": "8", "9": "18", "5": "13", "11": "39"}
KEEPS_INQUIRIES = 24
# What an inquiry was about: the type of account by the kind of business, and 31 for what nobody says.
INQUIRY_TYPES = {"BC": "18", "DC": "07", "FA": "00", "FP": "01", "FM": "26", "YC": "48"}
FROZEN = Statement("25", "SECURITY FREEZE: FILE FROZEN DUE TO STATE LEGISLATION. CONSUMER HAS NOT AUTHORIZED ACCESS.")
ADDRESS_NOT_ON_FILE = "03"

Section = dict[str, Any]


@dataclass(frozen=True)
class AddOns:
    """What a request wants to be profile, and who asks."""

    subscriber: str
    models: tuple[str, ...] = ("V4",)
    percentile: bool = False
    summary: bool = False
    fraud_shield: bool = False
    long_grid: bool = False
    trend: bool = False
    unique_id: bool = False


def report(persona: Persona, page: StoryMonth, add_ons: AddOns, *, at: datetime, complete: bool = True) -> Section:
    """The report on a person. ``complete`` tells whether the request matched the file in everything."""
    file = persona.file
    rows = [
        tradeline(trade, page, long_grid=add_ons.long_grid, trend=add_ons.trend)
        for trade in file.trades
        if visible(trade, page)
    ]
    if file.quirks:
        quirks.spoil_trades(rows)
    inquiries = [_inquiry(inquiry, page) for inquiry in file.inquiries if _still_there(inquiry, page)]
    records = [_record(record, page) for record in file.records]
    profile = present(
        {
            **_person(persona, page, add_ons, at, complete),
            "fraudShield": [_fraud_shield(persona, page, complete)] if add_ons.fraud_shield else [],
            "ofac": {"messageNumber": file.ofac[0], "messageText": file.ofac[1]} if file.ofac else {},
            "inquiry": inquiries,
            "publicRecord": records,
            "riskModel": _scores(file, page, add_ons),
            "tradeline": rows,
            "summaries": [summaries.summary(rows, inquiries, records, page.today)] if add_ons.summary else [],
            "statement": [
                _statement(statement, page) for statement in file.statements if statement.since <= page.number
            ],
        }
    )
    return finish_profile(quirks.spoil_profile(profile) if file.quirks else profile, persona, add_ons)


def frozen_profile(persona: Persona, page: StoryMonth, add_ons: AddOns, *, at: datetime) -> Section:
    """What a frozen file shows: who it belongs to and why there is nothing more. How it looks is our choice."""
    person = _person(persona, page, add_ons, at, complete=True)
    kept = {name: person[name] for name in ("headerRecord", "consumerIdentity")}
    return finish_profile({**kept, "statement": [_statement(FROZEN, page)]}, persona, add_ons)


def no_record(persona: Persona, page: StoryMonth, add_ons: AddOns, *, at: datetime) -> Section:
    """An answer about nobody: the bureau looked, and says so in a message."""
    return finish_profile(
        {
            "headerRecord": [_header(page.today, add_ons, at)],
            "informationalMessage": [_message("07", "0007", "NO RECORD FOUND")],
        },
        persona,
        replace(add_ons, unique_id=False),
    )


def response_body(*profiles: Section) -> Section:
    """The body of an answer."""
    return {"creditProfile": list(profiles)}


def finish_profile(profile: Section, persona: Persona, add_ons: AddOns) -> Section:
    """A profile with what comes last: the person's id, if add_ons for, and the end totals."""
    if add_ons.unique_id:
        profile["uniqueConsumerIdentifier"] = [{"value": _unique_id(persona, add_ons)}]
    segments = sum(len(section) if isinstance(section, list) else 1 for section in profile.values())
    profile["endTotals"] = [{"totalSegments": count(segments, 4), "totalLength": count(len(str(profile)), 5)}]
    return profile


def _person(persona: Persona, page: StoryMonth, add_ons: AddOns, at: datetime, complete: bool) -> Section:
    """Who the file is about, and the bureau's remarks on the request."""
    file = persona.file
    reported = (address for address in file.addresses if address.since <= page.number)
    moved = sorted(reported, key=lambda address: -address.since)
    not_entitled = [model for model in add_ons.models if model not in MODELS]
    messages = [_message("84", "0084", "SSN MATCHES")] if complete else [_message("84", "0085", "SSN DOES NOT MATCH")]
    messages += [_message("16", "1616", f"RISK MODEL {model} NOT AVAILABLE TO SUBSCRIBER") for model in not_entitled]
    return {
        "headerRecord": [_header(page.today, add_ons, at)],
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
        "addressInformation": [_address(address, page) for address in [*moved, persona.address]],
        "employmentInformation": _employment(file, page),
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


def _address(address: Address, page: StoryMonth) -> Section:
    return {
        "streetPrefix": address.number,
        "streetName": address.street,
        "streetSuffix": address.suffix,
        "city": address.city,
        "state": address.state,
        "zipCode": address.zip_code,
        "dwellingType": "S",
        "source": "1",
        "timesReported": count(min(page.number - address.since, 99)),
        "firstReportedDate": day(page.as_of(address.since)),
        "lastUpdatedDate": day(page.as_of(page.number)),
    }


def _employment(file: File, page: StoryMonth) -> list[Section]:
    """Where the person works, as somebody profile the bureau long ago."""
    if not file.employer:
        return []
    since = {"firstReportedDate": day(page.as_of(-30)), "lastUpdatedDate": day(page.as_of(-8))}
    return [{"name": file.employer, **since}]


def _message(number: str, detailed: str, text: str) -> Section:
    return {"messageNumber": number, "messageNumberDetailed": detailed, "messageText": text}


def _fraud_shield(persona: Persona, page: StoryMonth, complete: bool) -> Section:
    file = persona.file
    alarms = [*file.alarms, *([] if complete else [ADDRESS_NOT_ON_FILE])]
    return present(
        {
            "type": "99",
            "addressCount": count(len(file.addresses) + 1),
            "socialCount": "01",
            "dateOfDeath": "" if file.died is None else day(page.as_of(file.died)),
            "fraudShieldIndicators": {"indicator": alarms} if alarms else {},
        }
    )


def _still_there(inquiry: Inquiry, page: StoryMonth) -> bool:
    """Inquiries appear with their month and leave after two years."""
    return inquiry.month <= page.number and between(_inquiry_date(inquiry, page), page.today) < KEEPS_INQUIRIES


def _inquiry_date(inquiry: Inquiry, page: StoryMonth) -> date:
    return date.fromordinal(page.as_of(inquiry.month).toordinal() - inquiry.days)


def _inquiry(inquiry: Inquiry, page: StoryMonth) -> Section:
    return {
        "date": day(_inquiry_date(inquiry, page)),
        "subscriberName": inquiry.creditor,
        "subscriberCode": inquiry.member,
        "kob": inquiry.business,
        "type": inquiry.type or INQUIRY_TYPES.get(inquiry.business, "31"),
        "terms": "UNK",
        "amount": UNKNOWN,
    }


def _record(record: Record, page: StoryMonth) -> Section:
    return present(
        {
            "courtName": record.court,
            "courtCode": record.court_code,
            "status": record.status,
            "statusDate": day(page.as_of(record.settled)),
            "filingDate": day(page.as_of(record.filed)),
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


def _scores(file: File, page: StoryMonth, add_ons: AddOns) -> list[Section]:
    """A score for each model that was add_ons for and may be. A model that may not be is left out."""
    scores = []
    for model in add_ons.models:
        if model in MODELS and (file.exclusion or file.score):
            scores.append(_score(file, page, add_ons, model))
    return scores


def _score(file: File, page: StoryMonth, add_ons: AddOns, model: str) -> Section:
    """One score. A code of exclusion stands where the score would: 9002 is no excellent score."""
    if file.exclusion or file.score is None:
        return {"modelIndicator": model, "score": file.exclusion, "evaluation": "P"}
    value = min(850, max(300, file.score(page.number) + MODELS[model]))
    factors = _factors(file.factors(page.number), model)
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
    """A model's own codes for what lowers the score: FICO counts its reasons differently from VantageScore."""
    known: Mapping[str, str] = FICO if model.startswith("F") else {}
    return list(dict.fromkeys(known.get(code, code) for code in codes))


def _statement(statement: Statement, page: StoryMonth) -> Section:
    reported = max(statement.since, -1)
    return {"type": statement.type, "dateReported": day(page.as_of(reported)), "statementText": statement.text}


def _unique_id(persona: Persona, add_ons: AddOns) -> str:
    """Seventeen characters that are the same whenever the same subscriber asks about the same person."""
    return sha256(f"{add_ons.subscriber}/{persona.surname}/{persona.birth}".encode()).hexdigest()[:17].upper()
