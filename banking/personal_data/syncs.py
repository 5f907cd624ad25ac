"""The personal data of syncs."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from banking.models import SyncRun, UnstoredRow
from compliance.personal_data import DataCategory, DataHolder, ExportFile

HOLDERS: Final = (
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
)
