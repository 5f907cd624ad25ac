"""The link in an email that cancels the deletion of an account. It needs no sign-in, and works once."""

from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils import timezone

from accounts.deletion.models import DeletionRequest
from accounts.emails.sending import public_link
from compliance.isolation import tenant

SALT: Final = "accounts.deletion.cancel_links"


class CancelLinkState(StrEnum):
    """What a link can still do."""

    OPEN = "open"
    USED = "used"
    OVER = "over"
    INVALID = "invalid"


class CancelLink(NamedTuple):
    """The request that a link cancels, and its user."""

    owner_id: UUID
    request_id: UUID


def make_cancel_url(request: DeletionRequest) -> str:
    """Return the link that cancels a request."""
    token = signing.dumps([str(request.owner_id), str(request.pk)], salt=SALT)
    return public_link(reverse("cancel_deletion_by_link", args=[token]))


def parse_cancel_token(token: str) -> CancelLink | None:
    """Return what a link is for. ``None`` if the site did not make it."""
    try:
        owner_id, request_id = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return CancelLink(UUID(owner_id), UUID(request_id))


def get_state(link: CancelLink | None) -> CancelLinkState:
    """Return what a link can still do. ``OVER`` also once the account is deleted, and its request with it."""
    if link is None:
        return CancelLinkState.INVALID
    with tenant(link.owner_id):
        request = DeletionRequest.objects.filter(pk=link.request_id).first()
    if request is None or request.is_due(at=timezone.now()):
        return CancelLinkState.OVER
    return CancelLinkState.OPEN if request.canceled_at is None else CancelLinkState.USED
