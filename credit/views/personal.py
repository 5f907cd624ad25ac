"""What the bureau keeps about who a person is."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from credit.report import Detail
from credit.stored import reports


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Names, addresses and the like, by kind; of the Social Security number only whether it fits."""
    kept = reports.latest(owner=request.user.pk)
    if kept is None:
        return redirect("credit")
    details = kept.report.personal
    kinds = [(kind, own) for kind in Detail if (own := [each for each in details if each.kind is kind])]
    return render(request, "credit/personal.html", {"kept": kept, "kinds": kinds})
