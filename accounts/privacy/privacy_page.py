"""The page that leads to everything a user can see and decide about their data."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.operators import access_log
from accounts.privacy.activity.trail_status import get_trail_status
from accounts.privacy.consents import list_consents
from accounts.users.requests import AuthenticatedHttpRequest

ACCESSES_SHOWN = 3


@require_safe
def show_privacy(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what the user agreed to, who looked at their data last, and where they decide about it."""
    context = {
        "consents": [consent for consent in list_consents(request.user) if consent.is_active],
        "status": get_trail_status(request.user.pk),
        "data_accesses": access_log.list_data_accesses(request.user)[:ACCESSES_SHOWN],
    }
    return render(request, "accounts/privacy/privacy.html", context)
