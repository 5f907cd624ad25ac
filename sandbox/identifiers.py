"""Ids and tokens in Plaid's formats.

Ids of Items, accounts and transactions are 37 characters of base 62 and case-sensitive; a token names its
environment in its prefix. Source: https://plaid.com/docs/quickstart/glossary/
"""

import hashlib
import secrets
import string
import uuid

ALPHABET = string.digits + string.ascii_letters
ID_LENGTH = 37


def new_id() -> str:
    """Return a random id of 37 characters."""
    return _digits(secrets.randbits(224), ID_LENGTH)


def derived_id(*parts: object) -> str:
    """Return an id of 37 characters that is always the same for these parts."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return _digits(int.from_bytes(digest[:28], "big"), ID_LENGTH)


def token(kind: str) -> str:
    """Return a new token such as ``access-sandbox-<uuid>``."""
    return f"{kind}-sandbox-{uuid.uuid4()}"


def is_token(text: str, kind: str) -> bool:
    """Whether ``text`` has the prefix of a token of this kind and environment."""
    return text.startswith(f"{kind}-sandbox-")


def request_id() -> str:
    """Return an id of 15 characters, as in each of Plaid's responses."""
    return "".join(secrets.choice(ALPHABET) for _ in range(15))


def _digits(number: int, length: int) -> str:
    """Write ``number`` in base 62, padded or truncated to ``length``."""
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits.append(ALPHABET[rest])
    return "".join(digits)
