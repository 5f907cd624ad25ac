"""Post what the browser posts after Plaid Link has closed, and what can fail then."""

import json
from collections.abc import Callable

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.models import Item, LinkSession
from banking.provider import InstitutionDown, ProviderConfigurationError, ProviderError, RateLimited, Unavailable
from compliance.consent.legal_texts import current_version
from compliance.isolation import tenant

TOKEN = "public-sandbox-1"
AGREED = {"consent_version": current_version("bank_data").version, "period": "90"}
"""What the form sends that shows the text in force."""
METADATA = {
    "institution": {"institution_id": "ins_1", "name": "First Platypus Bank"},
    "accounts": [{"id": "acc-checking", "name": "Checking", "mask": "0000"}],
}
OUTAGES = (
    Unavailable("TIMEOUT", request_id="req-secret"),
    InstitutionDown("INSTITUTION_DOWN", request_id="req-secret"),
    RateLimited("RATE_LIMIT", scope="client", request_id="req-secret"),
    ProviderConfigurationError("INVALID_API_KEYS", request_id="req-secret"),
)


def post_public_token(
    client: Client, session: LinkSession, token: str = TOKEN, metadata: object = METADATA
) -> HttpResponse:
    report = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return client.post(reverse("finish_link", args=[session.pk]), {"public_token": token, "metadata": report})


def reload_session(user: User, session: LinkSession) -> LinkSession:
    with tenant(user.pk):
        return LinkSession.objects.select_related("item").get(pk=session.pk)


def list_items(user: User) -> list[Item]:
    with tenant(user.pk):
        return list(Item.objects.for_user(user))


def make_failing_call(error: ProviderError) -> Callable[..., None]:
    """A replacement for a provider's method that raises ``error``."""

    def fail(*args: object, **options: object) -> None:
        raise error

    return fail
