"""Pull a report on the user's request, and show the status page while it is pulled."""

import logging
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts.users.requests import AuthenticatedHttpRequest
from credit.enrollment.status import EnrollmentOverview, get_overview
from credit.forms import is_sample
from credit.models import Trigger
from credit.presentation.status_messages import (
    FIELD_LABELS,
    READY_TO_PULL,
    REPORT_UNREADABLE,
    STATUS_MESSAGES,
    StatusMessage,
)
from credit.provider import Applicant, BureauError, BureauInputError
from credit.pulls import pulling
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from formats import dates

logger = logging.getLogger(__name__)

DETAILS_FIRST = _("Update your details before you request a report.")


@require_POST
@transaction.non_atomic_requests
def pull(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Pull a report once more, with the stored details."""
    try:
        return pull_now(request)
    except BureauInputError:
        return redirect("credit")


@sensitive_variables()
def pull_now(request: AuthenticatedHttpRequest, applicant: Applicant | None = None) -> HttpResponse:
    """Pull the report and redirect to the result. Raises ``BureauInputError`` for a detail that is refused."""
    try:
        pulling.pull(owner_id=request.user.pk, trigger=Trigger.USER, applicant=applicant)
    except BureauInputError:
        raise
    except pulling.NotEnrolled:
        return redirect("credit_details")
    except pulling.NoConsent:
        return redirect("credit_start")
    except pulling.NotDue as early:
        messages.info(request, not_due_message(early))
    except pulling.PullInProgress:
        logger.info("A second click while a pull is in progress.")
    except BureauError as error:
        # The status page tells the user. The log line is for operators.
        logger.warning("No report: %s", error)
    return redirect("credit")


def not_due_message(early: pulling.NotDue) -> str:
    """Return the message that says when the user may pull again, or what they have to do first."""
    if early.next_pull_at is None:
        return str(DETAILS_FIRST)
    wait = early.next_pull_at - timezone.now()
    if wait < timedelta(days=1):
        minutes = int(wait.total_seconds()) // 60 + 1
        return ngettext(
            "We requested your report recently. You can request one again in %(minutes)s minute.",
            "We requested your report recently. You can request one again in %(minutes)s minutes.",
            minutes,
        ) % {"minutes": minutes}
    day = dates.long_day_of_year(timezone.localtime(early.next_pull_at).date())
    values = {"days": settings.CREDIT_REFRESH_DAYS, "day": day}
    return (
        ngettext(
            "You can get one report every %(days)s day. You can request the next one from %(day)s.",
            "You can get one report every %(days)s days. You can request the next one from %(day)s.",
            settings.CREDIT_REFRESH_DAYS,
        )
        % values
    )


@require_safe
def status(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Respond to the polling status page: the same status again, or a redirect."""
    enrollment = get_overview(owner=request.user.pk)
    if request.htmx and enrollment.status is EnrollmentStatus.PULLING:
        return render_status(request, enrollment, "credit/status_card.html")
    return HttpResponseClientRedirect(reverse("credit")) if request.htmx else redirect("credit")


def render_status(
    request: AuthenticatedHttpRequest, enrollment: EnrollmentOverview, template: str = "credit/status.html"
) -> HttpResponse:
    """Render the status page for a user without a report to show: what happened, and what to do."""
    is_refused = enrollment.status is EnrollmentStatus.DETAILS_REFUSED
    context = {
        "overview": enrollment,
        "status_message": _status_message(request, enrollment),
        "field": FIELD_LABELS.get(enrollment.rejected_field, "") if is_refused else "",
        "has_rights": enrollment.status is not EnrollmentStatus.OFF,
        "is_sample": is_sample() and enrollment.status is not EnrollmentStatus.OFF,
        "can_pull": enrollment.can_pull(at=timezone.now()),
    }
    return render(request, template, context)


def _status_message(request: AuthenticatedHttpRequest, enrollment: EnrollmentOverview) -> StatusMessage:
    if enrollment.status is EnrollmentStatus.NOT_PULLED and enrollment.since:
        return READY_TO_PULL
    is_complete = enrollment.status in (EnrollmentStatus.READY, EnrollmentStatus.STALE)
    if is_complete and reports.has_report(owner=request.user.pk):
        return REPORT_UNREADABLE
    return STATUS_MESSAGES[enrollment.status]
