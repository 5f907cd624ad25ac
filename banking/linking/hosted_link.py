"""The provider's own pages in place of the dialog, for browsers that run no scripts: Hosted Link.

No browser brings their result. When the user returns, and when a webhook says that they have finished, the provider is
asked how the dialogs of the link token ended. So it does not matter which comes first, how often, or with what content:
each public token that the provider lists is claimed and exchanged once.
Source: https://plaid.com/docs/link/hosted-link/
"""

import logging
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from accounts.users.processing import may_process
from banking.linking.confirmation import NotConfirmed, reveal_link_token
from banking.linking.data_consent import is_consent_active
from banking.linking.duplicates import check_duplicate
from banking.linking.errors import DialogLeft, LinkError
from banking.linking.exchange import exchange_result
from banking.linking.sessions import (
    UNCLAIMED,
    HostedReturn,
    LinkMetadata,
    OpenedLink,
    close_link,
    is_stale_claim,
    open_link,
)
from banking.linking.update_mode import confirm_repair, open_update_mode
from banking.models import Item, LinkSession
from banking.provider import LinkExit, LinkResult, LinkResults, ProviderConfigurationError, ProviderError
from banking.providers import provider_for
from banking.usage.item_cap import require_free_place
from compliance.isolation import tenant

logger = logging.getLogger(__name__)


class ClaimedResult(NamedTuple):
    """The session of one result, and whether the caller has claimed it now and has to exchange it."""

    session: LinkSession
    is_new: bool


def open_hosted_link(*, user: User, session_id: UUID, hosted: HostedReturn) -> OpenedLink:
    """Open the provider's own pages for what a session of the dialog was opened for, and close that session.

    Raises ``LinkSession.DoesNotExist``, ``LinkError`` for a session that has a result, and as opening the dialog does.
    """
    with tenant(user.pk):
        session = LinkSession.objects.for_user(user).select_related("replaces").get(pk=session_id)
    if session.state not in UNCLAIMED:
        raise LinkError("used")
    if session.item_id is not None:
        opened = open_update_mode(
            user=user, item_id=session.item_id, selects_accounts=session.selects_accounts, hosted=hosted
        )
    else:
        opened = open_link(user=user, provider_key=session.provider, replaces=session.replaces, hosted=hosted)
    if not opened.token.hosted_url:
        raise ProviderConfigurationError("NO_HOSTED_PAGES", request_id=opened.token.request_id)
    close_link(user=user, session_id=session_id, link_exit=LinkExit())
    return opened


def read_hosted_link(*, user: User, session_id: UUID) -> list[Item]:
    """Ask the provider how the dialogs of a session ended, and connect or repair what they led to, once.

    Returns the Items, also those of an earlier call. Raises ``LinkSession.DoesNotExist`` for another user's session,
    ``DialogLeft``, ``DuplicateBank``, ``LinkError``, and ``ProviderError``.
    """
    with tenant(user.pk):
        session = LinkSession.objects.for_user(user).select_related("item").get(pk=session_id)
    if session.state == LinkSession.State.LINKED and session.item is not None:
        return [session.item]
    link_token = reveal_open_token(session)
    results = provider_for(session.provider).connect().get_link_results(link_token)
    if not results.linked:
        raise record_exit(user=user, session=session, results=results)
    if session.is_update_mode:
        session.link_session_id = results.linked[-1].link_session_id
        return [confirm_repair(user=user, session=session)]
    return connect_results(user=user, session_id=session_id, results=results, link_token=link_token)


def reveal_open_token(session: LinkSession) -> str:
    """Decrypt the link token. Raises ``LinkError`` if nothing can come of the session any more."""
    if session.state == LinkSession.State.LOST:
        raise LinkError("lost")
    try:
        return reveal_link_token(session)
    except NotConfirmed:
        raise LinkError("used") from None


def record_exit(*, user: User, session: LinkSession, results: LinkResults) -> LinkError:
    """Record how the user left the pages, for the provider's support. Returns the error of a session without result."""
    if results.exits:
        return DialogLeft(close_link(user=user, session_id=session.pk, link_exit=results.exits[-1]))
    return LinkError("expired" if session.is_over(at=timezone.now()) else "unfinished")


def connect_results(*, user: User, session_id: UUID, results: LinkResults, link_token: str) -> list[Item]:
    """Connect each result. Raises the error of the first one if none can be connected."""
    items: list[Item] = []
    errors: list[LinkError | ProviderError] = []
    for result in results.linked:
        try:
            items.append(connect_result(user=user, session_id=session_id, result=result, link_token=link_token))
        except (LinkError, ProviderError) as error:
            logger.warning("A result of link session %s was not connected: %s", session_id, error)
            errors.append(error)
    if not items:
        raise errors[0]
    return items


def connect_result(*, user: User, session_id: UUID, result: LinkResult, link_token: str) -> Item:
    """Exchange one public token, or return the Item that it led to before."""
    claimed = claim_result(user=user, session_id=session_id, result=result, link_token=link_token)
    if claimed.is_new:
        return exchange_result(user=user, session=claimed.session, result=result)
    if claimed.session.item is not None:
        return claimed.session.item
    if claimed.session.state == LinkSession.State.DUPLICATE:
        metadata = LinkMetadata(result.institution_id, result.institution_name, result.accounts)
        with tenant(user.pk):
            check_duplicate(user=user, session=claimed.session, metadata=metadata)
    raise LinkError("lost" if claimed.session.state == LinkSession.State.LOST else "used")


def claim_result(*, user: User, session_id: UUID, result: LinkResult, link_token: str) -> ClaimedResult:
    """Claim a result, so that a webhook and the user's return do not both exchange it.

    The first result claims the session itself, and each other one a session of its own. A stale claim, whose process
    was killed, is taken over. Raises ``LinkError`` while another process exchanges the same result, without the user's
    consent, and after they were deactivated or asked to be deleted; and ``ItemCapReached`` for a further result if this
    site may link no more Items.
    """
    with tenant(user.pk):
        sessions = LinkSession.objects.for_user(user).select_for_update(of=["self"]).select_related("item")
        opened = sessions.get(pk=session_id)
        known = sessions.filter(public_token_hash=result.digest).first()
        if known is not None and not is_stale_claim(known, result.digest):
            return ClaimedResult(known, is_new=False)
        if not is_consent_active(user):
            raise LinkError("no_consent")
        if not may_process(user.pk):
            raise LinkError("stopped")
        session = known or (opened if opened.state in UNCLAIMED else add_session(opened, link_token))
        session.state, session.claimed_at = LinkSession.State.EXCHANGING, timezone.now()
        session.public_token_hash, session.link_session_id = result.digest, result.link_session_id
        session.save(update_fields=["state", "claimed_at", "public_token_hash", "link_session_id"])
    return ClaimedResult(session, is_new=True)


def add_session(opened: LinkSession, link_token: str) -> LinkSession:
    """Store a session for one more result of the same link token, in the open transaction.

    Raises ``ItemCapReached``: only the first result had a place when the link token was created.
    """
    require_free_place(provider_for(opened.provider))
    return LinkSession.objects.create(
        owner_id=opened.owner_id,
        provider=opened.provider,
        environment=opened.environment,
        link_token=link_token,
        expires_at=opened.expires_at,
    )
