"""Reading credit reports: a typical one against `json.loads` of the same text, and the largest that there is."""

import json
import statistics
from collections.abc import Callable
from datetime import date
from typing import Any

from bench.harness.rounds import Case, at_least, at_most, print_result, race, seconds
from credit.diffing import diff
from credit.experian.normalize import normalize
from credit.report import CreditReport

TODAY = date(2026, 11, 20)
MODELS = {"V4": "vantagescore_4"}
TYPICAL = {"accounts": 21, "records": 2, "inquiries": 4}
LARGEST = {"accounts": 60, "records": 100, "inquiries": 12}
REPEATS = 60
GRID = "C0CC1CC-C0CC" * 7

Section = dict[str, Any]


def text(*, accounts: int, records: int, inquiries: int) -> bytes:
    """A report as the bureau writes it, with eighty-four months to each account."""
    profile = {
        "headerRecord": [{"y2kReportedDate": "11202026"}],
        "consumerIdentity": [{"name": [{"surname": "MERCER", "firstName": "ADA"}]}],
        "addressInformation": [address(number) for number in range(3)],
        "riskModel": [{"modelIndicator": "V4", "score": "0702", "scoreFactors": [{"importance": "1", "code": "13"}]}],
        "inquiry": [inquiry(number) for number in range(inquiries)],
        "publicRecord": [record(number) for number in range(records)],
        "tradeline": [account(number) for number in range(accounts)],
    }
    return json.dumps({"creditProfile": [profile]}).encode()


def account(number: int) -> Section:
    loan = number % 3 == 0
    return {
        "subscriberName": f"LENDER NUMBER {number}",
        "subscriberCode": f"{1110000 + number}",
        "kob": "BC",
        "accountNumber": f"{4000111000011000 + number}",
        "accountType": "00" if loan else "18",
        "revolvingOrInstallment": "I" if loan else "R",
        "openOrClosed": "C" if number % 5 == 0 else "O",
        "ecoa": "1",
        "terms": "060" if loan else "REV",
        "openDate": f"{1 + number % 12:02d}152016",
        "statusDate": "11092026",
        "balanceDate": "11092026",
        "balanceAmount": f"{1140 + number:08d}",
        "amount1": f"{9000 + number:08d}",
        "amount1Qualifier": "O" if loan else "L",
        "monthlyPaymentAmount": "00000035",
        "monthlyPaymentType": "S",
        "status": "31",
        "evaluation": "P",
        "delinquencies30Days": "07",
        "delinquencies60Days": "00",
        "delinquencies90to180Days": "00",
        "derogCounter": "00",
        "monthsHistory": "99",
        "paymentHistory": GRID[:25],
        "enhancedPaymentData": {
            "originalLoanAmount" if loan else "creditLimitAmount": f"{9000 + number:010d}",
            "highBalanceAmount": f"{8000 + number:010d}",
            "enhancedAccountCondition": "A1",
            "enhancedPaymentStatus": "31",
            "enhancedPaymentHistory84": GRID[number % 7 :],
        },
    }


def record(number: int) -> Section:
    return {
        "courtName": "LAPORTE CIRCUIT COURT",
        "courtCode": "3046001",
        "status": "02",
        "statusDate": "09152025",
        "filingDate": "05152025",
        "amount": "00003840",
        "referenceNumber": f"13CV{number:06d}",
    }


def inquiry(number: int) -> Section:
    return {
        "date": "09122025",
        "subscriberName": f"LENDER {number}",
        "subscriberCode": f"{number}",
        "amount": "UNKNOWN",
    }


def address(number: int) -> Section:
    return {
        "streetPrefix": f"{number}",
        "streetName": "MAPLE",
        "city": "MICHIGAN CITY",
        "state": "IN",
        "zipCode": "46360",
    }


def normalize_report(raw: bytes) -> CreditReport:
    return normalize(raw, asof=TODAY, models=MODELS)


def share(floor: Callable[[], object], work: Callable[[], object]) -> Case:
    """A case that returns how much of the time of ``work`` its floor takes, the two by turns.

    Either takes less time than an interruption by somebody else, so medians are compared.
    """

    def measure() -> float:
        spent = [(seconds(floor), seconds(work)) for _ in range(REPEATS)]
        return statistics.median(low for low, _ in spent) / statistics.median(high for _, high in spent)

    return measure


def rate(work: Callable[[], object]) -> Case:
    """A case that returns how often a second something is done."""
    return lambda: REPEATS / seconds(lambda: [work() for _ in range(REPEATS)])


def main() -> None:
    typical, largest = text(**TYPICAL), text(**LARGEST)
    before, after = normalize_report(largest), normalize_report(largest.replace(b"00001140", b"00009140"))
    if (len(before.tradelines), len(before.public_records), before.warnings) != (60, 100, ()):
        raise SystemExit("The largest report was not read whole.")
    rounds = race(
        {
            "read": rate(lambda: normalize_report(typical)),
            "share": share(lambda: json.loads(typical), lambda: normalize_report(typical)),
            "largest": lambda: seconds(lambda: normalize_report(largest)),
            "diff": lambda: seconds(lambda: diff(before, after)),
        }
    )
    print_result(
        "credit",
        {
            "reads_to_json_loads": at_least(0.05, [round_["share"] for round_ in rounds]),
            "typical_reports_a_second": at_least(100, [round_["read"] for round_ in rounds]),
            "largest_report_seconds": at_most(1.0, [round_["largest"] for round_ in rounds]),
            "largest_diff_seconds": at_most(1.0, [round_["diff"] for round_ in rounds]),
        },
        kilobytes={"typical": len(typical) // 1000, "largest": len(largest) // 1000},
    )


if __name__ == "__main__":
    main()
