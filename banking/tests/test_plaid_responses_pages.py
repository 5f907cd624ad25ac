"""Pages of transactions: their order, their cursor, and their required fields."""

import pytest

from banking.plaid import responses
from banking.provider import MalformedResponse, Readiness
from banking.tests.plaid_samples import BARE_TRANSACTION, PLAIDS_ACCOUNT, SYNC_PAGE, encode_json, encode_page, without


def test_it_keeps_the_order_of_a_page():
    content = encode_page(
        added=[BARE_TRANSACTION | {"transaction_id": name} for name in "abc"],
        modified=[BARE_TRANSACTION | {"transaction_id": name} for name in "de"],
        removed=[{"transaction_id": "z", "account_id": "a1"}, {"transaction_id": "y"}],
        accounts=[PLAIDS_ACCOUNT],
        has_more=True,
    )
    page = responses.parse_sync(content)
    assert [row.provider_id for row in page.added] == ["a", "b", "c"]
    assert [row.provider_id for row in page.modified] == ["d", "e"]
    assert page.removed == ["z", "y"]
    assert [row.provider_id for row in page.accounts] == [PLAIDS_ACCOUNT["account_id"]]
    assert (page.next_cursor, page.has_more, page.request_id) == ("c1", True, "Wvhy9PZHQLV8njG")


@pytest.mark.parametrize(
    ("status", "readiness"),
    [
        ("NOT_READY", Readiness.NOT_READY),
        ("INITIAL_UPDATE_COMPLETE", Readiness.INITIAL),
        ("HISTORICAL_UPDATE_COMPLETE", Readiness.HISTORICAL),
        ("TRANSACTIONS_UPDATE_STATUS_UNKNOWN", Readiness.NOT_READY),
        ("A_STATUS_OF_TOMORROW", Readiness.NOT_READY),
        (None, Readiness.NOT_READY),
    ],
)
def test_it_treats_unknown_statuses_as_not_ready(status, readiness):
    assert responses.parse_sync(encode_page(transactions_update_status=status)).readiness == readiness


def test_it_accepts_a_page_of_an_item_that_is_not_ready():
    page = responses.parse_sync(encode_page(next_cursor="", transactions_update_status="NOT_READY"))
    assert (page.added, page.next_cursor, page.has_more) == ([], "", False)


def test_it_rejects_an_empty_cursor_with_more_pages():
    with pytest.raises(MalformedResponse, match="next_cursor"):
        responses.parse_sync(encode_page(next_cursor="", has_more=True))


@pytest.mark.parametrize("key", ["added", "modified", "removed", "accounts", "has_more"])
def test_it_rejects_a_page_without_a_required_field(key):
    with pytest.raises(MalformedResponse, match=key):
        responses.parse_sync(encode_json(without(SYNC_PAGE, key)))


@pytest.mark.parametrize(
    "changes",
    [
        {"added": {}},
        {"modified": "t1"},
        {"removed": 7},
        {"accounts": {"account_id": "a1"}},
        {"has_more": "yes"},
        {"next_cursor": 5},
        {"next_cursor": None},
    ],
)
def test_it_rejects_a_page_with_fields_of_wrong_types(changes):
    with pytest.raises(MalformedResponse):
        responses.parse_sync(encode_page(**changes))


def test_it_rejects_an_empty_object():
    for parse in (
        responses.parse_sync,
        responses.parse_accounts,
        responses.parse_item,
        responses.parse_institution,
    ):
        with pytest.raises(MalformedResponse):
            parse(b"{}")
