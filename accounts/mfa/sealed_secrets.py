"""Sealed secrets of second factors: the seeds of authenticator apps and of recovery codes.

A seed is sealed under its owner's data key. The owner's id stands before it, because at sign-in no tenant is set yet,
so the value itself has to say whose key decrypts it. When a user's keys are shredded, their factors stop working too.
Recovery codes are derived from a sealed seed instead of being hashed one by one, because allauth derives them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Final
from uuid import UUID

from allauth.mfa.models import Authenticator

from compliance.vault import SealError, build_aad, report_unreadable, seal, unseal

SEPARATOR: Final = "."


def seal_secret(text: str, *, owner: UUID) -> str:
    """Seal a seed for its owner, as text that begins with the owner's id."""
    value = seal(text.encode(), owner=owner, aad=_build_aad(owner))
    return f"{owner}{SEPARATOR}{urlsafe_b64encode(value).decode()}"


def open_secret(value: object, *, owner: UUID | None = None) -> str:
    """Decrypt the result of ``seal_secret``.

    Raises ``SealError``, and logs it for operators, if the value is not sealed, was changed or has another owner.
    """
    text = value if isinstance(value, str) else ""
    try:
        return _unseal_secret(text, owner)
    except SealError as error:
        named = text.partition(SEPARATOR)[0]
        report_unreadable("mfa.authenticator.data", row="unknown", owner=owner or named, error=error)
        raise


def is_secret_readable(factor: Authenticator) -> bool:
    """Return whether the seed of an authenticator app or of recovery codes can be decrypted."""
    try:
        open_secret(factor.data.get("secret") or factor.data.get("seed"), owner=factor.user_id)
    except SealError:
        return False
    return True


def _unseal_secret(text: str, owner: UUID | None) -> str:
    name, _, value = text.partition(SEPARATOR)
    try:
        named, payload = UUID(name), urlsafe_b64decode(value)
    except (ValueError, NotBase64):
        raise SealError("The value is not a sealed seed.") from None
    if owner not in (None, named):
        raise SealError("The seed belongs to another user.")
    return unseal(payload, owner=named, aad=_build_aad(named)).decode()


def _build_aad(owner: UUID) -> bytes:
    return build_aad("second factor/v1", owner)
