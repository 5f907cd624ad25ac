"""Checks of the keys in the settings. Any error keeps every process from starting."""

import math
import re
from base64 import b64encode
from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Final

from compliance.vault.keyring import InvalidKeyring, parse_keyring

ROTATE_AFTER_DAYS: Final = 90

# None of 200,000 random keys was below either limit; text and patterns are.
MIN_ENTROPY: Final = 4.0
MIN_DISTINCT_STEPS: Final = 8
DATE_IN_ID: Final = re.compile(r"(20\d\d)(\d\d)(\d\d)")


def find_key_errors(field_keys: str, secret_key: str) -> list[str]:
    """Return one sentence for each reason why these keys cannot be used. No sentence contains a key."""
    try:
        keys = parse_keyring(field_keys)
    except InvalidKeyring as error:
        return [str(error)]
    return find_weak_keys("FIELD_KEYS", keys, {"SECRET_KEY": secret_key})


def find_weak_keys(setting: str, keys: dict[str, bytes], other_secrets: dict[str, str]) -> list[str]:
    """Return one sentence for each key that can be guessed or is part of another secret, by that one's setting."""
    weak = [f"{setting}: {name} {weakness}" for name, key in keys.items() if (weakness := _find_weakness(key))]
    return weak + [
        f"{setting}: {name} is part of {other_setting}. Each has to be a secret of its own."
        for other_setting, secret in other_secrets.items()
        for name, key in keys.items()
        if key in secret.encode() or b64encode(key).decode().rstrip("=") in secret
    ]


def _find_weakness(key: bytes) -> str | None:
    if all(32 <= byte < 127 for byte in key):
        return "is made of printable characters. Use 32 random bytes, base64."
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if _entropy(key) < MIN_ENTROPY or len(steps) < MIN_DISTINCT_STEPS:
        return "is not random. Use 32 random bytes, base64."
    return None


def _entropy(key: bytes) -> float:
    shares = [count / len(key) for count in Counter(key).values()]
    return -sum(share * math.log2(share) for share in shares)


def primary_key_age(field_keys: str, today: date) -> int | None:
    """Return the days since the date in the primary key's id, such as ``kek-20261101``; None when it has no date."""
    name = next(iter(parse_keyring(field_keys)))
    match = DATE_IN_ID.search(name)
    if match is None:
        return None
    try:
        created = date(*map(int, match.groups()))
    except ValueError:
        return None
    return (today - created).days
