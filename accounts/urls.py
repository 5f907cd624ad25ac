"""URLs below ``accounts/``: the security page, and allauth's pages with the project's guards."""

from collections.abc import Callable, Iterable
from typing import Final

from allauth.account.urls import urlpatterns as account_patterns
from allauth.mfa.urls import urlpatterns as factor_patterns
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path

from accounts import views
from accounts.mfa.step_up import require_fresh_sign_in
from accounts.operators.views import show_data_accesses
from accounts.sessions.views import end_other_sessions, end_session
from accounts.sign_in.views import unlock

View = Callable[..., HttpResponse]


def redirect_to_security(view: View) -> View:
    """Replace one of allauth's lists with a redirect to the security page, which contains it."""

    def redirect_view(request: HttpRequest) -> HttpResponse:
        return redirect("security")

    return redirect_view


VIEW_GUARDS: Final[dict[str | None, Callable[[View], View]]] = {
    # Pages that change how a user signs in need a recent proof of identity.
    "account_change_password": require_fresh_sign_in,
    "account_set_password": require_fresh_sign_in,
    "account_email": require_fresh_sign_in,
    "mfa_activate_totp": require_fresh_sign_in,
    "mfa_deactivate_totp": require_fresh_sign_in,
    "mfa_view_recovery_codes": require_fresh_sign_in,
    "mfa_generate_recovery_codes": require_fresh_sign_in,
    "mfa_download_recovery_codes": require_fresh_sign_in,
    "mfa_add_webauthn": require_fresh_sign_in,
    "mfa_edit_webauthn": require_fresh_sign_in,
    "mfa_remove_webauthn": require_fresh_sign_in,
    "mfa_index": redirect_to_security,
    "mfa_list_webauthn": redirect_to_security,
    # A page to sign in with a passkey, although allauth requires a signed-in user for it.
    "mfa_login_webauthn": login_not_required,
}


def guard_views(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """Return allauth's URL patterns, with each view wrapped as ``VIEW_GUARDS`` says."""
    return [
        URLResolver(pattern.pattern, guard_views(pattern.url_patterns))
        if isinstance(pattern, URLResolver)
        else URLPattern(
            pattern.pattern, VIEW_GUARDS.get(pattern.name, lambda view: view)(pattern.callback), name=pattern.name
        )
        for pattern in patterns
    ]


urlpatterns = [
    path("security/", views.security, name="security"),
    path("security/sessions/<int:user_session_id>/end/", end_session, name="end_session"),
    path("security/sessions/end-others/", end_other_sessions, name="end_other_sessions"),
    path("security/data-accesses/", show_data_accesses, name="data_accesses"),
    path("unlock/<str:token>/", unlock, name="unlock"),
    path("2fa/", include(guard_views(factor_patterns))),
    path("", include(guard_views(account_patterns))),
]
