"""Objects of Plaid's API, with every key that Plaid's client requires; unknown values are null.

Source: https://plaid.com/docs/api/ ; required keys are those that plaid-python 46 requires.
"""

from decimal import Decimal
from typing import Any

from sandbox.bank import items, outages
from sandbox.bank.accounts import Account
from sandbox.bank.institutions import Institution
from sandbox.bank.items import Item
from sandbox.bank.links import LinkToken
from sandbox.bank.recurring import Stream
from sandbox.bank.transaction_log import Row
from sandbox.context import AppContext
from sandbox.personas import categories

JsonObject = dict[str, Any]

NO_LOCATION = dict.fromkeys(("address", "city", "region", "postal_code", "country", "lat", "lon", "store_number"))
NO_PAYMENT_META = dict.fromkeys(
    (
        "by_order_of",
        "payee",
        "payer",
        "payment_method",
        "payment_processor",
        "ppd_id",
        "reason",
        "reference_number",
    )
)
RESULTS = (
    "cra_item_add_results",
    "cra_update_results",
    "bank_income_results",
    "payroll_income_results",
)


def item(context: AppContext, item: Item) -> JsonObject:
    """Build an Item object. ``webhook`` is "" when none is set."""
    bank, error = item.institution, items.read_error(context, item)
    known = [*item.products, *item.consented]
    return {
        "item_id": item.item_id,
        "institution_id": item.institution_id,
        "institution_name": bank.name if bank else None,
        "webhook": item.webhook,
        "auth_method": None,
        "error": error.body() if error else None,
        "available_products": sorted(
            set(bank.products if bank else ()) - set(item.products) - {"recurring_transactions"}
        ),
        "billed_products": item.products,
        "products": item.products,
        "consented_products": sorted(set(known)),
        "consent_expiration_time": item.consent_expires_at,
        "update_type": "user_present_required" if item.error else "background",
        "created_at": item.created_at,
    }


def item_status(context: AppContext, item: Item) -> JsonObject:
    """Build the status of an Item: the last update and the last webhook."""
    ready = items.stage(context, item) != items.NOT_READY
    transactions = {
        "last_successful_update": (item.refreshed_at or item.granted_at) if ready else None,
        "last_failed_update": item.failed_at,
    }
    last_webhook = {"sent_at": item.webhook_sent_at, "code_sent": item.webhook_code} if item.webhook_code else None
    return {"investments": None, "transactions": transactions, "last_webhook": last_webhook}


def account(account: Account) -> JsonObject:
    """Build an Account object with its balances."""
    draft = account.draft
    fields = {
        "account_id": account.id,
        "balances": {
            "available": draft.available,
            "current": draft.current,
            "limit": draft.limit,
            "iso_currency_code": draft.currency,
            "unofficial_currency_code": draft.unofficial,
        },
        "mask": draft.mask,
        "name": draft.name,
        "official_name": draft.official_name,
        "type": draft.type,
        "subtype": draft.subtype,
        "holder_category": draft.holder,
    }
    if draft.persistent:
        fields["persistent_account_id"] = draft.persistent
    if account.verification_status:
        fields["verification_status"] = account.verification_status
    return fields


def transaction(
    row: Row, *, version: str = "v2", original: bool = False, bank: Institution | None = None
) -> JsonObject:
    """Build a Transaction object from a row of the log.

    ``original`` adds the bank's own description; some banks add times, and those in Europe a code.
    """
    merchant = row["merchant_name"]
    times = bank is not None and bank.times
    return {
        "account_id": row["account_id"],
        "account_owner": None,
        "amount": Decimal(row["amount"]),
        "authorized_date": row["authorized_date"],
        "authorized_datetime": _time(row, row["authorized_date"]) if times else None,
        "category": None,
        "category_id": None,
        "check_number": row["check_number"],
        "counterparties": _counterparties(row),
        "date": row["date"],
        "datetime": _time(row, row["date"]) if times else None,
        "iso_currency_code": row["iso_currency_code"],
        "location": {**NO_LOCATION, "city": row["city"], "region": row["region"]},
        "logo_url": categories.logo_url(merchant) if merchant else None,
        "merchant_entity_id": categories.entity_id(merchant) if merchant else None,
        "merchant_name": merchant,
        "name": row["name"],
        "original_description": (row["original_description"] or row["name"]) if original else None,
        "payment_channel": row["payment_channel"],
        "payment_meta": NO_PAYMENT_META,
        "pending": row["pending"],
        "pending_transaction_id": row["pending_transaction_id"],
        "personal_finance_category": categories.finance_category(row["category"], row["confidence"], version),
        "personal_finance_category_icon_url": categories.icon_url(row["category"]),
        "transaction_code": _code(row) if bank and bank.country not in ("US", "CA") else None,
        "transaction_id": row["transaction_id"],
        "transaction_type": "place" if row["payment_channel"] == "in store" else "special",
        "unofficial_currency_code": row["unofficial_currency_code"],
        "website": categories.website(merchant) if merchant else None,
    }


def _time(row: Row, day: str | None) -> str | None:
    """Return a time of the day, always the same for a transaction; midnight where only the day is known."""
    if day is None:
        return None
    seconds = 0 if row["payment_channel"] == "other" else 8 * 3600 + sum(map(ord, row["transaction_id"])) * 7 % 43_200
    return f"{day}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def _code(row: Row) -> str:
    if row["category"] == "INCOME_INTEREST_EARNED":
        return "interest"
    return "purchase" if row["merchant_name"] else "transfer"


def stream(stream: Stream, *, version: str) -> JsonObject:
    """Build a TransactionStream object. The next date is predicted only for an active stream."""
    first, last = stream.rows[0], stream.rows[-1]
    currency = {name: last[name] for name in ("iso_currency_code", "unofficial_currency_code")}
    return {
        "account_id": last["account_id"],
        "stream_id": stream.id,
        "category": None,
        "category_id": None,
        "description": last["name"],
        "merchant_name": last["merchant_name"],
        "first_date": first["date"],
        "last_date": last["date"],
        "predicted_next_date": stream.expected_date if stream.is_active else None,
        "frequency": stream.cadence.name,
        "transaction_ids": [row["transaction_id"] for row in stream.rows],
        "average_amount": {"amount": stream.average, **currency},
        "last_amount": {"amount": Decimal(last["amount"]), **currency},
        "is_active": stream.is_active,
        "status": stream.status,
        "personal_finance_category": categories.finance_category(last["category"], last["confidence"], version),
        "is_user_modified": False,
    }


def institution(bank: Institution, options: JsonObject) -> JsonObject:
    """Build an Institution object. URL, color and logo are included only with ``include_optional_metadata``."""
    fields: JsonObject = {
        "institution_id": bank.id,
        "name": bank.name,
        "products": list(bank.products),
        "country_codes": [bank.country],
        "routing_numbers": list(bank.routing_numbers),
        "dtc_numbers": [],
        "oauth": bank.oauth,
        "connection_availability": "SUPPORTED" if not bank.trouble else "UNSUPPORTED",
    }
    if options.get("include_optional_metadata"):
        fields |= {"url": bank.url, "primary_color": bank.color, "logo": bank.logo}
    return fields


def institution_status(context: AppContext, bank: Institution) -> JsonObject:
    """Build the status of an institution."""
    health = outages.health_of(context, bank)
    share = {"HEALTHY": "0.99", "DEGRADED": "0.6", "DOWN": "0.02"}[health]
    success = Decimal(share)
    part: JsonObject = {
        "status": health,
        "last_status_change": context.clock.now().replace(microsecond=0, hour=0, minute=0, second=0).isoformat(),
        "breakdown": {"success": success, "error_plaid": Decimal("0"), "error_institution": 1 - success},
    }
    updates = {**part, "breakdown": {**part["breakdown"], "refresh_interval": "NORMAL"}}
    return {"item_logins": part, "transactions_updates": updates}


def link_token_metadata(link_token: LinkToken) -> JsonObject:
    """Build the metadata of a link token."""
    request = link_token.request
    return {
        "initial_products": request.get("products") or [],
        "webhook": request.get("webhook"),
        "country_codes": request["country_codes"],
        "language": request["language"],
        "redirect_uri": request.get("redirect_uri"),
        "client_name": request["client_name"],
    }


def link_session(session: JsonObject) -> JsonObject:
    """Build a LinkSession object, with its result if it has one."""
    outcome = session["outcome"]
    fields: JsonObject = {
        "link_session_id": session["id"],
        "started_at": session["started_at"],
        "finished_at": session["finished_at"],
    }
    if "public_token" in outcome:
        success = {"public_token": outcome["public_token"], "metadata": outcome["metadata"]}
        added = {**success["metadata"], "public_token": success["public_token"]}
        names = ("public_token", "accounts", "institution")
        fields["on_success"] = success
        fields["results"] = {
            "item_add_results": [{name: added[name] for name in names}],
            **{name: [] for name in RESULTS},
            "document_income_results": None,
        }
    if "exit" in outcome:
        fields["exit"] = outcome["exit"]
    return fields


def _counterparties(row: Row) -> list[JsonObject]:
    merchant = row["merchant_name"]
    if not merchant:
        return []
    return [
        {
            "name": merchant,
            "entity_id": categories.entity_id(merchant),
            "type": "income_source" if row["category"].startswith("INCOME_") else "merchant",
            "website": categories.website(merchant),
            "logo_url": categories.logo_url(merchant),
            "phone_number": None,
            "confidence_level": row["confidence"],
        }
    ]
