"""The personal data of bank connections, accounts and transactions."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.utils.translation import gettext_lazy as _

from banking.linking import account_deletion
from banking.models import (
    Account,
    AccountRemoval,
    BalanceSnapshot,
    CategoryRule,
    Connection,
    FailedRemoval,
    Institution,
    Item,
    ItemProduct,
    Liability,
    LiabilityApr,
    LinkedItemCount,
    LinkSession,
    OrphanedRemoval,
    PendingRemoval,
    ProviderCallCount,
    ReceivedWebhook,
    RecurringStream,
    RuleChange,
    RuleRun,
    RuleTag,
    SyncRun,
    Tag,
    Transaction,
    TransactionTag,
    TransactionTotal,
    Transfer,
    TransferDecision,
    UnstoredRow,
    UnstoredRowCount,
    WebhookEvent,
)
from banking.webhooks import inbox
from compliance.personal_data import (
    DataCategory,
    DataHolder,
    ExportFile,
    RestoredRows,
    register,
    register_non_personal,
)
from compliance.personal_data.processors import DataProcessor, register_processor

UNTIL_DELETION: Final = _("Until your account is deleted")
UNTIL_HISTORY_DELETION: Final = _("Until your account is deleted, or you disconnect the bank and delete its history")
UNTIL_UNUSED: Final = _("Until it is on no transaction and on no rule")
UNTIL_UNDO_ENDS: Final = _("30 days, and then until you apply a rule again")
ACCESS: Final = _("Anyone with this could read your accounts at the bank.")

# The states of a connection that the user has ended, or that is being ended.
DISCONNECTED: Final = frozenset({Connection.REMOVING.value, Connection.REMOVED.value})


def read_institution(item: Item) -> dict[str, str] | None:
    """Return a connection's bank by the provider's id, which is the same on every site."""
    bank = item.institution
    return None if bank is None else {"provider": bank.provider, "provider_id": bank.provider_id}


def is_disconnected(item: Item) -> bool:
    """Whether the user has disconnected the bank."""
    return item.connection in DISCONNECTED


def parse_institution(text: bytes) -> Mapping[str, Any]:
    """Find a restored connection's bank, or store it without a name.

    All users share its row, so nothing of it is taken from a file: the next sync of anybody fetches what it is called.
    """
    bank = msgspec.json.decode(text)
    if bank is None:
        return {"institution_id": None}
    key = {"provider": bank["provider"], "provider_id": bank["provider_id"]}
    return {"institution_id": Institution.objects.get_or_create(**key)[0].pk}


def parse_connection(text: bytes) -> Mapping[str, Any]:
    """Return the state of a restored connection. It has no token, so its user has to connect the bank again."""
    return {"connection": Connection.REMOVED if text == b"true" else Connection.REVOKED}


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
            "error_reason",
            "fault",
            "expires_at",
            "expiry_reason",
            "new_accounts_at",
        ),
        withheld={"access_token": ACCESS},
        technical=frozenset(
            {
                "cursor",
                "read_at",
                "expiry_reminder",
                "failures",
                "request_id",
                "next_sync_at",
                "claimed_until",
                "webhook_url",
                "webhook_claimed_until",
                "is_slow",
                "sync_requested_at",
                "refreshed_at",
                "bank_refresh_requested",
                "bank_refreshed_at",
                "bank_refreshes",
                "bank_refresh_until",
                "postponed_syncs",
                "lease_holder",
                "leased_until",
                # The number of the bank's row on this site; the export has the provider's id in its place.
                "institution_id",
            }
        ),
        files=(
            ExportFile(
                name="bank/connections.jsonl",
                columns=(
                    "id",
                    "provider",
                    "environment",
                    "provider_item_id",
                    "institution_name",
                    "readiness",
                    "days_requested",
                    "connected_at",
                    "data_as_of",
                    "removed_at",
                    "skipped_transactions",
                ),
                computed={"institution": read_institution, "is_disconnected": is_disconnected},
                related=("institution",),
                restored=RestoredRows(
                    parsers={"institution": parse_institution, "is_disconnected": parse_connection},
                ),
            ),
            ExportFile(
                name="bank/connection_states.jsonl",
                columns=(
                    "id",
                    "connection",
                    "checked_at",
                    "error_code",
                    "error_reason",
                    "fault",
                    "expires_at",
                    "expiry_reason",
                    "new_accounts_at",
                ),
            ),
        ),
    ),
    DataHolder(
        model=ItemProduct,
        category=DataCategory.BANK,
        label=_("Which data each bank offers, and when we last read it"),
        kept_for=UNTIL_DELETION,
        exported=("id", "item_id", "product", "status", "error_code", "checked_at", "last_ok_at", "skipped_rows"),
        technical=frozenset({"next_read_at", "field_errors"}),
        files=(ExportFile(name="bank/products.jsonl"),),
    ),
    DataHolder(
        model=Account,
        category=DataCategory.BANK,
        label=_("Your bank accounts and their balances"),
        kept_for=UNTIL_HISTORY_DELETION,
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
            "user_name",
            "inclusion",
            "edited_at",
            "user_removed_at",
            "successor_id",
            "succeeded_on",
            "purged_before",
            "purged_since",
            "totals_until",
        ),
        files=(
            ExportFile(
                name="bank/accounts.csv",
                columns=(
                    "user_name",
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
                    "inclusion",
                    "id",
                ),
            ),
            ExportFile(name="bank/accounts.jsonl", restored=RestoredRows()),
        ),
    ),
    DataHolder(
        model=AccountRemoval,
        category=DataCategory.BANK,
        label=_("Accounts that you removed and whose removal isn't finished"),
        kept_for=_("Until the removal is finished"),
        exported=("id", "account_id", "history", "requested_at"),
        files=(ExportFile(name="bank/account_removals.jsonl", restored=RestoredRows()),),
        technical=frozenset({"attempts", "next_attempt_at"}),
    ),
    DataHolder(
        model=BalanceSnapshot,
        category=DataCategory.BANK,
        label=_("Your balances, day by day"),
        kept_for=UNTIL_HISTORY_DELETION,
        exported=("id", "account_id", "day", "current", "available", "limit", "currency"),
        files=(
            ExportFile(
                name="bank/balances.csv",
                columns=("day", "current", "available", "limit", "currency", "account_id"),
                order=("day", "id"),
            ),
            ExportFile(name="bank/balances.jsonl", order=("day", "id"), restored=RestoredRows()),
        ),
    ),
    DataHolder(
        model=Liability,
        category=DataCategory.BANK,
        label=_("The terms of your cards and loans"),
        kept_for=UNTIL_HISTORY_DELETION,
        exported=(
            "id",
            "account_id",
            "kind",
            "is_overdue",
            "past_due_amount",
            "minimum_payment_amount",
            "next_payment_amount",
            "next_payment_due_date",
            "last_payment_amount",
            "last_payment_date",
            "last_statement_balance",
            "last_statement_issue_date",
            "interest_rate",
            "interest_rate_type",
            "outstanding_interest_amount",
            "ytd_interest_paid",
            "ytd_principal_paid",
            "escrow_balance",
            "origination_date",
            "origination_principal_amount",
            "maturity_date",
            "loan_name",
            "loan_status",
            "repayment_plan",
            "read_at",
        ),
        files=(ExportFile(name="bank/liabilities.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=LiabilityApr,
        category=DataCategory.BANK,
        label=_("The interest rates of your cards"),
        kept_for=UNTIL_HISTORY_DELETION,
        exported=("id", "liability_id", "type", "percentage", "balance_subject_to_apr", "interest_charge_amount"),
        files=(ExportFile(name="bank/interest_rates.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=RecurringStream,
        category=DataCategory.BANK,
        label=_("Your recurring payments"),
        kept_for=_("As long as the last payment would be kept as a transaction, or until your bank no longer lists it"),
        exported=(
            "id",
            "account_id",
            "provider_id",
            "is_inflow",
            "description",
            "merchant_name",
            "category",
            "category_detail",
            "frequency",
            "average_amount",
            "last_amount",
            "currency",
            "first_date",
            "last_date",
            "predicted_next_date",
            "status",
            "is_active",
            "read_at",
        ),
        files=(ExportFile(name="bank/recurring.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=Transaction,
        category=DataCategory.BANK,
        label=_("Your transactions, with your own notes and categories"),
        kept_for=_("For as long as you choose"),
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
            "original_description",
            "posted_at",
            "authorized_at",
            "counterparties",
            "user_category",
            "category_source",
            "category_rule",
            "user_merchant",
            "merchant_source",
            "merchant_rule",
            "note",
            "hidden",
            "hidden_source",
            "hidden_rule",
            "removed_at",
            "replaced_by",
            "part_of",
            "entered_amount",
        ),
        # The order of an index, so that nothing is sorted.
        files=(
            ExportFile(name="bank/transactions.csv", order=("-day", "-id")),
            ExportFile(name="bank/transactions.jsonl", order=("-day", "-id"), restored=RestoredRows()),
        ),
    ),
    DataHolder(
        model=Tag,
        category=DataCategory.BANK,
        label=_("Your tags"),
        kept_for=UNTIL_UNUSED,
        exported=("id", "name"),
        files=(ExportFile(name="bank/tags.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=TransactionTag,
        category=DataCategory.BANK,
        label=_("The tags of your transactions"),
        kept_for=_("As long as the transaction"),
        exported=("id", "transaction", "tag_id", "rule", "run", "is_removed"),
        files=(ExportFile(name="bank/transaction_tags.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=CategoryRule,
        category=DataCategory.BANK,
        label=_("Your rules for transactions"),
        kept_for=_("Until you delete the rule, or your account is deleted"),
        exported=(
            "id",
            "position",
            "merchant",
            "name_part",
            "direction",
            "min_amount",
            "max_amount",
            "account_id",
            "category",
            "rename",
            "hides",
            "is_enabled",
            "created_at",
        ),
        files=(ExportFile(name="bank/rules.jsonl", order=("position", "pk"), restored=RestoredRows()),),
    ),
    DataHolder(
        model=RuleTag,
        category=DataCategory.BANK,
        label=_("The tags that your rules set"),
        kept_for=_("Until you delete the rule, or your account is deleted"),
        exported=("id", "rule_id", "tag_id"),
        files=(ExportFile(name="bank/rule_tags.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=RuleRun,
        category=DataCategory.BANK,
        label=_("When you applied your rules"),
        kept_for=UNTIL_UNDO_ENDS,
        exported=("id", "rule_id", "started_at", "changed", "undone_at"),
        files=(ExportFile(name="bank/rule_runs.jsonl"),),
    ),
    DataHolder(
        model=RuleChange,
        category=DataCategory.BANK,
        label=_("What your rules changed, so that you can undo it"),
        kept_for=UNTIL_UNDO_ENDS,
        exported=(
            "id",
            "run_id",
            "transaction",
            "user_category",
            "category_source",
            "category_rule",
            "user_merchant",
            "merchant_source",
            "merchant_rule",
            "hidden",
            "hidden_source",
            "hidden_rule",
            "new_category",
            "new_merchant",
            "hides",
        ),
        files=(ExportFile(name="bank/rule_changes.jsonl"),),
    ),
    DataHolder(
        model=TransactionTotal,
        category=DataCategory.BANK,
        label=_("Totals of transactions that are deleted or that you don't keep"),
        kept_for=UNTIL_HISTORY_DELETION,
        exported=(
            "id",
            "account_id",
            "source",
            "period",
            "starts_on",
            "currency",
            "category",
            "money_in",
            "money_out",
            "count",
        ),
        files=(ExportFile(name="bank/transaction_totals.jsonl", order=("starts_on", "id"), restored=RestoredRows()),),
    ),
    DataHolder(
        model=Transfer,
        category=DataCategory.BANK,
        label=_("Transfers between your own accounts"),
        kept_for=UNTIL_HISTORY_DELETION,
        exported=("id", "money_out", "money_in", "sent_on", "detected_at"),
        files=(ExportFile(name="bank/transfers.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=TransferDecision,
        category=DataCategory.BANK,
        label=_("Your decisions about what is a transfer between your own accounts"),
        kept_for=_("For as long as both transactions are kept"),
        exported=("id", "money_out", "money_in", "is_transfer", "decided_at"),
        files=(ExportFile(name="bank/transfer_decisions.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=SyncRun,
        category=DataCategory.BANK,
        label=_("When we synced your banks"),
        kept_for=_("90 days, and the last successful sync of each bank until your account is deleted"),
        exported=(
            "id",
            "item_id",
            "trigger",
            "result",
            "started_at",
            "finished_at",
            "written",
            "added",
            "removed",
            "skipped_rows",
            "bank_refresh",
            "postponed",
            "error_code",
            "fault",
        ),
        files=(ExportFile(name="bank/syncs.jsonl"),),
        technical=frozenset({"pages", "restarts", "field_errors", "request_id"}),
    ),
    DataHolder(
        model=UnstoredRow,
        category=DataCategory.BANK,
        label=_("What your banks sent that we couldn't import, without its content"),
        kept_for=_(
            "Until we can import it, or you disconnect the bank; for two years at most while the bank keeps syncing"
        ),
        exported=("id", "item_id", "kind", "reason", "field", "provider_id", "rows", "first_seen_at", "last_seen_at"),
        files=(ExportFile(name="bank/unstored_rows.jsonl"),),
    ),
    DataHolder(
        model=PendingRemoval,
        category=DataCategory.BANK,
        label=_("Connections that we're removing at the provider"),
        kept_for=_("Until the provider confirms the removal"),
        exported=("id", "item_id", "history"),
        files=(ExportFile(name="bank/removals.jsonl"),),
        withheld={"access_token": ACCESS},
        technical=frozenset({"attempts", "next_attempt_at", "error_code"}),
    ),
    DataHolder(
        model=OrphanedRemoval,
        category=DataCategory.BANK,
        label=_("Connections of deleted accounts, and unfinished ones, that we're removing at the provider"),
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
                "link_session_id",
                "request_id",
                "attempts",
                "next_attempt_at",
                "error_code",
                "created_at",
            }
        ),
        kept_after_erasure=_(
            "If the provider of a bank connection hasn't confirmed yet that our access ended, the access token stays "
            "until it does, encrypted with a key of this site. If we can't read the token, or never received it, only "
            "the ids stay by which the provider finds the connection."
        ),
    ),
    DataHolder(
        model=LinkSession,
        category=DataCategory.BANK,
        label=_("When you opened the dialog that connects a bank"),
        kept_for=UNTIL_DELETION,
        exported=("id", "provider", "environment", "state", "item_id", "replaces_id", "account_keys", "created_at"),
        withheld={"link_token": ACCESS},
        files=(ExportFile(name="bank/link_sessions.jsonl"),),
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
                "selects_accounts",
                "error_code",
                "link_session_id",
                "exit_status",
                "request_id",
                "expires_at",
            }
        ),
    ),
    # It names an Item by the provider's id. Only the site reads it, and operators a view without that id.
    DataHolder(
        model=WebhookEvent,
        category=DataCategory.BANK,
        label=_("Messages from the provider that one of your bank connections has changed"),
        kept_for=_("30 days"),
        owner="",
        technical=frozenset(
            {
                "id",
                "owner",
                "fingerprint",
                "provider",
                "environment",
                "kind",
                "type",
                "code",
                "provider_item_id",
                "link_token_hash",
                "summary",
                "issued_at",
                "received_at",
                "outcome",
                "attempts",
                "next_attempt_at",
                "processed_at",
                "error_code",
            }
        ),
        erase=inbox.erase_events,
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
register_non_personal(LinkedItemCount, "How many banks this site has ever connected; it names nobody.")
register_non_personal(ProviderCallCount, "How often this site called a provider on a day; it names nobody.")
register_non_personal(Institution, "Banks, which all users share.")
register_non_personal(ReceivedWebhook, "A view of webhooks for operators, without the connections that they name.")
register_non_personal(UnstoredRowCount, "A view for operators that adds up all users; it names nobody.")
