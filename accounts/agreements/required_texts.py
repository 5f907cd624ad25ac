"""The texts that every user agrees to before they use the site: the terms of service and the privacy notice.

A session remembers which versions its user has agreed to, so that a request compares two small dictionaries and needs
no query. A new version differs from what any session remembers, so it reaches users who are signed in, too.
"""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase

from accounts.users.models import User
from compliance.consent import ConsentEvent, Purpose, grant, list_active_consents
from compliance.consent.legal_texts import current_consent_text, current_version

REQUIRED: Final = (Purpose.TERMS, Purpose.PRIVACY_NOTICE)
OPTIONAL: Final = (Purpose.MARKETING, Purpose.ANALYTICS)
"""What a user may agree to as well, and everything of this site works without."""

ELIGIBILITY: Final = "eligibility"
"""The name of the statement below, in forms and in the scope of the consent to the terms."""
STATEMENT: Final = "I am 18 or older, and I live in the United States."
AGREED_VERSIONS: Final = "agreed_versions"


def current_versions() -> dict[Purpose, str]:
    """Return the version of each required text that is in force."""
    return {purpose: current_version(purpose).version for purpose in REQUIRED}


def is_up_to_date(session: SessionBase) -> bool:
    """Whether the user of a session has agreed to the versions in force, as far as the session knows. No query."""
    return bool(session.get(AGREED_VERSIONS) == current_versions())


def remember_agreed_versions(session: SessionBase, *, user_id: UUID) -> None:
    """Store in a session which versions its user has agreed to."""
    agreed = list_active_consents(user_id=user_id, purposes=REQUIRED)
    session[AGREED_VERSIONS] = {purpose: event.version for purpose, event in agreed.items()}


def list_missing(*, user_id: UUID) -> tuple[str, ...]:
    """Return what a user still has to agree to: purposes, and ``ELIGIBILITY`` if they have never stated it."""
    agreed = list_active_consents(user_id=user_id, purposes=REQUIRED)
    versions = current_versions()
    outdated = [
        purpose for purpose in REQUIRED if purpose not in agreed or agreed[purpose].version != versions[purpose]
    ]
    is_unstated = ELIGIBILITY not in _terms_scope(agreed)
    return (*outdated, ELIGIBILITY) if is_unstated else tuple(outdated)


def agree(*, user: User, missing: Collection[str], method: str = "web") -> None:
    """Record a user's consent to the current texts of what ``list_missing`` returned, and to the statement.

    The statement is kept in the scope of the consent to the terms, which is recorded again when only it is missing.
    """
    agreed = list_active_consents(user_id=user.pk, purposes=REQUIRED)
    scope = dict(_terms_scope(agreed))
    if ELIGIBILITY in missing:
        scope[ELIGIBILITY] = STATEMENT
        missing = {Purpose.TERMS, *missing}
    for purpose in REQUIRED:
        if purpose in missing:
            grant(
                user=user,
                consent_text=current_consent_text(purpose),
                scope=scope if purpose is Purpose.TERMS else None,
                method=method,
            )


def agree_at_sign_up(*, user: User, optional: Collection[Purpose]) -> None:
    """Record what a new user agreed to, in the open transaction that creates them."""
    agree(user=user, missing=(*REQUIRED, ELIGIBILITY))
    for purpose in OPTIONAL:
        if purpose in optional:
            grant(user=user, consent_text=current_consent_text(purpose))


def _terms_scope(agreed: Mapping[Purpose, ConsentEvent]) -> dict[str, str]:
    terms = agreed.get(Purpose.TERMS)
    return {} if terms is None else terms.scope
