"""The properties of Items and accounts, without a database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
import time_machine

from banking.models import VISIBLE_CONNECTIONS, Account, Connection, Item, Transaction
from banking.provider import Readiness

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SYNCED = {"readiness": Readiness.HISTORICAL, "checked_at": NOW}


def build_item(**fields: object) -> Item:
    """Build an Item of the site's current environment."""
    return Item(environment="embedded", **fields)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "loading"),
        ({"readiness": Readiness.INITIAL, "checked_at": NOW}, "loading"),
        (SYNCED, "fresh"),
        (SYNCED | {"checked_at": NOW - DAY + timedelta(microseconds=1)}, "fresh"),
        (SYNCED | {"checked_at": NOW - DAY}, "stale"),
        ({"readiness": Readiness.HISTORICAL}, "stale"),
        (SYNCED | {"failures": 1}, "error"),
        ({"failures": 1}, "error"),
        (SYNCED | {"failures": 1, "checked_at": NOW - DAY}, "error"),
        (SYNCED | {"connection": Connection.LOGIN_REQUIRED}, "reauth"),
        (SYNCED | {"connection": Connection.LOGIN_REQUIRED, "failures": 3}, "reauth"),
        ({"connection": Connection.NEEDS_CONSENT}, "reauth"),
        (SYNCED | {"connection": Connection.NEEDS_REPAIR, "failures": 1}, "repair"),
        (SYNCED | {"connection": Connection.REVOKED, "failures": 1}, "disconnected"),
        ({"connection": Connection.UNSUPPORTED}, "disconnected"),
        (SYNCED | {"connection": Connection.REMOVING}, "disconnected"),
        (SYNCED | {"connection": Connection.REMOVED}, "disconnected"),
    ],
)
def test_it_returns_the_state_of_a_connection(fields: dict[str, object], state: str) -> None:
    assert build_item(**fields).state == state


def test_it_has_a_state_for_every_combination_of_fields() -> None:
    states = {
        build_item(connection=connection, readiness=readiness, failures=failures, checked_at=checked).state
        for connection, readiness, failures, checked in product(Connection, Readiness, (0, 1), (None, NOW, NOW - DAY))
    }
    assert states == {"loading", "fresh", "stale", "error", "reauth", "repair", "disconnected"}


@pytest.mark.parametrize("connection", VISIBLE_CONNECTIONS)
def test_it_recognizes_a_connection_of_another_environment(connection: Connection) -> None:
    item = Item(environment="sandbox", connection=connection)
    assert (item.state, item.can_sync_now, item.can_refresh(at=NOW, cooldown=MINUTE)) == ("elsewhere", False, False)


def test_it_is_syncing_until_the_lease_expires() -> None:
    assert not Item().is_syncing
    assert Item(leased_until=NOW + MINUTE).is_syncing
    assert not Item(leased_until=NOW).is_syncing


@pytest.mark.parametrize(
    ("fields", "is_pending"),
    [
        ({}, False),
        ({"sync_requested_at": NOW}, True),
        ({"sync_requested_at": NOW, "checked_at": NOW - MINUTE}, True),
        ({"sync_requested_at": NOW - MINUTE, "checked_at": NOW}, False),
        ({"sync_requested_at": NOW - 5 * MINUTE}, True),
        ({"sync_requested_at": NOW - 6 * MINUTE}, False),
    ],
)
def test_it_waits_five_minutes_for_a_requested_sync(fields: dict[str, object], is_pending: bool) -> None:
    assert Item(**fields).has_pending_sync_request is is_pending


@pytest.mark.parametrize(
    ("fields", "can_refresh"),
    [
        ({}, True),
        ({"refreshed_at": NOW - 5 * MINUTE}, True),
        ({"refreshed_at": NOW - 5 * MINUTE + timedelta(seconds=1)}, False),
        ({"refreshed_at": NOW + MINUTE}, False),
        *(({"connection": connection}, False) for connection in Connection if connection != Connection.ACTIVE),
    ],
)
def test_it_can_be_refreshed_after_the_cooldown(fields: dict[str, object], can_refresh: bool) -> None:
    assert build_item(**fields).can_refresh(at=NOW, cooldown=5 * MINUTE) is can_refresh


@pytest.mark.parametrize(
    ("type_", "current", "limit", "percent"),
    [
        ("credit", "410", "2000", "20.5"),
        ("credit", "0", "2000", "0"),
        ("credit", "-25.10", "2000", "0"),
        ("credit", "2500", "2000", "125"),
        ("credit", "2000", "0", None),
        ("credit", "2000", "-1", None),
        ("credit", "2000", None, None),
        ("credit", None, "2000", None),
        ("depository", "410", "2000", None),
        ("loan", "410", "2000", None),
    ],
)
def test_it_returns_the_utilization_of_a_credit_card(
    type_: str, current: str | None, limit: str | None, percent: str | None
) -> None:
    account = Account(type=type_, current=current and Decimal(current), limit=limit and Decimal(limit))
    assert account.utilization == (percent and Decimal(percent))


@pytest.mark.parametrize(
    ("type_", "bank", "card", "debt"),
    [
        ("depository", True, False, False),
        ("credit", False, True, True),
        ("loan", False, False, True),
        ("investment", False, False, False),
        ("payroll", False, False, False),
        ("", False, False, False),
    ],
)
def test_it_classifies_types_of_accounts(type_: str, bank: bool, card: bool, debt: bool) -> None:
    account = Account(type=type_)
    assert (account.is_bank, account.is_card, account.is_debt) == (bank, card, debt)


def test_it_displays_an_account_with_its_last_digits() -> None:
    assert str(Account(name="Checking", mask="0000")) == "Checking ••0000"
    assert str(Account(name="Checking")) == "Checking"


def test_it_prefers_the_users_category() -> None:
    assert Transaction(category="TRAVEL").effective_category == "TRAVEL"
    assert Transaction(category="TRAVEL", user_category="MEDICAL").effective_category == "MEDICAL"
    assert Transaction().effective_category == ""


def test_it_has_a_label_for_every_transaction() -> None:
    assert Transaction(name="AMZN MKTP 12", merchant_name="Amazon").label == "Amazon"
    assert Transaction(name="AMZN MKTP 12").label == "AMZN MKTP 12"
    assert Transaction().label == "Unknown"


@pytest.mark.parametrize("code", ["ITEM_LOGIN_REQUIRED", "ITEM_LOCKED", "PASSWORD_RESET_REQUIRED"])
def test_it_describes_why_a_sign_in_is_needed(code: str) -> None:
    message = Item(connection=Connection.LOGIN_REQUIRED, error_code=code).access_message
    assert message.endswith(".")
    assert code not in message


def test_it_describes_no_unknown_cause() -> None:
    assert Item(error_code="SOMETHING_NEW").access_message == ""
