"""What the retention page shows about each rule, and what a choice would delete."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from accounts.users.models import User
from compliance.audit.daily_access import DataKind
from compliance.personal_data import DataCategory
from compliance.personal_data.registry import list_holders_by_category
from compliance.retention import FixedRule, PurgePreview, RetentionRule, list_fixed_rules, list_rules
from compliance.retention.choosing import restores_rows, waits_for_notice
from compliance.retention.models import RetentionSetting, first_day_kept
from compliance.retention.rules import NOTICE_PERIOD

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NOTHING: Final = PurgePreview()
WEEK: Final = timedelta(days=7)
# The data of the other categories has rules.
REGISTERED_CATEGORIES: Final = frozenset(
    {
        DataCategory.PROFILE,
        DataCategory.SIGN_IN,
        DataCategory.NOTIFICATIONS,
        DataCategory.CONSENT,
        DataCategory.ACTIVITY,
    }
)


@dataclass(frozen=True)
class RetentionRow:
    """One rule: the period that counts now, one that waits, and what the next purge and the next seven days take."""

    rule: RetentionRule
    setting: RetentionSetting
    period: "StrOrPromise"
    waiting_period: "StrOrPromise"
    next_purge_at: datetime | None
    next_purge: PurgePreview
    next_week: PurgePreview

    @property
    def has_sample(self) -> bool:
        """Whether some of the rows are shown."""
        return bool(self.next_purge.sample or self.next_week.sample)

    @property
    def needs_notice(self) -> bool:
        """Whether the waiting period begins only after an email that was not sent yet."""
        return self.setting.needs_notice()


@dataclass(frozen=True)
class ChoicePreview:
    """What a choice means: its period, since when it counts, what its first purge takes, and what comes back."""

    data_kind: DataKind
    period: "StrOrPromise"
    warning: "StrOrPromise"
    waits_for_notice: bool
    restored: "StrOrPromise"
    starts_at: datetime
    first_purge: PurgePreview


def list_fixed_periods() -> list[FixedRule]:
    """Return what is kept for the same time for everyone, from the fixed rules and the registry of personal data."""
    holders = [holder for holder in list_holders_by_category() if holder.category in REGISTERED_CATEGORIES]
    registered = [
        FixedRule(label=holder.label, how_long=holder.kept_for, reason=holder.kept_after_erasure) for holder in holders
    ]
    return [*list_fixed_rules(), *registered]


def list_retention(user: User) -> list[RetentionRow]:
    """Return a row for each rule, in the open transaction."""
    return [_build_row(RetentionSetting.for_owner(user.pk, rule), rule) for rule in list_rules()]


def preview_choice(*, user: User, rule: RetentionRule, days: int | None) -> ChoicePreview:
    """Return what a person's choice would do, in the open transaction."""
    now = timezone.now()
    setting = RetentionSetting.for_owner(user.pk, rule)
    is_waiting = waits_for_notice(setting, rule, days)
    starts_at = now + NOTICE_PERIOD if is_waiting else now
    return ChoicePreview(
        data_kind=rule.data_kind,
        period=rule.label_for(days),
        warning=rule.warning_for(days),
        waits_for_notice=is_waiting,
        restored=rule.restored if restores_rows(setting, days) else "",
        starts_at=starts_at,
        first_purge=_preview(setting, rule, days, at=starts_at),
    )


def _build_row(setting: RetentionSetting, rule: RetentionRule) -> RetentionRow:
    now = timezone.now()
    is_waiting = setting.is_waiting(now)
    next_purge_at = setting.next_purge_at
    return RetentionRow(
        rule=rule,
        setting=setting,
        period=rule.label_for(setting.days_in_effect(now)),
        waiting_period=rule.label_for(setting.days_to_retain) if is_waiting else "",
        next_purge_at=next_purge_at,
        next_purge=_preview(setting, rule, setting.days_to_retain, at=next_purge_at) if next_purge_at else NOTHING,
        next_week=_preview(setting, rule, setting.days_in_effect(now + WEEK), at=now + WEEK),
    )


def _preview(setting: RetentionSetting, rule: RetentionRule, days: int | None, *, at: datetime) -> PurgePreview:
    before = first_day_kept(days, at)
    return NOTHING if before is None else rule.preview(owner_id=setting.owner_id, before=before)
