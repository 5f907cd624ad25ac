"""Stored passkeys: which parts of a credential are stored, and how damaged ones are skipped.

allauth reads all passkeys of a user at once and raises if one is damaged, so that the user's other factors would not
work either. It has no setting for this, so ``patch_allauth_passkeys`` replaces its functions.
"""

import logging
import struct
from typing import Any, Final

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from fido2.webauthn import AttestedCredentialData, RegistrationResponse

from accounts.users.models import User

logger = logging.getLogger(__name__)

# The errors of fido2 for bytes that are not a credential. It does not check their format before it parses them.
CREDENTIAL_ERRORS: Final = (AssertionError, AttributeError, LookupError, TypeError, ValueError, struct.error)


def extract_credential(credential: dict[str, Any]) -> dict[str, Any]:
    """Return only the parts of a browser's new credential that are needed later.

    Raises one of ``CREDENTIAL_ERRORS`` if it is not a credential.
    """
    parsed = RegistrationResponse.from_dict(credential)
    if parsed.response.attestation_object.auth_data.credential_data is None:
        raise ValueError("The response has no credential.")
    stored_names = ("clientDataJSON", "attestationObject")
    return {
        "id": parsed.id,
        "rawId": parsed.id,
        "type": str(parsed.type),
        "clientExtensionResults": {},
        "response": {name: credential["response"][name] for name in stored_names},
    }


def read_credential(factor: Authenticator) -> AttestedCredentialData | None:
    """Return the public key of a stored passkey. If it cannot be parsed, log that and return None."""
    try:
        credential: AttestedCredentialData | None = factor.wrap().authenticator_data.credential_data
    except (*CREDENTIAL_ERRORS, ValidationError):
        credential = None
    if credential is None:
        logger.error("passkey-unreadable: second factor %s", factor.pk)
    return credential


def is_passkey_readable(factor: Authenticator) -> bool:
    """Return whether a stored passkey can be parsed, so that its owner can sign in with it."""
    return read_credential(factor) is not None


def list_credentials(user: User) -> list[AttestedCredentialData]:
    """List the public keys of a user's passkeys, without those that cannot be parsed."""
    return [credential for factor in _list_passkeys(user) if (credential := read_credential(factor)) is not None]


def find_by_credential_id(user: User, credential_id: bytes) -> Authenticator | None:
    """Find a user's passkey by its credential id. Returns None if there is none."""
    for factor in _list_passkeys(user):
        credential = read_credential(factor)
        if credential is not None and credential.credential_id == credential_id:
            return factor
    return None


def patch_allauth_passkeys() -> None:
    """Replace allauth's functions for stored passkeys by those of this module."""
    auth.get_credentials = list_credentials
    auth.get_authenticator_by_credential_id = find_by_credential_id
    auth.WebAuthn.name = property(_get_name, _set_name)


def _list_passkeys(user: User) -> list[Authenticator]:
    return list(Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN))


def _get_name(passkey: auth.WebAuthn) -> str:
    data = passkey.instance.data
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name else gettext("Passkey")


def _set_name(passkey: auth.WebAuthn, name: str) -> None:
    passkey.instance.data["name"] = name
