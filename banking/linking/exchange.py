"""Exchange a public token for the access token of a new Item.

The access token is stored, sealed, before any other request to the provider: an Item whose token is lost cannot be
removed, and is billed forever.
"""

import logging
from typing import Literal
from uuid import UUID

from django.db import DatabaseError, IntegrityError
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from accounts.users.processing import ProcessingStopped, hold_processing
from banking.linking.confirmation import (
    ForeignPublicToken,
    NotConfirmed,
    confirm_public_token,
    get_or_create_institution,
    reject_foreign_token,
    schedule_recovery,
)
from banking.linking.data_consent import hold_consent, is_consent_active
from banking.linking.disconnecting import disconnect_by_system
from banking.linking.duplicates import check_confirmed_duplicate, check_duplicate
from banking.linking.errors import ExchangeLost, LinkError
from banking.linking.orphaned_removals import remove_unsaved_item
from banking.linking.sessions import UNCLAIMED, LinkMetadata, is_stale_claim, token_hash
from banking.models import Institution, Item, LinkSession
from banking.provider import Credential, LinkResult, Provider, ProviderError, PublicTokenRefused, Unavailable
from banking.providers import provider_for
from banking.usage.item_cap import count_linked_item
from banking.webhooks.inbox import release_orphans
from compliance.audit import Action, record
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

EXCHANGE_ATTEMPTS = 2


def finish_link(*, user: User, session_id: UUID, public_token: str, metadata: LinkMetadata) -> Item:
    """Exchange a public token and save the Item. Repeating the same call returns the same Item.

    Raises ``LinkSession.DoesNotExist`` for another user's session, ``DuplicateBank`` for a login that is linked already
    (then nothing is exchanged), ``LinkError`` and ``ProviderError``.
    """
    session = claim_session(user=user, session_id=session_id, public_token=public_token, metadata=metadata)
    return session.item or complete_link(user=user, session=session, metadata=metadata)


def complete_link(*, user: User, session: LinkSession, metadata: LinkMetadata | None = None) -> Item:
    """Confirm the public token of a claimed session with the provider, exchange it, and save the Item.

    Raises ``DuplicateBank``, ``LinkError`` and ``ProviderError``, each after it was recorded.
    """
    try:
        result = confirm_public_token(session=session)
    except ForeignPublicToken:
        reject_foreign_token(user=user, session=session)
        raise LinkError("foreign") from None
    except NotConfirmed:
        schedule_recovery(user=user, session=session, code="NOT_CONFIRMED")
        raise LinkError("unconfirmed") from None
    except ProviderError as error:
        record_failure(user=user, session=session, error=error)
        raise
    return exchange_result(user=user, session=session, result=result, hint=metadata)


def exchange_result(*, user: User, session: LinkSession, result: LinkResult, hint: LinkMetadata | None = None) -> Item:
    """Exchange the public token of a result of the provider's, for which the session is claimed, and save the Item.

    ``hint`` is what the browser says of the bank; it counts only where the result does not name it. Raises as
    ``complete_link`` does.
    """
    confirmed_metadata = LinkMetadata(result.institution_id, result.institution_name, result.accounts)
    check_confirmed_duplicate(user=user, session=session, metadata=confirmed_metadata)
    institution = get_or_create_institution(result, provider_key=session.provider)
    credential = exchange_for_session(user=user, session=session, public_token=result.public_token)
    named = confirmed_metadata if confirmed_metadata.institution_name or hint is None else hint
    session.account_keys = sorted(confirmed_metadata.accounts)
    return save_item(user=user, session=session, credential=credential, institution=institution, metadata=named)


def claim_session(*, user: User, session_id: UUID, public_token: str, metadata: LinkMetadata) -> LinkSession:
    """Claim a session for this public token, so that a second click finds it claimed.

    A stale claim, whose process was killed, goes to the next request with the same token.
    """
    fingerprint = token_hash(public_token)
    try:
        with tenant(user.pk):
            session = LinkSession.objects.for_user(user).select_for_update(of=["self"]).get(pk=session_id)
            if session.public_token_hash == fingerprint and session.item_id is not None:
                return LinkSession.objects.select_related("item").get(pk=session.pk)
            if not is_stale_claim(session, fingerprint) and session.state not in UNCLAIMED:
                raise LinkError("used")
            if session.is_over(at=timezone.now()):
                raise LinkError("expired")
            if not is_consent_active(user):
                raise LinkError("no_consent")
            check_duplicate(user=user, session=session, metadata=metadata)
            session.state, session.claimed_at = LinkSession.State.EXCHANGING, timezone.now()
            session.public_token_hash = fingerprint
            session.link_session_id = session.link_session_id or metadata.link_session_id
            session.save(update_fields=["state", "claimed_at", "public_token_hash", "link_session_id"])
    except IntegrityError:
        # The hash is unique for each owner: the user posted this token before, in another session.
        raise LinkError("used") from None
    return session


def exchange_for_session(*, user: User, session: LinkSession, public_token: str) -> Credential:
    """Exchange a confirmed token, and record a lost response or an error.

    Raises ``LinkError`` when an Item may exist whose access token we do not have, and ``ProviderError``.
    """
    is_retry = session.exchange_sent_at is not None
    with tenant(user.pk):
        session.exchange_sent_at = session.exchange_sent_at or timezone.now()
        session.save(update_fields=["exchange_sent_at"])
    try:
        return exchange_with_retry(provider_for(session.provider), public_token, is_retry=is_retry)
    except ExchangeLost as lost:
        record_lost_item(user=user, session=session, request_id=lost.request_id)
        raise LinkError("lost") from None
    except ProviderError as error:
        if isinstance(error, Unavailable) and (is_retry or may_have_arrived(error)):
            schedule_recovery(user=user, session=session, code=error.code)
            raise LinkError("pending") from None
        session.exchange_sent_at = None
        record_failure(user=user, session=session, error=error)
        raise


def exchange_with_retry(provider: Provider, public_token: str, *, is_retry: bool) -> Credential:
    """Exchange a public token, with one more attempt when the first response was lost.

    ``is_retry`` says that an earlier exchange may have arrived. Raises ``ExchangeLost`` and ``ProviderError``.
    """
    client, lost = provider.connect(), None
    for _ in range(EXCHANGE_ATTEMPTS):
        try:
            return client.exchange_public_token(public_token)
        except Unavailable as error:
            lost = lost if lost is not None and may_have_arrived(lost) else error
        except PublicTokenRefused as refused:
            if is_retry or (lost is not None and may_have_arrived(lost)):
                raise ExchangeLost(refused.code, request_id=refused.request_id) from None
            raise
    raise lost or Unavailable("NOT_TRIED")


def may_have_arrived(error: Unavailable) -> bool:
    """Whether a call without a response may have been executed: not if it was rejected or never sent."""
    return type(error) is Unavailable and error.code != "NOT_CONNECTED"


def record_lost_item(*, user: User, session: LinkSession, request_id: str) -> None:
    """Record that the access token of an Item was lost. The Item may exist at the provider, and be billed there."""
    logger.critical(
        "LINK_EXCHANGE_LOST session %s, link session %s, owner %s, request %s: an Item may exist that nobody holds",
        *(session.pk, session.link_session_id or "unknown", user.pk, request_id or "unknown"),
    )
    with tenant(user.pk):
        session.state, session.error_code = LinkSession.State.LOST, LinkSession.EXCHANGE_LOST
        session.request_id, session.link_token = request_id or session.request_id, None
        session.save(update_fields=["state", "error_code", "request_id", "link_token"])
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome="failed", code=session.error_code)


def record_failure(*, user: User, session: LinkSession, error: ProviderError) -> None:
    """Record a failed exchange. If the provider was only unavailable, the same public token may be used again."""
    may_retry = isinstance(error, Unavailable)
    with tenant(user.pk):
        session.state = LinkSession.State.OPEN if may_retry else LinkSession.State.FAILED
        session.public_token_hash = None if may_retry else session.public_token_hash
        session.error_code = error.code[:100]
        session.request_id = error.request_id[:100]
        update_fields = ["state", "public_token_hash", "error_code", "request_id", "exchange_sent_at"]
        if not may_retry:
            session.link_token = None
            update_fields.append("link_token")
        session.save(update_fields=update_fields)
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome="failed", code=error.code)


def save_item(
    *, user: User, session: LinkSession, credential: Credential, institution: Institution | None, metadata: LinkMetadata
) -> Item:
    """Save the Item, sealed. If that fails, remove the Item at the provider, at once or as soon as it answers.

    Raises ``LinkError`` if the user has withdrawn their consent or asked to be deleted meanwhile, or was deactivated.
    """
    provider = provider_for(session.provider)
    try:
        with tenant(user.pk):
            # A request for deletion or a withdrawal either finds the new Item and disconnects it, or prevents it here.
            hold_processing(user.pk)
            hold_consent(user=user)
            item = create_item(user=user, provider=provider, credential=credential, bank=institution, metadata=metadata)
            mark_linked(user=user, session=session, item=item)
            release_orphans(item=item)
    except (LinkError, ProcessingStopped) as error:
        refused = error if isinstance(error, LinkError) else LinkError("stopped")
        remove_unsaved_item(credential, provider=provider)
        fail_session(user=user, session=session, code=refused.reason)
        raise refused from None
    except Exception:
        # After any error: nothing else would remove the Item.
        remove_unsaved_item(credential, provider=provider)
        try_to_fail_session(user=user, session=session)
        raise
    return item


def create_item(
    *, user: User, provider: Provider, credential: Credential, bank: Institution | None, metadata: LinkMetadata
) -> Item:
    """Create an Item with its sealed token, in the open transaction."""
    count_linked_item(provider)
    banks = Institution.objects.filter(provider=provider.key, provider_id=metadata.institution_id)
    return Item.objects.create(
        owner=user,
        provider=provider.key,
        environment=provider.environment,
        provider_item_id=credential.provider_item_id,
        access_token=credential.access_token,
        institution=bank or banks.first(),
        institution_name=metadata.institution_name[:200],
        days_requested=provider.link_settings().days_requested,
        request_id=credential.request_id,
        # By the database's clock, which decides when it is due.
        next_sync_at=Now(),
    )


def mark_linked(*, user: User, session: LinkSession, item: Item) -> None:
    """Record that a session has led to an Item, and disconnect the one that it replaces, in the open transaction."""
    LinkSession.objects.filter(pk=session.pk).update(
        state=LinkSession.State.LINKED, item=item, link_token=None, error_code="", account_keys=session.account_keys
    )
    disconnect_replaced(user=user, session=session)
    for action in (Action.TOKEN_EXCHANGE, Action.CREDENTIAL_STORE, Action.CONNECT):
        record(action, actor=user, subject=user, resource="item", resource_id=str(item.pk))


def try_to_fail_session(*, user: User, session: LinkSession) -> None:
    """Record that an Item could not be saved. If the database rejects that, too, its first error stays the one raised.

    Otherwise the recovery would find the public token used, and report a lost Item that was removed.
    """
    try:
        fail_session(user=user, session=session, code="not_saved", outcome="failed")
    except DatabaseError:
        logger.exception("Link session %s, whose Item could not be saved, is still open", session.pk)


def fail_session(
    *, user: User, session: LinkSession, code: str, outcome: Literal["refused", "failed"] = "refused"
) -> None:
    """Record that a session cannot connect a bank any more, so that its recovery is not tried."""
    with tenant(user.pk):
        LinkSession.objects.filter(pk=session.pk).update(
            state=LinkSession.State.FAILED, error_code=code.upper(), link_token=None
        )
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome=outcome, code=code.upper())


def disconnect_replaced(*, user: User, session: LinkSession) -> None:
    """Disconnect the Item that a new one replaces, keeping its history, in the open transaction."""
    if session.replaces_id is not None:
        disconnect_by_system(user=user, item_id=session.replaces_id)
