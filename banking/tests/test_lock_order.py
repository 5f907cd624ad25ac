"""Work that disconnects several banks waits for no Item while it has the lock of the accounts, so nothing deadlocks."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from accounts.deletion import requests
from accounts.models import User
from banking.linking import account_deletion, consent_withdrawal, disconnecting
from banking.models import Connection, Item
from banking.tests.test_sync_lease import wait_until
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


@pytest.fixture(params=["other environment", "without token"])
def items(request: pytest.FixtureRequest, alice: User, make_item: Callable[..., Item], settings: object) -> list[Item]:
    """Two banks of Alice's whose disconnect waits for the lock of the accounts, because no worker could finish it."""
    items = [make_item(alice, provider_item_id=f"item-{number}") for number in (1, 2)]
    if request.param == "other environment":
        settings.PLAID_ENV = "sandbox"
    else:
        # As after a restore from an export.
        with tenant(alice.pk):
            Item.objects.update(access_token=None)
    return items


@pytest.mark.parametrize(
    ("module", "name", "disconnect_all"),
    [
        (
            consent_withdrawal,
            "disconnect_in_transaction",
            lambda user: consent_withdrawal.withdraw_bank_data(user=user, keep_history=True),
        ),
        (account_deletion, "disconnect_by_system", lambda user: requests.request_deletion(user=user)),
    ],
    ids=["withdrawal", "deletion"],
)
def test_all_banks_can_be_disconnected_while_one_of_them_is(
    alice: User,
    items: list[Item],
    monkeypatch: pytest.MonkeyPatch,
    as_operator: Callable[..., list[tuple[object, ...]]],
    module: object,
    name: str,
    disconnect_all: Callable[[User], object],
) -> None:
    """While the first bank is disconnected, a request for the second one comes, and waits."""
    failures: list[Exception] = []
    disconnect_one, done = getattr(module, name), []

    def disconnect_other(item_id: object) -> None:
        try:
            disconnecting.disconnect_bank(user=alice, item_id=item_id, keep_history=True)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    def start_other_after_first(**arguments: object) -> object:
        result = disconnect_one(**arguments)
        done.append(arguments["item_id"])
        if len(done) == 1:
            other.start()
            wait_until(lambda: as_operator("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(0,)])
        return result

    other = threading.Thread(target=lambda: disconnect_other(next(i.pk for i in items if i.pk not in done)))
    monkeypatch.setattr(module, name, start_other_after_first)
    disconnect_all(alice)
    other.join(30)
    assert failures == []
    with tenant(alice.pk):
        assert set(Item.objects.for_user(alice).values_list("connection", flat=True)) == {Connection.REMOVED}
