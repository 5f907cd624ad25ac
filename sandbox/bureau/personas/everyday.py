"""Personas with good files: prime, thin, with alerts, authorized user."""

from sandbox.bureau.personas.drafts import File, Inquiry, Statement, Trade, always, falling, steady, wavering

ALERT = (
    "FRAUD VICTIM EXTENDED ALERT: FRAUDULENT APPLICATIONS MAY BE SUBMITTED IN MY NAME OR MY IDENTITY MAY HAVE BEEN "
    "USED WITHOUT MY CONSENT. DO NOT EXTEND CREDIT WITHOUT FIRST CONTACTING ME AT 219-555-0108."
)
ACTIVE_DUTY = "ACTIVE DUTY ALERT: I AM ON ACTIVE MILITARY DUTY. CONTACT ME AT 219-555-0108 BEFORE EXTENDING CREDIT."


def prime_file() -> File:
    """P01: three cards (overall utilization 15.06 %), a car, a house, nothing ever late, one old inquiry."""
    return File(
        trades=(
            card("LAKESHORE BANK", "1100001", "4000110000001001", -142, 1140, 12000, "P01/a", reports_on=8),
            card("BEACON CARD", "1100002", "4000110000001002", -96, 1872, 6500, "P01/b", reports_on=12),
            Trade(
                creditor="UNION TRAVEL CARD",
                member="1100003",
                number="4000110000001003",
                kind="card",
                opened=-38,
                balance=steady(0),
                reports_on=3,
                limit=steady(1500),
                high=640,
            ),
            *_loans(),
        ),
        inquiries=(Inquiry("UNION TRAVEL CARD", "1100003", "BC", month=-14, days=0),),
        employer="LAKESHORE SCHOOLS",
        score=wavering("P01/score", 782, 4),
        factors=always("13", "84"),
    )


def _loans() -> tuple[Trade, ...]:
    """A car loan and a mortgage that are paid each month."""
    return (
        Trade(
            creditor="MESA AUTO FINANCE",
            member="1100004",
            number="7700110000001004",
            kind="auto",
            opened=-34,
            balance=falling(11960, 465),
            reports_on=14,
            original=28400,
            payment=steady(512),
        ),
        Trade(
            creditor="CEDAR HOME MORTGAGE",
            member="1100005",
            number="9900110000001005",
            kind="mortgage",
            opened=-70,
            balance=falling(281450, 522),
            reports_on=5,
            original=318000,
            payment=steady(1936),
            ecoa="2",
        ),
    )


def thin_file() -> File:
    """P02: a single card, seven months old, at 82.4 % of its limit."""
    return File(
        trades=(card("FIRST STEP CARD", "1200001", "4000120000002001", -6, 412, 500, "P02/a", spread=40),),
        inquiries=(Inquiry("FIRST STEP CARD", "1200001", "BC", month=-6, days=12),),
        score=wavering("P02/score", 641, 5),
        factors=always("14", "32"),
    )


def file_with_alerts() -> File:
    """P08: an ordinary file that carries an extended fraud alert and an active duty alert."""
    return File(
        trades=(
            card("HARBOR BANK CARD", "1800001", "4000180000008001", -51, 730, 4000, "P08/a"),
            Trade(
                creditor="DUNES CREDIT UNION",
                member="1800002",
                number="7700180000008002",
                kind="auto",
                opened=-20,
                balance=falling(9320, 310),
                reports_on=17,
                original=15600,
                payment=steady(338),
            ),
        ),
        score=wavering("P08/score", 719, 4),
        factors=always("12", "13"),
        statements=(Statement("07", ALERT), Statement("06", ACTIVE_DUTY)),
        alarms=("12",),
    )


def authorized_user_file() -> File:
    """P14: utilization is 7.5 % with two cards as an authorized user, 70 % without them."""
    return File(
        trades=(
            card("LAKESHORE BANK", "1400001", "4000140000014001", -122, 600, 15000, "P14/a", ecoa="3", reports_on=8),
            card("BEACON CARD", "1400002", "4000140000014002", -88, 450, 9000, "P14/b", ecoa="3", reports_on=12),
            card("FIRST STEP CARD", "1400003", "4000140000014003", -13, 840, 1200, "P14/c", spread=60),
        ),
        score=wavering("P14/score", 694, 5),
        factors=always("32", "13"),
    )


def frozen_file() -> File:
    """P05: the file when the freeze is lifted."""
    return File(
        trades=(card("POLAR BANK CARD", "1500001", "4000150000005001", -40, 905, 5000, "P05/a"),),
        score=wavering("P05/score", 733, 4),
        factors=always("13", "30"),
    )


def card(
    creditor: str,
    member: str,
    number: str,
    opened: int,
    balance: int,
    limit: int,
    seed: str,
    *,
    spread: int | None = None,
    reports_on: int = 10,
    ecoa: str = "1",
) -> Trade:
    """An open card with a slightly different balance every month."""
    return Trade(
        creditor=creditor,
        member=member,
        number=number,
        kind="card",
        opened=opened,
        balance=wavering(seed, balance, balance // 8 if spread is None else spread),
        reports_on=reports_on,
        limit=steady(limit),
        high=max(balance, limit * 3 // 5),
        ecoa=ecoa,
    )
