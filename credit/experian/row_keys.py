"""Keys for rows without an id of the bureau: stable between reports and unique within one."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence


def hash_key(parts: Iterable[object]) -> str:
    """Return a key made from the parts of a row that do not change."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def number_duplicates(rows: Sequence[tuple[str, tuple[int, ...]]]) -> list[str]:
    """Return the rows' keys, with a number added to each further one with the same key.

    Each row is a key and an order. Rows with the same key are numbered in that order, and equal ones by position.
    """
    indexes_by_key: defaultdict[str, list[int]] = defaultdict(list)
    for index, (key, _order) in enumerate(rows):
        indexes_by_key[key].append(index)
    keys = [key for key, _order in rows]
    for key, indexes in indexes_by_key.items():
        for number, index in enumerate(sorted(indexes, key=lambda index: rows[index][1])):
            keys[index] = f"{key}-{number}" if number else key
    return keys
