"""The sealed part of an audit event: no secrets, limited in size, unreadable once its subject is erased."""

import json
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from compliance.isolation.tenant import SYSTEM
from compliance.vault import SealError, build_aad, seal, unseal

MAX_TEXT_LENGTH: Final = 500
MAX_BYTES: Final = 8192
SENSITIVE_WORDS: Final = frozenset({
    "authorization", "cookie", "credential", "credentials", "cvv", "key", "otp", "passphrase", "passwd",
    "password", "pin", "secret", "secrets", "session", "signature", "ssn", "token", "tokens",
})  # fmt: skip
# The request's details that identify the client. Its id is only in the server's log.
CLIENT_FIELDS: Final = frozenset({"ip", "user_agent"})

# The payload of an event whose details could not be sealed.
NOT_SEALED: Final = b""

PublicFields = tuple[str | UUID | None, ...]


class DetailsNotSealed(SealError):
    """An event has no details, because its subject's data key did not open when it was written."""


class SensitiveFieldError(ValueError):
    """A field is named like a secret. Leave it out, or record the id of the secret's row."""


def seal_details(
    details: dict[str, Any], *, subject: UUID, public_fields: PublicFields, autonomous: bool = False
) -> bytes:
    """Seal an event's details for their subject, with the readable part as AAD.

    Long texts are truncated; details that are too large in total are replaced by their names. Raises
    ``SensitiveFieldError`` for a field that is named like a secret, at any depth, and ``TypeError`` for a value that is
    not JSON.
    """
    reject_sensitive_fields(details)
    text = json.dumps(_truncate(details), cls=DjangoJSONEncoder)
    if len(text) > MAX_BYTES:
        text = json.dumps({"too_large": sorted(details)[:50]})
    return seal(text.encode(), owner=subject, aad=_build_aad(public_fields), autonomous=autonomous)


def unseal_details(payload: bytes, *, subject: UUID, public_fields: PublicFields) -> dict[str, Any]:
    """Decrypt the result of ``seal_details``.

    Raises ``SealError`` if it was changed or moved or its subject erased,
    and ``DetailsNotSealed`` if there are none.
    """
    if payload == NOT_SEALED:
        raise DetailsNotSealed("The details could not be sealed when the event was written.")
    details: dict[str, Any] = json.loads(unseal(payload, owner=subject, aad=_build_aad(public_fields)))
    return details


def hide_other_client(details: dict[str, Any], *, subject: UUID, actor: UUID | None) -> dict[str, Any]:
    """Leave out the address and browser of another user who did something, such as an operator.

    The subject can read and export the event. The request's id leads to them in the server's log.
    """
    if actor is None or actor == subject or subject == SYSTEM:
        return details
    return {name: value for name, value in details.items() if name not in CLIENT_FIELDS}


def reject_sensitive_fields(value: Any) -> None:
    """Raise ``SensitiveFieldError`` if a name in ``value`` is that of a secret, such as ``access_token`` or ``PIN``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if SENSITIVE_WORDS.intersection(str(name).lower().replace("-", "_").split("_")):
                raise SensitiveFieldError(f"{name!r} sounds like a secret. The audit trail keeps none.")
            reject_sensitive_fields(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            reject_sensitive_fields(inner)


def _truncate(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_LENGTH else value[: MAX_TEXT_LENGTH - 1] + "…"
    if isinstance(value, dict):
        return {str(name)[:MAX_TEXT_LENGTH]: _truncate(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_truncate(inner) for inner in value]
    return value


def _build_aad(public_fields: PublicFields) -> bytes:
    return build_aad("audit/v1", *public_fields)
