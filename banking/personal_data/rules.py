"""The personal data of rules for transactions."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from banking.models import CategoryRule, RuleChange, RuleRun, RuleTag
from banking.personal_data.periods import UNTIL_UNDO_ENDS
from compliance.personal_data import DataCategory, DataHolder, ExportFile, RestoredRows

HOLDERS: Final = (
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
)
