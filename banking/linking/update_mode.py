"""Repair a connection: the bank wants its customer to sign in again.

The Item and its token stay what they are; the public token that the dialog hands out in this mode is never
exchanged. Source: https://plaid.com/docs/link/update-mode/
"""

from uuid import UUID

from django.utils import timezone

from accounts.models import User
from banking.credentials import CredentialUnreadable, open_token
from banking.linking.sessions import LinkRefused, OpenedLink, open_link, opened
from banking.models import Connection, Item, LinkSession
from banking.provider import LoginRequired
from banking.providers import provider_for
from compliance.audit import Action, record
from compliance.isolation import tenant


def broken(*, user: User, item_id: UUID) -> Item:
    """The connection that a person is about to repair. Raises ``Item.DoesNotExist``."""
    with tenant(user.pk):
        return (
            Item.objects.for_user(user).visible().in_current_environment().select_related("institution").get(pk=item_id)
        )


def open_relink(*, user: User, item_id: UUID) -> OpenedLink:
    """Begin a repair: a new sign-in, or where the token cannot be read a new link in the Item's place.

    Raises ``Item.DoesNotExist`` and ``ProviderError``.
    """
    with tenant(user.pk):
        item = Item.objects.for_user(user).visible().in_current_environment().get(pk=item_id)
        record(Action.CREDENTIAL_ACCESS, actor=user, subject=user, resource="item", resource_id=str(item.pk))
        try:
            secret = open_token(item)
        except CredentialUnreadable as unreadable:
            item.connection, item.error_code = Connection.NEEDS_REPAIR, unreadable.code
            item.save(update_fields=["connection", "error_code"])
            secret = ""
    if not secret:
        return open_link(user=user, replaces=item)
    provider = provider_for(item.provider)
    token = provider.connect().create_update_token(secret, client_user_id=str(user.link_id))
    return opened(user=user, provider=provider, token=token, repairs=item)


def finish_relink(*, user: User, session_id: UUID) -> Item | None:
    """Put a repaired Item back to work; ``None`` when the session is not a repair.

    The provider is asked whether the Item is well, since a browser's word for it proves nothing. Raises
    ``LinkSession.DoesNotExist``, ``LinkRefused``, ``LoginRequired`` while it is still broken, ``ProviderError``.
    """
    with tenant(user.pk):
        session = LinkSession.objects.for_user(user).select_related("item").get(pk=session_id)
        if not session.repairs:
            return None
        if session.is_over(at=timezone.now()):
            raise LinkRefused("expired")
        item = session.item
        if item is None or item.access_token is None:
            raise LinkRefused("used")
        secret = open_token(item)
    facts = provider_for(item.provider).connect().get_item(secret)
    if facts.error_code:
        raise LoginRequired(facts.error_code)
    return repair(user=user, item=item, session=session)


def repair(*, user: User, item: Item, session: LinkSession) -> Item:
    """Write the good news down, unless the bank was disconnected while the provider was asked."""
    with tenant(user.pk):
        repaired = Item.objects.for_user(user).visible().in_current_environment().filter(pk=item.pk)
        if not repaired.update(
            connection=Connection.ACTIVE, failures=0, error_code="", fault="", next_sync_at=timezone.now()
        ):
            raise LinkRefused("used")
        LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.LINKED)
        record(Action.TOKEN_REFRESH, actor=user, subject=user, resource="item", resource_id=str(item.pk))
    return item
