"""The personal data of totals of transactions, and of transfers."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from banking.models import TransactionTotal, Transfer, TransferDecision
from banking.personal_data.periods import UNTIL_HISTORY_DELETION
from compliance.personal_data import DataCategory, DataHolder, ExportFile, RestoredRows

HOLDERS: Final = (
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
)
