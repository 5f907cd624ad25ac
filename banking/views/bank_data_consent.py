"""The page on which a user withdraws their consent to bank data."""

from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from banking import tasks
from banking.forms import DisconnectForm
from banking.linking import consent_withdrawal
from banking.linking.data_consent import is_consent_active

WITHDRAWN: Final = _("You withdrew your consent to bank data. All banks are being disconnected.")


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@transaction.non_atomic_requests
def withdraw_bank_data(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what stops, what is deleted and what stays, then withdraw the consent and disconnect all banks."""
    bank_data = consent_withdrawal.count_bank_data(request.user)
    if not bank_data.connections and not bank_data.history.accounts and not is_consent_active(request.user):
        return redirect("consents")
    form = DisconnectForm(request.POST or None)
    if not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "banking/withdraw_bank_data.html", bank_data._asdict(), status=status)
    keep_history = form.cleaned_data["history"] == "keep"
    for removal in consent_withdrawal.withdraw_bank_data(user=request.user, keep_history=keep_history):
        tasks.enqueue_removal(removal)
    messages.success(request, str(WITHDRAWN))
    return redirect("consents")
