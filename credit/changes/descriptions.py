"""Describe a change between two reports: one plain, neutral sentence for each type of change.

The sentences say what the bureau reports, before and after. They blame nobody, promise nothing, and give no advice.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from compliance.vault import UNREADABLE
from credit.analysis import labels
from credit.analysis.utilization import OVER_LIMIT
from credit.diffing import Change, ChangeType
from credit.diffing.scores import BAND
from credit.diffing.utilization import LIMIT_FELL, LIMIT_ROSE
from credit.payment_history import Bucket

FLAGS: Mapping[str, tuple[str, str]] = {
    "frozen": ("Your file was frozen", "Your file is no longer frozen"),
    "fraud_alert": ("A fraud alert stands in your file", "The fraud alert left your file"),
    "active_duty": ("An active duty alert stands in your file", "The active duty alert left your file"),
    "deceased": ("The bureau marks your file as deceased", "The deceased mark left your file"),
    "ssn_variation": (
        "The Social Security number on file differs from yours",
        "The Social Security number on file agrees with yours again",
    ),
}
DETAILS: Mapping[str, str] = {
    "name": "A name that was not there before is on file",
    "address": "An address that was not there before is on file",
    "employer": "An employer that was not there before is on file",
}
CAUSES = {LIMIT_FELL: "The limit fell.", LIMIT_ROSE: "The limit rose."}


class ChangeDescription(NamedTuple):
    """A title that stands alone, and one more line, which may be empty."""

    title: str
    text: str


def describe_change(change: Change) -> ChangeDescription:
    return DESCRIPTIONS[change.type](change)


def _account_name(change: Change) -> str:
    return change.name or "An account without a name"


def _score_changed(change: Change) -> ChangeDescription:
    before, after = int(change.before or 0), int(change.after or 0)
    way = "up" if after > before else "down"
    band = " It is in another band of its model." if change.detail == BAND else ""
    return ChangeDescription(
        f"{change.name} went {way} by {_points(abs(after - before))}", f"From {before} to {after}.{band}"
    )


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"


def _score_appeared(change: Change) -> ChangeDescription:
    return ChangeDescription(f"{change.name} gives a score again", f"It is {change.after}; before there was none.")


def _score_vanished(change: Change) -> ChangeDescription:
    return ChangeDescription(
        f"{change.name} gives no score", f"It was {change.before}. {labels.exclusion_reason(str(change.after or ''))}"
    )


def _utilization(change: Change) -> ChangeDescription:
    mark, _space, cause = change.detail.partition(" ")
    whose = _account_name(change) if change.key else "All cards together"
    up = change.type is ChangeType.UTILIZATION_UP
    if mark == str(OVER_LIMIT):
        title = f"{whose}: over the limit" if up else f"{whose}: no longer over the limit"
    else:
        title = f"{whose}: {'more than' if up else 'no more than'} {mark}% of the limit used"
    return ChangeDescription(
        title, " ".join(filter(None, (f"From {change.before}% to {change.after}%.", CAUSES.get(cause, ""))))
    )


def _late(title: str) -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        before, after = (_bucket(value) for value in (change.before, change.after))
        return ChangeDescription(
            f"{_account_name(change)}: {title} for {_month(change.detail)}", f"Before: {before}. Now: {after}."
        )

    return describe


def _bucket(figure: object) -> str:
    bucket = next((bucket for bucket in Bucket if bucket == figure), Bucket.NO_DATA)
    return labels.PAYMENT_MARKS[bucket][1].lower()


def _month(text: str) -> str:
    """``2027-04`` is "April 2027"; anything else stays as it is."""
    try:
        return f"{date.fromisoformat(f'{text}-01'):%B %Y}"
    except ValueError:
        return text


def _amounts(title: str) -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        return ChangeDescription(
            f"{_account_name(change)}: {title}", f"From {_dollars(change.before)} to {_dollars(change.after)}."
        )

    return describe


def _with_balance(title: str) -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        return ChangeDescription(f"{_account_name(change)}: {title}", f"Balance: {_dollars(change.after)}.")

    return describe


def _dollars(figure: object) -> str:
    return labels.format_dollars(figure) if isinstance(figure, int) else labels.NOT_REPORTED.lower()


def _opened(change: Change) -> ChangeDescription:
    opened = f" Opened {labels.format_iso_date(change.detail)}." if change.detail else ""
    return ChangeDescription(f"{_account_name(change)}: new account", f"Balance: {_dollars(change.after)}.{opened}")


def _transferred(change: Change) -> ChangeDescription:
    before, after = change.before or "A lender without a name", change.after or "another lender"
    return ChangeDescription(f"{before} moved a loan to {after}", "It is the same debt under another lender.")


def _closed(change: Change) -> ChangeDescription:
    condition = labels.ACCOUNT_CONDITIONS.get(change.detail, "")
    return ChangeDescription(
        f"{_account_name(change)}: account closed", f"Reported as: {condition.lower()}." if condition else ""
    )


def _vanished(change: Change) -> ChangeDescription:
    text = "The bureau may have updated its records. It is not in this report."
    last = f" Last balance: {_dollars(change.before)}." if change.before is not None else ""
    return ChangeDescription(f"{_account_name(change)}: no longer in the report", text + last)


def _past_due(change: Change) -> ChangeDescription:
    return ChangeDescription(
        f"{_account_name(change)}: an amount is past due", f"{_dollars(change.after)} is past due."
    )


def _condition(title: str) -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        before, after = (
            labels.ACCOUNT_CONDITIONS.get(str(value or ""), labels.NOT_REPORTED)
            for value in (change.before, change.after)
        )
        return ChangeDescription(
            f"{_account_name(change)}: {title}", f"Before: {before.lower()}. Now: {after.lower()}."
        )

    return describe


def _dispute(change: Change) -> ChangeDescription:
    title = "marked as disputed" if change.after else "no longer marked as disputed"
    return ChangeDescription(
        f"{_account_name(change)}: {title}", "The mark says that the person disputes what is reported."
    )


def _remark(change: Change) -> ChangeDescription:
    before, after = (str(value or "none") for value in (change.before, change.after))
    return ChangeDescription(
        f"{_account_name(change)}: the lender's remark changed", f"Before: {before}. Now: {after}."
    )


def _inquiry_added(change: Change) -> ChangeDescription:
    when = f"On {labels.format_iso_date(str(change.after))}." if change.after else "The report does not say when."
    return ChangeDescription(f"{_inquirer(change)} asked for your file", when)


def _inquiry_appeared(change: Change) -> ChangeDescription:
    when = f" It is dated {labels.format_iso_date(str(change.after))}." if change.after else ""
    return ChangeDescription(f"An earlier inquiry of {_inquirer(change)} was added", f"It was reported late.{when}")


def _inquirer(change: Change) -> str:
    return change.name or "Somebody without a name"


def _record_added(change: Change) -> ChangeDescription:
    return ChangeDescription("A public record was added", f"Court: {change.name or labels.NOT_REPORTED.lower()}.")


def _record_changed(change: Change) -> ChangeDescription:
    codes = f"Status code {change.before or 'none'} before, {change.after or 'none'} now."
    return ChangeDescription(
        "A public record has another status", f"Court: {change.name or labels.NOT_REPORTED.lower()}. {codes}"
    )


def _personal(change: Change) -> ChangeDescription:
    title = DETAILS.get(change.name, "A personal detail that was not there before is on file")
    return ChangeDescription(title, "See what is on file under Personal.")


def _flag(change: Change) -> ChangeDescription:
    added, cleared = FLAGS.get(change.name, ("A mark was added to your file", "A mark left your file"))
    return ChangeDescription(added if change.type is ChangeType.FLAG_ADDED else cleared, "")


DESCRIPTIONS: Mapping[ChangeType, Callable[[Change], ChangeDescription]] = {
    ChangeType.SCORE_CHANGED: _score_changed,
    ChangeType.SCORE_APPEARED: _score_appeared,
    ChangeType.SCORE_VANISHED: _score_vanished,
    ChangeType.INQUIRY_ADDED: _inquiry_added,
    ChangeType.INQUIRY_APPEARED: _inquiry_appeared,
    ChangeType.ACCOUNT_OPENED: _opened,
    ChangeType.ACCOUNT_APPEARED: _with_balance("newly reported, though not new"),
    ChangeType.ACCOUNT_TRANSFERRED: _transferred,
    ChangeType.ACCOUNT_CLOSED: _closed,
    ChangeType.ACCOUNT_PAID_OFF: _amounts("loan paid off"),
    ChangeType.ACCOUNT_VANISHED: _vanished,
    ChangeType.COLLECTION_ADDED: _with_balance("collection added"),
    ChangeType.UTILIZATION_UP: _utilization,
    ChangeType.UTILIZATION_DOWN: _utilization,
    ChangeType.LATE_PAYMENT: _late("payment reported late"),
    ChangeType.LATE_WORSENED: _late("late mark got worse"),
    ChangeType.LATE_REMOVED: _late("late mark removed"),
    ChangeType.PAST_DUE: _past_due,
    ChangeType.BALANCE_CHANGED: _amounts("balance changed"),
    ChangeType.LIMIT_CHANGED: _amounts("limit changed"),
    ChangeType.PUBLIC_RECORD_ADDED: _record_added,
    ChangeType.PUBLIC_RECORD_CHANGED: _record_changed,
    ChangeType.DEROGATORY_ADDED: _condition("serious mark added"),
    ChangeType.DEROGATORY_CLEARED: _condition("serious mark removed"),
    ChangeType.DISPUTE_CHANGED: _dispute,
    ChangeType.REMARK_CHANGED: _remark,
    ChangeType.PERSONAL_ADDED: _personal,
    ChangeType.FLAG_ADDED: _flag,
    ChangeType.UNREADABLE: lambda _change: ChangeDescription(UNREADABLE, ""),
    ChangeType.FLAG_CLEARED: _flag,
}
