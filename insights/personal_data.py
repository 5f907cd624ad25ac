"""The personal data of figures that need bank and credit data."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from compliance.personal_data import DataCategory, DataHolder, ExportFile, RestoredRows, register, register_non_personal
from insights.models import CardLink, FigureCheck, FigureDifference, LowRunway

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
        model=FigureCheck,
        category=DataCategory.BANK,
        label=_("Whether your figures and the transactions behind them agree"),
        kept_for=_("Until the next check, or until you disconnect the bank and delete its history"),
        exported=(
            "id",
            "kind",
            "account_id",
            "currency",
            "since",
            "until",
            "expected",
            "actual",
            "checked_at",
            "differs_since",
        ),
        files=(ExportFile(name="bank/figure_checks.jsonl"),),
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
register_non_personal(FigureDifference, "A view of checks of figures that found a difference, for operators.")
