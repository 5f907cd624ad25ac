"""Requires staff to set up a second factor before they use the site."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from accounts.mfa import step_up
from accounts.mfa.second_factors import has_second_factor
from accounts.users.requests import GetResponse

# The pages that staff can use without a second factor: to set one up, to agree to the terms, and to sign out, and those
# of links in emails, which may be about another account.
ALLOWED_WITHOUT_SECOND_FACTOR: Final = frozenset({
    "security", "account_logout", "account_reauthenticate", "account_email", "account_change_password",
    "account_email_verification_sent",
    "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_view_recovery_codes", "appearance", "help",
    "live", "ready", "sandbox", "agree", "terms", "privacy_notice", "security_overview", "download_verifier",
    "legal_text", "do_not_sell", "global_privacy_control",
    "unlock", "account_reset_password_from_key", "account_reset_password_from_key_done", "cancel_deletion_by_link",
})  # fmt: skip


class StaffSecondFactorMiddleware:
    """Redirects staff without a second factor to the page on which they set one up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, *_: object) -> HttpResponse | None:
        """Redirect staff without a second factor to their security page."""
        if not (request.user.is_authenticated and request.user.is_staff):
            return None
        if request.resolver_match.url_name in ALLOWED_WITHOUT_SECOND_FACTOR or has_second_factor(request.user):
            return None
        return step_up.redirect_to_mfa_setup(request)
