"""Which account of one report is which of another: by key first, and then loans that went to another lender."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from credit.report import Tradeline

TRANSFERRED = "transferred"


class Pair(NamedTuple):
    """The same account in two reports."""

    old: Tradeline
    new: Tradeline


@dataclass(frozen=True, slots=True)
class Matched:
    """Every account of both reports, exactly once, except that the old side of a transfer may be in a pair too."""

    pairs: tuple[Pair, ...]
    transfers: tuple[Pair, ...]
    added: tuple[Tradeline, ...]
    vanished: tuple[Tradeline, ...]

    @property
    def transferred_keys(self) -> frozenset[str]:
        """The keys under which debts stood before they went to another lender."""
        return frozenset(pair.old.key for pair in self.transfers)


def match(older: Sequence[Tradeline], newer: Sequence[Tradeline]) -> Matched:
    """Match two reports' accounts."""
    old, new = {each.key: each for each in older}, {each.key: each for each in newer}
    pairs = tuple(Pair(old[key], each) for key, each in new.items() if key in old)
    added = [each for key, each in new.items() if key not in old]
    vanished = [each for key, each in old.items() if key not in new]
    leaving = [pair.old for pair in pairs if _has_just_left(pair)] + vanished
    transfers = tuple(_transfers(leaving, added))
    moved_from, moved_to = {pair.old.key for pair in transfers}, {pair.new.key for pair in transfers}
    return Matched(
        pairs=pairs,
        transfers=transfers,
        added=tuple(each for each in added if each.key not in moved_to),
        vanished=tuple(each for each in vanished if each.key not in moved_from),
    )


def _has_just_left(pair: Pair) -> bool:
    return pair.new.condition == TRANSFERRED and pair.old.condition != TRANSFERRED


def _transfers(leaving: Iterable[Tradeline], added: Sequence[Tradeline]) -> Iterable[Pair]:
    """Pair each debt that left with the first new account that is the same debt."""
    taken: set[str] = set()
    for old in leaving:
        for new in added:
            if new.key not in taken and _is_same_debt(old, new):
                taken.add(new.key)
                yield Pair(old, new)
                break


def _is_same_debt(old: Tradeline, new: Tradeline) -> bool:
    """A loan keeps its original amount, and mostly its opening day, when another lender takes it over."""
    if old.kind is not new.kind or old.original is None or old.original != new.original:
        return False
    opened = old.opened is not None and new.opened is not None and old.opened.first == new.opened.first
    return opened or old.is_open is not False
