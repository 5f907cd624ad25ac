"""The raw report, for its owner only: masked on the page and in the download, unmasked on request."""

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
from compliance.audit.daily_access import DataKind, record_data_access
from compliance.vault import SealError
from credit import models
from credit.forms import UnmaskedDownloadForm
from credit.presentation import raw_report
from credit.report import ReportStatus
from credit.stored import reports
from credit.stored.reports import ReportSummary


class RawReportDeleted(Exception):
    """The raw report is deleted, as its user chose or the rule says; the report is kept."""


# A report that may be about another person is never shown in any form.
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
    try:
        summary, raw = load_raw_report(request, report_id)
    except RawReportDeleted:
        return render(request, "credit/raw_deleted.html", status=404)
    if raw is not None:
        record_access(request, report_id, "page")
    return render_raw_page(request, summary, raw, UnmaskedDownloadForm())


@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@sensitive_variables()
def download_raw(request: AuthenticatedHttpRequest, report_id: UUID) -> HttpResponse:
    """Download a raw report: masked, or unmasked if the form says so."""
    try:
        summary, raw = load_raw_report(request, report_id)
    except RawReportDeleted:
        return render(request, "credit/raw_deleted.html", status=404)
    if raw is None:
        return render_raw_page(request, summary, raw, UnmaskedDownloadForm())
    return attach_unmasked(request, summary, raw) if request.method == "POST" else attach_masked(request, summary, raw)


@sensitive_variables()
def attach_masked(request: AuthenticatedHttpRequest, summary: ReportSummary, raw: bytes) -> HttpResponse:
    """Send a raw report, masked, and record that."""
    try:
        masked = json.dumps(raw_report.redact(raw), indent=2, ensure_ascii=False).encode()
    except raw_report.InvalidJson:
        raise Http404 from None
    record_access(request, summary.id, "redacted file")
    return attachment(masked, summary, "redacted")


@sensitive_variables()
def attach_unmasked(request: AuthenticatedHttpRequest, summary: ReportSummary, raw: bytes) -> HttpResponse:
    """Send a raw report as it is stored if the form says so, or the page with its errors, and record which."""
    form = UnmaskedDownloadForm(request.POST)
    if not form.is_valid():
        record_access(request, summary.id, "page")
        return render_raw_page(request, summary, raw, form)
    record_access(request, summary.id, "complete file")
    return attachment(raw, summary, "complete")


@sensitive_variables()
def load_raw_report(request: AuthenticatedHttpRequest, report_id: UUID) -> tuple[ReportSummary, bytes | None]:
    """Return one of the user's reports, and its raw report unless it cannot be decrypted.

    Raises ``Http404`` and ``RawReportDeleted``.
    """
    listed = reports.list_reports(owner=request.user.pk)
    summary = next(
        (summary for summary in listed if summary.id == report_id and summary.state not in WITHHELD_STATUSES), None
    )
    if summary is None:
        raise Http404
    try:
        return summary, reports.get_raw_report(owner=request.user.pk, report_id=report_id)
    except models.RawReport.DoesNotExist:
        raise RawReportDeleted from None
    except SealError:
        return summary, None


@sensitive_variables()
def render_raw_page(
    request: AuthenticatedHttpRequest, summary: ReportSummary, raw: bytes | None, form: UnmaskedDownloadForm
) -> HttpResponse:
    try:
        parts = {} if raw is None else raw_report.split_sections(raw_report.redact(raw))
    except raw_report.InvalidJson:
        parts = {}
    chosen = request.GET.get("section", "")
    name = chosen if chosen in parts else next(iter(parts), "")
    requested = request.GET.get("page", "")
    number = int(requested) if requested.isascii() and requested.isdigit() and len(requested) < 6 else 1
    context = {
        "listing": summary,
        "is_sealed": raw is None,
        "sections": raw_report.list_sections(parts),
        "name": name,
        "page": raw_report.render_page(parts[name], number=number) if parts else None,
        "form": form,
    }
    return render(request, "credit/raw.html", context, status=422 if form.is_bound else 200)


def record_access(request: AuthenticatedHttpRequest, report_id: UUID, kind: str) -> None:
    """Record in the audit trail that the raw report was viewed, and in which form."""
    record_data_access(request.user.pk, DataKind.RAW_REPORT)
    record(
        Action.CREDIT_RAW_VIEWED,
        actor=request.user,
        subject=request.user,
        resource="credit_report",
        resource_id=str(report_id),
        form=kind,
    )


def attachment(body: bytes, summary: ReportSummary, kind: str) -> HttpResponse:
    day = summary.reported_on or summary.pulled_at.date()
    name = f"{summary.provider}-{day:%Y-%m-%d}-{kind}.json"
    return HttpResponse(
        body, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
