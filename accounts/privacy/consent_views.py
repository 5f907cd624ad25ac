"""The page of all consents, the text of each, and the buttons for those that are optional."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.agreements import opt_out
from accounts.agreements.forms import OUTDATED
from accounts.agreements.required_texts import OPTIONAL
from accounts.privacy.consents import DESCRIPTIONS, find_consent, give_optional_consent, list_consents
from accounts.sessions.user_agents import describe_device
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.consent import Purpose, withdraw
from compliance.consent.legal_texts import current_version, parse_sections
from compliance.vault import SealError


@require_safe
def show_consents(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show every purpose with its state and history."""
    return render(request, "accounts/privacy/consents.html", consents_context(request))


@require_safe
def show_consent_text(request: AuthenticatedHttpRequest, event_id: UUID) -> HttpResponse:
    """Show the exact text that the user agreed to, its hash, and where the agreement came from."""
    event = find_consent(request.user, event_id)
    if event is None:
        raise Http404
    try:
        details = event.request_details()
    except SealError:
        details = {}
    context = {
        "event": event,
        "description": DESCRIPTIONS[Purpose(event.purpose)],
        "sections": parse_sections(event.text),
        "ip": details.get("ip", ""),
        "device": describe_device(details["user_agent"]) if details.get("user_agent") else "",
    }
    return render(request, "accounts/privacy/consent_text.html", context)


@require_POST
def change_consent(request: AuthenticatedHttpRequest, purpose: str) -> HttpResponse:
    """Give or withdraw an optional consent. All other purposes are 404: they have pages of their own.

    A user agrees only to the version that the page named.
    """
    if purpose not in OPTIONAL:
        raise Http404
    user, chosen = request.user, Purpose(purpose)
    if request.POST.get("action") != "agree":
        withdraw(user=user, purpose=chosen)
        messages.success(request, _("Your consent is withdrawn."))
    elif request.POST.get("version") == current_version(purpose).version:
        give_optional_consent(user=user, purpose=chosen)
        messages.success(request, _("Your agreement is recorded."))
    else:
        context = consents_context(request) | {"error": OUTDATED}
        return render(request, "accounts/privacy/consents.html", context, status=422)
    return redirect("consents")


def consents_context(request: AuthenticatedHttpRequest) -> dict[str, object]:
    """What the page of all consents shows."""
    return {"consents": list_consents(request.user), "sends_signal": opt_out.sends_signal(request)}
