"""Compare accounts of one bank and group those that are the same real account."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from itertools import combinations, permutations
from typing import Any, Final
from uuid import UUID

from django.db import connection

from banking.account_matching import statements
from banking.account_matching.precedence import rank
from banking.models import Account, Connection

# The fewest rows, of the days that both accounts cover, that can decide a match.
MIN_ROWS: Final = 3
SYNCABLE_CONNECTIONS: Final = (Connection.ACTIVE, Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT)

Pair = frozenset[UUID]


class Match(Enum):
    """The result of comparing two accounts."""

    SAME = "same"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


def group_accounts(accounts: Sequence[Account]) -> tuple[list[list[Account]], set[Pair]]:
    """Group accounts that are the same, each group ordered by ``rank``.

    Returns also the pairs of Items of which an account was matched by its id or its rows.
    """
    together = listed_together(accounts) | removed_beside(accounts)
    pairs = [pair for pair in combinations(accounts, 2) if may_be_same(*pair) and pair_of(*pair) not in together]
    matches = {pair_of(first, second): compare(first, second) for first, second in pairs}
    proven = {
        frozenset((first.item_id, second.item_id))
        for first, second in pairs
        if matches[pair_of(first, second)] is Match.SAME
    }
    groups: dict[UUID, list[Account]] = {account.pk: [account] for account in accounts}
    for first, second in pairs:
        match = matches[pair_of(first, second)]
        if match is Match.UNDECIDED:
            match = decide_by_evidence(first, second, accounts, proven)
        if match is Match.SAME and not any(
            pair_of(a, b) in together for a in groups[first.pk] for b in groups[second.pk]
        ):
            merge_groups(groups, first, second)
    unique = {id(group): group for group in groups.values()}
    return [sorted(group, key=rank, reverse=True) for group in unique.values()], proven


def merge_groups(groups: dict[UUID, list[Account]], first: Account, second: Account) -> None:
    if groups[first.pk] is not groups[second.pk]:
        groups[first.pk] += groups[second.pk]
        for member in groups[second.pk]:
            groups[member.pk] = groups[first.pk]


def may_be_same(first: Account, second: Account) -> bool:
    if first.persistent_id and second.persistent_id:
        return first.persistent_id == second.persistent_id
    return description(first) == description(second)


def description(account: Account) -> tuple[str, ...]:
    return (account.name, account.type, account.subtype, account.currency)


def listed_together(accounts: Sequence[Account]) -> set[Pair]:
    """Pairs that the bank has listed at once in one connection: they are never the same account."""
    with connection.cursor() as cursor:
        cursor.execute(statements.LISTED_TOGETHER, {"accounts": [account.pk for account in accounts]})
        return {frozenset(pair) for pair in cursor.fetchall()}


def removed_beside(accounts: Sequence[Account]) -> set[Pair]:
    """Pairs of one connection of which the user removed one account while the other was known beside it.

    What showed that the bank had listed both may be deleted. An id is as old as its row.
    """
    return {
        pair_of(first, second)
        for first, second in permutations(accounts, 2)
        if first.user_removed_at is not None
        and first.item_id == second.item_id
        and created_at(second) < first.user_removed_at
        and (first.successor_id or first.pk) != (second.successor_id or second.pk)
    }


def created_at(account: Account) -> datetime:
    """When an account was stored, by its id, which begins with the milliseconds since 1970."""
    return datetime.fromtimestamp((account.pk.int >> 80) / 1000, tz=UTC)


def pair_of(first: Account, second: Account) -> Pair:
    return frozenset((first.pk, second.pk))


def compare(first: Account, second: Account) -> Match:
    """Compare two accounts with the same description, by id or by rows; one query."""
    if first.persistent_id and first.persistent_id == second.persistent_id:
        return Match.SAME
    with connection.cursor() as cursor:
        pair: dict[str, Any] = {
            "owner": first.owner_id,
            "first": first.pk,
            "second": second.pk,
            "pair": [first.pk, second.pk],
        }
        cursor.execute(statements.EQUAL_ROWS, pair)
        first_count, second_count, equal = cursor.fetchone()
    fewer = min(first_count, second_count)
    if fewer < MIN_ROWS or fewer * 2 <= equal * 4 < fewer * 3:
        return Match.UNDECIDED
    return Match.SAME if equal * 4 >= fewer * 3 else Match.DIFFERENT


def decide_by_evidence(front: Account, older: Account, accounts: Sequence[Account], proven: set[Pair]) -> Match:
    """Decide about a pair with too few rows; ``proven`` are pairs of Items that share another account."""
    if not front.mask or front.mask != older.mask or not (is_alone(front, accounts) and is_alone(older, accounts)):
        return Match.DIFFERENT
    is_history = older.closed_at is not None or older.item.connection not in SYNCABLE_CONNECTIONS
    was_matched = older.successor_id is not None and older.successor_id in (front.pk, front.successor_id)
    was_matched = was_matched or front.successor_id == older.pk
    share_account = front.item_id != older.item_id and frozenset((front.item_id, older.item_id)) in proven
    if is_history or was_matched or share_account or had_same_balance(front, older):
        return Match.SAME
    return Match.DIFFERENT


def is_alone(account: Account, accounts: Sequence[Account]) -> bool:
    """Whether no other account of its connection, in the same state, has its description and its digits.

    Accounts that were matched before are one, also after both were closed.
    """
    return not any(
        other.pk not in (account.pk, account.successor_id)
        and other.item_id == account.item_id
        and (other.closed_at is None) == (account.closed_at is None)
        and other.successor_id is None
        and (*description(other), other.mask) == (*description(account), account.mask)
        for other in accounts
    )


def had_same_balance(first: Account, second: Account) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statements.SAME_BALANCE, {"first": first.pk, "second": second.pk})
        return bool(cursor.fetchone()[0])
