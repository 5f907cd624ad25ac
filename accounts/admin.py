"""The rows that operators can view without a reason: users, how they sign in, and audit events. Never a secret."""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.deletion.models import ScheduledDeletion
from accounts.operators.admin import OperatorAdmin
from accounts.users.models import User
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.export.data_export import DataExport, UnfinishedExport


@admin.register(User)
class UserAdmin(OperatorAdmin):
    """Users. The page of a user links to the lists of all their other rows."""

    user_column = "id"
    data_label = _("Your name, email address, and last sign-in")
    change_form_template = "accounts/operators/person.html"
    fields = ("email", "first_name", "last_name", "is_active", "is_staff", "created_at", "last_login", "deleted_at")
    list_display = ("email", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email",)


@admin.register(EmailAddress)
class EmailAddressAdmin(OperatorAdmin):
    user_column = "user_id"
    data_label = _("Your email addresses")
    list_display = ("user_id", "email", "verified", "primary")
    search_fields = ("email",)


@admin.register(Authenticator)
class AuthenticatorAdmin(OperatorAdmin):
    """Users' second factors, without their secrets."""

    user_column = "user_id"
    data_label = _("Your two-step verification methods")
    list_display = ("user_id", "type", "created_at", "last_used_at")
    list_filter = ("type",)


@admin.register(UserSession)
class UserSessionAdmin(OperatorAdmin):
    """Users' sessions, without the session keys."""

    user_column = "user_id"
    data_label = _("Devices where you're signed in")
    list_display = ("user_id", "ip", "user_agent", "created_at", "last_seen_at")


@admin.register(ScheduledDeletion)
class ScheduledDeletionAdmin(OperatorAdmin):
    """Accounts that will be deleted, the next one first. ``manage.py purge_deleted`` erases those that are due."""

    user_column = "user_id"
    data_label = _("When your account will be deleted")
    list_display = ("user_id", "requested_at", "due_at")


class ActionFilter(admin.SimpleListFilter):
    """Offers every action, because a query for the actions that occur would read the whole trail."""

    title = parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(action, action.replace("_", " ")) for action in sorted(Action)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(OperatorAdmin):
    """The readable part of the audit trails; sealed details stay sealed."""

    user_column = "subject"
    data_label = _("Your audit trail, without its encrypted details")
    list_display = ("at", "subject", "actor", "action", "resource", "resource_id", "outcome")
    list_filter = (ActionFilter,)


@admin.register(DataExport)
class DataExportAdmin(OperatorAdmin):
    """When a user exported their data and how large the file is, with nothing of its content."""

    needs_reason = True
    data_label = _("Your exports, without their content")
    list_display = (
        "id", "state", "requested_at", "started_at", "finished_at", "expires_at", "downloaded_at", "size",
        "row_count", "file_count", "unreadable_count", "attempts", "error_code",
    )  # fmt: skip
    ordering = ("-requested_at",)


@admin.register(UnfinishedExport)
class UnfinishedExportAdmin(OperatorAdmin):
    """Exports that wait, are being written or failed, the oldest first."""

    user_column = "user_id"
    data_label = _("An export of yours that isn't ready")
    list_display = ("user_id", "state", "requested_at", "attempts", "error_code")
