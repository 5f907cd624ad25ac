"""P13: a file of maximum size, with 60 accounts of 84 months each and 100 public records."""

from random import Random

from sandbox.bureau.personas.drafts import (
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

TRADES, MONTHS, RECORDS, INQUIRIES = 60, 84, 100, 12
LENDERS = ("LAKESHORE BANK", "BEACON CARD", "HARBOR STORE CARD", "DUNES CREDIT UNION", "PRAIRIE FINANCE", "MESA AUTO")
ACCOUNT_TYPES = ("card", "card", "retail", "line", "heloc", "auto", "personal", "student", "mortgage")
REVOLVING = ("card", "retail", "line", "heloc")
COURTS = (("LAPORTE CIRCUIT COURT", "3046001"), ("PORTER SUPERIOR COURT", "3046350"), ("LAKE RECORDER", "3046307"))


def largest_file() -> File:
    """Build the file from a fixed seed, so that it is the same in every run."""
    random = Random("P13")  # noqa: S311 - not a secret
    return File(
        trades=tuple(_trade(random, number) for number in range(TRADES)),
        inquiries=tuple(
            Inquiry(random.choice(LENDERS), f"1131{number:03d}", "BC", month=-2 * number) for number in range(INQUIRIES)
        ),
        records=tuple(_record(random, number) for number in range(RECORDS)),
        score=wavering("P13/score", 601, 5),
        factors=always("8", "88", "30", "85"),
    )


def _trade(random: Random, number: int) -> Trade:
    kind = ACCOUNT_TYPES[number % len(ACCOUNT_TYPES)]
    revolving = kind in REVOLVING
    size = random.randrange(5, 190) * 100
    closed = -random.randrange(1, 30) if number % 4 == 3 else None
    seed = f"P13/{number}"
    return Trade(
        creditor=LENDERS[number % len(LENDERS)],
        member=f"113{number % len(LENDERS):04d}",
        number=f"40001300{number:08d}",
        kind=kind,
        opened=-(MONTHS - 1) - random.randrange(60),
        balance=_balance(revolving, closed, seed, size),
        reports_on=1 + number % 28,
        limit=steady(size) if revolving else None,
        high=size * 3 // 4 if revolving else None,
        original=None if revolving else size * 2,
        payment=None if revolving else steady(size // 30),
        marks=tuple(Mark(-random.randrange(1, MONTHS - 1), "1") for _ in range(number % 3)),
        closed=closed,
        condition="A3" if closed is not None else "",
    )


def _balance(revolving: bool, closed: int | None, seed: str, size: int) -> Monthly:
    if closed is not None:
        return steady(0)
    return wavering(seed, size // 3, size // 6) if revolving else falling(size, size // 60)


def _record(random: Random, number: int) -> Record:
    court, code = COURTS[number % len(COURTS)]
    filed = -random.randrange(12, MONTHS)
    return Record(
        court=court,
        court_code=code,
        status=("02", "06", "07")[number % 3],
        filed=filed,
        settled=min(0, filed + 6),
        reference=f"13CV{number:06d}",
        amount=random.randrange(2, 90) * 100,
        plaintiff=LENDERS[number % len(LENDERS)],
    )
