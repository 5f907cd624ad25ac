"""Which of a user's transactions may be one transfer between their own accounts, and which two of them are.

The two legs of a transfer have the same amount with opposite signs, the same currency, different real accounts, and
days at most ``Transfer.MAX_DAYS_APART`` apart. What else is known about both rows decides whether they may be a pair:

- ``TRANSFER``: the bank or the user categorized the row as a transfer, or the bank as a payment of a card;
- ``UNKNOWN``: the category does not say what the money was for, and it was not paid in a store. Or money arrived on a
  card, without a merchant, under a name that says payment;
- ``NAMED``: the bank has another category, but there is no merchant and no store, and the name says transfer.

Two rows that are each ``TRANSFER`` or ``UNKNOWN`` are a pair. A ``NAMED`` row is one leg of a pair only if the other
one is a ``TRANSFER`` row, on an account whose last digits or kind are part of the name. A payment of a card has a card
on one side. No other row is a leg: not a purchase, not a salary, nothing that the user categorized as something else,
and no money that arrives on a loan account, because paying off a loan counts as spending.

Each leg belongs to one transfer. Where several pairs are possible, two ``TRANSFER`` rows come first. Then the nearest
in days are paired first; at the same distance, money that arrives after it was sent comes before money that arrives
earlier, then the earlier day and the older row decide. So the same rows always give the same pairs.
"""

import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from banking.models import Account, Transfer
from banking.transactions.categories import CARD_PAYMENT, NO_CATEGORY, TRANSFERS

# Regular expressions of PostgreSQL.
TRANSFER_WORDS: Final = r"\m(transfers?|xfer|trnsfr|tfr)\M"
PAYMENT_WORDS: Final = r"\m(payments?|pymt|pmt|autopay)\M"
IN_STORE: Final = "in store"
# How banks name an account of the user: by its last digits, or by its kind.
WORD: Final = re.compile(r"[a-z]+|\d+")
MASK_LENGTH: Final = 4
KINDS: Final = {"checking": frozenset({"checking", "chk"}), "savings": frozenset({"savings", "sav"})}

# The rows whose amount occurs with both signs. One pass and one sort, with any statistics: a self-join could compare
# all rows of the same amount with each other.
LEGS_AMONG: Final = """
-- An account that was replaced by another one counts as that one.
SELECT id, coalesce((SELECT successor_id FROM banking_account WHERE id = candidate.account_id), account_id), day,
    currency, amount, evidence, is_on_card, is_card_payment, CASE WHEN evidence = 0 THEN name ELSE '' END
FROM (
    SELECT *, min(amount) OVER same_amount AS lowest, max(amount) OVER same_amount AS highest
    FROM (
        SELECT transaction.id, transaction.account_id, transaction.day, transaction.currency, transaction.amount,
            transaction.name, is_on_card, is_card_payment,
            CASE
                WHEN is_card_payment OR transaction.user_category = ANY (%(transfers)s) THEN 2
                WHEN transaction.user_category <> '' THEN NULL
                WHEN transaction.category = ANY (%(transfers)s) THEN 2
                WHEN transaction.payment_channel = %(in_store)s THEN NULL
                WHEN transaction.category = ANY (%(no_category)s) THEN 1
                WHEN transaction.merchant_name <> '' THEN NULL
                WHEN is_on_card AND transaction.amount > 0 AND transaction.name ~* %(payment_words)s THEN 1
                WHEN transaction.name ~* %(transfer_words)s THEN 0
            END AS evidence
        FROM {rows} AS transaction, LATERAL (
            SELECT transaction.account_id = ANY (ARRAY(
                    SELECT id FROM banking_account WHERE owner_id = %(owner)s AND type = 'credit')) AS is_on_card,
                transaction.user_category = '' AND transaction.category_detail = %(card_payment)s AS is_card_payment
        ) AS card
        -- Rows that count.
        WHERE {counts}
            AND transaction.currency <> '' AND transaction.amount <> 0
            -- Most rows have no evidence, which is cheaper to see here.
            AND (transaction.category = ANY (%(transfers)s) OR transaction.category_detail = %(card_payment)s
                OR transaction.payment_channel <> %(in_store)s
                    AND (transaction.merchant_name = '' OR transaction.category = ANY (%(no_category)s))
                OR transaction.user_category <> '')
            -- Paying off a loan is spending and no transfer.
            AND NOT (transaction.amount > 0 AND transaction.account_id = ANY (ARRAY(
                SELECT id FROM banking_account WHERE owner_id = %(owner)s AND type = 'loan')))
        OFFSET 0
    ) AS counted
    WHERE evidence IS NOT NULL
    WINDOW same_amount AS (PARTITION BY currency, abs(amount))
) AS candidate
-- Money went both ways.
WHERE lowest < 0 AND highest > 0
ORDER BY day, id
"""
LEGS: Final = LEGS_AMONG.format(
    rows="banking_transaction",
    # A part of a row is no leg.
    counts="transaction.owner_id = %(owner)s AND transaction.removed_at IS NULL AND NOT transaction.hidden "
    "AND transaction.part_of IS NULL",
)

# The days from sending to arriving, in the order in which they are tried.
DAY_OFFSETS: Final = (0, *(offset for days in range(1, Transfer.MAX_DAYS_APART + 1) for offset in (days, -days)))


class Evidence(IntEnum):
    """What is known about a row; see the module."""

    NAMED = 0
    UNKNOWN = 1
    TRANSFER = 2


class Leg(NamedTuple):
    """A transaction that may be one side of a transfer. ``amount`` is positive when money comes in.

    ``named_accounts`` are the user's accounts that the name of a ``NAMED`` row may mean.
    """

    id: UUID
    account_id: UUID
    day: date
    currency: str
    amount: Decimal
    evidence: Evidence = Evidence.UNKNOWN
    is_on_card: bool = False
    is_card_payment: bool = False
    named_accounts: frozenset[UUID] = frozenset()


IdPair = tuple[UUID, UUID]
Arrivals = dict[tuple[str, Decimal, int], dict[tuple[Any, ...], deque[Leg]]]


def read_legs(cursor: CursorWrapper, statement: str, *, owner_id: UUID) -> list[Leg]:
    """The legs that a statement of ``LEGS_AMONG`` finds, in the order of their days and ids."""
    params: dict[str, Any] = {
        "owner": owner_id,
        "transfers": list(TRANSFERS),
        "no_category": list(NO_CATEGORY),
        "card_payment": CARD_PAYMENT,
        "in_store": IN_STORE,
        "payment_words": PAYMENT_WORDS,
        "transfer_words": TRANSFER_WORDS,
    }
    cursor.execute(statement, params)
    rows = cursor.fetchall()
    account_words = read_account_words(owner_id) if any(row[-1] for row in rows) else {}
    return [
        Leg(leg_id, account_id, day, currency, amount, Evidence(evidence), is_on_card, is_card_payment, named)
        for leg_id, account_id, day, currency, amount, evidence, is_on_card, is_card_payment, name in rows
        for named in [find_named_accounts(name, account_words)]
    ]


def read_account_words(owner_id: UUID) -> dict[UUID, set[str]]:
    """The words by which a bank may name each of a user's accounts: its last digits, and the kind of account."""
    accounts = Account.objects.filter(owner=owner_id).values_list("pk", "successor_id", "mask", "subtype")
    account_words: dict[UUID, set[str]] = defaultdict(set)
    for pk, successor_id, mask, subtype in accounts:
        digits = {mask} if len(mask) == MASK_LENGTH else set()
        account_words[successor_id or pk] |= KINDS.get(subtype, frozenset()) | digits
    return account_words


def find_named_accounts(name: str, account_words: Mapping[UUID, set[str]]) -> frozenset[UUID]:
    """The accounts of which a word is in the name; a number there may have more digits in front."""
    if not name:
        return frozenset()
    parts = set(WORD.findall(name.lower()))
    parts |= {part[-MASK_LENGTH:] for part in parts if part.isdigit()}
    return frozenset(account_id for account_id, own in account_words.items() if own & parts)


def pair_legs(legs: Sequence[Leg], *, separate: Collection[IdPair] = frozenset()) -> list[tuple[Leg, Leg]]:
    """Pair legs, which come in the order of their days and ids; returns (outgoing, incoming) pairs.

    ``separate`` are pairs of ids that are no transfer.
    """
    certain = [leg for leg in legs if leg.evidence is Evidence.TRANSFER]
    pairs = pair_nearest(certain, separate)
    paired = {leg.id for pair in pairs for leg in pair}
    return pairs + pair_nearest([leg for leg in legs if leg.id not in paired], separate)


def pair_nearest(legs: Sequence[Leg], separate: Collection[IdPair]) -> list[tuple[Leg, Leg]]:
    """Pair what may be a transfer, the nearest in days first."""
    arrivals = group_arrivals(legs, separate)
    outgoing, pairs = [leg for leg in legs if leg.amount < 0], []
    for day_offset in DAY_OFFSETS:
        unpaired = []
        for leg in outgoing:
            incoming = take_arrival(arrivals, leg, day_offset, separate)
            if incoming is None:
                unpaired.append(leg)
            else:
                pairs.append((leg, incoming))
        outgoing = unpaired
    return pairs


def group_arrivals(legs: Iterable[Leg], separate: Collection[IdPair]) -> Arrivals:
    """Group incoming legs by currency, amount and day, and within these by all that decides what they may pair with."""
    separated = {money_in for _, money_in in separate}
    arrivals: Arrivals = defaultdict(lambda: defaultdict(deque))
    for leg in legs:
        if leg.amount > 0:
            kind = (*leg[5:], leg.account_id, leg.id if leg.id in separated else None)
            arrivals[leg.currency, leg.amount, leg.day.toordinal()][kind].append(leg)
    return arrivals


def take_arrival(arrivals: Arrivals, leg: Leg, day_offset: int, separate: Collection[IdPair]) -> Leg | None:
    """Take the oldest leg that arrived ``day_offset`` days after ``leg`` and may pair with it, if there is one."""
    same_day = arrivals.get((leg.currency, leg.amount.copy_abs(), leg.day.toordinal() + day_offset), {})
    fitting = [
        queue
        for queue in same_day.values()
        if queue and may_be_transfer(leg, queue[0]) and (leg.id, queue[0].id) not in separate
    ]
    return min(fitting, key=lambda queue: queue[0].id).popleft() if fitting else None


def may_be_transfer(money_out: Leg, money_in: Leg) -> bool:
    """Whether what is known about two legs of the same amount lets them be one transfer."""
    if money_out.account_id == money_in.account_id:
        return False
    if (money_out.is_card_payment or money_in.is_card_payment) and not (money_out.is_on_card or money_in.is_on_card):
        return False
    return all(
        leg.evidence is not Evidence.NAMED
        or (other.evidence is Evidence.TRANSFER and other.account_id in leg.named_accounts)
        for leg, other in ((money_out, money_in), (money_in, money_out))
    )
