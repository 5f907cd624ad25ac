"""Second factors: how their secrets lie in the database, and what a person has.

A seed is sealed under its owner's data key, with the owner's id before it: at sign-in nobody is bound yet, so the
value itself has to say whose key opens it. Erasing a person's keys ends their factors with everything else.
Recovery codes are derived from a sealed seed instead of being hashed one by one, because allauth derives them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

from accounts.users.models import User
from compliance.vault import SealError, context, seal, tell_unreadable, unseal

SEPARATOR: Final = "."
VERIFYING: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What makes sign-in ask for a second step; recovery codes only ever stand beside one of these."""


def sealed(text: str, *, owner: UUID) -> str:
    """Seal a seed for its owner, as text that names them."""
    value = seal(text.encode(), owner=owner, bound_to=_context(owner))
    return f"{owner}{SEPARATOR}{urlsafe_b64encode(value).decode()}"


def opened(value: object, *, owner: UUID | None = None) -> str:
    """Open what ``sealed`` made.

    Raises ``SealError``, after an operator was told, when it is none, was changed or belongs to another than ``owner``.
    """
    text = value if isinstance(value, str) else ""
    try:
        return _opened(text, owner)
    except SealError as error:
        named = text.partition(SEPARATOR)[0]
        tell_unreadable("mfa.authenticator.data", row="unknown", owner=owner or named, error=error)
        raise


def is_readable(factor: Authenticator) -> bool:
    """Whether the seed of an app or of recovery codes can be opened."""
    try:
        opened(factor.data.get("secret") or factor.data.get("seed"), owner=factor.user_id)
    except SealError:
        return False
    return True


def _opened(text: str, owner: UUID | None) -> str:
    name, _, value = text.partition(SEPARATOR)
    try:
        named, payload = UUID(name), urlsafe_b64decode(value)
    except (ValueError, NotBase64):
        raise SealError("This is no sealed seed.") from None
    if owner not in (None, named):
        raise SealError("A seed stands with a person whose it is not.")
    return unseal(payload, owner=named, bound_to=_context(named)).decode()


def has_second_factor(user: User) -> bool:
    """Whether signing in as this person takes a second step."""
    return Authenticator.objects.filter(user=user, type__in=VERIFYING).exists()


def codes_left(factors: Iterable[Authenticator]) -> int | None:
    """How many recovery codes among these factors are unused, or None where there are none that can be read."""
    for factor in factors:
        if factor.type == Authenticator.Type.RECOVERY_CODES and is_readable(factor):
            return len(factor.wrap().get_unused_codes())
    return None


def take_over() -> None:
    """Let recovery codes whose seed cannot be read count as none, on every page of allauth's that counts or takes them.

    allauth has no setting for this, and all of them ask this method.
    """
    generate = RecoveryCodes.generate_codes

    def readable_codes(self: RecoveryCodes) -> list[str]:
        try:
            codes: list[str] = generate(self)
        except SealError:
            return []
        return codes

    RecoveryCodes.generate_codes = readable_codes


def _context(owner: UUID) -> bytes:
    return context("second factor/v1", owner)
