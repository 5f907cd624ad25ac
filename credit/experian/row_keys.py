"""Names for rows that the bureau gives none: the same from report to report, and no two alike in one."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence


def hash_key(parts: Iterable[object]) -> str:
    """Make a name of what does not change about a row."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def number_duplicates(rows: Sequence[tuple[str, tuple[int, ...]]]) -> list[str]:
    """Return the rows' names, with a number behind each further one of the same name.

    Each row comes with what puts it in an order among its namesakes; its place decides between equals.
    """
    same: defaultdict[str, list[int]] = defaultdict(list)
    for place, (name, _order) in enumerate(rows):
        same[name].append(place)
    names = [name for name, _order in rows]
    for name, places in same.items():
        for number, place in enumerate(sorted(places, key=lambda place: rows[place][1])):
            names[place] = f"{name}-{number}" if number else name
    return names
