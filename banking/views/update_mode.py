"""Opening the dialog for a bank that is connected: to sign in again, or to choose which accounts are shared.

If the access has ended, or the token cannot be decrypted, that dialog connects a bank anew. So these pages require what
the page that connects one does.
"""

import logging
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.mfa.step_up import require_second_factor_to_link
from accounts.users.requests import AuthenticatedHttpRequest
from banking.error_messages import bank_name
from banking.forms import FirstPeriodForm
from banking.linking import data_consent, errors, update_mode
from banking.linking.link_messages import message_for
from banking.models import Item
from banking.provider import ProviderError
from banking.providers import provider_for
from banking.retention import first_choice
from banking.views.link_page import link_page
from banking.views.linking import (
    CHOSEN,
    OUTDATED,
    consent_context,
    dialog,
    has_shown_text,
    read_period_form,
    store_choices,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)


class UpdatePage(NamedTuple):
    """A page from which the dialog opens in update mode, and the heading of the dialog's page."""

    template: str
    heading: "StrOrPromise"
    selects_accounts: bool


RECONNECT: Final = UpdatePage("banking/reconnect.html", _("Reconnect %(bank)s"), selects_accounts=False)
CHOOSE_ACCOUNTS: Final = UpdatePage(
    "banking/choose_accounts.html", _("Add or remove accounts at %(bank)s"), selects_accounts=True
)


@link_page
@require_http_methods(["GET", "HEAD", "POST"])
@require_second_factor_to_link
@transaction.non_atomic_requests
def reconnect(request: AuthenticatedHttpRequest, item_id: UUID) -> HttpResponse:
    """Explain why the bank has to be reconnected; if the user agrees, open the dialog in update mode."""
    return show_or_open(request, item_id, RECONNECT)


@link_page
@require_http_methods(["GET", "HEAD", "POST"])
@require_second_factor_to_link
@transaction.non_atomic_requests
def choose_accounts(request: AuthenticatedHttpRequest, item_id: UUID) -> HttpResponse:
    """Explain how to add or remove accounts of a bank; then open the dialog, which asks for them."""
    return show_or_open(request, item_id, CHOOSE_ACCOUNTS)


def show_or_open(request: AuthenticatedHttpRequest, item_id: UUID, page: UpdatePage) -> HttpResponse:
    """Show the page; after a POST, open the dialog, or say why it cannot be opened."""
    try:
        item = update_mode.get_item_to_reconnect(user=request.user, item_id=item_id)
        if page.selects_accounts and not item.can_choose_accounts:
            return redirect("item", item_id)
        if request.method != "POST":
            return update_page(request, item, page)
        return agree_and_open(request, item, page)
    except Item.DoesNotExist:
        raise Http404 from None
    except first_choice.OtherPeriodChosen as other:
        return update_page(request, item, page, status=422, error=CHOSEN % {"period": other.period})
    except (errors.LinkError, ProviderError) as error:
        logger.warning("No link token for a bank that is connected: %s", error)
        message = message_for(error, provider=provider_for(item.provider))
        return update_page(request, item, page, status=503, error=message)


def agree_and_open(request: AuthenticatedHttpRequest, item: Item, page: UpdatePage) -> HttpResponse:
    """Open the dialog. The text is agreed to only if it has changed since the user agreed to it.

    A user whose data was restored has not chosen on this site yet how long transactions stay.
    """
    provider, period_form = provider_for(item.provider), read_period_form(request)
    has_agreed = data_consent.has_agreed(user=request.user, provider=provider)
    if period_form is not None and not period_form.is_valid():
        return update_page(request, item, page, status=422, period_form=period_form)
    if not has_agreed and not has_shown_text(request, provider):
        return update_page(request, item, page, status=422, period_form=period_form, error=OUTDATED)
    store_choices(user=request.user, agrees_to=None if has_agreed else provider, period_form=period_form)
    opened = update_mode.open_update_mode(user=request.user, item_id=item.pk, selects_accounts=page.selects_accounts)
    return dialog(request, opened, heading=page.heading % {"bank": bank_name(item.institution_name)})


def update_page(
    request: AuthenticatedHttpRequest,
    item: Item,
    page: UpdatePage,
    *,
    status: int = 200,
    period_form: FirstPeriodForm | None = None,
    error: "StrOrPromise" = "",
) -> HttpResponse:
    """Show the Item, with the text to agree to, and ask how long data stays, unless the user has said."""
    provider = provider_for(item.provider)
    has_agreed = data_consent.has_agreed(user=request.user, provider=provider)
    context = {
        "item": item,
        "kept_period": first_choice.get_chosen_period(user=request.user),
        "period_form": period_form or FirstPeriodForm(),
        "error": error,
    } | ({} if has_agreed else consent_context(provider))
    return render(request, page.template, context, status=status)
