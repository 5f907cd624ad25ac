"""The personal data of figures that need bank and credit data."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from compliance.personal_data import DataCategory, DataHolder, ExportFile, RestoredRows, register
from insights.models import CardLink, LowRunway

UNTIL_DELETION: Final = _("Until your account is deleted")

register(
    DataHolder(
        model=LowRunway,
        category=DataCategory.NOTIFICATIONS,
        label=_("Since when your runway is low"),
        kept_for=_("Until your runway is longer again"),
        exported=("id", "currency", "since"),
        files=(ExportFile(name="notifications/low_runway.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=CardLink,
        category=DataCategory.CREDIT,
        label=_("Which of your cards is which account on your credit report"),
        kept_for=UNTIL_DELETION,
        exported=("id", "account_id", "key", "same", "decided_at"),
        files=(ExportFile(name="credit/card_links.jsonl", restored=RestoredRows()),),
    ),
)
