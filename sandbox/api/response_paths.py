"""Values in a response by dotted path: ``added.0.amount``, ``added.*.name`` for every row, ``added.-`` to append."""

from typing import Any

from sandbox.errors import PlaidError

ANY, APPEND = "*", "-"
MOST_DIGITS = 10


def locate(body: Any, path: str) -> tuple[Any, Any]:
    """Return the object or list that contains a path's last part, and that part, which an object need not have yet.

    Raises PlaidError INVALID_FIELD.
    """
    *way, last = path.split(".")
    for part in way:
        body = body[_key(body, part, path)]
    return body, last if isinstance(body, dict) else _key(body, last, path)


def put(body: Any, path: str, value: Any) -> None:
    """Set the value at a path, which may end in a new name of an object. Raises PlaidError INVALID_FIELD."""
    before, wildcard, after = path.partition(f".{ANY}.")
    if wildcard:
        for row in _list(body, before):
            put(row, after, value)
    elif path.endswith(f".{APPEND}"):
        _list(body, path.removesuffix(f".{APPEND}")).append(value)
    else:
        holder, key = locate(body, path)
        holder[key] = value


def _list(body: Any, path: str) -> list[Any]:
    holder, last = locate(body, path)
    rows = holder[_key(holder, last, path)]
    if not isinstance(rows, list):
        raise PlaidError("INVALID_FIELD", f"the response has no {path} that is a list")
    return rows


def _key(body: Any, part: str, path: str) -> Any:
    """Return a part of a path as a key or an index."""
    if isinstance(body, dict) and part in body:
        return part
    if isinstance(body, list) and part.isdecimal() and len(part) < MOST_DIGITS and int(part) < len(body):
        return int(part)
    raise PlaidError("INVALID_FIELD", f"the response has no {path}")
