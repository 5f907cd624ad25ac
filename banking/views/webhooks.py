"""The doorbell: a provider says that an Item has news. Verified, noted, answered; never believed."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from banking import tasks
from banking.plaid.webhooks import HEADER, verify
from banking.provider import ProviderConfigurationError, WebhookNotVerifiable, WebhookRejected
from banking.sync import sync_queue

logger = logging.getLogger(__name__)


# The signature over the raw body stands in for the CSRF token that a provider cannot have.
@csrf_exempt
@login_not_required
@require_POST
@transaction.non_atomic_requests
def plaid(request: HttpRequest) -> HttpResponse:
    """Accept a signed webhook; the answer is the same whether or not its Item is known here."""
    try:
        doorbell = verify(request.headers.get(HEADER, ""), request.body, is_known=sync_queue.is_known)
    except WebhookRejected as refused:
        logger.warning("Webhook refused: %s", refused)
        return HttpResponse(status=400)
    except (WebhookNotVerifiable, ProviderConfigurationError) as unable:
        logger.error("Webhook not checked: %r", unable)
        return HttpResponse(status=503)
    if sync_queue.accept_webhook(doorbell.fingerprint):
        tasks.ring(doorbell)
    return HttpResponse(status=200)
