"""Personas with derogatory files: late payments, a bankruptcy, no recent reports, a death."""

from sandbox.bureau.personas.drafts import (
    ALWAYS,
    File,
    Inquiry,
    Mark,
    Record,
    Trade,
    always,
    falling,
    steady,
    wavering,
)

SHOPPING = (
    Inquiry("MESA AUTO FINANCE", "1300011", "FA", month=-10),
    Inquiry("HARBOR STORE CARD", "1300012", "DC", month=-8),
    Inquiry("PRAIRIE FINANCE", "1300013", "FP", month=-6),
    Inquiry("QUICKLEND", "1300014", "FP", month=-3),
    Inquiry("FIRST STEP CARD", "1300015", "BC", month=-1),
)


def subprime_file() -> File:
    """P03: cards at 93.29 %, sixty days late four months ago, a charge-off, a collection, five inquiries in a year."""
    return File(
        trades=(*_late_cards(), *_charged_off_accounts()),
        inquiries=SHOPPING,
        score=wavering("P03/score", 548, 6),
        factors=always("9", "32", "11", "85"),
    )


def _late_cards() -> tuple[Trade, ...]:
    """Three cards at their limits, one of them sixty days late four months ago."""
    return (
        Trade(
            creditor="BEACON CARD",
            member="1300001",
            number="4000130000003001",
            kind="card",
            opened=-55,
            balance=wavering("P03/a", 1940, 45),
            limit=steady(2000),
            high=2011,
            marks=(Mark(-17, "1"), Mark(-5, "1"), Mark(-4, "2")),
        ),
        Trade(
            creditor="HARBOR STORE CARD",
            member="1300002",
            number="6000130000003002",
            kind="retail",
            opened=-33,
            balance=wavering("P03/b", 1015, 30),
            reports_on=18,
            limit=steady(1000),
            high=1052,
        ),
        Trade(
            creditor="FIRST STEP CARD",
            member="1300003",
            number="4000130000003003",
            kind="card",
            opened=-12,
            balance=wavering("P03/c", 310, 40),
            reports_on=4,
            limit=steady(500),
            high=455,
        ),
    )


def _charged_off_accounts() -> tuple[Trade, ...]:
    """A charge-off and a collection."""
    return (
        Trade(
            creditor="PLAINS BANK CARD",
            member="1300004",
            number="4000130000003004",
            kind="card",
            opened=-62,
            balance=steady(1930),
            reports_on=21,
            limit=steady(1500),
            high=1930,
            marks=(*_delinquency(-24), Mark(-18, "L", ALWAYS)),
            closed=-18,
            ends=ALWAYS,
            condition="97",
            charged_off=1930,
            remark="68",
        ),
        Trade(
            creditor="TRI-COUNTY RECOVERY",
            member="1300005",
            number="C30003005",
            kind="collection",
            opened=-14,
            balance=steady(842),
            reports_on=26,
            original=842,
            marks=(Mark(-14, "G", ALWAYS),),
            condition="93",
        ),
    )


def deceased_file() -> File:
    """P07: deceased, by every indicator, and without a score."""
    return File(
        trades=(
            Trade(
                creditor="LAKESHORE BANK",
                member="1700001",
                number="4000170000007001",
                kind="card",
                opened=-230,
                balance=steady(0),
                limit=steady(8000),
                high=3120,
                closed=-5,
                condition="21",
                ecoa="X",
            ),
        ),
        exclusion="9001",
        alarms=("05", "25"),
        died=-6,
    )


def bankruptcy_file() -> File:
    """P09: chapter 7 discharged fourteen months ago, two debts included in it, one card since."""
    return File(
        trades=(
            _discharged_trade("PLAINS BANK CARD", "1900001", "4000190000009001", "card", -70, limit=5200),
            _discharged_trade("PRAIRIE FINANCE", "1900002", "7700190000009002", "personal", -48, original=7500),
            Trade(
                creditor="FIRST STEP CARD",
                member="1900003",
                number="4000190000009003",
                kind="card",
                opened=-9,
                balance=wavering("P09/c", 145, 60),
                limit=steady(500),
                high=290,
            ),
        ),
        records=(
            Record(
                court="US BKPT CT IN HAMMOND",
                court_code="3019999",
                status="15",
                filed=-18,
                settled=-14,
                reference="2490009",
                amount=38400,
            ),
        ),
        score=wavering("P09/score", 588, 5),
        factors=always("88", "12"),
    )


def inactive_file() -> File:
    """P10: accounts that were not reported for more than six months, so exclusion code 9002 instead of a score."""
    return File(
        trades=(
            Trade(
                creditor="UNION TRAVEL CARD",
                member="1010001",
                number="4000101000010001",
                kind="card",
                opened=-130,
                balance=steady(0),
                limit=steady(2500),
                high=410,
                ends=-9,
                condition="A4",
            ),
            Trade(
                creditor="DUNES CREDIT UNION",
                member="1010002",
                number="7700101000010002",
                kind="personal",
                opened=-76,
                balance=falling(0, 140),
                original=5000,
                closed=-40,
                condition="A2",
            ),
        ),
        exclusion="9002",
    )


def _delinquency(first: int) -> tuple[Mark, ...]:
    """The marks from 30 to 180 days late, a month each."""
    return tuple(Mark(first + number, str(number + 1)) for number in range(6))


def _discharged_trade(
    creditor: str, member: str, number: str, kind: str, opened: int, *, limit: int = 0, original: int | None = None
) -> Trade:
    """A debt that was discharged in the bankruptcy."""
    return Trade(
        creditor=creditor,
        member=member,
        number=number,
        kind=kind,
        opened=opened,
        balance=steady(0),
        limit=steady(limit) if limit else None,
        original=original,
        high=limit or original,
        marks=(Mark(-21, "1"), Mark(-20, "2"), Mark(-19, "3"), Mark(-18, "9", -14)),
        closed=-14,
        condition="67",
        wide_condition="E",
    )
