"""The personal data of accounts, sign-in and notifications, in our own tables and in those of Django and allauth."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.utils.translation import gettext_lazy as _

from accounts.deletion.models import DeletionRequest, ScheduledDeletion, UnsentReceipt
from accounts.mfa.models import SecondFactor
from accounts.notifications import inbox
from accounts.notifications.models import Notification, NotificationSettings
from accounts.sessions import active_sessions
from accounts.sign_in import lockout
from accounts.sign_in.models import LoginThrottle
from accounts.users.models import User
from compliance.personal_data import (
    DataCategory,
    DataHolder,
    ExportFile,
    RestoredRows,
    register,
    register_non_personal,
)

UNTIL_DELETION: Final = _("Until your account is deleted")
SIGN_IN_SECRET: Final = _("Anyone with this could sign in as you.")
ABOUT_OTHERS: Final = _("This text can name another person.")


def end_sessions(user_id: UUID) -> int:
    """Delete a user's sessions, with the rows that describe them, and those of unfinished sign-ins. Counts the rows."""
    ended = active_sessions.end_all_sessions(User(pk=user_id), actor=None, reason="account deleted")
    active_sessions.delete_sessions_that_name(user_id)
    return ended


def delete_throttle(user_id: UUID) -> int:
    """Delete the count of a user's refused sign-ins."""
    return lockout.reset_failures(User(pk=user_id))


def read_values(notification: Notification) -> Any:
    """Read the sealed values of a notification. None if they could not be sealed. Raises ``SealError``."""
    return None if notification.values is None else msgspec.Raw(notification.values.reveal().encode())


def parse_values(values: bytes) -> Mapping[str, Any]:
    """Return the column of a notification's values."""
    return {"values": None if values == b"null" else values.decode()}


register(
    DataHolder(
        model=User,
        category=DataCategory.PROFILE,
        label=_("Your name, email address, and account"),
        kept_for=UNTIL_DELETION,
        owner="id",
        exported=(
            "id",
            "email",
            "first_name",
            "last_name",
            "link_id",
            "is_active",
            "is_staff",
            "is_superuser",
            "last_login",
            "created_at",
            "updated_at",
            "deleted_at",
        ),
        withheld={"password": SIGN_IN_SECRET},
        technical=frozenset({"unread"}),
        files=(
            ExportFile(
                name="profile/user.jsonl",
                columns=("id", "email", "first_name", "last_name", "link_id", "created_at"),
                # They have to reset their password, and no other site makes them an administrator.
                restored=RestoredRows(values=lambda: {"password": make_password(None)}),
            ),
            ExportFile(
                name="profile/status.jsonl",
                columns=("is_active", "is_staff", "is_superuser", "last_login", "updated_at", "deleted_at"),
            ),
        ),
    ),
    DataHolder(
        model=EmailAddress,
        category=DataCategory.PROFILE,
        label=_("Your email addresses"),
        kept_for=UNTIL_DELETION,
        owner="user_id",
        exported=("email", "verified", "primary"),
        technical=frozenset({"id"}),
        files=(ExportFile(name="profile/email_addresses.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=EmailConfirmation,
        category=DataCategory.SIGN_IN,
        label=_("Email confirmations that are waiting for you"),
        kept_for=UNTIL_DELETION,
        owner="email_address__user_id",
        withheld={"key": SIGN_IN_SECRET},
        technical=frozenset({"id", "email_address_id", "created", "sent"}),
    ),
    DataHolder(
        model=User.groups.through,
        category=DataCategory.PROFILE,
        label=_("Your roles as an administrator"),
        kept_for=UNTIL_DELETION,
        owner="user_id",
        exported=("group_id",),
        files=(ExportFile(name="profile/roles.jsonl"),),
        technical=frozenset({"id"}),
    ),
    DataHolder(
        model=User.user_permissions.through,
        category=DataCategory.PROFILE,
        label=_("Your permissions as an administrator"),
        kept_for=UNTIL_DELETION,
        owner="user_id",
        exported=("permission_id",),
        files=(ExportFile(name="profile/permissions.jsonl"),),
        technical=frozenset({"id"}),
    ),
    DataHolder(
        model=LogEntry,
        category=DataCategory.ACTIVITY,
        label=_("Changes that you made as an administrator"),
        kept_for=UNTIL_DELETION,
        owner="user_id",
        exported=("action_time", "content_type_id", "object_id", "action_flag"),
        withheld={"object_repr": ABOUT_OTHERS, "change_message": ABOUT_OTHERS},
        files=(ExportFile(name="activity/administration.jsonl"),),
        technical=frozenset({"id"}),
    ),
    DataHolder(
        model=Authenticator,
        category=DataCategory.SIGN_IN,
        label=_("Your two-step verification methods"),
        kept_for=UNTIL_DELETION,
        owner="user_id",
        exported=("type", "created_at", "last_used_at"),
        files=(ExportFile(name="sign_in/two_step_methods.jsonl"),),
        withheld={"data": SIGN_IN_SECRET},
        technical=frozenset({"id"}),
    ),
    DataHolder(
        model=UserSession,
        category=DataCategory.SIGN_IN,
        label=_("Devices where you're signed in"),
        kept_for=_("Until you sign out, at most 12 hours"),
        owner="user_id",
        exported=("created_at", "ip", "last_seen_at", "user_agent"),
        files=(ExportFile(name="sign_in/sessions.jsonl"),),
        withheld={"session_key": SIGN_IN_SECRET},
        technical=frozenset({"id", "data"}),
        erase=end_sessions,
    ),
    DataHolder(
        model=DeletionRequest,
        category=DataCategory.PROFILE,
        label=_("Your requests to delete your account"),
        kept_for=UNTIL_DELETION,
        exported=("id", "requested_at", "due_at", "canceled_at", "emailed_at"),
        technical=frozenset({"next_email_at"}),
    ),
    DataHolder(
        model=UnsentReceipt,
        category=DataCategory.PROFILE,
        label=_("Where we send the receipt of a deleted account"),
        kept_for=_("Until the receipt is sent, at most 7 days"),
        owner="",
        withheld={"email": _("It exists only after the account is deleted.")},
        technical=frozenset({"id", "owner", "account", "next_attempt_at", "created_at"}),
        kept_after_erasure=_(
            "If the mail server is down, your email address stays until the receipt is sent, at most 7 days, encrypted "
            "with a key of this site."
        ),
    ),
    DataHolder(
        model=LoginThrottle,
        category=DataCategory.SIGN_IN,
        label=_("How often sign-in to your account was refused"),
        kept_for=_("One day"),
        owner="",
        withheld={"key": _("A keyed hash, which would tell others whether an address has an account.")},
        technical=frozenset({"failures", "failed_at", "locked_at", "locked_until"}),
        erase=delete_throttle,
    ),
    DataHolder(
        model=Notification,
        category=DataCategory.NOTIFICATIONS,
        label=_("Your alerts"),
        kept_for=_(
            "Until your account is deleted; alerts about large transactions only until transactions of that day, or "
            "the history of their bank, are deleted"
        ),
        exported=(
            "id",
            "type",
            "code",
            "values",
            "url",
            "in_app",
            "email_pending",
            "created_at",
            "read_at",
            "emailed_at",
            "fingerprint",
            "subject_id",
        ),
        files=(
            ExportFile(
                name="notifications/alerts.jsonl",
                computed={"values": read_values},
                restored=RestoredRows(parsers={"values": parse_values}, finish=inbox.update_unread_count),
            ),
        ),
    ),
    DataHolder(
        model=NotificationSettings,
        category=DataCategory.NOTIFICATIONS,
        label=_("Your alert settings"),
        kept_for=UNTIL_DELETION,
        exported=("disabled", "time_zone", "frequency", "quiet_hours_start", "quiet_hours_end", "large_transaction"),
        files=(ExportFile(name="notifications/settings.jsonl", restored=RestoredRows()),),
        technical=frozenset({"id", "digest_due_at"}),
    ),
)
register_non_personal(SecondFactor, "The same table as mfa.Authenticator, for django-otp.")
register_non_personal(ScheduledDeletion, "A view of accounts.DeletionRequest, for operators.")
register_non_personal(
    Session,
    "Of at most 12 hours: the hash of a key, and signed data, which can name a user or their email address, also "
    "before a sign-in is finished. Each session that names a user is deleted with their usersessions.UserSession.",
)
for model in (Group, Permission, Group.permissions.through, ContentType):
    register_non_personal(model, "Roles and tables of the site.")
