"""What a dialog brought, as the provider says it: a browser's word for it opens nothing.

A public token is exchanged only where the provider names it under the link token of the very session that it is posted
to. So a token that was made in another person's dialog, or in another one of the same person, connects nothing here.
"""

from django.utils import timezone

from accounts.models import User
from banking.models import Institution, LinkSession
from banking.provider import LinkResult
from banking.providers import is_current, provider_for
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.vault import SealError

LONGEST_ID = 100


class NotConfirmed(Exception):
    """The provider does not name this public token under the session's link token."""


class Foreign(NotConfirmed):
    """The provider names others there: this one was made in another session."""


def confirmed(*, session: LinkSession) -> LinkResult:
    """What the provider says of the public token that was posted to a claimed session.

    Raises ``Foreign``, ``NotConfirmed`` where the provider knows of no end of the dialog yet, and ``ProviderError``.
    """
    brought = provider_for(session.provider).connect().get_link_results(link_token_of(session))
    for each in brought:
        if each.digest == session.public_token_hash:
            return each
    raise Foreign if brought else NotConfirmed


def bank_of(brought: LinkResult, *, provider_key: str) -> Institution | None:
    """The bank that the provider names, written down where it is new; its details are for the first reading to ask."""
    if not 0 < len(brought.institution_id) <= LONGEST_ID:
        return None
    bank, _ = Institution.objects.get_or_create(
        provider=provider_key, provider_id=brought.institution_id, defaults={"name": brought.institution_name}
    )
    return bank


def link_token_of(session: LinkSession) -> str:
    """The token that opened a session's dialog. Raises ``NotConfirmed`` where it is not kept or cannot be read."""
    if session.link_token is None or not is_current(session.provider, session.environment):
        raise NotConfirmed
    try:
        return session.link_token.reveal()
    except SealError:
        raise NotConfirmed from None


def refuse_foreign(*, user: User, session: LinkSession) -> None:
    """Let the session go on without the token that was not made in it."""
    with tenant(user.pk):
        session.state, session.public_token_hash = LinkSession.State.OPEN, None
        session.error_code, session.claimed_at = "FOREIGN_PUBLIC_TOKEN", None
        session.save(update_fields=["state", "public_token_hash", "error_code", "claimed_at"])
        record(Action.TOKEN_EXCHANGE, actor=user, subject=user, outcome="refused", code=session.error_code)


def owe(*, user: User, session: LinkSession, code: str) -> None:
    """Write down that the provider has to be asked again what became of a claimed session."""
    with tenant(user.pk):
        session.state, session.next_look_at = LinkSession.State.OWED, timezone.now() + session.next_wait
        session.error_code, session.claimed_at = code[:100], session.claimed_at or timezone.now()
        session.save(update_fields=["state", "next_look_at", "error_code", "claimed_at"])
