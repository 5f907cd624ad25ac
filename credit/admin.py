"""The rows of one user's credit pulls that operators can view, with a written reason: outcomes, no content."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.operators.admin import OperatorAdmin
from credit.models import Enrollment, PullAttempt


@admin.register(PullAttempt)
class PullAttemptAdmin(OperatorAdmin):
    """The calls of the bureau. The bureau's support asks for the reference."""

    needs_reason = True
    data_label = _("Your credit report requests")
    list_display = (
        "started_at", "finished_at", "status", "trigger", "error", "code", "reference_id", "inquiry_class", "purpose",
        "provider", "environment",
    )  # fmt: skip
    ordering = ("-started_at",)


@admin.register(Enrollment)
class EnrollmentAdmin(OperatorAdmin):
    """When a user's report is pulled, without the user's details."""

    needs_reason = True
    data_label = _("Your credit report schedule")
    list_display = (
        "status", "status_changed_at", "failures", "succeeded_at", "eligible_at", "next_pull_at", "enrolled_at",
        "withdrawn_at",
    )  # fmt: skip
