"""A link whose exchange response was lost: the exchange is repeated, and a lost Item is logged for operators."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Notification, User
from banking import tasks
from banking.linking import exchange, recovery, sessions
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.link_messages import message_for
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item, LinkSession
from banking.provider import Credential, PublicTokenRefused, Unavailable
from banking.providers import provider_for
from banking.sync import sync_queue
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, link_result
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "public-sandbox-1"
EMPTY_METADATA = LinkMetadata("", "", frozenset())
CREDENTIAL = Credential("access-sandbox-secret", "item-1", "req-exchange")
TOKEN_USED = PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-9")


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """A link session of Alice's whose dialog has ended with a bank, as the provider confirms."""
    opened = open_link(user=alice)
    provider.link_results = {
        opened.token.value: [link_result(TOKEN, institution_id="ins_1", name="Platypus", accounts=[CHECKING])]
    }
    return opened.session


def finish_session(session: LinkSession, token: str = TOKEN) -> Item:
    owner = User.objects.get(pk=session.owner_id)
    return finish_link(user=owner, session_id=session.pk, public_token=token, metadata=EMPTY_METADATA)


def recover(session: LinkSession) -> Item | None:
    return recovery.recover_link(owner_id=session.owner_id, session_id=session.pk)


def reload(session: LinkSession) -> LinkSession:
    with tenant(session.owner_id):
        return LinkSession.objects.get(pk=session.pk)


def finish_error(session: LinkSession, token: str = TOKEN) -> LinkError:
    """Finish a link that fails, and return its error."""
    with pytest.raises(LinkError) as error:
        finish_session(session, token)
    return error.value


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.fixture
def pending_session(session: LinkSession, provider: ScriptedProvider) -> LinkSession:
    """The session after an exchange that timed out."""
    provider.credential = Unavailable("TIMEOUT")
    assert finish_error(session).reason == "pending"
    return reload(session)


# --- The owner of a token ---------------------------------------------------------------------------------


def test_it_stores_the_banks_name_from_the_provider(session: LinkSession) -> None:
    assert finish_session(session).institution_name == "Platypus"
    assert (reload(session).state, reload(session).link_token) == (LinkSession.State.LINKED, None)


def test_it_rejects_a_token_of_another_session(session: LinkSession, alice: User, provider: ScriptedProvider) -> None:
    other_link = open_link(user=alice)
    provider.link_results[other_link.token.value] = [link_result("public-sandbox-2")]
    with pytest.raises(LinkError, match="foreign"):
        finish_session(other_link.session, token=TOKEN)
    assert provider.exchanged_tokens == []
    assert reload(other_link.session).error_code == "FOREIGN_PUBLIC_TOKEN"
    assert finish_session(session).provider_item_id == "item-1"
    provider.credential = Credential("access-sandbox-other", "item-2", "req")
    assert finish_session(other_link.session, token="public-sandbox-2").provider_item_id == "item-2"


def test_it_rejects_a_token_if_the_dialog_was_not_completed(
    session: LinkSession, mallory: User, provider: ScriptedProvider
) -> None:
    """A stolen token of Alice's, posted to a new session of Mallory's."""
    mallorys_session = open_link(user=mallory).session
    assert finish_error(mallorys_session).reason == "unconfirmed"
    for _ in range(recovery.MAX_ATTEMPTS):
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            recover(mallorys_session)
    assert provider.exchanged_tokens == []
    assert reload(mallorys_session).state in (LinkSession.State.PENDING, LinkSession.State.FAILED)


# --- A lost response --------------------------------------------------------------------------------------


def test_it_tells_the_user_that_it_tries_again(pending_session: LinkSession) -> None:
    assert pending_session.state == LinkSession.State.PENDING
    assert pending_session.exchange_sent_at is not None
    assert "We check again" in message_for(LinkError("pending"), provider=provider_for("plaid"))


def test_it_recovers_an_item_whose_exchange_did_not_arrive(
    pending_session: LinkSession, provider: ScriptedProvider, clock: Any
) -> None:
    provider.credential = CREDENTIAL
    assert sync_queue.due_link_recoveries(limit=10) == []
    assert recover(pending_session) is None
    with tenant(pending_session.owner_id):
        LinkSession.objects.update(next_recovery_at=timezone.now() - timedelta(minutes=1))
    assert sync_queue.due_link_recoveries(limit=10) == [(pending_session.owner_id, pending_session.pk)]
    item = recover(pending_session)
    assert item is not None
    assert (item.institution_name, reload(pending_session).state) == ("Platypus", LinkSession.State.LINKED)
    assert sync_queue.due_link_recoveries(limit=10) == []


def test_it_logs_a_lost_item_and_tells_the_user(
    pending_session: LinkSession, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.credential = TOKEN_USED
    error = finish_error(pending_session)
    assert error.reason == "lost"
    assert "can't use it" in message_for(error, provider=provider_for("plaid"))
    lost_session = reload(pending_session)
    assert (lost_session.state, lost_session.error_code, lost_session.request_id) == (
        LinkSession.State.LOST,
        "EXCHANGE_LOST",
        "req-9",
    )
    messages = [line.getMessage() for line in caplog.records if line.levelno == logging.CRITICAL]
    assert [line.split()[:3] for line in messages] == [["LINK_EXCHANGE_LOST", "session", str(pending_session.pk) + ","]]
    assert TOKEN not in caplog.text


def test_it_notifies_the_user_if_the_scheduled_job_finds_it_lost(
    pending_session: LinkSession, provider: ScriptedProvider, clock: Any
) -> None:
    provider.credential = TOKEN_USED
    clock.shift(timedelta(minutes=1))
    assert recover(pending_session) is None
    with tenant(pending_session.owner_id):
        assert Notification.objects.get().title == "A bank wasn't connected"
    assert reload(pending_session).state == LinkSession.State.LOST


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_notifies_a_user_whose_data_key_is_unreadable(
    session: LinkSession, damage_keys: Callable[[UUID], None], caplog: pytest.LogCaptureFixture
) -> None:
    with tenant(session.owner_id):
        LinkSession.objects.update(
            state=LinkSession.State.PENDING, recovery_attempts=recovery.MAX_ATTEMPTS - 1, next_recovery_at=None
        )
    damage_keys(session.owner_id)
    for _ in range(2):
        tasks.recover_link(str(session.owner_id), str(session.pk))
    assert reload(session).state == LinkSession.State.FAILED
    alert = f"SEALED_VALUE_UNREADABLE accounts.notification.values row new owner {session.owner_id}"
    assert caplog.text.count(alert) == 1
    with tenant(session.owner_id):
        [notification] = Notification.objects.all()
    assert (notification.values, notification.text) == (None, "Cannot be read")


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_records_a_lost_item_of_a_user_whose_data_key_is_unreadable(
    session: LinkSession, damage_keys: Callable[[UUID], None]
) -> None:
    damage_keys(session.owner_id)
    user = User.objects.get(pk=session.owner_id)
    exchange.record_lost_item(user=user, session=reload(session), request_id="request-1")
    lost = reload(session)
    assert (lost.state, lost.request_id) == (LinkSession.State.LOST, "request-1")
    with tenant(user.pk):
        event = AuditEvent.objects.get(action=Action.TOKEN_EXCHANGE)
    assert (event.outcome, bytes(event.payload)) == ("failed", b"")


def test_it_tries_less_and_less_often_and_then_gives_up(
    clock: Any, pending_session: LinkSession, provider: ScriptedProvider
) -> None:
    waits = []
    while reload(pending_session).state == LinkSession.State.PENDING:
        waits.append(reload(pending_session).next_recovery_at - timezone.now())
        clock.shift(waits[-1])
        recover(pending_session)
    assert waits == [timedelta(seconds=30 * 2**number) for number in range(recovery.MAX_ATTEMPTS)]
    assert reload(pending_session).state == LinkSession.State.LOST


def test_it_completes_a_session_of_a_killed_process(
    session: LinkSession, provider: ScriptedProvider, clock: Any
) -> None:
    exchange.claim_session(
        user=User.objects.get(pk=session.owner_id),
        session_id=session.pk,
        public_token=TOKEN,
        metadata=EMPTY_METADATA,
    )
    assert recover(session) is None
    clock.shift(sessions.CLAIM_TIMEOUT)
    item = recover(session)
    assert item is not None
    assert reload(session).item_id == item.pk


def test_it_does_not_recover_a_session_of_another_environment(pending_session: LinkSession, settings: object) -> None:
    with tenant(pending_session.owner_id):
        LinkSession.objects.update(next_recovery_at=timezone.now() - timedelta(minutes=1))
    settings.PLAID_ENV = "sandbox"
    assert sync_queue.due_link_recoveries(limit=10) == []


def test_it_reopens_a_session_whose_request_was_not_sent(session: LinkSession, provider: ScriptedProvider) -> None:
    provider.credential = Unavailable("NOT_CONNECTED")
    with pytest.raises(Unavailable):
        finish_session(session)
    assert (reload(session).state, reload(session).exchange_sent_at) == (LinkSession.State.OPEN, None)
    provider.credential = CREDENTIAL
    assert finish_session(session).provider_item_id == "item-1"
