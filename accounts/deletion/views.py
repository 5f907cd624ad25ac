"""Deleting the account: request it, cancel it, or have everything erased at once."""

from contextlib import suppress

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.deletion import cancel_links, requests, tasks
from accounts.deletion.forms import ConfirmEmailForm
from accounts.emails.tasks import enqueue_after_commit, enqueue_security_email
from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.isolation.tenant import without_tenant
from compliance.personal_data import inventory


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def delete_account(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Explain what is deleted and when, and schedule it once the user has typed their email address."""
    form = ConfirmEmailForm(request.POST or None, user=request.user)
    if not form.is_valid():
        context = {
            "form": form,
            "due_at": timezone.now() + requests.GRACE_PERIOD,
            "data_counts": inventory.count_erasable_data(request.user.pk),
            "kept_data": inventory.list_kept_data(),
        }
        return render(request, "accounts/deletion/delete_account.html", context)
    deletion = requests.request_deletion(user=request.user)
    enqueue_after_commit(tasks.send_deletion_request_email, str(request.user.pk), str(deletion.pk))
    email = request.user.email
    logout(request)
    context = {"due_at": deletion.due_at, "email": email}
    return render(request, "accounts/deletion/requested.html", context)


@never_cache
@require_safe
def deletion_pending(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show when the account is deleted, and how to keep it."""
    deletion = requests.get_open_request(request.user)
    if deletion is None:
        return redirect("overview")
    context = {"due_at": deletion.due_at, "is_due": deletion.is_due(at=timezone.now())}
    return render(request, "accounts/deletion/pending.html", context)


@require_POST
def cancel_deletion(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Keep the account of the signed-in user."""
    try:
        requests.cancel_deletion(owner_id=request.user.pk)
        enqueue_security_email("accounts/email/deletion_canceled", user=request.user, is_active=True)
    except requests.TooLate:
        return redirect("deletion_pending")
    except requests.AlreadyCanceled:
        # A second click on the same button.
        pass
    messages.success(request, _("Your account stays. Connect your banks again to sync them."))
    return redirect("overview")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@without_tenant()
def cancel_deletion_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the account of an email's link. This needs a POST by a button, because email scanners open links."""
    link = cancel_links.parse_cancel_token(token)
    if request.method == "POST" and link is not None:
        with suppress(requests.AlreadyCanceled, requests.TooLate):
            user = requests.cancel_deletion(owner_id=link.owner_id, request_id=link.request_id)
            enqueue_security_email("accounts/email/deletion_canceled", user=user, is_active=user.is_active)
    context = {"state": cancel_links.get_state(link), "is_deactivated": cancel_links.is_deactivated(link)}
    return render(request, "accounts/deletion/cancel_link.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def erase_account(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Erase the account at once, without the time to cancel."""
    form = ConfirmEmailForm(request.POST or None, user=request.user)
    if not form.is_valid():
        context = {"form": form, "kept_data": inventory.list_kept_data()}
        return render(request, "accounts/deletion/erase_account.html", context)
    requests.request_deletion(user=request.user, at_once=True)
    enqueue_after_commit(tasks.erase_account, str(request.user.pk))
    email = request.user.email
    logout(request)
    return render(request, "accounts/deletion/erasing.html", {"email": email})
