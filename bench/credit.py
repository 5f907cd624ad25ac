"""Parsing credit reports: a typical one, compared with `json.loads` of the same text, and the largest one."""

import json
import statistics
from collections.abc import Callable
from datetime import date
from typing import Any

from bench.harness.rounds import Case, goal_at_least, goal_at_most, measure_seconds, print_result, run_rounds
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


def build_raw_report(*, accounts: int, records: int, inquiries: int) -> bytes:
    """Build the JSON of a report in Experian's format, with 84 months of history for each account."""
    profile = {
        "headerRecord": [{"y2kReportedDate": "11202026"}],
        "consumerIdentity": [{"name": [{"surname": "MERCER", "firstName": "ADA"}]}],
        "addressInformation": [build_address(number) for number in range(3)],
        "riskModel": [{"modelIndicator": "V4", "score": "0702", "scoreFactors": [{"importance": "1", "code": "13"}]}],
        "inquiry": [build_inquiry(number) for number in range(inquiries)],
        "publicRecord": [build_public_record(number) for number in range(records)],
        "tradeline": [build_account(number) for number in range(accounts)],
    }
    return json.dumps({"creditProfile": [profile]}).encode()


def build_account(number: int) -> Section:
    is_loan = number % 3 == 0
    return {
        "subscriberName": f"LENDER NUMBER {number}",
        "subscriberCode": f"{1110000 + number}",
        "kob": "BC",
        "accountNumber": f"{4000111000011000 + number}",
        "accountType": "00" if is_loan else "18",
        "revolvingOrInstallment": "I" if is_loan else "R",
        "openOrClosed": "C" if number % 5 == 0 else "O",
        "ecoa": "1",
        "terms": "060" if is_loan else "REV",
        "openDate": f"{1 + number % 12:02d}152016",
        "statusDate": "11092026",
        "balanceDate": "11092026",
        "balanceAmount": f"{1140 + number:08d}",
        "amount1": f"{9000 + number:08d}",
        "amount1Qualifier": "O" if is_loan else "L",
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
            "originalLoanAmount" if is_loan else "creditLimitAmount": f"{9000 + number:010d}",
            "highBalanceAmount": f"{8000 + number:010d}",
            "enhancedAccountCondition": "A1",
            "enhancedPaymentStatus": "31",
            "enhancedPaymentHistory84": GRID[number % 7 :],
        },
    }


def build_public_record(number: int) -> Section:
    return {
        "courtName": "LAPORTE CIRCUIT COURT",
        "courtCode": "3046001",
        "status": "02",
        "statusDate": "09152025",
        "filingDate": "05152025",
        "amount": "00003840",
        "referenceNumber": f"13CV{number:06d}",
    }


def build_inquiry(number: int) -> Section:
    return {
        "date": "09122025",
        "subscriberName": f"LENDER {number}",
        "subscriberCode": f"{number}",
        "amount": "UNKNOWN",
    }


def build_address(number: int) -> Section:
    return {
        "streetPrefix": f"{number}",
        "streetName": "MAPLE",
        "city": "MICHIGAN CITY",
        "state": "IN",
        "zipCode": "46360",
    }


def normalize_report(raw: bytes) -> CreditReport:
    return normalize(raw, asof=TODAY, models=MODELS)


def compare_times(baseline: Callable[[], object], work: Callable[[], object]) -> Case:
    """Return a case that measures the time of ``baseline`` divided by that of ``work``, running both alternately.

    It compares medians, because an interruption by another process takes longer than either of them.
    """

    def measure() -> float:
        times = [(measure_seconds(baseline), measure_seconds(work)) for _ in range(REPEATS)]
        return statistics.median(first for first, _ in times) / statistics.median(second for _, second in times)

    return measure


def measure_rate(work: Callable[[], object]) -> Case:
    """Return a case that measures how many times per second ``work`` can run."""
    return lambda: REPEATS / measure_seconds(lambda: [work() for _ in range(REPEATS)])


def main() -> None:
    typical, largest = build_raw_report(**TYPICAL), build_raw_report(**LARGEST)
    before, after = normalize_report(largest), normalize_report(largest.replace(b"00001140", b"00009140"))
    if (len(before.tradelines), len(before.public_records), before.warnings) != (60, 100, ()):
        raise SystemExit("The largest report was not parsed completely.")
    rounds = run_rounds(
        {
            "rate": measure_rate(lambda: normalize_report(typical)),
            "ratio": compare_times(lambda: json.loads(typical), lambda: normalize_report(typical)),
            "largest": lambda: measure_seconds(lambda: normalize_report(largest)),
            "diff": lambda: measure_seconds(lambda: diff(before, after)),
        }
    )
    print_result(
        "credit",
        {
            "reads_to_json_loads": goal_at_least(0.05, [round_["ratio"] for round_ in rounds]),
            "typical_reports_a_second": goal_at_least(100, [round_["rate"] for round_ in rounds]),
            "largest_report_seconds": goal_at_most(1.0, [round_["largest"] for round_ in rounds]),
            "largest_diff_seconds": goal_at_most(1.0, [round_["diff"] for round_ in rounds]),
        },
        kilobytes={"typical": len(typical) // 1000, "largest": len(largest) // 1000},
    )


if __name__ == "__main__":
    main()
