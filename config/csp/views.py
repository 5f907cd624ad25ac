"""The view that receives browsers' reports of content security policy violations."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from config.csp import reports


@csrf_exempt  # Browsers send these without a form's token. The reports are only counted.
@login_not_required
@require_POST
def receive_reports(request: HttpRequest) -> HttpResponse:
    """Record a browser's report that a page violated the content security policy."""
    if request.content_type not in reports.CONTENT_TYPES:
        return HttpResponse(status=415)
    if len(request.body) > reports.MAX_BYTES:
        return HttpResponse(status=413)
    try:
        violations = reports.parse_reports(request.body, host=request.get_host())
    except reports.InvalidReport:
        return HttpResponse(status=400)
    reports.record_violations(violations, at=timezone.now())
    return HttpResponse(status=204)
