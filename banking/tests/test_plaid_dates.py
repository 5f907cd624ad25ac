"""Dates and times that banks send where they know none, such as 0001-01-01: they are left empty.

A row without a posting date is set aside: where it counts is unknown, and no account's history begins with it.
"""

from datetime import UTC, date, datetime

import pytest

from banking.plaid import responses, webhooks
from banking.tests.plaid_samples import BARE_TRANSACTION, encode_json, encode_page


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-01-29", date(2026, 1, 29)),
        ("2025-06-01", date(2025, 6, 1)),
        ("0001-01-01", None),
        ("1970-01-01", None),
        ("9999-12-31", None),
    ],
)
def test_it_takes_no_day_far_from_the_posting_date_for_that_of_the_authorization(
    sent: str, expected: date | None
) -> None:
    page = responses.parse_sync(encode_page(added=[BARE_TRANSACTION | {"authorized_date": sent}]))
    assert [(row.date, row.authorized_date) for row in page.added] == [(date(2026, 1, 31), expected)]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2027-01-31T10:00:00Z", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        # PostgreSQL stores these, and Python cannot read them again.
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
def test_it_leaves_out_times_that_cannot_be_read_from_the_database(sent: str, expected: datetime | None) -> None:
    item = {"item_id": "item-1", "consent_expiration_time": sent}
    status = {"transactions": {"last_successful_update": sent}}
    details = responses.parse_item(encode_json({"item": item, "status": status}))
    assert (details.consent_expires_at, details.data_as_of) == (expected, expected)
    message = {"webhook_type": "ITEM", "webhook_code": "PENDING_EXPIRATION", "consent_expiration_time": sent}
    assert ("expires_at" in webhooks.summarize(message)) == (expected is not None)


@pytest.mark.parametrize("sent", ["0001-01-01", "1900-01-01", "1970-01-01"])
def test_it_sets_a_row_aside_whose_posting_date_is_none(sent: str) -> None:
    rows = [BARE_TRANSACTION, BARE_TRANSACTION | {"transaction_id": "odd", "date": sent}]
    page = responses.parse_sync(encode_page(added=rows))
    assert [row.provider_id for row in page.added] == [BARE_TRANSACTION["transaction_id"]]
    assert [(row.kind, row.field, row.provider_id) for row in page.skipped] == [("transaction", "date", "odd")]
