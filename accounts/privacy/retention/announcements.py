"""Tell a person by email and in the inbox what will be deleted, seven days before.

The email is sent with no transaction open. The notice period begins when a mail server has accepted it: if the worker
is killed before that is stored, the email is sent again, with the same Message-ID.
"""

from dataclasses import dataclass
from email.utils import parseaddr

from allauth.account.models import EmailAddress
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.emails import sending
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.privacy.retention.notification_messages import RetentionNoticeMessage
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from compliance.retention import RetentionRule, get_rule
from compliance.retention.choosing import start_to_keep_nothing
from compliance.retention.models import RetentionSetting, first_day_kept
from compliance.retention.purging import ClaimedSetting, get_claimed
from compliance.retention.rules import NOTICE_PERIOD


@dataclass(frozen=True, slots=True)
class RetentionNotice:
    """A notice to send: to whom, about which setting, and how many rows the first purge takes."""

    user: User
    rule: RetentionRule
    setting: RetentionSetting
    count: int


def send_notice(claim: ClaimedSetting) -> bool:
    """Send the notice of a claimed setting. ``False`` if it needs none, or nothing would be deleted in seven days.

    Raises ``SMTPException`` or ``OSError``; nothing is deleted then, and the notice is due again.
    """
    with tenant(claim.owner_id):
        notice = _prepare_notice(claim)
    if notice is None:
        return False
    _send_email(notice)
    with tenant(claim.owner_id):
        return _mark_sent(claim, notice)


def _prepare_notice(claim: ClaimedSetting) -> RetentionNotice | None:
    users = User.objects.filter(pk=claim.owner_id, is_active=True, deleted_at=None)
    setting, user, rule = get_claimed(claim), users.first(), get_rule(claim.data_type)
    if setting is None or user is None:
        return None
    start_to_keep_nothing(setting, rule)
    if not setting.needs_notice():
        return None
    before = first_day_kept(setting.days_to_retain, timezone.now() + NOTICE_PERIOD)
    count = 0 if before is None else rule.preview(owner_id=user.pk, before=before).count
    return RetentionNotice(user, rule, setting, count) if count else None


def _send_email(notice: RetentionNotice) -> None:
    address = EmailAddress.objects.get_primary_email(notice.user) or notice.user.email
    _, _, host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    chosen_at = notice.setting.chosen_at or notice.setting.created_at
    headers = {"Message-ID": f"<retention.{notice.setting.pk}.{int(chosen_at.timestamp())}@{host}>"}
    context = {
        "label": notice.rule.label,
        "stays": notice.rule.stays,
        "period": notice.rule.label_for(notice.setting.days_to_retain),
        "count": notice.count,
        "starts_on": timezone.localdate(timezone.now() + NOTICE_PERIOD),
    }
    sending.send_email("accounts/email/retention_notice", address, context, headers)


def _mark_sent(claim: ClaimedSetting, notice: RetentionNotice) -> bool:
    # Before the setting, because the notification locks the user's row, too.
    lock_account(claim.owner_id)
    setting = get_claimed(claim)
    if setting is None or not setting.needs_notice() or setting.days_to_retain is None:
        return False
    # The email said what is deleted after one choice; another one needs its own.
    mailed = notice.setting
    if (setting.days_to_retain, setting.chosen_at) != (mailed.days_to_retain, mailed.chosen_at):
        return False
    setting.announce(at=timezone.now())
    setting.save(update_fields=["announced_at", "effective_at"])
    message = RetentionNoticeMessage(
        data_type=claim.data_type,
        days=setting.days_to_retain,
        count=notice.count,
        starts_on=timezone.localdate(setting.effective_at),
    )
    notify(
        user_id=claim.owner_id,
        type=NotificationType.DATA_RETENTION,
        message=message,
        url=reverse("retention"),
        fingerprint=f"retention {setting.pk} {setting.announced_at}",
        is_emailed=True,
    )
    record(
        Action.RETENTION_ANNOUNCED,
        subject=claim.owner_id,
        resource="retention",
        resource_id=claim.data_type,
        days=setting.days_to_retain,
        rows=notice.count,
    )
    return True
