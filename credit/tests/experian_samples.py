"""Sample reports in Experian's format, about made-up people. No real Social Security number begins with 666."""

import json
from datetime import date
from typing import Any

from credit.experian.normalize import normalize
from credit.report import CreditReport, Tradeline

MODELS = {"V4": "vantagescore_4", "F9": "fico_9"}
TODAY = date(2026, 11, 20)
SSN = "666011001"

Section = dict[str, Any]

CARD: Section = {
    "subscriberName": "LAKESHORE BANK",
    "subscriberCode": "1110001",
    "kob": "BC",
    "accountNumber": "4000111000011001",
    "accountType": "18",
    "revolvingOrInstallment": "R",
    "openOrClosed": "O",
    "ecoa": "1",
    "terms": "REV",
    "openDate": "03152016",
    "statusDate": "11092026",
    "balanceDate": "11092026",
    "balanceAmount": "00001140",
    "amount1": "00012000",
    "amount1Qualifier": "L",
    "amount2": "00003410",
    "amount2Qualifier": "H",
    "monthlyPaymentAmount": "00000035",
    "monthlyPaymentType": "S",
    "status": "11",
    "evaluation": "P",
    "delinquencies30Days": "00",
    "delinquencies60Days": "00",
    "delinquencies90to180Days": "00",
    "derogCounter": "00",
    "monthsHistory": "99",
    "paymentHistory": "CCC",
    "enhancedPaymentData": {
        "creditLimitAmount": "0000012000",
        "highBalanceAmount": "0000003410",
        "enhancedAccountCondition": "A1",
        "enhancedPaymentStatus": "11",
        "enhancedAccountType": "18",
    },
}
LOAN: Section = {
    "subscriberName": "US DEPT OF EDUCATION",
    "subscriberCode": "2220002",
    "kob": "EL",
    "accountNumber": "0000000000",
    "accountType": "12",
    "revolvingOrInstallment": "I",
    "openOrClosed": "O",
    "ecoa": "1",
    "terms": "120",
    "openDate": "08202019",
    "balanceDate": "10312026",
    "balanceAmount": "00006100",
    "amount1": "00009000",
    "amount1Qualifier": "O",
    "status": "11",
}
SCORE: Section = {
    "modelIndicator": "V4",
    "score": "0782",
    "evaluation": "P",
    "scorePercentile": "81",
    "scoreFactors": [{"importance": "1", "code": "13"}, {"importance": "2", "code": "84"}],
}
INQUIRY: Section = {
    "date": "09122025",
    "subscriberName": "MESA AUTO FINANCE",
    "subscriberCode": "1110006",
    "kob": "FA",
    "type": "I",
    "terms": "UNK",
    "amount": "UNKNOWN",
}
RECORD: Section = {
    "courtName": "US BKPT CT IN HAMMOND",
    "courtCode": "3019999",
    "status": "15",
    "statusDate": "09152025",
    "filingDate": "05152025",
    "referenceNumber": "2490009",
    "amount": "00038400",
    "evaluation": "N",
}
IDENTITY: Section = {
    "dob": {"day": "15", "month": "01", "year": "1971"},
    "name": [{"surname": "MERCER", "firstName": "ADA", "type": "N"}],
}
ADDRESS: Section = {
    "streetPrefix": "101",
    "streetName": "MAPLE",
    "streetSuffix": "ST",
    "city": "MICHIGAN CITY",
    "state": "IN",
    "zipCode": "46360",
    "firstReportedDate": "06012018",
    "lastUpdatedDate": "11012026",
}
PROFILE: Section = {
    "headerRecord": [{"reportDate": "112026", "y2kReportedDate": "11202026", "reportTime": "101112"}],
    "consumerIdentity": [IDENTITY],
    "ssn": [{"number": SSN, "ssnIndicators": "YYYYYYYYY"}],
    "addressInformation": [ADDRESS],
    "riskModel": [SCORE],
    "inquiry": [INQUIRY],
    "tradeline": [CARD, LOAN],
    "uniqueConsumerIdentifier": [{"value": "0123456789ABCDEF0"}],
}


def card(**changes: Any) -> Section:
    """Return the card with changed fields; ``None`` removes one. ``enhanced`` changes fields of the enhanced data."""
    enhanced = _replace_fields(CARD["enhancedPaymentData"], changes.pop("enhanced", {}))
    return _replace_fields(CARD, {"enhancedPaymentData": enhanced, **changes})


def loan(**changes: Any) -> Section:
    return _replace_fields(LOAN, changes)


def raw(**sections: Any) -> bytes:
    """Return a complete response whose profile has changed sections; ``None`` removes one."""
    return json.dumps({"creditProfile": [_replace_fields(PROFILE, sections)]}).encode()


def parse_sample(**sections: Any) -> CreditReport:
    """Return the parsed report of ``raw``."""
    return normalize(raw(**sections), asof=TODAY, models=MODELS)


def header(day: str) -> list[Section]:
    """Return the header section with a report's date, MMDDCCYY."""
    return [{"y2kReportedDate": day}]


def list_problems(report: CreditReport) -> list[tuple[str, str]]:
    """Return a report's warnings, each as the last part of its path and its problem."""
    return [(warning.path.rpartition(".")[2], warning.problem) for warning in report.warnings]


def parse_card(**changes: Any) -> Tradeline:
    """Parse a report with only the card, and return it."""
    [line] = parse_sample(tradeline=[card(**changes)]).tradelines
    return line


def list_card_problems(**changes: Any) -> list[tuple[str, str]]:
    """List the problems of a report with only the card."""
    return list_problems(parse_sample(tradeline=[card(**changes)]))


def _replace_fields(section: Section, changes: Section) -> Section:
    return {name: value for name, value in (section | changes).items() if value is not None}
