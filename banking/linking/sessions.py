"""Link a bank.

A public token may be exchanged only through an open ``LinkSession`` of the signed-in person. The access token
is written down, sealed, before anything else is asked of the provider: a token that is lost is billed for ever.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from banking.linking.confirmation import Foreign, NotConfirmed, bank_of, confirmed, owe, refuse_foreign
from banking.linking.disconnecting import disconnect
from banking.models import Account, Connection, Institution, Item, LinkSession
from banking.provider import Credential, LinkToken, Provider, ProviderError, PublicTokenRefused, Unavailable
from banking.providers import DEFAULT_PROVIDER, in_current_environments, provider_for
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.vault import SealError

logger = logging.getLogger(__name__)

UNCLAIMED = (LinkSession.State.OPEN, LinkSession.State.ABANDONED)
TRIES = 2
# Longer than a look and both tries of an exchange may take; whoever claimed a session before that is gone.
CLAIM_LASTS = timedelta(minutes=2)


class LinkRefused(Exception):
    """Linking cannot go on; ``reason`` names the sentence that the person reads."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ExchangeLost(PublicTokenRefused):
    """The public token is spent, and the answer with the access token did not reach us."""


class DuplicateBank(LinkRefused):
    """The same login at the same bank is already linked, as ``item``."""

    def __init__(self, item: Item) -> None:
        super().__init__("duplicate")
        self.item = item


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the linking dialog says was chosen. A hint from a browser: good for words, not for rights."""

    institution_id: str
    institution_name: str
    accounts: frozenset[tuple[str, str]]
    link_session_id: str = ""


class Left(NamedTuple):
    """How the dialog was left without a connection, in the provider's words; each may be empty."""

    error_code: str = ""
    exit_status: str = ""
    request_id: str = ""
    link_session_id: str = ""


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A fresh linking session and the token that opens its dialog."""

    session: LinkSession
    token: LinkToken


def open_link(*, user: User, provider_key: str = DEFAULT_PROVIDER, replaces: Item | None = None) -> OpenedLink:
    """Begin linking a bank, in the place of an Item whose token cannot be read if there is one.

    Raises ``ProviderError`` when the provider gives no token.
    """
    provider = provider_for(provider_key if replaces is None else replaces.provider)
    webhook_url = provider.link_settings().webhook_url
    token = provider.connect().create_link_token(client_user_id=str(user.link_id), webhook=webhook_url)
    return opened(user=user, provider=provider, token=token, replaces=replaces)


def opened(
    *, user: User, provider: Provider, token: LinkToken, repairs: Item | None = None, replaces: Item | None = None
) -> OpenedLink:
    """Write down that a dialog opens with this token."""
    can_be_resumed = bool(provider.link_settings().redirect_uri)
    with tenant(user.pk):
        session = LinkSession.objects.create(
            owner=user,
            provider=provider.key,
            environment=provider.environment,
            item=repairs,
            repairs=repairs is not None,
            replaces=replaces,
            link_token_hash=digest(token.value),
            link_token=token.value if repairs is None or can_be_resumed else None,
            expires_at=token.expires_at,
        )
    return OpenedLink(session=session, token=token)


def session_provider(*, user: User, session_id: UUID) -> Provider:
    """The provider of a person's linking session; the default one where there is no such session."""
    with tenant(user.pk):
        key = LinkSession.objects.for_user(user).filter(pk=session_id).values_list("provider", flat=True).first()
    return provider_for(key or DEFAULT_PROVIDER)


def resume_link(*, user: User, session_id: UUID) -> OpenedLink:
    """Go on, once, with a dialog that a bank's own sign-in page interrupted.

    Raises ``LinkSession.DoesNotExist`` where there is none to go on with.
    """
    with tenant(user.pk):
        waiting = LinkSession.objects.for_user(user).filter(
            in_current_environments(),
            expires_at__gt=timezone.now(),
            link_token__isnull=False,
            resumed_at=None,
        )
        session = waiting.select_for_update(of=["self"]).get(pk=session_id)
        if not provider_for(session.provider).link_settings().redirect_uri:
            raise LinkSession.DoesNotExist
        try:
            value = session.link_token.reveal()
        except SealError:
            raise LinkSession.DoesNotExist from None
        token = LinkToken(value=value, expires_at=session.expires_at, request_id="")
        session.resumed_at = timezone.now()
        session.save(update_fields=["resumed_at"])
    return OpenedLink(session=session, token=token)


def close_link(*, user: User, session_id: UUID, left: Left) -> LinkSession:
    """Note that the person left the dialog, and what it says of that, which the provider's support asks for.

    A session that has gone further keeps its state. Raises ``LinkSession.DoesNotExist``.
    """
    with tenant(user.pk):
        session = LinkSession.objects.for_user(user).select_for_update(of=["self"]).get(pk=session_id)
        if session.state in UNCLAIMED:
            session.state = LinkSession.State.ABANDONED
            for name, value in left._asdict().items():
                setattr(session, name, value or getattr(session, name))
            session.save(update_fields=["state", *left._fields])
    return session


def finish_link(*, user: User, session_id: UUID, public_token: str, chosen: Chosen) -> Item:
    """Exchange a public token and keep the Item. Repeating the same call returns the same Item.

    Raises ``LinkSession.DoesNotExist`` for a session that is not this person's, ``DuplicateBank`` for a login
    that is linked already (nothing is exchanged then), ``LinkRefused`` and ``ProviderError``.
    """
    session = claim(user=user, session_id=session_id, public_token=public_token, chosen=chosen)
    return session.item or complete(user=user, session=session, chosen=chosen)


def complete(*, user: User, session: LinkSession, chosen: Chosen | None = None) -> Item:
    """Have a claimed session's public token confirmed by the provider, exchange it, and keep the Item.

    Raises ``DuplicateBank``, ``LinkRefused`` and ``ProviderError``, each after it was written down.
    """
    try:
        brought = confirmed(session=session)
    except Foreign:
        refuse_foreign(user=user, session=session)
        raise LinkRefused("foreign") from None
    except NotConfirmed:
        owe(user=user, session=session, code="NOT_CONFIRMED")
        raise LinkRefused("unconfirmed") from None
    except ProviderError as error:
        fail(user=user, session=session, error=error)
        raise
    told = Chosen(brought.institution_id, brought.institution_name, brought.accounts)
    refuse_late_duplicates(user=user, session=session, chosen=told)
    bank = bank_of(brought, provider_key=session.provider)
    credential = exchanged(user=user, session=session, public_token=brought.public_token)
    named = told if told.institution_name or chosen is None else chosen
    session.chosen = sorted(told.accounts)
    return keep(user=user, session=session, credential=credential, bank=bank, chosen=named)


def claim(*, user: User, session_id: UUID, public_token: str, chosen: Chosen) -> LinkSession:
    """Reserve a session for this public token, so that a second click finds it taken.

    A claim whose holder is gone, killed on the way, is handed to whoever posts the same token again.
    """
    fingerprint = digest(public_token)
    try:
        with tenant(user.pk):
            session = LinkSession.objects.for_user(user).select_for_update(of=["self"]).get(pk=session_id)
            if session.public_token_hash == fingerprint and session.item_id is not None:
                return LinkSession.objects.select_related("item").get(pk=session.pk)
            if not is_left_behind(session, fingerprint) and session.state not in UNCLAIMED:
                raise LinkRefused("used")
            if session.is_over(at=timezone.now()):
                raise LinkRefused("expired")
            refuse_duplicates(user=user, session=session, chosen=chosen)
            session.state, session.claimed_at = LinkSession.State.EXCHANGING, timezone.now()
            session.public_token_hash = fingerprint
            session.link_session_id = session.link_session_id or chosen.link_session_id
            session.save(update_fields=["state", "claimed_at", "public_token_hash", "link_session_id"])
    except IntegrityError:
        # The hash is unique for a person: this token was posted before, through another session of theirs.
        raise LinkRefused("used") from None
    return session


def is_left_behind(session: LinkSession, fingerprint: str) -> bool:
    """Whether this token's exchange was begun by somebody who is gone, or who got no answer.

    Raises ``LinkRefused`` while they may not be gone.
    """
    if session.public_token_hash != fingerprint:
        return False
    if session.state == LinkSession.State.OWED:
        return True
    if session.state != LinkSession.State.EXCHANGING:
        return False
    if session.claimed_at is not None and timezone.now() - session.claimed_at < CLAIM_LASTS:
        raise LinkRefused("under_way")
    return True


def refuse_duplicates(*, user: User, session: LinkSession, chosen: Chosen) -> None:
    """Raise ``DuplicateBank`` when the same bank with one of the same accounts is linked already.

    The bank alone would be too coarse (two logins at one bank) and the mask alone too fine (it may be shared). What was
    linked in another environment is not read by this one, and keeps nobody from linking it here.
    """
    linked = {
        "item__provider": session.provider,
        "item__environment": session.environment,
        "item__connection__in": (Connection.ACTIVE, Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT),
        "item__institution__provider_id": chosen.institution_id,
    }
    known = Account.objects.for_user(user).filter(closed_at=None, **linked).select_related("item")
    # Of what was linked a moment ago nothing is known but what was chosen.
    unread = LinkSession.objects.for_user(user).filter(**linked).exclude(chosen=[]).select_related("item")
    found: list[tuple[set[tuple[str, str]], Item | None]] = [({(each.name, each.mask)}, each.item) for each in known]
    found += [({(name, mask) for name, mask in session.chosen}, session.item) for session in unread]
    for accounts, item in found:
        if item is not None and accounts & chosen.accounts:
            raise DuplicateBank(item)


def refuse_late_duplicates(*, user: User, session: LinkSession, chosen: Chosen) -> None:
    """Raise ``DuplicateBank`` where the provider's own words name a login that is linked already."""
    try:
        with tenant(user.pk):
            refuse_duplicates(user=user, session=session, chosen=chosen)
    except DuplicateBank:
        with tenant(user.pk):
            LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.DUPLICATE, link_token=None)
        raise


def exchanged(*, user: User, session: LinkSession, public_token: str) -> Credential:
    """Exchange a confirmed token, and write down what an answer that is lost, or a refusal, leads to.

    Raises ``LinkRefused`` where nobody knows whether an Item lives, or one lives that nobody holds; ``ProviderError``.
    """
    again = session.exchange_sent_at is not None
    with tenant(user.pk):
        session.exchange_sent_at = session.exchange_sent_at or timezone.now()
        session.save(update_fields=["exchange_sent_at"])
    try:
        return exchange(provider_for(session.provider), public_token, again=again)
    except ExchangeLost as lost:
        lose(user=user, session=session, request_id=lost.request_id)
        raise LinkRefused("lost") from None
    except ProviderError as error:
        if isinstance(error, Unavailable) and (again or may_have_arrived(error)):
            owe(user=user, session=session, code=error.code)
            raise LinkRefused("owed") from None
        session.exchange_sent_at = None
        fail(user=user, session=session, error=error)
        raise


def exchange(provider: Provider, public_token: str, *, again: bool) -> Credential:
    """Exchange a public token, trying once more when the first answer was lost on the way.

    ``again`` says that an earlier exchange of it may have arrived. Raises ``ExchangeLost`` and ``ProviderError``.
    """
    client, lost = provider.connect(), None
    for _ in range(TRIES):
        try:
            return client.exchange_public_token(public_token)
        except Unavailable as error:
            lost = lost if lost is not None and may_have_arrived(lost) else error
        except PublicTokenRefused as refused:
            if again or (lost is not None and may_have_arrived(lost)):
                raise ExchangeLost(refused.code, request_id=refused.request_id) from None
            raise
    raise lost or Unavailable("NOT_TRIED")


def may_have_arrived(error: Unavailable) -> bool:
    """Whether a call may have been carried out whose answer did not come: not where it was refused or never sent."""
    return type(error) is Unavailable and error.code != "NOT_CONNECTED"


def lose(*, user: User, session: LinkSession, request_id: str) -> None:
    """Write down that an Item may live at the provider, and be billed there, whose token reached nobody."""
    logger.critical(
        "LINK_EXCHANGE_LOST session %s, link session %s, owner %s, request %s: an Item may exist that nobody holds",
        *(session.pk, session.link_session_id or "unknown", user.pk, request_id or "unknown"),
    )
    with tenant(user.pk):
        session.state, session.error_code = LinkSession.State.LOST, "EXCHANGE_LOST"
        session.request_id, session.link_token = request_id or session.request_id, None
        session.save(update_fields=["state", "error_code", "request_id", "link_token"])
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome="failed", code=session.error_code)


def fail(*, user: User, session: LinkSession, error: ProviderError) -> None:
    """Note a failed exchange. When the provider was only out of reach, the same public token may be tried again."""
    again = isinstance(error, Unavailable)
    with tenant(user.pk):
        session.state = LinkSession.State.OPEN if again else LinkSession.State.FAILED
        session.public_token_hash = None if again else session.public_token_hash
        session.error_code = error.code[:100]
        session.request_id = error.request_id[:100]
        changed = ["state", "public_token_hash", "error_code", "request_id", "exchange_sent_at"]
        if not again:
            session.link_token = None
            changed.append("link_token")
        session.save(update_fields=changed)
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome="failed", code=error.code)


def keep(*, user: User, session: LinkSession, credential: Credential, bank: Institution | None, chosen: Chosen) -> Item:
    """Write the Item down, sealed. If that fails, end the Item at the provider at once."""
    provider = provider_for(session.provider)
    try:
        with tenant(user.pk):
            item = Item.objects.create(
                owner=user,
                provider=provider.key,
                environment=provider.environment,
                provider_item_id=credential.provider_item_id,
                access_token=credential.access_token,
                institution=bank
                or Institution.objects.filter(provider=provider.key, provider_id=chosen.institution_id).first(),
                institution_name=chosen.institution_name[:200],
                days_requested=provider.link_settings().days_requested,
                request_id=credential.request_id,
            )
            LinkSession.objects.filter(pk=session.pk).update(
                state=LinkSession.State.LINKED, item=item, link_token=None, error_code="", chosen=session.chosen
            )
            retire_replaced(user=user, session=session)
            for action in (Action.TOKEN_EXCHANGE, Action.CREDENTIAL_STORE, Action.CONNECT):
                record(action, actor=user, subject=user, resource="item", resource_id=str(item.pk))
    except Exception:
        # Whatever it was: nobody else holds this token.
        abandon(credential, provider=provider)
        raise
    return item


def retire_replaced(*, user: User, session: LinkSession) -> None:
    """Let the Item go that a new one takes the place of, with its history kept, in the open transaction."""
    if session.replaces_id is not None:
        disconnect(user=user, item_id=session.replaces_id, keep_history=True)


def abandon(credential: Credential, *, provider: Provider) -> None:
    """End an Item that could not be written down."""
    try:
        provider.connect().remove_item(credential.access_token)
    except ProviderError as error:
        logger.critical("Item %s is alive but unknown here: %s", credential.provider_item_id, error)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def choices(accounts: Iterable[dict[str, object]]) -> frozenset[tuple[str, str]]:
    """The (name, mask) pairs of the dialog's account list, empty where it says nothing; what is no text is ignored."""
    pairs = [("" if a.get(key) is None else a[key] for key in ("name", "mask")) for a in accounts]
    return frozenset((name, mask) for name, mask in pairs if isinstance(name, str) and isinstance(mask, str))
