"""user_living: a user with a salary, rent and two cards, and new transactions every day. Our own persona.

Every day is a function of the seed and the date, so today's history is yesterday's and one more day. Purchases are
pending for one to three days before they post; a restaurant's amount increases by the tip when it posts.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from sandbox.identifiers import derived_id
from sandbox.personas.drafts import AccountDraft, Book, TransactionDraft
from sandbox.personas.merchants import Merchant, choose_merchant, seeded_random, statement_name

DAYS = 730
MOST_PENDING_DAYS = 3
DAYS_TO_REFUND = 6
RESTAURANT = "FOOD_AND_DRINK_RESTAURANT"
CARD_PAYMENT = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"
CENT = Decimal("0.01")

PAYDAY = date(2024, 1, 5)
SALARY, RAISE = Decimal("2412.36"), Decimal("61.50")
SAVINGS_TRANSFER = Decimal("300")
CARD_PAYMENT_DAY = 24
EXTRA_PAYMENT = Decimal("60")
CARRIED_BALANCE = Decimal("2460")
OPENING_BALANCES = {"checking": Decimal("5200"), "savings": Decimal("4000")}
ACCOUNTS = (
    ("checking", "Everyday Checking", "Everyday Free Checking", "checking", "4471"),
    ("savings", "Rainy Day Savings", "Rainy Day High Yield Savings", "savings", "8820"),
    ("cash", "Meridian Cash Card", "Meridian Cash Back Card", "credit card", "3309"),
    ("travel", "Voyager Travel Card", "Voyager Miles Signature Card", "credit card", "7756"),
)
# Statements are issued on the first, so that the autopay on the 24th pays last month's spending in time.
LIABILITIES: dict[str, dict[str, Any]] = {
    "cash": {"statement_day": 1, "purchase_apr": "19.99", "cash_apr": "28.99"},
    "travel": {"statement_day": 1, "purchase_apr": "22.49", "cash_apr": "28.99", "special_apr": "0"},
}
LIMITS = {"cash": Decimal("8000"), "travel": Decimal("12000")}


class Recurring(NamedTuple):
    """A payment on the same day of every month."""

    day: int
    account: str
    name: str
    merchant: str
    category: str
    amount: Decimal


RECURRING_PAYMENTS = (
    Recurring(1, "checking", "LONGACRE PROPERTIES RENT", "Longacre Properties", "RENT_AND_UTILITIES_RENT",
             Decimal("1900")),
    Recurring(3, "cash", "SUMMIT GYM MEMBERSHIP", "Summit Gym", "PERSONAL_CARE_GYMS_AND_FITNESS_CENTERS",
             Decimal("42")),
    Recurring(5, "cash", "MOONBEAM STREAMING", "Moonbeam", "ENTERTAINMENT_TV_AND_MOVIES", Decimal("15.49")),
    Recurring(8, "cash", "FASTLANE INTERNET", "Fastlane", "RENT_AND_UTILITIES_INTERNET_AND_CABLE", Decimal("59.99")),
    Recurring(15, "checking", "EVERGREEN INSURANCE", "Evergreen Insurance", "GENERAL_SERVICES_INSURANCE",
             Decimal("118.40")),
    Recurring(17, "cash", "TUNEFUL PREMIUM", "Tuneful", "ENTERTAINMENT_MUSIC_AND_AUDIO", Decimal("10.99")),
    Recurring(20, "cash", "BELLBIRD MOBILE", "Bellbird Mobile", "RENT_AND_UTILITIES_TELEPHONE", Decimal("38")),
    Recurring(22, "cash", "CLOUD CLOSET STORAGE", "Cloud Closet", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES",
             Decimal("2.99")),
)  # fmt: skip


class Purchase(NamedTuple):
    """A purchase on ``day``: pending for ``held``, posted on ``posts_on`` for ``amount``."""

    key: str
    account: str
    day: date
    posts_on: date
    held: Decimal
    amount: Decimal
    merchant: Merchant
    name: str
    returned: bool


def draw(seed: str, today: date) -> Book:
    """Generate two years up to ``today``, posted and pending."""
    days = [today - timedelta(days=ago) for ago in range(DAYS, -1, -1)]
    posted = [draft for day in days for draft in _postings(seed, day)]
    recent = [purchase for day in days[-MOST_PENDING_DAYS - 1 :] for purchase in _purchases(seed, day)]
    pending = [_pending(purchase) for purchase in recent if purchase.posts_on > today]
    return Book(_accounts(seed, today, posted, pending), posted + pending)


def next_day(seed: str, day: date) -> list[TransactionDraft]:
    """Return the new transactions of ``day``: posted ones with the keys of their pending ones, and new pending ones."""
    pending = [_pending(purchase) for purchase in _purchases(seed, day) if purchase.posts_on > day]
    return [*_postings(seed, day, linked=True), *pending]


def _postings(seed: str, day: date, *, linked: bool = False) -> list[TransactionDraft]:
    """Return everything that posts on ``day``, including card payments."""
    bills = [draft for card in LIMITS for draft in _bill(seed, card, day)] if day.day == CARD_PAYMENT_DAY else []
    return [*_spending(seed, day, linked), *bills]


def _spending(seed: str, day: date, linked: bool = False) -> Iterator[TransactionDraft]:
    """Yield everything that posts on ``day`` except card payments."""
    yield from _income(day)
    yield from (_salary_or_bill_draft(day, f"{day}/{s.name}", s) for s in RECURRING_PAYMENTS if s.day == day.day)
    if day.day == 12:
        yield _simple_draft(
            day, "checking", _electricity(day), "CITY LIGHT & POWER", "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY"
        )
    if day.day == 28:
        yield _simple_draft(day, "travel", _interest(day), "INTEREST CHARGED ON PURCHASES", "BANK_FEES_INTEREST_CHARGE")
    for ago in range(MOST_PENDING_DAYS + 1):
        yield from (_posted_draft(p, linked) for p in _purchases(seed, day - timedelta(days=ago)) if p.posts_on == day)
    yield from (_refund(p, day) for p in _purchases(seed, day - timedelta(days=DAYS_TO_REFUND)) if p.returned)


def _income(day: date) -> Iterator[TransactionDraft]:
    """Yield the salary every other Friday, a transfer to savings on the day after, and interest at the month's end."""
    since = (day - PAYDAY).days % 14
    if since == 0:
        salary = SALARY + RAISE * (day.year - PAYDAY.year)
        yield _simple_draft(day, "checking", -salary, "NORTHWIND LABS PAYROLL", "INCOME_SALARY")
    if since == 1:
        yield _simple_draft(day, "checking", SAVINGS_TRANSFER, "TRANSFER TO SAVINGS 8820", "TRANSFER_OUT_SAVINGS")
        yield _simple_draft(day, "savings", -SAVINGS_TRANSFER, "TRANSFER FROM CHECKING 4471", "TRANSFER_IN_SAVINGS")
    if (day + timedelta(days=1)).day == 1:
        yield _simple_draft(day, "savings", -_paid_interest(day), "INTEREST PAYMENT", "INCOME_INTEREST_EARNED")


def _bill(seed: str, card: str, day: date) -> list[TransactionDraft]:
    """Return both legs of a card payment: last month's spending, and for the travel card a part of its balance."""
    amount = _month_total(seed, card, (day.replace(day=1) - timedelta(days=1)).replace(day=1))
    amount += EXTRA_PAYMENT if card == "travel" else 0
    return [
        _simple_draft(day, "checking", amount, f"{card.upper()} CARD AUTOPAY", CARD_PAYMENT),
        _simple_draft(day, card, -amount, f"AUTOPAY PAYMENT - THANK YOU {card.upper()}", CARD_PAYMENT),
    ]


@lru_cache(maxsize=256)
def _month_total(seed: str, card: str, first: date) -> Decimal:
    """Return a card's spending less refunds in the month that starts on ``first``."""
    days = (first + timedelta(days=number) for number in range(31))
    return _sum_spending(seed, card, [day for day in days if day.month == first.month])


def _sum_spending(seed: str, card: str, days: list[date]) -> Decimal:
    drafts = (draft for day in days for draft in _spending(seed, day))
    return sum((draft.amount for draft in drafts if draft.account == card), Decimal(0))


@lru_cache(maxsize=4096)
def _purchases(seed: str, day: date) -> tuple[Purchase, ...]:
    """Return the purchases of one day; there are more on weekends."""
    random = seeded_random(f"living/{seed}/{day}")
    count = random.choices((0, 1, 2, 3, 4), (3, 5, 4, 2, 1) if day.weekday() < 4 else (1, 3, 5, 4, 2))[0]
    return tuple(_purchase(random, day, number) for number in range(count))


def _purchase(random: Random, day: date, number: int) -> Purchase:
    merchant = choose_merchant(random)
    travels = merchant.category.startswith("TRAVEL_")
    account = "travel" if travels else random.choices(("cash", "checking", "travel"), (12, 2, 1))[0]
    held = merchant.price(random)
    tip = (held * Decimal("0.18")).quantize(CENT, ROUND_HALF_UP) if merchant.category == RESTAURANT else Decimal(0)
    return Purchase(
        key=f"{day}/{number}",
        account=account,
        day=day,
        posts_on=day + timedelta(days=random.randint(1, MOST_PENDING_DAYS)),
        held=held,
        amount=held + tip,
        merchant=merchant,
        name=statement_name(merchant, random),
        returned=merchant.category.startswith("GENERAL_MERCHANDISE_") and random.random() < 0.12,
    )


def _pending(purchase: Purchase) -> TransactionDraft:
    return _purchase_draft(purchase, purchase.key + "/pending", purchase.day, purchase.held, pending=True)


def _posted_draft(purchase: Purchase, linked: bool) -> TransactionDraft:
    pending = purchase.key + "/pending" if linked else ""
    return _purchase_draft(purchase, purchase.key, purchase.posts_on, purchase.amount, replaces=pending)


def _refund(purchase: Purchase, day: date) -> TransactionDraft:
    return _purchase_draft(purchase, purchase.key + "/refund", day, -purchase.amount)


def _purchase_draft(
    purchase: Purchase, key: str, day: date, amount: Decimal, *, pending: bool = False, replaces: str = ""
) -> TransactionDraft:
    return TransactionDraft(
        key=key,
        account=purchase.account,
        day=day,
        amount=amount,
        name=purchase.name,
        category=purchase.merchant.category,
        merchant=purchase.merchant.name,
        authorized=purchase.day if amount > 0 else day,
        pending=pending,
        channel=purchase.merchant.channel,
        replaces=replaces,
        original=purchase.name,
        city="Portland" if purchase.merchant.channel == "in store" else None,
        region="OR" if purchase.merchant.channel == "in store" else None,
    )


def _salary_or_bill_draft(day: date, key: str, payment: Recurring) -> TransactionDraft:
    return TransactionDraft(
        key=key,
        account=payment.account,
        day=day,
        amount=payment.amount,
        name=payment.name,
        category=payment.category,
        merchant=payment.merchant,
        authorized=day,
        channel="online",
    )


def _simple_draft(day: date, account: str, amount: Decimal, name: str, category: str) -> TransactionDraft:
    return TransactionDraft(f"{day}/{name}", account, day, amount, name, category, authorized=day, channel="other")


def _electricity(day: date) -> Decimal:
    """Return the electricity bill: higher in winter, and different each month."""
    return Decimal(58 + 11 * abs(7 - day.month)) + Decimal(day.year * 31 + day.month * 17 % 100) % 100 / 100


def _interest(day: date) -> Decimal:
    return Decimal("46.20") + Decimal(day.month) / 10


def _paid_interest(day: date) -> Decimal:
    return Decimal("24.10") + Decimal(day.month * 7 + day.year) % 10 / 10


def _accounts(
    seed: str, today: date, posted: list[TransactionDraft], pending: list[TransactionDraft]
) -> list[AccountDraft]:
    held = {
        key: sum((d.amount for d in pending if d.account == key), Decimal(0)) for key in (*OPENING_BALANCES, *LIMITS)
    }
    cash = {
        key: opening - sum(d.amount for d in posted if d.account == key) for key, opening in OPENING_BALANCES.items()
    }
    owed = {card: _card_balance(seed, card, today) for card in LIMITS}
    free = {key: balance - held[key] for key, balance in cash.items()}
    free |= {card: LIMITS[card] - balance - held[card] for card, balance in owed.items()}
    return [
        AccountDraft(
            key=key,
            name=name,
            type="depository" if key in cash else "credit",
            subtype=subtype,
            current={**cash, **owed}[key],
            available=free[key],
            limit=LIMITS.get(key),
            official_name=official,
            mask=mask,
            persistent=derived_id("living", seed, key),
            liability=LIABILITIES.get(key),
        )
        for key, name, official, subtype, mask in ACCOUNTS
    ]


def _card_balance(seed: str, card: str, today: date) -> Decimal:
    """Return this month's spending, last month's until it is paid, and the travel card's carried balance."""
    first = today.replace(day=1)
    owed = _sum_spending(seed, card, [first + timedelta(days=number) for number in range(today.day)])
    if today.day < CARD_PAYMENT_DAY:
        owed += _month_total(seed, card, (first - timedelta(days=1)).replace(day=1))
    return owed + (CARRIED_BALANCE if card == "travel" else 0)
