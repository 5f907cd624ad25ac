"""Accounts that are one real account which we know twice: which of them counts, and from which day on.

A bank that is connected again gives the same accounts new ids, and so does a bank that changes its systems. The newest
account that is read well becomes the ``successor`` of the others; nothing moves and nothing is deleted. What an
account was read under stays with it, for its own stream may go on. Instead one rule says what counts, and it is written
into the rows whenever rows are stored: a transaction of an account counts while it was posted before the first day that
one knows of which is read now or was read later, and a balance while it is older than the first balance in front of it.

Two accounts of one person at one bank are the same real account, unless one list of the bank's has held both,

- when the bank's own lasting id of both is the same, and never when both have one and these differ;
- or when name, type, subtype and currency are the same and so are their rows: at least three quarters of the fewer rows
  of the days that both know, and three at least. Where fewer than half agree, they are two accounts;
- or, where there are too few rows to tell, when besides that they have the same last digits, nobody else at either
  connection shares these, and one of these holds: the older one is not read any more; a balance of one day was the same
  and not zero; another account of the same two connections was found to be the same by its id or its rows; they were
  found to be the same before.

Name and digits alone are not enough while both are read: two people of one household may bank at one bank.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from enum import Enum
from itertools import combinations
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, Q
from django.utils import timezone

from banking.models import VISIBLE_CONNECTIONS, Account, Connection, Item

DAYS: Final = 90
FEWEST: Final = 3
READABLE: Final = (Connection.ACTIVE, Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT)
# Two regular readings. Who could not be read for so long stands behind who could, and not for a moment's trouble.
LATE: Final = timedelta(hours=12)

# Rows that the bank has not withdrawn, whether they count or another one stands for them.
KNOWN: Final = "NOT moved.pending AND (moved.removed_at IS NULL OR moved.replaced_by <> '')"

# Two readings at once would each miss what the other one stores, and lock its rows crosswise.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('accounts of ' || %s, 0))"

# How many posted rows of the latest days that both accounts know each has, and how many of these are alike.
ALIKE: Final = f"""
WITH known AS MATERIALIZED (
    SELECT account_id, date, amount FROM banking_transaction AS moved
    WHERE owner_id = %(owner)s AND account_id = ANY (%(pair)s) AND {KNOWN}
), span AS (
    SELECT max(first) AS since, min(last) AS until
    FROM (SELECT min(date) AS first, max(date) AS last FROM known GROUP BY account_id) AS each
    HAVING count(*) = 2
), alike AS (
    SELECT count(*) FILTER (WHERE account_id = %(one)s) AS ones,
        count(*) FILTER (WHERE account_id = %(other)s) AS others
    FROM known, span
    WHERE date BETWEEN greatest(since, until - {DAYS}) AND until
    GROUP BY date, amount
)
SELECT coalesce(sum(ones), 0), coalesce(sum(others), 0), coalesce(sum(least(ones, others)), 0) FROM alike
"""  # noqa: S608  (built from constants)

SAME_BALANCE: Final = """
SELECT EXISTS (
    SELECT FROM banking_balancesnapshot AS one JOIN banking_balancesnapshot AS other USING (day, current)
    WHERE one.account_id = %(one)s AND other.account_id = %(other)s AND current <> 0)
"""

# The first day that each account knows transactions and balances of.
FIRST_DAYS: Final = """
SELECT account.id, (
    SELECT min(date) FROM banking_transaction AS moved
    WHERE moved.account_id = account.id AND (moved.removed_at IS NULL OR moved.replaced_by <> '')
), (SELECT min(day) FROM banking_balancesnapshot AS balance WHERE balance.account_id = account.id)
FROM banking_account AS account WHERE account.owner_id = %(owner)s AND account.id = ANY (%(accounts)s)
"""

# Accounts of one connection that the bank has listed at once: open now, read last by one reading, or both listed on
# more than one day. On the day on which an account gets a new id, both ids are listed without being two accounts.
TOGETHER: Final = """
SELECT one.id, other.id
FROM banking_account AS one JOIN banking_account AS other ON other.item_id = one.item_id AND other.id > one.id
WHERE one.id = ANY (%(accounts)s) AND other.id = ANY (%(accounts)s) AND (
    one.closed_at IS NULL AND other.closed_at IS NULL OR one.balance_as_of = other.balance_as_of
    OR (SELECT count(*) FROM (
        SELECT one_day.day FROM banking_balancesnapshot AS one_day
        JOIN banking_balancesnapshot AS other_day ON other_day.day = one_day.day AND other_day.account_id = other.id
        WHERE one_day.account_id = one.id LIMIT 2) AS shared) > 1)
"""

# A pending row whose posted row is here does not count, whoever is in front; see ``sync.statements.REPLACE``.
SUCCEED: Final = """
UPDATE banking_transaction AS known
SET removed_at = CASE WHEN found.by <> '' THEN now() END, replaced_by = found.by
FROM (
    SELECT was.id, CASE
        WHEN was.date >= span.until THEN 'successor'
        WHEN was.pending AND EXISTS (
            SELECT FROM banking_transaction AS posted
            WHERE posted.account_id = ANY (%(known)s) AND posted.pending_id = was.provider_id
              AND posted.pending_id <> '' AND NOT posted.pending
              AND (posted.removed_at IS NULL OR posted.replaced_by <> '')) THEN 'posted'
        ELSE '' END AS by
    FROM banking_transaction AS was
    JOIN unnest(%(accounts)s::uuid[], %(untils)s::date[]) AS span (account_id, until) USING (account_id)
    WHERE (was.removed_at IS NULL OR was.replaced_by = 'successor')
      AND coalesce(was.date >= span.until, false) <> (was.replaced_by = 'successor')
) AS found
WHERE known.id = found.id
RETURNING known.id, known.replaced_by
"""

# What a person wrote on a row goes to its equal in the account that counts now, once: when the row is replaced. To one
# that counts again it goes as it is, since the person saw and changed the other one meanwhile; elsewhere it overwrites
# nothing. Equals are found by one sort: a join of two histories compares each row with each other one, where PostgreSQL
# knows nothing of them yet.
CARRY_OVER: Final = """
WITH side AS (
    SELECT moved.id, coalesce(account.successor_id, account.id) AS front, moved.replaced_by <> '' AS is_old,
        moved.date, moved.amount, moved.name, user_category, note, hidden,
        (user_category, note, hidden) <> ('', '', false) AS is_written,
        row_number() OVER (
            PARTITION BY account_id, moved.replaced_by, date, amount, moved.name ORDER BY moved.id) AS place
    FROM banking_transaction AS moved JOIN banking_account AS account ON account.id = moved.account_id
    WHERE moved.account_id = ANY (%(accounts)s) AND (
        moved.removed_at IS NULL
        OR moved.replaced_by = 'successor' AND moved.removed_at = now())
), told AS (
    SELECT id, is_old, is_written, bool_or(is_old) OVER equals AS has_old,
        first_value(user_category) OVER equals AS user_category, first_value(note) OVER equals AS note,
        first_value(hidden) OVER equals AS hidden
    FROM side
    WINDOW equals AS (PARTITION BY front, date, amount, name, place ORDER BY is_old DESC, is_written DESC, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
UPDATE banking_transaction AS moved SET user_category = told.user_category, note = told.note, hidden = told.hidden
FROM told
WHERE moved.id = told.id AND NOT told.is_old AND told.has_old
  AND (NOT told.is_written OR moved.id = ANY (%(again)s))
  AND (moved.user_category, moved.note, moved.hidden) <> (told.user_category, told.note, told.hidden)
"""


Pair = frozenset[UUID]


class Said(Enum):
    """What is known of a pair of accounts."""

    SAME = "same"
    DIFFERENT = "different"
    PERHAPS = "perhaps"


class Settled(NamedTuple):
    """How many transactions count now that did not, or the reverse, and the Items that nobody needs any more."""

    changed: int = 0
    needless: Sequence[UUID] = ()


class FirstDays(NamedTuple):
    """The first day that an account knows a transaction of, and the first that it knows a balance of."""

    transactions: date | None
    balances: date | None


def lock_accounts(*, owner_id: UUID) -> None:
    """Let nobody else store rows of this person before the open transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(owner_id)])


def try_to_lock_accounts(*, owner_id: UUID) -> bool:
    """The same without waiting: ``False`` where somebody stores rows of this person now."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK.replace("pg_advisory", "pg_try_advisory"), [str(owner_id)])
        return bool(cursor.fetchone()[0])


def settle(*, item: Item, left: list[Account] | None = None) -> Settled:
    """Say anew which accounts of a bank count, and which rows; ``left`` are those at it that were not deleted just now.

    Whoever stores, closes or deletes accounts or transactions, or changes an Item's connection, calls this inside
    ``tenant``, after it is stored.
    """
    accounts = accounts_at_bank(item) if left is None else left
    before = {account.pk: account.successor_id for account in accounts}
    families, proven = find_families(accounts)
    touched = [a for family in families if len(family) > 1 for a in family]
    touched += [a for a in accounts if (left is not None or before[a.pk] is not None) and a not in touched]
    if not touched:
        return Settled()
    days = first_days(item.owner_id, touched)
    untils = {account.pk: until for family in families for account, until in place(family, days)}
    facts: dict[str, Any] = {
        "owner": item.owner_id,
        "accounts": [a.pk for a in touched],
        "untils": [untils[a.pk] for a in touched],
        "known": [a.pk for a in accounts],
    }
    with connection.cursor() as cursor:
        cursor.execute(SUCCEED, facts)
        changed = cursor.fetchall()
        if changed:
            cursor.execute(CARRY_OVER, {**facts, "again": [row_id for row_id, by in changed if not by]})
    return Settled(len(changed), needless(accounts, proven))


def accounts_at_bank(item: Item) -> list[Account]:
    """The owner's accounts at the Item's bank, those in front first; of an unnamed bank, the Item's own."""
    owned = Account.objects.filter(
        owner=item.owner_id, item__provider=item.provider, item__environment=item.environment
    )
    same_bank = Q(item__institution=item.institution_id) if item.institution_id else Q(item=item.pk)
    tied = owned.filter(~Q(successor__item__institution=F("item__institution")), successor__isnull=False)
    accounts = list(owned.filter(same_bank | Exists(tied)).select_related("item"))
    ids = ids_of_bank(item, accounts)
    return sorted((each for each in accounts if bank_id(each.item) in ids), key=rank, reverse=True)


def ids_of_bank(item: Item, accounts: Sequence[Account]) -> set[int | UUID]:
    """What the Item's bank is known by: its id, and ids of which accounts are one with accounts of it already.

    A bank that moves to other systems may get another id, under each connection on another day.
    """
    banks = {account.pk: bank_id(account.item) for account in accounts}
    ties = [{banks[each.pk], banks[each.successor_id]} for each in accounts if each.successor_id in banks]
    found = {bank_id(item)}
    while more := {each for tie in ties if tie & found for each in tie} - found:
        found |= more
    return found


def bank_id(item: Item) -> int | UUID:
    return item.institution_id or item.pk


def rank(account: Account) -> tuple[Any, ...]:
    """An account that is read goes before one that may be again, and that before what is history."""
    is_open, (is_read, *recent) = (
        account.closed_at is None and account.item.connection in VISIBLE_CONNECTIONS,
        recency(account),
    )
    return (is_read, is_open, *recent)


def find_families(accounts: Sequence[Account]) -> tuple[list[list[Account]], set[Pair]]:
    """Put accounts that are the same together, each family in the order of its members' rank.

    Returns besides the pairs of Items of which an account was found to be the same by its id or its rows.
    """
    together = listed_together(accounts)
    pairs = [pair for pair in combinations(accounts, 2) if may_be_same(*pair) and pair_of(*pair) not in together]
    said = {pair_of(one, other): compare(one, other) for one, other in pairs}
    proven = {frozenset((one.item_id, other.item_id)) for one, other in pairs if said[pair_of(one, other)] is Said.SAME}
    families: dict[UUID, list[Account]] = {account.pk: [account] for account in accounts}
    for one, other in pairs:
        verdict = said[pair_of(one, other)]
        if verdict is Said.PERHAPS:
            verdict = weigh(one, other, accounts, proven)
        if verdict is Said.SAME and not any(
            pair_of(a, b) in together for a in families[one.pk] for b in families[other.pk]
        ):
            join(families, one, other)
    unique = {id(family): family for family in families.values()}
    return [sorted(family, key=rank, reverse=True) for family in unique.values()], proven


def join(families: dict[UUID, list[Account]], one: Account, other: Account) -> None:
    if families[one.pk] is not families[other.pk]:
        families[one.pk] += families[other.pk]
        for member in families[other.pk]:
            families[member.pk] = families[one.pk]


def may_be_same(one: Account, other: Account) -> bool:
    if one.persistent_id and other.persistent_id:
        return one.persistent_id == other.persistent_id
    return looks(one) == looks(other)


def looks(account: Account) -> tuple[str, ...]:
    return (account.name, account.type, account.subtype, account.currency)


def listed_together(accounts: Sequence[Account]) -> set[Pair]:
    """Pairs that the bank has listed at once, under one connection: they are two accounts, now and ever after."""
    with connection.cursor() as cursor:
        cursor.execute(TOGETHER, {"accounts": [account.pk for account in accounts]})
        return {frozenset(pair) for pair in cursor.fetchall()}


def pair_of(one: Account, other: Account) -> Pair:
    return frozenset((one.pk, other.pk))


def compare(one: Account, other: Account) -> Said:
    """Hold two accounts of the same looks against each other, by id or by rows; one query."""
    if one.persistent_id and one.persistent_id == other.persistent_id:
        return Said.SAME
    with connection.cursor() as cursor:
        pair: dict[str, Any] = {"owner": one.owner_id, "one": one.pk, "other": other.pk, "pair": [one.pk, other.pk]}
        cursor.execute(ALIKE, pair)
        ones, others, alike = cursor.fetchone()
    fewer = min(ones, others)
    if fewer < FEWEST or fewer * 2 <= alike * 4 < fewer * 3:
        return Said.PERHAPS
    return Said.SAME if alike * 4 >= fewer * 3 else Said.DIFFERENT


def weigh(front: Account, older: Account, accounts: Sequence[Account], proven: set[Pair]) -> Said:
    """Decide about a pair whose rows do not tell; ``proven`` are pairs of Items that share another account."""
    if not front.mask or front.mask != older.mask or not (is_alone(front, accounts) and is_alone(older, accounts)):
        return Said.DIFFERENT
    is_history = older.closed_at is not None or older.item.connection not in READABLE
    was_found = older.successor_id is not None and older.successor_id in (front.pk, front.successor_id)
    was_found = was_found or front.successor_id == older.pk
    shares = front.item_id != older.item_id and frozenset((front.item_id, older.item_id)) in proven
    if is_history or was_found or shares or had_same_balance(front, older):
        return Said.SAME
    return Said.DIFFERENT


def is_alone(account: Account, accounts: Sequence[Account]) -> bool:
    """Whether no other account of its connection, in the same state, has its looks and its digits."""
    return not any(
        other.pk != account.pk
        and other.item_id == account.item_id
        and (other.closed_at is None) == (account.closed_at is None)
        and other.successor_id is None
        and (*looks(other), other.mask) == (*looks(account), account.mask)
        for other in accounts
    )


def had_same_balance(one: Account, other: Account) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(SAME_BALANCE, {"one": one.pk, "other": other.pk})
        return bool(cursor.fetchone()[0])


def first_days(owner_id: UUID, accounts: Sequence[Account]) -> dict[UUID, FirstDays]:
    with connection.cursor() as cursor:
        cursor.execute(FIRST_DAYS, {"owner": owner_id, "accounts": [account.pk for account in accounts]})
        found = {account_id: FirstDays(*days) for account_id, *days in cursor.fetchall()}
    return defaultdict(lambda: FirstDays(None, None), found)


def place(family: Sequence[Account], days: dict[UUID, FirstDays]) -> list[tuple[Account, date | None]]:
    """Write down who follows whom in a family; returns until when each member's transactions count."""
    front = family[0]
    until: date | None = None
    for account in family:
        successor = None if account is front else front.pk
        if (account.successor_id, account.succeeded_on) != (successor, until):
            Account.objects.filter(pk=account.pk).update(successor=successor, succeeded_on=until)
            account.successor_id, account.succeeded_on = successor, until
        until = earlier(until, days[account.pk].balances)
    until = None
    placed: list[tuple[Account, date | None]] = []
    for account in sorted(family, key=recency, reverse=True):
        placed.append((account, until))
        until = earlier(until, days[account.pk].transactions)
    return placed


def recency(account: Account) -> tuple[Any, ...]:
    """Whose transactions go before whose: those of the one that is read now, and then of the one that was read last.

    It need not be the one in front: a history that was kept may be newer than a connection that has lost its access.
    """
    item, is_read = account.item, account.closed_at is None and is_read_well(account.item)
    known_at = item.connected_at if is_read else account.balance_as_of or item.connected_at
    return is_read, known_at, item.connected_at, account.pk


def is_read_well(item: Item) -> bool:
    """Whether the bank lets us in and its last good reading is not long ago."""
    is_late = item.checked_at is None or timezone.now() - item.checked_at >= LATE
    return item.connection == Connection.ACTIVE and not is_late


def needless(accounts: Sequence[Account], proven: set[Pair]) -> list[UUID]:
    """The Items whose access is gone for good and whose open accounts are all read through another Item, for certain.

    Accounts that only look the same may part again when their rows come; so long the older connection stays.
    """
    read: dict[UUID | None, UUID] = {a.pk: a.item_id for a in accounts if a.item.connection == Connection.ACTIVE}
    withdrawn = [each for each in accounts if each.closed_at is None and each.item.connection == Connection.REVOKED]
    ways = {each.pk: frozenset((each.item_id, read.get(each.successor_id))) for each in withdrawn}
    needed = {each.item_id for each in withdrawn if ways[each.pk] not in proven}
    return list({each.item_id for each in withdrawn} - needed)


def earlier(one: date | None, other: date | None) -> date | None:
    return min(filter(None, (one, other)), default=None)
