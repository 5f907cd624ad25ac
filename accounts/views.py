"""The security page. Other pages about signing in are allauth's, or in the packages of this app."""

from typing import Final

from allauth.mfa.models import Authenticator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.mfa import passkeys, recovery_codes, sealed_secrets
from accounts.sessions import active_sessions
from accounts.sign_in import sign_in_events
from accounts.users.requests import AuthenticatedHttpRequest

FEW_RECOVERY_CODES: Final = 3


@require_safe
def security(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the account's second factors, active sessions and recent sign-ins."""
    factors = list(Authenticator.objects.filter(user=request.user).order_by("created_at"))
    of_type = {
        factor_type: [factor for factor in factors if factor.type == factor_type] for factor_type in Authenticator.Type
    }
    app = next(iter(of_type[Authenticator.Type.TOTP]), None)
    context = {
        "app": app,
        "app_is_readable": app is not None and sealed_secrets.is_secret_readable(app),
        "passkeys": [(factor, passkeys.is_passkey_readable(factor)) for factor in of_type[Authenticator.Type.WEBAUTHN]],
        "codes": next(iter(of_type[Authenticator.Type.RECOVERY_CODES]), None),
        "codes_left": recovery_codes.count_unused_codes(factors),
        "few_codes": FEW_RECOVERY_CODES,
        "active_sessions": active_sessions.list_sessions(request),
        "sign_in_events": sign_in_events.list_recent_sign_ins(request.user),
    }
    return render(request, "accounts/security.html", context)
