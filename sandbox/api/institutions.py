"""/institutions/get, /institutions/get_by_id, /institutions/search."""

from typing import Any

from sandbox import answers
from sandbox.errors import PlaidError
from sandbox.institutions import Institution, find, search
from sandbox.world import World

Body = dict[str, Any]
SEARCH_SIZE = 10


def get(world: World, body: Body) -> Body:
    """A stretch of the catalogue and how long it is."""
    options = body.get("options") or {}
    banks = _filtered(search(country_codes=body["country_codes"], products=options.get("products")), options)
    start, count = body["offset"], body["count"]
    page = banks[start : start + count]
    return {"institutions": [_institution(world, bank, options) for bank in page], "total": len(banks)}


def get_by_id(world: World, body: Body) -> Body:
    """One bank of the asked countries."""
    bank = find(body["institution_id"])
    if bank is None or bank.country not in body["country_codes"]:
        raise PlaidError("INVALID_INSTITUTION")
    return {"institution": _institution(world, bank, body.get("options") or {})}


def find_by_name(world: World, body: Body) -> Body:
    """Up to ten banks named like the query."""
    options = body.get("options") or {}
    found = search(query=body["query"], country_codes=body["country_codes"], products=body.get("products"))
    return {"institutions": [_institution(world, bank, options) for bank in _filtered(found, options)[:SEARCH_SIZE]]}


def _filtered(banks: list[Institution], options: Body) -> list[Institution]:
    oauth, routing = options.get("oauth"), options.get("routing_numbers")
    return [
        bank
        for bank in banks
        if (oauth is None or bank.oauth == oauth) and (not routing or set(routing) & set(bank.routing_numbers))
    ]


def _institution(world: World, bank: Institution, options: Body) -> Body:
    answer = answers.institution(bank, options)
    return {**answer, "status": answers.institution_status(world, bank)} if options.get("include_status") else answer


ENDPOINTS = {
    "/institutions/get": get,
    "/institutions/get_by_id": get_by_id,
    "/institutions/search": find_by_name,
}
