"""user_transactions_dynamic: about fifty transactions, some pending, and new ones at every refresh.

Source: https://plaid.com/docs/sandbox/test-credentials/ (Plaid's persona of the same name).
"""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sandbox.personas.drafts import AccountDraft, Book, TransactionDraft
from sandbox.personas.merchants import choose_merchant, seeded_random

POSTED, PENDING, NEW = 46, 4, 3
DAYS = 60


def draw(seed: str, today: date) -> Book:
    """Generate two months of purchases on a checking account and a card, the last few pending."""
    random = seeded_random(f"dynamic/{seed}")
    days = sorted(random.randrange(2, DAYS) for _ in range(POSTED))[::-1]
    posted = [_purchase(random, f"posted/{n}", today - timedelta(days=ago)) for n, ago in enumerate(days)]
    return Book(_accounts(), posted + _pendings(random, "first", today, PENDING))


def pendings(salt: str, today: date) -> list[TransactionDraft]:
    """Return the new pending purchases of a refresh, different for each ``salt``."""
    return _pendings(seeded_random(f"dynamic/{salt}"), salt, today, NEW)


def _accounts() -> list[AccountDraft]:
    return [
        AccountDraft(
            key="checking",
            name="Dynamic Checking",
            type="depository",
            subtype="checking",
            current=Decimal("4310.25"),
            available=Decimal("4250.25"),
            official_name="Dynamic Everyday Checking",
            mask="4110",
        ),
        AccountDraft(
            key="card",
            name="Dynamic Card",
            type="credit",
            subtype="credit card",
            current=Decimal("812.40"),
            available=Decimal("4187.60"),
            limit=Decimal("5000"),
            official_name="Dynamic Rewards Card",
            mask="4227",
        ),
    ]


def _pendings(random: Random, salt: str, today: date, count: int) -> list[TransactionDraft]:
    return [_purchase(random, f"{salt}/{number}", today, pending=True) for number in range(count)]


def _purchase(random: Random, key: str, day: date, *, pending: bool = False) -> TransactionDraft:
    merchant = choose_merchant(random)
    return TransactionDraft(
        key=key,
        account=random.choice(("checking", "card")),
        day=day,
        amount=merchant.price(random),
        name=merchant.name,
        merchant=merchant.name,
        category=merchant.category,
        authorized=day if pending else day - timedelta(days=1),
        pending=pending,
        channel=merchant.channel,
    )
