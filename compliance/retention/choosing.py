"""Change how long data is kept."""

from uuid import UUID

from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.recording import UserLike
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from compliance.retention.models import RetentionSetting
from compliance.retention.rules import RetentionRule


class UnknownPeriod(ValueError):
    """A rule does not offer this period."""


def choose_period(*, user: UserLike, rule: RetentionRule, days: int | None, at_once: bool = False) -> RetentionSetting:
    """Store a person's choice.

    A longer period counts at once. A shorter one counts seven days after the person was told by email, or now with
    ``at_once``, which the person has to confirm after a preview. Keeping nothing counts now if no row is stored, also
    if it was chosen when there were some. Raises ``UnknownPeriod``.
    """
    if not rule.allows(days):
        raise UnknownPeriod(rule.data_type)
    with tenant(user.pk):
        # Before the setting: a rule that restores rows may wait for some that an erasure has locked.
        lock_account(user.pk)
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
        else:
            start_to_keep_nothing(setting, rule)
        return setting


def start_to_keep_nothing(setting: RetentionSetting, rule: RetentionRule) -> None:
    """Let a locked choice to keep nothing count now if it waits for a notice, and no row is stored any more.

    Then nothing is deleted that a notice could be about, and rows that are stored later would stay.
    """
    if setting.waits_to_keep_nothing() and not rule.is_stored(owner_id=setting.owner_id):
        setting.effective_at = timezone.now()
        setting.save(update_fields=["effective_at"])


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


def waits_for_notice(setting: RetentionSetting, rule: RetentionRule, days: int | None) -> bool:
    """Whether a choice counts only after its person was told, in the open transaction."""
    before = _period_before(setting, days)
    is_shorter = days is not None and (before is None or days < before)
    # Not by the preview, which leaves out rows that are still needed, and are deleted later.
    return is_shorter and (days != 0 or rule.is_stored(owner_id=setting.owner_id))


def restores_rows(setting: RetentionSetting, days: int | None) -> bool:
    """Whether a person who keeps nothing chooses to keep rows again."""
    return setting.days_in_effect(timezone.now()) == 0 and days != 0


def _period_before(setting: RetentionSetting, days: int | None) -> int | None:
    """Return the period that counts until the chosen one does.

    Whoever keeps nothing gets all rows again first, and is told before any of them is deleted.
    """
    return None if restores_rows(setting, days) else setting.days_in_effect(timezone.now())


def _apply_choice(setting: RetentionSetting, rule: RetentionRule, days: int | None, *, at_once: bool) -> None:
    now, previous_days = timezone.now(), _period_before(setting, days)
    is_longer = days is None or (previous_days is not None and days >= previous_days)
    is_waiting = not at_once and waits_for_notice(setting, rule, days)
    if restores_rows(setting, days) and rule.restore is not None:
        rule.restore(owner_id=setting.owner_id)
    # A longer period is part of what was announced.
    setting.announced_at = setting.announced_at if is_longer and days is not None else None
    setting.days_to_retain, setting.chosen_at = days, now
    setting.previous_days = days if is_longer else previous_days
    setting.effective_at = None if is_waiting else now
    setting.due_at = None if days is None else now
