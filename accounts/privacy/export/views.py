"""Export your data: request it, follow its progress, download it by a link that works once, delete it."""

import logging
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.privacy.activity.trail_status import get_trail_status
from accounts.privacy.export import exports
from accounts.privacy.export.tasks import enqueue_export
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.export import downloads, lifecycle
from compliance.export.data_export import DataExport
from compliance.export.encrypted_file import DamagedFile
from compliance.signing import list_public_keys
from compliance.vault import SealError

logger = logging.getLogger(__name__)


@require_safe
def show_exports(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the user's exports; the fragment polls while one is being prepared."""
    listed = exports.list_exports(request.user)
    context = {
        "exports": [(export, exports.describe_error(export)) for export in listed if not export.is_active],
        "active_export": next((export for export in listed if export.is_active), None),
        "job": exports.describe_progress(listed, at=timezone.now()),
        "outcome": exports.describe_outcome(listed),
        "public_keys": list_public_keys(),
    }
    template = "accounts/privacy/exports.html#progress" if request.htmx else "accounts/privacy/exports.html"
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def request_export(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Say what an export contains, and request one."""
    if request.method != "POST":
        return render(request, "accounts/privacy/export_request.html")
    try:
        export = lifecycle.request_export(owner_id=request.user.pk)
    except lifecycle.ExportIsActive:
        messages.info(request, _("We're already preparing an export."))
    except lifecycle.AccountIsDeleted:
        logger.info("An account was deleted while it requested an export")
    else:
        transaction.on_commit(lambda: enqueue_export(export), robust=True)
    return redirect("exports")


@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def download_export(request: AuthenticatedHttpRequest, export_id: UUID) -> HttpResponse:
    """Say what the file is; a POST redirects to a link that downloads it once."""
    export = get_object_or_404(DataExport.objects.for_user(request.user).downloadable(), pk=export_id)
    if request.method != "POST":
        context = {"export": export, "trail": get_trail_status(request.user.pk)}
        return render(request, "accounts/privacy/export_download.html", context)
    code = downloads.make_download_code(owner_id=request.user.pk, export_id=export.pk)
    return redirect("send_export", export.pk, code)


@cache_control(no_store=True)
@require_GET
@require_fresh_sign_in
def send_export(request: AuthenticatedHttpRequest, export_id: UUID, code: str) -> HttpResponseBase:
    """Send the file, decrypted. The link does not work again."""
    try:
        download = downloads.start_download(owner_id=request.user.pk, export_id=export_id, code=code)
    except DataExport.DoesNotExist:
        raise Http404 from None
    except (SealError, OSError, DamagedFile) as error:
        logger.error("Export %s cannot be opened: %s", export_id, type(error).__name__)
        return render(request, "accounts/privacy/export_unreadable.html", status=500)
    headers = {
        "Content-Disposition": f'attachment; filename="{download.name}"',
        "Content-Length": str(download.size),
    }
    return StreamingHttpResponse(download.content, content_type="application/zip", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def delete_export(request: AuthenticatedHttpRequest, export_id: UUID) -> HttpResponse:
    """Ask, and delete an export and its file, also while it is being prepared."""
    export = get_object_or_404(DataExport.objects.for_user(request.user), pk=export_id)
    if request.method != "POST":
        return render(request, "accounts/privacy/export_delete.html", {"export": export})
    lifecycle.delete_export(owner_id=request.user.pk, export_id=export.pk)
    messages.success(request, _("The export is deleted."))
    return redirect("exports")
