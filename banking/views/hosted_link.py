"""The provider's own pages in place of the dialog: go there, and come back. They work without JavaScript."""

import logging
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.mfa.step_up import require_second_factor_to_link
from accounts.users.requests import AuthenticatedHttpRequest
from banking import tasks
from banking.linking import errors, hosted_link, sessions
from banking.linking.link_messages import message_for
from banking.models import Item, LinkSession
from banking.provider import ProviderError, Unavailable
from banking.views.linking import left_page, not_connected_page
from compliance.isolation.models import new_id

logger = logging.getLogger(__name__)

# Soon over: the same address says more then.
WAITING: Final = frozenset({"unfinished", "in_progress"})


@require_POST
@partial(require_second_factor_to_link, page="connect")
@transaction.non_atomic_requests
def open_hosted(request: AuthenticatedHttpRequest, session_id: UUID) -> HttpResponse:
    """Lead to the provider's own pages, for the bank that a session of the dialog was opened for.

    By a page and not by a redirect, for which the content security policy would have to allow forms to another host.
    """
    new_session_id = new_id()
    return_url = request.build_absolute_uri(reverse("hosted_return", args=[new_session_id]))
    hosted = sessions.HostedReturn(new_session_id, return_url)
    try:
        opened = hosted_link.open_hosted_link(user=request.user, session_id=session_id, hosted=hosted)
    except (LinkSession.DoesNotExist, Item.DoesNotExist):
        raise Http404 from None
    except (errors.LinkError, ProviderError) as error:
        logger.warning("No page of Hosted Link: %s", error)
        return not_connected_page(request, session_id, error)
    return render(request, "banking/hosted_link.html", {"hosted_url": opened.token.hosted_url})


@require_safe
@transaction.non_atomic_requests
def return_from_hosted(request: AuthenticatedHttpRequest, session_id: UUID) -> HttpResponse:
    """Ask the provider what came of its pages, and start the import.

    It can be loaded again, and by anybody who makes the user's browser do so: a webhook would do the same.
    """
    try:
        items = hosted_link.read_hosted_link(user=request.user, session_id=session_id)
    except LinkSession.DoesNotExist:
        raise Http404 from None
    except errors.DuplicateBank as duplicate:
        return render(request, "banking/duplicate.html", {"item": duplicate.item}, status=409)
    except errors.DialogLeft as left:
        return left_page(request, left.session, left.session.error_code)
    except (errors.LinkError, ProviderError) as error:
        logger.warning("Hosted Link has no result: %s", error)
        return unfinished_page(request, session_id, error)
    for item in items:
        tasks.enqueue_sync(item, trigger="link")
    return redirect("importing", items[0].pk) if len(items) == 1 else redirect("accounts")


def unfinished_page(
    request: AuthenticatedHttpRequest, session_id: UUID, error: errors.LinkError | ProviderError
) -> HttpResponse:
    """Let the user wait for the provider, or say why no bank was connected."""
    reason = error.reason if isinstance(error, errors.LinkError) else ""
    if reason not in WAITING and not isinstance(error, Unavailable):
        return not_connected_page(request, session_id, error)
    provider = sessions.session_provider(user=request.user, session_id=session_id)
    return render(request, "banking/hosted_waiting.html", {"reason": message_for(error, provider=provider)})
