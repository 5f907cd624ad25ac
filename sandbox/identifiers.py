"""Ids and tokens in Plaid's shapes.

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
    """A fresh random 37-character id."""
    return _digits(secrets.randbits(224), ID_LENGTH)


def derived_id(*parts: object) -> str:
    """The 37-character id that always belongs to these parts, so that generation can be repeated."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return _digits(int.from_bytes(digest[:28], "big"), ID_LENGTH)


def token(kind: str) -> str:
    """A fresh token such as ``access-sandbox-<uuid>``."""
    return f"{kind}-sandbox-{uuid.uuid4()}"


def is_token(text: str, kind: str) -> bool:
    """Whether ``text`` looks like a token of this kind for this environment."""
    return text.startswith(f"{kind}-sandbox-")


def request_id() -> str:
    """The 15-character id that Plaid puts into every answer."""
    return "".join(secrets.choice(ALPHABET) for _ in range(15))


def _digits(number: int, length: int) -> str:
    """``number`` in base 62, padded or cut to ``length``."""
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits.append(ALPHABET[rest])
    return "".join(digits)
