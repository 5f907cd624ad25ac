"""Connecting a bank: explain, open the dialog, finish the link."""

import logging
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.mfa.step_up import require_second_factor_to_link
from accounts.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from banking import tasks
from banking.forms import ExitForm, FirstPeriodForm, PublicTokenForm
from banking.linking import data_consent, errors, exchange, sessions, update_mode
from banking.linking.link_messages import exit_message, is_pending, message_for
from banking.models import LinkSession
from banking.provider import Provider, ProviderError
from banking.providers import DEFAULT_PROVIDER, find_provider, provider_for
from banking.retention import first_choice
from banking.sync.item_refresh import was_repaired_after_all
from banking.views.link_page import link_page
from compliance.consent.legal_texts import parse_sections
from compliance.personal_data.account_lock import lock_account

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)

RETURN = "link_to_return_to"
NO_SESSION = str(UUID(int=0))
OUTDATED = _("The text that you agree to has changed. Read the new version, then continue.")
CHOSEN = _(
    "You already chose how long to keep your transactions: %(period)s. You can change it under Privacy and data."
)
UNREADABLE = _("We couldn't read %(provider)s's answer. No bank was connected. Start again.")


@link_page
@require_http_methods(["GET", "HEAD", "POST"])
@require_second_factor_to_link
@transaction.non_atomic_requests
def connect(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Explain what connecting through the query's ``provider`` shares; if the user agrees, open the dialog."""
    provider = find_provider(request.GET.get("provider", DEFAULT_PROVIDER))
    if provider is None:
        raise Http404
    if request.method != "POST":
        return connect_page(request, provider)
    period_form = read_period_form(request)
    if period_form is not None and not period_form.is_valid():
        return connect_page(request, provider, status=422, period_form=period_form)
    if not has_shown_text(request, provider):
        return connect_page(request, provider, status=422, period_form=period_form, error=OUTDATED)
    try:
        store_choices(user=request.user, agrees_to=provider, period_form=period_form)
        return dialog(request, sessions.open_link(user=request.user, provider_key=provider.key))
    except first_choice.OtherPeriodChosen as other:
        return connect_page(request, provider, status=422, error=CHOSEN % {"period": other.period})
    except (errors.LinkError, ProviderError) as error:
        logger.warning("No link token: %s", error)
        return connect_page(request, provider, status=503, error=message_for(error, provider=provider))


def connect_page(
    request: AuthenticatedHttpRequest,
    provider: Provider,
    *,
    status: int = 200,
    period_form: FirstPeriodForm | None = None,
    error: "StrOrPromise" = "",
) -> HttpResponse:
    """Say what a person agrees to, how far back data goes, and how long it is kept, or ask for that."""
    context = consent_context(provider) | {
        "days_requested": provider.link_settings().days_requested,
        "kept_period": first_choice.get_chosen_period(user=request.user),
        "period_form": period_form or FirstPeriodForm(),
        "error": error,
    }
    return render(request, "banking/connect.html", context, status=status)


def read_period_form(request: AuthenticatedHttpRequest) -> FirstPeriodForm | None:
    """What the user chose on a page that asked how long transactions stay; ``None`` if it did not have to ask."""
    if "period" not in request.POST and first_choice.get_chosen_period(user=request.user):
        return None
    return FirstPeriodForm(request.POST)


@transaction.atomic
def store_choices(*, user: User, agrees_to: Provider | None, period_form: FirstPeriodForm | None) -> None:
    """Record the consent, and how long transactions stay: as the user was asked, or as the page said.

    Raises ``OtherPeriodChosen``; then nothing is recorded.
    """
    # Before the consent, because the choice of a period locks the user's row, too.
    lock_account(user.pk)
    if agrees_to is not None:
        data_consent.agree(user=user, provider=agrees_to)
    if period_form is not None:
        first_choice.choose_first_period(user=user, days=period_form.days)
    else:
        first_choice.repeat_choice(user=user)


def has_shown_text(request: AuthenticatedHttpRequest, provider: Provider) -> bool:
    """Whether the form that the user sent showed the text to which they now agree, and not an earlier one or none."""
    return request.POST.get("consent_version") == data_consent.consent_text(provider).version


def consent_context(provider: Provider) -> dict[str, object]:
    """What the page shows of the text that the user agrees to."""
    consent_text = data_consent.consent_text(provider)
    title, _, text = consent_text.text.partition("\n")
    return {"consent_title": title, "consent_sections": parse_sections(text), "consent_version": consent_text.version}


def dialog(request: AuthenticatedHttpRequest, opened: sessions.OpenedLink, *, heading: str = "") -> HttpResponse:
    """Open the dialog; ``heading`` says for which bank it is, if it is for one that is connected."""
    if provider_for(opened.session.provider).link_settings().redirect_uri:
        # A bank with its own sign-in page sends the user back to ``oauth_return``, in this browser.
        request.session[RETURN] = str(opened.session.pk)
    return link(request, opened, heading=heading)


def link(request: AuthenticatedHttpRequest, opened: sessions.OpenedLink, **context: object) -> HttpResponse:
    provider = provider_for(opened.session.provider)
    settings = provider.link_settings()
    context |= {"session": opened.session, "link_token": opened.token.value}
    context |= {"link_script": settings.script_url, "has_hosted_pages": settings.has_hosted_pages}
    return render(request, "banking/link.html", context)


@link_page
@require_safe
def oauth_return(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Resume the dialog after the bank's own sign-in page.

    Source: https://plaid.com/docs/link/oauth/
    """
    try:
        resumed = sessions.resume_link(user=request.user, session_id=UUID(request.session.pop(RETURN, NO_SESSION)))
    except LinkSession.DoesNotExist:
        return redirect("connect")
    return link(request, resumed, oauth_return=True)


@require_POST
@transaction.non_atomic_requests
def finish(request: AuthenticatedHttpRequest, session_id: UUID) -> HttpResponse:
    """Exchange the public token, save the Item, start the import."""
    form = PublicTokenForm(request.POST)
    if not form.is_valid():
        return not_connected_page(request, session_id)
    try:
        item = update_mode.finish_update_mode(user=request.user, session_id=session_id) or exchange.finish_link(
            user=request.user, session_id=session_id, public_token=form.token(), metadata=form.link_metadata()
        )
    except LinkSession.DoesNotExist:
        raise Http404 from None
    except errors.DuplicateBank as duplicate:
        return render(request, "banking/duplicate.html", {"item": duplicate.item}, status=409)
    except (errors.LinkError, ProviderError) as error:
        logger.warning("Linking failed: %s", error)
        return not_connected_page(request, session_id, error)
    tasks.enqueue_sync(item, trigger="link")
    return redirect("importing", item.pk)


def not_connected_page(
    request: AuthenticatedHttpRequest, session_id: UUID, error: errors.LinkError | ProviderError | None = None
) -> HttpResponse:
    """Say why no bank was connected; without an error, the dialog's answer could not be read."""
    provider = sessions.session_provider(user=request.user, session_id=session_id)
    if error is None:
        reason = UNREADABLE % {"provider": provider.name}
        return render(request, "banking/not_connected.html", {"reason": reason}, status=422)
    context = {"reason": message_for(error, provider=provider), "is_pending": is_pending(error)}
    return render(request, "banking/not_connected.html", context, status=409)


@require_POST
@transaction.non_atomic_requests
def close(request: AuthenticatedHttpRequest, session_id: UUID) -> HttpResponse:
    """Record that the dialog was closed without a connection."""
    link_exit = ExitForm(request.POST).link_exit()
    try:
        session = sessions.close_link(user=request.user, session_id=session_id, link_exit=link_exit)
    except LinkSession.DoesNotExist:
        raise Http404 from None
    if session.state == LinkSession.State.LINKED:
        return redirect("item", session.item_id)
    return left_page(request, session, link_exit.error_code)


def left_page(request: AuthenticatedHttpRequest, session: LinkSession, error_code: str) -> HttpResponse:
    """Say that nothing was connected, unless the user signed in at the bank before the dialog closed."""
    item = session.item
    if item is not None and was_repaired_after_all(owner_id=request.user.pk, item_id=item.pk):
        tasks.enqueue_sync(item, trigger="link")
        return redirect("importing", item.pk)
    context = {"reason": exit_message(session, error_code), "error_code": error_code, "session": session}
    return render(request, "banking/not_connected.html", context)
