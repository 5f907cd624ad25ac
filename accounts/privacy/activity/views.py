"""The page of a person's own audit trail, its file, and the button that verifies it."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.mfa.step_up import require_fresh_sign_in_to_download
from accounts.operators.access_log import parse_cursor
from accounts.privacy.activity import csv_export, events, trail_status
from accounts.privacy.activity.filters import ActivityFilterForm
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from compliance.audit.verification_results import verify_own_chain


@require_safe
def show_activity(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show a page of the person's own events, newest first, and the last verification."""
    form = ActivityFilterForm(request.GET)
    before = parse_cursor(request.GET.get("before", ""))
    status = trail_status.get_trail_status(request.user.pk)
    context: dict[str, object] = {"form": form, "status": status, "is_first": before is None}
    if not form.is_valid():
        return render(request, "accounts/activity.html", context, status=422)
    rows = events.list_events(form.select_events(request.user), owner=request.user.pk, before=before)
    fields = {name: value for name in form.fields if (value := request.GET.get(name))}
    context |= {
        "events": rows,
        "recent_accesses": events.list_recent_accesses() if before is None else [],
        "older_url": f"?{urlencode(fields | {'before': rows[-1].id})}" if len(rows) == events.PAGE_SIZE else "",
        "csv_url": f"{reverse('activity_csv')}?{urlencode(fields)}",
    }
    return render(request, "accounts/activity.html", context)


@require_safe
@require_fresh_sign_in_to_download(page="activity")
def download_activity(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Stream the filtered events as a CSV file."""
    form = ActivityFilterForm(request.GET)
    if not form.is_valid():
        return render(request, "accounts/activity.html", {"form": form}, status=422)
    record(Action.DATA_EXPORT, actor=request.user, subject=request.user, resource="activity", form="csv")
    return StreamingHttpResponse(
        csv_export.csv_lines(owner=request.user.pk, events=form.select_events(request.user)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="activity.csv"'},
    )


@require_POST
def verify_activity(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Recompute the person's own chain, and show the result on the page."""
    verify_own_chain(request.user.pk)
    return redirect("activity")
