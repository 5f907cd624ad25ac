"""The page "Do not sell or share", and the file by which browsers learn that the site honors their signal."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.agreements import opt_out
from compliance.consent import Purpose
from compliance.consent.legal_texts import current_version

OUTDATED = gettext_lazy("This text has changed. Read the new version, then opt out.")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def do_not_sell(request: HttpRequest) -> HttpResponse:
    """Show whether an opt-out is on record, and change it for a user who is signed in, by the version they read."""
    user = request.user
    if request.method != "POST":
        return render(request, "accounts/privacy/do_not_sell.html", opt_out_context(request))
    if not user.is_authenticated:
        return redirect_to_login(request.path)
    if request.POST.get("action") != "end":
        if request.POST.get("version") != current_version(Purpose.DO_NOT_SELL).version:
            context = opt_out_context(request) | {"error": OUTDATED}
            return render(request, "accounts/privacy/do_not_sell.html", context, status=422)
        opt_out.opt_out(user=user)
        messages.success(request, _("Your opt-out is recorded."))
    elif not opt_out.sends_signal(request):
        opt_out.end_opt_out(user=user)
        messages.success(request, _("You took your opt-out back."))
    return redirect("do_not_sell")


def opt_out_context(request: HttpRequest) -> dict[str, object]:
    """What the page shows: the text, and whether an opt-out is on record, and by an earlier text."""
    text = current_version(Purpose.DO_NOT_SELL)
    active = opt_out.get_opt_out(request.user) if request.user.is_authenticated else None
    return {
        "text": text,
        "sends_signal": opt_out.sends_signal(request),
        "is_opted_out": active is not None,
        "is_outdated": active is not None and active.version != text.version,
    }


@login_not_required
@require_safe
@transaction.non_atomic_requests
def describe_global_privacy_control(request: HttpRequest) -> JsonResponse:
    """Say that this site honors Global Privacy Control. Source: https://www.w3.org/TR/gpc/#gpc-support-resource"""
    last_update = current_version(Purpose.DO_NOT_SELL).published_on.isoformat()
    return JsonResponse({"gpc": True, "lastUpdate": last_update})
