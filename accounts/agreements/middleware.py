"""Asks users to agree to a changed text before they go on, and records the opt-out that their browser sends."""

from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.agreements import opt_out, required_texts
from accounts.mfa.step_up import redirect_whole_page
from accounts.users.requests import GetResponse

# The pages that users can use before they agree: to read the texts, to prove who they are, to see and withdraw what
# they agreed to, which has to be as easy as to agree, to leave with their data or delete it, those of links in emails,
# which may be about another account, and for programs.
ALLOWED_WITHOUT_AGREEMENT: Final = frozenset({
    "agree", "terms", "privacy_notice", "security_overview", "download_verifier", "legal_text", "do_not_sell",
    "global_privacy_control",
    "privacy", "consents", "consent_text", "change_consent", "withdraw_bank_data", "credit_withdraw", "disconnect",
    "retention", "change_retention", "activity", "verify_activity", "activity_csv", "data_accesses",
    "exports", "request_export", "download_export", "send_export", "delete_export",
    "delete_account", "erase_account", "deletion_pending", "cancel_deletion", "cancel_deletion_by_link",
    "account_logout", "account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn",
    "unlock", "account_reset_password_from_key", "account_reset_password_from_key_done",
    "appearance", "help", "live", "ready", "sandbox", "policy_reports",
})  # fmt: skip
SIGNAL_RECORDED_AT: Final = "gpc_recorded_at"
SIGNAL_INTERVAL: Final = timedelta(minutes=1)


class AgreementMiddleware:
    """Redirects users who have not agreed to the current terms and privacy notice to the page on which they do."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, *_: object) -> HttpResponse | None:
        """Compare what the session remembers. Only if that differs, the ledger is read."""
        if not request.user.is_authenticated or required_texts.is_up_to_date(request.session):
            return None
        if request.resolver_match.url_name in ALLOWED_WITHOUT_AGREEMENT:
            return None
        if not required_texts.list_missing(user_id=request.user.pk):
            required_texts.remember_agreed_versions(request.session, user_id=request.user.pk)
            return None
        # A form that was posted is not sent again, so its page is not where the user goes on.
        target = request.get_full_path() if request.method in ("GET", "HEAD") and not request.htmx else ""
        query = f"?{urlencode({REDIRECT_FIELD_NAME: target})}" if target else ""
        return redirect_whole_page(request, f"{reverse('agree')}{query}")


class GlobalPrivacyControlMiddleware:
    """Records the opt-out of a signed-in user whose browser sends Global Privacy Control.

    The ledger is compared once a minute in each session: another one, without the signal, may have ended the opt-out.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, *_: object) -> None:
        """Compare one header. Nothing else happens for a browser without the signal."""
        if not (opt_out.sends_signal(request) and request.user.is_authenticated):
            return
        now = timezone.now().timestamp()
        if now - request.session.get(SIGNAL_RECORDED_AT, 0) >= SIGNAL_INTERVAL.total_seconds():
            opt_out.opt_out(user=request.user, method=opt_out.SIGNAL_METHOD)
            request.session[SIGNAL_RECORDED_AT] = now
