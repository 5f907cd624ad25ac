"""The operators' page of policy violations."""

from django.contrib import admin

from accounts.operators.admin import OperatorAdmin
from config.csp.models import PolicyViolation


@admin.register(PolicyViolation)
class PolicyViolationAdmin(OperatorAdmin):
    """Blocked content, with the page on which browsers blocked it."""

    user_column = None
    fields = ("day", "directive", "page", "blocked", "source", "count", "first_at", "last_at")
    list_display = ("day", "directive", "page", "blocked", "source", "count", "last_at")
    list_filter = ("day", "directive")
