"""The link in an email that cancels the deletion of an account. It needs no sign-in, and works once."""

from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from django.core import signing
from django.urls import reverse
from django.utils import timezone

from accounts.deletion.models import DeletionRequest
from accounts.emails.sending import public_link
from accounts.users.models import User
from compliance.isolation import tenant

SALT: Final = "accounts.deletion.cancel_links"


class CancelLinkState(StrEnum):
    """What a link can still do."""

    OPEN = "open"
    USED = "used"
    REPLACED = "replaced"
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
    """Return what a link can still do.

    ``OVER`` also once the account is deleted, and its request with it. ``REPLACED`` if the user canceled the deletion,
    and then asked for it again.
    """
    if link is None:
        return CancelLinkState.INVALID
    with tenant(link.owner_id):
        request = DeletionRequest.objects.filter(pk=link.request_id).first()
        is_open = DeletionRequest.objects.filter(canceled_at=None).exists()
    if request is None or request.is_due(at=timezone.now()):
        return CancelLinkState.OVER
    if request.canceled_at is None:
        return CancelLinkState.OPEN
    return CancelLinkState.REPLACED if is_open else CancelLinkState.USED


def is_deactivated(link: CancelLink | None) -> bool:
    """Whether the administrator has deactivated the account of a link, so that its user cannot sign in."""
    if link is None:
        return False
    with tenant(link.owner_id):
        return User.objects.filter(pk=link.owner_id, is_active=False).exists()
