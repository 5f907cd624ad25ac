"""All models of this app, for Django. Each is defined beside the code that uses it."""

from accounts.deletion.models import DeletionRequest, ScheduledDeletion, UnsentReceipt
from accounts.mfa.models import SecondFactor
from accounts.notifications.models import Notification, NotificationSettings
from accounts.sign_in.models import LoginThrottle
from accounts.users.models import UNIQUE_EMAIL_CONSTRAINT, User, UserManager, display_name

__all__ = [
    "UNIQUE_EMAIL_CONSTRAINT",
    "DeletionRequest",
    "LoginThrottle",
    "Notification",
    "NotificationSettings",
    "ScheduledDeletion",
    "SecondFactor",
    "UnsentReceipt",
    "User",
    "UserManager",
    "display_name",
]
