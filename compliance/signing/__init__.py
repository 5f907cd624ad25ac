"""Ed25519 signatures of this site: on exports, receipts and copies of the audit trail's state.

The keys are in ``SIGNING_KEYS``: the first one signs, all of them verify. Whoever has a public key
(``manage.py signing_keys``) can verify a signature without the site.
"""

from compliance.signing.keys import PublicKey, SigningKeyMissing, list_public_keys, public_key_pem, public_keys
from compliance.signing.signatures import Signature, sign, verify

__all__ = [
    "PublicKey",
    "Signature",
    "SigningKeyMissing",
    "list_public_keys",
    "public_key_pem",
    "public_keys",
    "sign",
    "verify",
]
