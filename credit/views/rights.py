"""What a person may do about their file, and what was signed, asked and kept."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from credit.enrollment import consumer_rights
from credit.enrollment.status import enrollment_overview
from credit.forms import is_sample


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show rights, instruction and calls on one page."""
    now = enrollment_overview(owner=request.user.pk)
    context = {
        "standing": now,
        "is_sample": is_sample(),
        "may_ask": now.may_ask(at=timezone.now()),
        "groups": consumer_rights.GROUPS,
        "kept": consumer_rights.KEPT,
        "consents": consumer_rights.signed(request.user),
        "asked": consumer_rights.asked(request.user),
        "can_withdraw": now.consent_ends_at is not None,
    }
    return render(request, "credit/rights.html", context)
