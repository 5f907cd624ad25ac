"""A sync that was made, in words: who or what asked for it, how long it took, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from banking.error_messages import access_message, advise, bank_name, sync_error_message
from banking.models import Item, RefreshOutcome, SyncRun
from banking.provider import NotReady

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

REASONS: Final[Mapping[str, "StrOrPromise"]] = {
    "beat": gettext_lazy("On schedule"),
    "webhook": gettext_lazy("The bank had new data"),
    "person": gettext_lazy("You asked for it"),
    "follow-up": gettext_lazy("Follow-up of the sync before"),
    "link": gettext_lazy("You connected or reconnected the bank"),
    "check": gettext_lazy("The connection worked again"),
    "demo": gettext_lazy("Sample data"),
}
OTHER_REASON: Final = gettext_lazy("Started by Plumbline")
# Codes of this site's own.
INTERRUPTED: Final = gettext_lazy("Interrupted on our end. We started it again.")
OWN_RESULTS: Final[Mapping[str, "StrOrPromise"]] = {
    "HANDED_OVER": gettext_lazy("The bank responded slowly. We started it again with more time."),
    "WORKER_LOST": INTERRUPTED,
    "LEASE_LOST": INTERRUPTED,
    SyncRun.DISCONNECTED: gettext_lazy("Stopped, because the bank was disconnected."),
}
REFRESH_RESULTS: Final[Mapping[str, "StrOrPromise"]] = {
    RefreshOutcome.REQUESTED: gettext_lazy("The bank was asked for new data."),
    RefreshOutcome.UNSUPPORTED: gettext_lazy("The bank could not be asked: that isn't offered here."),
    RefreshOutcome.LIMITED: gettext_lazy("The bank was not asked, because of a rate limit."),
    RefreshOutcome.USED_UP: gettext_lazy("The bank was not asked, because the requests of the day were used up."),
    RefreshOutcome.FAILED: gettext_lazy("The bank was asked for new data, without success."),
}


@dataclass(frozen=True, slots=True)
class RunDescription:
    """A run for its user. ``notes`` are further sentences about it."""

    run: SyncRun
    reason: str
    duration: str
    result: str
    notes: list[str]


def describe_run(run: SyncRun, item: Item) -> RunDescription:
    """Describe a run of an Item."""
    notes = [str(REFRESH_RESULTS[run.bank_refresh])] if run.bank_refresh in REFRESH_RESULTS else []
    if run.postponed:
        notes.append(describe_postponed(run.postponed))
    duration = "" if run.duration is None else format_duration(run.duration)
    return RunDescription(run, str(REASONS.get(run.trigger, OTHER_REASON)), duration, describe_result(run, item), notes)


def describe_result(run: SyncRun, item: Item) -> str:
    """Say how a run ended. It blames nobody but whom the provider or our own error names."""
    if run.result == SyncRun.Result.OK:
        return _("Completed")
    if run.result == SyncRun.Result.RUNNING:
        return _("Running")
    if run.error_code in OWN_RESULTS:
        return str(OWN_RESULTS[run.error_code])
    if issubclass(advise(item.provider, run.error_code).error, NotReady):
        return _("%(bank)s's data was not ready yet.") % {"bank": bank_name(item.institution_name)}
    return access_message(item.provider, run.error_code, item.institution_name) or sync_error_message(
        item.institution_name, run.fault
    )


def describe_postponed(count: int) -> str:
    """Say how many attempts were put off before a run."""
    return ngettext(
        "%(count)s attempt before it was put off, because we may call only so often.",
        "%(count)s attempts before it were put off, because we may call only so often.",
        count,
    ) % {"count": count}


def format_duration(duration: timedelta) -> str:
    """Format how long something took: "less than a second", "12 seconds", "3 minutes"."""
    seconds = int(duration.total_seconds())
    if seconds < 1:
        return _("less than a second")
    if minutes := seconds // 60:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
