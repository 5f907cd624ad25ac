"""The personal data of transactions, their tags, and recurring payments."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from banking.models import RecurringStream, Tag, Transaction, TransactionTag
from banking.personal_data.periods import UNTIL_UNUSED
from compliance.personal_data import DataCategory, DataHolder, ExportFile, RestoredRows

HOLDERS: Final = (
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
)
