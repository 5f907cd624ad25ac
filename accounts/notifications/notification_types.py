"""The types of notifications, and the channels that deliver them.

``email_line`` is all that an email ever says of a notification: which part of Plumbline has news, and never an amount,
a creditor or a bank. To add a type, add it here with its texts; the settings page and the digest find it.
"""

from enum import StrEnum
from typing import Final, NamedTuple


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


class Channel(StrEnum):
    """How a user is notified: on the page of notifications, or by email."""

    APP = "app"
    MAIL = "mail"


class NotificationText(NamedTuple):
    """The label of a type on the settings page, and its line in emails."""

    label: str
    email_line: str


TEXTS: Final = {
    NotificationType.CREDIT_SCORE: NotificationText("Your credit score changed", "A change of your credit score"),
    NotificationType.CREDIT_INQUIRY: NotificationText(
        "Somebody asked for your credit report", "An inquiry on your credit report"
    ),
    NotificationType.CREDIT_ACCOUNT: NotificationText(
        "An account opened, closed or changed", "An account on your credit report"
    ),
    NotificationType.CREDIT_UTILIZATION: NotificationText("Card balances passed a mark", "Your credit utilization"),
    NotificationType.CREDIT_PAYMENT: NotificationText("A late payment was reported", "A payment on your credit report"),
    NotificationType.CREDIT_RECORD: NotificationText(
        "A public record or collection changed", "A record on your credit report"
    ),
    NotificationType.CREDIT_IDENTITY: NotificationText(
        "Your personal data on file changed", "Your personal data on your credit report"
    ),
    NotificationType.CREDIT_REPORT: NotificationText(
        "A credit report needs you", "Getting your credit report needs you"
    ),
    NotificationType.BANK_RECONNECT: NotificationText(
        "A bank wants you to sign in again", "A bank connection needs you"
    ),
    NotificationType.BANK_LARGE_CHANGE: NotificationText("A large amount moved", "A large transaction"),
    NotificationType.LOW_RUNWAY: NotificationText(
        "Your money lasts less than three months", "How long your money lasts"
    ),
}


def preference_key(notification_type: NotificationType, channel: Channel) -> str:
    """Return the key of one checkbox, which is stored when it is off."""
    return f"{notification_type}.{channel}"
