"""P11: twelve months in which every kind of change of a report happens once.

    month  score  what changes from the month before
        0    702  Beacon Card at 1995 of 6500 (30.7 %)
        1    688  Beacon Card at 3315 of 6500 (51.0 %)
        2    684  an inquiry by Mesa Auto Finance
        3    676  a car loan of 21500 at Mesa Auto Finance
        4    690  Beacon Card down to 1820 (28.0 %)
        5    651  Harbor Store Card is 30 days late, 25 past due
        6    656  it is paid up again; the mark stays
        7    667  Harbor Store Card paid to 0; Beacon Card's limit goes from 6500 to 8000
        8    664  Harbor Store Card is closed by the consumer
        9    666  the student loan moves from Northfield Education to Cedar Loan Servicing
       10    672  a new address; the personal loan at Prairie Finance is paid off and closed; the late mark is disputed
       11    689  the late mark is gone, and so is the dispute
       12    640  a collection of 118 by Tri-County Recovery; an initial fraud alert

After month 12 only balances move.
"""

from sandbox.bureau.personas.drafts import (
    ALWAYS,
    Address,
    Factors,
    File,
    Inquiry,
    Mark,
    Statement,
    Trade,
    falling,
    steady,
    steps,
)

SCORES = {0: 702, 1: 688, 2: 684, 3: 676, 4: 690, 5: 651, 6: 656, 7: 667, 8: 664, 9: 666, 10: 672, 11: 689, 12: 640}
BEACON = {0: 1995, 1: 3315, 2: 3290, 3: 3270, 4: 1820, 5: 1790, 6: 1815, 7: 1760, 8: 1745, 9: 1730, 10: 1715, 11: 1690}
HARBOR = {0: 410, 1: 395, 2: 380, 3: 360, 4: 340, 5: 352, 6: 290, 7: 0}
MOVED = Address("27", "HARBOR VIEW", "DR", "MICHIGAN CITY", "IN", "46360", since=10)
ALERTED = 12
INITIAL_ALERT = "INITIAL FRAUD ALERT: ACTION MAY BE REQUIRED UNDER FCRA BEFORE OPENING OR MODIFYING AN ACCOUNT."


def changing_file() -> File:
    """The file of P11."""
    return File(
        trades=(_beacon(), _harbor(), _prairie(), _northfield(), _cedar(), _mesa(), _collection()),
        inquiries=(
            Inquiry("BEACON CARD", "1110001", "BC", month=-10),
            Inquiry("MESA AUTO FINANCE", "1110006", "FA", month=2),
        ),
        addresses=(MOVED,),
        employer="MICHIANA FREIGHT",
        score=steps(SCORES),
        factors=factors,
        statements=(Statement("07", INITIAL_ALERT, since=ALERTED),),
    )


def factors(month: int) -> Factors:
    """Return the score factors of a month."""
    if month >= ALERTED:
        return ("11", "30", "13")
    if 5 <= month < 11:
        return ("5", "13", "30")
    return ("32", "13") if month in (1, 2, 3) else ("30", "13")


def _beacon() -> Trade:
    return Trade(
        creditor="BEACON CARD",
        member="1110001",
        number="4000111000011001",
        kind="card",
        opened=-64,
        balance=steps(BEACON),
        reports_on=9,
        limit=steps({0: 6500, 7: 8000}),
        high=3410,
    )


def _harbor() -> Trade:
    return Trade(
        creditor="HARBOR STORE CARD",
        member="1110002",
        number="6000111000011002",
        kind="retail",
        opened=-47,
        balance=steps(HARBOR),
        reports_on=15,
        limit=steady(1500),
        high=980,
        marks=(Mark(5, "1", gone=11),),
        closed=8,
        condition="A3",
        disputed=range(10, 11),
    )


def _prairie() -> Trade:
    return Trade(
        creditor="PRAIRIE FINANCE",
        member="1110003",
        number="7700111000011003",
        kind="personal",
        opened=-26,
        balance=falling(1400, 140),
        reports_on=20,
        original=5040,
        payment=steady(158),
        closed=10,
        condition="A2",
    )


def _northfield() -> Trade:
    return Trade(
        creditor="NORTHFIELD EDUCATION",
        member="1110004",
        number="8800111000011004",
        kind="student",
        opened=-58,
        balance=falling(14200, 130),
        reports_on=27,
        original=18000,
        payment=steady(196),
        closed=9,
        condition="05",
    )


def _cedar() -> Trade:
    """The same debt at its new servicer: with the same open date and original amount."""
    return Trade(
        creditor="CEDAR LOAN SERVICING",
        member="1110005",
        number="8800111000011005",
        kind="student",
        opened=-58,
        appears=9,
        balance=falling(14200, 130),
        reports_on=27,
        original=18000,
        payment=steady(196),
    )


def _mesa() -> Trade:
    return Trade(
        creditor="MESA AUTO FINANCE",
        member="1110006",
        number="7700111000011006",
        kind="auto",
        opened=3,
        balance=lambda month: max(0, 21500 - 280 * (month - 3)),
        reports_on=25,
        original=21500,
        payment=steady(398),
    )


def _collection() -> Trade:
    return Trade(
        creditor="TRI-COUNTY RECOVERY",
        member="1110007",
        number="C11011007",
        kind="collection",
        opened=12,
        balance=steady(118),
        reports_on=6,
        original=118,
        marks=(Mark(12, "G", ALWAYS),),
        condition="93",
    )
