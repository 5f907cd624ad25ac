"""The progress of an Item's first import, as a message and as steps."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from banking.error_messages import bank_name
from banking.models import Account, Connection, Item
from banking.provider import Readiness
from banking.retention.stored_history import StoredHistory, count_history

STEPS = 3
FAST_POLLING_PERIOD = timedelta(seconds=30)
SLOW_AFTER = timedelta(minutes=10)
STEP_BY_READINESS = {Readiness.NOT_READY: 1, Readiness.INITIAL: 2, Readiness.HISTORICAL: 3}


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """``state`` is running, slow, done or failed; ``step`` counts up to ``steps``."""

    state: str
    sentence: str
    step: int
    steps: int
    history: StoredHistory
    poll_seconds: int


def import_progress(*, item: Item, at: datetime) -> ImportProgress:
    """The progress of an import, in three queries."""
    state = import_state(item=item, at=at)
    history = count_history(owner_id=item.owner_id, accounts=Account.objects.filter(item=item, closed_at=None))
    return ImportProgress(
        state=state,
        sentence=progress_message(state=state, item=item, keeps_transactions=history.keeps_transactions),
        step=STEP_BY_READINESS[Readiness(item.readiness)],
        steps=STEPS,
        history=history,
        poll_seconds=2 if at - item.connected_at < FAST_POLLING_PERIOD else 5,
    )


def import_state(*, item: Item, at: datetime) -> str:
    if item.readiness == Readiness.HISTORICAL:
        return "done"
    if item.connection != Connection.ACTIVE or item.failures:
        return "failed"
    return "slow" if at - item.connected_at > SLOW_AFTER else "running"


def progress_message(*, state: str, item: Item, keeps_transactions: bool) -> str:
    """The text on the page, which a screen reader reads out when it changes."""
    bank = {"bank": bank_name(item.institution_name)}
    if state == "done":
        return _("Import from %(bank)s is complete.") % bank
    if state == "failed":
        return _("Import from %(bank)s was interrupted.") % bank
    if state == "slow":
        return _("Still importing from %(bank)s.") % bank
    if item.readiness == Readiness.INITIAL and not keeps_transactions:
        return _("Totals of recent transactions are in. Older ones are still importing.")
    if item.readiness == Readiness.INITIAL:
        return _("Recent transactions are in. Older ones are still importing.")
    return _("Importing from %(bank)s.") % bank
