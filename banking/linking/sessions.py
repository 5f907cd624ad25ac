"""Sessions of the linking dialog: open, resume, close and claim them.

A public token can be exchanged only through an open ``LinkSession`` of the signed-in user.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from banking.linking.data_consent import require_consent
from banking.linking.errors import LinkError
from banking.models import Item, LinkSession
from banking.provider import LinkExit, LinkToken, Provider
from banking.providers import DEFAULT_PROVIDER, in_current_environments, provider_for
from banking.usage.item_cap import require_free_place
from compliance.isolation import tenant
from compliance.isolation.models import new_id
from compliance.vault import SealError

UNCLAIMED = (LinkSession.State.OPEN, LinkSession.State.ABANDONED)
# Longer than a confirmation and both attempts of an exchange may take: the process of an older claim has ended.
CLAIM_TIMEOUT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class LinkMetadata:
    """The bank and accounts that the user chose. What comes from a browser (Link's ``metadata``) proves nothing."""

    institution_id: str
    institution_name: str
    accounts: frozenset[tuple[str, str]]
    link_session_id: str = ""


class HostedReturn(NamedTuple):
    """Where the provider's own pages lead back to: the id that the session gets, and this site's address with it."""

    session_id: UUID
    url: str


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A new link session and the link token that opens its dialog, or the provider's own pages."""

    session: LinkSession
    token: LinkToken


def open_link(
    *,
    user: User,
    provider_key: str = DEFAULT_PROVIDER,
    replaces: Item | None = None,
    hosted: HostedReturn | None = None,
) -> OpenedLink:
    """Start linking a bank. ``replaces`` is the Item that it replaces because its token cannot be decrypted.

    With ``hosted``, the provider's own pages take the place of the dialog. Raises ``LinkError`` without the user's
    consent, ``ItemCapReached`` if this site may link no more Items, and ``ProviderError`` if the provider returns no
    token.
    """
    provider = provider_for(provider_key if replaces is None else replaces.provider)
    require_consent(user=user, provider=provider)
    require_free_place(provider)
    webhook_url = provider.link_settings().webhook_url
    token = provider.connect().create_link_token(
        client_user_id=str(user.link_id), webhook=webhook_url, return_url=hosted.url if hosted else ""
    )
    return create_session(user=user, provider=provider, token=token, replaces=replaces, hosted=hosted)


def create_session(
    *,
    user: User,
    provider: Provider,
    token: LinkToken,
    reconnects: Item | None = None,
    replaces: Item | None = None,
    selects_accounts: bool = False,
    hosted: HostedReturn | None = None,
) -> OpenedLink:
    """Store a link session for this link token; ``reconnects`` is the Item of a session in update mode.

    ``selects_accounts`` says that this dialog asks which accounts to share.
    """
    is_needed_later = reconnects is None or hosted is not None or bool(provider.link_settings().redirect_uri)
    with tenant(user.pk):
        session = LinkSession.objects.create(
            pk=hosted.session_id if hosted else new_id(),
            owner=user,
            provider=provider.key,
            environment=provider.environment,
            item=reconnects,
            is_update_mode=reconnects is not None,
            selects_accounts=selects_accounts,
            replaces=replaces,
            link_token_hash=token_hash(token.value),
            link_token=token.value if is_needed_later else None,
            expires_at=token.expires_at,
        )
    return OpenedLink(session=session, token=token)


def session_provider(*, user: User, session_id: UUID) -> Provider:
    """The provider of a user's linking session; the default one if there is no such session."""
    with tenant(user.pk):
        key = LinkSession.objects.for_user(user).filter(pk=session_id).values_list("provider", flat=True).first()
    return provider_for(key or DEFAULT_PROVIDER)


def resume_link(*, user: User, session_id: UUID) -> OpenedLink:
    """Resume, once, a dialog that a bank's own sign-in page interrupted.

    Raises ``LinkSession.DoesNotExist`` when there is none to resume.
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


def close_link(*, user: User, session_id: UUID, link_exit: LinkExit) -> LinkSession:
    """Record that the user left the dialog, with the codes for the provider's support.

    A session in a later state does not change. Raises ``LinkSession.DoesNotExist``.
    """
    with tenant(user.pk):
        sessions = LinkSession.objects.for_user(user).select_related("item")
        session = sessions.select_for_update(of=["self"]).get(pk=session_id)
        if session.state in UNCLAIMED:
            session.state = LinkSession.State.ABANDONED
            for name, value in link_exit._asdict().items():
                setattr(session, name, value or getattr(session, name))
            session.save(update_fields=["state", *link_exit._fields])
    return session


def is_stale_claim(session: LinkSession, fingerprint: str) -> bool:
    """Whether the exchange of this token was started by a process that has ended, or that got no response.

    Raises ``LinkError`` while that process may still be running.
    """
    if session.public_token_hash != fingerprint:
        return False
    if session.state == LinkSession.State.PENDING:
        return True
    if session.state != LinkSession.State.EXCHANGING:
        return False
    if session.claimed_at is not None and timezone.now() - session.claimed_at < CLAIM_TIMEOUT:
        raise LinkError("in_progress")
    return True


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def account_keys(accounts: Iterable[dict[str, object]]) -> frozenset[tuple[str, str]]:
    """The (name, mask) pairs of the dialog's account list; a missing value is empty, and other types are ignored."""
    pairs = [("" if a.get(key) is None else a[key] for key in ("name", "mask")) for a in accounts]
    return frozenset((name, mask) for name, mask in pairs if isinstance(name, str) and isinstance(mask, str))
