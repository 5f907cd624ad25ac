"""What is wrong with the keys. Anything in ``problems`` keeps every process from starting."""

import math
import re
from base64 import b64encode
from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Final

from compliance.vault.keyring import BadKeyring, parse

ROTATE_AFTER_DAYS: Final = 90

# Not one of 200,000 random keys fell below either line; text and patterns do.
LEAST_ENTROPY: Final = 4.0
LEAST_STEPS: Final = 8
DATE_IN_ID: Final = re.compile(r"(20\d\d)(\d\d)(\d\d)")


def problems(field_keys: str, secret_key: str) -> list[str]:
    """Say, one sentence each, why these keys cannot be used; empty when they can. No sentence shows a key."""
    try:
        keys = parse(field_keys)
    except BadKeyring as error:
        return [str(error)]
    found = [f"FIELD_KEYS: {name} {fault}" for name, key in keys.items() if (fault := _fault(key))]
    return found + [
        f"FIELD_KEYS: {name} is part of SECRET_KEY. Each has to be a secret of its own."
        for name, key in keys.items()
        if key in secret_key.encode() or b64encode(key).decode().rstrip("=") in secret_key
    ]


def _fault(key: bytes) -> str | None:
    if all(32 <= byte < 127 for byte in key):
        return "is made of printable characters. Use 32 random bytes, base64."
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if _entropy(key) < LEAST_ENTROPY or len(steps) < LEAST_STEPS:
        return "is not random. Use 32 random bytes, base64."
    return None


def _entropy(key: bytes) -> float:
    shares = [count / len(key) for count in Counter(key).values()]
    return -sum(share * math.log2(share) for share in shares)


def age_of_primary(field_keys: str, today: date) -> int | None:
    """Days since the date in the primary key's id, ``kek-20261101``; None when the id carries none."""
    name = next(iter(parse(field_keys)))
    found = DATE_IN_ID.search(name)
    if found is None:
        return None
    try:
        made = date(*map(int, found.groups()))
    except ValueError:
        return None
    return (today - made).days
