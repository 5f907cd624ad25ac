"""The rule of transactions: how long a person's transactions are kept, and whether at all."""

from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from banking.models import Item
from banking.retention.purging import are_transactions_stored, preview_purge, purge_transactions
from compliance.audit.daily_access import DataKind
from compliance.retention import FixedRule, RetentionChoice, RetentionRule, register_fixed_rule, register_rule
from compliance.retention.models import RetentionSetting

NOT_AT_ALL: Final = 0


def request_complete_syncs(*, owner_id: UUID) -> None:
    """Let the next sync of each of an owner's Items download all its transactions, and let it be due now."""
    Item.objects.filter(owner=owner_id).update(cursor="", next_sync_at=Now())


RULE: Final = RetentionRule(
    data_type="transactions",
    data_kind=DataKind.TRANSACTIONS,
    label=_("Transactions"),
    choices=(
        RetentionChoice(30, _("30 days")),
        RetentionChoice(90, _("90 days")),
        RetentionChoice(730, _("Two years (730 days)")),
        RetentionChoice(None, _("Until you delete your account")),
        RetentionChoice(NOT_AT_ALL, _("Don't keep my transactions")),
    ),
    # Nothing is deleted before a person chose.
    initial_days=None,
    preselected_days=90,
    stays=_(
        "Monthly totals by account and category stay, without names of stores or people. Pending transactions stay "
        "until they are posted, and a transfer stays up to ten days longer. Alerts about large transactions are "
        "deleted when they are as old. A recurring payment is deleted when the last of its payments is as old."
    ),
    stays_page="monthly_totals",
    is_stored=are_transactions_stored,
    preview=preview_purge,
    purge=purge_transactions,
    restore=request_complete_syncs,
    restored=_("We download your transactions from your connected banks again, and store them."),
    warnings={
        NOT_AT_ALL: _(
            "Each sync then downloads your transactions, adds them up, and stores only the totals: by day for two "
            "months, by month before that. Lists, search, and CSV files of transactions are empty, your own categories "
            "and notes are deleted, recurring payments aren't listed, and we can't alert you to large transactions. A "
            "transfer between two banks that your banks don't label as a transfer counts as income and spending."
        )
    },
)
register_rule(RULE)
register_fixed_rule(
    FixedRule(
        label=_("Bank connections, accounts, balances, the terms of cards and loans, and monthly totals"),
        how_long=_(
            "Until your account is deleted. If you disconnect a bank and delete its history, its accounts, balances, "
            "terms, and totals are deleted then. If you remove one account and delete its history, the same is deleted "
            "of that account."
        ),
        reason=_("Charts and totals need the whole history. Totals name no store and no person."),
    ),
    FixedRule(
        label=_("When we synced your banks"),
        how_long=_("90 days, and the last successful sync of each bank until your account is deleted"),
        reason=_("With it, you and support can explain a figure. It has times and counts, and no transaction."),
    ),
    FixedRule(
        label=_("Messages from Plaid that a bank has new data"),
        how_long=_("15 minutes, then deleted every hour"),
        reason=_("Only a fingerprint is stored, so that a repeated message has no effect."),
    ),
)


class KeptPeriod(NamedTuple):
    """How many days transactions are kept (``None`` is without end, 0 not at all), and since when at this moment."""

    days: int | None
    since: date | None


def get_kept_period(*, owner_id: UUID) -> KeptPeriod:
    """Return the period that counts for an owner now, in the open transaction; one query."""
    now, setting = timezone.now(), RetentionSetting.for_owner(owner_id, RULE)
    return KeptPeriod(setting.days_in_effect(now), setting.first_day_kept(now))


def keeps_transactions(*, owner_id: UUID) -> bool:
    """Whether an owner's transactions are stored at all."""
    return get_kept_period(owner_id=owner_id).days != NOT_AT_ALL
