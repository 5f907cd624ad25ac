"""/institutions/get, /institutions/get_by_id, /institutions/search."""

from typing import Any

from sandbox.api import serializers
from sandbox.bank.institutions import Institution, find, search
from sandbox.context import AppContext
from sandbox.errors import PlaidError

Body = dict[str, Any]
SEARCH_SIZE = 10


def get(context: AppContext, body: Body) -> Body:
    """Return one page of banks and the total number."""
    options = body.get("options") or {}
    banks = _filter(search(country_codes=body["country_codes"], products=options.get("products")), options)
    start, count = body["offset"], body["count"]
    page = banks[start : start + count]
    return {"institutions": [_institution(context, bank, options) for bank in page], "total": len(banks)}


def get_by_id(context: AppContext, body: Body) -> Body:
    """Return one bank of the requested countries."""
    bank = find(body["institution_id"])
    if bank is None or bank.country not in body["country_codes"]:
        raise PlaidError("INVALID_INSTITUTION")
    return {"institution": _institution(context, bank, body.get("options") or {})}


def find_by_name(context: AppContext, body: Body) -> Body:
    """Return up to ten banks with a name like the query."""
    options = body.get("options") or {}
    banks = search(query=body["query"], country_codes=body["country_codes"], products=body.get("products"))
    return {"institutions": [_institution(context, bank, options) for bank in _filter(banks, options)[:SEARCH_SIZE]]}


def _filter(banks: list[Institution], options: Body) -> list[Institution]:
    oauth, routing = options.get("oauth"), options.get("routing_numbers")
    return [
        bank
        for bank in banks
        if (oauth is None or bank.oauth == oauth) and (not routing or set(routing) & set(bank.routing_numbers))
    ]


def _institution(context: AppContext, bank: Institution, options: Body) -> Body:
    fields = serializers.institution(bank, options)
    return (
        {**fields, "status": serializers.institution_status(context, bank)} if options.get("include_status") else fields
    )


ENDPOINTS = {
    "/institutions/get": get,
    "/institutions/get_by_id": get_by_id,
    "/institutions/search": find_by_name,
}
