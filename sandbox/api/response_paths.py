"""Values in an answer by dotted path: ``added.0.amount``, ``added.*.name`` for every row, ``added.-`` for one more."""

from typing import Any

from sandbox.errors import PlaidError

EACH, ONE_MORE = "*", "-"
MOST_DIGITS = 10


def locate(body: Any, path: str) -> tuple[Any, Any]:
    """The object or list that holds the last part of a path, and that part, which an object need not have yet.

    Raises PlaidError INVALID_FIELD.
    """
    *way, last = path.split(".")
    for part in way:
        body = body[_key(body, part, path)]
    return body, last if isinstance(body, dict) else _key(body, last, path)


def put(body: Any, path: str, value: Any) -> None:
    """Set what stands at a path; an object's new name is added. Raises PlaidError INVALID_FIELD where nothing is."""
    before, wildcard, after = path.partition(f".{EACH}.")
    if wildcard:
        for row in _list(body, before):
            put(row, after, value)
    elif path.endswith(f".{ONE_MORE}"):
        _list(body, path.removesuffix(f".{ONE_MORE}")).append(value)
    else:
        holder, key = locate(body, path)
        holder[key] = value


def _list(body: Any, path: str) -> list[Any]:
    holder, last = locate(body, path)
    rows = holder[_key(holder, last, path)]
    if not isinstance(rows, list):
        raise PlaidError("INVALID_FIELD", f"the answer has no {path} that is a list")
    return rows


def _key(body: Any, part: str, path: str) -> Any:
    """A part as the key or index that it is here."""
    if isinstance(body, dict) and part in body:
        return part
    if isinstance(body, list) and part.isdecimal() and len(part) < MOST_DIGITS and int(part) < len(body):
        return int(part)
    raise PlaidError("INVALID_FIELD", f"the answer has no {path}")
