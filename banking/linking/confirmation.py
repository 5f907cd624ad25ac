"""Confirm with the provider what a dialog returned, because the browser is not trusted.

A public token is exchanged only if the provider lists it for the link token of its session. So a token from another
user's dialog, or from another dialog of the same user, connects nothing.
"""

from django.utils import timezone

from accounts.models import User
from banking.models import Institution, LinkSession
from banking.provider import LinkResult
from banking.providers import is_current, provider_for
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.vault import SealError

MAX_ID_LENGTH = 100


class NotConfirmed(Exception):
    """The provider does not list this public token for the session's link token."""


class ForeignPublicToken(NotConfirmed):
    """The provider lists other tokens: this one was created in another session."""


def confirm_public_token(*, session: LinkSession) -> LinkResult:
    """Return the provider's link result for the public token that was posted to a claimed session.

    Raises ``ForeignPublicToken``, ``NotConfirmed`` while the provider has no result yet, and ``ProviderError``.
    """
    results = provider_for(session.provider).connect().get_link_results(reveal_link_token(session))
    for result in results.linked:
        if result.digest == session.public_token_hash:
            return result
    raise ForeignPublicToken if results.linked else NotConfirmed


def get_or_create_institution(result: LinkResult, *, provider_key: str) -> Institution | None:
    """The bank of a link result, stored if it is new; the first sync fetches its details."""
    if not 0 < len(result.institution_id) <= MAX_ID_LENGTH:
        return None
    institution, _ = Institution.objects.get_or_create(
        provider=provider_key, provider_id=result.institution_id, defaults={"name": result.institution_name}
    )
    return institution


def reveal_link_token(session: LinkSession) -> str:
    """Decrypt the link token of a session. Raises ``NotConfirmed`` if it was deleted or cannot be decrypted."""
    if session.link_token is None or not is_current(session.provider, session.environment):
        raise NotConfirmed
    try:
        return session.link_token.reveal()
    except SealError:
        raise NotConfirmed from None


def reject_foreign_token(*, user: User, session: LinkSession) -> None:
    """Reopen the session without the token that was created elsewhere."""
    with tenant(user.pk):
        session.state, session.public_token_hash = LinkSession.State.OPEN, None
        session.error_code, session.claimed_at = "FOREIGN_PUBLIC_TOKEN", None
        session.save(update_fields=["state", "public_token_hash", "error_code", "claimed_at"])
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome="refused", code=session.error_code)


def schedule_recovery(*, user: User, session: LinkSession, code: str) -> None:
    """Schedule another request to the provider for the result of a claimed session."""
    with tenant(user.pk):
        session.state, session.next_recovery_at = LinkSession.State.PENDING, timezone.now() + session.recovery_delay
        session.error_code, session.claimed_at = code[:100], session.claimed_at or timezone.now()
        session.save(update_fields=["state", "next_recovery_at", "error_code", "claimed_at"])
