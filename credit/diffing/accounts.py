"""Changes of accounts: added, removed, transferred, and changed fields."""

from collections.abc import Iterator
from datetime import timedelta

from credit.diffing import payments
from credit.diffing.change import Change, ChangeType, Figure, Severity, Thresholds
from credit.diffing.matching import AccountPair, MatchedAccounts
from credit.report import AccountKind, CreditReport, Tradeline

# Lenders report late: an account opened this long before the last report may be new in this one.
NEW_FOR = timedelta(days=90)
PAID = "paid"


def compare_accounts(matched: MatchedAccounts, older: CreditReport, newer: CreditReport) -> Iterator[Change]:
    """List accounts that were added, transferred and removed."""
    for line in matched.added:
        yield _addition(line, older)
    for pair in matched.transfers:
        yield _change(
            pair.new, ChangeType.ACCOUNT_TRANSFERRED, Severity.NOTICE, before=pair.old.creditor, after=pair.new.creditor
        )
    for pair in matched.pairs:
        # A transferred debt is neither paid nor closed, even if its old account says so.
        if pair.old.key not in matched.transferred_keys:
            yield from _compare_endings(pair)
    for line in matched.vanished:
        yield _change(line, ChangeType.ACCOUNT_VANISHED, Severity.NOTICE, before=line.balance)


def compare_account_fields(matched: MatchedAccounts, thresholds: Thresholds) -> Iterator[Change]:
    """List changed fields of accounts that both reports have."""
    for pair in matched.pairs:
        yield from payments.compare_payments(pair)
        yield from _compare_amounts(pair, thresholds)
        yield from _compare_statuses(pair)


def _addition(line: Tradeline, older: CreditReport) -> Change:
    """The change for an added account: a collection account, a new account, or an old one that is newly reported."""
    if line.kind is AccountKind.COLLECTION:
        return _change(line, ChangeType.COLLECTION_ADDED, Severity.HIGH, after=line.balance)
    opened, last = line.opened, older.reported_on
    if opened and last and opened.first >= last - NEW_FOR:
        return _change(line, ChangeType.ACCOUNT_OPENED, Severity.NOTICE, after=line.balance, detail=str(opened.first))
    return _change(line, ChangeType.ACCOUNT_APPEARED, Severity.NOTICE, after=line.balance)


def _compare_endings(pair: AccountPair) -> Iterator[Change]:
    old, new = pair
    if old.is_open and new.is_open is False:
        yield _change(new, ChangeType.ACCOUNT_CLOSED, Severity.NOTICE, detail=new.account_condition)
    if new.revolving is False and (old.balance or 0) > 0 and _owes_nothing(new):
        yield _change(new, ChangeType.ACCOUNT_PAID_OFF, Severity.NOTICE, before=old.balance, after=0)


def _owes_nothing(line: Tradeline) -> bool:
    """Whether nothing is owed: a loan that is closed as paid usually reports no balance."""
    return line.balance == 0 or (line.balance is None and line.is_open is False and line.account_condition == PAID)


def _compare_amounts(pair: AccountPair, thresholds: Thresholds) -> Iterator[Change]:
    old, new = pair
    if old.limit is not None and new.limit is not None and old.limit != new.limit:
        yield _change(new, ChangeType.LIMIT_CHANGED, Severity.INFO, before=old.limit, after=new.limit)
    if new.revolving and old.balance is not None and new.balance is not None:
        moved, size = abs(new.balance - old.balance), new.limit or new.original or 0
        if moved >= thresholds.balance and 100 * moved >= thresholds.balance_percent * size:
            yield _change(new, ChangeType.BALANCE_CHANGED, Severity.INFO, before=old.balance, after=new.balance)


def _compare_statuses(pair: AccountPair) -> Iterator[Change]:
    old, new = pair
    if old.derogatory != new.derogatory:
        change_type = ChangeType.DEROGATORY_ADDED if new.derogatory else ChangeType.DEROGATORY_CLEARED
        severity = Severity.HIGH if new.derogatory else Severity.NOTICE
        yield _change(new, change_type, severity, before=old.account_condition, after=new.account_condition)
    if old.disputed != new.disputed:
        was, now = ("disputed" if line.disputed else "" for line in pair)
        yield _change(new, ChangeType.DISPUTE_CHANGED, Severity.NOTICE, before=was, after=now)
    if (old.remark_code, old.comment) != (new.remark_code, new.comment):
        yield _change(new, ChangeType.REMARK_CHANGED, Severity.INFO, before=_remark(old), after=_remark(new))


def _remark(line: Tradeline) -> str:
    return " ".join(filter(None, (line.remark_code, line.comment)))


def _change(
    line: Tradeline,
    change_type: ChangeType,
    severity: Severity,
    *,
    before: Figure = None,
    after: Figure = None,
    detail: str = "",
) -> Change:
    return Change(change_type, line.key, severity, line.creditor, before, after, detail, line.key)
