"""Shows nothing but the deletion of the account to users who have asked for it."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.mfa.step_up import redirect_whole_page
from accounts.users.requests import GetResponse

# The pages of an account that is scheduled for deletion: cancel, delete at once, sign out, pages about nobody, and
# those of links in emails, which may be about another account.
ALLOWED_WHILE_PENDING: Final = frozenset({
    "deletion_pending", "cancel_deletion", "cancel_deletion_by_link", "erase_account",
    "account_logout", "account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn",
    "unlock", "account_reset_password_from_key", "account_reset_password_from_key_done",
    "terms", "privacy_notice", "security_overview", "download_verifier", "legal_text", "do_not_sell",
    "global_privacy_control", "appearance", "help", "live", "ready", "policy_reports", "sandbox",
})  # fmt: skip


class DeletionPendingMiddleware:
    """Redirects users whose account is scheduled for deletion to the page on which they can cancel it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, *_: object) -> HttpResponse | None:
        """Redirect a user whose account is scheduled for deletion."""
        if not (request.user.is_authenticated and request.user.is_deletion_pending):
            return None
        if request.resolver_match.url_name in ALLOWED_WHILE_PENDING:
            return None
        return redirect_whole_page(request, reverse("deletion_pending"))
