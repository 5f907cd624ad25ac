"""Changes of utilization: thresholds crossed, by each card and by all cards together.

An increase reports the highest threshold crossed, a decrease the lowest: one change in either case.
"""

from collections.abc import Iterator

from credit.analysis.utilization import (
    OVER_LIMIT,
    Utilization,
    crossed_thresholds,
    summarize_utilization,
    utilization_of,
)
from credit.diffing.change import Change, ChangeType, Severity
from credit.diffing.matching import AccountPair, MatchedAccounts
from credit.report import CreditReport

OVERALL = "overall"
LIMIT_FELL, LIMIT_ROSE = "limit_fell", "limit_rose"


def compare_utilization(matched: MatchedAccounts, older: CreditReport, newer: CreditReport) -> Iterator[Change]:
    """List crossed thresholds. Without a limit on both sides there is none."""
    for pair in matched.pairs:
        before, after = utilization_of(pair.old), utilization_of(pair.new)
        if before and after:
            yield from _change(before, after, pair)
    was, now = summarize_utilization(older.tradelines).overall, summarize_utilization(newer.tradelines).overall
    if was and now:
        yield from _change(was, now, None)


def _change(before: Utilization, after: Utilization, pair: AccountPair | None) -> Iterator[Change]:
    crossed = list(crossed_thresholds(before, after))
    if not crossed:
        return
    up = crossed[0][1]
    mark = max(crossed)[0] if up else min(crossed)[0]
    severity = Severity.NOTICE if up else Severity.INFO
    yield Change(
        type=ChangeType.UTILIZATION_UP if up else ChangeType.UTILIZATION_DOWN,
        entity=pair.new.key if pair else OVERALL,
        severity=Severity.HIGH if up and mark == OVER_LIMIT else severity,
        name=pair.new.creditor if pair else "",
        before=str(before.percent),
        after=str(after.percent),
        detail=" ".join(filter(None, (str(mark), _cause(before, after)))),
        key=pair.new.key if pair else "",
    )


def _cause(before: Utilization, after: Utilization) -> str:
    """The limit, if its change explains the crossing."""
    up = after.balance * before.limit > before.balance * after.limit
    if up:
        return LIMIT_FELL if after.limit < before.limit else ""
    return LIMIT_ROSE if after.limit > before.limit else ""
