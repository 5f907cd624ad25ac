"""The sealed part of an audit event: no secrets, bounded in size, unreadable once its subject is erased."""

import json
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from compliance.vault import build_aad, seal, unseal

LONGEST_TEXT: Final = 500
MOST_BYTES: Final = 8192
SECRET_WORDS: Final = frozenset({
    "authorization", "cookie", "credential", "credentials", "cvv", "key", "otp", "passphrase", "passwd",
    "password", "pin", "secret", "secrets", "session", "signature", "ssn", "token", "tokens",
})  # fmt: skip

Skeleton = tuple[str | UUID | None, ...]


class SecretFact(ValueError):
    """A fact's name says that its value is a secret. Leave it out, or record its id."""


def sealed(facts: dict[str, Any], *, subject: UUID, skeleton: Skeleton, autonomous: bool = False) -> bytes:
    """Seal facts for their subject, bound to the event's readable part.

    Long texts are cut; facts that are too many in all are replaced by their names. Raises ``SecretFact`` for
    a name that speaks of a secret, at any depth, and ``TypeError`` for a value that JSON does not know.
    """
    refuse_secrets(facts)
    text = json.dumps(_bounded(facts), cls=DjangoJSONEncoder)
    if len(text) > MOST_BYTES:
        text = json.dumps({"too_large": sorted(facts)[:50]})
    return seal(text.encode(), owner=subject, aad=_context(skeleton), autonomous=autonomous)


def opened(payload: bytes, *, subject: UUID, skeleton: Skeleton) -> dict[str, Any]:
    """Open what ``sealed`` made. Raises ``SealError`` when it was changed, moved, or its subject erased."""
    facts: dict[str, Any] = json.loads(unseal(payload, owner=subject, aad=_context(skeleton)))
    return facts


def refuse_secrets(value: Any) -> None:
    """Raise ``SecretFact`` if any name in ``value`` speaks of a secret, like ``access_token`` or ``PIN``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if SECRET_WORDS.intersection(str(name).lower().replace("-", "_").split("_")):
                raise SecretFact(f"{name!r} sounds like a secret. The audit trail keeps none.")
            refuse_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_secrets(inner)


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
    if isinstance(value, dict):
        return {str(name)[:LONGEST_TEXT]: _bounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(inner) for inner in value]
    return value


def _context(skeleton: Skeleton) -> bytes:
    return build_aad("audit/v1", *skeleton)
