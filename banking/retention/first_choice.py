"""How long transactions are kept, chosen before the first bank is connected."""

from typing import TYPE_CHECKING

from accounts.models import User
from banking.retention.transaction_rule import RULE
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from compliance.retention.choosing import choose_period, lock_setting
from compliance.retention.models import RetentionSetting

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class OtherPeriodChosen(Exception):
    """The user has chosen another period before: ``period``, in words."""

    def __init__(self, period: "StrOrPromise") -> None:
        super().__init__(period)
        self.period = period


def get_chosen_period(*, user: User) -> "StrOrPromise":
    """Return the period that a user chose, in words; empty if they have not chosen."""
    with tenant(user.pk):
        setting = RetentionSetting.for_owner(user.pk, RULE)
        return RULE.label_for(setting.days_to_retain) if setting.chosen_at else ""


def choose_first_period(*, user: User, days: int | None) -> None:
    """Store a user's choice.

    Raises ``OtherPeriodChosen`` if they chose another before: that is changed on the retention page, after a preview.
    """
    with tenant(user.pk):
        lock_account(user.pk)
        setting = lock_setting(owner_id=user.pk, rule=RULE)
        if setting.chosen_at is None:
            choose_period(user=user, rule=RULE, days=days)
        elif setting.days_to_retain != days:
            raise OtherPeriodChosen(RULE.label_for(setting.days_to_retain))


def repeat_choice(*, user: User) -> None:
    """Choose the stored period again, which the page has shown: to keep nothing counts now if no row is stored."""
    with tenant(user.pk):
        setting = RetentionSetting.for_owner(user.pk, RULE)
        if setting.waits_to_keep_nothing():
            choose_period(user=user, rule=RULE, days=setting.days_to_retain)
