"""Reconnect a bank, or choose which of its accounts are shared, with the dialog's update mode.

The Item and its access token stay the same; the public token that the dialog returns in this mode is never exchanged.
Source: https://plaid.com/docs/link/update-mode/
"""

from uuid import UUID

from django.utils import timezone

from accounts.models import User
from banking.connection_status import products
from banking.connection_status.events import resolve_access
from banking.credentials import CredentialUnreadable, TokenPurpose, open_token
from banking.linking.data_consent import require_consent
from banking.linking.errors import LinkError
from banking.linking.sessions import HostedReturn, OpenedLink, create_session, open_link
from banking.models import Connection, Item, LinkSession
from banking.provider import LoginRequired, Priority, Unavailable
from banking.providers import provider_for
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account


def get_item_to_reconnect(*, user: User, item_id: UUID) -> Item:
    """Return the Item that a user is about to reconnect. Raises ``Item.DoesNotExist``."""
    with tenant(user.pk):
        return (
            Item.objects.for_user(user).visible().in_current_environment().select_related("institution").get(pk=item_id)
        )


def open_update_mode(
    *, user: User, item_id: UUID, selects_accounts: bool = False, hosted: HostedReturn | None = None
) -> OpenedLink:
    """Open update mode, which also asks for consents that are missing, and with ``selects_accounts``, for the accounts.

    With ``hosted``, the provider's own pages take the place of the dialog. If the access has ended, or the token cannot
    be decrypted, open a new link that replaces the Item. Raises ``Item.DoesNotExist``, ``LinkError`` without the user's
    consent, and ``ProviderError``.
    """
    with tenant(user.pk):
        item = Item.objects.for_user(user).visible().in_current_environment().get(pk=item_id)
        require_consent(user=user, provider=provider_for(item.provider))
        secret = "" if item.connection == Connection.REVOKED else open_token_to_reconnect(item, user=user)
        missing_consents = products.list_missing_consents(item=item)
    if not secret:
        return open_link(user=user, replaces=item, hosted=hosted)
    provider = provider_for(item.provider)
    selects_accounts = selects_accounts or provider.advise(item.error_code).selects_accounts
    token = provider.connect().create_update_token(
        secret,
        client_user_id=str(user.link_id),
        selects_accounts=selects_accounts,
        consented_products=missing_consents,
        return_url=hosted.url if hosted else "",
    )
    return create_session(
        user=user, provider=provider, token=token, reconnects=item, selects_accounts=selects_accounts, hosted=hosted
    )


def open_token_to_reconnect(item: Item, *, user: User) -> str:
    """Decrypt the token; if that fails, mark the Item and return an empty one."""
    try:
        return open_token(item, purpose=TokenPurpose.RECONNECT, actor=user)
    except CredentialUnreadable as unreadable:
        item.connection, item.error_code, item.error_reason = Connection.NEEDS_REPAIR, unreadable.code, ""
        item.save(update_fields=["connection", "error_code", "error_reason"])
        return ""


def finish_update_mode(*, user: User, session_id: UUID) -> Item | None:
    """Reactivate a reconnected Item; ``None`` when the session is not in update mode.

    Raises ``LinkSession.DoesNotExist``, and as ``confirm_repair`` does.
    """
    with tenant(user.pk):
        session = LinkSession.objects.for_user(user).select_related("item").get(pk=session_id)
    if not session.is_update_mode:
        return None
    if session.is_over(at=timezone.now()):
        raise LinkError("expired")
    return confirm_repair(user=user, session=session)


def confirm_repair(*, user: User, session: LinkSession) -> Item:
    """Reactivate the Item of a session in update mode, if the provider confirms that it has no error.

    What the browser says is not trusted. Raises ``LinkError``, the Item's error if it still needs the user, and
    ``ProviderError``.
    """
    with tenant(user.pk):
        item = session.item
        if item is None or item.access_token is None:
            raise LinkError("used")
        secret = open_token(item, purpose=TokenPurpose.CONFIRM_RECONNECT, actor=user)
    client = provider_for(item.provider).connect()
    details = client.for_item(key=str(item.pk), institution_id="", priority=Priority.PERSON).get_item(secret)
    # A bank that is down now is synced when it is up again.
    if details.error_code and not isinstance(details.error, Unavailable):
        raise details.error or LoginRequired(details.error_code)
    return mark_reconnected(user=user, item=item, session=session)


def mark_reconnected(*, user: User, item: Item, session: LinkSession) -> Item:
    """Mark the Item active, unless the bank was disconnected during the request to the provider.

    Whatever asked the user to reconnect is resolved. When its access ends next, the sync that follows finds out.
    """
    with tenant(user.pk):
        lock_account(user.pk)
        repaired = Item.objects.for_user(user).visible().in_current_environment().filter(pk=item.pk)
        if not repaired.mark_active():
            raise LinkError("used")
        if session.selects_accounts:
            repaired.update(new_accounts_at=None)
        resolve_access(owner_id=user.pk, item_id=item.pk)
        LinkSession.objects.filter(pk=session.pk).update(
            state=LinkSession.State.LINKED, link_token=None, link_session_id=session.link_session_id
        )
        record(Action.TOKEN_REFRESH, actor=user, subject=user, resource="item", resource_id=str(item.pk))
    return item
