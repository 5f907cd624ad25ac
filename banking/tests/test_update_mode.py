from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from banking.linking import update_mode
from banking.linking.disconnecting import disconnect_bank
from banking.linking.errors import LinkError
from banking.linking.sessions import open_link
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Connection, Item, LinkSession
from banking.provider import InstitutionDown, LoginRequired
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


def test_it_puts_a_repaired_item_back_to_work_and_keeps_everything_else(
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


def test_it_takes_nobodys_word_but_the_providers(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    with pytest.raises(LoginRequired):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.LOGIN_REQUIRED


def test_it_writes_nothing_when_the_provider_does_not_answer(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(token: str) -> None:
        raise InstitutionDown("INSTITUTION_DOWN")

    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    monkeypatch.setattr(provider, "get_item", down)
    with pytest.raises(InstitutionDown):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.LOGIN_REQUIRED


def test_it_leaves_a_session_for_a_new_bank_to_linking(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    assert finish_update_mode(user=alice, session_id=session.pk) is None


def test_it_refuses_a_session_that_is_too_old(alice: User, item_to_reconnect: Item, provider: ScriptedProvider) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    provider.set_item_error("")
    with pytest.raises(LinkError, match="expired"):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.LOGIN_REQUIRED


def test_it_brings_no_disconnected_bank_back(alice: User, item_to_reconnect: Item, provider: ScriptedProvider) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    disconnect_bank(user=alice, item_id=item_to_reconnect.pk, keep_history=True)
    provider.set_item_error("")
    with pytest.raises(LinkError, match="used"):
        finish_update_mode(user=alice, session_id=session.pk)
    assert update_item(item_to_reconnect).connection == Connection.REMOVING


def test_it_brings_no_bank_back_that_was_disconnected_while_the_provider_was_asked(
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


def test_it_gives_the_same_answer_when_the_browser_posts_twice(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    first = finish_update_mode(user=alice, session_id=session.pk)
    assert finish_update_mode(user=alice, session_id=session.pk).pk == first.pk


def test_it_knows_nothing_of_another_person(
    alice: User, mallory: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    with pytest.raises(Item.DoesNotExist):
        update_mode.get_item_to_reconnect(user=mallory, item_id=item_to_reconnect.pk)
    with pytest.raises(Item.DoesNotExist):
        open_update_mode(user=mallory, item_id=item_to_reconnect.pk)
    with pytest.raises(LinkSession.DoesNotExist):
        finish_update_mode(user=mallory, session_id=session.pk)


def test_it_writes_down_that_the_credential_was_used_and_renewed(
    alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    finish_update_mode(user=alice, session_id=session.pk)
    with tenant(alice.pk):
        told = AuditEvent.objects.filter(subject=alice.pk, resource_id=str(item_to_reconnect.pk)).values_list(
            "action", flat=True
        )
        assert list(told) == ["token_refresh", "credential_access"]
