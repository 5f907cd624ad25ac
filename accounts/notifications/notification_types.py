"""The types of notifications, and the channels that deliver them.

``email_line`` is all that an email says about a notification: a part of Plumbline, and never an amount, a creditor or a
bank. To add a type, add it here with its texts; the settings page and the digest then include it.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext


class NotificationType(StrEnum):
    """What a notification is about. The values are stored; never change or reuse one."""

    CREDIT_SCORE = "credit_score"
    CREDIT_INQUIRY = "credit_inquiry"
    CREDIT_ACCOUNT = "credit_account"
    CREDIT_UTILIZATION = "credit_utilization"
    CREDIT_PAYMENT = "credit_payment"
    CREDIT_RECORD = "credit_record"
    CREDIT_IDENTITY = "credit_identity"
    CREDIT_REPORT = "credit_report"
    BANK_RECONNECT = "bank_reconnect"
    BANK_LARGE_CHANGE = "bank_large_change"
    LOW_RUNWAY = "low_runway"
    DATA_RETENTION = "data_retention"


class Channel(StrEnum):
    """How a user is notified: on the page of notifications, or by email."""

    APP = "app"
    MAIL = "mail"


class NotificationText(NamedTuple):
    """The label of a type on the settings page, and its line in emails. Both are translated when shown."""

    label: str | Promise
    email_line: str | Promise


TEXTS: Final = {
    NotificationType.CREDIT_SCORE: NotificationText(_("Your credit score changed"), _("Your credit score")),
    NotificationType.CREDIT_INQUIRY: NotificationText(
        _("New inquiry on your credit report"), _("An inquiry on your credit report")
    ),
    NotificationType.CREDIT_ACCOUNT: NotificationText(
        _("An account on your credit report opened, closed, or changed"), _("An account on your credit report")
    ),
    NotificationType.CREDIT_UTILIZATION: NotificationText(
        _("Credit utilization crossed a threshold"), _("Your credit utilization")
    ),
    NotificationType.CREDIT_PAYMENT: NotificationText(
        _("A late payment was reported"), _("A payment on your credit report")
    ),
    NotificationType.CREDIT_RECORD: NotificationText(
        _("A public record or collection account changed"), _("A record on your credit report")
    ),
    NotificationType.CREDIT_IDENTITY: NotificationText(
        _("Personal information on your credit report changed"), _("Personal information on your credit report")
    ),
    NotificationType.CREDIT_REPORT: NotificationText(
        _("Your credit report needs your attention"), _("Your credit report needs your attention")
    ),
    NotificationType.BANK_RECONNECT: NotificationText(
        _("A bank needs you to sign in again"), _("A bank connection needs your attention")
    ),
    NotificationType.BANK_LARGE_CHANGE: NotificationText(_("Large transaction"), _("A large transaction")),
    NotificationType.LOW_RUNWAY: NotificationText(_("Less than 3 months of runway left"), _("Your runway")),
    NotificationType.DATA_RETENTION: NotificationText(
        _("Data is about to be deleted"), _("How long we keep your data")
    ),
}

# Types that nobody can turn off, and that have an email of their own.
ALWAYS_ON: Final = frozenset({NotificationType.DATA_RETENTION})
OPTIONAL_TYPES: Final = tuple(notification_type for notification_type in TEXTS if notification_type not in ALWAYS_ON)


def preference_key(notification_type: NotificationType, channel: Channel) -> str:
    """Return the key of one checkbox, which is stored if the user turned it off."""
    return f"{notification_type}.{channel}"


def type_label(stored_type: str) -> str:
    """Return the label of a stored type; "Alert" for a type that this version does not know."""
    try:
        return str(TEXTS[NotificationType(stored_type)].label)
    except ValueError:
        return pgettext("notification", "Alert")
