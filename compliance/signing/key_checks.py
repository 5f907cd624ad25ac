"""Checks of the signing keys in the settings. Any error keeps every process from starting."""

from compliance.signing.keys import parse_signing_keys
from compliance.vault.key_checks import find_weak_keys
from compliance.vault.keyring import InvalidKeyring


def find_signing_key_errors(signing_keys: str, other_secrets: dict[str, str]) -> list[str]:
    """Return one sentence for each reason why these keys cannot be used. No sentence contains a key.

    ``other_secrets`` has the values of other settings by name; none may contain a signing key.
    """
    try:
        keys = parse_signing_keys(signing_keys)
    except InvalidKeyring as error:
        return [str(error)]
    return find_weak_keys("SIGNING_KEYS", keys, other_secrets)
