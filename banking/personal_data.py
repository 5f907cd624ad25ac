"""The personal data of bank connections, accounts and transactions."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from banking.linking import account_deletion
from banking.models import (
    Account,
    BalanceSnapshot,
    FailedRemoval,
    Institution,
    Item,
    LinkSession,
    OrphanedRemoval,
    PendingRemoval,
    SyncRun,
    Transaction,
    Transfer,
    WebhookReceipt,
)
from compliance.personal_data import DataCategory, DataHolder, register, register_non_personal
from compliance.personal_data.processors import DataProcessor, register_processor

UNTIL_DELETION: Final = _("Until your account is deleted, or you disconnect the bank and delete its history")
ACCESS: Final = _("Anyone with this could read your accounts at the bank.")

register(
    DataHolder(
        model=Item,
        category=DataCategory.BANK,
        label=_("Your bank connections"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "provider",
            "environment",
            "provider_item_id",
            "institution_id",
            "institution_name",
            "connection",
            "readiness",
            "days_requested",
            "connected_at",
            "checked_at",
            "data_as_of",
            "removed_at",
            "skipped_transactions",
            "error_code",
            "fault",
        ),
        withheld={"access_token": ACCESS},
        technical=frozenset(
            {
                "cursor",
                "failures",
                "request_id",
                "next_sync_at",
                "claimed_until",
                "is_slow",
                "sync_requested_at",
                "refreshed_at",
                "lease_holder",
                "leased_until",
            }
        ),
    ),
    DataHolder(
        model=Account,
        category=DataCategory.BANK,
        label=_("Your bank accounts and their balances"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "item_id",
            "provider_id",
            "persistent_id",
            "name",
            "official_name",
            "mask",
            "type",
            "subtype",
            "current",
            "available",
            "limit",
            "currency",
            "balance_as_of",
            "closed_at",
            "successor_id",
            "succeeded_on",
        ),
    ),
    DataHolder(
        model=BalanceSnapshot,
        category=DataCategory.BANK,
        label=_("Your balances, day by day"),
        kept_for=UNTIL_DELETION,
        exported=("id", "account_id", "day", "current", "available", "limit", "currency"),
    ),
    DataHolder(
        model=Transaction,
        category=DataCategory.BANK,
        label=_("Your transactions, with your own notes and categories"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "account_id",
            "provider_id",
            "amount",
            "provider_amount",
            "currency",
            "day",
            "date",
            "authorized_date",
            "name",
            "merchant_name",
            "pending",
            "pending_id",
            "category",
            "category_detail",
            "category_confidence",
            "payment_channel",
            "user_category",
            "note",
            "hidden",
            "removed_at",
            "replaced_by",
        ),
    ),
    DataHolder(
        model=Transfer,
        category=DataCategory.BANK,
        label=_("Transfers between your own accounts"),
        kept_for=UNTIL_DELETION,
        exported=("id", "money_out", "money_in", "sent_on", "detected_at"),
    ),
    DataHolder(
        model=SyncRun,
        category=DataCategory.BANK,
        label=_("When we synced your banks"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "item_id",
            "trigger",
            "result",
            "started_at",
            "finished_at",
            "written",
            "removed",
            "error_code",
        ),
        technical=frozenset({"pages", "restarts", "skipped_rows", "field_errors", "request_id"}),
    ),
    DataHolder(
        model=PendingRemoval,
        category=DataCategory.BANK,
        label=_("Connections that we're removing at the provider"),
        kept_for=_("Until the provider confirms the removal"),
        exported=("id", "item_id", "history"),
        withheld={"access_token": ACCESS},
        technical=frozenset({"attempts", "next_attempt_at", "error_code"}),
    ),
    DataHolder(
        model=OrphanedRemoval,
        category=DataCategory.BANK,
        label=_("Connections of deleted accounts that we're removing at the provider"),
        kept_for=_("Until the provider confirms the removal"),
        owner="",
        withheld={"access_token": ACCESS},
        technical=frozenset(
            {
                "id",
                "owner",
                "provider",
                "environment",
                "provider_item_id",
                "attempts",
                "next_attempt_at",
                "error_code",
                "created_at",
            }
        ),
        kept_after_erasure=_("The provider keeps a connection until it is removed there, so we keep trying."),
    ),
    DataHolder(
        model=LinkSession,
        category=DataCategory.BANK,
        label=_("When you opened the dialog that connects a bank"),
        kept_for=UNTIL_DELETION,
        exported=("id", "provider", "environment", "state", "item_id", "replaces_id", "account_keys", "created_at"),
        withheld={"link_token": ACCESS},
        technical=frozenset(
            {
                "link_token_hash",
                "resumed_at",
                "public_token_hash",
                "claimed_at",
                "exchange_sent_at",
                "next_recovery_at",
                "recovery_attempts",
                "is_update_mode",
                "error_code",
                "link_session_id",
                "exit_status",
                "request_id",
                "expires_at",
            }
        ),
    ),
)
register_processor(
    DataProcessor(
        name="bank syncs",
        stop=account_deletion.disconnect_all_banks,
        prepare_erasure=account_deletion.prepare_erasure,
    )
)
register_non_personal(FailedRemoval, "A view of pending and orphaned removals, for operators.")
register_non_personal(Institution, "Banks, which all users share.")
register_non_personal(WebhookReceipt, "Hashes of webhooks, which name nobody; deleted after some minutes.")
