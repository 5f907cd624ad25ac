"""Describe a change between two reports: one plain, neutral sentence for each type of change.

The sentences say what the bureau reports, before and after. They do not blame, promise or advise.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.vault import UNREADABLE
from credit.analysis import labels
from credit.analysis.utilization import OVER_LIMIT
from credit.diffing import Change, ChangeType
from credit.diffing.scores import BAND
from credit.diffing.utilization import LIMIT_FELL, LIMIT_ROSE
from credit.payment_history import Bucket
from formats import dates
from formats.numbers import exact_percent

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FLAGS: Mapping[str, tuple["StrOrPromise", "StrOrPromise"]] = {
    "frozen": (gettext_lazy("Your credit file was frozen"), gettext_lazy("Your credit file is no longer frozen")),
    "fraud_alert": (
        gettext_lazy("Your credit file has a fraud alert"),
        gettext_lazy("Your credit file no longer has a fraud alert"),
    ),
    "active_duty": (
        gettext_lazy("Your credit file has an active duty alert"),
        gettext_lazy("Your credit file no longer has an active duty alert"),
    ),
    "deceased": (
        gettext_lazy("Your credit file is marked as deceased"),
        gettext_lazy("Your credit file is no longer marked as deceased"),
    ),
    "ssn_variation": (
        gettext_lazy("The Social Security number in your credit file differs from yours"),
        gettext_lazy("The Social Security number in your credit file matches yours again"),
    ),
}
DETAILS: Mapping[str, "StrOrPromise"] = {
    "name": gettext_lazy("New name in your credit file"),
    "address": gettext_lazy("New address in your credit file"),
    "employer": gettext_lazy("New employer in your credit file"),
}
CAUSES: Mapping[str, "StrOrPromise"] = {
    LIMIT_FELL: gettext_lazy("The credit limit fell."),
    LIMIT_ROSE: gettext_lazy("The credit limit rose."),
}
UNNAMED_ACCOUNT = gettext_lazy("Unnamed account")


class ChangeDescription(NamedTuple):
    """A complete title, and one more line, which may be empty."""

    title: str
    text: str


def describe_change(change: Change) -> ChangeDescription:
    return DESCRIPTIONS[change.type](change)


def _account_title(change: Change, event: "StrOrPromise") -> str:
    return _("%(account)s: %(event)s") % {"account": change.name or UNNAMED_ACCOUNT, "event": event}


def _before_and_now(before: object, after: object) -> str:
    return _("Before: %(before)s. Now: %(after)s.") % {"before": before, "after": after}


def _score_changed(change: Change) -> ChangeDescription:
    before, after = int(change.before or 0), int(change.after or 0)
    points = abs(after - before)
    rose = ngettext("%(model)s rose %(count)s point", "%(model)s rose %(count)s points", points)
    fell = ngettext("%(model)s fell %(count)s point", "%(model)s fell %(count)s points", points)
    title = (rose if after > before else fell) % {"model": change.name, "count": points}
    band = _("It is in another score band.") if change.detail == BAND else ""
    return ChangeDescription(title, _sentences(_("From %(before)s to %(after)s.") % _figures(before, after), band))


def _figures(before: object, after: object) -> dict[str, object]:
    return {"before": before, "after": after}


def _sentences(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _score_appeared(change: Change) -> ChangeDescription:
    return ChangeDescription(
        _("%(model)s has a score again") % {"model": change.name},
        _("It is %(after)s. The report before had none.") % {"after": change.after},
    )


def _score_vanished(change: Change) -> ChangeDescription:
    return ChangeDescription(
        _("%(model)s has no score") % {"model": change.name},
        _sentences(
            _("It was %(before)s.") % {"before": change.before}, labels.exclusion_reason(str(change.after or ""))
        ),
    )


def _utilization(change: Change) -> ChangeDescription:
    mark, _space, cause = change.detail.partition(" ")
    text = _sentences(
        _("From %(before)s to %(after)s.") % _figures(_percent(change.before), _percent(change.after)),
        str(CAUSES.get(cause, "")),
    )
    title = _utilization_title(mark == str(OVER_LIMIT), is_up=change.type is ChangeType.UTILIZATION_UP)
    account = (change.name or UNNAMED_ACCOUNT) if change.key else _("All cards")
    return ChangeDescription(title % {"account": account, "mark": _percent(mark)}, text)


def _percent(figure: object) -> str:
    """``28.6`` is "28.6%"; anything else stays as it is."""
    try:
        return exact_percent(Decimal(str(figure)))
    except InvalidOperation:
        return str(figure or labels.NOT_REPORTED)


def _utilization_title(is_limit: bool, *, is_up: bool) -> str:
    if is_limit:
        return _("%(account)s: over the credit limit") if is_up else _("%(account)s: no longer over the credit limit")
    if is_up:
        return _("%(account)s: credit utilization above %(mark)s")
    return _("%(account)s: credit utilization no longer above %(mark)s")


def _late(title: "StrOrPromise") -> Callable[[Change], ChangeDescription]:
    """Describe a late payment. ``title`` has places for ``account`` and ``month``."""

    def describe(change: Change) -> ChangeDescription:
        values = {"account": change.name or UNNAMED_ACCOUNT, "month": _month(change.detail)}
        return ChangeDescription(str(title) % values, _before_and_now(_bucket(change.before), _bucket(change.after)))

    return describe


def _bucket(figure: object) -> str:
    bucket = next((bucket for bucket in Bucket if bucket == figure), Bucket.NO_DATA)
    return str(labels.PAYMENT_MARKS[bucket][1])


def _month(text: str) -> str:
    """``2027-04`` is "April 2027"; anything else stays as it is."""
    try:
        return dates.long_month(date.fromisoformat(f"{text}-01"))
    except ValueError:
        return text


def _amounts(event: "StrOrPromise") -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        return ChangeDescription(
            _account_title(change, event),
            _("From %(before)s to %(after)s.") % _figures(_dollars(change.before), _dollars(change.after)),
        )

    return describe


def _with_balance(event: "StrOrPromise") -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        return ChangeDescription(_account_title(change, event), _balance(change))

    return describe


def _balance(change: Change) -> str:
    return _("Balance: %(amount)s.") % {"amount": _dollars(change.after)}


def _dollars(figure: object) -> str:
    return labels.format_dollars(figure) if isinstance(figure, int) else str(labels.NOT_REPORTED)


def _account_opened(change: Change) -> ChangeDescription:
    opened = _("Opened %(day)s.") % {"day": labels.format_iso_date(change.detail)} if change.detail else ""
    return ChangeDescription(_account_title(change, _("new account")), _sentences(_balance(change), opened))


def _loan_transferred(change: Change) -> ChangeDescription:
    lenders = _figures(change.before or _("Unnamed lender"), change.after or _("another lender"))
    return ChangeDescription(
        _("%(before)s transferred a loan to %(after)s") % lenders, _("It is the same debt with another lender.")
    )


def _account_closed(change: Change) -> ChangeDescription:
    condition = labels.ACCOUNT_CONDITIONS.get(change.detail, "")
    text = _("Reported as: %(condition)s.") % {"condition": condition} if condition else ""
    return ChangeDescription(_account_title(change, _("account closed")), text)


def _account_vanished(change: Change) -> ChangeDescription:
    last = _("Last balance: %(amount)s.") % {"amount": _dollars(change.before)} if change.before is not None else ""
    return ChangeDescription(
        _account_title(change, _("no longer on your credit report")),
        _sentences(_("The bureau may have updated its records."), last),
    )


def _past_due(change: Change) -> ChangeDescription:
    return ChangeDescription(
        _account_title(change, _("past due")), _("%(amount)s is past due.") % {"amount": _dollars(change.after)}
    )


def _condition(event: "StrOrPromise") -> Callable[[Change], ChangeDescription]:
    def describe(change: Change) -> ChangeDescription:
        before, after = (
            labels.ACCOUNT_CONDITIONS.get(str(value or ""), labels.NOT_REPORTED)
            for value in (change.before, change.after)
        )
        return ChangeDescription(_account_title(change, event), _before_and_now(before, after))

    return describe


def _dispute(change: Change) -> ChangeDescription:
    event = _("marked as disputed") if change.after else _("no longer marked as disputed")
    return ChangeDescription(
        _account_title(change, event), _("The mark means that the consumer disputes what is reported.")
    )


def _remark(change: Change) -> ChangeDescription:
    before, after = (str(value or _("none")) for value in (change.before, change.after))
    return ChangeDescription(_account_title(change, _("lender's remark changed")), _before_and_now(before, after))


def _inquiry_added(change: Change) -> ChangeDescription:
    when = _("Date: %(day)s.") % {"day": _day(change)} if change.after else _("Date not reported.")
    return ChangeDescription(_("New inquiry from %(name)s") % {"name": _inquirer(change)}, when)


def _inquiry_appeared(change: Change) -> ChangeDescription:
    when = _("Date: %(day)s.") % {"day": _day(change)} if change.after else ""
    title = _("An earlier inquiry from %(name)s was added") % {"name": _inquirer(change)}
    return ChangeDescription(title, _sentences(_("It was reported late."), when))


def _day(change: Change) -> str:
    return labels.format_iso_date(str(change.after))


def _inquirer(change: Change) -> str:
    return change.name or _("an unnamed company")


def _record_added(change: Change) -> ChangeDescription:
    return ChangeDescription(_("Public record added"), _court(change))


def _record_changed(change: Change) -> ChangeDescription:
    codes = _figures(change.before or _("none"), change.after or _("none"))
    return ChangeDescription(
        _("Public record status changed"),
        _sentences(_court(change), _("Status code before: %(before)s. Now: %(after)s.") % codes),
    )


def _court(change: Change) -> str:
    return _("Court: %(court)s.") % {"court": change.name or labels.NOT_REPORTED}


def _personal(change: Change) -> ChangeDescription:
    title = DETAILS.get(change.name) or _("New personal detail in your credit file")
    return ChangeDescription(str(title), _("See your details under Personal."))


def _flag(change: Change) -> ChangeDescription:
    unknown = _("A mark was added to your credit file"), _("A mark was removed from your credit file")
    added, cleared = FLAGS.get(change.name, unknown)
    return ChangeDescription(str(added if change.type is ChangeType.FLAG_ADDED else cleared), "")


DESCRIPTIONS: Mapping[ChangeType, Callable[[Change], ChangeDescription]] = {
    ChangeType.SCORE_CHANGED: _score_changed,
    ChangeType.SCORE_APPEARED: _score_appeared,
    ChangeType.SCORE_VANISHED: _score_vanished,
    ChangeType.INQUIRY_ADDED: _inquiry_added,
    ChangeType.INQUIRY_APPEARED: _inquiry_appeared,
    ChangeType.ACCOUNT_OPENED: _account_opened,
    ChangeType.ACCOUNT_APPEARED: _with_balance(gettext_lazy("newly reported, though not new")),
    ChangeType.ACCOUNT_TRANSFERRED: _loan_transferred,
    ChangeType.ACCOUNT_CLOSED: _account_closed,
    ChangeType.ACCOUNT_PAID_OFF: _amounts(gettext_lazy("loan paid off")),
    ChangeType.ACCOUNT_VANISHED: _account_vanished,
    ChangeType.COLLECTION_ADDED: _with_balance(gettext_lazy("collection account added")),
    ChangeType.UTILIZATION_UP: _utilization,
    ChangeType.UTILIZATION_DOWN: _utilization,
    ChangeType.LATE_PAYMENT: _late(gettext_lazy("%(account)s: late payment in %(month)s")),
    ChangeType.LATE_WORSENED: _late(gettext_lazy("%(account)s: more days past due in %(month)s")),
    ChangeType.LATE_REMOVED: _late(gettext_lazy("%(account)s: late payment in %(month)s removed")),
    ChangeType.PAST_DUE: _past_due,
    ChangeType.BALANCE_CHANGED: _amounts(gettext_lazy("balance changed")),
    ChangeType.LIMIT_CHANGED: _amounts(gettext_lazy("credit limit changed")),
    ChangeType.PUBLIC_RECORD_ADDED: _record_added,
    ChangeType.PUBLIC_RECORD_CHANGED: _record_changed,
    ChangeType.DEROGATORY_ADDED: _condition(gettext_lazy("derogatory mark added")),
    ChangeType.DEROGATORY_CLEARED: _condition(gettext_lazy("derogatory mark removed")),
    ChangeType.DISPUTE_CHANGED: _dispute,
    ChangeType.REMARK_CHANGED: _remark,
    ChangeType.PERSONAL_ADDED: _personal,
    ChangeType.FLAG_ADDED: _flag,
    ChangeType.UNREADABLE: lambda _change: ChangeDescription(str(UNREADABLE), ""),
    ChangeType.FLAG_CLEARED: _flag,
}
