"""Pages of transactions: their order, their cursor, and their required fields."""

import pytest

from banking.plaid import responses
from banking.provider import MalformedResponse, Readiness, SkippedRow
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
        (None, Readiness.NOT_READY),
    ],
)
def test_it_reads_how_much_of_the_history_is_ready(status, readiness):
    page = responses.parse_sync(encode_page(transactions_update_status=status))
    assert (page.readiness, page.skipped) == (readiness, [])


@pytest.mark.parametrize("status", ["A_STATUS_OF_TOMORROW", "", 7, ["NOT_READY"]])
def test_it_reports_a_status_that_plaid_does_not_document(status):
    page = responses.parse_sync(encode_page(transactions_update_status=status))
    assert page.readiness == Readiness.NOT_READY
    assert page.skipped == [SkippedRow("page", "transactions_update_status")]


def test_it_accepts_a_page_of_an_item_that_is_not_ready():
    page = responses.parse_sync(encode_page(next_cursor="", transactions_update_status="NOT_READY"))
    assert (page.added, page.next_cursor, page.has_more) == ([], "", False)


def test_it_rejects_an_empty_cursor_with_more_pages():
    with pytest.raises(MalformedResponse, match="next_cursor"):
        responses.parse_sync(encode_page(next_cursor="", has_more=True))


@pytest.mark.parametrize("key", ["next_cursor", "has_more"])
def test_it_rejects_a_page_without_a_required_field(key):
    with pytest.raises(MalformedResponse, match=key):
        responses.parse_sync(encode_json(without(SYNC_PAGE, key)))


@pytest.mark.parametrize("key", ["added", "modified", "removed", "accounts"])
def test_it_reports_a_list_that_was_not_sent_as_empty(key):
    for content in (encode_page(**{key: None}), encode_json(without(SYNC_PAGE, key))):
        page = responses.parse_sync(content)
        assert getattr(page, key) == []
        assert page.skipped == [SkippedRow("page", key)]


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
        responses.parse_item,
        responses.parse_institution,
    ):
        with pytest.raises(MalformedResponse):
            parse(b"{}")


def test_it_takes_no_long_text_for_a_code() -> None:
    """A total of a category has an index, which holds no long text."""
    sent = BARE_TRANSACTION | {"personal_finance_category": {"primary": "X" * 101, "detailed": "Y" * 100}}
    (row,) = responses.parse_sync(encode_page(added=[sent | {"payment_channel": "Z" * 101}])).added
    assert (row.category, row.category_detail, row.payment_channel) == ("", "Y" * 100, "")
