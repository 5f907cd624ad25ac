"""The raw report, for its user alone: masked on the page and in the download, unmasked on request."""

import json
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from compliance.vault import SealError
from credit import models
from credit.forms import UnmaskedDownloadForm
from credit.presentation import raw_report
from credit.report import ReportStatus
from credit.stored import reports
from credit.stored.reports import ReportSummary

# A report that may be about somebody else is never shown in any form.
WITHHELD_STATUSES = frozenset({ReportStatus.MISMATCH})


@require_safe
def newest_raw(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Redirect to the raw report of the newest report that can be shown."""
    listed = reports.list_reports(owner=request.user.pk)
    newest = next((summary for summary in listed if summary.state is ReportStatus.READY), None)
    return redirect("credit_raw_page", newest.id) if newest else redirect("credit")


@cache_control(no_store=True)
@require_safe
@require_fresh_sign_in
@sensitive_variables()
def raw_page(request: AuthenticatedHttpRequest, report_id: UUID) -> HttpResponse:
    """Show one page of a raw report, masked."""
    listing, answer = load_answer(request, report_id)
    if answer is not None:
        record_access(request, report_id, "page")
    return render_raw_page(request, listing, answer, UnmaskedDownloadForm())


@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@sensitive_variables()
def download_raw(request: AuthenticatedHttpRequest, report_id: UUID) -> HttpResponse:
    """Download a raw report: masked, or unmasked if the form says so."""
    listing, answer = load_answer(request, report_id)
    if answer is None:
        return render_raw_page(request, listing, answer, UnmaskedDownloadForm())
    if request.method != "POST":
        try:
            masked = json.dumps(raw_report.redact(answer), indent=2, ensure_ascii=False).encode()
        except raw_report.InvalidJson:
            raise Http404 from None
        record_access(request, report_id, "redacted file")
        return attachment(masked, listing, "redacted")
    form = UnmaskedDownloadForm(request.POST)
    if not form.is_valid():
        return render_raw_page(request, listing, answer, form)
    record_access(request, report_id, "complete file")
    return attachment(answer, listing, "complete")


@sensitive_variables()
def load_answer(request: AuthenticatedHttpRequest, report_id: UUID) -> tuple[ReportSummary, bytes | None]:
    """Return one of the user's reports, and its answer unless that cannot be opened. Raises ``Http404``."""
    listed = reports.list_reports(owner=request.user.pk)
    listing = next(
        (summary for summary in listed if summary.id == report_id and summary.state not in WITHHELD_STATUSES), None
    )
    if listing is None:
        raise Http404
    try:
        return listing, reports.get_raw_answer(owner=request.user.pk, report_id=report_id)
    except models.RawReport.DoesNotExist:
        raise Http404 from None
    except SealError:
        return listing, None


@sensitive_variables()
def render_raw_page(
    request: AuthenticatedHttpRequest, listing: ReportSummary, answer: bytes | None, form: UnmaskedDownloadForm
) -> HttpResponse:
    try:
        parts = {} if answer is None else raw_report.split_sections(raw_report.redact(answer))
    except raw_report.InvalidJson:
        parts = {}
    chosen = request.GET.get("section", "")
    name = chosen if chosen in parts else next(iter(parts), "")
    requested = request.GET.get("page", "")
    number = int(requested) if requested.isascii() and requested.isdigit() and len(requested) < 6 else 1
    context = {
        "listing": listing,
        "is_sealed": answer is None,
        "sections": raw_report.list_sections(parts),
        "name": name,
        "page": raw_report.render_page(parts[name], number=number) if parts else None,
        "form": form,
    }
    return render(request, "credit/raw.html", context, status=422 if form.is_bound else 200)


def record_access(request: AuthenticatedHttpRequest, report_id: UUID, kind: str) -> None:
    """Record in the audit trail that the answer was read, and in which form."""
    record(
        Action.CREDIT_RAW_VIEWED,
        actor=request.user,
        subject=request.user,
        resource="credit_report",
        resource_id=str(report_id),
        form=kind,
    )


def attachment(body: bytes, listing: ReportSummary, kind: str) -> HttpResponse:
    day = listing.reported_on or listing.pulled_at.date()
    name = f"{listing.provider}-{day:%Y-%m-%d}-{kind}.json"
    return HttpResponse(
        body, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
