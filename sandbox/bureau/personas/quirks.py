"""P12: a file with all quirks that real reports have, or that their format allows.

The quirks are applied to the finished report, so the accounts themselves are ordinary.
"""

from collections.abc import Callable
from typing import Any

from sandbox.bureau.encoding import UNKNOWN
from sandbox.bureau.personas.drafts import File, Mark, Trade, falling, steady, wavering

ZEROS = "0" * 16
SCHOOLS = "US DEPT OF EDUCATION"

Section = dict[str, Any]


def quirky_file() -> File:
    """The file of P12, with its accounts in the order of ``QUIRKS``."""
    return File(
        trades=(
            _card("LAKESHORE BANK", "1120001", -81, steady(720), limit=3000),
            _card("UNION CHARGE CARD", "1120002", -64, wavering("P12/b", 890, 200), high=2600),
            _card("CAFÉ NOIR CREDIT", "1120003", -50, wavering("P12/c", 1310, 50), limit=1200),
            _loan("PRAIRIE FINANCE", "1120004", "personal", -22, falling(2100, 90), 3600),
            _card("BEACON CARD", "1120005", -44, steady(-35), limit=900),
            _loan(SCHOOLS, "1120006", "student", -77, falling(6100, 60), 9000),
            _loan(SCHOOLS, "1120006", "student", -65, falling(4400, 40), 5500),
            _loan("DUNES CREDIT UNION", "1120008", "personal", -30, falling(1500, 60), 3300, letters="Z-NB"),
            _loan("MESA AUTO FINANCE", "1120009", "auto", -18, falling(13400, 390), 21000),
        ),
        score=wavering("P12/score", 655, 6),
        factors=lambda month: ("32", "99"),
        quirks=True,
    )


def apply_to_trades(rows: list[Section]) -> list[Section]:
    """Apply the quirk of each tradeline's position."""
    for row, apply in zip(rows, QUIRKS, strict=True):
        apply(row)
    return rows


def apply_to_profile(profile: Section) -> Section:
    """Write single entries as objects instead of arrays, and use an unknown model."""
    for section in ("consumerIdentity", "ssn", "riskModel"):
        if profile.get(section):
            profile[section] = profile[section][0]
    if "riskModel" in profile:
        profile["riskModel"]["modelIndicator"] = "RC"
    return profile


def _limit_only_in_enhanced(row: Section) -> None:
    row["accountNumber"] = ZEROS
    del row["amount1"], row["amount1Qualifier"]


def _high_balance_only(row: Section) -> None:
    row["accountNumber"] = ZEROS


def _over_the_limit(row: Section) -> None:
    row["openDate"] = row["openDate"][:2] + "00" + row["openDate"][4:]
    row["lastPaymentDate"] = "00000000"


def _unknown_amounts(row: Section) -> None:
    row |= {"balanceAmount": UNKNOWN, "monthlyPaymentAmount": UNKNOWN, "amount1": UNKNOWN, "amount1Qualifier": "U"}
    del row["enhancedPaymentData"]["originalLoanAmount"]


def _credit_balance(row: Section) -> None:
    row["balanceAmount"] = "00000000"


def _zeros_for_a_number(row: Section) -> None:
    row["accountNumber"] = "0" * 10


def _unknown_codes(row: Section) -> None:
    row |= {"accountType": "3Q", "status": "4Z", "kob": "ZZ", "specialComment": "Q9"}
    row["enhancedPaymentData"] |= {"enhancedPaymentStatus": "4Z", "enhancedAccountCondition": "Z9"}
    row["enhancedPaymentData"].pop("enhancedAccountType", None)
    _only_in_the_schema(row)


def _only_in_the_schema(row: Section) -> None:
    """Four fields that are in the format and in no published report; no other persona has them."""
    row |= {"consumerDisputeFlag": "Y", "originalCreditorName": "WABASH WIRELESS", "bankruptcyChapterNumber": "13"}
    row["enhancedPaymentData"]["ciiCode"] = "L"


def _misspelled_field(row: Section) -> None:
    """Add trended data with the real service's misspelled field, even if no trend was requested."""
    paid = row.get("monthlyPaymentAmount", UNKNOWN)
    row["trendedTrades"] = [
        {
            "monthNumber": str(number),
            "balanceAmount": UNKNOWN if number else row["balanceAmount"],
            "originalLoamAmountOrLimit": row["amount1"],
            "scheduledPaymentAmount": paid,
        }
        for number in range(3)
    ]


QUIRKS: tuple[Callable[[Section], None], ...] = (
    _limit_only_in_enhanced,
    _high_balance_only,
    _over_the_limit,
    _unknown_amounts,
    _credit_balance,
    _zeros_for_a_number,
    _zeros_for_a_number,
    _unknown_codes,
    _misspelled_field,
)


def _card(creditor: str, member: str, opened: int, balance: Any, *, limit: int = 0, high: int | None = None) -> Trade:
    return Trade(
        creditor=creditor,
        member=member,
        number=f"40001200000{-opened:05d}",
        kind="card",
        opened=opened,
        balance=balance,
        limit=steady(limit) if limit else None,
        high=high,
    )


def _loan(
    creditor: str, member: str, kind: str, opened: int, balance: Any, original: int, *, letters: str = ""
) -> Trade:
    """A loan. ``letters`` are the codes of its grid from month -6 on."""
    return Trade(
        creditor=creditor,
        member=member,
        number=f"77001200000{-opened:05d}",
        kind=kind,
        opened=opened,
        balance=balance,
        reports_on=16,
        original=original,
        payment=steady(original // 48),
        marks=tuple(Mark(month, letter) for month, letter in enumerate(letters, -6)),
    )
