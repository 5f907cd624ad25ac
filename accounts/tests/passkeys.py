"""Passkeys with real public keys, for tests without an authenticator."""

from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from accounts.models import User

FLAGS = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT


def add_passkey(user: User, name: str = "Laptop") -> Authenticator:
    """Give a user a passkey, stored as allauth stores one after registration."""
    credential = make_credential(b"challenge", identifier=sha256(f"{user.pk}{name}".encode()).digest())
    return Authenticator.objects.create(user=user, type="webauthn", data={"name": name, "credential": credential})


def make_credential(challenge: bytes, *, identifier: bytes) -> dict[str, Any]:
    """The registration response that a browser sends for a challenge."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential = AttestedCredentialData.create(bytes(16), identifier, key)
    authenticator_data = AuthenticatorData.create(sha256(b"testserver").digest(), FLAGS, 0, credential)
    client = CollectedClientData.create("webauthn.create", challenge, "https://testserver")
    return {
        "id": websafe_encode(identifier),
        "rawId": websafe_encode(identifier),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", authenticator_data, {})),
        },
    }
