"""Responses from Plaid's documentation, for the tests that parse them."""

from decimal import Decimal

import simplejson

# From https://plaid.com/docs/api/products/transactions/#transactionssync, shortened.
PLAIDS_TRANSACTION = {
    "account_id": "BxBXxLj1m4HMXBm9WZZmCWVbPjX16EHwv99vp",
    "amount": Decimal("72.10"),
    "iso_currency_code": "USD",
    "unofficial_currency_code": None,
    "category": None,
    "counterparties": [{"name": "Walmart", "type": "merchant"}],
    "date": "2023-09-24",
    "datetime": "2023-09-24T11:01:01Z",
    "authorized_date": "2023-09-22",
    "name": "PURCHASE WM SUPERCENTER #1700",
    "merchant_name": "Walmart",
    "payment_channel": "in store",
    "pending": False,
    "pending_transaction_id": "no86Eox18VHMvaOVL7gPUM9ap3aR1LsAVZ5nc",
    "personal_finance_category": {
        "primary": "GENERAL_MERCHANDISE",
        "detailed": "GENERAL_MERCHANDISE_SUPERSTORES",
        "confidence_level": "VERY_HIGH",
        "version": "v2",
    },
    "transaction_id": "lPNjeW1nR6CDn5okmGQ6hEpMo4lLNoSrzqDje",
    "transaction_code": None,
}
BARE_TRANSACTION = {
    "transaction_id": "t1",
    "account_id": "a1",
    "amount": 5,
    "iso_currency_code": "USD",
    "date": "2026-01-31",
    "pending": True,
}
PLAIDS_ACCOUNT = {
    "account_id": "BxBXxLj1m4HMXBm9WZZmCWVbPjX16EHwv99vp",
    "balances": {
        "available": 100,
        "current": Decimal("110.94"),
        "limit": None,
        "iso_currency_code": "USD",
        "unofficial_currency_code": None,
    },
    "holder_category": "personal",
    "mask": "0000",
    "name": "Plaid Checking",
    "official_name": "Plaid Gold Standard 0% Interest Checking",
    "persistent_account_id": "8cfb8beb89b774ee43b090625f0d61d0814322b43bff984eaf60386e",
    "subtype": "checking",
    "type": "depository",
}


def encode_json(value):
    """Encode a value as Plaid does: numbers digit by digit, and halves of surrogate pairs as escapes."""
    return simplejson.dumps(value, use_decimal=True).encode()


def without(row, key):
    return {name: value for name, value in row.items() if name != key}


SYNC_PAGE = {
    "added": [],
    "modified": [],
    "removed": [],
    "accounts": [],
    "next_cursor": "c1",
    "has_more": False,
    "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
    "request_id": "Wvhy9PZHQLV8njG",
}


def encode_page(**changes):
    """Write a page of transactions as Plaid sends it, with some fields changed."""
    return encode_json(SYNC_PAGE | changes)
