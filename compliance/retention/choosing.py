"""Change how long data is kept."""

from uuid import UUID

from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.recording import UserLike
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from compliance.retention.rules import RetentionRule


class UnknownPeriod(ValueError):
    """A rule does not offer this period."""


def choose_period(*, user: UserLike, rule: RetentionRule, days: int | None, at_once: bool = False) -> RetentionSetting:
    """Store a person's choice.

    A longer period counts at once. A shorter one counts seven days after the person was told by email, or now with
    ``at_once``, which the person has to confirm after a preview. Keeping nothing counts now if no row is stored.
    Raises ``UnknownPeriod``.
    """
    if not rule.allows(days):
        raise UnknownPeriod(rule.data_type)
    with tenant(user.pk):
        setting = lock_setting(owner_id=user.pk, rule=rule)
        is_change = setting.days_to_retain != days or setting.chosen_at is None or at_once
        if is_change:
            _apply_choice(setting, rule, days, at_once=at_once)
            setting.save()
            record(
                Action.RETENTION_CHANGED,
                actor=user,
                subject=user,
                resource="retention",
                resource_id=rule.data_type,
                days="until deletion" if days is None else days,
                at_once=at_once,
            )
        return setting


def start_initial_period(*, owner_id: UUID, rule: RetentionRule) -> None:
    """Store the initial setting of a person who never chose, in the open transaction: then they are told in time."""
    setting = lock_setting(owner_id=owner_id, rule=rule)
    if setting.due_at is None and setting.days_to_retain is not None:
        setting.due_at = timezone.now()
        setting.save()


def lock_setting(*, owner_id: UUID, rule: RetentionRule) -> RetentionSetting:
    """Return a person's setting, locked until the open transaction ends; it is stored if there was none."""
    initial = {"days_to_retain": rule.initial_days}
    RetentionSetting.objects.get_or_create(owner_id=owner_id, data_type=rule.data_type, defaults=initial)
    return RetentionSetting.objects.select_for_update().get(owner=owner_id, data_type=rule.data_type)


def _apply_choice(setting: RetentionSetting, rule: RetentionRule, days: int | None, *, at_once: bool) -> None:
    now = timezone.now()
    in_effect = setting.days_in_effect(now)
    # Whoever stores nothing gets all rows again first, and is told before any of them is deleted.
    if in_effect == 0 and days != 0:
        in_effect = None
        if rule.restore is not None:
            rule.restore(owner_id=setting.owner_id)
    setting.days_to_retain, setting.chosen_at = days, now
    if days is None or (in_effect is not None and days >= in_effect):
        setting.previous_days, setting.effective_at = days, now
        setting.announced_at = setting.announced_at if setting.announced_at and days is not None else None
    # A preview leaves out rows that are still needed, and are deleted later.
    elif at_once or (days == 0 and not rule.is_stored(owner_id=setting.owner_id)):
        setting.previous_days, setting.announced_at, setting.effective_at = in_effect, None, now
    else:
        setting.previous_days, setting.announced_at, setting.effective_at = in_effect, None, None
    setting.due_at = None if days is None else now
