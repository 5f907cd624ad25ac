"""Shows users which operators viewed their data."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.operators import access_log
from accounts.users.requests import AuthenticatedHttpRequest


@require_safe
def show_data_accesses(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show a page of the operators' accesses to the user's data, newest first."""
    before = access_log.parse_cursor(request.GET.get("before", ""))
    accesses = access_log.list_data_accesses(request.user, before=before)
    context = {
        "data_accesses": accesses,
        "older_url": f"?before={accesses[-1].id}" if len(accesses) == access_log.PAGE_SIZE else "",
        "is_first": before is None,
    }
    return render(request, "accounts/data_access_log.html", context)
