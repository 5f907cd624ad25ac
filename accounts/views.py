"""A person's security page, and what its buttons do. Everything else about signing in is allauth's."""

from typing import Final

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.mfa import passkeys, recovery_codes, sealed_secrets
from accounts.operators import access_log
from accounts.sessions import active_sessions
from accounts.sign_in import lockout, sign_in_events
from accounts.users.requests import AuthenticatedHttpRequest

FEW_RECOVERY_CODES: Final = 3


@require_safe
def security(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what protects the account, where it is signed in and who tried."""
    mine = list(Authenticator.objects.filter(user=request.user).order_by("created_at"))
    of_type = {kind: [factor for factor in mine if factor.type == kind] for kind in Authenticator.Type}
    app = next(iter(of_type[Authenticator.Type.TOTP]), None)
    context = {
        "app": app,
        "app_is_readable": app is not None and sealed_secrets.is_secret_readable(app),
        "passkeys": [(each, passkeys.is_passkey_readable(each)) for each in of_type[Authenticator.Type.WEBAUTHN]],
        "codes": next(iter(of_type[Authenticator.Type.RECOVERY_CODES]), None),
        "codes_left": recovery_codes.count_unused_codes(mine),
        "few_codes": FEW_RECOVERY_CODES,
        "places": active_sessions.list_sessions(request),
        "visits": sign_in_events.list_recent_sign_ins(request.user),
    }
    return render(request, "accounts/security.html", context)


@require_POST
def end_session(request: AuthenticatedHttpRequest, place_id: int) -> HttpResponse:
    """End one of the person's sessions; ending the one that asks signs out."""
    try:
        device = active_sessions.end_session(user=request.user, session_id=place_id)
    except UserSession.DoesNotExist:
        raise Http404 from None
    messages.success(request, f"Signed out: {device}.")
    return redirect("security")


@require_POST
def end_other_sessions(request: AuthenticatedHttpRequest) -> HttpResponse:
    """End all of the person's sessions but this one."""
    count = active_sessions.end_other_sessions(request, request.user, reason="person")
    messages.success(request, f"Signed out everywhere else ({count}).")
    return redirect("security")


@require_safe
def looks(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show who of the operators looked at the person's data, a page at a time."""
    before = access_log.parse_cursor(request.GET.get("before", ""))
    shown = access_log.list_data_accesses(request.user, before=before)
    older = f"?before={shown[-1].id}" if len(shown) == access_log.PAGE_SIZE else ""
    return render(request, "accounts/looks.html", {"looks": shown, "older_url": older, "is_first": before is None})


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unlock(request: HttpRequest, token: str) -> HttpResponse:
    """End the lock that a mail speaks of, by a button: programs that read mail open links."""
    if request.method != "POST":
        person = lockout.user_for_unlock_token(token)
        return render(request, "accounts/unlock.html", {"is_good": person is not None})
    user = lockout.unlock(token)
    if user is None:
        return render(request, "accounts/unlock.html", {"is_good": False})
    get_adapter().clear_login_limits(request, user)
    messages.success(request, "Unlocked. You can sign in now.")
    return redirect("account_login")
