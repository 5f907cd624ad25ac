"""Match the accounts of two reports: first by key, then loans that were transferred to another lender."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from credit.report import Tradeline

TRANSFERRED = "transferred"


class AccountPair(NamedTuple):
    """The same account in two reports."""

    old: Tradeline
    new: Tradeline


@dataclass(frozen=True, slots=True)
class MatchedAccounts:
    """Every account of both reports, once; only the old account of a transfer may also be in a pair."""

    pairs: tuple[AccountPair, ...]
    transfers: tuple[AccountPair, ...]
    added: tuple[Tradeline, ...]
    vanished: tuple[Tradeline, ...]

    @property
    def transferred_keys(self) -> frozenset[str]:
        """The earlier keys of debts that were transferred to another lender."""
        return frozenset(pair.old.key for pair in self.transfers)


def match_accounts(older: Sequence[Tradeline], newer: Sequence[Tradeline]) -> MatchedAccounts:
    """Match two reports' accounts."""
    old, new = {account.key: account for account in older}, {account.key: account for account in newer}
    pairs = tuple(AccountPair(old[key], account) for key, account in new.items() if key in old)
    added = [account for key, account in new.items() if key not in old]
    vanished = [account for key, account in old.items() if key not in new]
    leaving = [pair.old for pair in pairs if _was_just_transferred(pair)] + vanished
    transfers = tuple(_transfers(leaving, added))
    moved_from, moved_to = {pair.old.key for pair in transfers}, {pair.new.key for pair in transfers}
    return MatchedAccounts(
        pairs=pairs,
        transfers=transfers,
        added=tuple(account for account in added if account.key not in moved_to),
        vanished=tuple(account for account in vanished if account.key not in moved_from),
    )


def _was_just_transferred(pair: AccountPair) -> bool:
    return pair.new.account_condition == TRANSFERRED and pair.old.account_condition != TRANSFERRED


def _transfers(leaving: Iterable[Tradeline], added: Sequence[Tradeline]) -> Iterable[AccountPair]:
    """Pair each debt that disappeared with the first new account that is the same debt."""
    taken: set[str] = set()
    for old in leaving:
        for new in added:
            if new.key not in taken and _is_same_debt(old, new):
                taken.add(new.key)
                yield AccountPair(old, new)
                break


def _is_same_debt(old: Tradeline, new: Tradeline) -> bool:
    """Whether a loan was transferred: it keeps its original amount, and usually its opening date."""
    if old.kind is not new.kind or old.original is None or old.original != new.original:
        return False
    opened = old.opened is not None and new.opened is not None and old.opened.first == new.opened.first
    return opened or old.is_open is not False
