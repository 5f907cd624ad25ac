from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from banking.linking import update_mode
from banking.linking.disconnecting import disconnect_bank
from banking.linking.errors import LinkError
from banking.linking.sessions import open_link
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Connection, Item, ItemProduct, LinkSession
from banking.provider import ConsentRequired, InstitutionDown, ItemNotFound, LoginRequired, ProviderError
from banking.tests.factories import make_account, make_transaction, update_item
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def item_to_reconnect(alice: User, item: Item, provider: ScriptedProvider) -> Item:
    """Alice's Item in ITEM_LOGIN_REQUIRED."""
    provider.set_item_error("ITEM_LOGIN_REQUIRED")
    return update_item(
        item, connection=Connection.LOGIN_REQUIRED, error_code="ITEM_LOGIN_REQUIRED", failures=2, cursor="c7"
    )


def test_it_reactivates_the_item_and_keeps_its_data(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    make_transaction(make_account(item_to_reconnect), "-1")
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    assert finish_update_mode(user=alice, session_id=session.pk).pk == item_to_reconnect.pk
    item = update_item(item_to_reconnect)
    assert (item.connection, item.failures, item.error_code) == (Connection.ACTIVE, 0, "")
    assert item.next_sync_at <= timezone.now()
    assert (item.cursor, item.provider_item_id) == ("c7", item_to_reconnect.provider_item_id)
    with tenant(alice.pk):
        assert item.access_token.reveal() == "access-sandbox-secret"
        assert item.accounts.get().transactions.count() == 1
        session.refresh_from_db()
    assert session.state == LinkSession.State.LINKED
    assert provider.exchanged_tokens == []


@pytest.mark.parametrize(
    ("error_code", "is_asked", "selects_accounts"),
    [
        ("ITEM_LOGIN_REQUIRED", False, False),
        ("ITEM_LOGIN_REQUIRED", True, True),
        ("ADDITIONAL_CONSENT_REQUIRED", False, False),
        ("ACCESS_NOT_GRANTED", False, True),
        ("NO_ACCOUNTS", False, True),
        ("", True, True),
    ],
)
def test_it_asks_which_accounts_to_share_if_that_resolves_the_error_or_the_user_wants_it(
    alice: User, item: Item, provider: ScriptedProvider, error_code: str, is_asked: bool, selects_accounts: bool
) -> None:
    update_item(item, error_code=error_code, new_accounts_at=timezone.now())
    session = open_update_mode(user=alice, item_id=item.pk, selects_accounts=is_asked).session
    assert (provider.account_selections, session.selects_accounts) == ([selects_accounts], selects_accounts)
    finish_update_mode(user=alice, session_id=session.pk)
    assert (update_item(item).new_accounts_at is None) is selects_accounts
    assert (item.connection, provider.exchanged_tokens) == (Connection.ACTIVE, [])


def test_it_lets_products_be_tried_again(alice: User, item: Item, provider: ScriptedProvider) -> None:
    refused = {"status": "unsupported", "error_code": "NO_LIABILITY_ACCOUNTS", "checked_at": timezone.now()}
    with tenant(alice.pk):
        row = ItemProduct.objects.create(owner=alice, item=item, product="liabilities", **refused)
    session = open_update_mode(user=alice, item_id=item.pk, selects_accounts=True).session
    finish_update_mode(user=alice, session_id=session.pk)
    with tenant(alice.pk):
        row.refresh_from_db()
    assert (row.status, row.error_code) == ("pending", "")


@pytest.mark.parametrize(
    ("columns", "is_asked"),
    [
        ({"status": "not_consented", "error_code": "ADDITIONAL_CONSENT_REQUIRED", "checked_at": timezone.now()}, True),
        ({"status": "pending"}, True),
        ({"status": "pending", "checked_at": timezone.now()}, False),
        ({"status": "unsupported"}, False),
        ({"status": "ready", "checked_at": timezone.now()}, False),
    ],
)
def test_it_asks_for_the_consent_to_liabilities_if_none_was_read(
    alice: User, item: Item, provider: ScriptedProvider, columns: dict[str, object], is_asked: bool
) -> None:
    with tenant(alice.pk):
        ItemProduct.objects.create(owner=alice, item=item, product="liabilities", **columns)
        ItemProduct.objects.create(owner=alice, item=item, product="recurring", status="not_consented")
    open_update_mode(user=alice, item_id=item.pk)
    assert provider.requested_consents == [["liabilities"] if is_asked else []]


def test_it_requires_confirmation_by_the_provider(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    with pytest.raises(LoginRequired):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.LOGIN_REQUIRED


@pytest.mark.parametrize(
    ("error", "is_repaired"),
    [
        (InstitutionDown("INSTITUTION_DOWN"), True),
        (ConsentRequired("ACCESS_NOT_GRANTED"), False),
        (ItemNotFound("ITEM_NOT_FOUND"), False),
    ],
)
def test_it_asks_for_no_other_sign_in_while_the_bank_is_down(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider, error: ProviderError, is_repaired: bool
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.item_details = replace(provider.item_details, error_code=error.code, error=error)
    with nullcontext() if is_repaired else pytest.raises(type(error)):
        finish_update_mode(user=alice, session_id=session.pk)
    assert (update_item(item_to_reconnect).connection == Connection.ACTIVE) is is_repaired


def test_it_changes_nothing_if_the_provider_is_down(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(token: str) -> None:
        raise InstitutionDown("INSTITUTION_DOWN")

    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    monkeypatch.setattr(provider, "get_item", fail)
    with pytest.raises(InstitutionDown):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.LOGIN_REQUIRED


def test_it_ignores_a_session_for_a_new_bank(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    assert finish_update_mode(user=alice, session_id=session.pk) is None


def test_it_rejects_an_expired_session(alice: User, item_to_reconnect: Item, provider: ScriptedProvider) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    provider.set_item_error("")
    with pytest.raises(LinkError, match="expired"):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.LOGIN_REQUIRED


def test_it_does_not_reactivate_a_disconnected_bank(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    disconnect_bank(user=alice, item_id=item_to_reconnect.pk, keep_history=True)
    provider.set_item_error("")
    with pytest.raises(LinkError, match="used"):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.REMOVING


def test_it_does_not_reactivate_a_bank_that_was_disconnected_during_the_call(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disconnect_meanwhile(token: str) -> object:
        disconnect_bank(user=alice, item_id=item_to_reconnect.pk, keep_history=True)
        return provider.item_details

    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    monkeypatch.setattr(provider, "get_item", disconnect_meanwhile)
    with pytest.raises(LinkError, match="used"):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.REMOVING


def test_it_returns_the_same_item_for_a_repeated_request(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    first = finish_update_mode(user=alice, session_id=session.pk)
    assert finish_update_mode(user=alice, session_id=session.pk).pk == first.pk


def test_it_raises_for_another_users_item(
    alice: User, mallory: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    with pytest.raises(Item.DoesNotExist):
        update_mode.get_item_to_reconnect(user=mallory, item_id=item_to_reconnect.pk)
    with pytest.raises(Item.DoesNotExist):
        open_update_mode(user=mallory, item_id=item_to_reconnect.pk)
    with pytest.raises(LinkSession.DoesNotExist):
        finish_update_mode(user=mallory, session_id=session.pk)


def test_it_records_both_uses_and_the_renewal_of_the_credential(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    finish_update_mode(user=alice, session_id=session.pk)
    with tenant(alice.pk):
        actions = AuditEvent.objects.filter(subject=alice.pk, resource_id=str(item_to_reconnect.pk)).values_list(
            "action", flat=True
        )
        assert list(actions) == ["token_refresh", "credential_access", "credential_access"]
