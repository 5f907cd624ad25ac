"""Ends a lockout with the link of an email."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.sign_in import lockout


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unlock(request: HttpRequest, token: str) -> HttpResponse:
    """End the lockout of an email's link. This needs a POST by a button, because email scanners open links."""
    if request.method != "POST":
        user = lockout.user_for_unlock_token(token)
        return render(request, "accounts/unlock.html", {"is_good": user is not None})
    user = lockout.unlock(token)
    if user is None:
        return render(request, "accounts/unlock.html", {"is_good": False})
    get_adapter().clear_login_limits(request, user)
    messages.success(request, _("Your account is unlocked. You can sign in now."))
    return redirect("account_login")
