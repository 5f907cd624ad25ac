"""How long transactions are kept, chosen before the first bank is connected."""

from typing import TYPE_CHECKING

from accounts.models import User
from banking.retention.transaction_rule import RULE
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def get_chosen_period(*, user: User) -> "StrOrPromise":
    """Return the period that a user chose, in words; empty if they have not chosen."""
    with tenant(user.pk):
        setting = RetentionSetting.for_owner(user.pk, RULE)
        return RULE.label_for(setting.days_to_retain) if setting.chosen_at else ""


def choose_first_period(*, user: User, days: int | None) -> None:
    """Store a user's choice, unless they chose before: then it is changed on the retention page, after a preview."""
    with tenant(user.pk):
        setting = RetentionSetting.for_owner(user.pk, RULE)
        if setting.chosen_at is None:
            choose_period(user=user, rule=RULE, days=days)
