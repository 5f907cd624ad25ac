"""The page of rights, consents, pulls and retention."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from credit.enrollment import consumer_rights
from credit.enrollment.status import get_overview
from credit.forms import is_sample


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show rights, consents and pulls on one page."""
    enrollment = get_overview(owner=request.user.pk)
    context = {
        "overview": enrollment,
        "is_sample": is_sample(),
        "can_pull": enrollment.can_pull(at=timezone.now()),
        "rights": consumer_rights.RIGHTS,
        "retention_facts": consumer_rights.list_retention_facts(request.user),
        "consents": consumer_rights.list_consents(request.user),
        "pulls": consumer_rights.list_pulls(request.user),
        "can_withdraw": enrollment.consent_ends_at is not None,
    }
    return render(request, "credit/rights.html", context)
