"""The most urgent message about a user's bank connections, for the top of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from banking.error_messages import bank_name
from banking.models import Item
from formats import dates
from insights.models import FigureCheck


@dataclass(frozen=True, slots=True)
class ConnectionBanner:
    """A sentence at the top of a page, and a link."""

    tone: str
    title: str
    text: str
    url: str
    action: str
    about: str = ""


def most_urgent_banner(items: Sequence[Item]) -> ConnectionBanner | None:
    """Return the banner: first what only the user can fix, then errors, then old balances."""
    first_in_state = {item.state: item for item in reversed(items)}
    first_in_state.update(("expiring", item) for item in reversed(items) if item.is_expiring)
    for state, make in (
        ("reauth", reauth_banner),
        ("repair", repair_banner),
        ("expiring", expiry_banner),
        ("error", error_banner),
        ("stale", stale_banner),
    ):
        if state in first_in_state:
            return make(first_in_state[state])
    return None


def differences_banner(user: User) -> ConnectionBanner | None:
    """Return the banner about figures that the last nightly check found to differ from their transactions."""
    if not FigureCheck.objects.for_user(user).of_shown_accounts().filter(differs_since__isnull=False).exists():
        return None
    return ConnectionBanner(
        tone="info",
        title=_("Some figures don't add up."),
        text=_("We compare your balances with your transactions every day."),
        url=reverse("figure_checks"),
        action=_("See which"),
    )


def age_of_balances(item: Item) -> str:
    """Return the date of the connection's balances as text."""
    if item.data_as_of is None:
        return _("Balances aren't imported yet.")
    return _("Balances are from %(date)s.") % {"date": describe_time(item.data_as_of)}


def describe_time(value: datetime) -> str:
    """The time if it is today, otherwise the date, in the user's time zone."""
    local = timezone.localtime(value)
    return dates.time_of_day(local) if local.date() == timezone.localdate() else dates.day(local.date())


def reauth_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="warn",
        title=_("%(bank)s needs you to sign in.") % {"bank": bank_name(item.institution_name)},
        text=age_of_balances(item),
        url=reverse("reconnect", args=[item.pk]),
        action=_("Reconnect"),
        about=item.institution_name,
    )


def repair_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="warn",
        title=_("Reconnect %(bank)s to continue syncing.") % {"bank": bank_name(item.institution_name)},
        text=age_of_balances(item),
        url=reverse("reconnect", args=[item.pk]),
        action=_("Reconnect"),
        about=item.institution_name,
    )


def expiry_banner(item: Item) -> ConnectionBanner:
    bank, ends = bank_name(item.institution_name), describe_time(item.expires_at or timezone.now())
    until = _("We have access to %(bank)s until %(time)s.") % {"bank": bank, "time": ends}
    return ConnectionBanner(
        tone="warn",
        title=_("Our access to %(bank)s was due to end.") % {"bank": bank} if item.is_overdue else until,
        text=_("Reconnect to keep syncing."),
        url=reverse("reconnect", args=[item.pk]),
        action=_("Reconnect"),
        about=item.institution_name,
    )


def error_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="error",
        title=item.sync_error_message,
        text=_("Next attempt: %(time)s.") % {"time": describe_time(item.next_sync_at)},
        url=reverse("item", args=[item.pk]),
        action=_("View account"),
        about=item.institution_name,
    )


def stale_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="warn",
        title=_("%(bank)s hasn't synced for more than 24 hours.") % {"bank": bank_name(item.institution_name)},
        text=age_of_balances(item),
        url=reverse("item", args=[item.pk]),
        action=_("View account"),
        about=item.institution_name,
    )
