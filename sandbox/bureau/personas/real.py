"""P15: features of real files that the other personas do not have.

Rare types and statuses, accounts without enhanced data or without dates, months without a code, paid collections, a
disputed account. The utilization of its cards is 12.72 %, and 90 % for the secured one.
"""

from typing import Any

from sandbox.bureau.personas.drafts import (
    ALWAYS,
    File,
    Inquiry,
    Mark,
    Monthly,
    Record,
    Trade,
    always,
    falling,
    steady,
    wavering,
)
from sandbox.bureau.personas.everyday import card


def realistic_file() -> File:
    """The file of P15."""
    return File(
        trades=(*_cards(), *_loans(), *_late(), *_ended_loans(), *_collections()),
        inquiries=(
            Inquiry("SUMMIT SERVICES", "1510011", "ZZ", month=-7),
            Inquiry("CEDAR HOME LENDING", "1510005", "FM", month=-11, type="08"),
            Inquiry("TRI-COUNTY RECOVERY", "1510013", "YC", month=-19),
        ),
        records=(
            Record(
                court="US BKPT CT IN SOUTH BEND",
                court_code="3018888",
                status="17",
                filed=-66,
                settled=-21,
                reference="2110015",
                amount=24100,
                assets=21500,
                repays=40,
            ),
        ),
        employer="ORDWAY TAX SERVICE",
        score=wavering("P15/score", 604, 5),
        factors=always("9", "72", "32"),
        alarms=("01", "02", "04"),
        ofac=("1202", "OFAC NO RECORD FOUND"),
    )


def _cards() -> tuple[Trade, ...]:
    """A secured card, an ordinary one, and a store card that was not reported in some months."""
    secured = Trade(
        creditor="FIRST STEP CARD",
        member="1510001",
        number="4000151000015001",
        kind="secured card",
        opened=-20,
        balance=wavering("P15/a", 450, 30),
        limit=steady(500),
        high=488,
    )
    store = Trade(
        creditor="HARBOR STORE CARD",
        member="1510003",
        number="6000151000015003",
        kind="retail",
        opened=-31,
        balance=steady(0),
        reports_on=16,
        high=260,
        marks=(Mark(-9, " ", -7), Mark(-4, "1"), Mark(0, " ")),
    )
    return secured, card("LAKESHORE BANK", "1510002", "4000151000015002", -77, 1140, 12000, "P15/b"), store


def _loans() -> tuple[Trade, ...]:
    """Current loans of rare types. One is disputed, and one has no dates."""
    return (
        _loan("CEDAR HOME LENDING", "1510005", "real estate", -58, falling(41000, 260), 60000, ecoa="4"),
        _loan("LIBERTY VA LENDING", "1510006", "va mortgage", -44, falling(182000, 410), 200000, ecoa="2"),
        _loan("MESA AUTO LEASING", "1510007", "auto lease", -14, falling(9800, 290), 14200, disputed=range(ALWAYS)),
        _loan("SUMMIT SERVICES", "1510011", "unknown", -6, steady(75), 75, plain=True, dated="nothing"),
    )


def _late() -> tuple[Trade, ...]:
    """Loans that are late: for the first time, for the third time, and for half a year."""
    return (
        _loan(
            *("PRAIRIE BUSINESS BANK", "1510008", "business loan", -29, falling(15400, 220), 24000),
            ecoa="7",
            marks=(Mark(0, "1", ALWAYS),),
        ),
        _loan(
            *("DUNES CREDIT UNION", "1510004", "secured loan", -25, falling(2300, 90), 5000),
            plain=True,
            status="73",
            marks=(Mark(-12, "1"), Mark(-6, "1"), Mark(0, "1", ALWAYS)),
        ),
        _loan(
            *("QUICKLEND", "1510012", "installment loan", -22, steady(1900), 2400),
            marks=(*(Mark(number - 5, str(number + 1)) for number in range(6)), Mark(1, "6", ALWAYS)),
        ),
    )


def _ended_loans() -> tuple[Trade, ...]:
    """Loans that have ended: transferred, and paid."""
    return (
        _loan("MESA LEASING", "1510009", "lease", -40, steady(0), 11800, closed=-8, condition="05"),
        _loan(
            *("HARBOR FURNITURE", "1510010", "installment sale", -37, steady(0), 1800),
            closed=-13,
            condition="A2",
            plain=True,
            status="13",
            dated="status",
        ),
        _loan(
            *("PRAIRIE FINANCE", "1510014", "personal", -50, steady(0), 4200),
            closed=-30,
            condition="A2",
            payment_status="A2",
            status="12",
        ),
    )


def _collections() -> tuple[Trade, ...]:
    """Paid collections, reported in two ways."""
    return (
        _loan(
            *("TRI-COUNTY RECOVERY", "1510013", "collection", -34, steady(0), 640),
            closed=-16,
            condition="A2",
            payment_status="93",
            status="93",
            marks=(Mark(-34, "G", -17),),
        ),
        _loan(
            *("WABASH COLLECTIONS", "1510015", "collection", -28, steady(0), 215),
            closed=-10,
            condition="A2",
            plain=True,
            status="62",
            marks=(Mark(-28, "G", -11),),
        ),
    )


def _loan(creditor: str, member: str, kind: str, opened: int, balance: Monthly, original: int, **more: Any) -> Trade:
    """A loan with 48 payments."""
    return Trade(
        creditor=creditor,
        member=member,
        number=f"77001510000{member[-5:]}",
        kind=kind,
        opened=opened,
        balance=balance,
        reports_on=14,
        original=original,
        payment=steady(original // 48),
        **more,
    )
