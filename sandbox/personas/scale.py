"""user_scale_<n>: exactly n transactions over 24 months, for load tests. Our own persona.

A salary covers the spending, each card is paid from checking in the month after, and savings grow; both legs of every
transfer exist, and the balances match the transactions.
"""

from calendar import monthrange
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal
from random import Random

from sandbox.personas.drafts import AccountDraft, Book, TransactionDraft
from sandbox.personas.merchants import choose_merchant, seeded_random, statement_name

MONTHS = 24
DAYS = 728
PAYDAYS = DAYS // 14
RECURRING_COUNT = PAYDAYS + MONTHS + 2 * MONTHS + 2 * 2 * (MONTHS - 1)
PENDING_DAYS = 2
RENT, SAVINGS_TRANSFER, OPENING_BALANCE = Decimal("1850"), Decimal("300"), Decimal("2500")
CARDS = ("card", "travel")
LIMIT = Decimal("20000")
RENT_CATEGORY, SALARY_CATEGORY = "RENT_AND_UTILITIES_RENT", "INCOME_SALARY"
CARD_PAYMENT_CATEGORY = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"

SpendingByMonth = dict[tuple[str, int], Decimal]


def draw(seed: str, today: date, size: int) -> Book:
    """Generate a book of ``size`` transactions; a small one has only purchases."""
    random = seeded_random(f"scale/{seed}/{size}")
    has_recurring = size >= 2 * RECURRING_COUNT
    purchases = _purchases(random, today, size - RECURRING_COUNT if has_recurring else size)
    rows = purchases + (_recurring(purchases, today) if has_recurring else [])
    rows.sort(key=lambda draft: draft.day)
    return Book(_accounts(rows), rows)


def _purchases(random: Random, today: date, count: int) -> list[TransactionDraft]:
    return [_purchase(random, today, number) for number in range(count)]


def _purchase(random: Random, today: date, number: int) -> TransactionDraft:
    merchant = choose_merchant(random)
    ago = random.randrange(DAYS)
    day = today - timedelta(days=ago)
    return TransactionDraft(
        key=str(number),
        account=random.choices(("checking", *CARDS), (3, 5, 2))[0],
        day=day,
        amount=merchant.price(random),
        name=statement_name(merchant, random),
        merchant=merchant.name,
        category=merchant.category,
        authorized=day - timedelta(days=1) if ago >= PENDING_DAYS else day,
        pending=ago < PENDING_DAYS,
        channel=merchant.channel,
    )


def _recurring(purchases: list[TransactionDraft], today: date) -> list[TransactionDraft]:
    """Return salary, rent, savings, and each card's payment for the month before."""
    spending = _by_month(purchases, today)
    rows = []
    for month in range(MONTHS):
        rows.append(
            _row(f"rent/{month}", "checking", _day(today, month, 1), RENT, "LONGACRE PROPERTIES RENT", RENT_CATEGORY)
        )
        rows += _transfer(f"save/{month}", _day(today, month, 2), SAVINGS_TRANSFER)
        for card in CARDS if month < MONTHS - 1 else ():
            rows += _bill(f"{card}/{month}", card, _day(today, month, 4), spending.get((card, month + 1), Decimal(0)))
    outflow = sum((row.amount for row in rows + purchases if row.account == "checking"), Decimal(0))
    salary = (outflow / PAYDAYS).quantize(Decimal("1"), ROUND_UP)
    paydays = (today - timedelta(days=14 * number) for number in range(PAYDAYS))
    return rows + [
        _row(f"pay/{day}", "checking", day, -salary, "NORTHWIND LABS PAYROLL", SALARY_CATEGORY) for day in paydays
    ]


def _by_month(purchases: list[TransactionDraft], today: date) -> SpendingByMonth:
    """Sum each account's spending by month, counted back from this one."""
    spending: SpendingByMonth = defaultdict(Decimal)
    for row in purchases:
        spending[row.account, (today.year - row.day.year) * 12 + today.month - row.day.month] += row.amount
    return spending


def _day(today: date, months_ago: int, number: int) -> date:
    """Return day ``number`` of the month ``months_ago``, but not later than today."""
    months = today.year * 12 + today.month - 1 - months_ago
    year, month = divmod(months, 12)
    return min(today, date(year, month + 1, min(number, monthrange(year, month + 1)[1])))


def _row(key: str, account: str, day: date, amount: Decimal, name: str, category: str) -> TransactionDraft:
    return TransactionDraft(key, account, day, amount, name, category, authorized=day, channel="other")


def _transfer(key: str, day: date, amount: Decimal) -> list[TransactionDraft]:
    return [
        _row(key + "/out", "checking", day, amount, "TRANSFER TO SAVINGS 8820", "TRANSFER_OUT_SAVINGS"),
        _row(key + "/in", "savings", day, -amount, "TRANSFER FROM CHECKING 4471", "TRANSFER_IN_SAVINGS"),
    ]


def _bill(key: str, card: str, day: date, amount: Decimal) -> list[TransactionDraft]:
    return [
        _row(key + "/out", "checking", day, amount, f"{card.upper()} CARD AUTOPAY", CARD_PAYMENT_CATEGORY),
        _row(key + "/in", card, day, -amount, "PAYMENT - THANK YOU", CARD_PAYMENT_CATEGORY),
    ]


def _accounts(rows: list[TransactionDraft]) -> list[AccountDraft]:
    posted: dict[str, Decimal] = defaultdict(Decimal)
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        (held if row.pending else posted)[row.account] += row.amount
    return [
        _cash("checking", "Scale Checking", "checking", "4471", OPENING_BALANCE - posted["checking"], held["checking"]),
        _cash("savings", "Scale Savings", "savings", "8820", OPENING_BALANCE - posted["savings"], held["savings"]),
        _card("card", "Scale Everyday Card", "5150", posted["card"], held["card"]),
        _card("travel", "Scale Travel Card", "6021", posted["travel"], held["travel"]),
    ]


def _cash(key: str, name: str, subtype: str, mask: str, current: Decimal, held: Decimal) -> AccountDraft:
    return AccountDraft(key, name, "depository", subtype, current, current - held, mask=mask)


def _card(key: str, name: str, mask: str, owed: Decimal, held: Decimal) -> AccountDraft:
    return AccountDraft(key, name, "credit", "credit card", owed, LIMIT - owed - held, LIMIT, mask=mask)
