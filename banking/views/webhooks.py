"""Webhooks: a provider says that an Item has changed. They are verified and stored; a job does what follows."""

import logging
from functools import partial

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from banking import tasks
from banking.provider import ProviderConfigurationError, WebhookNotVerifiable, WebhookRejected
from banking.providers import provider_for
from banking.sync import sync_queue
from banking.webhooks import inbox
from compliance.isolation.tenant import without_tenant

logger = logging.getLogger(__name__)


class UnverifiedWebhookResponse(HttpResponse):
    """The response to a webhook that could not be verified. Their number is limited for each sender."""


@csrf_exempt  # A provider has no CSRF token; its signature over the raw body is verified instead.
@login_not_required
@require_POST
@transaction.non_atomic_requests
@without_tenant()
def receive(request: HttpRequest, provider_key: str) -> HttpResponse:
    """Accept a signed webhook. The response is the same whether or not its Item is one of this site's."""
    try:
        webhook = provider_for(provider_key).verify_webhook(
            request.headers, request.body, is_known=partial(is_known, provider_key)
        )
    except WebhookRejected as rejected:
        logger.warning("Webhook refused: %s", rejected)
        return UnverifiedWebhookResponse(status=400)
    except (WebhookNotVerifiable, ProviderConfigurationError) as error:
        logger.error("Webhook not checked: %r", error)
        return UnverifiedWebhookResponse(status=503)
    event_id = inbox.store_webhook(webhook)
    if event_id is not None:
        tasks.enqueue_webhook(event_id)
    return HttpResponse(status=200)


def is_known(provider_key: str, provider_item_id: str) -> bool:
    """Whether the provider would name an Item of this site by this id."""
    return sync_queue.find_current_item(provider_key=provider_key, provider_item_id=provider_item_id) is not None
